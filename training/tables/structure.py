"""Prompt and answer of the step "table structure", as docs/targets.md fixes them: rows, columns and spans of a table by
their places, without text."""

from __future__ import annotations

import re
from typing import NamedTuple

from training.targets import LOCATION_TOKEN, TILE, Box, location

PROMPT = "table structure"
LISTS = "hbcs"  # head rows, body rows, columns, spans
NUMBERS = {"h": 2, "b": 2, "c": 2, "s": 4}

Band = tuple[float, float]


class Table(NamedTuple):
    """Where rows, columns and spanning cells stand, in pixels of the picture of 224."""

    head: list[Band]  # y0, y1 of each row of column headings
    body: list[Band]  # of each other row
    columns: list[Band]  # x0, x1
    spans: list[Box]  # x0, y0, x1, y1: from its first row and column to its last

    @property
    def rows(self) -> list[Band]:
        """All rows from top to bottom."""
        return self.head + self.body


def answer(tables: list[Table]) -> str:
    """The answer for tables in their order."""
    out = []
    for table in tables:
        spans = [(y0, x0, y1, x1) for x0, y0, x1, y1 in table.spans]
        for letter, things in zip(LISTS, (table.head, table.body, table.columns, spans)):
            if things:
                out.append(letter + "".join(f"<loc{location(v):04d}>" for thing in things for v in thing))
    return "".join(out)


def parse(text: str) -> list[Table]:
    """The tables of an answer, by the rules of docs/targets.md."""
    lists: list[tuple[str, list[float]]] = []
    for piece in LOCATION_TOKEN.split(text):
        if LOCATION_TOKEN.fullmatch(piece):
            if lists:
                lists[-1][1].append(int(piece[4:8]) / 1024 * TILE)
        else:
            lists += [(c, []) for c in piece if c in LISTS]
    tables: list[dict[str, list]] = []
    last = len(LISTS)
    for letter, numbers in lists:
        if LISTS.index(letter) <= last:
            tables.append({c: [] for c in LISTS})
        last = LISTS.index(letter)
        n = NUMBERS[letter]
        for i in range(0, len(numbers) - n + 1, n):
            thing = tuple(numbers[i : i + n])
            if all(a < b for a, b in zip(thing[: n // 2], thing[n // 2 :])):
                tables[-1][letter].append(thing)
    return [t for t in map(_ordered, tables) if t.rows and t.columns]


def _ordered(lists: dict[str, list]) -> Table:
    """A table whose rows and columns follow each other: what lies mostly on the one before is left out, and a head ends
    where the body begins."""
    rows = _apart([(a, b, head) for head, c in ((True, "h"), (False, "b")) for a, b in lists[c]])
    head = next((i for i, row in enumerate(rows) if not row[2]), len(rows))
    columns = _apart([(a, b, False) for a, b in lists["c"]])
    spans = [(x0, y0, x1, y1) for y0, x0, y1, x1 in lists["s"]]
    return Table([r[:2] for r in rows[:head]], [r[:2] for r in rows[head:]], [c[:2] for c in columns], spans)


def _apart(bands: list[tuple[float, float, bool]]) -> list[tuple[float, float, bool]]:
    out: list[tuple[float, float, bool]] = []
    for band in sorted(bands, key=lambda b: b[0] + b[1]):
        if out and min(out[-1][1], band[1]) - max(out[-1][0], band[0]) > 0.5 * min(out[-1][1] - out[-1][0], band[1] - band[0]):
            continue
        out.append(band)
    return out


Cell = tuple[int, int, int, int]  # row, column, rows, columns


def cells(table: Table) -> list[Cell]:
    """The cells of a table's grid, row by row. A span covers the rows and columns whose middles it holds, within its
    section; one of a single place, and one that runs into another, is none."""
    rows, head = table.rows, len(table.head)
    owner: dict[tuple[int, int], int] = {}
    spans: list[Cell] = []
    for x0, y0, x1, y1 in table.spans:
        at = [i for i, (a, b) in enumerate(rows) if y0 <= (a + b) / 2 <= y1]
        across = [i for i, (a, b) in enumerate(table.columns) if x0 <= (a + b) / 2 <= x1]
        if at and at[0] < head:
            at = [i for i in at if i < head]
        places = [(i, k) for i in at for k in across]
        if len(places) < 2 or any(p in owner for p in places):
            continue
        for p in places:
            owner[p] = len(spans)
        spans.append((at[0], across[0], len(at), len(across)))
    out = []
    for i in range(len(rows)):
        for k in range(len(table.columns)):
            span = owner.get((i, k))
            if span is None:
                out.append((i, k, 1, 1))
            elif spans[span][:2] == (i, k):
                out.append(spans[span])
    return out


def matches(said: list[Band], true: list[Band]) -> dict[int, int]:
    """Which bands are the true ones: those that share at least half of what both cover, each once."""
    out: dict[int, int] = {}
    taken: set[int] = set()
    for i, (a, b) in enumerate(said):
        for k, (c, d) in enumerate(true):
            if k not in taken and 2 * (min(b, d) - max(a, c)) >= max(b, d) - min(a, c):
                out[i] = k
                taken.add(k)
                break
    return out


def shown(text: str) -> str:
    """An answer for people: numbers in place of location tokens."""
    return re.sub(r"<loc0*([0-9]+)>", r" \1", text)
