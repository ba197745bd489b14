"""Made-up music, as **kern: systems of one or two staves whose bars add up, with the figures that printed music is made of."""

from __future__ import annotations

import random
from fractions import Fraction

from training.music import kern, spelling

_METRES = (("4/4", 4), ("3/4", 3), ("2/4", 2), ("6/8", 3), ("3/8", Fraction(3, 2)), ("2/2", 4), ("9/8", Fraction(9, 2)), ("12/8", 6), ("4/4c", 4))
_NAMES = {Fraction(4): "1", Fraction(3): "2.", Fraction(2): "2", Fraction(3, 2): "4.", Fraction(1): "4", Fraction(3, 4): "8.", Fraction(1, 2): "8",
          Fraction(3, 8): "16.", Fraction(1, 4): "16", Fraction(1, 8): "32", Fraction(1, 3): "12", Fraction(2, 3): "6", Fraction(1, 6): "24", Fraction(6): "1.",
          Fraction(7, 4): "4..", Fraction(1, 16): "64", Fraction(3, 16): "32."}
_H, _Q, _E, _S, _T = Fraction(2), Fraction(1), Fraction(1, 2), Fraction(1, 4), Fraction(1, 8)
_BEATS: tuple[tuple[int, tuple[Fraction, ...]], ...] = (
    (10, (_Q,)), (10, (_E, _E)), (8, (_S,) * 4), (4, (_E, _S, _S)), (4, (_S, _S, _E)), (5, (Fraction(3, 4), _S)), (2, (_S, Fraction(3, 4))),
    (4, (_S, _E, _S)), (4, (Fraction(1, 3),) * 3), (1, (Fraction(2, 3), Fraction(1, 3))), (2, (_T,) * 8), (2, (Fraction(1, 6),) * 6), (1, (_E, _T, _T, _T, _T)),
    (1, (Fraction(3, 8), _T, _E)),
)
_COMPOUND: tuple[tuple[int, tuple[Fraction, ...]], ...] = (
    (8, (_E, _E, _E)), (6, (_Q, _E)), (5, (Fraction(3, 2),)), (3, (Fraction(3, 4), _S, _E)), (3, (_S,) * 6), (2, (_E, _Q)), (2, (_E, _S, _S, _E)),
)


class _Staff:
    """A staff while it is written: clef, key, and what has been drawn in the bar."""

    def __init__(self, clef: str, key: dict[int, int]):
        self.state = spelling.Staff(clef, key)

    def name(self, step: int, alter: int, tied: bool = False, mark: bool = False, signs: str = "") -> str:
        """A pitch as **kern with what is drawn marked."""
        shown = self.state.accidental(step, alter, tied, mark)
        self.state.sound(step, alter, shown, signs)
        octave, letter = divmod(step, 7)
        c = kern.LETTERS[letter]
        text = c * (octave - 3) if octave >= 4 else c.upper() * (4 - octave)
        text += "#" * alter if alter > 0 else "-" * -alter
        return text + (("n" if alter == 0 else "X") if shown else "")


