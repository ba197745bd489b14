"""Mixed pages and the regions on them: text, tables, molecules, staves and pictures, found by PaliGemma's `detect`."""

from __future__ import annotations

import random

import numpy as np
from PIL import Image, ImageDraw

from training import detect
from training.detect import Thing
from training.example import Example
from training.regions import page as pages
from training.regions.page import KINDS, Composer, Page
from training.regions.pool import Pool, field
from training.regions.setting import Case

PROMPT = "detect " + " ; ".join(KINDS)
PROMPTS = (PROMPT, "detect KIND ; KIND")

FIRST_SYMBOL = 10  # of the block "picture": those before it are shapes
SCALE = 3.0  # pixels of the canvas for each of the square's

FEW = 0.08  # how often some kinds alone are asked for
NOTHING = 0.06  # how often the page holds nothing


class Source:
    """Pages with their regions, without end."""

    def __init__(self, split: str, r: random.Random):
        self.split, self.r = split, r
        self.case = Case(r, split, SCALE, 640.0)
        self.pool = Pool(split)

    def example(self, rows: int) -> Example | None:
        """A page in so many rows of patches: an upright or nearly square one, or in 8 rows a strip twice as wide as high."""
        if rows not in (16, 8):
            return None
        while True:
            page = self._page(rows)
            example = finished(page, self.r, rows)
            if example:
                return example

    def _size(self, rows: int) -> tuple[float, float]:
        r, longest = self.r, 224 * SCALE
        if rows == 8:
            return longest, longest * r.uniform(0.36, 0.5)
        u = r.random()
        if u < 0.72:
            return longest * r.choice((0.707, 0.773, r.uniform(0.6, 0.85))), longest
        if u < 0.86:
            return longest, longest * r.uniform(0.58, 0.85)
        side = r.uniform(0.85, 1.0) * longest
        return side, longest

    def _page(self, rows: int) -> Page:
        width, height = self._size(rows)
        if self.r.random() < NOTHING:
            return nothing(self.r, width, height)
        return Composer(self.r, self.case, self.pool, width, height, SCALE).compose()


def nothing(r: random.Random, width: float, height: float) -> Page:
    """A page without regions: blank, dirty, ruled, or ground of some stuff to the very edges."""
    page = Page(Image.new("L", (round(width), round(height)), 0), SCALE)
    kind = r.choice(("blank", "blank", "dirt", "dirt", "stuff"))
    if kind == "dirt":
        for _ in range(r.randint(1, 4)):
            pages.dirt(ImageDraw.Draw(page.ink), r, *page.ink.size, SCALE)
    elif kind == "stuff":
        cells = r.choice((4, 8))
        a = r.uniform(30, 170) + r.uniform(8, 40) * field(r, page.ink.width // cells, page.ink.height // cells, r.uniform(0.5, 0.95))
        page.ink = Image.fromarray(np.clip(a, 0, 255).astype(np.uint8)).resize(page.ink.size)
    return page


def finished(page: Page, r: random.Random, rows: int) -> Example | None:
    """The example of a composed page; None where a region is out of the picture."""
    if r.random() < 0.12:
        pages.dirt(ImageDraw.Draw(page.ink), r, *page.ink.size, page.scale)
    if r.random() < 0.3:
        pages.turn(page, max(-1.5, min(1.5, r.gauss(0, 0.6))))
    pixels, k, left, top = pages.fit(pages.shades(page.ink, r), rows, r, page.scale)
    things = detect.in_order([Thing(p.kind, tuple(v * k + o for v, o in zip(p.box, (left, top, left, top)))) for p in page.regions])
    first_row = (16 - rows) // 2
    # The tower sees no prompt: its marks name every region, whatever is asked for.
    marks = detect.marks([(detect.symbol(FIRST_SYMBOL + KINDS.index(t.label)), t.box) for t in things], rows, first_row)
    prompt, asked = PROMPT, set(KINDS)
    if r.random() < FEW:
        few = r.sample(KINDS, r.randint(1, 3))
        prompt, asked = "detect " + " ; ".join(few), set(few)
    said = [t for t in things if t.label in asked]
    if any(t.box[2] - t.box[0] < 1 or t.box[3] - t.box[1] < 1 for t in said):
        return None
    return Example(pixels, prompt, detect.answer(said), marks, first_row, {"things": said})


def score(said: list[str], examples: list[Example]) -> dict[str, float]:
    """Mean overlap and recall of all regions and of each kind, precision, and how many empty pages were left so."""
    found, true = [detect.parse(s) for s in said], [e.truth["things"] for e in examples]
    out = detect.score(found, true)
    for kind in KINDS:
        of_kind = detect.score([[t for t in s if t.label == kind] for s in found], [[t for t in s if t.label == kind] for s in true])
        if of_kind["things"]:
            out |= {f"{kind}_iou": of_kind["mean_iou"], f"{kind}_recall": of_kind["recall"]}
    return out
