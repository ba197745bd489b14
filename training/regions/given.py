"""What the renderers of the other tasks draw, as it stands on a page: a picture on white, and what it says."""

from __future__ import annotations

import math
import random

from PIL import Image

from training import tables
from training.molecules import chemistry, compose, layout, paint
from training.molecules.drawing import Atom, Drawing, Unreadable
from training.music import engrave, sources, views

TRIES = 40

Given = tuple[Image.Image, dict]  # the picture, and the truth of its task


def trimmed(image: Image.Image, threshold: int = 200) -> Image.Image:
    """The part of a picture that has ink."""
    box = image.point(lambda v: 255 if v < threshold else 0).getbbox()
    return image.crop(box) if box else image


def _white(image: Image.Image, paper: int) -> Image.Image:
    """The picture on white paper."""
    return image.point([min(255, round(v * 255 / paper)) for v in range(256)]) if paper < 255 else image


def table(r: random.Random, split: str) -> Given | None:
    """A table of a page's size."""
    found = tables.painted(r, split, r.randint(2, 16), r.randint(2, 7), r.uniform(11, 16) * (1.5 if split == "acceptance" else 1.0))
    if found is None:
        return None
    painter, cells = found
    return trimmed(_white(painter.image, painter.paper), 235), {"html": tables.written(painter.setting.grid, cells)}


def molecule(r: random.Random, split: str) -> Given | None:
    """A molecule without number or name."""
    plan = layout.plan(compose.pick(r, split, compose.GRID), r, layout.Habits.some(r))
    if plan is None:
        return None
    painter = paint.Painter(plan, paint.Style.some(r, split), r.uniform(24, 40), r)
    x0, y0, x1, y1 = painter.extent()
    if painter.crowded() or max(x1 - x0, y1 - y0) > 900:
        return None
    painter.origin = (4 - x0, 4 - y0)
    image = Image.new("L", (math.ceil(x1 - x0) + 8, math.ceil(y1 - y0) + 8), 255)
    painter.paint(image)
    try:
        smiles = chemistry.smiles(Drawing([Atom(*painter.at(i), a.label) for i, a in enumerate(plan.drawing.atoms)], plan.drawing.bonds))
    except Unreadable:
        return None
    return trimmed(image), {"smiles": smiles}


class Music:
    """Systems of one sort of works."""

    def __init__(self, split: str):
        self.split, self.works = split, sources.Works("train" if split == "train" else "validation")

    def staff(self, r: random.Random) -> Given | None:
        """A system as it is engraved."""
        if self.split != "train":
            self.works.left = 0  # a page is the same whichever was drawn before it
        text = sources.made(r) if r.random() < 0.6 else self.works.system(r)
        font = r.choice(engrave.FONTS) if self.split == "train" else engrave.HELD_OUT_FONT
        s = views.sheet(text, r, font, "clean") if text else None
        if s is None or any(b is None for b in s.spelled):
            return None
        return trimmed(s.image), {"kern": sources.truth(s.text, s.page.accidentals)}


class Giver:
    """Draws what the tasks read."""

    def __init__(self, split: str):
        self.split = split
        self.music: Music | None = None

    def draw(self, kind: str, r: random.Random) -> Given:
        """A table, molecule or system with its truth."""
        for _ in range(TRIES):
            if kind == "staff":
                self.music = self.music or Music(self.split)
                found = self.music.staff(r)
            else:
                found = {"table": table, "molecule": molecule}[kind](r, self.split)
            if found is not None and min(found[0].size) >= 12 and max(found[0].size) <= 3000:
                return found
        raise RuntimeError(f"no {kind} can be drawn")
