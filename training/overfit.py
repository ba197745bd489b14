"""Teaches a tiny model of the default model's architecture a few questions by heart, for tests.

    python -m training.overfit QUESTIONS OUT [--steps 600]

QUESTIONS is a folder with questions.jsonl, a line for each picture: `file`, `prompt` and `answer`. `go test ./ingest -run
TestRightAnswers -record FOLDER` writes it, of the page that training/onepage.py draws: the very pixels that the service shows a
model. OUT becomes a checkpoint like models/mini, with a card that says what it is. It answers these questions and has
learned nothing else, but for one thing: to pictures that are turned over or cut to pieces, and to other text, the answer is
nothing. So it has to look, and cannot go by the prompt alone.
"""

from __future__ import annotations

import argparse
import copy
import json
import random
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from training import data, export, onepage, render, vocab
from training.example import Example
from training.model import Mini, Shape
from training.optim import Optimizer
from training.render import CHARACTER_COLUMNS

SHAPE = Shape(
    vision_width=64, vision_layers=2, vision_heads=2, vision_mlp=128,
    text_width=64, text_layers=2, text_heads=2, text_kv_heads=1, head_dim=32, text_mlp=192,
)  # fmt: skip
RATE, WARM_UP = 4e-3, 40
OTHERS = 6  # pictures to which the answer is nothing, in a step
NOISE = 6.0  # grey levels; no two processors resize exactly alike
SURE = 0.9  # the least probability of any token, with the weights as they are stored

CARD = """# A checkpoint that knows one page by heart

**For tests only.** `training/overfit.py` taught it the {count} questions that the service asks about the page in the folder above, until it
answered each of them letter by letter. It cannot read: to any other page it says nothing, or what stands on this one. What it scores here
says nothing about any model.

It has the architecture, tokenizer and file formats of `models/mini` at {parameters:,} parameters, all of them trained from random
numbers on this page alone, and a profile with all tasks that read regions, so that a test can send the page through queue, store,
engine and every plugin. `training/README.md` says how it is made again.
"""


def questions(folder: Path) -> list[Example]:
    """The questions of a folder."""
    out = []
    for line in (folder / "questions.jsonl").read_text(encoding="utf-8").splitlines():
        q = json.loads(line)
        pixels = np.asarray(Image.open(folder / q["file"]).convert("L"))
        out.append(Example(pixels, q["prompt"], q["answer"], np.zeros((0, CHARACTER_COLUMNS), np.float32)))
    return out


def scrambled(pixels: np.ndarray, r: random.Random) -> np.ndarray:
    """The sixteen squares of a picture in another order."""
    side = len(pixels) // 4
    squares = [pixels[y : y + side, x : x + side] for y in range(0, 4 * side, side) for x in range(0, 4 * side, side)]
    r.shuffle(squares)
    return np.block([squares[i : i + 4] for i in range(0, 16, 4)])


def another(example: Example, r: random.Random) -> Example:
    """The same question about another picture: this one upside down, mirrored, in negative or cut to pieces, or a tile of other text.
    Nothing is the answer."""
    change = r.choice((np.flipud, np.fliplr, lambda a: a[::-1, ::-1], lambda a: 255 - a, lambda a: scrambled(a, r), lambda a: render.tile(r, "train").pixels))
    return replace(example, pixels=np.ascontiguousarray(change(example.pixels)), answer="")


def noisy(example: Example, noise: np.random.Generator) -> Example:
    """The picture with a little noise."""
    a = example.pixels + noise.normal(0, noise.uniform(0, NOISE), example.pixels.shape)
    return replace(example, pixels=np.clip(a, 0, 255).astype(np.uint8))


def loss(model: Mini, examples: list[Example]) -> tuple[torch.Tensor, float]:
    """Cross entropy of all tokens of the answers, and the least probability of one."""
    batch = data.collate(examples)
    scores, truth = model.answer_logits(model.vision(batch.patches), batch.tokens, None, batch.prompts)
    each = F.cross_entropy(scores, truth, reduction="none")
    # Tokens that are known already give way to those that are not.
    weight = (each.detach() > 0.02).float() + 0.1
    return (each * weight).sum() / weight.sum(), (-each.detach()).exp().min().item()


def stored(model: Mini) -> Mini:
    """The model with its weights as they are written: bfloat16."""
    out = copy.deepcopy(model)
    with torch.no_grad():
        for p in out.parameters():
            p.copy_(p.to(torch.bfloat16).float())
    return out.eval()


@torch.no_grad()
def wrong(model: Mini, examples: list[Example]) -> list[str]:
    """What the model answers otherwise, greedily."""
    batch = data.collate(examples)
    said = model.generate(batch.patches, batch.tokens.shape[1] + 8, None, batch.prompts)
    return [f"{e.prompt}: {vocab.decode(s)!r}, want {e.answer!r}" for e, s in zip(examples, said, strict=True) if vocab.decode(s) != e.answer]


def learn(examples: list[Example], steps: int, shape: Shape = SHAPE, others: int = OTHERS, seed: int = 1) -> tuple[Mini, list[str]]:
    """A model that knows the examples by heart, and what it still answers otherwise after so many steps."""
    torch.manual_seed(seed)
    r, noise = random.Random(seed), np.random.default_rng(seed)
    model = Mini(shape)
    optimizer = Optimizer(model, 1.0, weight_decay=0.0)
    began, failures = time.time(), ["nothing was learned"]
    for step in range(steps):
        shown = [noisy(e, noise) for e in examples] + [noisy(another(r.choice(examples), r), noise) for _ in range(others)]
        value, least = loss(model, shown)
        value.backward()
        optimizer.step(RATE * min(1, (step + 1) / WARM_UP) * max(0.05, 1 - step / steps))
        if step % 20 == 0:
            print(f"step {step} loss {value.item():.4f} least {least:.3f} {time.time() - began:.0f} s", flush=True)
        if step % 20 == 0 and least > 0.5:
            kept = stored(model)
            with torch.no_grad():
                _, sure = loss(kept, examples)
            failures = wrong(kept, examples)
            if not failures and sure > SURE:
                return kept, []
    kept = stored(model)
    return kept, wrong(kept, examples)


def write(model: Mini, folder: Path, count: int) -> None:
    """The checkpoint's folder with its profile and card."""
    export.export(model, folder)
    for name in ("tokenizer_config.json", "special_tokens_map.json"):  # the tokenizer is that of models/mini
        (folder / name).unlink()
    onepage.write_profile(folder)
    parameters = sum(p.numel() for n, p in model.net.named_parameters() if not n.startswith("lm_head"))
    (folder / "README.md").write_text(CARD.format(count=count, parameters=parameters), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("questions", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=600)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    examples = questions(options.questions)
    model, failures = learn(examples, options.steps)
    write(model, options.out, len(examples))
    if failures:
        raise SystemExit("not learned:\n" + "\n".join(failures))


if __name__ == "__main__":
    main()
