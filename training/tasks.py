"""The tasks that the default model is trained on, and how much of each."""

from __future__ import annotations

import importlib
import random
from typing import NamedTuple, Protocol

from training import render, targets
from training.example import Example
from training.render import Tile

# The folder of each task's renderer; "ocr" is drawn by render.py.
FOLDERS = {"table": "tables", "molecule": "molecules", "omr": "music", "pictures": "pictures", "regions": "regions"}
NAMES = ("ocr", *FOLDERS)


class Portion(NamedTuple):
    """A part of the mixture: this share of the batches is `count` windows of `rows` rows of patches of one task."""

    task: str
    rows: int
    share: float
    count: int


class Source(Protocol):
    """What draws a task's examples without end."""

    def example(self, rows: int) -> Example | None:
        """A fresh example in a window of that many rows of patches; None where the one drawn does not fit."""


def reading(tile: Tile) -> Example:
    """A tile of text as an example of the task "ocr"."""
    return Example(tile.pixels, targets.PROMPT, targets.answer(tile.words), tile.characters, tile.first_row, {"words": tile.words})


class Reading:
    """Tiles of text."""

    def __init__(self, split: str, r: random.Random):
        self.split, self.r = split, r

    def example(self, rows: int) -> Example:
        return reading(render.tile(self.r, self.split, rows))


def source(name: str, split: str, r: random.Random) -> Source:
    """The source of a task's examples. Only the tasks that are drawn have their libraries loaded."""
    if name == "ocr":
        return Reading(split, r)
    return importlib.import_module(f"training.{FOLDERS[name]}").Source(split, r)


def score(name: str, said: list[str], examples: list[Example]) -> dict[str, float]:
    """The task's own measures of greedy answers."""
    if name == "ocr":
        from training import evaluate

        return evaluate.score([targets.parse(s) for s in said], [e.truth["words"] for e in examples])
    return importlib.import_module(f"training.{FOLDERS[name]}").score(said, examples)


def fixed(name: str, count: int, rows: int, seed: int = 7) -> list[Example]:
    """The same examples every time, in styles kept out of training, for watching progress."""
    drawn = source(name, "validation", random.Random(f"{seed}/{name}/{rows}"))
    out: list[Example] = []
    for _ in range(50 * count):
        if len(out) == count:
            break
        if (example := drawn.example(rows)) is not None:
            out.append(example)
    return out
