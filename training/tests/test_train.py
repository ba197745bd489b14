"""Runs stop, save and resume."""

import argparse
import json
import os
import signal
import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F

from training import checkpoint, export, fonts, train, vocab
from training.model import SLOT_OUTPUTS, SLOTS, Mini, Shape
from training.optim import Average, Optimizer, orthogonalise
from training.paths import REPOSITORY

pytestmark = pytest.mark.skipif(not fonts.files(), reason="no fonts installed")


@pytest.fixture
def state(tmp_path, monkeypatch):
    """An empty state folder that shares the measured fonts."""
    known = checkpoint.state_dir() / "fonts.json"
    monkeypatch.setenv("PALIMPSEST_TRAINING", str(tmp_path))
    if known.exists():
        (tmp_path / "fonts.json").write_text(known.read_text())
    return tmp_path


def options(**changes):
    values = dict(
        minutes=0, cooldown=0, rate=1.0, stage=None, fresh=False, seed=1, processes=1, batches=2, batch=1.0, threads=1, workers=0, device="cpu", bf16=False, port=29999, tasks=""
    )
    return argparse.Namespace(**(values | changes))


def run_steps(trainer, count):
    stream = trainer.stream()
    for _ in range(count):
        trainer.train_step(stream)


def test_batches_of_a_step_are_dealt_out():
    shares = train.Shares(5)
    for step in range(3):
        assert [shares.take(step, first, 2) for first in (True, True, False, False, False, False)] == [True] * 5 + [False]


def test_resume(state, monkeypatch):
    monkeypatch.setattr(train, "MODEL_DIR", state / "none")
    first = train.Trainer(options(), 0, train.Shares(2))
    run_steps(first, 3)
    first.save()
    (state / "state.pt.part").write_bytes(b"half a file of a killed run")
    second = train.Trainer(options(), 0, train.Shares(2))
    assert second.progress["step"] == 3 and second.progress["samples"] == first.progress["samples"]
    for a, b in zip(first.model.parameters(), second.model.parameters()):
        assert torch.equal(a, b)
    for k, v in first.optimizer.buffers.items():
        assert torch.equal(v, second.optimizer.buffers[k])
    for k, v in first.average.weights.items():
        assert torch.equal(v, second.average.weights[k])
    run_steps(second, 1)
    assert second.progress["step"] == 4


def test_goes_on_from_exported_weights(state, monkeypatch):
    torch.manual_seed(9)
    model = Mini()
    export.export(model, state / "model", dtype=torch.float32)
    export.save_auxiliary(model, state / "auxiliary", {"step": 700, "samples": 9000, "stage": 2, "meter": {}})
    monkeypatch.setattr(train, "MODEL_DIR", state / "model")
    monkeypatch.setattr(train, "AUXILIARY", state / "auxiliary")
    trainer = train.Trainer(options(), 0, train.Shares(2))
    assert (trainer.progress["step"], trainer.progress["stage"], trainer.progress["stage_step"]) == (700, 2, 0)
    assert torch.allclose(trainer.model.aux.weight, model.aux.weight, atol=1e-3)
    assert trainer.rate() < train.RATE / 10  # a fresh warm-up
    a, b = model.net.model.language_model.embed_tokens.weight, trainer.model.net.model.language_model.embed_tokens.weight
    assert torch.equal(a, b)


def test_a_run_writes_curve_and_state(state, monkeypatch):
    monkeypatch.setattr(train, "MODEL_DIR", state / "none")
    monkeypatch.setattr(checkpoint, "CURVE", state / "none" / "curve.jsonl")
    train.worker(0, options(minutes=0.05), train.Shares(2))
    points = [json.loads(line) for line in (state / "curve.jsonl").read_text().splitlines()]
    assert points[-1]["step"] > 0 and points[-1]["stage"] == "letters"
    assert checkpoint.load()["progress"]["step"] == points[-1]["step"]


def test_grown_model_computes_the_same(state):
    small = Mini(Shape(vision_layers=2, text_layers=2))
    optimizer, average = Optimizer(small, 0.6), Average(small)
    checkpoint.save(small, optimizer, average, {"step": 5})
    big = Mini(Shape(vision_layers=3, text_layers=3))
    from training.grow import silence

    silence(big, small.shape)
    checkpoint.restore(checkpoint.load(), big, Optimizer(big, 0.6), Average(big))
    x = torch.randn(1, 256, 196)
    tokens = torch.randint(6, 200, (1, 8))
    with torch.no_grad():
        a, _ = small.answer_logits(small.vision(x), tokens)
        b, _ = big.answer_logits(big.vision(x), tokens)
    assert torch.allclose(a, b, atol=1e-5)


