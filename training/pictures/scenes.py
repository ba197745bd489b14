"""Puts shapes on a ground so that what is said about them holds, and writes the sentences."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from training import degrade
from training.detect import Thing, in_order
from training.pictures.shapes import FILLS, KINDS, ROOM, Shape, paint, shape
from training.targets import TILE

RELATIONS = ("left of", "right of", "above", "below", "inside", "larger than", "smaller than")
APART = 12.0  # pixels of the square by which middles differ where a statement compares them
RATIO = 1.35  # of sizes where a statement compares them
GAP = 3.0


def article(word: str) -> str:
    """The word with its indefinite article."""
    return ("an " if word[0] in "aeio" else "a ") + word


def plural(kind: str) -> str:
    """Several of a kind."""
    return kind + ("es" if kind.endswith("s") else "s")


@dataclass
class Scene:
    """What is drawn in a window of the square between two rows of pixels."""

    top: float
    bottom: float
    paper: int
    shapes: list[Shape] = field(default_factory=list)

    @property
    def things(self) -> list[Thing]:
        """Every shape with its box, in the order of an answer."""
        return in_order([Thing(s.kind, s.box) for s in self.shapes])

    def ordered(self) -> list[Shape]:
        """The shapes in the order of an answer."""
        by_box = {s.box: s for s in self.shapes}
        return [by_box[t.box] for t in self.things]

    def free(self, s: Shape) -> bool:
        """Whether a shape lies within the window and touches no other."""
        x0, y0, x1, y1 = s.box
        if x0 < 1 or y0 < self.top + 1 or x1 > TILE - 1 or y1 > self.bottom - 1:
            return False
        for other in self.shapes:
            a0, b0, a1, b1 = other.box
            if x0 < a1 + GAP and a0 < x1 + GAP and y0 < b1 + GAP and b0 < y1 + GAP:
                return False
        return True


def holds(relation: str, a: Shape, b: Shape) -> bool | None:
    """Whether a statement about two shapes is true; None where one could argue."""
    (ax, ay), (bx, by) = a.centre, b.centre
    compared = {"left of": bx - ax, "right of": ax - bx, "above": by - ay, "below": ay - by}
    if relation in compared:
        d = compared[relation]
        return None if abs(d) < APART else d > 0
    if relation in ("larger than", "smaller than"):
        ratio = a.size / b.size if relation == "larger than" else b.size / a.size
        return None if 1 / RATIO < ratio < RATIO else ratio > 1
    x0, y0, x1, y1 = a.box
    u0, v0, u1, v1 = b.box
    if x0 >= u0 and y0 >= v0 and x1 <= u1 and y1 <= v1:
        return True
    return None if x0 < u1 and u0 < x1 and y0 < v1 and v0 < y1 else False


class Artist:
    """Draws shapes of one style: ink and paper, sizes, the fills that it likes."""

    def __init__(self, r: random.Random, split: str, rows: int):
        self.r, self.split, self.rows = r, split, rows
        dark = r.random() < 0.12
        paper, ink = (r.randint(0, 70), r.randint(180, 255)) if dark else (r.choice((255, 255, r.randint(195, 254))), r.randint(0, 90))
        top = 7.0 * (16 - rows)
        height = rows * 14.0
        if rows == 16 and r.random() < 0.15:  # a picture that is wider than high, white above and below
            height = r.uniform(0.62, 0.95) * TILE
            top = (TILE - height) / 2
        self.dark, self.paper, self.ink = dark, paper, ink
        self.top, self.height = top, height
        self.fills = r.sample(FILLS, r.randint(1, 4))

    def scene(self) -> Scene:
        """An empty one."""
        return Scene(self.top, self.top + self.height, self.paper)

    def size(self, count: int) -> float:
        """A size at which so many shapes find room."""
        room = math.sqrt((self.height - 6) * (TILE - 6) / max(1, count))
        most = min(0.8 * self.height, 0.72 * room)
        return math.exp(self.r.uniform(math.log(max(11.0, 0.22 * most)), math.log(max(14.0, most))))

    def shape(self, kind: str, size: float, fill: str | None = None) -> Shape:
        """A shape somewhere in the window."""
        r = self.r
        fill = fill or r.choice(self.fills)
        if kind == "ring" and fill == "outlined":
            fill = "filled"  # two thin circles are no ring
        ink = max(0, min(255, self.ink + r.randint(-20, 20)))
        return shape(kind, fill, size, ink, r, self.split)

    def put(self, scene: Scene, s: Shape, tries: int = 12) -> bool:
        """Find a free place; False if there is none."""
        for _ in range(tries):
            x0, y0, x1, y1 = s.box
            w, h = (x1 - x0) / 2 + 1, (y1 - y0) / 2 + 1
            if w * 2 > TILE - 2 or h * 2 > self.height - 2:
                return False
            s.move_to(self.r.uniform(w, TILE - w), self.r.uniform(scene.top + h, scene.bottom - h))
            if scene.free(s):
                scene.shapes.append(s)
                return True
        return False

    def scatter(self, kinds: list[str], scene: Scene | None = None) -> Scene:
        """Shapes of these kinds, as many of them as find room."""
        scene = scene or self.scene()
        sizes = sorted((self.size(len(kinds) + len(scene.shapes)) for _ in kinds), reverse=True)
        for kind, size in zip(kinds, sizes):
            s = self.shape(kind, size)
            self.put(scene, s)
        return scene

    def pair(self, a: str, b: str, relation: str, truth: bool) -> Scene | None:
        """Two shapes of which the relation holds, or clearly does not."""
        r = self.r
        for _ in range(60):
            scene = self.scene()
            if relation != "inside":
                both = [self.shape(a, self.size(2)), self.shape(b, self.size(2))]
                r.shuffle(both)
                done = all(self.put(scene, s) for s in both)
            elif truth:
                done = self._nest(scene, a, b)
            elif a in ROOM and r.random() < 0.4:
                done = self._nest(scene, b, a)
            else:  # beside one another, of the sizes that a nested pair has
                size = self.size(2)
                around = self.shape(b, size, "outlined" if r.random() < 0.7 else None)
                done = self.put(scene, around) and self.put(scene, self.shape(a, max(9.0, size * r.uniform(0.25, 0.6))))
            if not done:
                continue
            one, other = (next(s for s in scene.shapes if s.kind == k) for k in (a, b))
            if holds(relation, one, other) is truth:
                return scene
        return None

    def _nest(self, scene: Scene, inner: str, outer: str) -> bool:
        """Put one shape inside another's outline."""
        r = self.r
        around = self.shape(outer, r.uniform(0.45, 0.85) * min(self.height, TILE), "outlined")
        if not self.put(scene, around):
            return False
        size = around.size * ROOM[outer] * r.uniform(0.55, 0.95)
        if size < 9:
            return False
        within = self.shape(inner, size)
        x0, y0, x1, y1 = around.box
        # The middle of the corners is nearer to where a triangle or a heart is wide.
        mx = sum(p[0] for p in around.points) / len(around.points)
        my = sum(p[1] for p in around.points) / len(around.points)
        slack = 0.12 * (around.size * ROOM[outer] - size)
        within.move_to(mx + r.uniform(-slack, slack), my + r.uniform(-slack, slack))
        scene.shapes.append(within)
        return True


