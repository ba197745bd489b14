"""Music: bars and systems of printed music, engraved with Verovio. docs/targets.md fixes prompts and answers."""

from __future__ import annotations

import random

import numpy as np
from PIL import Image

from training import degrade
from training.example import Example
from training.music import engrave, sources, spelling, views
from training.music.measure import score
from training.render import PATCH
from training.targets import TILE

PROMPTS = {
    spelling.BAR_PROMPT: "one bar of a system (or a few), cut out: what is printed, line by line",
    spelling.MEASURES_PROMPT: "a whole system: the box of each bar",
}

__all__ = ["PROMPTS", "Source", "drawn", "score"]

SHEETS = 5  # at hand
USES = 4  # examples for each bar of a sheet
SYSTEMS = 0.15  # of examples show a whole system
SEVERAL = 0.07  # of views of bars show two
EMPTY = 0.02  # of examples show no music
MADE = 0.45  # of sheets are made-up music


class Source:
    """Examples without end, from one sheet of music after another."""

    def __init__(self, split: str, r: random.Random):
        self.split, self.r = split, r
        self.works = sources.Works(split)
        self.sheets: list[list] = []  # with the number of examples that each is still good for

    def _font(self) -> str:
        return engrave.HELD_OUT_FONT if self.split != "train" else self.r.choice(engrave.FONTS)

    def _next(self) -> list:
        for _ in range(100):
            text = None if self.r.random() < MADE else self.works.system(self.r)
            text = text or sources.made(self.r)
            found = views.sheet(text, self.r, self._font())
            if found and any(found.spelled):
                return [found, USES * len(found.spelled)]
        raise RuntimeError("no music can be engraved")

    def example(self, rows: int) -> Example | None:
        """The next example of so many rows of patches; None where none of the sheets at hand has a view of this form."""
        r = self.r
        if r.random() < EMPTY:
            return empty(r, rows)
        self.sheets = [s for s in self.sheets if s[1] > 0]
        while len(self.sheets) < SHEETS:
            self.sheets.append(self._next())
        whole = r.random() < (SYSTEMS if rows > 4 else 1.0)
        for entry in r.sample(self.sheets, len(self.sheets)):
            for _ in range(3):
                found = views.system_view(entry[0], r, rows) if whole else self._bars(entry[0], rows)
                if found is not None:
                    entry[1] -= 1
                    return found
        self.sheets[0][1] = 0
        return None

    def _bars(self, s: views.Sheet, rows: int) -> Example | None:
        """A view of one bar, of two now and then; of as many as a low window needs."""
        r = self.r
        first = r.randrange(len(s.spelled))
        least = 2 if r.random() < SEVERAL else 1
        for number in range(least, 2 if rows > 8 else 5):
            if first + number <= len(s.spelled):
                found = views.bar_view(s, first, number, r, rows)
                if found is not None:
                    return found
        return views.bar_view(s, first, 2, r, rows) if least == 2 and rows > 8 and first + 2 <= len(s.spelled) else None


def empty(r: random.Random, rows: int) -> Example:
    """Paper without music: blank, dirty, or staves without anything else; the answer is empty."""
    noise = np.random.default_rng(r.getrandbits(64))
    image = Image.new("L", (TILE, TILE), 255)
    pixels = degrade.tile_wear(image, r, noise, "grey")
    first = (TILE // PATCH - rows) // 2
    prompt = r.choice((spelling.BAR_PROMPT, spelling.MEASURES_PROMPT))
    return Example(np.asarray(pixels)[first * PATCH : (first + rows) * PATCH].copy(), prompt, "", np.zeros((0, 17), np.float32), first, {})


def drawn(r: random.Random) -> tuple[Image.Image, dict]:
    """A system in the held-out font, as a picture, and its row of a manifest: kern is the truth."""
    works = drawn_works()
    works.left = 0  # an item is the same whichever was drawn before it
    for _ in range(100):
        text = sources.made(r) if r.random() < 0.5 else works.system(r)
        s = views.sheet(text, r, engrave.HELD_OUT_FONT, "clean") if text else None
        if s is None or any(b is None for b in s.spelled):
            continue
        x0, y0, x1, y1 = views.bounds(s, 0, len(s.spelled))
        u = s.space
        box = [round(v) for v in (x0 - 2.5 * u, max(0, y0 - 7 * u), x1 + 1.5 * u, min(s.image.height, y1 + 7 * u))]
        cut = Image.new("L", (box[2] - box[0], box[3] - box[1]), 255)
        cut.paste(s.image, (-box[0], -box[1]))
        height = r.randint(190, 270)
        small = cut.resize((round(cut.width * height / cut.height), height), Image.Resampling.BICUBIC)
        return small, {"kern": sources.truth(s.text, s.page.accidentals), "measures": len(s.spelled)}
    raise RuntimeError("no music can be engraved")


_DRAWN: list[sources.Works] = []


def drawn_works() -> sources.Works:
    """The works of the evaluation set drawn here."""
    if not _DRAWN:
        _DRAWN.append(sources.Works("validation"))
    return _DRAWN[0]
