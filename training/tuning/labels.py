"""Reads labelled manifests (docs/evaluation.md) and turns them into what a model is shown: picture, prompt, answer."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from training import degrade

MAX_LABELS = 100_000
MAX_PIXELS = 200_000_000  # of a picture, before it is decoded
CUT_TOLERANCE = 0.6  # a word counts as whole if it leaves the view by no more pixels
TALL = 1.6  # x-heights in the usual height of a word's box

Box = tuple[float, float, float, float]


@dataclass
class Label:
    """One labelled picture. Either `words`, or the answer itself."""

    file: Path
    task: str
    answer: str | None = None
    prompt: str | None = None  # in place of the profile's
    words: list[tuple[str, Box]] = field(default_factory=list)  # in reading order, pixels of the picture

    def image(self) -> Image.Image:
        with Image.open(self.file) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ValueError(f"{self.file}: {image.width} x {image.height} pixels, at most {MAX_PIXELS}; shrink it first")
            return image.convert("RGB")

    def x_height(self) -> float:
        """How large it is written, judged by the words' boxes; 0 where there are none."""
        heights = sorted(box[3] - box[1] for _, box in self.words)
        return heights[len(heights) // 2] / TALL if heights else 0.0


@dataclass
class Asked:
    """What the model is shown and is to say."""

    pixels: np.ndarray  # uint8 [size, size, 3]
    prompt: str
    answer: str
    words: list[tuple[str, Box]]  # that the answer names, in pixels of the view; none where places do not matter


def _words(truth: dict, where: str) -> list[tuple[str, Box]]:
    out = []
    for word in truth["words"]:
        text = str(word.get("text", "")).strip()
        if word.get("legible") is False or not text:
            continue
        if "bbox" in word:
            x0, y0, x1, y1 = map(float, word["bbox"])
        elif "polygon" in word:
            xs, ys = zip(*word["polygon"])
            x0, y0, x1, y1 = min(xs), min(ys), max(xs), max(ys)
        else:
            raise ValueError(f"{where}: word {text!r} has neither bbox nor polygon")
        if x1 > x0 and y1 > y0:
            out.append((text, (x0, y0, x1, y1)))
    return out


def _answer(truth, where: str) -> str:
    """The text that a truth is, by the forms of docs/evaluation.md."""
    if isinstance(truth, str):
        return truth
    if isinstance(truth, list) and truth and all(isinstance(t, str) for t in truth):
        return truth[0]
    if isinstance(truth, dict):
        for key in ("html", "smiles", "kern", "report", "text"):
            if isinstance(truth.get(key), str):
                return truth[key]
        if "findings" in truth or "impression" in truth:
            parts = [f"{k.upper()}: {truth[k]}" for k in ("findings", "impression") if truth.get(k)]
            return "\n".join(parts)
        for key in ("captions", "answers"):
            if truth.get(key):
                return truth[key][0]
        for key, inner in (("tables", "html"), ("molecules", "smiles")):
            if truth.get(key):
                return "".join(t[inner] for t in truth[key]) if key == "tables" else " ".join(t[inner] for t in truth[key])
    raise ValueError(f"{where}: no answer can be made of this truth; docs/evaluation.md has the forms")


def read(manifest: Path, task: str) -> list[Label]:
    """The labels of a task. Lines of other tasks are left out; what is broken is an error that names its line."""
    out = []
    with manifest.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            where = f"{manifest}, line {number}"
            if len(out) >= MAX_LABELS:
                raise ValueError(f"{where}: more than {MAX_LABELS} labels")
            row = json.loads(line)
            if row.get("task", task) != task:
                continue
            label = Label(manifest.parent / row["file"], task, prompt=row.get("prompt"))
            if not label.file.exists():
                raise ValueError(f"{where}: there is no {label.file}")
            truth = row.get("gt")
            if truth is None and row.get("gt_file"):
                path = manifest.parent / row["gt_file"]
                text = path.read_text(encoding="utf-8")
                truth = json.loads(text) if path.suffix == ".json" else text
            if isinstance(truth, dict) and isinstance(truth.get("pages"), list) and len(truth["pages"]) == 1:
                truth = truth["pages"][0]
            if isinstance(row.get("answer"), str):
                label.answer = row["answer"]
            elif isinstance(truth, dict) and isinstance(truth.get("words"), list):
                label.words = _words(truth, where)
                width, height = truth.get("width"), truth.get("height")
                if width and height:
                    with Image.open(label.file) as image:
                        sx, sy = image.width / width, image.height / height
                    label.words = [(t, (b[0] * sx, b[1] * sy, b[2] * sx, b[3] * sy)) for t, b in label.words]
            else:
                label.answer = _answer(truth, where)
            if row.get("question") and label.prompt is None:
                label.prompt = f"answer en {row['question']}"
            out.append(label)
    if not out:
        raise ValueError(f"{manifest} has no label of task {task}")
    return out


def scale_bounds(labels: list[Label], profile: dict) -> tuple[float, float]:
    """The scales, model pixels a page pixel, at which writing of the labels' size is as large as the profile wants it."""
    sizes = [x for label in labels if (x := label.x_height()) > 0]
    if not sizes:
        return float(profile.get("min_scale") or 0.2), float(profile.get("max_scale") or 2.0)
    want = profile["x_height"]
    return round(0.9 * want / max(sizes), 3), round(1.1 * want / min(sizes), 3)


def location(value: float, bins: int) -> int:
    """A coordinate, 0 to 1 of the view's side, as docs/targets.md writes it: to the nearest multiple of four bins."""
    return min(bins - 4, max(0, 4 * int(value * bins / 4 + 0.5)))


def spell_words(words: list[tuple[str, Box]], size: int, profile: dict) -> str:
    """The answer that names words, with their places where the profile has them."""
    if profile.get("box", "none") == "none":
        return " ".join(text for text, _ in words)
    bins, out = profile.get("loc_bins", 1024), []
    for text, (x0, y0, x1, y1) in words:
        out.append("".join(f"<loc{location(v / size, bins):04d}>" for v in (y0, x0, y1, x1)) + text)
    return "".join(out)


def _square(image: Image.Image, size: int, fit: str) -> tuple[Image.Image, tuple[float, float, float, float]]:
    """The whole picture in the model's square, and scale and offset of x and y, as render.View does it."""
    if fit != "letterbox":
        return image.resize((size, size), Image.Resampling.BICUBIC), (size / image.width, size / image.height, 0.0, 0.0)
    side = max(image.width, image.height)
    square = Image.new("RGB", (side, side), "white")
    at = ((side - image.width) // 2, (side - image.height) // 2)
    square.paste(image, at)
    s = size / side
    return square.resize((size, size), Image.Resampling.BICUBIC), (s, s, at[0] * s, at[1] * s)


def whole(label: Label, profile: dict, image: Image.Image | None = None) -> Asked:
    """The whole picture as one question."""
    size = profile["size"]
    image = label.image() if image is None else image
    view, (sx, sy, ox, oy) = _square(image, size, profile.get("fit", "stretch"))
    words = [(t, (b[0] * sx + ox, b[1] * sy + oy, b[2] * sx + ox, b[3] * sy + oy)) for t, b in label.words]
    answer = label.answer if label.answer is not None else spell_words(words, size, profile)
    return Asked(np.asarray(view), label.prompt or profile["prompt"], answer, words)


def window(label: Label, profile: dict, r: random.Random, bounds: tuple[float, float]) -> Asked:
    """A tile of a page with words: at a scale within the bounds, somewhere on the page, around a word. Reading order is
    that of the words, lines made of them again: tiles are read across columns (docs/targets.md)."""
    size = profile["size"]
    image = label.image()
    s = bounds[0] * (bounds[1] / bounds[0]) ** r.random()
    side = size / s
    left = _place(r, image.width, side, [b[0] for _, b in label.words], [b[2] for _, b in label.words])
    top = _place(r, image.height, side, [b[1] for _, b in label.words], [b[3] for _, b in label.words])
    page = Image.new("RGB", (max(1, round(side)), max(1, round(side))), "white")
    page.paste(image, (-round(left), -round(top)))
    view = page.resize((size, size), Image.Resampling.BICUBIC)
    words = []
    for text, (x0, y0, x1, y1) in label.words:
        box = ((x0 - left) * s, (y0 - top) * s, (x1 - left) * s, (y1 - top) * s)
        t = CUT_TOLERANCE
        if box[0] >= -t and box[1] >= -t and box[2] <= size + t and box[3] <= size + t:
            words.append((text, (max(0.0, box[0]), max(0.0, box[1]), min(float(size), box[2]), min(float(size), box[3]))))
    words = in_lines(words)
    return Asked(np.asarray(view), label.prompt or profile["prompt"], spell_words(words, size, profile), words)


def _place(r: random.Random, length: int, side: float, starts: list[float], ends: list[float]) -> float:
    """Where a view of a side begins on a page of a length: mostly within the page, a little beyond its edges."""
    low, high = min(0.0, length - side), max(0.0, length - side)
    if length > side and starts and r.random() < 0.7:  # around a word
        i = r.randrange(len(starts))
        middle = (starts[i] + ends[i]) / 2
        low, high = max(low, middle - 0.9 * side), min(high, middle - 0.1 * side)
    return float(round(r.uniform(low - 0.04 * side, max(low, high) + 0.04 * side)))


def in_lines(words: list[tuple[str, Box]]) -> list[tuple[str, Box]]:
    """Words as a tile is read: lines from top to bottom, each from left to right."""
    rest = sorted(words, key=lambda w: w[1][1] + w[1][3])
    out = []
    while rest:
        first = rest[0][1]
        middle, height = (first[1] + first[3]) / 2, first[3] - first[1]
        line = [w for w in rest if abs((w[1][1] + w[1][3]) / 2 - middle) < 0.5 * min(height, w[1][3] - w[1][1])]
        out += sorted(line, key=lambda w: w[1][0])
        rest = [w for w in rest if w not in line]
    return out


def worn(asked: Asked, r: random.Random) -> Asked:
    """The same with other paper and noise, so that a few labels go a long way."""
    if r.random() < 0.25:
        return asked
    grey = Image.fromarray(asked.pixels).convert("L")
    noise = np.random.default_rng(r.getrandbits(48))
    pixels = degrade.tile_wear(grey, r, noise, "worn").astype(np.float32)
    pixels = (pixels - 128) * r.uniform(0.75, 1.2) + 128 + r.uniform(-15, 15)
    pixels = np.clip(pixels, 0, 255).astype(np.uint8)
    return Asked(np.repeat(pixels[..., None], 3, 2), asked.prompt, asked.answer, asked.words)


def ask(label: Label, profile: dict, r: random.Random, bounds: tuple[float, float]) -> Asked:
    """A question about a label as the profile has it asked, different each time."""
    if profile.get("view") == "tiles" and label.answer is None:
        asked = window(label, profile, r, bounds)
    else:
        asked = whole(label, profile)
    colour = profile.get("view") != "tiles" and asked.pixels.std(2).max() > 24
    return asked if colour else worn(asked, r)
