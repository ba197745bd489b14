"""Draws tickets of a dot-matrix printer, with a worn ribbon and pins that fail: a kind of document that the default model
was never shown. Fine-tuning is tried on them (docs/finetuning.md).

    python -m training.tuning.tickets FOLDER --labels 30 --held-out 120
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

# One face at the one size at which its capitals are seven dots high; the dots are drawn by hand below.
FACE, FACE_SIZE, BASELINE = "/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf", 10, 10
ROWS = 13  # of dots, from the top of a line to its lowest
X_HEIGHT = 5.2  # dots

_PLACES = (
    "LISBOA PORTO LYON NANTES GENOVA TRIESTE BERGEN MALMO GDANSK BRNO LINZ BASEL GENT LEIDEN AARHUS TURKU RIGA VILNIUS COIMBRA BURGOS "
    "SIENA LUCCA TOURS DIJON KASSEL ERFURT GRAZ SALZBURG ZADAR SPLIT"
).split()
_WORDS = (
    "GATE SEAT ROW COACH CLASS ADULT CHILD SINGLE RETURN FARE TOTAL CASH CARD CHANGE VALID UNTIL FROM PLATFORM ZONE ENTRY EXIT PARKING "
    "LEVEL PAID RECEIPT TICKET NUMBER DATE TIME THANK YOU KEEP THIS NOT FOR RESALE DESK QUEUE TURN PLEASE WAIT LOCKER KEY WASH TOKEN"
).split()


def _word(r: random.Random) -> str:
    kind = r.random()
    if kind < 0.34:
        return r.choice(_WORDS)
    if kind < 0.46:
        return r.choice(_PLACES)
    if kind < 0.58:
        return f"{r.randint(0, 23):02d}:{r.randint(0, 59):02d}"
    if kind < 0.68:
        return f"{r.randint(1, 31):02d}.{r.randint(1, 12):02d}.{r.randint(84, 99)}"
    if kind < 0.80:
        return f"{r.randint(0, 149)}.{r.randint(0, 99):02d}"
    if kind < 0.92:
        return "".join(r.choice("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789") for _ in range(r.randint(3, 7)))
    return r.choice(_WORDS).capitalize() if r.random() < 0.3 else str(r.randint(0, 9999))


def lines(r: random.Random) -> list[list[str]]:
    """What a ticket says, line by line."""
    out = []
    for _ in range(r.randint(3, 6)):
        line: list[str] = []
        while len(line) < r.randint(1, 3):
            word = _word(r)
            if len(" ".join([*line, word])) <= 17:
                line.append(word)
        out.append(line)
    return out


def _dots(text: str, face: ImageFont.FreeTypeFont) -> np.ndarray:
    """The dots of a word, bool [ROWS, 6 * letters]."""
    image = Image.new("1", (6 * len(text), ROWS))
    canvas = ImageDraw.Draw(image)
    canvas.fontmode = "1"
    for i, c in enumerate(text):
        canvas.text((6 * i, BASELINE), c, font=face, fill=1, anchor="ls")
    return np.asarray(image)


def ticket(r: random.Random) -> tuple[Image.Image, list[dict]]:
    """A ticket and its words: text, bbox in pixels."""
    face = ImageFont.truetype(FACE, FACE_SIZE)
    pitch = r.uniform(3.2, 4.4)  # pixels between two dots
    radius = pitch * r.uniform(0.26, 0.42)
    text = lines(r)
    leading = pitch * r.uniform(13, 17)
    width = int(pitch * (6 * max(len(" ".join(line)) for line in text) + 8) + r.uniform(10, 60))
    height = int(leading * len(text) + pitch * 6)
    paper = r.randint(205, 252)
    image = Image.new("L", (2 * width, 2 * height), paper)
    canvas = ImageDraw.Draw(image)
    failing = r.choice((None,) * 6 + tuple(range(4, 10)))  # a pin that prints nothing
    tracking = r.choice((0, 0, 1, 2))  # further dots between letters
    words = []
    for i, line in enumerate(text):
        top, left = pitch * 2 + leading * i, pitch * r.uniform(2, 5)
        ink = r.randint(10, 105)
        for word in line:
            dots = _dots(word, face)
            if tracking and len(" ".join(line)) * (6 + tracking) < 6 * 17:
                dots = np.concatenate([np.pad(dots[:, 6 * k : 6 * k + 6], ((0, 0), (0, tracking))) for k in range(len(word))], 1)
            places = [(left + x * pitch, top + y * pitch) for y, x in np.argwhere(dots)]
            for (x, y), row in zip(places, np.argwhere(dots)[:, 0]):
                if row == failing or r.random() < 0.04:
                    continue
                shade = min(paper, ink + int(abs(r.gauss(0, 22))))
                x, y = 2 * (x + r.gauss(0, 0.12)), 2 * (y + r.gauss(0, 0.12))
                canvas.ellipse((x - 2 * radius, y - 2 * radius, x + 2 * radius, y + 2 * radius), fill=shade)
            base = top + (BASELINE - 1) * pitch + radius
            xs, ys = [p[0] for p in places], [p[1] for p in places]
            box = [min(xs) - radius, min(min(ys) - radius, base - 1.25 * X_HEIGHT * pitch), max(xs) + radius,
                   max(max(ys) + radius, base + 0.2 * X_HEIGHT * pitch)]
            words.append({"text": word, "bbox": [round(max(0.0, v), 1) for v in box]})
            left += pitch * (dots.shape[1] + 6)
    width = max(width, int(max(w["bbox"][2] for w in words) + 3 * pitch))
    if 2 * width > image.width:
        return ticket(random.Random(r.random()))  # letters ran over the edge
    image = image.resize((width, height), Image.Resampling.LANCZOS)
    noise = np.random.default_rng(r.getrandbits(48)).standard_normal((height, width)) * r.uniform(1, 7)
    pixels = np.clip(np.asarray(image.filter(ImageFilter.GaussianBlur(r.uniform(0, 0.8))), np.float32) + noise, 0, 255)
    return Image.fromarray(pixels.astype(np.uint8)), words


def write(folder: Path, count: int, seed: str) -> None:
    """Write tickets and their manifest, as `palimpsest eval` reads it and `palimpsest export --labels` writes it."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for i in range(count):
        image, words = ticket(random.Random(f"{seed}/{i}"))
        name = f"ticket-{i:03d}.png"
        image.save(folder / name)
        truth = {"level": "word", "width": image.width, "height": image.height, "words": words, "text": " ".join(w["text"] for w in words)}
        rows.append({"id": name.removesuffix(".png"), "file": name, "subset": "tickets", "task": "ocr", "gt": truth})
    (folder / "MANIFEST.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--labels", type=int, default=30, help="tickets in FOLDER/labels, to learn from")
    parser.add_argument("--held-out", type=int, default=120, help="tickets in FOLDER/held-out, to measure on")
    options = parser.parse_args()
    write(options.folder / "labels", options.labels, "labels")
    write(options.folder / "held-out", options.held_out, "held out")


if __name__ == "__main__":
    main()