def draw(scene: Scene, r: random.Random, rows: int, scale: float, wear: bool = True) -> np.ndarray:
    """The picture of a scene at so many pixels for each of the square's; white outside of its window."""
    image = canvas(scene, r, scale)
    first = 7.0 * (16 - rows)
    height = rows * 14
    out = Image.new("L", (TILE, height), 255)
    top, bottom = round(scene.top - first), round(scene.bottom - first)
    noise = np.random.default_rng(r.getrandbits(48))
    style = r.choice(("clean",) * 5 + ("worn",) * 6 + ("bitonal",)) if wear else "clean"
    image = degrade.canvas_wear(image, r, noise, scale, style)
    image = image.resize((TILE, bottom - top), Image.Resampling.BICUBIC)
    image = Image.fromarray(degrade.tile_wear(image, r, noise, style))
    out.paste(image, (0, top))
    return np.asarray(out)


def canvas(scene: Scene, r: random.Random, scale: float) -> Image.Image:
    """The scene alone at a resolution."""
    height = round(scene.bottom) - round(scene.top)
    image = Image.new("L", (round(TILE * scale), round(height * scale)), scene.paper)
    for s in sorted(scene.shapes, key=lambda s: -s.size):
        paint(image, s, scale, round(scene.top))
    return image


# Sentences.


def describe(s: Shape) -> str:
    """A shape with its filling."""
    return article(f"{s.fill} {s.kind}")


def caption(scene: Scene) -> str | None:
    """One sentence about all shapes, in the order of an answer; nothing where there are none. Of two it says how they lie:
    None where one could argue."""
    shapes = scene.ordered()
    said = [describe(s) for s in shapes]
    if len(shapes) == 2:
        for i, j in ((0, 1), (1, 0)):
            if holds("inside", shapes[i], shapes[j]):
                return f"{said[i]} inside {said[j]}"
        a, b = shapes[0].box, shapes[1].box
        overlap = (min(a[3], b[3]) - max(a[1], b[1])) / min(a[3] - a[1], b[3] - b[1])
        if 0.35 < overlap < 0.65:
            return None
        beside = overlap >= 0.5
        return f"{said[0]} {'left of' if beside else 'above'} {said[1]}"
    return " and ".join(filter(None, (", ".join(said[:-1]), *said[-1:])))


def statement(relation: str, a: str, b: str) -> str:
    """What is to be found true or false."""
    return f"the {a} is {relation} the {b}"


def kinds_without(r: random.Random, taken: set[str], count: int) -> list[str]:
    """Kinds that are none of those taken; one may come up twice."""
    rest = [k for k in KINDS if k not in taken]
    return [r.choice(rest) for _ in range(count)]
