"""Runs what is missing of the grid. See the package."""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import random
import time
from pathlib import Path

import torch

from training import data, export, grow, vocab
from training.example import Example
from training.model import Mini, Shape
from training.optim import Optimizer
from training.paths import AUXILIARY, MODEL_DIR, state_dir
from training.render import PATCH
from training.sweep.transfers import RESOLUTIONS, TRANSFERS, mixture, score, shown
from training.train import RATE, VISION_RATE

RESULTS = Path(__file__).with_name("results.jsonl")
# The default model's first layers: so many of the vision tower and of the decoder.
SIZES = {"small": (2, 3), "medium": (4, 3), "large": (6, 4)}
FACTORS = (0.03, 0.06, 0.1, 0.3, 0.6, 1.0, 3.0)  # of RATE: the report's 3e-7 to 3e-5 in the same proportions
BASE_SAMPLES = {56: 4_800, 112: 2_400}
SAMPLES = {"read": 320, "spatial": 320}  # of a transfer, times --samples
BATCH = 16
SAID = 20  # steps between two lines about a base
HELD_OUT = 128
LONGEST = 9  # tokens of an answer
POSITIONS = "net.model.vision_tower.embeddings.position_embedding.weight"


@functools.lru_cache(maxsize=6)
def drawn(what: str, split: str, seed: int, resolution: int, count: int) -> list[Example]:
    """So many examples of a transfer or of the "mixture" at a resolution, the same for every size and rate."""
    r, draw = random.Random(f"{what}/{split}/{seed}"), TRANSFERS.get(what, mixture)
    return [shown(draw(r, split), resolution) for _ in range(count)]


def train(model: Mini, examples: list[Example], rate: float) -> None:
    """A run over the examples, each seen once, with warm-up and a rate that falls to nothing over its second half."""
    optimizer = Optimizer(model, VISION_RATE)
    steps = len(examples) // BATCH
    for i in range(steps):
        batch = data.collate(examples[BATCH * i : BATCH * (i + 1)])
        losses = model.losses(batch, True, 0.7)
        losses.total.backward()
        optimizer.step(rate * min(1.0, (i + 1) / (0.05 * steps + 1), 2 * (1 - i / steps)))
        if len(examples) in BASE_SAMPLES.values() and i % SAID == SAID - 1:
            print(f"step {i + 1} of {steps}: letters {losses.aux_accuracy:.2f}, characters {losses.character_accuracy:.2f}, locations {losses.location_accuracy:.2f}", flush=True)


def shaped(size: str, resolution: int) -> Mini:
    """A model of a size for a resolution, with random weights."""
    vision, text = SIZES[size]
    return Mini(Shape(grid=resolution // PATCH, vision_layers=vision, text_layers=text))


def take(model: Mini, weights: dict[str, torch.Tensor], positions: torch.Tensor) -> None:
    """Weights of a deeper model or of another resolution: the first layers, and positions for this one's patches."""
    own = model.state_dict()
    # transformers keeps the patches' numbers in a buffer, whose length is the resolution's.
    model.load_state_dict(own | {k: v for k, v in weights.items() if k in own and v.shape == own[k].shape} | {POSITIONS: positions})


def base(size: str, resolution: int) -> Mini:
    """The model of stage 1 or stage 2, trained where it does not lie in the folder yet."""
    path, model = state_dir() / "sweep" / f"{size}-{resolution}.pt", shaped(size, resolution)
    if path.exists():
        model.load_state_dict(torch.load(path, weights_only=True))
        return model
    torch.manual_seed(11)
    stage, started, grid = RESOLUTIONS.index(resolution), time.process_time(), model.shape.grid
    if stage:
        weights = base(size, RESOLUTIONS[stage - 1]).state_dict()
        take(model, weights, grow.sharpen(weights[POSITIONS], grid))
    else:  # windows hold the whole tile's positions: any part of the default model's will do
        whole = Mini(export.exported_shape(MODEL_DIR))
        export.load_weights(whole, MODEL_DIR)
        export.load_auxiliary(whole, AUXILIARY)
        weights, side = whole.state_dict(), whole.shape.grid
        take(model, weights, weights[POSITIONS].view(side, side, -1)[:grid, :grid].flatten(0, 1))
    train(model, drawn("mixture", "train", stage, resolution, BASE_SAMPLES[resolution]), RATE)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(model.state_dict(), path)
    print(f"base {size} at {resolution}: {time.process_time() - started:.0f} s of one core, {loss(model, resolution)}", flush=True)
    return model


@torch.no_grad()
def loss(model: Mini, resolution: int) -> str:
    """What to know of a base: characters and locations named rightly, given those before, of fresh examples."""
    found = model.losses(data.collate(drawn("mixture", "validation", 0, resolution, HELD_OUT)), True, 0.7)
    return f"characters {found.character_accuracy:.3f}, locations {found.location_accuracy:.3f}, of the auxiliary loss {found.aux_accuracy:.3f}"


@torch.no_grad()
def measure(model: Mini, task: str, resolution: int) -> dict[str, float]:
    """Scores of greedy answers to examples that no run was trained on."""
    examples = drawn(task, "validation", 0, resolution, HELD_OUT)
    said: list[str] = []
    for i in range(0, HELD_OUT, 32):
        batch = data.collate(examples[i : i + 32])
        said += [vocab.decode(ids) for ids in model.generate(batch.patches, LONGEST, None, batch.prompts)]
    return score(task, said, examples)


def run(size: str, resolution: int, task: str, factor: float, seed: int, samples: int) -> dict:
    """One transfer."""
    model, examples = base(size, resolution), drawn(task, "train", seed, resolution, samples)
    started = time.process_time()
    torch.manual_seed(seed)
    train(model, examples, RATE * factor)
    key = {"size": size, "resolution": resolution, "task": task, "factor": factor, "seed": seed, "samples": samples}
    return key | {k: round(v, 4) for k, v in measure(model, task, resolution).items()} | {"seconds": round(time.process_time() - started, 1)}


def known() -> dict[tuple, dict]:
    """The results so far by run."""
    if not RESULTS.exists():
        return {}
    rows = [json.loads(line) for line in RESULTS.read_text(encoding="utf-8").splitlines()]
    return {(r["size"], r["resolution"], r["task"], r["factor"], r["seed"], r["samples"]): r for r in rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--samples", type=float, default=1.0, help="factor on the examples of each transfer")
    parser.add_argument("--minutes", type=float, default=0, help="begin no run after this long")
    parser.add_argument("--part", default="0/1", help="I/N: the I-th of N processes that share the grid")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    part, parts = map(int, options.part.split("/"))
    started, done = time.time(), known()
    # A process keeps to its sizes, so that no two make the same base.
    bases = [(size, resolution) for resolution in RESOLUTIONS for k, size in enumerate(SIZES) if k % parts == part]
    for seed in range(options.seeds):
        for (size, resolution), task, factor in itertools.product(bases, TRANSFERS, FACTORS):
            samples = round(options.samples * SAMPLES[task])
            if (size, resolution, task, factor, seed, samples) in done:
                continue
            if options.minutes and time.time() - started > 60 * options.minutes:
                return
            result = run(size, resolution, task, factor, seed, samples)
            with open(RESULTS, "a", encoding="utf-8") as f:
                f.write(json.dumps(result) + "\n")
            print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
