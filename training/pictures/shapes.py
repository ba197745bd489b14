"""Draws shapes: what they are made of, how they are filled, on what ground."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageDraw

from training.targets import Box

KINDS = ("circle", "square", "triangle", "star", "cross", "ring", "arrow", "heart", "moon", "diamond")
FILLS = ("filled", "outlined", "striped", "dotted")

# Shapes with room for another one inside, and how large the other may be beside it.
ROOM = {"circle": 0.5, "square": 0.5, "triangle": 0.34, "diamond": 0.3, "heart": 0.36}

Points = list[tuple[float, float]]


def band(r: random.Random, split: str, low: float, high: float) -> float:
    """A measure of a style. The middle fifth of every such range is kept out of training: there lie the held-out styles."""
    a, b = low + 0.4 * (high - low), low + 0.6 * (high - low)
    if split != "train":
        return r.uniform(a, b)
    u = r.uniform(0, 0.8)
    return low + u * (high - low) if u < 0.4 else b + (u - 0.4) * (high - low)


def _arc(radius: float, start: float, end: float, count: int, x: float = 0.0) -> Points:
    return [(x + radius * math.cos(a), radius * math.sin(a)) for a in (start + (end - start) * i / count for i in range(count + 1))]


def outline(kind: str, r: random.Random, split: str) -> tuple[Points, Points, float]:
    """The corners of a shape of about unit radius, those of its hole, and the angle it may be turned by."""
    turn = math.pi / 180
    if kind == "circle":
        return _arc(1, 0, 2 * math.pi, 40), [], 0.0
    if kind == "ring":
        return _arc(1, 0, 2 * math.pi, 40), _arc(band(r, split, 0.48, 0.66), 0, 2 * math.pi, 40), 0.0
    if kind == "square":
        return [(-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)], [], r.uniform(-14, 14) * turn
    if kind == "diamond":
        w = band(r, split, 0.55, 0.75)
        return [(0, -1), (w, 0), (0, 1), (-w, 0)], [], r.uniform(-10, 10) * turn
    if kind == "triangle":
        w = band(r, split, 0.7, 1.0)
        return [(0, -1), (w, 0.75), (-w, 0.75)], [], r.choice((0, 0, 0, math.pi, r.uniform(0, 2 * math.pi))) + r.uniform(-8, 8) * turn
    if kind == "star":
        points, inner = 5, band(r, split, 0.36, 0.5)
        angles = [math.pi * i / points - math.pi / 2 for i in range(2 * points)]
        return [((inner if i % 2 else 1) * math.cos(a), (inner if i % 2 else 1) * math.sin(a)) for i, a in enumerate(angles)], [], r.uniform(-40, 40) * turn
    if kind == "cross":
        w = band(r, split, 0.2, 0.38)
        half = [(-w, -1), (w, -1), (w, -w), (1, -w), (1, w), (w, w)]
        return half + [(-x, -y) for x, y in half], [], r.uniform(-14, 14) * turn
    if kind == "arrow":
        w, head = band(r, split, 0.14, 0.26), band(r, split, 0.45, 0.65)
        corners = [(-1, -w), (0.1, -w), (0.1, -head), (1, 0), (0.1, head), (0.1, w), (-1, w)]
        return corners, [], r.randrange(4) * math.pi / 2 + r.uniform(-20, 20) * turn
    if kind == "heart":
        angles = [2 * math.pi * i / 40 for i in range(40)]
        curve = lambda t: 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)  # noqa: E731
        return [(math.sin(t) ** 3, -curve(t) / 16 - 0.1) for t in angles], [], r.uniform(-12, 12) * turn
    if kind == "moon":
        # An arc of the outer circle, closed by one of a circle that is moved aside.
        tip, inner = 0.3 * math.pi, band(r, split, -0.45, -0.1)
        x, y = math.cos(tip), math.sin(tip)
        centre = (1 - inner * inner) / (2 * (x - inner))
        radius = centre - inner
        a = math.atan2(y, x - centre)
        return _arc(1, tip, 2 * math.pi - tip, 30) + _arc(radius, -a, a - 2 * math.pi, 24, centre), [], r.uniform(-25, 25) * turn + r.choice((0, math.pi))
    raise ValueError(f"no shape is called {kind!r}; known: {', '.join(KINDS)}")


@dataclass
class Shape:
    """A shape of a scene, in pixels of the model's square."""

    kind: str
    fill: str
    points: Points  # closed
    hole: Points
    line: float  # width of its outline; 0 where it has none
    angle: float  # of stripes and rows of dots
    pitch: float  # of stripes and dots
    ink: int

    @property
    def box(self) -> Box:
        xs, ys = [p[0] for p in self.points], [p[1] for p in self.points]
        w = self.line / 2
        return min(xs) - w, min(ys) - w, max(xs) + w, max(ys) + w

    @property
    def centre(self) -> tuple[float, float]:
        x0, y0, x1, y1 = self.box
        return (x0 + x1) / 2, (y0 + y1) / 2

    @property
    def size(self) -> float:
        """The longer side of its box."""
        x0, y0, x1, y1 = self.box
        return max(x1 - x0, y1 - y0)

    def move(self, dx: float, dy: float) -> None:
        """Put it elsewhere."""
        self.points = [(x + dx, y + dy) for x, y in self.points]
        self.hole = [(x + dx, y + dy) for x, y in self.hole]

    def move_to(self, x: float, y: float) -> None:
        """Put the middle of its box there."""
        cx, cy = self.centre
        self.move(x - cx, y - cy)


