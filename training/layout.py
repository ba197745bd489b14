"""Places words on an empty tile: prose, columns, tables, receipts, scattered words. Lengths are pixels of
the tile; the canvas reaches a margin beyond the tile so that words are cut by its edges."""

from __future__ import annotations

import math
import random

from PIL import ImageFont

from training import fonts
from training.text import BULLETS, Writer

MARGIN = 10.0


class Face:
    """A font at a size, with the advances and ink of its characters in pixels of the canvas."""

    def __init__(self, font: fonts.Font, size: float):
        self.font = font
        self.size = size
        self.draw = ImageFont.truetype(font.path, size, layout_engine=ImageFont.Layout.BASIC)
        self.x_height = font.x_height * size
        self.lacks = frozenset(font.missing)
        self._advance: dict[str, float] = {}
        self._ink: dict[str, tuple[float, float, float, float]] = {}

    def advance(self, c: str) -> float:
        """How far the pen moves."""
        value = self._advance.get(c)
        if value is None:
            value = self._advance[c] = self.draw.getlength(c)
        return value

    def ink(self, c: str) -> tuple[float, float, float, float]:
        """The box of a character's ink relative to the pen on the baseline."""
        value = self._ink.get(c)
        if value is None:
            value = self._ink[c] = self.draw.getbbox(c, anchor="ls")
        return value


class Placed:
    """A word on the canvas: its pen position on the baseline, in pixels of the canvas."""

    __slots__ = ("text", "x", "y", "face", "tracking", "width", "line", "inverse", "underline")

    def __init__(self, text: str, face: Face, tracking: float):
        self.text, self.face, self.tracking = text, face, tracking
        self.x = self.y = 0.0
        self.width = sum(map(face.advance, text)) + tracking * len(text)
        self.line = 0
        self.inverse = self.underline = False


