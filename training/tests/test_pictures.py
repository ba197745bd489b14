"""Drawn pictures: what is said about them is so, words alone tell nothing, and the targets are those of docs/targets.md."""

import json
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training import detect, pictures, vocab
from training.detect import Thing
from training.pictures import scenes
from training.pictures.scenes import Artist, Scene
from training.pictures.shapes import FILLS, KINDS, Shape, paint, shape
from training.render import CHARACTER_COLUMNS, PATCH

EXAMPLES = [json.loads(line) for line in (Path(__file__).parent.parent / "testdata" / "picture_targets.jsonl").read_text().splitlines()]


def things(shown):
    return [Thing(t["label"], tuple(t["box"])) for t in shown]


def scene_of(shown) -> Scene:
    """A scene of boxes."""
    out = Scene(0, 224, 255)
    for s in shown:
        x0, y0, x1, y1 = s["box"]
        out.shapes.append(Shape(s["kind"], s["fill"], [(x0, y0), (x1, y0), (x1, y1), (x0, y1)], [], 0, 0, 5, 0))
    return out


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e["name"])
def test_targets(example):
    answer = example["answer"]
    if "things" in example:
        listed = things(example["things"])
        assert detect.in_order(listed[::-1]) == listed
        assert detect.answer(listed) == answer
        assert [t.label for t in detect.parse(answer)] == [t.label for t in listed]
    elif "read" in example:
        assert detect.parse(answer, example.get("cut", False)) == things(example["read"])
    elif example["prompt"] == "caption en":
        assert scenes.caption(scene_of(example["shapes"])) == answer
    else:
        assert judged(example["prompt"], scene_of(example["shapes"])) == answer


def judged(prompt: str, scene: Scene) -> str:
    """The answer to a question, from where the shapes lie."""
    words = prompt.removeprefix("answer en ").rstrip("?").split()
    if words[:2] == ["how", "many"]:
        return str(sum(scenes.plural(s.kind) == words[2] for s in scene.shapes))
    if words[0] == "there":
        return str(any(s.kind == words[3] for s in scene.shapes))
    a, b = (next(s for s in scene.shapes if s.kind == kind) for kind in (words[1], words[-1]))
    return str(scenes.holds(" ".join(words[3:-2]), a, b))


@pytest.mark.parametrize("rows", [16, 8, 4])
def test_examples(rows):
    source = pictures.Source("train", random.Random(rows))
    tasks = Counter()
    for _ in range(120):
        e = source.example(rows)
        tasks[e.truth["task"]] += 1
        assert e.pixels.shape == (rows * PATCH, 224) and e.pixels.dtype == np.uint8
        assert e.first_row == (16 - rows) // 2
        assert e.marks.shape[1] == CHARACTER_COLUMNS
        assert vocab.UNK not in vocab.encode(e.prompt) + vocab.encode(e.answer)
        assert len(vocab.encode(e.answer)) < 200
        if len(e.marks):
            assert e.marks[:, 2].min() >= e.first_row * PATCH and e.marks[:, 2].max() < (e.first_row + rows) * PATCH
        if "things" in e.truth:
            assert [t.label for t in detect.parse(e.answer)] == [t.label for t in e.truth["things"]]
    assert set(tasks) >= {"relation", "detect", "caption", "count", "presence"}
    assert pictures.Source("train", random.Random(0)).example(5) is None


def test_the_same_seed_gives_the_same_examples():
    one, other = (pictures.Source("train", random.Random(5)) for _ in range(2))
    for _ in range(12):
        a, b = one.example(16), other.example(16)
        assert (a.prompt, a.answer) == (b.prompt, b.answer)
        assert np.array_equal(a.pixels, b.pixels) and np.array_equal(a.marks, b.marks)


def test_statements_are_so(monkeypatch):
    r = random.Random(3)
    for _ in range(300):
        question, truth, scene = pictures.statement(r, Artist(r, "train", r.choice((16, 8, 4))))
        words = question.split()
        named = Counter(s.kind for s in scene.shapes)
        assert named[words[1]] == named[words[-1]] == 1
        assert judged("answer en " + question, scene) == str(truth)


def test_words_alone_tell_nothing():
    """Who sees no picture and has learned how often each word, and each pair of them, goes with True is right half the time."""
    r = random.Random(11)
    asked = []
    for _ in range(3000):
        question, truth, _ = pictures.statement(r, Artist(r, "train", 16))
        words = question.split()
        asked.append(((words[1], " ".join(words[3:-2]), words[-1]), truth))
    share = sum(t for _, t in asked) / len(asked)
    assert 0.47 < share < 0.53
    known, unseen = asked[:2000], asked[2000:]
    for parts in ((0,), (1,), (2,), (0, 1), (1, 2), (0, 2)):
        votes = Counter()
        for words, truth in known:
            votes[tuple(words[p] for p in parts)] += 1 if truth else -1
        right = sum((votes[tuple(words[p] for p in parts)] > 0) == truth for words, truth in unseen)
        assert right / len(unseen) < 0.56, parts


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fill", FILLS)
def test_boxes_hold_the_ink(kind, fill):
    r = random.Random(kind + fill)
    for split in ("train", "validation"):
        s = shape(kind, fill, r.uniform(15, 120), 0, r, split)
        s.move_to(112, 112)
        image = Image.new("L", (672, 672), 255)
        paint(image, s, 3)
        ink = [v / 3 for v in Image.eval(image, lambda v: 255 - v).getbbox()]
        assert np.allclose(ink, s.box, atol=1.2), (ink, s.box)


def test_a_perfect_reader_scores_one_and_silence_none():
    source = pictures.Source("validation", random.Random(9))
    examples = [source.example(16) for _ in range(150)]
    best = pictures.score([e.answer for e in examples], examples)
    assert best["spatial"] == best["caption_exact"] == best["caption_facts"] == best["detect_recall"] == best["count"] == 1
    assert best["detect_mean_iou"] > 0.9
    worst = pictures.score([""] * len(examples), examples)
    assert worst["spatial"] == worst["detect_mean_iou"] == worst["caption_facts"] == 0
    guess = pictures.score(["True"] * len(examples), examples)
    assert 0.3 < guess["spatial"] < 0.7


def test_drawn():
    for seed in range(5):
        image, row = pictures.drawn(random.Random(seed))
        again, same = pictures.drawn(random.Random(seed))
        assert row == same and image.tobytes() == again.tobytes()
        assert row["gt"] in row["choices"] == ["True", "False"] and image.width >= 448
