"""Turns rendered tiles into batches, freshly and without end."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

import numpy as np
import torch

from training import render, vocab
from training.model import BOX_UNIT, DETAILS, GRID, PLACES, SLOTS, Batch
from training.render import PATCH, TILE, Tile
from training.targets import answer_tokens


def to_patches(pixels: np.ndarray) -> np.ndarray:
    """Grey pixels [rows * 14, 224] as normalised patches [rows * 16, 196]."""
    rows = pixels.shape[0] // PATCH
    a = pixels.astype(np.float32) / 127.5 - 1.0
    return a.reshape(rows, PATCH, GRID, PATCH).transpose(0, 2, 1, 3).reshape(rows * GRID, PATCH * PATCH)


def slot_targets(tile: Tile) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The auxiliary targets of a window: classes of all slots, and index and details of the slots in use."""
    rows = tile.pixels.shape[0] // PATCH
    classes = np.zeros(rows * GRID * SLOTS, np.int64)
    used: dict[int, int] = {}
    index, details = [], []
    for row in tile.characters:
        cx, cy = row[render.CENTRE_X], row[render.CENTRE_Y] - tile.first_row * PATCH
        # Single precision may round a centre onto the far edge.
        column, line = min(int(cx // PATCH), GRID - 1), min(int(cy // PATCH), rows - 1)
        patch = line * GRID + column
        taken = used.get(patch, 0)
        if taken >= SLOTS:
            continue
        used[patch] = taken + 1
        slot = patch * SLOTS + taken
        classes[slot] = int(row[render.CLASS])
        mx, my = column * PATCH + PATCH / 2, (line + tile.first_row) * PATCH + PATCH / 2
        index.append(slot)
        details.append((min(row[render.INDEX], PLACES - 1), *row[render.START : render.BOX], *((row[render.BOX :] - (mx, my) * 4) / BOX_UNIT)))
    return classes, np.array(index, np.int64), np.array(details, np.float32).reshape(-1, DETAILS)


def collate(tiles: list[Tile]) -> Batch:
    """A batch of windows of equal height."""
    answers = [answer_tokens(t.words) for t in tiles]
    length = math.ceil(max(len(a) for a in answers) / 8) * 8
    tokens = np.full((len(tiles), length), vocab.PAD, np.int64)
    classes, index, details = [], [], []
    for i, (tile, answer) in enumerate(zip(tiles, answers)):
        tokens[i, : len(answer)] = answer
        c, k, d = slot_targets(tile)
        classes.append(c)
        index.append(k + i * len(c))
        details.append(d)
    return Batch(
        torch.from_numpy(np.stack([to_patches(t.pixels) for t in tiles])),
        torch.tensor([t.first_row for t in tiles]),
        torch.from_numpy(tokens),
        torch.from_numpy(np.stack(classes)),
        torch.from_numpy(np.concatenate(index)),
        torch.from_numpy(np.concatenate(details)),
    )


def fixed_tiles(count: int, rows: int, split: str = "validation", seed: int = 7) -> list[Tile]:
    """The same tiles every time, for watching progress."""
    return [render.tile(random.Random(f"{seed}/{rows}/{i}"), split, rows) for i in range(count)]


class Stream(torch.utils.data.IterableDataset):
    """Endless batches of fresh tiles; the windows of a batch are of one height, drawn from `heights` ({rows: (share,
    windows a batch)})."""

    def __init__(self, heights: dict[int, tuple[float, int]], seed: int, rank: int):
        self.heights, self.seed, self.rank = heights, seed, rank

    @staticmethod
    def _tile(r: random.Random, rows: int) -> Tile:
        """A fresh tile; one odd font must not end a run of many hours."""
        for _ in range(20):
            try:
                return render.tile(r, "train", rows)
            except (ValueError, OSError) as error:
                print(f"skipped a tile: {error!r}", flush=True)
        raise RuntimeError("tiles cannot be rendered")

    def __iter__(self) -> Iterator[Batch]:
        info = torch.utils.data.get_worker_info()
        r = random.Random(f"{self.seed}/{self.rank}/{info.id if info else 0}")
        shares = [share for share, _ in self.heights.values()]
        while True:
            rows = r.choices(list(self.heights), shares)[0]
            yield collate([self._tile(r, rows) for _ in range(self.heights[rows][1])])
