"""Makes a model deeper, or lets its auxiliary head name more, without changing what it computes."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from training.model import SLOT_OUTPUTS, SLOTS, Mini, Shape
from training.vocab import CHARACTER_CLASSES

UNHEARD = -6.0  # bias of a class that no training has named yet


@torch.no_grad()
def sharpen(positions: Tensor, grid: int) -> Tensor:
    """A table of position embeddings [side * side, width] for another number of patches along a side, interpolated as
    PaliGemma's were from stage to stage."""
    side = math.isqrt(len(positions))
    square = positions.view(1, side, side, -1).permute(0, 3, 1, 2)
    resized = F.interpolate(square, size=(grid, grid), mode="bilinear", align_corners=False)
    return resized.permute(0, 2, 3, 1).reshape(grid * grid, -1)


@torch.no_grad()
def silence(model: Mini, shape: Shape) -> None:
    """Zero what the layers beyond those of `shape` add to the residual stream; they learn from there."""
    for layer in list(model.net.model.vision_tower.encoder.layers)[shape.vision_layers :]:
        for part in (layer.self_attn.out_proj, layer.mlp.fc2):
            part.weight.zero_()
            part.bias.zero_()
    for layer in list(model.net.model.language_model.layers)[shape.text_layers :]:
        layer.self_attn.o_proj.weight.zero_()
        layer.mlp.down_proj.weight.zero_()


def head_rows(rows: Tensor, fill: float = 0.0) -> Tensor:
    """The auxiliary head's weights or biases (or what an optimizer keeps of them) with rows for the classes that were added
    at the end of the characters since they were saved."""
    missing = SLOT_OUTPUTS - rows.shape[0] // SLOTS
    if missing <= 0:
        return rows
    slots = rows.view(SLOTS, SLOT_OUTPUTS - missing, *rows.shape[1:])
    known = CHARACTER_CLASSES - missing
    fresh = rows.new_full((SLOTS, missing, *rows.shape[1:]), fill)
    return torch.cat([slots[:, :known], fresh, slots[:, known:]], 1).reshape(SLOTS * SLOT_OUTPUTS, *rows.shape[1:])


def name_more(state: dict) -> None:
    """Bring a saved state's auxiliary head to today's classes."""
    old = state["model"]["aux.weight"].shape[0]
    if old == SLOTS * SLOT_OUTPUTS:
        return
    for weights in (state["model"], state["average"]):
        weights["aux.weight"] = head_rows(weights["aux.weight"])
        weights["aux.bias"] = head_rows(weights["aux.bias"], UNHEARD)
    for kept in state["optimizer"]["adam"]["state"].values():
        for name, value in kept.items():
            if value.ndim and value.shape[0] == old:
                kept[name] = head_rows(value)
