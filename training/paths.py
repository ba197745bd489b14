"""Where training keeps its state, and where the exported model lies."""

from __future__ import annotations

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
MODEL_DIR = REPOSITORY / "models" / "mini"
AUXILIARY = REPOSITORY / "training" / "auxiliary.safetensors"
CURVE = REPOSITORY / "training" / "curve.jsonl"


def state_dir() -> Path:
    """The folder of weights, optimizer state and logs: outside the repository."""
    return Path(os.environ.get("PALIMPSEST_TRAINING") or Path.home() / ".cache" / "palimpsest" / "training")
