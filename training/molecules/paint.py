"""Paints a laid-out molecule with Pillow in the manner of many drawing programs, and says where its ink went."""

from __future__ import annotations

import functools
import math
import random
import re
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from training import fonts, vocab
from training.molecules.drawing import Bond
from training.molecules.layout import Plan, Printed

# Symbols of the auxiliary loss: corners of lines by how many bonds meet there, then bonds by kind.
CORNERS = {1: 0, 2: 1, 3: 2, 4: 3}
KINDS = {"": 4, "=": 5, "#": 6, "/": 7, "\\": 7, ":": 8, ";": 8, "~": 9, "%": 10, "o": 11}

Rect = tuple[float, float, float, float]


@functools.lru_cache(maxsize=96)
def _font(path: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)


@functools.lru_cache(maxsize=4096)
def _ink(path: str, size: int, c: str) -> tuple[float, Rect]:
    font = _font(path, size)
    return font.getlength(c), font.getbbox(c, anchor="ls")


# By letters of the file name: the sans serifs that formulas are mostly lettered in, and the usual roman.
_SANS = ("sans", "arimo", "helvet", "heros", "dejavusans", "roboto", "lato", "carlito", "hack", "karla", "cantarell", "b612")
_ROMAN = ("liberationserif", "tinos", "nimbusroman", "termes", "freeserif", "stix")

_SLANTED = re.compile(r"(?i:ital|obliq|slant)|(?:-|[a-z])B?I(?:t|$)")


