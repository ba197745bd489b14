"""Writes a fine-tuned checkpoint as the base has it: the same files under the same tensor names, with what was trained in
place of what was, one shard in memory at a time, and the profile by which `palimpsest` asks it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

WEIGHTS, INDEX, PROFILE = "model.safetensors", "model.safetensors.index.json", "palimpsest.json"
# What a model folder holds besides its weights; anything else in the base is left behind.
COPIED = (
    "config.json", "tokenizer.json", "tokenizer.model", "tokenizer_config.json", "preprocessor_config.json", "generation_config.json",
    "special_tokens_map.json", "added_tokens.json", INDEX,
)


def plain(name: str) -> str:
    """A tensor's name without what versions of transformers and published folders put in front of it."""
    name = name.removeprefix("model.")
    name = name.replace("language_model.model.", "language_model.", 1).replace("vision_tower.vision_model.", "vision_tower.", 1)
    return name


def shards(base: Path) -> list[str]:
    """The weight files of a folder."""
    if (base / INDEX).exists():
        return sorted(set(json.loads((base / INDEX).read_text())["weight_map"].values()))
    if not (base / WEIGHTS).exists():
        raise ValueError(f"{base} has neither {WEIGHTS} nor {INDEX}: it is no folder of a released checkpoint")
    return [WEIGHTS]


def write(base: Path, out: Path, trained: dict[str, Tensor], config: dict, profile: dict) -> None:
    """Write the folder. `trained` holds tensors by any of the naming families; one that the base lacks is an error."""
    out.mkdir(parents=True, exist_ok=True)
    fresh = {plain(name): t for name, t in trained.items() if not plain(name).startswith("lm_head")}
    used = set()
    for shard in shards(base):
        tensors = {}
        with safe_open(base / shard, "pt") as f:
            for name in f.keys():
                old = f.get_tensor(name)
                new = fresh.get(plain(name))
                if new is None:
                    tensors[name] = old
                    continue
                if new.shape != old.shape:
                    raise ValueError(f"{name} is {tuple(new.shape)}, in {base} it is {tuple(old.shape)}")
                tensors[name] = new.to("cpu", old.dtype).contiguous()
                used.add(plain(name))
        part = out / f".{shard}.part"
        save_file(tensors, part, metadata={"format": "pt"})
        part.chmod(0o644)
        part.replace(out / shard)
        del tensors
    if missing := sorted(set(fresh) - used):
        raise ValueError(f"{base} has no tensor {missing[0]}, and {len(missing) - 1} more that were trained are not in it")
    for name in COPIED:
        if (base / name).exists():
            shutil.copyfile(base / name, out / name)
    _json(out / "config.json", config)
    _json(out / PROFILE, profile)


def _json(path: Path, value: dict) -> None:
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(path)


def read_json(path: Path) -> dict:
    """A JSON file, or nothing where there is none."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def precision(name: str) -> torch.dtype:
    """float32 or bfloat16 by name."""
    return {"float32": torch.float32, "bfloat16": torch.bfloat16}[name]
