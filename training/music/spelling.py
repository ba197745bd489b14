"""What the model answers about a bar, as docs/targets.md fixes it: which line or space a note head stands on and which
accidental is drawn in front of it, never how it sounds. Clef, key and earlier accidentals are the plugin's to follow."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from training.music.kern import LETTERS, Bar, Event, Odd, Row, System, event
from training.targets import location

BAR_PROMPT = "omr"
MEASURES_PROMPT = "detect measure"

BARS = ("=", "==", "=||", "=:|!", "=!|:", "=:|!|:", "=|!", "=-")
CLEFS = {"G2": 30, "G1": 32, "F4": 18, "F3": 20, "F5": 16, "C1": 28, "C2": 26, "C3": 24, "C4": 22, "C5": 20, "Gv2": 23, "G^2": 37, "Fv4": 11}
SHARPS, FLATS = "fcgdaeb", "beadgcf"
ACCIDENTALS = {0: "n", 1: "#", -1: "-", 2: "##", -2: "--"}

# Where a thing of the text is drawn: (x, y) in pixels of the view, of a field of a line and a note of its chord (-1: the field
# as a whole); None where nothing is drawn.
Place = Callable[[int, int, int], tuple[float, float] | None]
# Whether an accidental is drawn in front of a note; None: work it out.
Drawn = Callable[[int, int, int], bool] | None


def position(steps: int) -> str:
    """The letter of a line or space: a is the lowest line, b the space above it; A the space below the lowest line."""
    if not -26 <= steps <= 25:
        raise Odd(f"{steps} steps from the lowest line")
    return chr(ord("a") + steps) if steps >= 0 else chr(ord("A") - 1 - steps)


@dataclass
class Staff:
    """What holds on a staff."""

    clef: str = "G2"
    key: dict[int, int] = field(default_factory=dict)  # alteration by step of the octave
    octaves: int = 0  # of an octave sign: notes sound so much higher
    bar: dict[int, int] = field(default_factory=dict)  # alteration by step since the last bar line
    tied: dict[int, int] = field(default_factory=dict)  # of notes tied on

    def lowest(self) -> int:
        """The step that sounds on the lowest line."""
        return CLEFS[self.clef] + 7 * self.octaves

    def accidental(self, step: int, alter: int, tied: bool, marked: bool) -> bool:
        """Whether an accidental must be drawn in front of a note, or is asked for."""
        if marked:
            return True
        if tied and step in self.tied:
            return self.tied[step] != alter
        return self.bar.get(step, self.key.get(step % 7, 0)) != alter

    def derive(self, step: int, drawn: int | None, tied: bool) -> int:
        """How a note sounds by what is drawn."""
        if drawn is not None:
            return drawn
        if tied and step in self.tied:
            return self.tied[step]
        return self.bar.get(step, self.key.get(step % 7, 0))

    def sound(self, step: int, alter: int, drawn: bool, signs: str) -> None:
        """Remember a note."""
        tied = "_" in signs or "]" in signs
        if drawn or not tied:
            self.bar[step] = alter
        if "[" in signs or "_" in signs:
            self.tied[step] = alter
        elif "]" in signs:
            self.tied.pop(step, None)


def key_of(token: str) -> dict[int, int]:
    """The alterations of a key such as *k[b-e-]."""
    names = re.findall(r"([a-g])([#-])", token)
    order = SHARPS if names and names[0][1] == "#" else FLATS
    if [n for n, _ in names] != list(order[: len(names)]) or len({s for _, s in names}) > 1:
        raise Odd(f"key {token}")
    return {LETTERS.index(n): 1 if s == "#" else -1 for n, s in names}


def sign(token: str, staff: Staff) -> str:
    """An interpretation as it is answered, "" for those that nobody sees; what it changes is kept."""
    if token.startswith("*clef"):
        if token[5:] not in CLEFS:
            raise Odd(token)
        staff.clef = token[5:]
        return "*" + staff.clef
    if token.startswith("*k["):
        before = staff.key
        staff.key = key_of(token)
        if staff.key:
            return "*" + ("#" if 1 in staff.key.values() else "-") * len(staff.key)
        return "*n" if before else ""
    if m := re.fullmatch(r"\*M(\d+/\d+)", token):
        return "*" + m.group(1)
    if token in ("*met(c)", "*met(c|)"):
        return "*C" if "|" in token else "*c"
    octaves = {"*8va": ("*8", 1), "*X8va": ("*X", 0), "*8ba": ("*b", -1), "*X8ba": ("*X", 0)}
    if token in octaves:
        text, staff.octaves = octaves[token]
        return text
    if token.startswith("*15") or token.startswith("*X15"):
        raise Odd(token)
    return ""


@dataclass
class Said:
    """One step of the answer: what stands in a staff at one moment, for the auxiliary loss."""

    text: str
    line: int
    staff: int
    tokens: list[tuple[int, str]]  # field and what it is: "note", "rest", "sign", "bar"
    positions: list[tuple[int, int, int, int | None]] = field(default_factory=list)  # field, note, steps, drawn alteration


@dataclass
class Spelled:
    """A bar's answer."""

    lines: list[str]
    said: list[Said]
    state: list[Staff]  # behind the bar


