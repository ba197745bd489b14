"""Writes whole test pages of random words and codes in the held-out families.

    python -m training.pages FOLDER [--count 200] [--seed 20261123]

The folder gets one PNG and one truth file a page and MANIFEST.jsonl; the same seed and the same font packages
(training/fonts_held_out.txt) give the same pages.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from training import fonts, text

SEED = 20261123
DPI = 150
SIZE = (1240, 1754)  # A4 upright
SUBSET = "held_out_fonts"
MARGINS = (90, 150)


def faces(family: str) -> list[fonts.Font]:
    """The upright and slanted, regular and bold files of a held-out family."""
    names = {family, f"{family} TT"}
    found = [f for f in fonts.catalogue() if f.family in names and fonts.held_out(f.path, f.family) == family]
    plain = [f for f in found if f.style.lower() in ("regular", "bold", "italic", "bold italic", "oblique", "bold oblique", "book", "medium")]
    return plain or found


def token(r: random.Random, missing: str) -> str:
    """A random word, number or code that the font can write."""
    while True:
        u = r.random()
        if u < 0.62:
            word = r.choice(text.dictionary("en"))
            word = word.capitalize() if r.random() < 0.2 else word.upper() if r.random() < 0.08 else word
            if r.random() < 0.12:
                word += r.choice(",.;:")
        elif u < 0.82:
            word = text.code(r) if r.random() < 0.5 else "".join(r.choice("ABCDEFGHJKLMNPQRSTUVWXYZ23456789") for _ in range(r.randint(4, 8)))
        else:
            word = text.number(r)
        if word and len(word) <= 20 and all(33 <= ord(c) < 127 and c not in missing for c in word):
            return word


class Page:
    """One page: its picture and the words on it."""

    def __init__(self, r: random.Random, family: str):
        self.r, self.family = r, family
        candidates = faces(family)
        if not candidates:
            raise SystemExit(f"no font of {family}: install the packages of training/fonts_held_out.txt")
        regular = [f for f in candidates if not f.bold and not f.italic]
        self.font = r.choice(regular if regular and r.random() < 0.7 else candidates)
        self.points = r.uniform(9, 14)
        self.face = ImageFont.truetype(self.font.path, self.points * DPI / 72, layout_engine=ImageFont.Layout.BASIC)
        self.paper = r.randint(238, 255)
        self.image = Image.new("L", SIZE, self.paper)
        self.words: list[dict] = []

    def draw(self) -> None:
        """Fill the page with lines; paragraphs end at random."""
        r, canvas = self.r, ImageDraw.Draw(self.image)
        ink = r.randint(0, 60)
        left, right = r.randint(*MARGINS), SIZE[0] - r.randint(*MARGINS)
        pitch = self.points * DPI / 72 * r.uniform(1.2, 1.6)
        y, line = float(r.randint(*MARGINS) + pitch), 0
        while y < SIZE[1] - MARGINS[0]:
            x = float(left)
            end = right if r.random() < 0.85 else left + r.uniform(0.2, 0.9) * (right - left)
            while True:
                word = token(r, self.font.missing)
                width = self.face.getlength(word)
                if x + width > end:
                    break
                canvas.text((x, y), word, font=self.face, fill=ink, anchor="ls")
                box = canvas.textbbox((x, y), word, font=self.face, anchor="ls")
                self.words.append({"text": word, "bbox": [round(v, 1) for v in box], "legible": True, "line": line})
                x += width + self.face.getlength(" ") * 1.1
            line += 1
            y += pitch * (1.6 if end != right else 1.0)

    def wear(self) -> None:
        """Light blur and noise."""
        r = self.r
        if r.random() < 0.5:
            self.image = self.image.filter(ImageFilter.GaussianBlur(r.uniform(0.2, 0.6)))
        noise = np.random.default_rng(r.getrandbits(48)).normal(0, r.uniform(1, 7), SIZE[::-1])
        self.image = Image.fromarray(np.clip(np.asarray(self.image, np.float32) + noise, 0, 255).astype(np.uint8))


def write(folder: Path, count: int, seed: int) -> None:
    """Write pages and their manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    families = list(fonts.HELD_OUT)
    with open(folder / "MANIFEST.jsonl", "w", encoding="utf-8") as manifest:
        for i in range(count):
            page = Page(random.Random(f"{seed}/{i}"), families[i % len(families)])
            page.draw()
            page.wear()
            name = f"page{i:03d}"
            page.image.save(folder / f"{name}.png")
            truth = {"level": "word", "width": SIZE[0], "height": SIZE[1], "words": page.words}
            (folder / f"{name}.gt.json").write_text(json.dumps(truth, ensure_ascii=False), encoding="utf-8")
            row = {
                "id": f"{SUBSET}/{name}", "subset": SUBSET, "file": f"{name}.png", "gt_file": f"{name}.gt.json", "level": "word",
                "n_words": len(page.words), "width": SIZE[0], "height": SIZE[1], "family": page.family, "style": page.font.style,
                "points": round(page.points, 2), "gt_complete": True,
            }
            manifest.write(json.dumps(row) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    write(options.folder, options.count, options.seed)


if __name__ == "__main__":
    main()
