"""Writes what transformers reads on 50 fixed tiles, for other engines to be compared with.

    python -m training.reference

models/mini/testdata gets the tiles as PNG files and reference_tokens.jsonl: the tokens of transformers' own
class, greedy, float32 arithmetic on the exported weights. Run it after every export of weights.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from transformers import PaliGemmaForConditionalGeneration

from training import render, targets, vocab
from training.paths import MODEL_DIR

COUNT = 50
MAX_TOKENS = 96
SMALLEST_MARGIN = 5e-4  # between the best and the second choice: rounding must not decide
LARGEST_FILE = 38_000
TOKENS_FILE = "reference_tokens.jsonl"


def candidates() -> Iterator[np.ndarray]:
    """Fixed tiles: three blank or nearly blank ones, then rendered ones."""
    yield np.full((224, 224), 255, np.uint8)
    yield np.full((224, 224), 128, np.uint8)
    yield (248 + np.random.default_rng(1).normal(0, 2, (224, 224))).clip(0, 255).astype(np.uint8)
    i = 0
    while True:
        yield render.tile(random.Random(f"reference/{i}"), "validation").pixels
        i += 1


def read(net: PaliGemmaForConditionalGeneration, pixels: np.ndarray, limit: int = MAX_TOKENS) -> tuple[list[int], float]:
    """transformers' greedy answer, its end token included if it came, and the smallest margin of a choice."""
    values = torch.from_numpy(pixels.astype(np.float32) / 127.5 - 1)[None, None].expand(1, 3, -1, -1).contiguous()
    ids = torch.tensor([[vocab.IMAGE] * vocab.IMAGE_TOKENS + targets.prompt_tokens()])
    out = net.generate(
        input_ids=ids, attention_mask=torch.ones_like(ids), token_type_ids=torch.zeros_like(ids), pixel_values=values,
        max_new_tokens=limit, do_sample=False, return_dict_in_generate=True, output_logits=True,
    )
    best = torch.stack(out.logits)[:, 0].float().topk(2).values
    return out.sequences[0, ids.shape[1] :].tolist(), float((best[:, 0] - best[:, 1]).min())


def write(folder: Path) -> None:
    """Write tiles and tokens."""
    net = PaliGemmaForConditionalGeneration.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    out = folder / "testdata"
    out.mkdir(parents=True, exist_ok=True)
    lines = []
    for pixels in candidates():
        tokens, margin = read(net, pixels)
        if margin < SMALLEST_MARGIN:
            continue
        name = f"tile{len(lines):02d}.png"
        Image.fromarray(pixels).save(out / name, optimize=True)
        if (out / name).stat().st_size > LARGEST_FILE:
            continue  # the next tile takes its name
        lines.append(
            json.dumps(
                {
                    "image": name, "prompt": targets.PROMPT, "max_tokens": MAX_TOKENS, "tokens": tokens, "text": vocab.decode(tokens),
                    "smallest_margin": round(margin, 5),
                },
                ensure_ascii=False,
            )
        )
        if len(lines) == COUNT:
            break
    part = out / f".{TOKENS_FILE}.part"
    part.write_text("\n".join(lines) + "\n", encoding="utf-8")
    part.replace(out / TOKENS_FILE)


if __name__ == "__main__":
    write(MODEL_DIR)
