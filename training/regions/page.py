"""Composes pages of text, tables, molecules, music and pictures, and knows where everything is. Lengths are pixels of the
canvas, which has `scale` of them for each pixel of the model's square."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from PIL import Image, ImageDraw

from training import degrade
from training.detect import Thing, in_order
from training.regions.setting import Case, Printed, Setter, union
from training.targets import TILE, Box

KINDS = ("text", "table", "molecule", "staff", "film", "picture")

MOST = 16  # regions of a page
APART = 2.2  # lines of white from which two texts below one another are two
LEAST = (9.0, 5.0)  # width and height, in pixels of the square, below which nothing but text is put down

# What kinds of documents hold, besides text: how likely each, and how much of it all is text.
THEMES: dict[str, tuple[float, dict[str, float]]] = {
    "letter": (1.0, {}),
    "article": (0.62, {"table": 3, "picture": 3, "molecule": 0.5}),
    "report": (0.5, {"table": 4, "picture": 3}),
    "chemistry": (0.5, {"molecule": 5, "table": 1, "picture": 1}),
    "patent": (0.55, {"molecule": 4, "picture": 2, "table": 2}),
    "songbook": (0.25, {"staff": 6, "picture": 0.5}),
    "score": (0.08, {"staff": 1}),
    "treatise": (0.55, {"staff": 4, "table": 1, "picture": 1}),
    "tables": (0.2, {"table": 1}),
    "album": (0.35, {"picture": 1}),
    "mixed": (0.42, {"table": 1, "molecule": 1, "staff": 1, "picture": 1}),
}
SHARES = {"letter": 6, "article": 14, "report": 12, "chemistry": 10, "patent": 8, "songbook": 9, "score": 6, "treatise": 7, "tables": 5, "album": 4, "mixed": 19}


class Pictures(Protocol):
    """Where what is no text comes from: a picture on white, trimmed to its ink, and what it says where that is known."""

    def picture(self, kind: str, r: random.Random) -> tuple[Image.Image, dict]: ...


@dataclass
class Placed:
    """A region of a page: kind, box, and what it says where that is known."""

    kind: str
    box: Box
    truth: dict = field(default_factory=dict)


@dataclass
class Page:
    """A composed page before wear: ink 255 on 0."""

    ink: Image.Image
    scale: float
    regions: list[Placed] = field(default_factory=list)
    printed: list[Printed] | None = None

    def things(self) -> list[Thing]:
        """The regions in pixels of the canvas, in the order of an answer."""
        return in_order([Thing(p.kind, p.box) for p in self.regions])


class Composer:
    """Fills one page."""

    def __init__(self, r: random.Random, case: Case, pictures: Pictures, width: float, height: float, scale: float, theme: str | None = None, words: bool = False):
        self.r, self.pictures, self.width, self.height, self.scale = r, pictures, width, height, scale
        self.page = Page(Image.new("L", (round(width), round(height)), 0), scale, printed=[] if words else None)
        self.setter = Setter(r, self.page.ink, self.page.printed)
        self.pen = ImageDraw.Draw(self.page.ink)
        self.face, self.heading = case.take()
        self.pitch = self.face.x_height * r.choice((r.uniform(1.9, 2.4), r.uniform(2.2, 3.2)))
        self.theme = theme or r.choices(list(SHARES), list(SHARES.values()))[0]
        self.text_share, self.weights = THEMES[self.theme]
        if self.theme in ("article", "chemistry", "mixed", "report", "treatise") and width <= height * 1.2:
            self.columns = r.choice((1, 1, 2, 2, 2, 3)) if self.theme != "report" else r.choice((1, 1, 1, 2))
        else:
            self.columns = r.choice((1, 2, 2, 3)) if width > 1.5 * height else 1

    def compose(self) -> Page:
        """Lay everything out."""
        r, w, h = self.r, self.width, self.height
        left, right = w * r.uniform(0.04, 0.14), w * (1 - r.uniform(0.04, 0.14))
        top, bottom = h * r.uniform(0.03, 0.1), h * (1 - r.uniform(0.03, 0.1))
        if r.random() < 0.4:
            top = self._lone(left, right, top)
        if r.random() < 0.4:
            foot = bottom - self.pitch
            if foot > top + 8 * self.pitch:
                self._lone(left, right, foot)
                bottom = foot - self.pitch * r.uniform(APART + 0.5, 4)
        if r.random() < 0.22:
            top = self._title(left, right, top, bottom)
        if self.columns > 1 and self.weights and r.random() < 0.35:
            top = self._spanning(left, right, top, top + 0.4 * (bottom - top))
            if r.random() < 0.25:
                below = bottom - r.uniform(0.15, 0.35) * (bottom - top)
                if self._spanning(left, right, below, bottom) > below:
                    bottom = below - self.pitch * 1.2
        gutter = w * r.uniform(0.022, 0.055)
        each = (right - left - gutter * (self.columns - 1)) / self.columns
        for i in range(self.columns):
            x = left + i * (each + gutter)
            self.column(x, each, top + (r.uniform(0, 0.3) * (bottom - top) if r.random() < 0.06 else 0), bottom)
            if i and r.random() < 0.06:
                self.pen.line((x - gutter / 2, top, x - gutter / 2, bottom), fill=255, width=max(1, round(self.scale / 3)))
        return self.page

    def _text(self, box: Box | None) -> None:
        if box:
            self.page.regions.append(Placed("text", box))

    def _lone(self, left: float, right: float, y: float) -> float:
        """A running head or foot by itself; returns where the rest may begin."""
        r = self.r
        width = (right - left) * r.choice((r.uniform(0.04, 0.1), r.uniform(0.2, 0.6), 1.0))
        x = left + r.choice((0.0, 0.5, 1.0)) * (right - left - width)
        box = self.setter.line(self.face, x, y + self.face.x_height * 1.5, width, 3)
        self._text(box)
        if not box:
            return y
        if r.random() < 0.2:
            rule = box[3] + 0.4 * self.pitch
            self.pen.line((left, rule, right, rule), fill=255, width=max(1, round(self.scale / 3)))
        return box[3] + self.pitch * r.uniform(APART + 0.3, 4.5)

    def _title(self, left: float, right: float, top: float, bottom: float) -> float:
        """A title in large letters over all columns, perhaps with names below."""
        r = self.r
        pitch = max(self.pitch, 2.1 * self.heading.x_height)
        style = r.choice(("centre", "lines"))
        box, y = self.setter.block(self.heading, self.heading, left, top, right - left, bottom, r.randint(1, 3), pitch, style)
        if box and r.random() < 0.5:
            more, y = self.setter.block(self.face, self.face, left, y + 0.3 * self.pitch, right - left, bottom, r.randint(1, 3), self.pitch, style)
            box = union(box, more)
        self._text(box)
        return y + self.pitch * r.uniform(APART, 3.5)

    def _spanning(self, left: float, right: float, top: float, bottom: float) -> float:
        """Something over the width of all columns; returns where it ends with its caption, or where it would have begun."""
        y, caption = self.thing(left, right - left, top, bottom, False)
        return y + self.pitch * (self.r.uniform(APART, 3) if caption else self.r.uniform(1, 2)) if y > top else top

    def column(self, x: float, width: float, top: float, bottom: float) -> None:
        """Text and other things below one another."""
        r, y, after_text = self.r, top, False
        while y < bottom - 2.5 * self.pitch and len(self.page.regions) < MOST:
            if not self.weights or r.random() < (self.text_share * 0.35 if after_text else self.text_share * 1.25):
                if after_text:
                    y += self.pitch * r.uniform(APART, 4)
                lines = r.choice((r.randint(1, 4), r.randint(3, 14), r.randint(8, 30), 99))
                style = "lines" if r.random() < 0.12 else "centre" if r.random() < 0.05 else "prose"
                part = width * (r.uniform(0.3, 0.9) if self.theme == "letter" and r.random() < 0.4 else 1.0)
                at = x + (width - part if r.random() < 0.3 else 0)
                box, y = self.setter.block(self.face, self.heading, at, y, part, bottom, lines, self.pitch, style)
                self._text(box)
                after_text = True
                y += self.pitch * r.uniform(0.2, 1.2)
                continue
            end, caption = self.thing(x, width, y, bottom, after_text)
            if end <= y:  # no room for it: text instead, where it may stand
                if after_text:
                    return
                box, y = self.setter.block(self.face, self.heading, x, y, width, bottom, 99, self.pitch, "prose")
                self._text(box)
                return
            after_text = caption
            y = end + self.pitch * r.uniform(0.7, 2.2)

    def thing(self, x: float, width: float, top: float, bottom: float, after_text: bool) -> tuple[float, bool]:
        """A table, molecule, system or picture, or a few side by side, perhaps with a caption above or below. Returns where it
        ends, and whether that is a caption; `top` where there was no room."""
        r = self.r
        kind = r.choices(list(self.weights), list(self.weights.values()))[0]
        row = r.choice((1, 1, 2, 2, 3)) if kind == "molecule" else 2 if kind == "picture" and r.random() < 0.15 else 1
        if width < 0.3 * self.width:
            row = 1
        captions = 0.45 if kind in ("table", "picture") else 0.12
        above = r.random() < captions * (0.6 if kind == "table" else 0.15)
        below = not above and r.random() < captions
        lines = r.randint(1, 3)
        room = bottom - top - (lines + 1.5) * self.pitch * (above or below) - (APART * self.pitch if above and after_text else 0)
        each = width / row * (0.88 if row > 1 else 1.0)
        shown = [self.pictures.picture(kind, r) for _ in range(row)]
        sizes = [self._size(kind, image, each, room) for image, _ in shown]
        if not all(sizes) or len(self.page.regions) + row + 1 > MOST:
            return top, False
        y = top
        if above:
            y += APART * self.pitch if after_text else 0.0
            box, y = self.setter.block(self.face, self.heading, x, y, width, bottom, lines, self.pitch, r.choice(("prose", "centre")))
            self._text(box)
            y += self.pitch * r.uniform(0.0, 0.8)
        elif after_text:
            y += self.pitch * r.uniform(0.0, 1.0)
        if y + max(h for _, h in sizes) > bottom:
            return top, False
        tallest = max(h for _, h in sizes)
        for i, ((image, truth), (w, h)) in enumerate(zip(shown, sizes)):
            slot = width / row
            at = x + i * slot + r.choice((0.5, 0.5, 0.0, 1.0) if row == 1 else (0.5,)) * (slot - w)
            self._put(kind, image, at, y + (tallest - h) * r.choice((0.0, 0.5, 1.0)), w, h, truth)
        y += tallest
        if kind == "molecule" and not below and self.page.printed is None and r.random() < 0.3:  # labels are nobody's region
            y += 0.6 * self.pitch
            for i in range(row):
                self.pen.text((x + (i + 0.5) * width / row, y), f"{r.randint(1, 40)}{r.choice(('', 'a', 'b'))}", font=self.heading.draw, fill=255, anchor="ma")
            y += self.pitch
        if below:
            box, y = self.setter.block(self.face, self.heading, x, y + self.pitch * r.uniform(0.2, 1.0), width, bottom, lines, self.pitch, r.choice(("prose", "centre")))
            self._text(box)
            return y, box is not None
        return y, False

    def _size(self, kind: str, image: Image.Image, width: float, room: float) -> tuple[int, int] | None:
        """How large a picture is shown where there is so much room; None where that would be too small."""
        r = self.r
        share = {"table": r.choice((1.0, r.uniform(0.55, 1.0))), "staff": r.choice((1.0, 1.0, r.uniform(0.7, 1.0)))}.get(kind, r.uniform(0.3, 1.0))
        most = {"staff": 0.35, "molecule": 0.3}.get(kind, 0.6) * self.height
        k = min(width * share / image.width, most / image.height)
        k = min(k, 1.6 if kind in ("picture", "table") else 1.0)  # what is enlarged more looks it
        if image.height * k > room:
            if image.height * k > 2.2 * room:
                return None
            k = room / image.height
        w, h = round(image.width * k), round(image.height * k)
        return (w, h) if w >= LEAST[0] * self.scale and h >= LEAST[1] * self.scale else None

    def _put(self, kind: str, image: Image.Image, x: float, y: float, w: int, h: int, truth: dict) -> None:
        """Put a picture down."""
        shown = image.resize((w, h), Image.Resampling.BICUBIC, reducing_gap=2.0)
        ink = Image.eval(shown, lambda v: 255 - v)
        at = (round(x), round(y))
        self.page.ink.paste(ink, at)
        self.page.regions.append(Placed(kind, (at[0], at[1], at[0] + w, at[1] + h), truth))


def dirt(pen: ImageDraw.ImageDraw, r: random.Random, width: int, height: int, scale: float) -> None:
    """What is on paper and no region of it: punched holes, edges of the scan, frames, folds, spots."""
    kind = r.choice(("holes", "edge", "frame", "fold", "spots"))
    if kind == "holes":
        radius, x = 0.012 * height, width * r.choice((0.03, 0.97))
        for y in (0.3, 0.7) if r.random() < 0.6 else (0.1, 0.4, 0.6, 0.9):
            pen.ellipse((x - radius, y * height - radius, x + radius, y * height + radius), fill=r.randint(120, 255))
    elif kind == "edge":
        w = r.uniform(0.004, 0.02) * width
        pen.rectangle((0, 0, w, height) if r.random() < 0.5 else (width - w, 0, width, height), fill=r.randint(100, 255))
    elif kind == "frame":
        m = 0.02 * width
        pen.rectangle((m, m, width - m, height - m), outline=255, width=max(1, round(scale / 2)))
    elif kind == "fold":
        y = r.uniform(0.2, 0.8) * height
        pen.line((0, y, width, y + r.uniform(-3, 3) * scale), fill=r.randint(25, 80), width=max(1, round(scale)))
    else:
        for _ in range(r.randint(1, 12)):
            x, y, s = r.uniform(0, width), r.uniform(0, height), r.uniform(0.2, 1.2) * scale
            pen.ellipse((x - s, y - s, x + s, y + s), fill=r.randint(60, 255))


def turn(page: Page, degrees: float) -> None:
    """Turn a page by a small angle about its middle; boxes become the upright ones around the turned ones."""
    width, height = page.ink.size
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    page.ink = page.ink.rotate(-degrees, Image.Resampling.BILINEAR)

    def turned(box: Box) -> Box:
        corners = [(x - width / 2, y - height / 2) for x in (box[0], box[2]) for y in (box[1], box[3])]
        xs, ys = [x * c - y * s + width / 2 for x, y in corners], [x * s + y * c + height / 2 for x, y in corners]
        return max(0.0, min(xs)), max(0.0, min(ys)), min(float(width), max(xs)), min(float(height), max(ys))

    page.regions = [Placed(p.kind, turned(p.box), p.truth) for p in page.regions]
    if page.printed is not None:
        page.printed = [Printed(w.text, turned(w.box)) for w in page.printed]


def shades(ink: Image.Image, r: random.Random) -> Image.Image:
    """The page in greys of paper and ink."""
    paper, black = (255, 0) if r.random() < 0.4 else (r.randint(190, 255), r.randint(0, 90))
    return ink.point([round(paper + (black - paper) * v / 255) for v in range(256)])


def fit(image: Image.Image, rows: int, r: random.Random, scale: float, wear: bool = True) -> tuple[np.ndarray, float, float, float]:
    """The page letterboxed into a window of the square: pixels, and the factor and offsets (x, y) that take the canvas into the
    square."""
    noise = np.random.default_rng(r.getrandbits(48))
    style = r.choice(("clean",) * 5 + ("worn",) * 7 + ("bitonal",)) if wear else "clean"
    if style == "bitonal" or r.random() < 0.15:
        image = degrade.canvas_wear(image, r, noise, scale, style)
    k = TILE / max(image.size)
    width, height = min(TILE, max(1, round(image.width * k))), min(TILE, max(1, round(image.height * k)))
    left, top = (TILE - width) // 2, (TILE - height) // 2
    small = degrade.tile_wear(image.resize((width, height), Image.Resampling.BICUBIC), r, noise, style)
    out = np.full((rows * 14, TILE), 255, np.uint8)
    window = 7 * (16 - rows)
    out[top - window : top - window + height, left : left + width] = small
    return out, k, left, top
