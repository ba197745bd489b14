"""The sweep: examples at two resolutions, runs that are never repeated, and the plots."""

import itertools
import json
import random
import sys
import xml.etree.ElementTree as ET

import pytest
import torch

from training.paths import MODEL_DIR
from training.sweep import __main__ as sweep
from training.sweep import plots, transfers

needs_model = pytest.mark.skipif(not (MODEL_DIR / "model.safetensors").exists(), reason="the default model is not here")
needs_font = pytest.mark.skipif(not transfers.FACE.exists(), reason="fonts-dejavu-core is not installed")


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A grid of two cells with hardly any training."""
    monkeypatch.setenv("PALIMPSEST_TRAINING", str(tmp_path))
    monkeypatch.setattr(sweep, "RESULTS", tmp_path / "results.jsonl")
    monkeypatch.setattr(sweep, "SIZES", {"small": sweep.SIZES["small"]})
    monkeypatch.setattr(sweep, "FACTORS", (1.0,))
    monkeypatch.setattr(sweep, "BASE_SAMPLES", dict(zip(sweep.RESOLUTIONS, (16, 16))))
    monkeypatch.setattr(sweep, "SAMPLES", dict.fromkeys(sweep.TRANSFERS, 16))
    monkeypatch.setattr(sweep, "HELD_OUT", 16)
    return tmp_path


@needs_font
def test_examples():
    r = random.Random(1)
    for draw in (transfers.numbers, transfers.places, transfers.read, transfers.spatial):
        e = draw(r, "train")
        assert e.pixels.shape == (224, 224) and len(e.marks)
        for resolution in transfers.RESOLUTIONS:
            assert transfers.shown(e, resolution).pixels.shape == (resolution, resolution)
    some = [transfers.read(r, "train") for _ in range(8)]
    assert transfers.score("read", [e.answer for e in some], some) == {"accuracy": 1.0, "characters": 1.0}
    assert transfers.score("read", [""] * 8, some) == {"accuracy": 0.0, "characters": 0.0}
    some = [transfers.spatial(r, "train") for _ in range(8)]
    assert transfers.score("spatial", [e.answer for e in some], some)["overlap"] > 0.9  # to a bin
    assert transfers.score("spatial", ["", "<loc0000>", "cat"] + [some[0].answer] * 5, some)["overlap"] < 0.3


@needs_model
@needs_font
def test_a_grid_is_finished_and_no_run_is_repeated(tiny, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["sweep"])
    sweep.main()
    rows = [json.loads(line) for line in sweep.RESULTS.read_text().splitlines()]
    assert [(r["resolution"], r["task"]) for r in rows] == list(itertools.product(sweep.RESOLUTIONS, sweep.TRANSFERS))
    assert all(0 <= r[plots.MEASURE[r["task"]]] <= 1 and r["seconds"] > 0 for r in rows)
    sweep.RESULTS.write_text("".join(json.dumps(r) + "\n" for r in rows[1:]))  # as a kill would leave it
    monkeypatch.setattr(sweep, "train", lambda *_: None)
    sweep.main()
    again = [json.loads(line) for line in sweep.RESULTS.read_text().splitlines()]
    assert again[:3] == rows[1:] and {k: again[3][k] for k in ("resolution", "task")} == {k: rows[0][k] for k in ("resolution", "task")} and len(again) == 4
    assert len(list((tiny / "sweep").glob("*.pt"))) == 2


@needs_model
def test_a_base_begins_as_the_default_models_first_layers(tiny, monkeypatch):
    monkeypatch.setattr(sweep, "train", lambda *_: None)
    monkeypatch.setattr(sweep, "drawn", lambda *_: [])
    monkeypatch.setattr(sweep, "loss", lambda *_: "")
    low, high = (sweep.base("small", resolution) for resolution in sweep.RESOLUTIONS)
    whole = sweep.Mini(sweep.export.exported_shape(MODEL_DIR))
    sweep.export.load_weights(whole, MODEL_DIR)
    for mine in (low, high):
        for a, b in zip(mine.net.model.language_model.layers, whole.net.model.language_model.layers):
            assert torch.equal(a.self_attn.q_proj.weight, b.self_attn.q_proj.weight)
    positions = whole.state_dict()[sweep.POSITIONS].view(16, 16, -1)
    assert torch.equal(low.state_dict()[sweep.POSITIONS].view(4, 4, -1), positions[:4, :4])
    assert high.state_dict()[sweep.POSITIONS].shape[0] == 64


def test_plots(tmp_path, monkeypatch):
    monkeypatch.setattr(plots, "IMAGES", tmp_path)
    r = random.Random(1)
    rows = [
        {"task": task, "size": size, "resolution": resolution, "factor": factor, "seed": 0, "samples": 1, "overlap": r.random(), "characters": r.random()}
        for task, size, resolution, factor in itertools.product(plots.TRANSFERS, plots.SIZES, plots.RESOLUTIONS, plots.FACTORS)
    ]
    for some in (rows, rows[:3]):  # a whole grid, and one hardly begun
        monkeypatch.setattr(plots, "known", lambda some=some: dict(enumerate(some)))
        plots.main()
        for name in ("sweep-rates.svg", "sweep-gains.svg"):
            drawn = ET.parse(tmp_path / name).getroot()
            assert len(drawn.findall(".//{*}circle")) >= (3 if name == "sweep-rates.svg" else 1)
    assert len(ET.parse(tmp_path / "sweep-rates.svg").getroot().findall(".//{*}circle")) == 3
