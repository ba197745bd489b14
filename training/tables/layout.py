"""Lays a made-up table out: its grid with spans, where every cell's lines stand, and its rules. Lengths are pixels of the
canvas, as it would be scanned."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field

from training import fonts
from training.layout import Face
from training.tables.content import Column, Writer, spelled
from training.targets import Box

# Kinds of rules that only validation and evaluation draw.
HELD_OUT_RULES = ("double", "dashed")
RULES = ("booktabs",) * 7 + ("none",) * 3 + ("grid",) * 5 + ("rows",) * 3 + ("head",) * 2 + ("columns", "zebra", "zebra", "dotted", "outer", "inner")


@dataclass
class Cell:
    """A cell of the grid with its text; lines are filled in when it is set."""

    row: int
    column: int
    rows: int = 1
    columns: int = 1
    text: str = ""
    bold: bool = False
    italic: bool = False
    indent: float = 0.0
    align: str = "left"
    centred: bool = False  # upright, whatever the table does
    lines: list[str] = field(default_factory=list)
    placed: list[tuple[float, float, str]] = field(default_factory=list)  # pen x, baseline y, text
    box: Box | None = None  # of its ink, as in the task "ocr"


class Faces:
    """The fonts of one table at its size."""

    def __init__(self, r: random.Random, split: str, em: float):
        document, every = fonts.families(split)
        family = r.choice(document if r.random() < 0.75 else every)
        plain = [f for f in family if not f.bold and not f.italic] or list(family)
        regular = r.choice(plain)
        pick = lambda bold, italic: r.choice([f for f in family if f.bold == bold and f.italic == italic] or [regular])  # noqa: E731
        self.size = max(6.0, round(em * 4) / 4)
        self._fonts = {(False, False): regular, (True, False): pick(True, False), (False, True): pick(False, True)}
        self._faces: dict[str, Face] = {}
        self.missing = frozenset("".join(f.missing for f in self._fonts.values()))

    def face(self, cell: Cell) -> Face:
        """The face a cell is set in."""
        font = self._fonts[(True, False) if cell.bold else (False, cell.italic)]
        if font.path not in self._faces:
            self._faces[font.path] = Face(font, self.size)
        return self._faces[font.path]


def width(face: Face, text: str) -> float:
    """How wide a text is."""
    return sum(map(face.advance, text))


def wrap(face: Face, text: str, most: float) -> list[str]:
    """The text in lines no wider than `most`, where words allow."""
    lines: list[str] = []
    now, length = "", 0.0
    space = face.advance(" ")
    for word in text.split():
        w = width(face, word)
        if now and length + space + w > most:
            lines.append(now)
            now, length = word, w
        else:
            length += (space if now else 0.0) + w
            now = f"{now} {word}" if now else word
    return lines + [now] if now else lines


class Grid:
    """A made-up table: its cells and what it says."""

    def __init__(self, r: random.Random, rows: int, columns: int):
        self.r, self.columns = r, columns
        self.writer = Writer(r)
        self.cells: list[Cell] = []
        self.sections: set[int] = set()  # rows with a name of rows
        self.bold_head = r.random() < 0.6
        self.head = 0 if r.random() < 0.07 else 1 if columns < 3 else r.choice((1,) * 13 + (2,) * 6 + (3,))
        self.narrow = r.random() < 0.35  # headings are broken into lines
        if self.head == 1:
            self._headings(0)
        elif self.head > 1:
            self._groups()
        self._body(rows)
        self.rows = self.head + self.body

    def _headings(self, row: int, only: set[int] | None = None) -> None:
        for k in range(self.columns):
            if only is None or k in only:
                blank = k == 0 and self.r.random() < 0.2
                self.cells.append(Cell(row, k, text="" if blank else self.writer.heading(), bold=self.bold_head))

    def _groups(self) -> None:
        """Two or three rows of headings, the upper ones over several columns."""
        r, bottom = self.r, self.head - 1
        upper = bottom - 1
        single: set[int] = {0}
        k, first = 1, True
        even = r.choice((0, 0, 2, 3, 4))
        repeat = [self.writer.heading() for _ in range(even)] if even and r.random() < 0.6 else []
        while k < self.columns:
            n = min(even or r.choice((1, 2, 2, 3, 3, 4)), self.columns - k)
            if n == 1 and not (first and k + 1 == self.columns):
                single.add(k)
            else:
                n = max(n, 1)
                self.cells.append(Cell(upper, k, 1, n, self.writer.group(), self.bold_head, align=r.choice(("centre", "centre", "centre", "left"))))
                for i in range(n):
                    text = repeat[i] if i < len(repeat) else self.writer.heading()
                    self.cells.append(Cell(bottom, k + i, text=text, bold=self.bold_head))
            first = False
            k += n
        if self.head == 3:
            self.cells.append(Cell(0, 1, 1, self.columns - 1, self.writer.group(), self.bold_head, align="centre"))
            for k in single - {0}:  # stand under the uppermost
                self.cells.append(Cell(1, k))
        where = r.choice(("bottom", "bottom", "middle", "middle", "top"))
        for k in sorted(single):
            top = 0 if self.head == 2 or k == 0 else 1
            text = "" if k == 0 and r.random() < 0.12 else self.writer.heading()
            self.cells = [c for c in self.cells if (c.row, c.column) != (top, k)]
            if where == "middle" and text:
                self.cells.append(Cell(top, k, bottom - top + 1, 1, text, self.bold_head, centred=True))
                continue
            for i in range(top, bottom + 1):
                said = i == (bottom if where == "bottom" else top)
                self.cells.append(Cell(i, k, text=text if said else "", bold=self.bold_head))

    def _body(self, rows: int) -> None:
        r, n = self.r, self.columns
        columns = [self.writer.column() for _ in range(n)]
        long = r.random() < 0.15
        numbered = r.random() < 0.06
        grouped = n > 2 and r.random() < 0.13
        sections = rows > 4 and r.random() < 0.22
        across = r.choice(("no", "no", "centre", "long"))
        style = r.choice(((True, False), (True, False), (False, True), (False, False)))
        i, left = 0, 0
        while i < rows:
            row = self.head + i
            if sections and left == 0 and i + 1 < rows:
                left = r.randint(1, 9)
                self.sections.add(row)
                text = self.writer.phrase(3, 9) if across == "long" else self.writer.section()
                name = Cell(row, 0, 1, 1 if across == "no" else n, text, *style, align="centre" if across == "centre" else "left")
                self.cells += [name] + ([Cell(row, k) for k in range(1, n)] if across == "no" else [])
                i += 1
                continue
            if grouped:
                m = min(r.choice((1, 2, 2, 3, 3, 4)), rows - i)
                self._group(row, m, columns, long)
                i += m
                continue
            text = f"{i + 1}." if numbered else self.writer.label(long)
            self.cells.append(Cell(row, 0, text=text, indent=0.8 if sections and style[0] else 0.0))
            self._values(row, 1, columns)
            left = max(0, left - 1)
            i += 1
        self.body = i

    def _group(self, row: int, m: int, columns: list[Column], long: bool) -> None:
        """Rows that share their first cell: in their middle it spans them, else it stands in the first."""
        if m > 1 and self.r.random() < 0.6:
            self.cells.append(Cell(row, 0, m, 1, self.writer.label(False), centred=True))
        else:
            self.cells += [Cell(row, 0, text=self.writer.label(False))] + [Cell(row + i, 0) for i in range(1, m)]
        for i in range(m):
            self.cells.append(Cell(row + i, 1, text=self.writer.label(long)))
            self._values(row + i, 2, columns)

    def _values(self, row: int, first: int, columns: list[Column]) -> None:
        n, r = self.columns, self.r
        k = first
        while k < n:
            if n - k >= 2 and r.random() < 0.006:
                m = r.randint(2, min(4, n - k))
                self.cells.append(Cell(row, k, 1, m, self.writer.phrase(1, 4), align="centre"))
                k += m
                continue
            self.cells.append(Cell(row, k, text=spelled(columns[k].cell())))
            k += 1

    def aligns(self) -> list[str]:
        """How each column is set."""
        r = self.r
        rest = r.choice(("left", "centre", "centre", "right", "right", "mixed"))
        out = ["left" if r.random() < 0.92 else "centre"]
        return out + [rest if rest != "mixed" else r.choice(("left", "centre", "right")) for _ in range(self.columns - 1)]


class Setting:
    """A grid set in type: places of all lines, and the edges of rows and columns."""

    def __init__(self, r: random.Random, grid: Grid, faces: Faces, measure: float):
        self.r, self.grid, self.faces = r, grid, faces
        em = faces.size
        self.em, self.leading = em, em * r.uniform(1.05, 1.45)
        tight = r.random() < 0.55
        self.pad = em * (r.uniform(0.02, 0.25) if tight else r.uniform(0.25, 1.3))  # above and below a row's lines
        self.gap = em * r.choice((r.uniform(0.5, 1.0), r.uniform(0.8, 2.0), r.uniform(1.5, 4.0)))
        self.upright = r.choice(("top",) * 6 + ("middle",) * 4 + ("bottom",) * 2)
        self.hang = r.choice((0.0, 0.0, 0.0, 0.7)) * em  # of a label's further lines
        self.head_upright = r.choice(("bottom", "middle", "top"))
        align = grid.aligns()
        same = r.random() < 0.6  # headings as their columns
        for c in grid.cells:
            if c.columns == 1:
                c.align = align[c.column] if same or c.row >= grid.head or c.column == 0 else "centre"
            c.text = "".join(t for t in c.text if t not in faces.missing) if faces.missing else c.text
        self._columns(measure)
        self._rows()
        for c in grid.cells:
            self._place(c)
        for c in [c for c in grid.cells if c.row in grid.sections and c.columns > 1 and c.align == "left"]:
            if c.box and c.box[2] < self.edges[1] + self.gap / 2:  # nobody can see that it has more room than it needs
                c.columns = 1
                grid.cells += [Cell(c.row, k) for k in range(1, grid.columns)]

    def _columns(self, measure: float) -> None:
        """Widths: as much as the cells need, labels and long texts broken into lines; what the measure leaves is shared."""
        r, grid, em = self.r, self.grid, self.em
        n = grid.columns
        caps = [em * (r.uniform(8, 22) if k == 0 else r.uniform(5, 15)) for k in range(n)]
        widths = [em * 0.6] * n
        for c in grid.cells:
            if c.columns == 1 and c.text and (c.row >= grid.head or not grid.narrow):
                most = caps[c.column] if c.row >= grid.head else max(caps[c.column] * 0.7, widths[c.column])
                face = self.faces.face(c)
                c.lines = wrap(face, c.text, most - c.indent * em)
                widths[c.column] = max(widths[c.column], max(width(face, t) for t in c.lines) + c.indent * em)
        for c in grid.cells:
            if c.columns == 1 and c.text and c.row < grid.head and grid.narrow:
                face = self.faces.face(c)
                c.lines = wrap(face, c.text, max(widths[c.column], em * 2.5))
                widths[c.column] = max(widths[c.column], max(width(face, t) for t in c.lines))
        for c in grid.cells:
            if c.columns > 1 and c.text:
                span = slice(c.column, c.column + c.columns)
                face = self.faces.face(c)
                inner = sum(widths[span]) + self.gap * (c.columns - 1)
                c.lines = wrap(face, c.text, max(inner, em * 5))
                over = max(width(face, t) for t in c.lines) - inner
                if over > 0:
                    widths[span] = [w + over / c.columns for w in widths[span]]
        spare = measure - sum(widths) - self.gap * n
        if spare > 0:
            if r.random() < 0.75:
                self.gap += min(spare / n, em * 7)
            else:
                widths = [w + spare / n for w in widths]
        self.edges = [0.0]  # fields, gaps included
        for w in widths:
            self.edges.append(self.edges[-1] + w + self.gap)
        self.width = self.edges[-1]

    def _rows(self) -> None:
        grid, r = self.grid, self.r
        heights = [self.leading + 2 * self.pad] * grid.rows
        for c in grid.cells:
            if c.rows == 1 and c.lines:
                heights[c.row] = max(heights[c.row], len(c.lines) * self.leading + 2 * self.pad)
        for c in grid.cells:
            if c.rows > 1 and c.lines:
                over = len(c.lines) * self.leading + 2 * self.pad - sum(heights[c.row : c.row + c.rows])
                if over > 0:
                    heights[c.row + c.rows - 1] += over
        extra = r.choice((0.0, 0.0, 0.5, 1.0)) * self.leading
        for i in grid.sections:
            if i > grid.head:
                heights[i - 1] += extra
        self.extra = {i - 1: extra for i in grid.sections if i > grid.head}
        if grid.head and r.random() < 0.3:  # room under the head
            heights[grid.head - 1] += self.leading * 0.4
            self.extra[grid.head - 1] = self.leading * 0.4
        self.levels = [0.0]
        for h in heights:
            self.levels.append(self.levels[-1] + h)
        self.height = self.levels[-1]

    def _place(self, c: Cell) -> None:
        if not c.lines:
            return
        face, em = self.faces.face(c), self.em
        x0, x1 = self.edges[c.column] + self.gap / 2 + c.indent * em, self.edges[c.column + c.columns] - self.gap / 2
        y0 = self.levels[c.row] + self.pad
        y1 = self.levels[c.row + c.rows] - self.pad - self.extra.get(c.row + c.rows - 1, 0.0)
        block = len(c.lines) * self.leading
        upright = "middle" if c.centred else self.head_upright if c.row < self.grid.head else self.upright
        y = y0 if upright == "top" else y1 - block if upright == "bottom" else (y0 + y1 - block) / 2
        drop = 0.5 * (self.leading + 1.4 * face.x_height)  # from a line's top to its baseline
        left, top, right, bottom = math.inf, math.inf, -math.inf, -math.inf
        hang = self.hang if c.column == 0 and c.columns == 1 and c.align == "left" else 0.0
        for i, text in enumerate(c.lines):
            w = width(face, text)
            x = min(x0 + hang * (i > 0), max(x0, x1 - w)) if c.align == "left" else x1 - w if c.align == "right" else (x0 + x1 - w) / 2
            base = y + i * self.leading + drop
            c.placed.append((x, base, text))
            ink = [face.ink(t) for t in set(text) if t != " "]
            left, right = min(left, x), max(right, x + w)
            top = min(top, base + min(min(t[1] for t in ink), -1.25 * face.x_height))
            bottom = max(bottom, base + max(max(t[3] for t in ink), 0.2 * face.x_height))
        c.box = (left, top, right, bottom)
