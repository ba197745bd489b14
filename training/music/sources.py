"""Where music comes from: **kern of Chopin's first editions, of works that no evaluation set holds, cut into systems; and
made-up systems. Both are **kern texts for Verovio; nothing else of the files is used."""

from __future__ import annotations

import os
import random
import re
import tarfile
from collections import OrderedDict
from pathlib import Path

from training.music import kern
from training.music.compose import compose
from training.music.kern import Bar, Odd, Row

SHARED = Path(os.environ.get("PALIMPSEST_SHARED", Path(__file__).resolve().parents[3] / "shared"))
ARCHIVE = SHARED / "data" / "training" / "kern_chopin.tar.gz"
VALIDATION = ("018", "029", "047")  # works that are kept out of training
OPEN_FILES = 4  # parsed at a time
FROM_ONE = 8  # systems of a file before another is taken


def _files() -> dict[str, str]:
    """The texts of the archive by name."""
    if not ARCHIVE.exists():
        return {}
    with tarfile.open(ARCHIVE) as archive:
        members = [m for m in archive.getmembers() if m.name.endswith(".krn") and m.size < 2_000_000]
        return {Path(m.name).stem: archive.extractfile(m).read().decode("utf-8", "replace") for m in members}


class Works:
    """Systems cut from the archive."""

    def __init__(self, split: str):
        def usable(name: str, text: str) -> bool:
            head = re.search(r"^\*\*.*$", text, re.M)
            staves = head.group().split("\t").count("**kern") if head else 0
            return staves in (1, 2) and name.startswith(VALIDATION) == (split != "train")

        self.texts = {n: t for n, t in _files().items() if usable(n, t)}
        self.names = sorted(self.texts)
        self.parsed: OrderedDict[str, tuple[kern.System, list[list[dict[str, str]]]] | None] = OrderedDict()
        self.current, self.left = "", 0

    def _parsed(self, name: str) -> tuple[kern.System, list[list[dict[str, str]]]] | None:
        if name not in self.parsed:
            try:
                system = kern.read(self.texts[name])
                self.parsed[name] = system, holds(system)
            except Odd:
                self.parsed[name] = None
            while len(self.parsed) > OPEN_FILES:
                self.parsed.popitem(last=False)
        return self.parsed[name]

    def system(self, r: random.Random) -> str | None:
        """A few bars of a work as a text of their own."""
        if not self.names:
            return None
        if not self.left:
            self.current, self.left = r.choice(self.names), FROM_ONE
        self.left -= 1
        found = self._parsed(self.current)
        if not found or len(found[0].bars) < 4:
            self.left = 0
            return None
        system, states = found
        count = r.choice((3, 4, 4, 5, 5, 6, 7)) if system.staves == 2 else r.randint(4, 9)
        first = r.randrange(max(1, len(system.bars) - count))
        return cut(system.bars[first : first + count], states[first], r, whole=first == 0)


def holds(system: kern.System) -> list[list[dict[str, str]]]:
    """The interpretations that hold on each staff at the beginning of each bar, by kind."""
    now: list[dict[str, str]] = [{} for _ in range(system.staves)]
    out = []
    for bar in system.bars:
        out.append([dict(s) for s in now])
        for row in bar.rows:
            if row.kind != "signs":
                continue
            for staff, voices in zip(now, row.staves):
                for token in voices:
                    if token:
                        for kind, begin in (("clef", "*clef"), ("key", "*k["), ("metre", "*M"), ("symbol", "*met("), ("octave", "*8"), ("octave", "*X8")):
                            if token.text.startswith(begin) and not token.text.startswith("*MM"):
                                staff[kind] = token.text
                                if kind == "metre":
                                    staff.pop("symbol", None)
    return out


WANTED = ("*clef", "*k[", "*M", "*met(", "*8", "*X8")
DYNAMICS = ("p", "f", "pp", "ff", "mf", "mp", "sf", "fz", "<", ">", "[", "]")


