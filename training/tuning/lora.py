"""Low-rank adapters (Hu et al. 2021, arXiv 2106.09685): a frozen matrix W learns W + (alpha/r) B A. Forty lines of our own,
because all that is needed of the PEFT library are these; the adapters are merged on export, so no file of theirs remains."""

from __future__ import annotations

import math
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Every matrix of the decoder's and the tower's layers, by the last part of its name.
TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "out_proj", "gate_proj", "up_proj", "down_proj", "fc1", "fc2")


def linear(base: nn.Linear, x: Tensor) -> Tensor:
    """A frozen linear map. Few CPUs multiply bfloat16: float32 over the same numbers is many times faster there, and no
    less exact."""
    w = base.weight
    if w.dtype != torch.bfloat16 or w.device.type != "cpu":
        return F.linear(x, w, base.bias)
    return F.linear(x.float(), w.float(), None if base.bias is None else base.bias.float()).to(x.dtype)


class Adapted(nn.Module):
    """A frozen linear map with an adapter beside it. B begins as zero, so nothing changes until something is learnt."""

    def __init__(self, base: nn.Linear, rank: int, alpha: float):
        super().__init__()
        self.base = base.requires_grad_(False)
        self.scale = alpha / rank
        device = base.weight.device
        self.a = nn.Parameter(torch.empty(rank, base.in_features, device=device, dtype=torch.float32))
        self.b = nn.Parameter(torch.zeros(base.out_features, rank, device=device, dtype=torch.float32))
        nn.init.kaiming_uniform_(self.a, a=math.sqrt(5))

    def forward(self, x: Tensor) -> Tensor:
        y = linear(self.base, x)
        return y + (F.linear(F.linear(x.to(self.a.dtype), self.a), self.b) * self.scale).to(y.dtype)

    def merged(self) -> Tensor:
        """The matrix that does the same alone, in float32."""
        return self.base.weight.detach().float() + self.scale * (self.b @ self.a).detach()


def adapt(model: nn.Module, rank: int, alpha: float, decoder_only: bool = False) -> list[str]:
    """Freeze a model and put adapters beside the matrices of its layers; returns their names."""
    model.requires_grad_(False)
    names = []
    for name, module in list(model.named_modules()):
        last = name.rsplit(".", 1)[-1]
        if not isinstance(module, nn.Linear) or last not in TARGETS or (decoder_only and "vision_tower" in name):
            continue
        parent = model.get_submodule(name.rsplit(".", 1)[0])
        setattr(parent, last, Adapted(module, rank, alpha))
        names.append(name)
    for module in model.modules():  # those without an adapter: the output table above all
        if isinstance(module, nn.Linear):
            module.forward = partial(linear, module)
    if not names:
        raise ValueError("the model has none of the matrices that adapters go to")
    return names


def trained(model: nn.Module) -> dict[str, Tensor]:
    """The matrices that changed, by transformers' names: merged ones, and parameters that were trained themselves."""
    out = {f"{name}.weight": m.merged() for name, m in model.named_modules() if isinstance(m, Adapted)}
    for name, p in model.named_parameters():
        if p.requires_grad and not name.endswith((".a", ".b")):
            out[name] = p.detach()
    return out
