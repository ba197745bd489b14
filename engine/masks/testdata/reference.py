"""Writes vae-oid.npz and masks.f32, by which the tests hold package masks to PyTorch, and drawn-*.png to Pillow.

The published file has the same names and shapes. Its weights are not ours to give, so these are a short pattern
of numbers, which compresses well. Run it in the environment of training/requirements.txt: python reference.py
"""

import pathlib

import numpy as np
import torch
from PIL import Image
from torch import nn

PATTERN = 251  # prime: no two rows of a weight are alike


class Residual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1), nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1), nn.ReLU(),
            nn.Conv2d(width, width, 1))

    def forward(self, x):
        return x + self.net(x)


def decoder():
    layers = [nn.Conv2d(512, 128, 1), nn.ReLU(), Residual(128), Residual(128)]
    width = 128
    for out in (128, 64, 32, 16):
        layers += [nn.ConvTranspose2d(width, out, 4, stride=2, padding=1), nn.ReLU()]
        width = out
    return nn.Sequential(*layers, nn.Conv2d(width, 1, 1))


def weights():
    model = decoder()
    pattern = np.sin(np.arange(PATTERN) ** 2 * 0.7).astype(np.float32)
    state, n = {}, 0
    for name, value in [("_vq_vae._embedding", torch.zeros(128, 512))] + [("decoder." + k, v) for k, v in model.state_dict().items()]:
        n += 1
        flat = np.resize(np.roll(pattern, 31 * n), value.numel())
        fan = value[0].numel() if value.ndim > 1 else 4
        if value.ndim == 4 and value.shape[-1] == 4:  # of a transposed convolution four taps of each channel meet
            fan = value.shape[0] * 4
        scale = np.float32(1 if name.startswith("_") else 2.2 / fan ** 0.5 if value.ndim > 1 else 0.1)
        state[name] = (flat * scale).reshape(tuple(value.shape))
    state["decoder.12.bias"][:] = -5  # about as many places above zero as below
    model.load_state_dict({k.removeprefix("decoder."): torch.from_numpy(v) for k, v in state.items() if k.startswith("decoder.")})
    return model, state


def main():
    here = pathlib.Path(__file__).parent
    model, state = weights()
    np.savez_compressed(here / "vae-oid.npz", **state)
    masks = []
    with torch.no_grad():
        for codes in (range(16), [127 - 7 * i % 128 for i in range(16)]):
            x = torch.from_numpy(state["_vq_vae._embedding"])[list(codes)].reshape(1, 4, 4, 512).permute(0, 3, 1, 2)
            masks.append(model.double()(x.double())[0, 0].float().numpy())
    masks = np.stack(masks)
    print("above zero:", (masks > 0).mean(axis=(1, 2)), "range", masks.min(), masks.max())
    masks.astype("<f4").tofile(here / "masks.f32")
    for size in ((150, 90), (53, 41)):
        drawn = np.asarray(Image.fromarray(masks[1]).resize(size, Image.Resampling.BILINEAR)) > 0
        Image.fromarray(drawn).save(here / f"drawn-{size[0]}x{size[1]}.png", optimize=True)


main()
