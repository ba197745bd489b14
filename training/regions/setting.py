"""Sets blocks of running text fast: every face keeps a stock of long lines drawn once, and a block is cut from them."""

from __future__ import annotations

import bisect
import math
import random
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

from training import fonts
from training.targets import Box
from training.text import Writer

FRESH = 0.03  # how often a face is replaced when one is taken


class Printed(NamedTuple):
    """A word on the page with the box of its ink, in pixels of the canvas."""

    text: str
    box: Box


class Strip:
    """One long line: its ink, and where its words begin and end."""

    def __init__(self, font: ImageFont.FreeTypeFont, writer: Writer, width: float, missing: str, tracking: float, strength: float):
        space = font.getlength(" ") * tracking
        self.words: list[str] = []
        self.starts: list[float] = []
        self.ends: list[float] = []
        pen = 4.0
        while pen < width and len(self.words) < 400:
            word = "".join(c for c in writer.word() if c not in missing) or "o"
            self.words.append(word)
            self.starts.append(pen)
            pen += font.getlength(word)
            self.ends.append(pen)
            pen += space
        ascent, descent = font.getmetrics()
        self.baseline = ascent + 2
        ink = Image.new("L", (math.ceil(pen) + 6, ascent + descent + 4), 0)
        canvas = ImageDraw.Draw(ink)
        for word, x in zip(self.words, self.starts):
            canvas.text((x, self.baseline), word, font=font, fill=255, anchor="ls")
        self.ink = ink.point([min(255, round(v * strength)) for v in range(256)]) if strength > 1 else ink


class Face:
    """A font at a size with its stock of lines."""

    def __init__(self, r: random.Random, font: fonts.Font, x_height: float, width: float, count: int):
        self.font = font
        self.draw = ImageFont.truetype(font.path, max(5.0, x_height / font.x_height), layout_engine=ImageFont.Layout.BASIC)
        self.x_height = x_height
        writer, tracking, strength = Writer(r), r.uniform(0.9, 1.3), r.choice((1.0, r.uniform(1.0, 2.0)))
        self.strips = [Strip(self.draw, writer, width, font.missing, tracking, strength) for _ in range(count)]

    def cut(self, r: random.Random, width: float, tries: int) -> tuple[Strip, int, int] | None:
        """Words of a line that fit the width, of several tries the ones that fill it best; None where no word fits."""
        best, fill = None, 0.0
        for _ in range(tries):
            strip = r.choice(self.strips)
            first = r.randrange(max(1, len(strip.words) // 2))
            last = bisect.bisect_right(strip.ends, strip.starts[first] + width)
            if last > first and strip.ends[last - 1] - strip.starts[first] > fill:
                best, fill = (strip, first, last), strip.ends[last - 1] - strip.starts[first]
        return best


class Case:
    """The faces of a split that are ready to set with: one is replaced now and then."""

    def __init__(self, r: random.Random, split: str, scale: float, width: float, stock: int = 12, lines: int = 12):
        """scale: canvas pixels per pixel of the square; width: of the longest line, in pixels of the canvas."""
        self.r, self.split, self.scale, self.width, self.stock, self.lines = r, split, scale, width, stock, lines
        self.faces: list[tuple[Face, Face]] = []

    def _make(self) -> tuple[Face, Face]:
        """A body face and one for headings of its family."""
        r = self.r
        document, every = fonts.families(self.split)
        family = r.choice(document if r.random() < 0.7 else every)
        plain = [f for f in family if not f.bold and not f.italic] or list(family)
        heavy = [f for f in family if f.bold] or list(family)
        x = r.uniform(0.95, 2.1) * self.scale
        return (Face(r, r.choice(plain), x, self.width, self.lines), Face(r, r.choice(heavy), x * r.uniform(1.0, 1.7), self.width, max(3, self.lines // 6)))

    def take(self) -> tuple[Face, Face]:
        """Two faces that go together."""
        if len(self.faces) < self.stock:
            self.faces.append(self._make())
            return self.faces[-1]
        at = self.r.randrange(self.stock)
        if self.r.random() < FRESH:
            self.faces[at] = self._make()
        return self.faces[at]


class Setter:
    """Puts lines of text on a canvas of ink (0 paper, 255 ink). With `printed`, every word is noted."""

    def __init__(self, r: random.Random, ink: Image.Image, printed: list[Printed] | None = None):
        self.r, self.ink, self.printed = r, ink, printed

    def line(self, face: Face, x: float, y: float, width: float, tries: int, align: str = "left") -> Box | None:
        """One line on the baseline y; returns the box of its ink."""
        found = face.cut(self.r, width, tries)
        if not found:
            return None
        strip, first, last = found
        a, b = strip.starts[first], strip.ends[last - 1]
        spare = width - (b - a)
        x += spare if align == "right" else spare / 2 if align == "centre" else 0
        left, top = round(x) - 2, round(y) - strip.baseline
        piece = strip.ink.crop((int(a) - 2, 0, math.ceil(b) + 2, strip.ink.height))
        box = piece.getbbox()
        if not box:
            return None
        self.ink.paste(piece, (left, top), piece)
        if self.printed is not None:
            for word, start in zip(strip.words[first:last], strip.starts[first:last]):
                l, t, r_, b_ = face.draw.getbbox(word, anchor="ls")
                dx, dy = start - int(a) + 2 + left, strip.baseline + top
                self.printed.append(Printed(word, (dx + l, dy + t, dx + r_, dy + b_)))
        return left + box[0], top + box[1], left + box[2], top + box[3]

    def block(self, face: Face, heading: Face, x: float, top: float, width: float, bottom: float, lines: int, pitch: float, style: str) -> tuple[Box | None, float]:
        """Up to so many lines between top and bottom; `style` is "prose", "centre" or "lines". Returns the box of
        the ink and where the next thing may begin."""
        r, box = self.r, None
        y = top + face.x_height * 1.5
        indent = r.choice((0.0, 0.0, 1.6, 3.0)) * face.x_height
        between = r.choice((0.0, 0.0, 0.3, 0.7)) * pitch
        justify = style == "prose" and r.random() < 0.75
        last = True
        for i in range(lines):
            if y + 0.5 * face.x_height > bottom:
                break
            fresh, last = last, style == "prose" and (r.random() < 0.13 or i == lines - 1)
            if style == "prose" and fresh and r.random() < 0.14 and y + 2.5 * pitch < bottom and i < lines - 2:
                y += r.uniform(0.0, 0.6) * pitch if i else max(0.0, heading.x_height - face.x_height) * 1.4
                head = self.line(heading, x, y, width * r.uniform(0.3, 0.9), 1)
                box = union(box, head)
                y += pitch * r.uniform(1.0, 1.3) + 0.3 * (heading.x_height - face.x_height)
            start = indent if fresh and style == "prose" else 0.0
            room = width - start
            if last or style == "lines":
                room *= r.uniform(0.15, 0.95)
            if style == "centre":
                room = width * r.uniform(0.4, 0.95)
                done = self.line(face, x + (width - room) / 2, y, room, 1, "centre")
            else:
                done = self.line(face, x + start, y, room, 10 if justify and not last else 1)
            box = union(box, done)
            y += pitch + (between if last else 0)
        return box, y - face.x_height


def union(a: Box | None, b: Box | None) -> Box | None:
    """The box around two boxes."""
    if not a or not b:
        return a or b
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])
