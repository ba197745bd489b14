"""Saves and restores the state of a training run."""

from __future__ import annotations

import json
import os
from pathlib import Path

import torch

from training import grow
from training.model import Mini
from training.optim import Average, Optimizer
from training.paths import CURVE, state_dir

STATE = "state.pt"


def save(model: Mini, optimizer: Optimizer, average: Average, progress: dict) -> None:
    """Write everything a killed run needs, so that a kill while writing loses nothing."""
    folder = state_dir()
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{STATE}.part"
    torch.save(
        {
            "shape": model.shape._asdict(),
            "model": model.state_dict(),
            "optimizer": optimizer.state(),
            "average": average.weights,
            "average_count": average.count,
            "progress": progress,
            "random": torch.get_rng_state(),
        },
        part,
    )
    with open(part, "rb") as f:
        os.fsync(f.fileno())
    part.replace(folder / STATE)


def load(folder: Path | None = None) -> dict | None:
    """The saved state, if there is one."""
    path = (folder or state_dir()) / STATE
    if not path.exists():
        return None
    state = torch.load(path, map_location="cpu", weights_only=True)
    grow.name_more(state)
    return state


def restore(state: dict, model: Mini, optimizer: Optimizer | None = None, average: Average | None = None) -> dict:
    """Take a saved state over; returns the progress it had made. Blocks that the saved model lacks stay as
    they are."""
    grown = model.state_dict()
    deeper = set(grown) - set(state["model"])
    model.load_state_dict(state["model"], strict=not deeper)
    if optimizer is not None and not deeper:
        optimizer.load(state["optimizer"])
    if average is not None:
        average.count = state["average_count"]
        for k, v in average.weights.items():
            v.copy_(state["average"].get(k, grown[k]))
    if not deeper:
        torch.set_rng_state(state["random"])
    return state["progress"]


def log_point(point: dict) -> None:
    """Append a point to the curve."""
    path = state_dir() / CURVE.name
    if not path.exists() and CURVE.exists():  # a new machine goes on with the committed curve
        path.write_bytes(CURVE.read_bytes())
    with open(path, "a", encoding="utf-8") as f:
        f.write(json.dumps(point) + "\n")