class Layout:
    """One tile's words and rules. `size` is (width, height) of the canvas in tile pixels; `scale` is canvas
    pixels per tile pixel."""

    def __init__(self, r: random.Random, size: tuple[float, float], scale: float, x_height: float, split: str):
        self.r, self.scale, self.split = r, scale, split
        self.width, self.height = size[0] * scale, size[1] * scale
        self.x_height = x_height * scale
        self.words: list[Placed] = []
        self.rules: list[tuple[float, float, float, float, float]] = []
        self.lines = 0
        self.writer = Writer(r)
        document, every = fonts.families(split)
        self.family = r.choice(document if r.random() < 0.5 else every)
        if self.writer.mood == "receipt" and r.random() < 0.5:
            mono = [f for f in every if any(k in f[0].family.lower() for k in ("mono", "code", "ocr", "cousine", "agave", "tty"))]
            self.family = r.choice(mono or every)
        self.body = r.choice(self.family)
        self.faces: dict[tuple[str, float], Face] = {}
        self.face = self.make_face(self.body, 1.0)
        self.space = self.face.advance(" ") * r.uniform(0.65, 1.35)
        self.space = max(self.space, 0.3 * self.x_height)
        self.tracking = 0.0
        if r.random() < 0.12:
            self.tracking = r.uniform(-0.04, 0.22) * self.x_height
        self.pitch = self.x_height * r.choice((r.uniform(1.9, 2.4), r.uniform(2.0, 2.7), r.uniform(2.4, 3.8)))

    def make_face(self, font: fonts.Font, factor: float) -> Face:
        """The font with the tile's x-height times factor."""
        size = self.x_height * factor / font.x_height
        size = max(6.0, round(size * 4) / 4 if self.r.random() < 0.5 else float(round(size)))
        key = (font.path, size)
        if key not in self.faces:
            self.faces[key] = Face(font, size)
        return self.faces[key]

    def fitting(self, text: str, face: Face) -> str:
        """The text without characters that the font lacks."""
        if face.font.missing and not face.lacks.isdisjoint(text):
            text = "".join(c for c in text if c not in face.font.missing)
        return text or "o"

    def place(self, text: str, x: float, y: float, face: Face | None = None) -> Placed:
        """Put one word down."""
        face = face or self.face
        word = Placed(self.fitting(text, face), face, self.tracking)
        word.x, word.y, word.line = x, y, self.lines
        self.words.append(word)
        return word

    def line(self, left: float, right: float, y: float, face: Face | None = None, justify: bool = False, words: int = 99) -> float:
        """Fill a line from left to right with the writer's words; returns where it ends."""
        face = face or self.face
        x, first = left, len(self.words)
        for _ in range(words):
            if x > self.width:  # nobody sees the rest
                justify = False
                break
            text = self.fitting(self.writer.word(), face)
            word = Placed(text, face, self.tracking)
            if x + word.width > right and len(self.words) > first:
                break
            word.x, word.y, word.line = x, y, self.lines
            self.words.append(word)
            x += word.width + self.space
        placed = self.words[first:]
        end = x - self.space
        if justify and len(placed) > 1 and words == 99:
            gap = (right - end) / (len(placed) - 1)
            if 0 < gap < 2.2 * self.space:
                for i, word in enumerate(placed):
                    word.x += gap * i
        self.lines += 1
        return end

    def prose(self, left: float, right: float, top: float, bottom: float) -> None:
        """Paragraphs, with headings, bullets, and words in another style."""
        r = self.r
        justify = r.random() < 0.4
        indent = r.choice((0, 0, 0, 1.5, 3.0)) * self.x_height
        bullets = r.random() < 0.12
        ragged = r.random() < 0.15
        y, fresh = top, True
        others = [self.make_face(r.choice(self.family), 1.0) for _ in range(2)] if r.random() < 0.3 else []
        while y < bottom:
            u = r.random()
            if u < 0.06:
                face = self.make_face(r.choice(self.family), r.uniform(0.85, 2.0))
                y += face.x_height * 0.8
                self.line(left, right, y, face, words=r.randint(1, 6))
                y += self.pitch * r.uniform(1.0, 1.6)
                fresh = True
                continue
            start = left + (indent if fresh else 0)
            if bullets and fresh:
                self.place(r.choice(BULLETS), left, y)
                start = left + 2.2 * self.x_height
            first = len(self.words)
            last = r.random() < 0.12
            self.line(start, right - (r.uniform(0, 0.3) * (right - left) if ragged else 0), y, justify=justify, words=r.randint(1, 4) if last else 99)
            if others and r.random() < 0.4:
                self.restyle(first, r.choice(others))
            if r.random() < 0.04 and len(self.words) > first:
                r.choice(self.words[first:]).underline = True
            fresh = last
            y += self.pitch * (r.uniform(1.0, 2.0) if last and r.random() < 0.5 else 1.0)

    def restyle(self, first: int, face: Face) -> None:
        """Set a run of words of the last line in another face, moving what follows."""
        line = self.words[first:]
        if not line:
            return
        a = self.r.randrange(len(line))
        b = min(len(line), a + self.r.randint(1, 4))
        shift = 0.0
        for i, word in enumerate(line):
            word.x += shift
            if a <= i < b:
                changed = Placed(self.fitting(word.text, face), face, self.tracking)
                shift += changed.width - word.width
                word.text, word.face, word.width = changed.text, face, changed.width

    def columns(self, top: float) -> None:
        """Two columns with a gutter somewhere in the tile, lines level or not."""
        r = self.r
        middle = self.width * r.uniform(0.25, 0.75)
        gutter = self.x_height * r.uniform(1.8, 5)
        left = -self.width * r.uniform(0.0, 0.4)
        right = self.width * r.uniform(0.95, 1.4)
        self.prose(left, middle - gutter / 2, top, self.height + self.pitch)
        offset = 0.0 if r.random() < 0.6 else r.uniform(-0.5, 0.5) * self.pitch
        self.prose(middle + gutter / 2, right, top + offset, self.height + self.pitch)
        if r.random() < 0.1:
            self.rules.append((middle, 0, middle, self.height, 1))

    def table(self, top: float) -> None:
        """Cells in rows and columns, perhaps ruled."""
        r = self.r
        xs = [-self.width * r.uniform(0.0, 0.3)]
        while xs[-1] < self.width:
            xs.append(xs[-1] + self.x_height * r.uniform(4, 13))
        right_aligned = [r.random() < 0.4 for _ in xs]
        ruled, across = r.random() < 0.3, r.random() < 0.35
        weight = max(1.0, r.uniform(0.5, 1.5) * self.scale)
        y = top
        row = self.pitch * r.choice((1.0, 1.0, r.uniform(1.0, 1.6)))
        while y < self.height + self.pitch:
            for x0, x1, flush in zip(xs, xs[1:], right_aligned):
                if r.random() < 0.1:
                    continue
                first = len(self.words)
                end = self.line(x0, x1 - 1.2 * self.x_height, y, words=r.choice((1, 1, 1, 2, 3)))
                if end > x1 - 0.3 * self.x_height:  # a word wider than its cell
                    del self.words[first:]
                    continue
                if flush:
                    for word in self.words[first:]:
                        word.x += x1 - 0.8 * self.x_height - end
            if across:
                self.rules.append((xs[0], y + 0.42 * row, self.width, y + 0.42 * row, weight))
            y += row
        if ruled:
            self.rules += [(x - 0.5 * self.x_height, 0, x - 0.5 * self.x_height, self.height, weight) for x in xs]

    def receipt(self, top: float) -> None:
        """Short lines: an item at the left, an amount at the right, centred headers."""
        r = self.r
        left = self.width * r.uniform(-0.4, 0.15)
        right = left + self.width * r.uniform(0.75, 1.4)
        y = top
        while y < self.height + self.pitch:
            u = r.random()
            first = len(self.words)
            if u < 0.3:
                end = self.line(left, right, y, words=r.randint(1, 5))
                for word in self.words[first:]:
                    word.x += (right - end) / 2
            elif u < 0.42:
                self.line(left, right, y)
            else:
                end = self.line(left, right - 6 * self.x_height, y, words=r.randint(1, 4))
                amount = self.place(f"{r.random() * 10 ** r.randint(0, 3):.2f}", 0, y)
                amount.x = max(end + self.space, right - amount.width)
                amount.line = self.lines - 1
            if r.random() < 0.06:
                if r.random() < 0.5:
                    self.rules.append((left, y + 0.5 * self.pitch, right, y + 0.5 * self.pitch, max(1.0, self.scale)))
                else:
                    y += self.pitch
                    self.place(r.choice("-=*_") * r.randint(5, 28), left, y)
                    self.lines += 1
            y += self.pitch * (1.6 if r.random() < 0.1 else 1.0)

    def scattered(self, top: float) -> None:
        """Words with wide gaps, in changing faces and sizes."""
        r = self.r
        changing = r.random() < 0.5
        y = top
        while y < self.height + self.pitch:
            face = self.face
            if changing and r.random() < 0.4:
                _, every = fonts.families(self.split)
                face = self.make_face(r.choice(r.choice(every)), math.exp(r.uniform(-0.25, 0.6)))
            x = self.width * r.uniform(-0.3, 0.2)
            while x < self.width:
                end = self.line(x, self.width * 1.3, y, face, words=r.choice((1, 1, 2, 3)))
                self.lines -= 1
                x = end + self.x_height * r.choice((r.uniform(1.5, 5), r.uniform(1.5, 14)))
            self.lines += 1
            y += max(self.pitch, face.x_height * 2.3) * r.choice((1.0, 1.0, 1.0, 1.5))

    def sparse(self) -> None:
        """One to three short lines on an empty tile."""
        r = self.r
        y = r.uniform(0, self.height)
        for _ in range(r.randint(1, 3)):
            self.line(self.width * r.uniform(-0.3, 0.8), self.width * 1.3, y, words=r.randint(1, 4))
            y += self.pitch

    def doodles(self) -> None:
        """Rules and frames, without any word."""
        r = self.r
        for _ in range(r.randint(0, 6)):
            if r.random() < 0.5:
                y = r.uniform(0, self.height)
                self.rules.append((0, y, self.width, y, r.uniform(1, 3) * self.scale))
            else:
                x = r.uniform(0, self.width)
                self.rules.append((x, 0, x, self.height, r.uniform(1, 3) * self.scale))

    def compose(self, empty: bool) -> None:
        """Choose a kind of layout and fill the canvas."""
        r = self.r
        if empty:
            self.doodles()
            return
        top = r.uniform(-0.5, 1.3) * self.pitch
        low, high = MARGIN * self.scale + 1.6 * self.x_height, self.height - MARGIN * self.scale - 0.6 * self.x_height
        if high > low and r.random() < 0.75:  # one line at least lies inside, with others above it
            top = r.uniform(low, high)
            top -= math.ceil(top / self.pitch) * self.pitch
        u = r.random()
        if self.writer.mood == "receipt":
            self.receipt(top)
        elif u < 0.56:
            left = self.width * r.choice((r.uniform(-0.35, 0.0), r.uniform(-0.35, 0.0), r.uniform(-0.1, 0.2)))
            self.prose(left, self.width * r.choice((r.uniform(1.0, 1.6), r.uniform(1.0, 1.6), r.uniform(0.8, 1.05))), top, self.height + self.pitch)
        elif u < 0.68:
            self.columns(top)
        elif u < 0.82:
            self.table(top)
        elif u < 0.98:
            self.scattered(top)
        else:
            self.sparse()
        if r.random() < 0.05:
            self.doodles()
