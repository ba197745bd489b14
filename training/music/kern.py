"""**kern as the renderer needs it: systems of one or more staves, bar by bar and line by line, every token with the place in
the text by which Verovio names what it draws."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

SIGNS = "([~'`^;TtMm:_])"  # of a note, in the order in which answers hold them
LETTERS = "cdefgab"

_NOTE = re.compile(r"([a-g]+|[A-G]+)(#{1,2}|-{1,2})?")
_DURATION = re.compile(r"\d+(?:%\d+)?\.*|00?\.*")


class Token(NamedTuple):
    """A token of a line and its field, counted from 0 among all columns of the line."""

    text: str
    field: int


@dataclass
class Row:
    """A line of notes ("notes") or of interpretations ("signs")."""

    kind: str
    line: int  # of the text, from 1
    staves: list[list[Token | None]]  # lowest staff first, then the voices from the upper to the lower


@dataclass
class Bar:
    """What stands between two bar lines."""

    open: str | None  # the bar line in front, None where there is none
    close: str | None
    rows: list[Row] = field(default_factory=list)
    line: int = 0  # of the bar line in front
    close_line: int = 0


class Note(NamedTuple):
    """A note of a chord as it sounds."""

    step: int  # diatonic: 0 is C0, 7 is C1
    alter: int
    marked: bool  # the text asks for an accidental
    signs: str


class Event(NamedTuple):
    """A chord, a note or a rest."""

    duration: str  # with dots
    grace: str
    beams: str
    rest: bool
    notes: list[Note]  # of a rest: where it stands, if the text says so
    signs: str  # of a rest


class Odd(ValueError):
    """A text that this reader does not take; the generators draw another."""


def clean(token: str) -> str:
    """A token of notes without stems, staff placement, and editorial marks."""
    return re.sub(r"[/\\<>NyYxiI&{}@|?$oOzZ]|(?<=[a-gA-G#n-])u|v$", "", token)


def event(token: str) -> Event:
    """Read a token of notes."""
    parts = clean(token).split(" ")
    duration, beams, grace, rest, notes, signs = "", "", "", False, [], ""
    for i, part in enumerate(parts):
        if m := _DURATION.search(part):
            duration = duration or m.group()
            part = part[: m.start()] + part[m.end() :]
        if i == 0:
            beams = "".join(c for b in "LJKk" for c in part if c == b)
            grace = "qq" if "qq" in part else "q" if "q" in part else ""
            rest = "r" in part
        own = "".join(c for s in SIGNS for c in part if c == s)
        part = part.replace("r", "")
        m = _NOTE.search(part)
        if rest:
            signs = ";" if ";" in own else signs
        if m:
            letters, sign = m.group(1), m.group(2) or ""
            octave = 3 + len(letters) if letters.islower() else 4 - len(letters)
            marked = "n" in part[m.end() :] or "X" in part
            notes.append(Note(7 * octave + LETTERS.index(letters[0].lower()), len(sign) * (1 if "#" in sign else -1), marked, own))
        elif not rest:
            raise Odd(f"no note in {token!r}")
    if not duration and not grace:
        raise Odd(f"no duration in {token!r}")
    return Event(duration, grace, beams, rest, notes, signs)


class System(NamedTuple):
    """A text of **kern: its bars and how many staves it has."""

    staves: int
    bars: list[Bar]


def read(text: str) -> System:
    """Read a text whose **kern columns do not begin or end on the way."""
    spines: list[int | None] = []  # the staff of each column, None for other columns
    staves = 0
    bars = [Bar(None, None)]
    for number, line in enumerate(text.split("\n"), 1):
        fields = line.split("\t")
        if not line or line.startswith("!"):
            continue
        if line.startswith("**"):
            if spines:
                raise Odd("columns begin on the way")
            for f in fields:
                spines.append(staves if f == "**kern" else None)
                staves += f == "**kern"
            continue
        if len(fields) != len(spines):
            raise Odd(f"line {number}: {len(fields)} columns")
        if line.startswith("*") and any(f in ("*^", "*v", "*-", "*x", "*+") for f in fields):
            spines = _paths(fields, spines)
            continue
        if line.startswith("="):
            token = re.sub(r"^(=+)\d*[a-z]?", r"\1", next(f for f, s in zip(fields, spines) if s is not None)).replace(";", "")
            bars[-1].close, bars[-1].close_line = token, number
            bars.append(Bar(token, None, [], number))
            continue
        rows: list[list[Token | None]] = [[] for _ in range(staves)]
        for i, (f, staff) in enumerate(zip(fields, spines)):
            if staff is not None:
                rows[staff].append(None if f in (".", "*") else Token(f, i))
        if any(t for staff in rows for t in staff):
            bars[-1].rows.append(Row("signs" if line.startswith("*") else "notes", number, rows))
    if not staves:
        raise Odd("no staves")
    return System(staves, _joined(bars))


def _joined(bars: list[Bar]) -> list[Bar]:
    """Bars without notes go into the next one: what stands in front of the first bar line, and bar lines side by side."""
    out: list[Bar] = []
    for bar in bars:
        if out and not any(r.kind == "notes" for r in out[-1].rows):
            before = out.pop()
            bar.rows = before.rows + bar.rows
            if len(out) > 0:
                bar.line, bar.open = before.line, before.open
        out.append(bar)
    if out and not any(r.kind == "notes" for r in out[-1].rows):
        out.pop()  # behind the last bar line
    return out


def _paths(fields: list[str], spines: list[int | None]) -> list[int | None]:
    out: list[int | None] = []
    i = 0
    while i < len(fields):
        f, s = fields[i], spines[i]
        if f == "*^":
            out += [s, s]
        elif f == "*v":
            while i + 1 < len(fields) and fields[i + 1] == "*v" and spines[i + 1] == s:
                i += 1
            out.append(s)
        elif f in ("*x", "*+"):
            raise Odd("columns change places")
        elif f != "*-":
            out.append(s)
        i += 1
    return out
