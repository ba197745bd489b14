"""Tables: the examples of docs/targets.md, and what the renderer promises."""

import json
import random
from pathlib import Path

import numpy as np
import pytest

from training import render, tables, vocab
from training.tables import structure
from training.tables.structure import Table

EXAMPLES = [json.loads(line) for line in (Path(__file__).parent.parent / "testdata" / "table_structure_targets.jsonl").read_text().splitlines()]


def tables_of(shown):
    return [Table(*([tuple(b) for b in t[k]] for k in ("head", "body", "columns", "spans"))) for t in shown]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e["name"])
def test_examples(example):
    if "tables" in example:
        assert structure.answer(tables_of(example["tables"])) == example["answer"]
    read = structure.parse(example["answer"])
    assert len(read) == len(example["read"])
    for got, want in zip(read, example["read"]):
        assert len(got.head) == want["head"]
        assert np.ravel(got.rows) == pytest.approx(np.ravel(want["rows"]), abs=1e-6)
        assert np.ravel(got.columns) == pytest.approx(np.ravel(want["columns"]), abs=1e-6)
        assert [list(c) for c in structure.cells(got)] == want["cells"]


@pytest.fixture(scope="module", params=[16, 8, 4])
def drawn(request):
    source = tables.Source("train", random.Random(11))
    found = [source.example(request.param) for _ in range(30)]
    return request.param, [e for e in found if e]


def test_examples_are_whole(drawn):
    rows, examples = drawn
    assert len(examples) > 20
    for e in examples:
        assert e.pixels.shape == (rows * render.PATCH, 224) and e.pixels.dtype == np.uint8
        assert e.first_row == (16 - rows) // 2
        tokens = vocab.encode(e.answer)
        assert len(tokens) <= tables.MOST_TOKENS and vocab.UNK not in tokens
        table = e.truth["table"]
        if not table.rows:
            assert e.answer == ""
            continue
        top, bottom = e.first_row * 14, (e.first_row + rows) * 14
        assert all(top - 1 <= a < b <= bottom + 1 for a, b in table.rows)
        assert all(-1 <= a < b <= 225 for a, b in table.columns)
        for bands in (table.rows, table.columns):
            assert all(a[0] < b[0] and a[1] < b[1] for a, b in zip(bands, bands[1:]))
        read = structure.parse(e.answer)
        assert len(read) == 1 and len(read[0].rows) == len(table.rows) and len(read[0].columns) == len(table.columns)
        # Every place of the grid belongs to one cell, and every span is one.
        cells = structure.cells(read[0])
        assert sum(m * n for _, _, m, n in cells) == len(table.rows) * len(table.columns)
        assert sum(m * n > 1 for _, _, m, n in cells) == len(table.spans)


def test_marks_lie_on_ink(drawn):
    """Around most marks the picture is not as the paper is."""
    rows, examples = drawn
    near = far = 0
    for e in examples:
        if not len(e.marks):
            continue
        pixels = e.pixels.astype(float)
        paper = np.median(pixels)
        for m in e.marks:
            x, y = int(m[render.CENTRE_X]), int(m[render.CENTRE_Y]) - e.first_row * 14
            around = pixels[max(0, y - 3) : y + 4, max(0, x - 4) : x + 5]
            near += np.abs(around - paper).max() > 12
            far += 1
    assert near > 0.97 * far


def test_marks_name_what_the_answer_says(drawn):
    _, examples = drawn
    for e in examples:
        table = e.truth["table"]
        if not table.rows:
            assert len(e.marks) == 0
            continue
        kinds = {int(m[render.CLASS]) for m in e.marks}
        assert kinds <= {vocab.symbol_class("table", i) for i in range(4)}
        rows = [m for m in e.marks if m[render.CLASS] < vocab.symbol_class("table", 2)]
        assert {round(float(m[render.BOX + 1]), 2) for m in rows} == {round(a, 2) for a, _ in table.rows}


def test_the_same_seed_draws_the_same():
    a, b = (tables.Source("train", random.Random(5)) for _ in range(2))
    for _ in range(5):
        x, y = a.example(16), b.example(16)
        assert x.answer == y.answer and (x.pixels == y.pixels).all() and (x.marks == y.marks).all()


def test_score():
    source = tables.Source("validation", random.Random(2))
    examples = [e for e in (source.example(16) for _ in range(20)) if e]
    right = tables.score([e.answer for e in examples], examples)
    assert set(right.values()) == {1.0}
    nothing = tables.score([""] * len(examples), examples)
    assert nothing["cell_f1"] == 0
    answers = [e.answer for e in examples]
    assert tables.score(answers[1:] + answers[:1], examples)["cell_f1"] < 0.7


def test_drawn():
    image, row = tables.drawn(random.Random(4))
    again, same = tables.drawn(random.Random(4))
    assert image.size[0] > 200 and row == same and image.tobytes() == again.tobytes()
    assert row["gt"]["html"].startswith("<table>") and row["gt"]["html"].endswith("</tbody></table>")


def test_nothing_of_the_evaluation_sets_is_drawn():
    """No cell of two words or more, or of eight characters, is one of a labelled table."""
    manifest = Path(__file__).parents[3] / "shared" / "data" / "tables" / "manifest.jsonl"
    if not manifest.exists():
        pytest.skip("the labelled tables are not here")
    import re

    real = set()
    for line in manifest.read_text().splitlines():
        for cell in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", json.loads(line)["gt"]["html"]):
            real.add(re.sub(r"<[^>]*>", "", cell).strip().lower())
    real = {c for c in real if len(c) >= 8 and " " in c and re.search("[a-z]{3}", c)}
    assert len(real) > 100
    said = set()
    for seed in range(40):
        grid = tables.Grid(random.Random(seed), 20, 8)
        said |= {c.text.strip().lower() for c in grid.cells}
    assert len(said) > 1000 and not said & real
