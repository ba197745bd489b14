"""What paper, printers, scanners and codecs do to a page. Images are grey, 0 black to 255 white."""

from __future__ import annotations

import io
import math
import random

import numpy as np
from PIL import Image, ImageFilter

from training import targets


def spread_ink(image: Image.Image, r: random.Random) -> Image.Image:
    """Thicken or thin the strokes by a fraction of a pixel of the canvas."""
    other = image.filter(ImageFilter.MinFilter(3) if r.random() < 0.6 else ImageFilter.MaxFilter(3))
    return Image.blend(image, other, r.uniform(0.15, 0.8))


def threshold(image: Image.Image, r: random.Random, noise: np.random.Generator) -> Image.Image:
    """A black-and-white scan of the canvas, with rough edges and perhaps specks."""
    a = np.asarray(image.filter(ImageFilter.GaussianBlur(r.uniform(0.2, 0.7))), dtype=np.float32)
    low, high = float(a.min()), float(a.max())
    level = low + (high - low) * r.uniform(0.35, 0.7)
    sigma = (high - low) * r.uniform(0.0, 0.14)
    if sigma > 4:
        a = a + noise.standard_normal(a.shape, dtype=np.float32) * sigma
    return Image.fromarray(np.where(a > level, np.uint8(255), np.uint8(0)))


def specks(a: np.ndarray, r: random.Random, noise: np.random.Generator) -> None:
    """Salt and pepper, in place."""
    count = int(a.size * 10 ** r.uniform(-4, -2.3))
    ys, xs = noise.integers(0, a.shape[0], count), noise.integers(0, a.shape[1], count)
    a[ys, xs] = noise.integers(0, 2, count) * 255.0
    if r.random() < 0.5:
        a[np.minimum(ys + 1, a.shape[0] - 1), xs] = a[ys, xs]


def _smooth_field(shape: tuple[int, int], cells: int, noise: np.random.Generator) -> np.ndarray:
    rows = max(2, round(cells * shape[0] / shape[1]))
    field = Image.fromarray(noise.standard_normal((rows, cells), dtype=np.float32))
    return np.asarray(field.resize((shape[1], shape[0]), Image.Resampling.BICUBIC))


def sensor(a: np.ndarray, r: random.Random, noise: np.random.Generator) -> np.ndarray:
    """Uneven light, paper texture, noise and contrast of a camera or scanner."""
    if r.random() < 0.4:
        a = a + _smooth_field(a.shape, r.randint(2, 4), noise) * r.uniform(3, 22)
    if r.random() < 0.25:
        a = a + _smooth_field(a.shape, r.randint(30, 110), noise) * r.uniform(2, 9)
    if r.random() < 0.25:
        ramp = np.linspace(r.uniform(-45, 10), r.uniform(-45, 10), a.shape[r.randrange(2)], dtype=np.float32)
        a = a + (ramp[None] if len(ramp) == a.shape[1] else ramp[:, None])
    if r.random() < 0.6:
        a = a + noise.standard_normal(a.shape, dtype=np.float32) * math.exp(r.uniform(math.log(1.5), math.log(16)))
    if r.random() < 0.12:
        specks(a, r, noise)
    return a


def jpeg(image: Image.Image, r: random.Random) -> Image.Image:
    """One round of JPEG."""
    data = io.BytesIO()
    image.save(data, "JPEG", quality=r.randint(30, 90))
    return Image.open(data)


def canvas_wear(image: Image.Image, r: random.Random, noise: np.random.Generator, scale: float, style: str) -> Image.Image:
    """Wear that happens at the resolution of the scan, before a tile is cut from it."""
    if style == "clean":
        return image
    if scale > 1.25 and r.random() < 0.35:
        image = spread_ink(image, r)
    if style == "bitonal":
        return threshold(image, r, noise)
    if r.random() < 0.35:
        image = image.filter(ImageFilter.GaussianBlur(math.exp(r.uniform(math.log(0.3), math.log(0.75))) * scale))
    if scale > 1.1 and r.random() < 0.3:
        a = sensor(np.asarray(image, dtype=np.float32), r, noise)
        image = Image.fromarray(np.clip(a, 0, 255).astype(np.uint8))
    if r.random() < 0.2:
        image = jpeg(image, r)
    return image


def tile_wear(image: Image.Image, r: random.Random, noise: np.random.Generator, style: str) -> np.ndarray:
    """Wear at the resolution of the tile; returns the finished pixels."""
    if style == "clean" or (style == "bitonal" and r.random() < 0.7):
        return np.asarray(image)
    if r.random() < 0.12:
        image = image.filter(ImageFilter.GaussianBlur(r.uniform(0.25, 0.65)))
    if r.random() < 0.15:
        image = jpeg(image, r)
    a = np.asarray(image, dtype=np.float32)
    if r.random() < 0.6:
        a = sensor(a, r, noise)
    if r.random() < 0.03:
        a = 255.0 - a
    return np.clip(a + 0.5, 0, 255).astype(np.uint8)


class Warp:
    """A small rotation and shear about the middle of the canvas."""

    def __init__(self, r: random.Random, width: float, height: float):
        angle = math.radians(max(-2.2, min(2.2, r.gauss(0, 0.9))))
        shear = r.gauss(0, 0.012) if r.random() < 0.4 else 0.0
        c, s = math.cos(angle), math.sin(angle)
        self.forward = (c, -s + shear, s, c)
        self.centre = (width / 2, height / 2)

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Where a point of the canvas goes."""
        a, b, c, d = self.forward
        u, v = x - self.centre[0], y - self.centre[1]
        return a * u + b * v + self.centre[0], c * u + d * v + self.centre[1]

    def box(self, box: targets.Box) -> targets.Box:
        """The upright box around a warped box."""
        corners = [self.point(x, y) for x in (box[0], box[2]) for y in (box[1], box[3])]
        xs, ys = [p[0] for p in corners], [p[1] for p in corners]
        return min(xs), min(ys), max(xs), max(ys)

    def image(self, image: Image.Image, scale: float, fill: int) -> Image.Image:
        """The warped canvas; scale is its pixels per pixel of the tile."""
        a, b, c, d = self.forward
        det = a * d - b * c
        ia, ib, ic, id_ = d / det, -b / det, -c / det, a / det
        cx, cy = self.centre[0] * scale, self.centre[1] * scale
        coefficients = (ia, ib, cx - ia * cx - ib * cy, ic, id_, cy - ic * cx - id_ * cy)
        # Pillow maps the centres of output pixels, so the offsets need no half-pixel terms.
        return image.transform(image.size, Image.Transform.AFFINE, coefficients, Image.Resampling.BICUBIC, fillcolor=fill)
