"""What the renderer of a task hands to the trainer: a picture, a prompt, an answer, and for the auxiliary loss
everything drawn that the answer speaks of, in its order."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from PIL import Image

from training.render import CHARACTER_COLUMNS, PATCH
from training.targets import TILE, Box


@dataclass
class Example:
    """A picture of the model's square, or a window of rows of one, with its answer. Coordinates are those of the whole
    square of 224 pixels."""

    pixels: np.ndarray  # uint8 [rows * 14, 224], grey
    prompt: str  # without the newline behind it
    answer: str  # as docs/targets.md has it, locations written out: <loc0012>
    marks: np.ndarray  # float32 [n, CHARACTER_COLUMNS], from marks()
    first_row: int = 0  # of patches
    truth: dict = field(default_factory=dict)  # what the task's own score needs to know


def coarser(example: Example, zoom: float) -> Example:
    """The example as a model of a lower resolution is shown it: 0.5 makes 112 pixels of 224."""
    height, width = (round(side * zoom) for side in example.pixels.shape)
    pixels = np.asarray(Image.fromarray(example.pixels).resize((width, height), Image.Resampling.BICUBIC))
    return replace(example, pixels=pixels)


@dataclass
class Item:
    """A thing that the answer names at one of its steps: a word, an atom, a note, a cell."""

    box: Box
    glyphs: list[tuple[int, float, float]]  # auxiliary class, centre x, centre y: in the order they are read
    said: bool = True  # False: drawn, but no part of the answer


def marks(items: list[Item], rows: int = TILE // PATCH, first_row: int = 0) -> np.ndarray:
    """The auxiliary targets of items in the order of the answer; what lies outside the window is left out."""
    said = [item for item in items if item.said]
    out: list[tuple[float, ...]] = []
    seen = 0
    top, bottom = first_row * PATCH, (first_row + rows) * PATCH
    for item in items:
        seen += item.said
        following = said[seen].box if item.said and seen < len(said) else None
        for i, (kind, x, y) in enumerate(item.glyphs):
            if 0 <= x < TILE and top <= y < bottom:
                flags = (i == 0, i == len(item.glyphs) - 1, item.said, item.said and seen == 1, following is not None)
                out.append((kind, x, y, i, *flags, *item.box, *(following or item.box)))
    return np.array(out, np.float32).reshape(-1, CHARACTER_COLUMNS)
