"""Mixed pages and the regions on them: text, tables, molecules, staves and pictures, found by PaliGemma's `detect`."""

from __future__ import annotations

import random

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from training import detect
from training.detect import Thing
from training.example import Example
from training.regions import page as pages
from training.regions.page import KINDS, Composer, Page
from training.regions.pool import Pool, Truths, field
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


# Whole pages of held-out fonts, tables, molecules and music, for `palimpsest eval`.

SIZE = (1240, 1754)  # A4 upright at 150 dots an inch
_TRUTHS: list[Truths] = []


def _composed(r: random.Random, theme: str | None, columns: int) -> Page:
    """A page at full resolution in so many columns at most, every word noted."""
    if not _TRUTHS:
        _TRUTHS.append(Truths())
    scale = SIZE[1] / 224
    case = Case(r, "acceptance", scale, float(SIZE[0]), stock=1, lines=30)
    composer = Composer(r, case, _TRUTHS[0], *map(float, SIZE), scale, theme, words=True)
    composer.columns = min(composer.columns, columns)
    return composer.compose()


def _scanned(page: Page, r: random.Random) -> Image.Image:
    """The page from a light scan."""
    if r.random() < 0.3:
        pages.turn(page, max(-0.8, min(0.8, r.gauss(0, 0.35))))
    image = pages.shades(page.ink, r)
    if r.random() < 0.5:
        image = image.filter(ImageFilter.GaussianBlur(r.uniform(0.3, 0.8)))
    noise = np.random.default_rng(r.getrandbits(48)).normal(0, r.uniform(1, 8), SIZE[::-1])
    return Image.fromarray(np.clip(np.asarray(image, np.float32) + noise, 0, 255).astype(np.uint8))


def _rounded(box: detect.Box) -> list[float]:
    return [round(v, 1) for v in box]


def _objects(page: Page) -> dict:
    return {"objects": [{"label": t.label, "box": _rounded(t.box)} for t in page.things()]}


def drawn(r: random.Random) -> tuple[Image.Image, dict]:
    """A page with its regions, and its row of a manifest for the task `regions`."""
    page = _composed(r, None, 3)
    image = _scanned(page, r)
    return image, {"gt": _objects(page)}


def mixed(r: random.Random) -> tuple[Image.Image, dict[str, dict]]:
    """A page with text, a table, a molecule and music at least, and its truth for each task that reads one of these."""
    while True:
        page = _composed(r, "mixed", r.choice((1, 1, 2)))  # what stands there is to be read
        if not {"text", "table", "molecule", "staff"} - {p.kind for p in page.regions}:
            break
    image = _scanned(page, r)
    said = {p.box: p for p in page.regions}
    there = [said[t.box] for t in page.things()]
    words = [{"text": w.text, "bbox": _rounded(w.box), "legible": True} for w in page.printed or []]
    # What stands in tables, molecules, music and pictures may be read, but nobody is asked to.
    words += [{"text": "", "bbox": _rounded(p.box), "legible": False} for p in there if p.kind != "text"]
    return image, {
        "ocr": {"level": "word", "width": SIZE[0], "height": SIZE[1], "words": words},
        "table": {"tables": [p.truth for p in there if p.kind == "table"]},
        "molecule": {"molecules": [p.truth for p in there if p.kind == "molecule"]},
        "omr": {"systems": [p.truth for p in there if p.kind == "staff"]},
        "regions": _objects(page),
    }
