"""Pictures of what pages hold besides text, each drawn once and used for some pages: tables, molecules, systems of music,
charts, photographs, drawings. White is paper, and the edges of a picture are those of its ink."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from training import fonts
from training.pictures import scenes
from training.pictures.scenes import Artist
from training.pictures.shapes import KINDS as SHAPES
from training.regions.given import Giver, trimmed
from training.text import Writer

Draw = Callable[[random.Random, str], Image.Image]

STOCK = 16  # pictures of a kind that are kept
FRESH = 0.03  # how often one of them is drawn anew
GIVEN = 0.6  # of tables, molecules and systems are those that their own tasks draw


def _font(r: random.Random, split: str, size: float) -> ImageFont.FreeTypeFont:
    document, _ = fonts.families(split)
    return ImageFont.truetype(r.choice(r.choice(document)).path, size, layout_engine=ImageFont.Layout.BASIC)


def table(r: random.Random, split: str) -> Image.Image:
    """A plain table: words in rows and columns, ruled, half ruled or open."""
    size = r.uniform(11, 16)
    font, writer = _font(r, split, size), Writer(r)
    rows, columns = r.randint(2, 16), r.randint(2, 8)
    widths = [r.uniform(2.5, 11) * size * (1.6 if i == 0 and r.random() < 0.5 else 1) for i in range(columns)]
    pitch = size * r.uniform(1.25, 2.1)
    ruled = r.choice(("all", "all", "rows", "book", "book", "none", "frame"))
    pad = 0.4 * size
    image = Image.new("L", (math.ceil(sum(widths) + 4), math.ceil(rows * pitch + 4)), 255)
    pen = ImageDraw.Draw(image)
    line = r.choice((1, 1, 2))
    shaded = r.random() < 0.2
    flush = [r.random() < 0.45 for _ in widths]
    for i in range(rows):
        y = 2 + i * pitch
        if (shaded and i % 2) or (i == 0 and r.random() < 0.25):
            pen.rectangle((2, y, image.width - 3, y + pitch), fill=r.randint(190, 235))
        x = 2.0
        for j, w in enumerate(widths):
            if r.random() > 0.08 or i == 0 or j == 0:
                text = writer.word()
                while len(text) < 25 and font.getlength(text + " mmmmm") < w and r.random() < 0.5:
                    text += " " + writer.word()
                while text and font.getlength(text) > w - 2 * pad:
                    text = text[:-1]
                at = x + (w - pad - font.getlength(text) if flush[j] else pad)
                pen.text((at, y + pitch * 0.5 + 0.35 * size), text, font=font, fill=0, anchor="ls")
            x += w
    right, bottom = image.width - 3, image.height - 3
    if ruled in ("all", "rows"):
        for i in range(rows + 1):
            pen.line((2, 2 + i * pitch, right, 2 + i * pitch), fill=0, width=line)
    if ruled == "all":
        for x in [sum(widths[:j]) for j in range(columns + 1)]:
            pen.line((min(right, 2 + x), 2, min(right, 2 + x), bottom), fill=0, width=line)
    if ruled == "book":
        for y in (2, 2 + pitch, bottom):
            pen.line((2, y, right, y), fill=0, width=line)
    if ruled == "frame":
        pen.rectangle((2, 2, right, bottom), outline=0, width=line)
    return trimmed(image)


def molecule(r: random.Random, split: str) -> Image.Image:
    """Rings and chains with letters at some corners, as structures look from afar."""
    length = 30.0
    canvas = Image.new("L", (900, 600), 255)
    pen = ImageDraw.Draw(canvas)
    font = _font(r, split, r.uniform(13, 18))
    x, y, angle = 450.0, 300.0, r.uniform(0, 2 * math.pi)
    width = r.choice((1, 2, 2, 3))
    for _ in range(r.randint(1, 5)):
        if r.random() < 0.7:
            n = r.choice((5, 6, 6, 6))
            radius = length / (2 * math.sin(math.pi / n))
            cx, cy = x + radius * math.cos(angle), y + radius * math.sin(angle)
            corners = [(cx + radius * math.cos(angle + math.pi + 2 * math.pi * i / n), cy + radius * math.sin(angle + math.pi + 2 * math.pi * i / n)) for i in range(n)]
            inner = [(cx + (a - cx) * 0.78, cy + (b - cy) * 0.78) for a, b in corners]
            for i in range(n):
                pen.line((*corners[i], *corners[(i + 1) % n]), fill=0, width=width)
                if i % 2 and n == 6:
                    pen.line((*inner[i], *inner[(i + 1) % n]), fill=0, width=width)
            x, y = corners[r.randint(1, n - 1)]
            angle = math.atan2(y - cy, x - cx)
        for i in range(r.randint(1, 4)):
            a = angle + (math.pi / 6 if i % 2 else -math.pi / 6)
            u, v = x + length * math.cos(a), y + length * math.sin(a)
            if not (30 < u < 870 and 30 < v < 570):
                break
            pen.line((x, y, u, v), fill=0, width=width)
            x, y = u, v
            if r.random() < 0.4:
                text = r.choice(("O", "N", "OH", "NH", "Cl", "S", "F", "Br", "Me", "CO2Me", "HN", "R1"))
                w, h = font.getlength(text), font.size
                pen.rectangle((x - w / 2 - 1, y - h / 2, x + w / 2 + 1, y + h / 2), fill=255)
                pen.text((x, y), text, font=font, fill=0, anchor="mm")
    return trimmed(canvas)


def staff(r: random.Random, split: str) -> Image.Image:
    """One system of one to three staves with notes, bars and perhaps words below."""
    gap = r.uniform(5, 8)
    width = int(r.uniform(450, 900))
    count = r.choice((1, 1, 2, 2, 2, 3, 4))
    between = gap * r.uniform(7, 11)
    lyrics = count < 3 and r.random() < 0.35
    image = Image.new("L", (width + 40, int(count * (4 * gap + between) + 12 * gap)), 255)
    pen = ImageDraw.Draw(image)
    tops = [6 * gap + i * (4 * gap + between) for i in range(count)]
    left, right = 25.0, width + 20.0
    bars = [left] + [left + (right - left) * (i + r.uniform(-0.15, 0.15)) / n for n in [r.randint(2, 6)] for i in range(1, n)] + [right]
    if count > 1:
        pen.line((left, tops[0], left, tops[-1] + 4 * gap), fill=0, width=2)
        pen.arc((left - 16, tops[0], left + 4, tops[-1] + 4 * gap), 100, 260, fill=0, width=3)
    for top in tops:
        for i in range(5):
            pen.line((left, top + i * gap, right, top + i * gap), fill=0, width=1)
        for x in bars:
            pen.line((x, top, x, top + 4 * gap), fill=0, width=1 if x != right else 2)
        pen.arc((left + 4, top - gap, left + 4 + 2.6 * gap, top + 5 * gap), 0, 300, fill=0, width=2)
        pen.line((left + 4 + 1.3 * gap, top - gap, left + 4 + 1.3 * gap, top + 5 * gap), fill=0, width=2)
        x = left + 6 * gap
        while x < right - 2 * gap:
            step = r.randint(-3, 11)
            y = top + 4 * gap - step * gap / 2
            hollow = r.random() < 0.25
            pen.ellipse((x - 0.62 * gap, y - 0.45 * gap, x + 0.62 * gap, y + 0.45 * gap), fill=255 if hollow else 0, outline=0, width=1)
            up = step < 4
            end = y - 3.4 * gap if up else y + 3.4 * gap
            stem = x + 0.6 * gap if up else x - 0.6 * gap
            pen.line((stem, y, stem, end), fill=0, width=1)
            if r.random() < 0.3:
                pen.line((stem, end, stem + 2.5 * gap, end + r.uniform(-1, 1) * gap), fill=0, width=max(2, int(0.45 * gap)))
            for ledger in range(5, -step // 2 + 5):
                pen.line((x - gap, top + ledger * gap, x + gap, top + ledger * gap), fill=0, width=1)
            x += gap * r.choice((2.0, 2.6, 3.2, 4.5))
    if lyrics:
        font, writer, x = _font(r, split, 2.0 * gap), Writer(r, "prose"), left + 5 * gap
        while x < right - 6 * gap:
            word = writer.word()[:8]
            pen.text((x, tops[0] + 4 * gap + between * 0.62), word, font=font, fill=0, anchor="ls")
            x += font.getlength(word) + gap * r.uniform(1, 5)
    return trimmed(image)


def field(r: random.Random, width: int, height: int, roughness: float) -> np.ndarray:
    """Clouds of several sizes, mean 0, deviation about 1."""
    noise = np.random.default_rng(r.getrandbits(48))
    out = np.zeros((height, width), np.float32)
    cells, weight = 2, 1.0
    while cells < max(width, height):
        small = noise.standard_normal((max(2, cells * height // max(width, height)), max(2, cells * width // max(width, height)))).astype(np.float32)
        out += weight * np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))
        cells, weight = cells * 2, weight * roughness
    return out / max(1e-3, float(out.std()))


def photograph(r: random.Random, split: str) -> Image.Image:
    """Light and shade with some things in it, to the edges of a rectangle."""
    width, height = r.randint(160, 360), r.randint(130, 300)
    a = r.uniform(90, 150) + r.uniform(25, 55) * field(r, width, height, r.uniform(0.4, 0.75))
    image = Image.fromarray(np.clip(a, 0, 225).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    for _ in range(r.randint(0, 5)):
        x, y, w, h = r.uniform(0, width), r.uniform(0.3, 1) * height, r.uniform(10, 90), r.uniform(10, 110)
        draw = r.choice((pen.ellipse, pen.rectangle))
        draw((x - w / 2, y - h / 2, x + w / 2, y + h / 2), fill=r.randint(10, 210))
    if r.random() < 0.3:
        ImageDraw.Draw(image).rectangle((0, 0, width - 1, height - 1), outline=0)
    return image


def chart(r: random.Random, split: str) -> Image.Image:
    """Axes with bars, curves or points and their labels."""
    width, height = r.randint(200, 420), r.randint(150, 320)
    image = Image.new("L", (width + 60, height + 60), 255)
    pen = ImageDraw.Draw(image)
    font, writer = _font(r, split, r.uniform(9, 13)), Writer(r)
    x0, y1 = 40.0, height + 20.0
    pen.line((x0, 20, x0, y1), fill=0, width=2)
    pen.line((x0, y1, x0 + width, y1), fill=0, width=2)
    if r.random() < 0.3:
        pen.rectangle((x0, 20, x0 + width, y1), outline=0)
    for i in range(r.randint(3, 6)):
        pen.text((x0 - 5, y1 - i * height / 6), str(i * 10), font=font, fill=0, anchor="rm")
    kind = r.choice(("bars", "curves", "points"))
    if kind == "bars":
        n = r.randint(3, 12)
        for i in range(n):
            a = x0 + 8 + (width - 16) * i / n
            h = r.uniform(0.05, 0.95) * height
            pen.rectangle((a, y1 - h, a + (width - 16) / n * 0.7, y1), fill=r.choice((0, 90, 160, 255)), outline=0)
    else:
        for _ in range(r.randint(1, 4)):
            level, slope = r.uniform(0.2, 0.8), r.uniform(-0.5, 0.5)
            phase, waves = r.uniform(0, 6), r.uniform(1, 9)
            points = []
            for i in range(30):
                v = level + slope * (i / 30 - 0.5) + 0.15 * math.sin(phase + waves * i / 30)
                points.append((x0 + 4 + (width - 8) * i / 30, y1 - height * max(0.02, min(0.98, v))))
            if kind == "curves":
                pen.line(points, fill=r.choice((0, 0, 110)), width=r.choice((1, 2, 3)))
            else:
                for x, y in points:
                    y = max(22.0, min(y1 - 3, y + r.gauss(0, 0.05) * height))
                    pen.ellipse((x - 2, y - 2, x + 2, y + 2), fill=0)
    pen.text((x0 + width / 2, y1 + 22), writer.word(), font=font, fill=0, anchor="ms")
    return trimmed(image)


def diagram(r: random.Random, split: str) -> Image.Image:
    """Boxes with words, joined by lines."""
    image = Image.new("L", (420, 300), 255)
    pen = ImageDraw.Draw(image)
    font, writer = _font(r, split, r.uniform(10, 14)), Writer(r)
    columns, rows = r.randint(2, 4), r.randint(2, 4)
    middles = []
    for i in range(columns):
        for j in range(rows):
            if r.random() < 0.75:
                middles.append((50 + i * 330 / columns + r.uniform(-8, 8), 40 + j * 240 / rows + r.uniform(-6, 6)))
    for (a, b), (c, d) in zip(middles, middles[1:]):
        pen.line((a, b, c, b), fill=0, width=2)
        pen.line((c, b, c, d), fill=0, width=2)
    for a, b in middles:
        w, h = r.uniform(24, 42), r.uniform(12, 24)
        draw = pen.ellipse if r.random() < 0.2 else pen.rectangle
        draw((a - w, b - h, a + w, b + h), fill=255, outline=0, width=2)
        pen.text((a, b), writer.word()[:8], font=font, fill=0, anchor="mm")
    return trimmed(image)


def drawing(r: random.Random, split: str) -> Image.Image:
    """Shapes as training.pictures draws them, with ink on white."""
    artist = Artist(r, split, 16)
    artist.paper, artist.ink = 255, r.randint(0, 60)
    scene = artist.scatter([r.choice(SHAPES) for _ in range(r.randint(2, 7))])
    image = trimmed(scenes.canvas(scene, r, 1.5))
    return ImageOps.expand(ImageOps.expand(image, 8, 255), 2, 0) if r.random() < 0.5 else image


def picture(r: random.Random, split: str) -> Image.Image:
    """Any of the pictures that are no table, no molecule and no music."""
    return r.choice((photograph, photograph, chart, diagram, drawing))(r, split)


DRAW: dict[str, Draw] = {"table": table, "molecule": molecule, "staff": staff, "picture": picture}


class Pool:
    """The pictures in use."""

    def __init__(self, split: str):
        self.split, self.giver = split, Giver(split)
        self.kept: dict[str, list[Image.Image]] = {}

    def _fresh(self, kind: str, r: random.Random) -> Image.Image:
        if kind != "picture" and r.random() < GIVEN:
            return self.giver.draw(kind, r)[0]
        return DRAW[kind](r, self.split)

    def picture(self, kind: str, r: random.Random) -> tuple[Image.Image, dict]:
        """A picture of a kind, drawn now or before; what it says is not known."""
        kept = self.kept.setdefault(kind, [])
        if len(kept) < STOCK:
            kept.append(self._fresh(kind, r))
            return kept[-1], {}
        at = r.randrange(STOCK)
        if r.random() < FRESH:
            kept[at] = self._fresh(kind, r)
        return kept[at], {}


class Truths:
    """Pictures in held-out styles, each drawn for its page, with what they say."""

    def __init__(self):
        self.giver = Giver("acceptance")

    def picture(self, kind: str, r: random.Random) -> tuple[Image.Image, dict]:
        """A picture of a kind and its truth in its task's form."""
        if kind != "picture":
            return self.giver.draw(kind, r)
        image = picture(r, "acceptance")
        return image.resize((image.width * 2, image.height * 2), Image.Resampling.BICUBIC), {}
