"""Fine-tunes a released PaliGemma 2 checkpoint, or the default model, on labelled pictures, and writes a folder that
`palimpsest --model` loads.

    python -m training.finetune BASE LABELS/MANIFEST.jsonl OUT --task ocr
    torchrun --nproc-per-node 4 -m training.finetune BASE LABELS/MANIFEST.jsonl OUT --task table --lora 16 --bf16

BASE is a model folder; the manifest is what `palimpsest eval` reads and `palimpsest export --labels` writes. Rates and the rest
come from the report's published settings (training/tuning/presets.py); docs/finetuning.md is the way from corrected pages
to a better model.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import sys
import time
from pathlib import Path

import torch
import torch.distributed as dist

from training.tuning import folder, labels, presets
from training.tuning.released import Released
from training.tuning.small import Small, fits

WARM_UP = 0.05  # of all steps, then a cosine to zero: the report's schedule
REPORT_SECONDS = 15


def say(text: str) -> None:
    """A line of progress, from the first process."""
    if rank() == 0:
        print(time.strftime("%H:%M:%S"), text, flush=True)


def rank() -> int:
    return int(os.environ.get("RANK", 0))


def ranks() -> int:
    return int(os.environ.get("WORLD_SIZE", 1))


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("base", type=Path, help="folder of the checkpoint to begin with")
    add("manifest", type=Path, help="labelled pictures, MANIFEST.jsonl")
    add("out", type=Path, help="folder to write")
    add("--task", default="ocr", help="task of the labels: " + ", ".join(presets.PRESETS))
    add("--lora", type=int, default=0, metavar="RANK", help="train adapters of this rank beside frozen matrices; 0: train everything")
    add("--alpha", type=float, default=0, help="scale of the adapters (default: twice the rank)")
    add("--decoder-only", action="store_true", help="leave the vision tower as it is")
    add("--rate", type=float, default=0, help="learning rate (default: the preset's)")
    add("--steps", type=int, default=0, help="updates (default: by --epochs)")
    add("--epochs", type=float, default=0, help="times each label is shown (default: the preset's, more for fewer than 1,000 labels)")
    add("--batch", type=int, default=0, help="pictures in an update, of all processes (default: the preset's, fewer for few labels)")
    add("--micro", type=int, default=4, help="pictures in one forward pass of a process; lower it when memory runs out")
    add("--label-smoothing", type=float, default=-1, help="(default: the preset's)")
    add("--weight-decay", type=float, default=-1, help="(default: the preset's)")
    add("--rehearse", type=float, default=0.2, help="default model alone: share of freshly drawn pages among the pictures")
    add("--soft-caps", choices=("keep", "off"), default="off", help="off: as in the report's transfers, and the folder says so; keep: as the base has them")
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    add("--bf16", action="store_true", help="bfloat16: the frozen weights of --lora, the arithmetic of a full run")
    add("--gradient-checkpoints", action="store_true", help="compute activations again instead of keeping them")
    add("--threads", type=int, default=0, help="on a CPU (default: PyTorch's choice)")
    add("--name", default="", help="the model's name (default: the folder's)")
    add("--prompt", default="", help="what the task is asked by (default: the profile's, or the preset's)")
    add("--seed", type=int, default=1)
    return parser.parse_args(words)


def profile_of(base: Path, config: dict, options: argparse.Namespace) -> dict:
    """The base's profile with an entry for the task."""
    size = config.get("vision_config", {}).get("image_size", 224)
    made = folder.read_json(base / folder.PROFILE) or {"format": 1, "tasks": {}}
    preset = presets.preset(options.task)
    entry = dict(made["tasks"].get(options.task) or {
        "prompt": preset.prompt, "view": "page" if options.task in ("ocr", "caption", "answer", "spatial") else "region", "fit": preset.fit,
        "box": preset.box, "max_tokens": preset.max_tokens,
    })
    entry.setdefault("size", size)
    if options.prompt:
        entry["prompt"] = options.prompt
    made["tasks"] = {**made["tasks"], options.task: entry}
    made["name"] = options.name or options.out.resolve().name
    return made