def cut(bars: list[Bar], state: list[dict[str, str]], r: random.Random, whole: bool) -> str:
    """A text of some bars: clefs and keys said again, the metre sometimes; a column of dynamics now and then."""
    staves = len(state)
    dynamics = r.random() < 0.35
    lines: list[list[str]] = [["**kern"] * staves + ["**dynam"] * dynamics]
    metre = r.random() < 0.12

    def say(tokens: list[str]) -> None:
        if any(t != "*" for t in tokens):
            lines.append([t or "*" for t in tokens] + ["*"] * dynamics)

    if not whole:
        say([s.get("clef", "*clefG2") for s in state])
        say([s.get("key", "*k[]") for s in state])
        if metre:
            say([s.get("metre", "*") for s in state])
            say([s.get("symbol", "*") for s in state])
        if bars[0].open:
            lines.append([bars[0].open] * staves + [bars[0].open] * dynamics)
        say([s.get("octave", "*").replace("*X8va", "*").replace("*X8ba", "*") for s in state])
    columns = [1] * staves
    for n, bar in enumerate(bars):
        for row in bar.rows:
            columns = _fit(lines, columns, row, dynamics)
            if row.kind == "notes":
                texts = [t.text if t else "." for staff in row.staves for t in staff]
                lines.append(texts + [r.choice(DYNAMICS) if r.random() < 0.12 else "."] * dynamics)
            else:
                texts = [t.text if t and t.text.startswith(WANTED) and not t.text.startswith("*MM") else "*" for staff in row.staves for t in staff]
                if any(t != "*" for t in texts):
                    lines.append(texts + ["*"] * dynamics)
        if bar.close and (n < len(bars) - 1 or bar.close != "=" or r.random() < 0.6):
            lines.append([bar.close] * (sum(columns) + dynamics))
    _fit(lines, columns, Row("notes", 0, [[None] for _ in range(staves)]), dynamics)
    lines.append(["*-"] * (staves + dynamics))
    return "\n".join("\t".join(line) for line in lines) + "\n"


def _fit(lines: list[list[str]], columns: list[int], row: Row, dynamics: bool) -> list[int]:
    """Split and join columns until there are as many as a row has."""
    wanted = [len(v) for v in row.staves]
    while columns != wanted:
        tokens, then = [], []
        for have, want in zip(columns, wanted):
            if have < want:
                tokens += ["*"] * (have - 1) + ["*^"]
                then.append(have + 1)
            elif have > want:
                tokens += ["*"] * (want - 1) + ["*v"] * (have - want + 1)
                then.append(want)
            else:
                tokens += ["*"] * have
                then.append(have)
        # Joins of two staves side by side would be read as one.
        if any(h > w for h, w in zip(columns, wanted)) and sum(h > w for h, w in zip(columns, wanted)) > 1:
            first = next(i for i, (h, w) in enumerate(zip(columns, wanted)) if h > w)
            only = [w if i == first else h for i, (h, w) in enumerate(zip(columns, wanted))]
            columns = _fit(lines, columns, Row("notes", 0, [[None] * n for n in only]), dynamics)
            continue
        lines.append(tokens + ["*"] * dynamics)
        columns = then
    return columns


def made(r: random.Random) -> str:
    """A made-up system."""
    return compose(r)


_PART = re.compile(r"([(\[]*)([\d.%]*q*)([a-gA-G]+)([#-]*)(.*)")


def truth(text: str, accidentals: set[tuple[int, int, int]]) -> str:
    """A text in the manner of printed editions that mark all they print: every accidental that is drawn (by line, field and note)
    carries its mark, and stems, placement, dynamics and fingering are left out."""
    system = kern.read(text)
    lines: list[list[str]] = [["**kern"] * system.staves]
    columns = [1] * system.staves
    for n, bar in enumerate(system.bars):
        opened = not bar.open
        for row in bar.rows:
            if not opened and row.line > bar.line:
                opened = True
                lines.append([bar.open] * sum(columns)) if n == 0 else None
            if row.kind == "notes":
                columns = _fit(lines, columns, row, False)
                lines.append([_marked(t, row.line, accidentals) if t else "." for staff in row.staves for t in staff])
                continue
            texts = [t.text if t and t.text.startswith(WANTED) and not t.text.startswith("*MM") else "*" for staff in row.staves for t in staff]
            if any(t != "*" for t in texts):
                columns = _fit(lines, columns, row, False)
                lines.append(texts)
        following = next((r for b in system.bars[n + 1 : n + 2] for r in b.rows if r.kind == "notes"), None)
        after = [len(v) for v in following.staves] if following else [1] * system.staves
        columns = _fit(lines, columns, Row("notes", 0, [[None] * min(a, b) for a, b in zip(columns, after)]), False)
        if bar.close and (following or bar.close != "="):
            lines.append([bar.close] * sum(columns))
    lines.append(["*-"] * system.staves)
    return "\n".join("\t".join(line) for line in lines) + "\n"


def _marked(token: kern.Token, line: int, accidentals: set[tuple[int, int, int]]) -> str:
    parts = []
    for i, part in enumerate(kern.clean(token.text).split(" ")):
        m = _PART.fullmatch(part.replace("X", "").replace("n", ""))
        if "r" in part or not m:
            parts.append(part)
            continue
        before, duration, letters, sign, after = m.groups()
        mark = ("X" if sign else "n") if (line, token.field, i) in accidentals else ""
        parts.append(before + duration + letters + sign + mark + after)
    return " ".join(parts)
