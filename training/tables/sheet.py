"""A painted table from which many are cut: rows and columns are left out, and what remains is moved together. Painting costs
ten times what cutting does."""

from __future__ import annotations

import random
from typing import NamedTuple

import numpy as np

from training import vocab
from training.example import Item
from training.render import PATCH
from training.tables import structure
from training.tables.layout import Cell
from training.tables.paint import Painter, width_of
from training.targets import TILE, Box

# Symbols of the auxiliary loss.
HEAD, BODY, COLUMN, SPAN = (vocab.symbol_class("table", i) for i in range(4))


class Line(NamedTuple):
    """A line of a cell's text, in pixels of the sheet."""

    cell: int
    box: Box  # from the top of its small letters' ascenders to its baseline


class Axis(NamedTuple):
    """What is kept of rows or columns: the new index of each, how far it is moved, and the stretches of pixels."""

    index: dict[int, int]
    shift: dict[int, int]
    stretches: list[tuple[int, int]]


def _kept(count: int, dropped: range, edges: list[float], size: int) -> Axis:
    """An axis without some neighbours; edges are where each of them begins, and the last one ends."""
    gap = (round(edges[dropped.start]), round(edges[dropped.stop])) if dropped else (size, size)
    stretches = [(0, size)]
    if dropped:  # what is dropped at an end takes the margin with it
        stretches = [(0, 0 if dropped.start == 0 else gap[0]), (gap[1], gap[1] if dropped.stop == count else size)]
    kept = [i for i in range(count) if i not in dropped]
    start = gap[1] if dropped and dropped.start == 0 else 0
    moved = gap[1] - gap[0] if dropped else 0
    shift = {i: start if dropped and dropped.start == 0 else moved if dropped and i >= dropped.stop else 0 for i in kept}
    return Axis({i: k for k, i in enumerate(kept)}, shift, [s for s in stretches if s[1] > s[0]])


class Sheet:
    """One painted table."""

    def __init__(self, painter: Painter, cells: list[Cell]):
        grid, setting = painter.setting.grid, painter.setting
        self.pixels = np.asarray(painter.image)
        self.head, self.rows, self.columns = grid.head, grid.rows, grid.columns
        self.cells = sorted(cells, key=lambda c: (c.row, c.column))
        self.left, self.top = painter.left, painter.top
        self.levels = [v + painter.top for v in setting.levels]
        self.edges = [v + painter.left for v in setting.edges]
        self.boxes = [c.box and (c.box[0] + self.left, c.box[1] + self.top, c.box[2] + self.left, c.box[3] + self.top) for c in self.cells]
        self.lines: list[Line] = []
        for i, c in enumerate(self.cells):
            face = setting.faces.face(c) if c.placed else None
            for x, y, text in c.placed:
                x, y = x + self.left, y + self.top
                self.lines.append(Line(i, (x, y - 1.25 * face.x_height, x + width_of(face, text), y)))
        spans = [c for c in self.cells if c.rows > 1 or c.columns > 1]
        crossed = {i for c in spans for i in range(c.row + 1, c.row + c.rows)}
        self.row_cuts = [i for i in range(self.head, self.rows + 1) if i not in crossed]
        self.wide = [(c.column, c.column + c.columns) for c in spans if c.columns > 1]

    def cut(self, r: random.Random, rows: int, columns: int) -> "Cut | None":
        """A table of about so many rows and columns; None where what is left shows nothing in one of them."""
        down, across = self._rows(r, rows), self._columns(r, columns)
        if self.rows - len(down) <= (self.head if down.start or not down else 0):
            return None
        x = _kept(self.columns, across, self.edges, self.pixels.shape[1])
        y = _kept(self.rows, down, self.levels, self.pixels.shape[0])
        cut = Cut(self, x, y)
        return cut if cut.whole() else None

    def _rows(self, r: random.Random, want: int) -> range:
        """The rows that are dropped: from the middle, the end, or the beginning with the head."""
        drop = self.rows - self.head - want
        if drop <= 0:
            return range(0)
        where = r.choice(("middle", "middle", "middle", "end", "beginning"))
        if where == "beginning":
            return range(0, min(self.row_cuts, key=lambda i: abs(i - drop - self.head)))
        start = min(self.row_cuts, key=lambda i: abs(i - (self.head + want if where == "end" else r.randint(self.head, self.head + want))))
        stop = min(self.row_cuts, key=lambda i: abs(i - start - drop)) if where == "middle" else self.rows
        return range(start, stop) if stop > start else range(0)

    def _columns(self, r: random.Random, want: int) -> range:
        """The columns that are dropped, none of them the first; a cell over some of them goes or stays as a whole."""
        drop = self.columns - want
        if drop <= 0:
            return range(0)
        for _ in range(6):
            n = max(1, min(self.columns - 2, drop + r.randint(-1, 1)))
            a = r.randint(1, self.columns - n)
            b = a + n
            if all((a <= c and d <= b) or d <= a or c >= b for c, d in self.wide):
                return range(a, b)
        return range(0)


