"""Makes a model deeper without changing what it computes."""

from __future__ import annotations

import torch

from training.model import Mini, Shape


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
