"""Paints a table that was set: rules, shades and letters, what stands beside it, and the wear of scans."""

from __future__ import annotations

import math
import random

import numpy as np
from PIL import Image, ImageDraw

from training import degrade
from training.layout import Face
from training.tables.layout import HELD_OUT_RULES, RULES, Cell, Setting


class Painter:
    """One table on its canvas. `left` and `top` are where the setting's origin lies."""

    def __init__(self, r: random.Random, setting: Setting, held_out: bool, margin: float):
        self.r, self.setting = r, setting
        em = setting.em
        self.left, self.top = r.uniform(0.0, margin) * em, r.uniform(0.0, margin) * em
        width = setting.width + self.left + r.uniform(0.0, margin) * em
        height = setting.height + self.top + r.uniform(0.0, margin) * em
        self.size = (max(16, math.ceil(width)), max(16, math.ceil(height)))
        self.rules = r.choice(HELD_OUT_RULES) if held_out and r.random() < 0.3 else r.choice(RULES)
        clean = r.random() < 0.6
        self.paper = 255 if clean else r.randint(190, 255)
        self.ink = r.choice((0, 0, r.randint(0, 70))) if clean else r.randint(0, 110)
        self.grey = self.ink if r.random() < 0.65 else (self.ink + 2 * self.paper) // 3
        self.weight = max(1, round(em * r.choice((0.04, 0.06, 0.09, 0.13))))
        self.image = Image.new("L", self.size, self.paper)
        self.canvas = ImageDraw.Draw(self.image)
        self.inverse: set[int] = set()  # rows that are written white on dark

    def draw(self) -> None:
        """Shades, rules, letters."""
        self._shades()
        self._rule()
        for cell in self.setting.grid.cells:
            face, fill = self.setting.faces.face(cell), self.paper if cell.row in self.inverse else self.ink
            for x, y, text in cell.placed:
                self._write(x + self.left, y + self.top, text, face, fill)
                if cell.column == 0 and self.leaders and len(cell.placed) == 1 and cell.row >= self.setting.grid.head:
                    self._lead(x + width_of(face, text), y, face)
        if self.r.random() < 0.1:
            self._neighbour()

    def _write(self, x: float, y: float, text: str, face: Face, fill: int) -> None:
        self.canvas.text((x, y), text, font=face.draw, fill=fill, anchor="ls")

    def _lead(self, x: float, y: float, face: Face) -> None:
        """Dots from a label to the next column."""
        end, step = self.setting.edges[1] - self.setting.gap / 2, face.advance(".") * 1.5
        x += step
        while step > 0 and x + step < end:
            self._write(x + self.left, y + self.top, ".", face, self.ink)
            x += step

    def _neighbour(self) -> None:
        """A line of text above or below, cut by the picture's edge."""
        s, r = self.setting, self.r
        face = s.faces.face(Cell(0, 0))
        text = s.grid.writer.phrase(6, 20)
        y = r.uniform(0.0, 0.35) * s.em if r.random() < 0.5 else self.size[1] + r.uniform(0.2, 0.6) * s.em
        if self.top > 0.5 * s.em or y > s.em:
            self._write(self.left, y, text, face, self.ink)

    def _shades(self) -> None:
        s, r = self.setting, self.r
        self.leaders = r.random() < 0.03
        shade = min(self.paper, max(self.ink + 90, self.paper - r.randint(14, 60)))
        band = lambda i, fill: self.canvas.rectangle(  # noqa: E731
            (self.left, self.top + s.levels[i], self.left + s.width, self.top + s.levels[i + 1]), fill=fill)
        u = r.random()
        if u < 0.16:
            for i in range(s.grid.head):
                band(i, self.ink if u < 0.06 else shade)
                if u < 0.06:
                    self.inverse.add(i)
        if self.rules == "zebra":
            odd = r.randrange(2)
            for i in range(s.grid.head, s.grid.rows):
                if i % 2 == odd:
                    band(i, shade)
        if r.random() < 0.12:
            for i in s.grid.sections:
                band(i, shade)

    def _line(self, x0: float, y0: float, x1: float, y1: float, weight: int | None = None, dash: float = 0.0) -> None:
        weight = weight or self.weight
        a, b = (self.left + x0, self.top + y0), (self.left + x1, self.top + y1)
        if not dash:
            self.canvas.line((*a, *b), fill=self.grey, width=weight)
            return
        length = max(abs(b[0] - a[0]), abs(b[1] - a[1]))
        for i in range(min(400, int(length / (2 * dash)))):
            t, u = 2 * i * dash / length, (2 * i + 1) * dash / length
            self.canvas.line((a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[0] + (b[0] - a[0]) * u, a[1] + (b[1] - a[1]) * u), fill=self.grey, width=weight)

    def _rule(self) -> None:
        s, r, kind = self.setting, self.r, self.rules
        head, n = s.grid.head, s.grid.rows
        owner = {}
        for c in s.grid.cells:
            if c.rows > 1 or c.columns > 1:
                owner.update({(c.row + i, c.column + k): id(c) for i in range(c.rows) for k in range(c.columns)})
        thick = self.weight * r.choice((1, 2, 2, 3))
        dash = {"dotted": max(1.0, 0.12 * s.em), "dashed": 0.4 * s.em}.get(kind, 0.0)
        across = lambda i, weight=None, d=dash: self._across(i, owner, weight, d)  # noqa: E731
        if kind in ("booktabs", "head", "double", "zebra", "columns"):
            across(head, self.weight, 0.0)
            if kind != "head":
                across(0, thick)
                across(n, thick)
            if kind == "double":
                for i in (0, n):
                    self._line(0, s.levels[i] + 3 * thick * (1 if i == 0 else -1), s.width, s.levels[i] + 3 * thick * (1 if i == 0 else -1))
            for i in s.grid.sections:
                if r.random() < 0.1:
                    across(i)
        if kind in ("grid", "rows", "dotted", "dashed", "inner"):
            for i in range(0 if kind != "inner" else 1, n + (kind != "inner")):
                across(i)
        if kind in ("grid", "columns", "outer") or (kind == "rows" and r.random() < 0.15):
            for k in range(s.grid.columns + 1):
                if kind != "outer" or k in (0, s.grid.columns):
                    self._down(k, owner)
        if kind == "outer":
            across(0), across(n)
        if kind not in ("none", "grid", "outer") and r.random() < 0.7:
            inset = r.choice((0.0, 0.3)) * s.gap
            for c in s.grid.cells:
                if c.row + c.rows < head and c.columns > 1:
                    y = s.levels[c.row + c.rows]
                    self._line(s.edges[c.column] + inset, y, s.edges[c.column + c.columns] - inset, y)

    def _across(self, i: int, owner: dict, weight: int | None, dash: float) -> None:
        s = self.setting
        start = None
        for k in range(s.grid.columns + 1):
            open_ = k < s.grid.columns and not (0 < i < s.grid.rows and owner.get((i, k), 1) == owner.get((i - 1, k), 2))
            if open_ and start is None:
                start = k
            if not open_ and start is not None:
                self._line(s.edges[start], s.levels[i], s.edges[k], s.levels[i], weight, dash)
                start = None

    def _down(self, k: int, owner: dict) -> None:
        s = self.setting
        for i in range(s.grid.rows):
            if 0 < k < s.grid.columns and owner.get((i, k), 1) == owner.get((i, k - 1), 2):
                continue
            self._line(s.edges[k], s.levels[i], s.edges[k], s.levels[i + 1])


def worn(image: Image.Image, r: random.Random, scale: float, size: tuple[int, int] | None) -> np.ndarray:
    """A picture after printing and scanning, stretched to a size; None keeps its own. `scale` is its pixels per pixel of
    that size."""
    noise = np.random.default_rng(r.getrandbits(48))
    style = r.choice(("clean",) * 10 + ("worn",) * 5 + ("bitonal",) * 2)
    image = degrade.canvas_wear(image, r, noise, min(scale, 2.0), style)
    if size is None:
        return np.asarray(image)
    return degrade.tile_wear(image.resize(size, Image.Resampling.BICUBIC), r, noise, style)


def width_of(face: Face, text: str) -> float:
    return sum(map(face.advance, text))