class _Voice:
    """A line of music: where it moves and what figures it likes."""

    def __init__(self, r: random.Random, staff: _Staff, low: int, high: int, chords: float, odd: float):
        self.r, self.staff, self.low, self.high, self.chords, self.odd = r, staff, low, high, chords, odd
        self.at = r.randint(low + (high - low) // 4, high - (high - low) // 4)
        self.tied: list[tuple[int, int]] = []  # notes held into the next
        self.slur = False
        self.motion = r.choice(("step", "leap", "arpeggio", "repeat"))

    def move(self) -> int:
        r = self.r
        if r.random() < 0.12:
            self.motion = r.choice(("step", "step", "leap", "arpeggio", "repeat"))
            self.way = r.choice((-1, 1))
        way = getattr(self, "way", 1)
        by = {"step": way, "leap": r.choice((-5, -4, -3, -2, 2, 3, 4, 5, 7, -7)), "arpeggio": 2 * way, "repeat": r.choice((0, 0, 1, -1))}[self.motion]
        if not self.low <= self.at + by <= self.high:
            self.way = -way
            by = -by
        self.at = min(self.high, max(self.low, self.at + by))
        return self.at

    def alter(self, step: int) -> int:
        base = self.staff.state.key.get(step % 7, 0)
        if self.r.random() < self.odd:
            return max(-2, min(2, base + self.r.choice((-1, 1)))) if self.r.random() < 0.9 else self.r.choice((2, -2))
        return self.staff.state.bar.get(step, base) if self.r.random() < 0.8 else base


def _groups(r: random.Random, length: Fraction, compound: bool) -> list[tuple[Fraction, ...]]:
    """The beats of a bar."""
    out: list[tuple[Fraction, ...]] = []
    left = Fraction(length)
    unit = Fraction(3, 2) if compound else Fraction(1)
    table = _COMPOUND if compound else _BEATS
    favourite = r.choice(table)[1] if r.random() < 0.4 else None
    while left > 0:
        if left >= 2 * unit and r.random() < 0.12:
            out.append((2 * unit,))
        elif left >= Fraction(3) and not compound and r.random() < 0.05:
            out.append((Fraction(3),))
        elif not compound and left >= 2 and r.random() < 0.06:
            out.append((Fraction(3, 2), _E))
        elif left >= unit:
            out.append(favourite if favourite and r.random() < 0.6 else r.choices([t for _, t in table], [w for w, _ in table])[0])
        else:
            out.append((left,))
        left -= sum(out[-1])
    return out


def _beams(durations: list[Fraction], rests: list[bool]) -> list[str]:
    """L, J, K and k of the notes of one beat."""

    def flags(d: Fraction) -> int:
        plain = {"8": 1, "12": 1, "16": 2, "24": 2, "32": 3, "64": 4}.get(_NAMES[d].rstrip("."), 0)
        return plain

    out = [""] * len(durations)
    run: list[int] = []

    def close() -> None:
        if len(run) > 1:
            levels = [flags(durations[i]) for i in run]
            for level in range(1, max(levels) + 1):
                k = 0
                while k < len(run):
                    if levels[k] < level:
                        k += 1
                        continue
                    e = k
                    while e + 1 < len(run) and levels[e + 1] >= level:
                        e += 1
                    if e > k:
                        out[run[k]] += "L"
                        out[run[e]] += "J"
                    else:
                        out[run[k]] += "k" if k > 0 else "K"
                    k = e + 1
        run.clear()

    for i, d in enumerate(durations):
        if rests[i] or flags(d) == 0:
            close()
        else:
            run.append(i)
    close()
    return ["".join(c for b in "LJKk" for c in t if c == b) for t in out]


def _line(r: random.Random, voice: _Voice, length: Fraction, compound: bool, last: bool, style: dict) -> list[tuple[Fraction, str]]:
    """A bar of a voice: tokens and when they begin; grace notes stand at their note's time, before it."""
    out: list[tuple[Fraction, str]] = []
    now = Fraction(0)
    groups = _groups(r, length, compound)
    for g, group in enumerate(groups):
        rests = [r.random() < style["rests"] and not voice.tied for _ in group]
        if all(rests) and len(group) > 1:
            group, rests = (sum(group),) if sum(group) in _NAMES else group, [True] if sum(group) in _NAMES else rests
        signs = _beams(list(group), rests)
        legato = r.random() < style["slurs"] and len(group) > 1 and not any(rests)
        dots = r.random() < style["staccato"]
        for i, (d, rest, beam) in enumerate(zip(group, rests, signs)):
            name = _NAMES[d]
            if rest:
                voice.tied = []
                out.append((now, f"{name}r"))
                now += d
                continue
            if r.random() < style["graces"] and not voice.tied:
                step = voice.at + r.choice((1, -1, 2))
                out.append((now, "8q" + voice.staff.name(step, voice.alter(step))))
            if voice.tied:
                pitches, kept = voice.tied, True
            else:
                top = voice.move()
                pitches, kept = [(top, voice.alter(top))], False
                if r.random() < voice.chords:
                    shape = r.choice(((-2,), (-2, -4), (-7,), (-2, -4, -7), (-3, -5), (-5,), (-2, -5), (-1,), (-4, -7), (-3, -7)))
                    pitches += [(top + k, voice.alter(top + k)) for k in shape if top + k >= voice.low - 5]
            final = g == len(groups) - 1 and i == len(group) - 1
            tie = r.random() < style["ties"] and not (final and last)
            parts = []
            for n, (step, alter) in enumerate(pitches):
                sign = "_" if kept and tie else "]" if kept else "[" if tie else ""
                text = voice.staff.name(step, alter, kept, r.random() < 0.01, sign)
                before = ("(" if legato and i == 0 and n == 0 else "") + ("[" if sign == "[" else "")
                after = ""
                if n == 0:
                    after += ("'" if dots and not legato else "") + ("^" if r.random() < style["accents"] else "") + (";" if r.random() < 0.004 else "")
                    after += "T" if r.random() < 0.004 else ""
                    after += beam
                after += sign if sign in "_]" else ""
                after += ")" if legato and i == len(group) - 1 and n == 0 else ""
                parts.append(before + name + text + after)
            voice.tied = list(pitches) if tie else []
            out.append((now, " ".join(parts)))
            now += d
    return out


def _accompaniment(r: random.Random, voice: _Voice, length: Fraction, compound: bool, kind: str) -> list[tuple[Fraction, str]]:
    """A bar of a left hand's figure."""
    root = voice.move()
    out: list[tuple[Fraction, str]] = []
    now = Fraction(0)

    def notes(steps: tuple[int, ...], name: str, beam: str = "") -> str:
        return " ".join(name + voice.staff.name(s, voice.alter(s)) + (beam if n == 0 else "") for n, s in enumerate(steps))

    if kind == "oompah":
        unit = _E if length <= 2 or r.random() < 0.5 else _Q
        k = 0
        while now < length:
            d = min(unit, length - now)
            low = k % (3 if length in (3, Fraction(3, 2)) else 2) == 0
            steps = (root, root - 7) if low and r.random() < 0.7 else (root,) if low else (root + 4, root + 7, root + 9)[: r.randint(2, 3)]
            beam = "" if d >= 1 else ("L" if k % 2 == 0 and length - now >= 2 * d else "J" if k % 2 == 1 else "")
            out.append((now, notes(tuple(reversed(steps)), _NAMES[d], beam)))
            now += d
            k += 1
        return out
    shape = (0, 4, 2, 4) if kind == "alberti" else (0, 4, 7, 4) if kind == "broken" else (0, 7, 9, 11, 9, 7)
    unit = _E if r.random() < 0.6 else _S
    per = 3 if compound and unit == _E else 6 if compound else 4 if unit == _S or r.random() < 0.5 else 2
    tokens = []
    count = int(length / unit)
    for k in range(count):
        in_group = k % per
        size = min(per, count - (k - in_group))
        level = "L" if unit == _E else "LL"
        beam = "" if size == 1 else level if in_group == 0 else level.replace("L", "J") if in_group == size - 1 else ""
        tokens.append((now, notes((root + shape[k % len(shape)],), _NAMES[unit], beam)))
        now += unit
    if now < length:
        tokens.append((now, _NAMES[length - now] + "r"))
    return tokens


def compose(r: random.Random) -> str:
    """A system of some bars."""
    staves = 2 if r.random() < 0.82 else 1
    metre, length = r.choices(_METRES, (8, 8, 8, 5, 2, 1, 1, 1, 2))[0]
    length = Fraction(length)
    compound = metre in ("6/8", "9/8", "12/8", "3/8")
    sharps = r.choice((-6, -5, -4, -3, -2, -1, 0, 0, 0, 1, 2, 3, 4, 5, 6))
    order = (spelling.SHARPS if sharps > 0 else spelling.FLATS)[: abs(sharps)]
    key = {kern.LETTERS.index(c): (1 if sharps > 0 else -1) for c in order}
    key_token = "*k[" + "".join(c + ("#" if sharps > 0 else "-") for c in order) + "]"
    clefs = [r.choice(("F4",) * 9 + ("G2",)), "G2"] if staves == 2 else [r.choice(("G2",) * 5 + ("F4",) * 3 + ("C3", "C4"))]
    style = {"rests": r.choice((0.02, 0.06, 0.15)), "slurs": r.choice((0, 0.15, 0.5)), "staccato": r.choice((0, 0.1, 0.4)), "accents": r.choice((0, 0.02, 0.1)),
             "ties": r.choice((0, 0.04, 0.12)), "graces": r.choice((0, 0, 0.03))}
    odd = r.choice((0.0, 0.03, 0.08, 0.2))
    parts: list[tuple[_Staff, list[_Voice], str]] = []
    for n, clef in enumerate(clefs):
        staff = _Staff(clef, dict(key))
        low = spelling.CLEFS[clef]
        upper = n == staves - 1
        voices = [_Voice(r, staff, low - (5 if upper else 6), low + r.choice((9, 11, 15, 18)), r.choice((0.0, 0.15, 0.5, 0.85)), odd)]
        kind = "line" if upper else r.choice(("line", "oompah", "oompah", "alberti", "broken", "wide"))
        parts.append((staff, voices, kind))
    dynamics = r.random() < 0.4
    fingers = r.random() < 0.15
    extra = dynamics + fingers
    lines = [["**kern"] * staves + ["**dynam"] * dynamics + ["**fing"] * fingers]
    lines.append(["*clef" + c for c in clefs] + ["*"] * extra)
    lines.append([key_token] * staves + ["*"] * extra)
    if r.random() < 0.3:
        lines.append(["*M" + metre.rstrip("c")] * staves + ["*"] * extra)
        if metre.endswith("c"):
            lines.append(["*met(c)"] * staves + ["*"] * extra)
    first = r.choices(("=", "=!|:"), (12, 1))[0]
    lines.append([first] * (staves + extra))
    bars = r.choice((3, 4, 4, 5, 5, 6)) if staves == 2 else r.randint(4, 8)
    for b in range(bars):
        _bar(r, lines, parts, length, compound, b == bars - 1, style, dynamics, fingers)
        if b < bars - 1:
            lines.append([r.choices(("=", "=||", "=:|!", "=!|:", "=:|!|:"), (60, 1, 1, 1, 1))[0]] * (staves + extra))
        elif r.random() < 0.7:
            lines.append([r.choices(("=", "==", "=:|!"), (6, 2, 1))[0]] * (staves + extra))
    lines.append(["*-"] * (staves + extra))
    return "\n".join("\t".join(line) for line in lines) + "\n"


def _bar(r: random.Random, lines: list[list[str]], parts: list, length: Fraction, compound: bool, last: bool, style: dict, dynamics: bool, fingers: bool) -> None:
    """Write a bar: every staff with one voice, or now and then two."""
    extra = dynamics + fingers
    columns: list[list[tuple[Fraction, str]]] = []
    split: list[bool] = []
    for n, (staff, voices, kind) in enumerate(parts):
        staff.state.bar = {}
        if r.random() < 0.025 and staff.state.clef in ("F4", "G2") and not voices[0].tied:
            staff.state.clef = "G2" if staff.state.clef == "F4" else "F4"
            lines.append(["*"] * n + ["*clef" + staff.state.clef] + ["*"] * (len(parts) - n - 1 + extra))
            shift = 12 if staff.state.clef == "G2" else -12
            for v in voices:
                v.low, v.high, v.at = v.low + shift, v.high + shift, v.at + shift
        voice = voices[0]
        two = not voice.tied and r.random() < 0.14
        split.append(two)
        if r.random() < 0.02 and not voice.tied and not two and length in _NAMES:
            columns.append([(Fraction(0), _NAMES[length] + "r")])
        elif kind == "line" or two or voice.tied:
            columns.append(_line(r, voice, length, compound, last or two, style))
            if two:
                under = _Voice(r, staff, max(voice.low - 4, voice.at - 10), max(voice.low + 3, voice.at - 3), 0.15, 0.02)
                plain = {**style, "graces": 0, "ties": 0, "rests": 0.05}
                columns.append(_line(r, under, length, compound, True, plain))
                voice.tied = []
        else:
            columns.append(_accompaniment(r, voice, length, compound, kind))
    if any(split):
        lines.append([("*^" if s else "*") for s in split] + ["*"] * extra)
    for row in _merge(columns):
        tail = ([r.choice(("p", "f", "mf", "ff", "pp", "sf", "<", ">")) if r.random() < 0.06 else "."] if dynamics else []) + (
            [str(r.randint(1, 5)) if r.random() < 0.3 else "."] if fingers else [])
        lines.append(row + tail)
    for n in range(len(parts)):
        if split[n]:
            before = sum(1 if i < n else (2 if split[i] else 1) if i > n else 0 for i in range(len(parts)))
            row = ["*"] * n + ["*v", "*v"] + ["*"] * (before - n + extra)
            lines.append(row)


def _merge(columns: list[list[tuple[Fraction, str]]]) -> list[list[str]]:
    """Lines of tokens that begin together; grace notes on lines of their own."""
    rows: list[list[str]] = []
    at = [0] * len(columns)
    while True:
        times = [c[i][0] for c, i in zip(columns, at) if i < len(c)]
        if not times:
            return rows
        now = min(times)
        grace = [i < len(c) and c[i][0] == now and "q" in c[i][1] for c, i in zip(columns, at)]
        row = []
        for n, c in enumerate(columns):
            take = at[n] < len(c) and c[at[n]][0] == now and (grace[n] if any(grace) else True)
            row.append(c[at[n]][1] if take else ".")
            at[n] += take
        rows.append(row)
