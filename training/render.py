"""Draws training tiles: pixels, the words that lie wholly inside, and every character for the auxiliary loss."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from training import degrade, vocab
from training.layout import MARGIN, Layout, Placed
from training.targets import TILE, Word

PATCH = 14
MAX_WORDS = 90

# A word counts as whole if its ink leaves the tile by no more than this many pixels.
CUT_TOLERANCE = 0.6

# Columns of Tile.characters: class, centre, place in the word, five flags (first of its word, last of it, word is whole,
# word is the tile's first whole one, another whole word follows), the word's box and that of the next whole word.
CLASS, CENTRE_X, CENTRE_Y, INDEX, START, END, WHOLE, FIRST, FOLLOWED, BOX, NEXT_BOX = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 13
CHARACTER_COLUMNS = 17


@dataclass
class Tile:
    """A rendered tile or window of rows of one. Coordinates are those of the whole tile."""

    pixels: np.ndarray  # uint8 [height, 224]
    words: list[Word]
    characters: np.ndarray  # float32 [n, CHARACTER_COLUMNS], in reading order
    x_height: float
    first_row: int = 0  # of patches


def choose_x_height(r: random.Random) -> float:
    """Mostly around the 10 pixels at which the profile has text shown, sometimes from 5.5 to 16."""
    u = r.random()
    if u < 0.84:
        return math.exp(r.uniform(math.log(7.8), math.log(12.5)))
    if u < 0.93:
        return r.uniform(5.5, 7.8)
    return r.uniform(12.5, 16.0)


def choose_scale(r: random.Random) -> float:
    """Canvas pixels per tile pixel: pages are mostly shrunk to the tile's scale, sometimes enlarged, those of 72 dpi
    three times."""
    u = r.random()
    if u < 0.08:
        return r.uniform(0.33, 0.7)
    if u < 0.35:
        return 1.0
    if u < 0.5:
        return r.uniform(0.7, 1.0)
    if u < 0.85:
        return r.uniform(1.0, 2.0)
    return r.uniform(2.0, 3.0)


def word_box(word: Placed) -> tuple[tuple[float, float, float, float], tuple[float, float, float, float]]:
    """Ink box and target box of a word on the canvas. The target's top lies at least 1.25 x-heights above
    the baseline and its bottom at least 0.2 below, so that it fits both tight and full-height truth."""
    pen, face = word.x, word.face
    left = top = math.inf
    right = bottom = -math.inf
    for c in word.text:
        l, t, r, b = face.ink(c)
        left, right = min(left, pen + l), max(right, pen + r)
        top, bottom = min(top, t), max(bottom, b)
        pen += face.advance(c) + word.tracking
    ink = (left, word.y + top, right, word.y + bottom)
    x = face.x_height
    return ink, (left, word.y + min(top, -1.25 * x), right, word.y + max(bottom, 0.2 * x))


class Painter:
    """Draws a layout and collects where its words and characters went."""

    def __init__(self, r: random.Random, layout: Layout, scale: float, height: int):
        self.r, self.layout, self.scale, self.height = r, layout, scale, height
        size = (math.ceil(layout.width), math.ceil(layout.height))
        self.paper, self.ink = self._colours()
        self.image = Image.new("L", size, self.paper)
        self.canvas = ImageDraw.Draw(self.image)
        self.warp: degrade.Warp | None = None
        self.style = r.choice(("clean",) * 5 + ("worn",) * 7 + ("bitonal",) * 3)

    def _colours(self) -> tuple[int, int]:
        r = self.r
        if r.random() < 0.4:
            return 255, r.choice((0, 0, 0, r.randint(0, 80)))
        paper = r.randint(165, 255)
        return paper, max(0, min(paper - 70, r.randint(0, 130)))

    def draw(self) -> None:
        """Put rules and words on the canvas."""
        r = self.r
        if r.random() < 0.03:
            self._bands()
        grey = self.ink if r.random() < 0.6 else (self.ink + self.paper) // 2
        for x0, y0, x1, y1, weight in self.layout.rules:
            self.canvas.line((x0, y0, x1, y1), fill=grey, width=max(1, round(weight)))
        accents = r.random() < 0.08
        for word in self.layout.words:
            if word.x > self.image.width or word.x + word.width < 0 or not -40 * self.scale < word.y < self.image.height + 40 * self.scale:
                continue
            fill = self.paper if word.inverse else self.ink
            if accents and not word.inverse and r.random() < 0.3:
                fill = min(self.paper - 60, self.ink + 50)
            self._write(word, fill)

    def _bands(self) -> None:
        for line in {w.line for w in self.layout.words}:
            if self.r.random() < 0.35:
                words = [w for w in self.layout.words if w.line == line]
                x = words[0].face.x_height
                y = words[0].y
                self.canvas.rectangle((0, y - 2.1 * x, self.image.width, y + 0.9 * x), fill=self.ink)
                for word in words:
                    word.inverse = True

    def _write(self, word: Placed, fill: int) -> None:
        if word.tracking:
            pen = word.x
            for c in word.text:
                self.canvas.text((pen, word.y), c, font=word.face.draw, fill=fill, anchor="ls")
                pen += word.face.advance(c) + word.tracking
        else:
            self.canvas.text((word.x, word.y), word.text, font=word.face.draw, fill=fill, anchor="ls")
        if word.underline:
            y = word.y + 0.3 * word.face.x_height
            self.canvas.line((word.x, y, word.x + word.width, y), fill=fill, width=max(1, round(0.12 * word.face.x_height)))

    def finish(self, zoom: int) -> np.ndarray:
        """Warp, wear, cut and resize; returns the tile's pixels, `zoom` along each side of a unit."""
        r = self.r
        noise = np.random.default_rng(r.getrandbits(48))
        image = self.image
        if r.random() < 0.35:
            self.warp = degrade.Warp(r, self.layout.width / self.scale, self.layout.height / self.scale)
            image = self.warp.image(image, self.scale, self.paper)
        image = degrade.canvas_wear(image, r, noise, self.scale, self.style)
        a, b = MARGIN * self.scale, MARGIN * self.scale
        box = (a, b, a + TILE * self.scale, b + self.height * self.scale)
        image = image.resize((TILE * zoom, self.height * zoom), Image.Resampling.BICUBIC, box=box)
        return degrade.tile_wear(image, r, noise, self.style)


