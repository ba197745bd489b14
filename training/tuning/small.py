"""The default model's way to a loss: training/model.py's fast forward pass, with the auxiliary loss of its vision tower where
the labels say where the words stand."""

from __future__ import annotations

import random
from pathlib import Path

import torch
from torch import Tensor

from training import data, example, export, render, tasks, vocab
from training.model import ATTENTION_CAP, FINAL_CAP, Mini
from training.paths import AUXILIARY
from training.tuning import lora
from training.tuning.labels import Asked

AUX_WEIGHT = 0.5


def caps(config: dict) -> tuple[float | None, float | None]:
    """The soft-caps of attention and logits; None: off."""
    text = config.get("text_config", {})
    return text.get("attn_logit_softcapping"), text.get("final_logit_softcapping")


def fits(config: dict) -> bool:
    """Whether a config.json is of a model that Mini computes: its vocabulary, square and switches."""
    text, vision = config.get("text_config", {}), config.get("vision_config", {})
    return (
        text.get("vocab_size") == vocab.SIZE and config.get("image_token_index") == vocab.IMAGE
        and vision.get("image_size", 224) == 224 and vision.get("patch_size") == 14
        and caps(config) in ((ATTENTION_CAP, FINAL_CAP), (None, None))
    )


def to_example(asked: Asked) -> example.Example:
    """A question in the trainer's form; letters are taken to stand evenly in their words."""
    items = []
    for text, (x0, y0, x1, y1) in asked.words:
        letters = [c for c in vocab.spell(text) if c in vocab.CHARACTER_CLASS]
        step = (x1 - x0) / max(1, len(letters))
        y = y0 + 0.55 * (y1 - y0)
        items.append(example.Item((x0, y0, x1, y1), [(vocab.CHARACTER_CLASS[c], x0 + (i + 0.5) * step, y) for i, c in enumerate(letters)]))
    grey = torch.from_numpy(asked.pixels.copy()).float().mean(2).round().byte().numpy()
    return example.Example(grey, asked.prompt, vocab.spell(asked.answer), example.marks(items))


class Small:
    """The default model as something to fine-tune."""

    def __init__(self, base: Path, config: dict, device: torch.device, rehearse: float, seed: int):
        self.model = Mini(export.exported_shape(base), soft_caps=caps(config) != (None, None))
        export.load_weights(self.model, base)
        export.load_auxiliary(self.model, AUXILIARY)
        self.model.to(device)
        self.device, self.rehearse = device, rehearse
        self.r = random.Random(f"rehearse/{seed}")
        self.net = self.model.net

    def adapt(self, rank: int, alpha: float, decoder_only: bool) -> None:
        """Train adapters alone."""
        lora.adapt(self.net, rank, alpha, decoder_only)
        self.model.aux.requires_grad_(False)

    def parameters(self) -> list[Tensor]:
        return [p for p in self.model.parameters() if p.requires_grad]

    def loss(self, batch: list[Asked], smoothing: float) -> Tensor:
        """The trainer's loss; label smoothing is not part of it. Some of what was learnt before is repeated, so that it is
        not forgotten: tiles as the default model was made from."""
        examples = [to_example(a) for a in batch]
        examples += [tasks.reading(render.tile(self.r)) for _ in batch if self.r.random() < self.rehearse]
        placed = any(len(e.marks) for e in examples)
        return self.model.losses(data.collate(examples).to(self.device), True, AUX_WEIGHT if placed else 0.0).total

    def trained(self) -> dict[str, Tensor]:
        """What changed, by transformers' names."""
        return {k: v for k, v in lora.trained(self.net).items()}

    @torch.no_grad()
    def answers(self, batch: list[Asked], max_tokens: int) -> list[str]:
        """What the model says now."""
        self.model.eval()
        made = data.collate([to_example(a) for a in batch]).to(self.device)
        said = self.model.generate(made.patches, max_tokens, made.first_row, made.prompts)
        self.model.train()
        return [vocab.decode(ids) for ids in said]
