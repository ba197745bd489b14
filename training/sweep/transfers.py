"""What the sweep's bases are trained on, and the tasks they are transferred to."""

from __future__ import annotations

import random

import numpy as np
from PIL import Image, ImageDraw

from training import degrade, fonts, pictures, render, tasks, text, vocab
from training.example import Example, Item, coarser, marks
from training.layout import Face
from training.pictures.scenes import Artist
from training.targets import TILE

RESOLUTIONS = (112, 224)


def shown(example: Example, resolution: int) -> Example:
    """The example at a resolution of the sweep."""
    return example if resolution == TILE else coarser(example, resolution / TILE)


def mixture(r: random.Random, split: str):
    """Stages 1 and 2 see tiles of large print, and pictures with every question but that of relations. Endless."""
    drawn = pictures.Source(split, r)
    while True:
        if r.random() < 0.7:
            tile = render.tile(r, split, x_height=r.uniform(11, 18))
            if len(tile.words) <= 16:
                yield tasks.reading(tile)
            continue
        example = drawn.example(16)
        if example is not None and example.truth.get("task") != "relation":
            yield example


def _letters(face: Face, code: str, left: float, base: float, scale: float) -> Item:
    glyphs, pen = [], left
    for c in code:
        glyphs.append((vocab.CHARACTER_CLASS[c], (pen + face.advance(c) / 2) / scale, (base - face.x_height / 2) / scale))
        pen += face.advance(c)
    box = (left / scale, (base - 1.5 * face.x_height) / scale, pen / scale, (base + 0.3 * face.x_height) / scale)
    return Item(box, glyphs)


def codes(r: random.Random, split: str) -> Example:
    """Transfer "read": a code in small print somewhere on the square; the answer is the code. Resolution helps."""
    scale, code = 2.0, ""
    while not 5 <= len(code) <= 8:
        code = text.code(r) if r.random() < 0.5 else "".join(r.choice("ABCDEFGHJKLMNPQRSTUVWXYZ23456789-") for _ in range(r.randint(5, 8)))
    font = r.choice(r.choice(fonts.families(split)[0]))
    face = Face(font, r.uniform(7, 11) * scale / font.x_height)
    code = "".join(c for c in code if c in vocab.CHARACTER_CLASS and c not in font.missing) or "0"
    side, width = TILE * scale, sum(map(face.advance, code))
    left, base = r.uniform(4, max(5.0, side - width - 4)), r.uniform(2 * face.x_height, side - face.x_height)
    image = Image.new("L", (int(side), int(side)), r.randint(215, 255))
    ImageDraw.Draw(image).text((left, base), code, font=face.draw, fill=r.randint(0, 70), anchor="ls")
    pixels = degrade.tile_wear(image.resize((TILE, TILE), Image.Resampling.BICUBIC), r, np.random.default_rng(r.getrandbits(40)), "clean")
    return Example(pixels, "read", code, marks([_letters(face, code, left, base, scale)]))


def relations(r: random.Random, split: str) -> Example:
    """Transfer "spatial": whether a statement about two shapes is true. Resolution hardly helps."""
    drawn = pictures.Source(split, r)
    while True:
        asked = drawn._relation(Artist(r, split, 16))
        if asked:
            scene, prompt, answer, truth = asked
            return drawn._finish(scene, 16, prompt, answer, truth)


TRANSFERS = {"read": codes, "spatial": relations}