def _visible(painter: Painter) -> list[tuple[Placed, bool, Word]]:
    """The words whose ink touches the window, whether they lie wholly inside, and their boxes in the window."""
    s, height, warp = painter.scale, painter.height, painter.warp

    def to_tile(box):
        box = tuple(v / s for v in box)
        if warp:
            box = warp.box(box)
        return box[0] - MARGIN, box[1] - MARGIN, box[2] - MARGIN, box[3] - MARGIN

    t = CUT_TOLERANCE
    out = []
    for word in painter.layout.words:
        if word.x > painter.layout.width or word.x + word.width < 0:
            continue
        ink, box = word_box(word)
        ink = to_tile(ink)
        if ink[0] >= TILE or ink[2] <= 0 or ink[1] >= height or ink[3] <= 0:
            continue
        whole = ink[0] >= -t and ink[1] >= -t and ink[2] <= TILE + t and ink[3] <= height + t
        x0, y0, x1, y1 = to_tile(box)
        box = (max(0.0, x0), max(0.0, y0), min(float(TILE), x1), min(float(height), y1))
        out.append((word, whole, Word(word.text, box)))
    return out


def _locate(painter: Painter, top: float) -> tuple[list[Word], np.ndarray]:
    """The whole words and the rows of Tile.characters, in coordinates of the whole tile."""
    visible = _visible(painter)
    visible = [(p, whole, Word(w.text, (w.box[0], w.box[1] + top, w.box[2], w.box[3] + top))) for p, whole, w in visible]
    words = [w for _, whole, w in visible if whole]
    rows: list[tuple[float, ...]] = []
    s, warp, seen = painter.scale, painter.warp, 0
    for placed, whole, word in visible:
        seen += whole
        first = whole and seen == 1
        following = words[seen].box if whole and seen < len(words) else None
        pen, middle = placed.x, placed.y - 0.5 * placed.face.x_height
        last = len(placed.text) - 1
        for i, c in enumerate(placed.text):
            step = placed.face.advance(c)
            cx, cy = (pen + step / 2) / s, middle / s
            if warp:
                cx, cy = warp.point(cx, cy)
            cx, cy = cx - MARGIN, cy - MARGIN
            if 0 <= cx < TILE and 0 <= cy < painter.height:
                flags = (i == 0, i == last, whole, first, following is not None)
                rows.append((vocab.CHARACTER_CLASS[c], cx, cy + top, i, *flags, *word.box, *(following or word.box)))
            pen += step + placed.tracking
    return words, np.array(rows, np.float32).reshape(-1, CHARACTER_COLUMNS)


def tile(r: random.Random, split: str = "train", rows: int = TILE // PATCH, x_height: float | None = None, zoom: int = 1) -> Tile:
    """Render a fresh tile, or a window of `rows` rows of patches somewhere in one. A zoom of 2 shows the same on 448
    pixels; lengths and places stay in units of a 224th."""
    height = rows * PATCH
    first_row = r.randint(0, TILE // PATCH - rows)
    while True:
        x = x_height or choose_x_height(r)
        scale = zoom * choose_scale(r)
        empty = r.random() < 0.035
        layout = Layout(r, (TILE + 2 * MARGIN, height + 2 * MARGIN), scale, x, split)
        layout.compose(empty)
        # Reading order: lines from top to bottom, each from left to right.
        level = {}
        for word in layout.words:
            level.setdefault(word.line, word.y)
        layout.words.sort(key=lambda w: (level[w.line], w.x))
        painter = Painter(r, layout, scale, height)
        painter.draw()
        pixels = painter.finish(zoom)
        words, characters = _locate(painter, float(first_row * PATCH))
        if len(words) <= MAX_WORDS:
            return Tile(pixels, words, characters, x, first_row)
