"""Tables for the step "table structure": made-up tables in thousands of styles, stretched to the model's square, and where
their rows, columns and spanning cells stand."""

from __future__ import annotations

import html
import math
import random

import numpy as np
import PIL.Image
import PIL.ImageDraw

from training.example import Example, marks
from training.render import PATCH
from training.tables import structure
from training.tables.layout import Cell, Faces, Grid, Setting
from training.tables.paint import Painter, worn
from training.tables.sheet import Sheet
from training.targets import TILE

PROMPTS = (structure.PROMPT,)

MOST_TOKENS = 300
MOST_PIXELS = 700_000  # of a canvas
_HEIGHT = {16: 44, 8: 18, 4: 7}  # rows that a window still shows
POOL, FIRST = 24, 6  # sheets at hand, and when the first table is cut
CUTS = 10  # tables from a sheet


def _rows(r: random.Random) -> int:
    """Mostly as many rows as printed tables have."""
    return r.choice((r.randint(1, 8), r.randint(3, 14), r.randint(3, 14), r.randint(8, 24), r.randint(12, 30), r.randint(16, 44)))


def _columns(r: random.Random) -> int:
    return r.choice((2, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 14))


def painted(r: random.Random, split: str, rows: int, columns: int, em: float | None = None) -> tuple[Painter, list[Cell]] | None:
    """A table on its canvas with its cells, em pixels high or less; None for one too large."""
    em = em or (r.uniform(6.5, 9.5) if r.random() < 0.35 else math.exp(r.uniform(math.log(9), math.log(18))))
    measure = r.uniform(18, 75)
    for _ in range(3):
        grid = Grid(r, rows, columns)
        setting = Setting(r, grid, Faces(r, split, em), em * measure)
        size = setting.width * setting.height
        if size <= MOST_PIXELS:
            break
        em = max(6.5, em * 0.95 * math.sqrt(MOST_PIXELS / size))  # large tables are set small
    else:
        return None
    painter = Painter(r, setting, split != "train", r.choice((0.3, 0.8, 1.6)))
    painter.draw()
    return painter, grid.cells


class Source:
    """Tables without end."""

    def __init__(self, split: str, r: random.Random):
        self.split, self.r = split, r
        self.pool: list[Sheet] = []

    def _sheet(self) -> Sheet:
        """One of the sheets at hand; now and then a new one takes the oldest one's place."""
        r = self.r
        fresh = r.random() < 1 / CUTS
        while fresh or len(self.pool) < FIRST:
            drawn = painted(r, self.split, max(_rows(r), r.randint(2, 24)), max(_columns(r), r.randint(2, 8)))
            if drawn is not None:
                self.pool = self.pool[-POOL + 1 :] + [Sheet(*drawn)]
                fresh = False
        return r.choice(self.pool)

    def example(self, rows: int) -> Example | None:
        """A table stretched over a window of that many rows of patches."""
        r = self.r
        if rows not in _HEIGHT:
            return None
        if r.random() < 0.02:
            return self._nothing(rows)
        height, first = rows * PATCH, (TILE // PATCH - rows) // 2
        for _ in range(30):
            cut = self._sheet().cut(r, min(_rows(r), _HEIGHT[rows]), _columns(r))
            if cut is None or len(cut.y.index) > _HEIGHT[rows] + 3:
                continue
            h, w = cut.pixels.shape
            sx, sy, top = TILE / w, height / h, first * float(PATCH)
            table = cut.table(sx, sy, top)
            if min(b - a for a, b in table.rows + table.columns) < 1.8 or _tokens(table) > MOST_TOKENS:
                continue
            pixels = worn(PIL.Image.fromarray(cut.pixels), r, math.sqrt(1 / (sx * sy)), (TILE, height))
            found = marks(cut.items(table, sx, sy, top), rows, first)
            return Example(pixels, structure.PROMPT, structure.answer([table]), found, first, {"table": table})
        return None

    def _nothing(self, rows: int) -> Example:
        """A picture without a table: paper, or a paragraph."""
        r = self.r
        height, first = rows * PATCH, (TILE // PATCH - rows) // 2
        grid = Grid(r, 1, 1)
        em = r.uniform(8, 15)
        face = Faces(r, self.split, em).face(Cell(0, 0))
        image = PIL.Image.new("L", (int(em * r.uniform(20, 60)), int(em * r.uniform(4, 30))), r.randint(200, 255))
        canvas = PIL.ImageDraw.Draw(image)
        y, ink = em * 1.3, r.randint(0, 90)
        while y < image.size[1] and r.random() < 0.97:
            canvas.text((em, y), grid.writer.phrase(5, 30), font=face.draw, fill=ink, anchor="ls")
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
        found = painted(r, "acceptance", min(_rows(r), 30), _columns(r), r.uniform(13, 20))
        if found is not None and Sheet(*found).cut(r, 99, 99) is not None:
            painter, cells = found
            pixels = worn(painter.image, r, 1.6, None)
            return PIL.Image.fromarray(pixels), {"gt": {"html": written(painter.setting.grid, cells)}}


def written(grid: Grid, cells: list[Cell]) -> str:
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
