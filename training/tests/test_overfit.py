"""The page that a test checkpoint knows by heart: what is said of it is printed on it, and a tiny model can learn answers letter by letter."""

import json
import re

import numpy as np
import pytest
import torch
from PIL import Image

from training import detect, onepage, overfit, targets
from training.example import Example
from training.model import Shape
from training.molecules import chemistry, drawing
from training.paths import REPOSITORY
from training.tables import structure

KEPT = REPOSITORY / "ingest" / "testdata" / "onepage"
SHAPE = Shape(vision_width=32, vision_layers=1, vision_heads=1, vision_mlp=32, text_width=32, text_layers=1, text_heads=1, head_dim=32, text_mlp=32)


@pytest.fixture(scope="module")
def drawn():
    return onepage.draw()


def whole(truth: dict, prompt: str) -> str:
    """The answer about the page as if it were the model's square, each pixel of it half a pixel."""
    ask = next(a for a in truth["asks"] if a["prompt"] == prompt)
    text = ask["join"].join(item["said"] for item in ask["items"])
    return re.sub(r"<[xy]([0-9.]+)>", lambda m: f"<loc{targets.location(float(m[1]) * targets.TILE / 512):04d}>", text)


def test_the_kept_page_is_the_one_that_is_drawn(drawn):
    page, truth = drawn
    assert json.loads((KEPT / "truth.json").read_text(encoding="utf-8")) == truth
    with Image.open(KEPT / "page.png") as kept:
        assert kept.size == page.size and np.abs(np.asarray(kept, int) - np.asarray(page, int)).mean() < 1


def test_what_is_said_is_drawn(drawn):
    page, truth = drawn
    ink = np.asarray(page) < 128
    for kind in ("regions", "words", "cells", "molecules", "scores", "notes"):
        for thing in truth[kind]:
            x0, y0, x1, y1 = (round(v) for v in thing["box"])
            assert 0 <= x0 < x1 <= page.width and 0 <= y0 < y1 <= page.height and ink[y0:y1, x0:x1].mean() > 0.01, thing
    assert [t.label for t in detect.parse(whole(truth, truth["asks"][0]["prompt"]))] == [r["kind"] for r in truth["regions"]]
    assert [w.text for w in targets.parse(whole(truth, "ocr"))] == [w["text"] for w in truth["words"]]
    (table,) = structure.parse(whole(truth, structure.PROMPT))
    assert (len(table.head), len(table.body), len(table.columns)) == (1, 2, 2)
    assert chemistry.smiles(drawing.parse(whole(truth, "molecule"))) == truth["molecules"][0]["smiles"]


def test_the_checkpoint_is_labelled():
    card = (KEPT / "model" / "README.md").read_text(encoding="utf-8")
    assert "For tests only" in card and "one page" in card
    assert (KEPT / "model" / "model.safetensors").stat().st_size < 2 << 20


def test_questions_are_learned_by_heart(tmp_path):
    torch.set_num_threads(1)
    lines = []
    for i, (prompt, answer) in enumerate((("ocr", "<loc0100><loc0200><loc0300><loc0400>one"), ("omr", "<loc0004>2/4"))):
        pixels = np.full((224, 224), 250, np.uint8)
        pixels[40 * i + 20 : 40 * i + 50, 30:120] = 10
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
        lines.append(json.dumps({"file": f"{i}.png", "prompt": prompt, "answer": answer}))
    (tmp_path / "questions.jsonl").write_text("\n".join(lines))
    examples = overfit.questions(tmp_path)
    assert [(e.prompt, e.answer) for e in examples] == [("ocr", "<loc0100><loc0200><loc0300><loc0400>one"), ("omr", "<loc0004>2/4")]
    untaught, failures = overfit.learn(examples, 1, SHAPE, 1)
    assert failures
    model, failures = overfit.learn(examples, 240, SHAPE, 1)
    assert not failures
    other = Example(examples[0].pixels, "ocr", "<loc0100>", examples[0].marks)
    assert overfit.wrong(model, [other])  # it does tell
    overfit.write(model, tmp_path / "out", 2)
    assert {p.name for p in (tmp_path / "out").iterdir()} == {
        "README.md", "config.json", "generation_config.json", "model.safetensors", "palimpsest.json", "preprocessor_config.json", "tokenizer.json",
    }  # fmt: skip