def test_a_head_that_named_fewer_classes_is_taken_over(state):
    model = Mini(Shape(vision_layers=1, text_layers=1))
    optimizer, average = Optimizer(model, 0.6), Average(model)
    checkpoint.save(model, optimizer, average, {"step": 5})
    saved = torch.load(state / "state.pt", weights_only=True)
    fewer = {"weight": [], "bias": []}
    kept = torch.ones(SLOT_OUTPUTS, dtype=torch.bool)
    kept[vocab.CHARACTER_CLASSES - 10 : vocab.CHARACTER_CLASSES] = False
    for weights in (saved["model"], saved["average"]):
        for name in fewer:
            rows = weights[f"aux.{name}"].view(SLOTS, SLOT_OUTPUTS, -1)[:, kept]
            weights[f"aux.{name}"] = rows.reshape(SLOTS * int(kept.sum()), -1).squeeze(1) if name == "bias" else rows.flatten(0, 1)
    torch.save(saved, state / "state.pt")
    grown = Mini(model.shape)
    checkpoint.restore(checkpoint.load(), grown, Optimizer(grown, 0.6), Average(grown))
    rows = grown.aux.weight.view(SLOTS, SLOT_OUTPUTS, -1)
    assert torch.equal(rows[:, kept], model.aux.weight.view(SLOTS, SLOT_OUTPUTS, -1)[:, kept])
    assert not rows[:, ~kept].any() and (grown.aux.bias.view(SLOTS, -1)[:, ~kept] < -5).all()


def test_a_near_location_costs_less_than_a_far_one():
    model = Mini()
    truth = torch.tensor([vocab.FIRST_LOCATION + 400, vocab.IDS["a"]])

    def cost(guess):
        scores = torch.zeros(2, vocab.SIZE)
        scores[0, vocab.FIRST_LOCATION + guess] = scores[1, vocab.IDS["a"]] = 8.0
        return model._answer_loss(scores, truth, truth >= vocab.FIRST_LOCATION).tolist()

    costs = [cost(400 + 4 * d)[0] for d in (0, 1, 2, 20)]
    assert costs == sorted(costs) and costs[0] < costs[3] - 1
    scores = torch.zeros(1, vocab.SIZE)
    scores[0, vocab.IDS["a"]] = 8.0
    assert abs(cost(400)[1] - F.cross_entropy(scores, truth[1:]).item()) < 1e-5


def test_orthogonalise():
    for shape in ((2, 8, 32), (1, 32, 8)):
        s = torch.linalg.svdvals(orthogonalise(torch.randn(*shape)))
        assert s.min() > 0.5 and s.max() < 1.35
    values = torch.logspace(-2, 0, 400)[:, None, None]
    padded = torch.diag_embed(torch.cat([values[:, 0], (1 - values[:, 0] ** 2).clamp(min=0).sqrt()], 1))
    assert orthogonalise(padded).abs().max() < 1.35  # no singular value runs away


def test_average_follows_the_weights():
    model = Mini(Shape(vision_layers=1, text_layers=1))
    average = Average(model, horizon=10)
    with torch.no_grad():
        for p in model.parameters():
            p.fill_(1.0)
    for _ in range(200):
        average.update(model, 4)
    key = next(k for k, _ in model.named_parameters())
    assert torch.allclose(average.weights[key], torch.ones_like(average.weights[key]), atol=1e-3)


# A run of a small model over batches that depend on the step alone. It says every loss, saves every third step, and kills
# itself in the middle of a save where it is told to.
RUN = """
import os, random, signal, sys
from pathlib import Path
from training import checkpoint, data, render, train
from training.model import Mini, Shape
from training.tests.test_train import options

train.MODEL_DIR, last, kill = Path("none"), int(sys.argv[1]), int(sys.argv[2])
train.Mini = lambda: Mini(Shape(vision_width=48, vision_layers=2, vision_mlp=96, text_width=48, text_layers=2, head_dim=16, text_mlp=64))
trainer = train.Trainer(options(stage=1), 0, train.Shares(2))
losses = trainer.model.losses

def told(*arguments):
    found = losses(*arguments)
    print("loss", trainer.progress["step"], float(found.total).hex(), flush=True)
    return found

trainer.model.losses = told
while trainer.progress["step"] < last:
    step = trainer.progress["step"]
    tiles = ([render.tile(random.Random(f"{step}/{i}/{k}"), "train", 4) for k in range(2)] for i in range(2))
    trainer.train_step(iter([(0, data.collate(t)) for t in tiles]))
    if trainer.progress["step"] == kill:
        (checkpoint.state_dir() / "state.pt.part").write_bytes(b"half a file")
        os.kill(os.getpid(), signal.SIGKILL)
    if trainer.progress["step"] % 3 == 0:
        trainer.save()
"""


def test_a_killed_run_goes_on_with_the_same_losses(tmp_path):
    """Killed between two saves, a run repeats what came after the last one: every loss, to the last bit, is that of a run
    which nothing disturbed."""
    known = checkpoint.state_dir() / "fonts.json"

    def run(name, last, kill=0):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        if known.exists():
            (folder / "fonts.json").write_text(known.read_text())
        environment = os.environ | {"PALIMPSEST_TRAINING": str(folder), "PYTHONPATH": str(REPOSITORY)}
        done = subprocess.run([sys.executable, "-B", "-c", RUN, str(last), str(kill)], env=environment, capture_output=True, text=True, timeout=600, check=False)
        assert done.returncode == (-signal.SIGKILL if kill else 0), done.stderr[-2000:]
        return [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("loss")]

    whole = run("undisturbed", 8)
    assert len(whole) == 16 and len({value for _, value in whole}) == 16
    before = run("killed", 8, kill=5)
    after = run("killed", 8)
    assert before == whole[:10]  # two batches a step
    assert after == whole[6:]  # from the save after the third step on