class Cut:
    """A part of a sheet. What it holds is in pixels of its own picture."""

    def __init__(self, sheet: Sheet, x: Axis, y: Axis):
        self.x, self.y, self.sheet = x, y, sheet
        self.head = sum(i < sheet.head for i in y.index)
        picture = np.concatenate([sheet.pixels[a:b] for a, b in y.stretches]) if len(y.stretches) > 1 else sheet.pixels[slice(*y.stretches[0])]
        self.pixels = np.concatenate([picture[:, a:b] for a, b in x.stretches], 1) if len(x.stretches) > 1 else picture
        self.cells: list[tuple[int, int, int, int]] = []  # row, column, rows, columns
        self.boxes: list[Box | None] = []
        self.moved: dict[int, tuple[int, int, int]] = {}  # of a sheet's cell: its index here, and how far it is moved
        for i, c in enumerate(sheet.cells):
            if c.row in y.index and c.column in x.index:
                dx, dy = x.shift[c.column], y.shift[c.row]
                self.moved[i] = len(self.cells), dx, dy
                self.cells.append((y.index[c.row], x.index[c.column], c.rows, c.columns))
                b = sheet.boxes[i]
                self.boxes.append(b and (b[0] - dx, b[1] - dy, b[2] - dx, b[3] - dy))

    def whole(self) -> bool:
        """Whether every row and column shows something."""
        said = [c for c, b in zip(self.cells, self.boxes) if b]
        return (
            len(self.y.index) > 0
            and len({c[0] for c in said if c[2] == 1}) == len(self.y.index)
            and len({c[1] for c in said if c[3] == 1}) == len(self.x.index)
        )

    def table(self, sx: float, sy: float, top: float) -> structure.Table:
        """Where everything stands when the picture is stretched by sx and sy and moved down."""
        rows = [[9e9, -9e9] for _ in self.y.index]
        columns = [[9e9, -9e9] for _ in self.x.index]
        for (row, column, m, n), b in zip(self.cells, self.boxes):
            if b and m == 1:
                rows[row] = [min(rows[row][0], b[1]), max(rows[row][1], b[3])]
            if b and n == 1:
                columns[column] = [min(columns[column][0], b[0]), max(columns[column][1], b[2])]
        down = [(a * sy + top, b * sy + top) for a, b in rows]
        across = [(a * sx, b * sx) for a, b in columns]
        spans = [
            (across[column][0], down[row][0], across[column + n - 1][1], down[row + m - 1][1])
            for row, column, m, n in self.cells
            if m > 1 or n > 1
        ]
        return structure.Table(down[: self.head], down[self.head :], across, spans)

    def items(self, table: structure.Table, sx: float, sy: float, top: float) -> list[Item]:
        """What the answer names, in its order, with a mark in every patch in which text of it lies."""
        left, right = table.columns[0][0], table.columns[-1][1]
        high, low = table.rows[0][0], table.rows[-1][1]
        boxes = [(left, a, right, b) for a, b in table.rows] + [(a, high, b, low) for a, b in table.columns] + list(table.spans)
        found: list[dict[tuple[int, int], tuple[int, float, float]]] = [{} for _ in boxes]
        first_column, first_span = len(table.rows), len(table.rows) + len(table.columns)
        span = {i: first_span + k for k, i in enumerate(i for i, c in enumerate(self.cells) if c[2] > 1 or c[3] > 1)}
        for cell, box in self.sheet.lines:
            if cell not in self.moved:
                continue
            i, dx, dy = self.moved[cell]
            row, column, m, n = self.cells[i]
            x0, x1 = max(0.0, (box[0] - dx) * sx), min(TILE - 0.01, (box[2] - dx) * sx)
            y = max(0.0, min(TILE - 0.01, ((box[1] + box[3]) / 2 - dy) * sy + top))
            line = int(y // PATCH)
            for k in range(int(x0 // PATCH), int(x1 // PATCH) + 1):
                a, b = max(x0, k * PATCH), min(x1, (k + 1) * PATCH)
                if b - a <= 1.5 and x1 - x0 > 3:
                    continue
                x, at = (a + b) / 2, (k, line)
                if m == 1:
                    found[row].setdefault(at, (HEAD if row < self.head else BODY, x, y))
                if n == 1:
                    found[first_column + column].setdefault(at, (COLUMN, x, y))
                if i in span:
                    found[span[i]].setdefault(at, (SPAN, x, y))
        return [Item(box, sorted(glyphs.values(), key=lambda g: (g[2], g[1]))) for box, glyphs in zip(boxes, found)]
