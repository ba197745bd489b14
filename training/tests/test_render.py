"""Rendered tiles keep the promises that the targets make."""

import random

import numpy as np
import pytest

from training import data, fonts, render, tasks, vocab
from training.model import GRID, SLOTS
from training.tasks import Portion

pytestmark = pytest.mark.skipif(not fonts.files(), reason="no fonts installed")


@pytest.mark.parametrize("rows", [4, 8, 16])
def test_tiles(rows):
    for seed in range(25):
        tile = render.tile(random.Random(seed), rows=rows)
        assert tile.pixels.shape == (rows * 14, 224) and tile.pixels.dtype == np.uint8
        assert 0 <= tile.first_row <= 16 - rows
        top = tile.first_row * 14
        for word in tile.words:
            x0, y0, x1, y1 = word.box
            assert 0 <= x0 < x1 <= 224 and top <= y0 < y1 <= top + rows * 14
            assert word.text and all(c in vocab.CHARACTER_CLASS for c in word.text)


def test_same_seed_same_tile():
    a, b = (render.tile(random.Random("x")) for _ in range(2))
    assert np.array_equal(a.pixels, b.pixels) and a.words == b.words


def test_some_tiles_are_empty():
    empty = sum(not render.tile(random.Random(i), rows=16).words for i in range(300))
    assert 3 <= empty <= 60


def test_boxes_lie_on_ink():
    """On clean tiles the ink inside the boxes is darker than the tile's paper."""
    checked = 0
    for seed in range(60):
        tile = render.tile(random.Random(seed), x_height=9)
        paper = np.median(tile.pixels)
        for word in tile.words:
            x0, y0, x1, y1 = (round(v) for v in word.box)
            patch = tile.pixels[y0:y1, x0:x1].astype(int)
            if len(word.text) > 2 and patch.size:
                checked += 1
                assert abs(patch - paper).max() > 25, (seed, word)
    assert checked > 100


def test_characters_match_words():
    tile = next(t for t in (render.tile(random.Random(i)) for i in range(50)) if len(t.words) > 8)
    whole = tile.characters[tile.characters[:, render.WHOLE] == 1]
    starts = whole[whole[:, render.START] == 1]
    assert len(starts) >= 0.9 * len(tile.words)


def test_cut_words_are_left_out_but_labelled():
    cut = [t for t in (render.tile(random.Random(i)) for i in range(40)) if (t.characters[:, render.WHOLE] == 0).any()]
    assert cut
    for tile in cut:
        boxes = {w.box for w in tile.words}
        for row in tile.characters[tile.characters[:, render.WHOLE] == 0]:
            assert tuple(row[render.BOX :].tolist()) not in boxes


def test_collate():
    tiles = [render.tile(random.Random(i), rows=4) for i in range(6)]
    batch = data.collate(tiles)
    assert batch.patches.shape == (6, 4 * GRID, 196)
    assert batch.classes.shape == (6, 4 * GRID * SLOTS)
    assert (batch.classes.flatten()[batch.slots] > 0).all() and len(batch.slots) == len(batch.details)
    assert (batch.classes > 0).sum() == len(batch.slots)
    assert batch.patches.min() >= -1 and batch.patches.max() <= 1


def test_streams_differ_by_process():
    streams = [iter(data.Stream((Portion("ocr", 4, 1.0, 2),), 5, rank)) for rank in (0, 1)]
    for _ in range(3):
        a, b = (next(s) for s in streams)
        assert a[0] == b[0] == tasks.NAMES.index("ocr")
        assert a[1].patches.shape == b[1].patches.shape == (2, 4 * GRID, 196)
        assert not np.array_equal(a[1].patches, b[1].patches)
