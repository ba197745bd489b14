"""The task `molecule`: its form, what labels mean, and the renderer."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem

from training import molecules, vocab
from training.molecules import chemistry, compose, paint, seeds
from training.molecules.drawing import Atom, Bond, Drawing, Unreadable, parse, write
from training.render import PATCH
from training.targets import TILE

DATA = Path(__file__).parents[1] / "testdata"
needs_seeds = pytest.mark.skipif(not seeds.source().exists(), reason=f"{seeds.source()} is not there")


def _lines(name: str) -> list[dict]:
    return [json.loads(line) for line in (DATA / name).read_text().splitlines()]


EXAMPLES = _lines("molecule_targets.jsonl")


def _canonical(text: str) -> str:
    return Chem.CanonSmiles(text)


@pytest.mark.parametrize("example", [e for e in EXAMPLES if "drawing" in e], ids=lambda e: e["name"])
def test_drawings_are_written_as_the_examples_have_them(example):
    given = example["drawing"]
    drawing = Drawing([Atom(*a) for a in given["atoms"]], [Bond(*b) for b in given["bonds"]])
    drawing.name, drawing.name_place = given.get("name", ""), given.get("name_place")
    assert write(drawing) == example["answer"]
    assert chemistry.smiles(parse(example["answer"])) == _canonical(example["smiles"])
    assert parse(example["answer"]).name == given.get("name", "")


@pytest.mark.parametrize("example", [e for e in EXAMPLES if "sketch" in e and not e.get("cut")], ids=lambda e: e["name"])
def test_answers_are_read_as_the_examples_have_them(example):
    want = example["sketch"]
    try:
        drawing = parse(example["answer"])
        got = chemistry.smiles(drawing)
        assert drawing.name == want.get("label", "")
    except Unreadable:
        got = None
    assert got == (_canonical(want["smiles"]) if "smiles" in want else None)


@pytest.mark.parametrize("example", _lines("molecule_labels.jsonl"), ids=lambda e: f"{e['label']} {e['bonds']}")
def test_labels(example):
    places = [(0.0, 100.0), (200.0, 100.0), (100.0, 0.0)][: example["bonds"]]
    drawing = Drawing([Atom(100.0, 100.0, example["label"])] + [Atom(*p, "*") for p in places])
    drawing.bonds = [Bond(0, k + 1, "") for k in range(len(places))]
    try:
        got = chemistry.smiles(drawing)
    except Unreadable:
        got = None
    assert got == (_canonical(example["smiles"]) if "smiles" in example else None)


def _some(split: str, rows: int, count: int, seed: int = 1):
    source = molecules.Source(split, random.Random(seed))
    return [e for e in (source.example(rows) for _ in range(count)) if e]


@needs_seeds
@pytest.mark.parametrize("rows", [16, 8, 4])
def test_examples_are_whole(rows):
    some = _some("train", rows, 25)
    assert len(some) > 20
    for e in some:
        assert e.pixels.shape == (rows * PATCH, TILE) and e.pixels.dtype == np.uint8
        assert e.prompt == "molecule" and vocab.UNK not in vocab.encode(e.answer)
        assert len(vocab.encode(e.answer)) <= compose.MAX_TOKENS
        drawing = parse(e.answer)
        assert write(drawing) == e.answer
        assert e.first_row == (16 - rows) // 2
        for a in drawing.atoms:
            assert 0 <= a.x <= TILE and e.first_row * PATCH <= a.y <= (e.first_row + rows) * PATCH
        assert (e.marks[:, 0] < vocab.CHARACTER_CLASSES).all() and (e.marks[:, 0] > 0).all()
    scores = molecules.score([e.answer for e in some], some)
    assert scores["exact"] == scores["graph"] == scores["valid"] == scores["atom_f1"] == scores["bond_f1"] == 1


@needs_seeds
def test_the_same_seed_draws_the_same():
    for a, b in zip(_some("train", 16, 8, 5), _some("train", 16, 8, 5), strict=True):
        assert a.answer == b.answer and (a.pixels == b.pixels).all() and (a.marks == b.marks).all()


@needs_seeds
def test_marks_sit_on_ink():
    """Corners of lines and middles of bonds lie on something dark, as far as paper and scanner let one say."""
    corners = {vocab.symbol_class("molecule", i) for i in (*paint.CORNERS.values(), paint.KINDS[""], paint.KINDS["#"], paint.KINDS["/"])}
    hit = seen = 0
    for e in _some("train", 16, 40, 3):
        if not e.answer:
            continue
        ink = np.percentile(e.pixels, 0.5)
        paper = float(np.median(e.pixels))
        for row in e.marks:
            if int(row[0]) in corners:
                x, y = int(row[1]), int(row[2]) - e.first_row * PATCH
                around = e.pixels[max(0, y - 2) : y + 3, max(0, x - 2) : x + 3]
                seen += 1
                hit += around.min() < paper - 0.25 * (paper - ink)
    assert seen > 300 and hit / seen > 0.97


@needs_seeds
def test_nothing_of_the_evaluation_sets_is_drawn():
    forbidden = seeds.forbidden()
    if not forbidden:
        pytest.skip("no evaluation sets here")
    for text in forbidden:
        assert all(seeds.usable(text, split) is None for split in seeds.SPLITS)
    for e in _some("train", 8, 60, 11):
        if e.answer:
            assert seeds.flat(chemistry.molecule(parse(e.answer))) not in forbidden


@needs_seeds
def test_splits_share_neither_molecules_nor_lettering():
    r = random.Random(2)
    texts = [t for n in (8, 14, 20) for t in r.sample(seeds.lines()[n], 60)]
    for text in texts:
        assert sum(seeds.usable(text, split) is not None for split in seeds.SPLITS) <= 1
    faces = [set(paint._faces(split)[2]) for split in seeds.SPLITS]
    assert all(faces) and not faces[0] & faces[1] and not faces[0] & faces[2]


@needs_seeds
def test_drawn_has_its_truth():
    r = random.Random(4)
    for _ in range(4):
        image, row = molecules.drawn(r)
        assert min(image.size) > 40 and Chem.MolFromSmiles(row["gt"]["smiles"]).GetNumAtoms() >= 2


def test_scores_tell_what_is_wrong():
    truth = "<loc0504><loc0092>C<loc0396><loc0276>C<loc0504><loc0456>O"
    example = compose.Example(np.zeros((224, 224), np.uint8), "molecule", truth, np.zeros((0, 17), np.float32))
    said = molecules.score([truth.replace("O", "N")], [example])
    assert said["exact"] == 0 and said["valid"] == 1 and said["atom_f1"] == pytest.approx(2 / 3) and said["bond_f1"] == 1
    assert molecules.score(["nonsense"], [example])["valid"] == 0
    empty = compose.Example(example.pixels, "molecule", "", example.marks)
    assert molecules.score([""], [empty])["exact"] == 1 and molecules.score([truth], [empty])["exact"] == 0
