"""Muon for the matrices of the layers, AdamW for everything else, and a moving average of the weights."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor, nn

# The Newton-Schulz polynomial of Muon: four steps bring singular values above 0.01 of the norm to 0.68 ... 1.2.
_POLYNOMIAL = (3.4445, -4.7750, 2.0315)
_STEPS = 4


def orthogonalise(g: Tensor) -> Tensor:
    """Matrices [n, a, b] with their singular values moved to about one."""
    x = g / (g.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.mT
    a, b, c = _POLYNOMIAL
    for _ in range(_STEPS):
        m = x @ x.mT
        x = a * x + (b * m + c * (m @ m)) @ x
    return x.mT if tall else x


class Optimizer:
    """Steps a model's parameters; `rates` scales the rate by parameter."""

    def __init__(self, model: nn.Module, vision_rate: float, weight_decay: float = 0.02, momentum: float = 0.95):
        self.weight_decay, self.momentum = weight_decay, momentum
        self.ranks = dist.get_world_size() if dist.is_initialized() else 1
        self.rank = dist.get_rank() if dist.is_initialized() else 0
        named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
        self.parameters = [p for _, p in named]

        def rate(name: str) -> float:
            return vision_rate if "vision_tower" in name or name.startswith("aux") else 1.0

        self.matrices: dict[tuple[int, int], list[tuple[Tensor, float]]] = {}
        rest: dict[tuple[float, float], list[Tensor]] = {}
        for name, p in named:
            if p.ndim == 2 and "layers." in name:
                self.matrices.setdefault(tuple(p.shape), []).append((p, rate(name)))
            else:
                rest.setdefault((rate(name), weight_decay if p.ndim > 1 else 0.0), []).append(p)
        self.buffers = {k: torch.zeros(len(v), *k, device=v[0][0].device) for k, v in self.matrices.items()}
        groups = [dict(params=ps, weight_decay=wd, factor=f) for (f, wd), ps in rest.items()]
        self.adam = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.98), eps=1e-8, foreach=True)

    def sum_gradients(self, sums: Tensor) -> None:
        """The gradients of all processes together, and other numbers to sum on the way."""
        if self.ranks == 1:
            return
        used = [p for p in self.parameters if p.grad is not None]
        flat = torch.cat([p.grad.flatten() for p in used] + [sums])
        dist.all_reduce(flat)
        sums.copy_(flat[-len(sums) :])
        start = 0
        for p in used:
            p.grad.copy_(flat[start : start + p.numel()].view_as(p))
            start += p.numel()

    @torch.no_grad()
    def step(self, rate: float, sums: Tensor | None = None, clip: float = 1.0) -> float:
        """One update with the gradients of all processes; returns their norm, and in `sums` its sum over all."""
        self.sum_gradients(torch.zeros(1) if sums is None else sums)
        used = [p for p in self.parameters if p.grad is not None]
        norm = nn.utils.clip_grad_norm_(used, clip)
        for group in self.adam.param_groups:
            group["lr"] = rate * group["factor"]
        self.adam.step()
        self._muon(rate)
        for p in used:
            p.grad = None
        return float(norm)

    def _muon(self, rate: float) -> None:
        work = []
        for shape, members in self.matrices.items():
            if members[0][0].grad is None and members[-1][0].grad is None:
                continue
            grads = torch.stack([p.grad if p.grad is not None else torch.zeros_like(p) for p, _ in members])
            buffer = self.buffers[shape]
            buffer.lerp_(grads, 1 - self.momentum)
            work.append((shape, members, grads.lerp(buffer, self.momentum)))
        # Each process turns a share of the matrices, then all have all.
        updates = [torch.zeros_like(g) for _, _, g in work]
        for update, (_, _, g) in zip(updates, work):
            update[self.rank :: self.ranks] = orthogonalise(g[self.rank :: self.ranks]) if len(g) > self.rank else g[:0]
        if self.ranks > 1:
            flat = torch.cat([u.flatten() for u in updates])
            dist.all_reduce(flat)
            start = 0
            for u in updates:
                u.copy_(flat[start : start + u.numel()].view_as(u))
                start += u.numel()
        for update, (shape, members, _) in zip(updates, work):
            scale = 0.2 * max(shape) ** 0.5
            for (p, factor), u in zip(members, update):
                if p.grad is not None:
                    p.mul_(1 - rate * factor * self.weight_decay).sub_(u, alpha=rate * factor * scale)

    def state(self) -> dict:
        """What a resumed run needs."""
        return {"adam": self.adam.state_dict(), "buffers": {repr(k): v for k, v in self.buffers.items()}}

    def load(self, state: dict) -> None:
        """Take over the state of an earlier run."""
        self.adam.load_state_dict(state["adam"])
        for shape, buffer in self.buffers.items():
            buffer.copy_(state["buffers"][repr(shape)])


class Average:
    """An exponential moving average of the weights, over the last eighth of the steps taken but at most `horizon`
    of them: what gets evaluated and exported."""

    def __init__(self, model: nn.Module, horizon: int = 800):
        self.horizon = horizon
        self.count = 0
        self.weights = {k: v.detach().clone() for k, v in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module, steps: int = 1) -> None:
        """Take in the weights after some steps."""
        self.count += steps
        keep = (1 - 1 / max(10.0, min(self.horizon, self.count / 8))) ** steps
        current = model.state_dict()
        torch._foreach_lerp_(list(self.weights.values()), [current[k] for k in self.weights], 1 - keep)
