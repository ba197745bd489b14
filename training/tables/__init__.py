"""Tables for the step "table structure": made-up tables in thousands of styles, stretched to the model's square, and where
their rows, columns and spanning cells stand."""

from __future__ import annotations

import html
import math
import random

import PIL.Image
import numpy as np

from training import vocab
from training.example import Example, Item, marks
from training.render import PATCH
from training.tables import structure
from training.tables.layout import Cell, Faces, Grid, Setting
from training.tables.paint import Painter
from training.targets import TILE

PROMPTS = (structure.PROMPT,)

# Symbols of the auxiliary loss.
HEAD, BODY, COLUMN, SPAN = range(4)

MOST_TOKENS = 300
MOST_PIXELS = 420_000  # of the canvas
_HEIGHT = {16: 44, 8: 18, 4: 7}  # rows that a window still shows


def _rows(r: random.Random, most: int) -> int:
    """Mostly as many rows as printed tables have."""
    return min(most, r.choice((r.randint(2, 8), r.randint(3, 14), r.randint(3, 14), r.randint(8, 24), r.randint(14, 44))))


def _columns(r: random.Random) -> int:
    return r.choice((2, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 14))


def _draw(r: random.Random, split: str, rows: int, em: float | None = None) -> tuple[Painter, list[Cell]] | None:
    """A table on its canvas with its cells; None where a row or column shows nothing."""
    grid = Grid(r, rows, _columns(r))
    small = r.random() < 0.35
    em = em or (r.uniform(6.5, 9.5) if small else math.exp(r.uniform(math.log(10), math.log(19))))
    setting = Setting(r, grid, Faces(r, split, em), em * r.uniform(18, 75))
    if setting.width * setting.height > MOST_PIXELS and em > 12:
        return None
    if setting.width * setting.height > 3 * MOST_PIXELS:
        return None
    full = [c for c in grid.cells if c.box]
    if {c.row for c in full if c.rows == 1} != set(range(grid.rows)) or {c.column for c in full if c.columns == 1} != set(range(grid.columns)):
        return None
    painter = Painter(r, setting, split != "train", r.choice((0.3, 0.8, 1.6)))
    painter.draw()
    return painter, grid.cells


def _truth(painter: Painter, cells: list[Cell], sx: float, sy: float, top: float) -> structure.Table:
    """Where everything stands in the picture."""
    grid = painter.setting.grid

    def x(v: float) -> float:
        return (v + painter.left) * sx

    def y(v: float) -> float:
        return (v + painter.top) * sy + top

    def bands(count: int, index, one, low: int, to) -> list[structure.Band]:
        out = []
        for i in range(count):
            boxes = [c.box for c in cells if c.box and index(c) == i and one(c)]
            out.append((to(min(b[low] for b in boxes)), to(max(b[low + 2] for b in boxes))))
        return out

    rows = bands(grid.rows, lambda c: c.row, lambda c: c.rows == 1, 1, y)
    columns = bands(grid.columns, lambda c: c.column, lambda c: c.columns == 1, 0, x)
    spans = []
    for c in sorted(cells, key=lambda c: (c.row, c.column)):
        if c.rows > 1 or c.columns > 1:
            spans.append((columns[c.column][0], rows[c.row][0], columns[c.column + c.columns - 1][1], rows[c.row + c.rows - 1][1]))
    return structure.Table(rows[: grid.head], rows[grid.head :], columns, spans)


