"""Mixed pages: regions lie where their ink is, keep to the rules of docs/targets.md, and pages of nothing have none."""

import json
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training import detect, regions, vocab
from training.detect import Thing
from training.regions import pool
from training.regions.page import APART, KINDS, THEMES, Composer, turn
from training.regions.pool import Pool
from training.regions.setting import Case
from training.render import PATCH

EXAMPLES = [json.loads(line) for line in (Path(__file__).parent.parent / "testdata" / "regions_targets.jsonl").read_text().splitlines()]
SCALE = regions.SCALE


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e["name"])
def test_targets(example):
    things = [Thing(t["kind"], tuple(t["box"])) for t in example.get("regions", example.get("read"))]
    read = [t for t in detect.parse(example["answer"], example.get("cut", False)) if t.label in KINDS]
    assert [t.label for t in read] == [t.label for t in things]
    for s, t in zip(read, things):
        assert s.box == pytest.approx(t.box, abs=0.9 if "regions" in example else 1e-6)
    if "regions" in example:
        assert detect.answer(things) == example["answer"]
        assert detect.in_order(things[::-1]) == things


def composers(count: int, words: bool = False):
    r = random.Random(2)
    case, pictures = Case(r, "train", SCALE, 640.0), Pool("train")
    for i in range(count):
        theme = list(THEMES)[i % len(THEMES)]
        width, height = r.choice(((475, 672), (520, 672), (672, 500), (672, 300)))
        yield Composer(r, case, pictures, width, height, SCALE, theme, words)


def test_regions_lie_on_their_ink():
    seen = Counter()
    for composer in composers(44):
        page = composer.compose()
        for p in page.regions:
            seen[p.kind] += 1
            x0, y0, x1, y1 = (round(v) for v in p.box)
            assert 0 <= x0 < x1 <= page.ink.width and 0 <= y0 < y1 <= page.ink.height, (composer.theme, p)
            ink = page.ink.crop((x0, y0, x1, y1)).point(lambda v: 255 if v > 15 else 0).getbbox()
            assert ink, p
            assert ink[0] <= 6 and ink[1] <= 6 and x1 - x0 - ink[2] <= 6 and y1 - y0 - ink[3] <= 6, (composer.theme, p.kind, p.box, ink)
        for i, a in enumerate(page.regions):
            for b in page.regions[:i]:
                w = min(a.box[2], b.box[2]) - max(a.box[0], b.box[0])
                h = min(a.box[3], b.box[3]) - max(a.box[1], b.box[1])
                assert w <= 3 or h <= 3, (composer.theme, a.kind, a.box, b.kind, b.box)
    assert set(seen) == set(KINDS) - {"film"}


def test_texts_are_one_unless_something_or_white_parts_them():
    for composer in composers(44):
        page = composer.compose()
        texts = [p.box for p in page.regions if p.kind == "text"]
        for a in texts:
            for b in texts:
                gap = b[1] - a[3]
                shared = min(a[2], b[2]) - max(a[0], b[0])
                if gap <= 0 or shared < 0.5 * min(a[2] - a[0], b[2] - b[0]):
                    continue
                between = [p for p in page.regions if p.box[1] < b[1] and p.box[3] > a[3] and min(p.box[2], a[2], b[2]) > max(p.box[0], a[0], b[0]) and p.box not in (a, b)]
                assert between or gap > (APART - 0.4) * composer.pitch, (composer.theme, a, b, composer.pitch)


@pytest.mark.parametrize("rows", [16, 8])
def test_examples(rows):
    source = regions.Source("train", random.Random(rows))
    prompts, empty = Counter(), 0
    for _ in range(60):
        e = source.example(rows)
        prompts[e.prompt == regions.PROMPT] += 1
        empty += not e.answer
        assert e.pixels.shape == (rows * PATCH, 224) and e.pixels.dtype == np.uint8
        assert len(vocab.encode(e.answer)) < 260
        assert vocab.UNK not in vocab.encode(e.prompt) + vocab.encode(e.answer)
        assert "film" not in e.answer
        assert [t.label for t in detect.parse(e.answer)] == [t.label for t in e.truth["things"]]
        if len(e.marks):
            assert e.marks[:, 2].min() >= e.first_row * PATCH and e.marks[:, 2].max() < (e.first_row + rows) * PATCH
            assert e.marks[:, 9:11].min() >= -1 and e.marks[:, 11:13].max() <= 225
    assert prompts[True] > 45 and 0 < empty < 20
    assert source.example(4) is None


def test_the_same_seed_gives_the_same_examples():
    one, other = (regions.Source("train", random.Random(5)) for _ in range(2))
    for _ in range(5):
        a, b = one.example(16), other.example(16)
        assert (a.prompt, a.answer) == (b.prompt, b.answer)
        assert np.array_equal(a.pixels, b.pixels) and np.array_equal(a.marks, b.marks)


def test_every_region_has_its_marks():
    """A region's marks lie within it, or in the one patch that its middle is in, and carry its box."""
    things = [("text", (30.0, 20.0, 200.0, 100.0)), ("table", (30.0, 110.0, 34.0, 113.0)), ("picture", (60.0, 120.0, 223.5, 223.9))]
    marks = detect.marks([(detect.symbol(10 + KINDS.index(k)), b) for k, b in things])
    for kind, box in things:
        own = marks[marks[:, 0] == detect.symbol(10 + KINDS.index(kind))]
        assert len(own) and (own[:, 9:13] == np.array(box, np.float32)).all()
        assert (abs(own[:, 1] - np.clip(own[:, 1], box[0], box[2])) <= PATCH / 2).all()
        assert (abs(own[:, 2] - np.clip(own[:, 2], box[1], box[3])) <= PATCH / 2).all()
        assert own[0, 4] == 1 and own[-1, 5] == 1 and own[:, 4].sum() == own[:, 5].sum() == 1
    assert marks[:, 3].max() <= 15


@pytest.mark.parametrize("kind", pool.DRAW)
def test_pictures_are_trimmed(kind):
    for i in range(6):
        image = pool.DRAW[kind](random.Random(f"{kind}{i}"), "train")
        box = image.point(lambda v: 255 if v < 200 else 0).getbbox()
        if kind != "picture":  # a photograph may be light at its edges
            assert box == (0, 0, *image.size)
        assert min(image.size) > 5 and max(image.size) < 2000


def test_turning_takes_boxes_along():
    for composer in composers(11, words=True):
        page = composer.compose()
        words = len(page.printed)
        turn(page, 1.2)
        assert len(page.printed) == words
        for p in page.regions:
            x0, y0, x1, y1 = (round(v) for v in p.box)
            assert page.ink.crop((x0, y0, x1, y1)).getbbox()


def test_a_perfect_reader_scores_one_and_silence_none():
    source = regions.Source("validation", random.Random(9))
    examples = [source.example(16) for _ in range(30)]
    best = regions.score([e.answer for e in examples], examples)
    assert best["recall"] > 0.99 and best["precision"] > 0.99 and best["mean_iou"] > 0.93
    assert regions.score([""] * len(examples), examples)["mean_iou"] == 0
