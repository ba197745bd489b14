"""What the sweep's bases are trained on, and the tasks they are transferred to. All of it is small enough to be learnt
within minutes: the sweep asks how sizes compare, not how far they go."""

from __future__ import annotations

import functools
import random
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from training import detect, fonts, targets, vocab
from training.evaluate import edit_distance, iou
from training.example import Example, Item, coarser, marks
from training.layout import Face
from training.pictures import scenes
from training.pictures.scenes import Artist, Scene
from training.pictures.shapes import KINDS
from training.targets import LOCATION_TOKEN, TILE, Word

RESOLUTIONS = (56, 112)
DIGITS = "0123456789"
LARGE, SMALL = (32.0, 35.0), (22.0, 26.0)  # x-heights of print in pixels of a square of 224
FACE = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")
PLAIN = ("circle", "square", "triangle", "cross", "star")


def shown(example: Example, resolution: int) -> Example:
    """The example at a resolution of the sweep."""
    return coarser(example, resolution / TILE)


@functools.lru_cache(maxsize=1)
def font() -> fonts.Font:
    """The one that numbers are set in: what a face looks like is soon learnt, where digits stand in patches is not."""
    found = fonts.inspect(str(FACE))
    if found is None:
        raise FileNotFoundError(f"{FACE} is not there: install Debian's fonts-dejavu-core")
    return found


def _page(r: random.Random, numbers: list[str], x_height: float) -> Example:
    """Numbers in lines, with their places before them."""
    face = Face(font(), x_height / font().x_height)
    image = Image.new("L", (TILE, TILE), r.randint(225, 255))
    draw, ink = ImageDraw.Draw(image), r.randint(0, 60)
    tall = 1.5 * face.x_height  # of a digit, with some air
    words, items, base = [], [], tall + r.uniform(0, TILE - 1.3 * tall * len(numbers))
    for said in numbers:
        width = sum(map(face.advance, said))
        left = r.uniform(4, TILE - width - 4)
        draw.text((left, base), said, font=face.draw, fill=ink, anchor="ls")
        glyphs, pen = [], left
        for c in said:
            glyphs.append((vocab.CHARACTER_CLASS[c], pen + face.advance(c) / 2, base - 0.7 * face.x_height))
            pen += face.advance(c)
        words.append(Word(said, (left, base - tall, pen, base + 0.1 * face.x_height)))
        items.append(Item(words[-1].box, glyphs))
        base += 1.3 * tall
    return Example(np.asarray(image), targets.PROMPT, targets.answer(words), marks(items), truth={"said": " ".join(numbers)})


def _number(r: random.Random, low: int, high: int) -> str:
    return "".join(r.choice(DIGITS) for _ in range(r.randint(low, high)))


def numbers(r: random.Random, split: str) -> Example:
    """Three numbers in large print, one above the other."""
    return _page(r, [_number(r, 3, 4) for _ in range(3)], r.uniform(*LARGE))


def _two(r: random.Random, split: str) -> Scene:
    """Two shapes of different kinds, the first clearly larger."""
    while True:
        artist = Artist(r, split, 16)
        artist.dark, artist.paper, artist.ink, artist.fills = False, 255, r.randint(0, 90), ["filled"]
        scene = artist.scene()
        if all(artist.put(scene, artist.shape(*s)) for s in zip(r.sample(PLAIN, 2), (r.uniform(70, 100), r.uniform(30, 48)))):
            return scene


def _picture(r: random.Random, scene: Scene, prompt: str, answer: str) -> Example:
    things = [(detect.symbol(KINDS.index(s.kind)), s.box) for s in scene.shapes]
    return Example(scenes.draw(scene, r, 16, 1.0, wear=False), prompt, answer, detect.marks(things), truth={"box": scene.shapes[1].box})


def places(r: random.Random, split: str) -> Example:
    """Two shapes, rather beside or above one another, to be found: the larger first."""
    while True:
        scene = _two(r, split)
        (x, y), (u, v) = (s.centre for s in scene.shapes)
        if max(abs(u - x), abs(v - y)) > 1.4 * min(abs(u - x), abs(v - y)):
            return _picture(r, scene, "detect", "".join(detect.places(s.box) for s in scene.shapes))


def mixture(r: random.Random, split: str) -> Example:
    """Stages 1 and 2 see numbers in large print, and two shapes to be found; never what the transfers ask for."""
    return numbers(r, split) if r.random() < 0.5 else places(r, split)


def read(r: random.Random, split: str) -> Example:
    """Transfer "read": a number in small print, for which resolution should matter."""
    return _page(r, [_number(r, 3, 4)], r.uniform(*SMALL))


def spatial(r: random.Random, split: str) -> Example:
    """Transfer "spatial": where the smaller of two shapes lies, for which it should matter less."""
    scene = _two(r, split)
    return _picture(r, scene, "where", detect.places(scene.shapes[1].box))


TRANSFERS = {"read": read, "spatial": spatial}
# What the best answer does that is the same for everything: of the digits, and of a box.
CHANCE = {"read": 0.13, "spatial": 0.03}


def score(task: str, said: list[str], examples: list[Example]) -> dict[str, float]:
    """Of "read", where the first number said counts, the share of characters and of numbers that are right; of "spatial" the
    mean overlap (intersection over union) of the box that is said and the true one."""
    if task == "spatial":
        boxes = [detect.parse(text + " it") for text in said]
        return {"overlap": sum(iou(b[0].box, e.truth["box"]) if b else 0.0 for b, e in zip(boxes, examples)) / len(examples)}
    first = ["".join(LOCATION_TOKEN.sub(" ", s).split()[:1]) for s in said]
    truth = [e.truth["said"] for e in examples]
    errors = sum(map(edit_distance, first, truth)) / sum(map(len, truth))
    return {"characters": max(0.0, 1 - errors), "accuracy": sum(s == t for s, t in zip(first, truth)) / len(truth)}