def _points(box: tuple[float, float, float, float]) -> list[tuple[float, float]]:
    """One place in each patch that a line of text lies on: in the middle of what it covers of it."""
    x0, y0, x1, y1 = (max(0.0, min(TILE - 0.01, v)) for v in box)
    y = (y0 + y1) / 2
    out = []
    for k in range(int(x0 // PATCH), int(x1 // PATCH) + 1):
        a, b = max(x0, k * PATCH), min(x1, (k + 1) * PATCH)
        if b - a > 1.5 or x1 - x0 <= 3:
            out.append(((a + b) / 2, y))
    return out


def _items(painter: Painter, cells: list[Cell], table: structure.Table, sx: float, sy: float, top: float) -> list[Item]:
    """What the answer names, in its order, with the places of the text that belongs to it."""
    left, right = table.columns[0][0], table.columns[-1][1]
    high, low = table.rows[0][0], table.rows[-1][1]
    rows = [Item((left, a, right, b), []) for a, b in table.rows]
    columns = [Item((a, high, b, low), []) for a, b in table.columns]
    spans = [Item(s, []) for s in table.spans]
    spanning = 0
    face_height = {}
    for c in sorted(cells, key=lambda c: (c.row, c.column)):
        wide = c.rows > 1 or c.columns > 1
        for x, y, text in c.placed:
            face = painter.setting.faces.face(c)
            if id(face) not in face_height:
                face_height[id(face)] = face.x_height
            width = sum(map(face.advance, text))
            box = ((x + painter.left) * sx, (y - 1.25 * face.x_height + painter.top) * sy + top, (x + width + painter.left) * sx, (y + painter.top) * sy + top)
            for px, py in _points(box):
                if c.rows == 1:
                    rows[c.row].glyphs.append((vocab.symbol_class("table", HEAD if c.row < len(table.head) else BODY), px, py))
                if c.columns == 1:
                    columns[c.column].glyphs.append((vocab.symbol_class("table", COLUMN), px, py))
                if wide:
                    spans[spanning].glyphs.append((vocab.symbol_class("table", SPAN), px, py))
        spanning += wide
    for item in rows + columns + spans:
        seen: dict[tuple[int, int], tuple[int, float, float]] = {}
        for glyph in sorted(item.glyphs, key=lambda g: (g[1], g[2])):
            seen.setdefault((int(glyph[1] // PATCH), int(glyph[2] // PATCH)), glyph)
        item.glyphs = list(seen.values())
    return rows + columns + spans


class Source:
    """Tables without end."""

    def __init__(self, split: str, r: random.Random):
        self.split, self.r = split, r

    def example(self, rows: int) -> Example | None:
        """A table stretched over a window of that many rows of patches."""
        r = self.r
        if rows not in _HEIGHT:
            return None
        if r.random() < 0.02:
            return self._nothing(rows)
        for _ in range(20):
            drawn = _draw(r, self.split, _rows(r, _HEIGHT[rows]))
            if drawn is None:
                continue
            painter, cells = drawn
            height, first = rows * PATCH, (TILE // PATCH - rows) // 2
            sx, sy, top = TILE / painter.size[0], height / painter.size[1], first * float(PATCH)
            table = _truth(painter, cells, sx, sy, top)
            if min(b - a for a, b in table.rows + table.columns) < 1.8 or _tokens(table) > MOST_TOKENS:
                continue
            pixels = painter.worn(math.sqrt(1 / (sx * sy)), (TILE, height))
            found = marks(_items(painter, cells, table, sx, sy, top), rows, first)
            return Example(pixels, structure.PROMPT, structure.answer([table]), found, first, {"table": table})
        return None

    def _nothing(self, rows: int) -> Example:
        """A picture without a table: paper, or a paragraph."""
        r = self.r
        height, first = rows * PATCH, (TILE // PATCH - rows) // 2
        grid = Grid(r, 1, 1)
        em = r.uniform(8, 15)
        faces = Faces(r, self.split, em)
        paper = r.randint(200, 255)
        image = PIL.Image.new("L", (int(em * r.uniform(20, 60)), int(em * r.uniform(4, 30))), paper)
        canvas = PIL.ImageDraw.Draw(image)
        y, ink = em * 1.3, r.randint(0, 90)
        while y < image.size[1] and r.random() < 0.97:
            canvas.text((em, y), grid.writer.phrase(5, 30), font=faces.face(Cell(0, 0)).draw, fill=ink, anchor="ls")
            y += em * 1.3
        pixels = np.asarray(image.resize((TILE, height), PIL.Image.Resampling.BICUBIC))
        return Example(pixels, structure.PROMPT, "", marks([], rows, first), first, {"table": structure.Table([], [], [], [])})


def _tokens(table: structure.Table) -> int:
    return 4 + 2 * len(table.rows) + 2 * len(table.columns) + 4 * len(table.spans)


def score(said: list[str], examples: list[Example]) -> dict[str, float]:
    """How often rows and columns are all there, and F1 of the cells of the grid: one is right where its rows and columns are."""
    rows = columns = heads = right = read = true = 0
    for text, example in zip(said, examples):
        want: structure.Table = example.truth["table"]
        got = (structure.parse(text) or [structure.Table([], [], [], [])])[0]
        rows += len(got.rows) == len(want.rows)
        columns += len(got.columns) == len(want.columns)
        heads += len(got.head) == len(want.head)
        # What the answer says is on the grid of places; so is what it should say.
        want = (structure.parse(structure.answer([want])) or [want])[0]
        down, across = structure.matches(got.rows, want.rows), structure.matches(got.columns, want.columns)
        a, b = structure.cells(got), set(structure.cells(want))
        read, true = read + len(a), true + len(b)
        right += sum(
            i in down and k in across and i + n - 1 in down and k + m - 1 in across
            and (down[i], across[k], down[i + n - 1] - down[i] + 1, across[k + m - 1] - across[k] + 1) in b
            for i, k, n, m in a
        )
    count = max(1, len(examples))
    return {"cell_f1": 2 * right / max(1, read + true), "rows": rows / count, "columns": columns / count, "head": heads / count}


def drawn(r: random.Random) -> tuple[PIL.Image.Image, dict]:
    """A whole table in the held-out fonts and rules at the resolution of a scan, and its line of a manifest."""
    while True:
        found = _draw(r, "acceptance", _rows(r, 30), r.uniform(14, 24))
        if found is None:
            continue
        painter, cells = found
        # What is too long for its column is no better in print.
        pixels = painter.worn(1.6, None)
        return PIL.Image.fromarray(pixels), {"gt": {"html": _html(painter.setting.grid, cells)}}


def _html(grid: Grid, cells: list[Cell]) -> str:
    rows: list[list[Cell]] = [[] for _ in range(grid.rows)]
    for c in cells:
        rows[c.row].append(c)

    def row(i: int) -> str:
        out = []
        for c in sorted(rows[i], key=lambda c: c.column):
            span = "".join(f' {name}="{n}"' for name, n in (("rowspan", c.rows), ("colspan", c.columns)) if n > 1)
            out.append(f"<td{span}>{html.escape(' '.join(c.lines), quote=False)}</td>")
        return "<tr>" + "".join(out) + "</tr>"

    head = "".join(row(i) for i in range(grid.head))
    body = "".join(row(i) for i in range(grid.head, grid.rows))
    return "<table>" + (f"<thead>{head}</thead>" if head else "") + f"<tbody>{body}</tbody></table>"