class Run:
    """One process of a fine-tuning run."""

    def __init__(self, options: argparse.Namespace):
        self.options = options
        config_path = options.base / "config.json"
        if not config_path.exists():
            raise ValueError(f"{options.base} has no config.json: it is no model folder")
        self.config = folder.read_json(config_path)
        self.width = self.config["text_config"]["hidden_size"]
        self.labels = labels.read(options.manifest, options.task)
        self.profile = profile_of(options.base, self.config, options)
        self.entry = self.profile["tasks"][options.task]
        self.bounds = (1.0, 1.0)
        if self.entry.get("view") == "tiles":
            self.bounds = labels.scale_bounds(self.labels, self.entry)
            self.entry["min_scale"], self.entry["max_scale"] = self.bounds
        preset = presets.preset(options.task)
        self.rate = options.rate or presets.rate(options.task, self.width, options.lora > 0)
        self.smoothing = preset.label_smoothing if options.label_smoothing < 0 else options.label_smoothing
        self.decay = preset.weight_decay if options.weight_decay < 0 else options.weight_decay
        count = len(self.labels)
        self.batch = options.batch or max(1, min(preset.batch, 8 if count < 1000 else 32 if count < 10_000 else 256))
        # A thousand labels seen ten times are ten thousand pictures; as many of fewer labels, up to a hundred times each.
        epochs = options.epochs or preset.epochs * min(10.0, max(1.0, 1000 / count))
        self.steps = options.steps or max(1, round(epochs * count / self.batch))
        self.device = torch.device(f"{options.device}:{os.environ.get('LOCAL_RANK', 0)}" if options.device == "cuda" else options.device)
        torch.manual_seed(options.seed)
        self.learner = self._learner()
        self.parameters = self.learner.parameters()
        self.adam = torch.optim.AdamW(self.parameters, lr=self.rate, betas=(0.9, 0.999), weight_decay=self.decay / self.rate if self.rate else 0.0)
        self.r = random.Random(f"{options.seed}/{rank()}")
        self.queue: list[int] = []

    def _learner(self) -> Small | Released:
        o = self.options
        if o.soft_caps == "off":  # before all else: the learner computes what the written configuration says
            self.config["text_config"] |= {"attn_logit_softcapping": None, "final_logit_softcapping": None}
        if fits(self.config):
            learner: Small | Released = Small(o.base, self.config, self.device, o.rehearse, o.seed * 1000 + rank())
        else:
            kept = torch.bfloat16 if o.bf16 and o.lora else torch.float32
            learner = Released(o.base, self.config, self.device, kept, self.entry.get("max_tokens", 512), o.gradient_checkpoints, o.soft_caps == "keep")
        if o.lora:
            learner.adapt(o.lora, o.alpha or 2 * o.lora, o.decoder_only)
        elif o.decoder_only:
            learner.net.model.vision_tower.requires_grad_(False)
        return learner

    def ask(self) -> labels.Asked:
        """The next picture: every label once before any comes again."""
        if not self.queue:
            self.queue = list(range(len(self.labels)))
            self.r.shuffle(self.queue)
        return labels.ask(self.labels[self.queue.pop()], self.entry, self.r, self.bounds)

    def factor(self, step: int) -> float:
        """Of the rate: up in a twentieth of the steps, then down a cosine."""
        warm = max(1, round(WARM_UP * self.steps))
        if step < warm:
            return (step + 1) / warm
        return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, self.steps - warm)))

    def step(self, step: int) -> float:
        """One update; returns the loss."""
        share = max(1, self.batch // ranks())
        micro = min(self.options.micro, share)
        passes, total = math.ceil(share / micro), 0.0
        autocast = torch.autocast(self.device.type, torch.bfloat16, enabled=self.options.bf16 and not self.options.lora)
        for _ in range(passes):
            with autocast:
                loss = self.learner.loss([self.ask() for _ in range(micro)], self.smoothing) / passes
            loss.backward()
            total += float(loss.detach())
        if ranks() > 1:
            for p in self.parameters:
                if p.grad is None:
                    p.grad = torch.zeros_like(p)
                dist.all_reduce(p.grad)
                p.grad /= ranks()
        torch.nn.utils.clip_grad_norm_([p for p in self.parameters if p.grad is not None], 1.0)
        for group in self.adam.param_groups:
            group["lr"] = self.rate * self.factor(step)
        self.adam.step()
        self.adam.zero_grad(set_to_none=True)
        return total

    def train(self) -> None:
        """All updates."""
        started = said = time.time()
        mean = 0.0
        for step in range(self.steps):
            loss = self.step(step)
            mean = loss if step == 0 else 0.95 * mean + 0.05 * loss
            if time.time() - said > REPORT_SECONDS or step + 1 == self.steps:
                said = time.time()
                left = (said - started) / (step + 1) * (self.steps - step - 1)
                say(f"step {step + 1} of {self.steps}, loss {mean:.3f}, rate {self.rate * self.factor(step):.2e}, {left / 60:.1f} minutes left")

    def write(self) -> None:
        """The folder, by the first process."""
        if rank():
            return
        o = self.options
        folder.write(o.base, o.out, self.learner.trained(), self.config, self.profile)
        how = {"base": o.base.resolve().name, "task": o.task, "labels": len(self.labels), "steps": self.steps, "batch": self.batch, "rate": self.rate,
               "label_smoothing": self.smoothing, "weight_decay": self.decay, "lora": o.lora, "soft_caps": o.soft_caps, "seed": o.seed}
        (o.out / "finetune.json").write_text(json.dumps(how, indent=1) + "\n", encoding="utf-8")
        if cut := getattr(self.learner, "cut", 0):
            say(f"{cut} answers were longer than max_tokens and learnt to that place only: raise it in {o.out / folder.PROFILE}")
        say(f"wrote {o.out}: palimpsest eval --model {o.out} --task {o.task} --data MANIFEST.jsonl")


def main(words: list[str] | None = None) -> None:
    options = arguments(words)
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    if options.device == "cuda":
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", 0)))
    if ranks() > 1:
        dist.init_process_group("nccl" if options.device == "cuda" else "gloo")
    try:
        run = Run(options)
        if ranks() > 1:  # all begin with the same adapters
            for p in run.parameters:
                dist.broadcast(p.data, 0)
        size = presets.SIZE_NAME.get(run.width, f"width {run.width}")
        say(f"{options.base} ({size}), {len(run.labels)} labels of {options.task}; {run.steps} updates of {run.batch}, rate {run.rate:.1e}; "
            f"preset: {presets.preset(options.task).cited}")
        run.train()
        run.write()
    except ValueError as error:
        sys.exit(f"finetune: {error}")
    finally:
        if ranks() > 1:
            dist.destroy_process_group()


if __name__ == "__main__":
    main()
