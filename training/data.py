"""Turns rendered examples into batches, freshly and without end."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

import numpy as np
import torch

from training import render, tasks, vocab
from training.example import Example
from training.model import BOX_UNIT, DETAILS, PLACES, SLOTS, Batch
from training.render import PATCH, Tile
from training.targets import TILE
from training.tasks import Portion


def to_patches(pixels: np.ndarray) -> np.ndarray:
    """Grey pixels [rows * 14, columns * 14] as normalised patches [rows * columns, 196]."""
    rows, columns = (side // PATCH for side in pixels.shape)
    a = pixels.astype(np.float32) / 127.5 - 1.0
    return a.reshape(rows, PATCH, columns, PATCH).transpose(0, 2, 1, 3).reshape(rows * columns, PATCH * PATCH)


def zoom(example: Example) -> float:
    """Pixels of the picture for one of the 224 units in which places are told."""
    return example.pixels.shape[1] / TILE


def slot_targets(example: Example) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The auxiliary targets of a window: classes of all slots, and index and details of the slots in use."""
    rows, columns = (side // PATCH for side in example.pixels.shape)
    side, top = PATCH / zoom(example), example.first_row * PATCH
    classes = np.zeros(rows * columns * SLOTS, np.int64)
    used: dict[int, int] = {}
    index, details = [], []
    for row in example.marks:
        cx, cy = row[render.CENTRE_X], row[render.CENTRE_Y] - top
        # Single precision may round a centre onto the far edge.
        column, line = min(int(cx // side), columns - 1), min(int(cy // side), rows - 1)
        patch = line * columns + column
        taken = used.get(patch, 0)
        if taken >= SLOTS:
            continue
        used[patch] = taken + 1
        slot = patch * SLOTS + taken
        classes[slot] = int(row[render.CLASS])
        mx, my = (column + 0.5) * side, (line + 0.5) * side + top
        index.append(slot)
        details.append((min(row[render.INDEX], PLACES - 1), *row[render.START : render.BOX], *((row[render.BOX :] - (mx, my) * 4) / BOX_UNIT)))
    return classes, np.array(index, np.int64), np.array(details, np.float32).reshape(-1, DETAILS)


def collate(examples: list[Example | Tile]) -> Batch:
    """A batch of windows of equal height. Tiles are asked "ocr"."""
    examples = [tasks.reading(e) if isinstance(e, Tile) else e for e in examples]
    answers = [vocab.encode(e.answer) + [vocab.EOS] for e in examples]
    length = math.ceil(max(map(len, answers)) / 8) * 8
    tokens = np.full((len(examples), length), vocab.PAD, np.int64)
    asked = [vocab.prompt(e.prompt) for e in examples]
    prompts = np.full((len(examples), max(map(len, asked))), vocab.PAD, np.int64)
    classes, index, details = [], [], []
    for i, (example, answer, prompt) in enumerate(zip(examples, answers, asked)):
        tokens[i, : len(answer)] = answer
        prompts[i, prompts.shape[1] - len(prompt) :] = prompt
        c, k, d = slot_targets(example)
        classes.append(c)
        index.append(k + i * len(c))
        details.append(d)
    return Batch(
        torch.from_numpy(np.stack([to_patches(e.pixels) for e in examples])),
        torch.tensor([round(e.first_row * zoom(e)) for e in examples]),
        torch.from_numpy(prompts),
        torch.from_numpy(tokens),
        torch.from_numpy(np.stack(classes)),
        torch.from_numpy(np.concatenate(index)),
        torch.from_numpy(np.concatenate(details)),
    )


def fixed_tiles(count: int, rows: int, split: str = "validation", seed: int = 7) -> list[Tile]:
    """The same tiles every time, for watching progress."""
    return [render.tile(random.Random(f"{seed}/{rows}/{i}"), split, rows) for i in range(count)]


class Stream(torch.utils.data.IterableDataset):
    """Endless batches of fresh examples, each with its task's index in tasks.NAMES; the windows of a batch are of one task
    and one height."""

    def __init__(self, portions: tuple[Portion, ...], seed: int, rank: int):
        self.portions, self.seed, self.rank = portions, seed, rank

    @staticmethod
    def _example(source: tasks.Source, rows: int) -> Example | None:
        """A fresh example; one odd font or molecule must not end a run of many hours."""
        for _ in range(20):
            try:
                return source.example(rows)
            except (ValueError, OSError) as error:
                print(f"skipped an example: {error!r}", flush=True)
        raise RuntimeError("examples cannot be rendered")

    def _batch(self, source: tasks.Source, portion: Portion) -> list[Example]:
        out: list[Example] = []
        for _ in range(20 * portion.count):
            example = self._example(source, portion.rows)
            if example is not None:
                out.append(example)
            if len(out) == portion.count:
                break
        return out

    def __iter__(self) -> Iterator[tuple[int, Batch]]:
        info = torch.utils.data.get_worker_info()
        r = random.Random(f"{self.seed}/{self.rank}/{info.id if info else 0}")
        sources = {name: tasks.source(name, "train", random.Random(r.random())) for name in {p.task for p in self.portions}}
        shares = [p.share for p in self.portions]
        while True:
            portion = r.choices(self.portions, shares)[0]
            if examples := self._batch(sources[portion.task], portion):
                yield tasks.NAMES.index(portion.task), collate(examples)
