"""Runs what is missing of the grid. See the package."""

from __future__ import annotations

import argparse
import itertools
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from training import data, grow, vocab
from training.evaluate import edit_distance
from training.example import Example
from training.model import Mini, Shape
from training.optim import Optimizer
from training.paths import state_dir
from training.sweep.transfers import RESOLUTIONS, TRANSFERS, mixture, shown
from training.train import RATE, VISION_RATE

RESULTS = Path(__file__).with_name("results.jsonl")
SIZES = {
    "small": Shape(8, 64, 3, 2, 256, 64, 2, 2, 1, 32, 192),
    "medium": Shape(8, 128, 3, 2, 512, 128, 2, 2, 1, 64, 384),
    "large": Shape(8, 192, 4, 3, 768, 192, 3, 3, 1, 64, 512),
}
FACTORS = (0.03, 0.06, 0.1, 0.3, 0.6, 1.0, 3.0)  # of RATE: the report's 3e-7 to 3e-5 in the same proportions
BASE_SAMPLES = {112: 24_000, 224: 6_000}
BATCH = 8
HELD_OUT = 96


def batches(examples: Iterator[Example], resolution: int, count: int) -> Iterator[data.Batch]:
    """So many examples as batches."""
    for _ in range(count // BATCH):
        yield data.collate([shown(e, resolution) for e in itertools.islice(examples, BATCH)])


def train(model: Mini, stream: Iterator[data.Batch], steps: int, rate: float, decoder_from: float = 0.0) -> None:
    """A run with warm-up and a rate that falls to nothing over its second half; before `decoder_from` of it the vision tower
    learns alone."""
    optimizer = Optimizer(model, VISION_RATE)
    for i, batch in enumerate(stream):
        losses = model.losses(batch, i >= decoder_from * steps, 0.7)
        losses.total.backward()
        optimizer.step(rate * min(1.0, (i + 1) / (0.05 * steps + 1), 2 * (1 - i / steps)))


def base(size: str, resolution: int) -> Mini:
    """The model of stage 1 (112) or stage 2 (224), trained where it does not lie in the folder yet."""
    path = state_dir() / "sweep" / f"{size}-{resolution}.pt"
    shape = SIZES[size]._replace(grid=resolution // 14)
    model = Mini(shape)
    if path.exists():
        model.load_state_dict(torch.load(path, weights_only=True))
        return model
    torch.manual_seed(11)
    model = Mini(shape)
    stage = RESOLUTIONS.index(resolution)
    if stage:
        weights = base(size, RESOLUTIONS[stage - 1]).state_dict()
        name = "net.model.vision_tower.embeddings.position_embedding.weight"
        weights[name] = grow.sharpen(weights[name], shape.grid)
        # transformers keeps the patches' numbers in a buffer, whose length is the resolution's.
        model.load_state_dict({k: v for k, v in weights.items() if v.shape == model.state_dict()[k].shape}, strict=False)
    count = BASE_SAMPLES[resolution]
    train(model, batches(mixture(random.Random(f"base/{resolution}"), "train"), resolution, count), count // BATCH, RATE, 0.0 if stage else 0.3)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(model.state_dict(), path)
    return model


@torch.no_grad()
def measure(model: Mini, task: str, resolution: int) -> dict[str, float]:
    """Scores on examples that no run was trained on: of "read" the share of codes and of characters that are right, of
    "spatial" the share of statements judged rightly by the likelier of the two answers."""
    r = random.Random(f"held out/{task}")
    examples = [shown(TRANSFERS[task](r, "validation"), resolution) for _ in range(HELD_OUT)]
    right, errors, length = 0, 0, 0
    for i in range(0, HELD_OUT, 16):
        part = examples[i : i + 16]
        batch = data.collate(part)
        if task == "spatial":
            scores, _ = model.answer_logits(model.vision(batch.patches), batch.tokens, None, batch.prompts)
            true, false = (scores[: len(part), vocab.encode(word)[0]] for word in ("True", "False"))
            right += sum((t > f) == (e.answer == "True") for t, f, e in zip(true.tolist(), false.tolist(), part))
            continue
        for ids, e in zip(model.generate(batch.patches, 12, None, batch.prompts), part):
            said = vocab.decode(ids)
            right += said == e.answer
            errors, length = errors + edit_distance(said, e.answer), length + len(e.answer)
    scores = {"accuracy": right / HELD_OUT}
    return scores | ({"characters": max(0.0, 1 - errors / length)} if length else {})


def run(size: str, resolution: int, task: str, factor: float, seed: int, samples: int) -> dict:
    """One transfer."""
    started = time.time()
    model = base(size, resolution)
    made = time.time() - started
    torch.manual_seed(seed)
    r = random.Random(f"{task}/{seed}")
    train(model, batches(iter(lambda: TRANSFERS[task](r, "train"), None), resolution, samples), samples // BATCH, RATE * factor)
    key = {"size": size, "resolution": resolution, "task": task, "factor": factor, "seed": seed, "samples": samples}
    return key | {k: round(v, 4) for k, v in measure(model, task, resolution).items()} | {"seconds": round(time.time() - started - made, 1)}


def known() -> dict[tuple, dict]:
    """The results so far by run."""
    if not RESULTS.exists():
        return {}
    rows = [json.loads(line) for line in RESULTS.read_text(encoding="utf-8").splitlines()]
    return {(r["size"], r["resolution"], r["task"], r["factor"], r["seed"], r["samples"]): r for r in rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--samples", type=int, default=640, help="of each transfer")
    parser.add_argument("--minutes", type=float, default=0, help="begin no run after this long")
    parser.add_argument("--part", default="0/1", help="I/N: the I-th of N processes that share the grid")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    part, parts = map(int, options.part.split("/"))
    started, done = time.time(), known()
    # A process keeps to its sizes and resolutions, so that no two make the same base.
    bases = [pair for i, pair in enumerate(itertools.product(SIZES, RESOLUTIONS)) if (i // 2) % parts == part]
    for seed in range(options.seeds):
        for (size, resolution), task, factor in itertools.product(bases, TRANSFERS, FACTORS):
            if (size, resolution, task, factor, seed, options.samples) in done:
                continue
            if options.minutes and time.time() - started > 60 * options.minutes:
                return
            result = run(size, resolution, task, factor, seed, options.samples)
            with open(RESULTS, "a", encoding="utf-8") as f:
                f.write(json.dumps(result) + "\n")
            print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