def _loc(value: float) -> str:
    return f"<loc{location(value):04d}>"


class Speller:
    """Spells the bars of a system one after another."""

    def __init__(self, system: System):
        self.system = system
        self.staves = [Staff() for _ in range(system.staves)]
        self.begun = False

    def bar(self, bar: Bar, place: Place, drawn: Drawn = None) -> Spelled:
        """The answer for the next bar. Raises Odd for what cannot be said; the speller goes on behind it all the same."""
        for staff in self.staves:
            staff.bar = {}
        symbol = any(t and t.text.startswith("*met(") for row in bar.rows for staff in row.staves for t in staff)
        lines, said = [], []
        odd: Odd | None = None
        opened = not (bar.open and bar.open != "=" and not self.begun)
        for row in bar.rows:
            try:
                if not opened and row.kind == "notes":
                    opened = True
                    lines.append(_loc(_x(place, bar.line, 0)) + _bar(bar.open))
                    said.append(Said(lines[-1], bar.line, 0, [(0, "bar")]))
                if symbol and row.kind == "signs" and any(t and t.text.startswith("*M") for staff in row.staves for t in staff):
                    continue  # C is drawn, and not 4/4
                text = self._row(row, place, drawn, said)
                if text:
                    lines.append(text)
            except Odd as error:
                odd = odd or error
        self.begun = True
        if odd:
            raise odd
        if bar.close:
            at = place(bar.close_line, 0, -1)
            if at is not None:
                lines.append(_loc(at[0]) + _bar(bar.close))
                said.append(Said(lines[-1], bar.close_line, 0, [(0, "bar")]))
        return Spelled(lines, said, self.staves)

    def _row(self, row: Row, place: Place, drawn: Drawn, said: list[Said]) -> str:
        if row.kind == "signs":
            return self._signs(row, place, said)
        x, columns = None, []
        for number, (voices, staff) in enumerate(zip(row.staves, self.staves)):
            texts = []
            for token in voices:
                if token is None:
                    texts.append("")
                    continue
                e = event(token.text)
                step = Said("", row.line, number, [(token.field, "rest" if e.rest else "note")])
                texts.append(self._event(e, row.line, token.field, staff, place, drawn, step))
                step.text = texts[-1]
                said.append(step)
                at = place(row.line, token.field, 0)
                if x is None and at is not None:
                    x = at[0]
            columns.append(",".join(texts).rstrip(","))
        if x is None:
            raise Odd(f"line {row.line}: nothing is drawn")
        return _loc(x) + _columns(columns)

    def _signs(self, row: Row, place: Place, said: list[Said]) -> str:
        columns, x = [], None
        for number, (voices, staff) in enumerate(zip(row.staves, self.staves)):
            token = next((t for t in voices if t), None)
            text = sign(token.text, staff) if token else ""
            columns.append(text)
            if text:
                said.append(Said(text, row.line, number, [(token.field, "sign")]))
                at = place(row.line, token.field, -1)
                x = at[0] if x is None and at is not None else x
        if not any(columns):
            return ""
        if x is None:
            raise Odd(f"line {row.line}: nothing is drawn")
        return _loc(x) + _columns(columns)

    def _event(self, e: Event, line: int, column: int, staff: Staff, place: Place, drawn: Drawn, step: Said) -> str:
        head = e.duration + e.grace
        if e.rest:
            at = place(line, column, 0)
            if at is None:
                raise Odd(f"line {line}: a rest that is not drawn")
            where = position(e.notes[0].step - staff.lowest()) if e.notes else ""
            return head + _loc(at[1]) + "%" + ("" if where == "e" else where) + e.signs
        head += e.beams
        for i, note in enumerate(e.notes):
            at = place(line, column, i)
            if at is None:
                raise Odd(f"line {line}: a note that is not drawn")
            tied = "_" in note.signs or "]" in note.signs
            shown = staff.accidental(note.step, note.alter, tied, note.marked)
            if drawn is not None:
                shown = drawn(line, column, i)
                if staff.derive(note.step, note.alter if shown else None, tied) != note.alter:
                    raise Odd(f"line {line}: an accidental is missing")
            staff.sound(note.step, note.alter, shown, note.signs)
            steps = note.step - staff.lowest()
            head += _loc(at[1]) + position(steps) + (ACCIDENTALS[note.alter] if shown else "") + note.signs
            step.positions.append((column, i, steps, note.alter if shown else None))
        return head


def _x(place: Place, line: int, column: int) -> float:
    at = place(line, column, -1)
    if at is None:
        raise Odd(f"line {line}: nothing is drawn")
    return at[0]


def _bar(token: str) -> str:
    if token not in BARS:
        raise Odd(f"bar line {token}")
    return token


def _columns(columns: list[str]) -> str:
    while columns and not columns[-1]:
        columns = columns[:-1]
    return "|".join(columns)


def measures_answer(boxes: list[tuple[float, float, float, float]], staves: int, explicit: bool) -> str:
    """The answer about a whole system: its bars from left to right."""
    label = str(staves) + ("x" if explicit else "")
    return "".join("".join(_loc(v) for v in (y0, x0, y1, x1)) + label for x0, y0, x1, y1 in boxes)