@functools.lru_cache(maxsize=4)
def _faces(split: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Fonts that formulas are lettered in: the usual sans serifs, the usual roman, and all upright ones."""
    document, _ = fonts.families(split)
    every = [f for family in document for f in family if not f.italic and not _SLANTED.search(Path(f.path).stem) and "+" not in f.missing and "-" not in f.missing]
    light = [f.path for f in every if not f.bold]

    def named(words: tuple[str, ...]) -> tuple[str, ...]:
        found = [p for p in light if any(w in Path(p).name.lower().replace("-", "") for w in words)]
        return tuple(found or light or [f.path for f in every])

    return named(_SANS), named(_ROMAN), tuple(f.path for f in every)


@dataclass
class Style:
    """How a drawing looks. Lengths are shares of a bond."""

    font: str
    letter: float  # height of a capital
    line: float  # width
    double: float  # distance of the two lines of a double bond
    shorten: float  # of the inner line, at either end
    wedge: float  # width at the wide end
    hashes: float  # distance of the lines of a hashed wedge
    gap: float  # between a letter and a line
    sub: float  # size of digits below the line
    centred: float  # share of double bonds at ends of chains with both lines beside the axis
    hollow: bool  # wedges as outlines
    flat_hash: bool  # hashed bonds of one width
    ink: int = 0

    @staticmethod
    def some(r: random.Random, split: str) -> "Style":
        """A style of training, or one of those kept out of it."""
        sans, roman, every = _faces(split)
        return Style(
            font=r.choice(r.choices((sans, roman, every), (0.5, 0.25, 0.25))[0]),
            letter=r.uniform(0.34, 0.62) if r.random() < 0.9 else r.uniform(0.28, 0.72),
            line=math.exp(r.uniform(math.log(0.025), math.log(0.1))),
            double=r.uniform(0.11, 0.22),
            shorten=r.choice((0.0, r.uniform(0.04, 0.2), r.uniform(0.08, 0.16))),
            wedge=r.uniform(0.12, 0.26),
            hashes=r.uniform(0.07, 0.16),
            gap=r.uniform(0.02, 0.14),
            sub=r.uniform(0.6, 0.8),
            centred=r.choice((0.0, 1.0, 1.0)),
            hollow=r.random() < 0.03,
            flat_hash=r.random() < 0.12,
        )


class Painter:
    """Paints one plan. `unit` is a bond in pixels of the canvas; the drawing's (0, 0) lies at `origin`."""

    def __init__(self, plan: Plan, style: Style, unit: float, r: random.Random):
        self.plan, self.style, self.unit, self.r = plan, style, unit, r
        self.near = plan.drawing.neighbours()
        self.size = self._font_size()
        self.width = max(1, round(style.line * unit))
        self.letters: list[list[tuple[str, float, float, Rect, int]]] = [self._place(p) for p in plan.printed]  # c, x, y, ink, font size
        self.origin = (0.0, 0.0)

    def _font_size(self) -> int:
        target = self.style.letter * self.unit
        _, box = _ink(self.style.font, 100, "H")
        return max(5, round(target / max(0.3, -box[1] / 100)))

    def _place(self, printed: Printed) -> list[tuple[str, float, float, Rect, int]]:
        """The characters of a label around its atom at (0, 0): where each is drawn and its ink."""
        if not printed.pieces:
            return []
        font, size, out = self.style.font, self.size, []
        _, capital = _ink(font, size, "H")
        small = max(4, round(size * self.style.sub))
        pen, seen, rows = 0.0, 0, {}
        head_x = head_y = 0.0
        for piece in printed.pieces:
            s = small if piece.level else size
            shift = {0: 0.0, 1: 0.28, 2: -0.45}[piece.level] * -capital[1]
            if piece.row:
                shift += piece.row * -capital[1] * 1.28
                if piece.row not in rows:
                    rows[piece.row] = pen
                    pen = out[0][1] if out else 0.0
            for c in piece.text:
                advance, box = _ink(font, s, c)
                if seen == printed.head:
                    head_x, head_y = pen + (box[0] + box[2]) / 2, shift + (box[1] + box[3]) / 2
                out.append((c, pen, shift, box, s))
                pen += advance
                seen += 1
        return [(c, x - head_x, y - head_y, (x - head_x + b[0], y - head_y + b[1], x - head_x + b[2], y - head_y + b[3]), s) for c, x, y, b, s in out]

    def at(self, atom: int) -> tuple[float, float]:
        """Where an atom stands on the canvas."""
        a = self.plan.drawing.atoms[atom]
        return a.x * self.unit + self.origin[0], a.y * self.unit + self.origin[1]

    def extent(self) -> Rect:
        """The ink of the drawing on the canvas, within a line's width."""
        boxes = []
        for i, letters in enumerate(self.letters):
            x, y = self.at(i)
            w = self.width / 2
            boxes.append((x - w, y - w, x + w, y + w))
            boxes += [(x + b[0], y + b[1], x + b[2], y + b[3]) for _, _, _, b, _ in letters]
        return min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes)

    def crowded(self) -> bool:
        """Whether letters of different atoms lie on one another, or an atom lies in another's letters."""
        boxes = [(i, self._label_box(i)) for i, l in enumerate(self.letters) if l]
        for k, (i, b) in enumerate(boxes):
            for j, o in boxes[:k]:
                if b[0] < o[2] and o[0] < b[2] and b[1] < o[3] and o[1] < b[3]:
                    return True
            for j in range(len(self.letters)):
                x, y = self.at(j)
                if j != i and b[0] - 1 < x < b[2] + 1 and b[1] - 1 < y < b[3] + 1:
                    return True
        return False

    def _label_box(self, atom: int) -> Rect:
        x, y = self.at(atom)
        boxes = [l[3] for l in self.letters[atom]]
        return x + min(b[0] for b in boxes), y + min(b[1] for b in boxes), x + max(b[2] for b in boxes), y + max(b[3] for b in boxes)

    def paint(self, image: Image.Image) -> None:
        """Draws bonds, then letters."""
        draw = ImageDraw.Draw(image)
        for i, bond in enumerate(self.plan.drawing.bonds):
            self._bond(draw, bond, self.plan.inner[i])
        for x, y in self.plan.circles:
            cx, cy = x * self.unit + self.origin[0], y * self.unit + self.origin[1]
            rad = self.unit * 0.58
            draw.ellipse((cx - rad, cy - rad, cx + rad, cy + rad), outline=self.style.ink, width=self.width)
        for i, letters in enumerate(self.letters):
            x, y = self.at(i)
            for c, dx, dy, _, size in letters:
                draw.text((x + dx, y + dy), c, fill=self.style.ink, font=_font(self.style.font, size), anchor="ls")

    def _clip(self, atom: int, to: tuple[float, float]) -> tuple[float, float]:
        """Where a line from an atom towards a point begins: outside its letters."""
        x, y = self.at(atom)
        if not self.letters[atom]:
            return x, y
        gap = self.style.gap * self.unit + self.width / 2
        dx, dy = to[0] - x, to[1] - y
        t = 0.0
        for _ in range(4):
            for _, _, _, b, _ in self.letters[atom]:
                span = _crossing((b[0] - gap, b[1] - gap, b[2] + gap, b[3] + gap), dx, dy)
                if span and span[0] <= t + 1e-6 and span[1] > t:
                    t = span[1]
        t = min(t, 0.8)
        return x + dx * t, y + dy * t

    def _line(self, draw: ImageDraw.ImageDraw, a: tuple[float, float], b: tuple[float, float]) -> None:
        draw.line((*a, *b), fill=self.style.ink, width=self.width)
        if self.width > 2:
            for x, y in (a, b):
                w = self.width / 2 - 0.5
                draw.ellipse((x - w, y - w, x + w, y + w), fill=self.style.ink)

    def _bond(self, draw: ImageDraw.ImageDraw, bond: Bond, ring: tuple[float, float] | None) -> None:
        first, second = bond.first, bond.second
        if bond.kind in ("\\", ";"):
            first, second = second, first
        a, b = self._clip(first, self.at(second)), self._clip(second, self.at(first))
        dx, dy = b[0] - a[0], b[1] - a[1]
        length = math.hypot(dx, dy)
        if length < 1:
            return
        nx, ny = -dy / length, dx / length
        match bond.kind:
            case "":
                self._line(draw, a, b)
            case "=":
                self._double(draw, bond, a, b, (nx, ny), ring)
            case "%":
                d = self.style.double * self.unit / 2
                self._line(draw, (a[0] + nx * d, a[1] + ny * d), (b[0] - nx * d, b[1] - ny * d))
                self._line(draw, (a[0] - nx * d, a[1] - ny * d), (b[0] + nx * d, b[1] + ny * d))
            case "#":
                d = self.style.double * self.unit
                for k in (-d, 0, d):
                    self._line(draw, (a[0] + nx * k, a[1] + ny * k), (b[0] + nx * k, b[1] + ny * k))
            case "/" | "\\":
                w = max(self.style.wedge * self.unit, 2 * self.width) / 2
                shape = (a, (b[0] + nx * w, b[1] + ny * w), (b[0] - nx * w, b[1] - ny * w))
                draw.polygon(shape, fill=None if self.style.hollow else self.style.ink, outline=self.style.ink, width=max(1, self.width if self.style.hollow else 1))
            case ":" | ";":
                self._hashed(draw, a, b, (nx, ny), length)
            case "~":
                self._wavy(draw, a, b, (nx, ny), length)

    def _double(self, draw, bond: Bond, a, b, n: tuple[float, float], ring: tuple[float, float] | None) -> None:
        d = self.style.double * self.unit
        first, second = bond.first, bond.second
        ends = len(self.near[first]) == 1 or len(self.near[second]) == 1
        lettered = self.letters[first] and self.letters[second]
        if ring is None and (ends and self.style.centred > 0.5 or lettered):
            for k in (-d / 2, d / 2):
                self._line(draw, (a[0] + n[0] * k, a[1] + n[1] * k), (b[0] + n[0] * k, b[1] + n[1] * k))
            return
        middle = ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2)
        if ring is not None:
            towards = (ring[0] * self.unit + self.origin[0] - middle[0], ring[1] * self.unit + self.origin[1] - middle[1])
        else:
            others = [self.at(o) for i in (first, second) for o, _ in self.near[i] if o not in (first, second)]
            towards = (sum(o[0] - middle[0] for o in others), sum(o[1] - middle[1] for o in others))
        side = 1 if towards[0] * n[0] + towards[1] * n[1] > 0 else -1
        self._line(draw, a, b)
        length = math.hypot(b[0] - a[0], b[1] - a[1])
        ux, uy = (b[0] - a[0]) / length, (b[1] - a[1]) / length
        cut = self.style.shorten * self.unit
        ca = 0 if self.letters[first] or len(self.near[first]) == 1 else cut
        cb = 0 if self.letters[second] or len(self.near[second]) == 1 else cut
        ox, oy = n[0] * d * side, n[1] * d * side
        self._line(draw, (a[0] + ox + ux * ca, a[1] + oy + uy * ca), (b[0] + ox - ux * cb, b[1] + oy - uy * cb))

    def _hashed(self, draw, a, b, n, length: float) -> None:
        step = max(self.style.hashes * self.unit, self.width * 1.8)
        count = max(3, round(length / step))
        w = max(self.style.wedge * self.unit, 3 * self.width) / 2
        for k in range(count + 1):
            t = k / count
            half = w if self.style.flat_hash else max(w * t, self.width * 0.6)
            x, y = a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t
            draw.line((x + n[0] * half, y + n[1] * half, x - n[0] * half, y - n[1] * half), fill=self.style.ink, width=self.width)

    def _wavy(self, draw, a, b, n, length: float) -> None:
        waves = max(3, round(length / (0.2 * self.unit)))
        points = []
        for k in range(waves * 6 + 1):
            t = k / (waves * 6)
            off = math.sin(t * waves * 2 * math.pi) * 0.08 * self.unit
            points.append((a[0] + (b[0] - a[0]) * t + n[0] * off, a[1] + (b[1] - a[1]) * t + n[1] * off))
        draw.line(points, fill=self.style.ink, width=self.width)

    def glyphs(self, atom: int) -> list[tuple[int, float, float]]:
        """The auxiliary classes and middles of what is printed at an atom: its letters, or the corner."""
        x, y = self.at(atom)
        if not self.letters[atom]:
            return [(vocab.symbol_class("molecule", CORNERS[min(4, max(1, len(self.near[atom])))]), x, y)]
        return [(vocab.CHARACTER_CLASS[c], x + (b[0] + b[2]) / 2, y + (b[1] + b[3]) / 2) for c, _, _, b, _ in self.letters[atom]]

    def bond_glyph(self, index: int) -> tuple[int, float, float]:
        """The auxiliary class and middle of a bond."""
        bond = self.plan.drawing.bonds[index]
        (ax, ay), (bx, by) = self.at(bond.first), self.at(bond.second)
        kind = "o" if index in self.plan.drawn_single else bond.kind
        return vocab.symbol_class("molecule", KINDS[kind]), (ax + bx) / 2, (ay + by) / 2


def _crossing(box: Rect, dx: float, dy: float) -> tuple[float, float] | None:
    """Where the ray from (0, 0) is inside a box."""
    low, high = 0.0, math.inf
    for d, a, b in ((dx, box[0], box[2]), (dy, box[1], box[3])):
        if abs(d) < 1e-9:
            if not a <= 0 <= b:
                return None
            continue
        t0, t1 = sorted((a / d, b / d))
        low, high = max(low, t0), min(high, t1)
    return (low, high) if low < high else None