def shape(kind: str, fill: str, size: float, ink: int, r: random.Random, split: str) -> Shape:
    """A shape whose box is about so many pixels wide or high, around the origin."""
    points, hole, angle = outline(kind, r, split)
    c, s = math.cos(angle), math.sin(angle)
    turned = [(x * c - y * s, x * s + y * c) for x, y in points]
    hole = [(x * c - y * s, x * s + y * c) for x, y in hole]
    line = 0.0 if fill == "filled" else max(1.3, band(r, split, 0.03, 0.075) * size)
    extent = max(max(p[0] for p in turned) - min(p[0] for p in turned), max(p[1] for p in turned) - min(p[1] for p in turned))
    k = (size - line) / extent
    angles = (0, 45, 90, 135) if split == "train" else (20, 70, 110, 160)
    stripes = math.radians(r.choice(angles) + r.uniform(-7, 7))
    pitch = max(4.0, band(r, split, 0.13, 0.22) * size)
    out = Shape(kind, fill, [(x * k, y * k) for x, y in turned], [(x * k, y * k) for x, y in hole], line, stripes, pitch, ink)
    out.move_to(0, 0)
    return out


def paint(image: Image.Image, s: Shape, scale: float, top: float = 0.0) -> None:
    """Draw a shape; the picture has `scale` pixels for each of the square's and begins at its row `top`."""
    x0, y0, x1, y1 = s.box
    left, upper = math.floor(x0 * scale) - 2, math.floor((y0 - top) * scale) - 2
    size = (math.ceil(x1 * scale) + 2 - left, math.ceil((y1 - top) * scale) + 2 - upper)
    local = lambda points: [(x * scale - left, (y - top) * scale - upper) for x, y in points]  # noqa: E731
    body = Image.new("L", size, 0)
    draw = ImageDraw.Draw(body)
    corners, hole = local(s.points), local(s.hole)
    draw.polygon(corners, fill=255)
    if hole:
        draw.polygon(hole, fill=0)
    if s.fill != "filled":
        pattern = Image.new("L", size, 0)
        pen = ImageDraw.Draw(pattern)
        if s.fill == "striped":
            _stripes(pen, size, s.angle, s.pitch * scale)
        elif s.fill == "dotted":
            _dots(pen, size, s.angle, s.pitch * scale)
        body = ImageChops.multiply(body, pattern)
        width = max(1, round(s.line * scale))
        for ring in (corners, hole):
            if ring:
                ImageDraw.Draw(body).line(ring + ring[:2], fill=255, width=width, joint="curve")
    image.paste(s.ink, (left, upper), body)


def _stripes(pen: ImageDraw.ImageDraw, size: tuple[int, int], angle: float, pitch: float) -> None:
    reach = math.hypot(*size)
    c, s = math.cos(angle), math.sin(angle)
    for i in range(-int(reach / pitch / 2) - 1, int(reach / pitch / 2) + 2):
        x, y = size[0] / 2 - s * i * pitch, size[1] / 2 + c * i * pitch
        pen.line((x - c * reach, y - s * reach, x + c * reach, y + s * reach), fill=255, width=max(1, round(pitch * 0.45)))


def _dots(pen: ImageDraw.ImageDraw, size: tuple[int, int], angle: float, pitch: float) -> None:
    c, s = math.cos(angle), math.sin(angle)
    n = int(math.hypot(*size) / pitch / 2) + 1
    radius = max(0.8, 0.3 * pitch)
    for i in range(-n, n + 1):
        for j in range(-n, n + 1):
            x, y = size[0] / 2 + (c * i - s * j) * pitch, size[1] / 2 + (s * i + c * j) * pitch
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
