"""PaliGemma's way of saying where things are, `<locY0><locX0><locY1><locX1> label ; …`, as docs/targets.md fixes it for
regions and pictures: writing and reading it, the order of things, the auxiliary marks over them, and the scores."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from training import vocab
from training.evaluate import iou
from training.render import CHARACTER_COLUMNS, PATCH
from training.targets import LOCATION_TOKEN, TILE, Box, location

GRID = TILE // PATCH
SAME = 0.6  # of two things of one label that overlap by so much, one is kept
FOUND = 0.5  # overlap from which a thing counts as found


class Thing(NamedTuple):
    """Something with a label and its box (x0, y0, x1, y1) in pixels of the model's square."""

    label: str
    box: Box


def places(box: Box) -> str:
    """The four locations of a box."""
    x0, y0, x1, y1 = box
    return "".join(f"<loc{location(v):04d}>" for v in (y0, x0, y1, x1))


def answer(things: list[Thing]) -> str:
    """The answer for things in their order."""
    return " ; ".join(f"{places(t.box)} {t.label}" for t in things)


def parse(text: str, cut: bool = False) -> list[Thing]:
    """The things of an answer; whatever is malformed is left out, and the last label of an answer that was cut off."""
    out: list[Thing] = []
    pieces = [p for p in LOCATION_TOKEN.split(text) if p]
    run: list[int] = []
    for i, piece in enumerate(pieces):
        if LOCATION_TOKEN.fullmatch(piece):
            run.append(int(piece[4:8]))
            continue
        label = piece.split(";")[0].strip().lower()
        if len(run) == 4 and label and not (cut and i == len(pieces) - 1 and ";" not in piece):
            y0, x0, y1, x1 = (v / 1024 * TILE for v in run)
            box = (x0, y0, x1, y1)
            twice = any(t.label == label and iou(t.box, box) >= SAME for t in out)
            if x1 > x0 and y1 > y0 and not twice:
                out.append(Thing(label, box))
        run = []
    return out


def in_order(things: list[Thing]) -> list[Thing]:
    """Things from top to bottom, those beside one another from left to right: task.SortDown of the service. What begins
    before the one above it in this order has ended stands beside it."""
    out = sorted(things, key=lambda t: (t.box[1], t.box[0]))
    for i in range(1, len(out)):
        for k in range(i, 0, -1):
            left, right = out[k].box, out[k - 1].box
            overlap = min(left[3], right[3]) - max(left[1], right[1])
            if left[2] > right[0] + 1 or overlap < 0.5 * min(left[3] - left[1], right[3] - right[1]):
                break
            out[k], out[k - 1] = out[k - 1], out[k]
    return out


def _span(low: float, high: float, first: int, last: int) -> range:
    """The rows or columns of patches, of those from first up to last, that mostly lie between two edges: one at least."""
    a, b = round(low / PATCH), round(high / PATCH) - 1
    if a > b:
        a = b = int((low + high) / 2 // PATCH)
    return range(min(max(a, first), last - 1), max(min(b, last - 1), first) + 1)


def marks(things: list[tuple[int, Box]], rows: int = GRID, first_row: int = 0) -> np.ndarray:
    """The auxiliary targets of things (class, box) in the order of the answer: each has a mark in every patch that it covers,
    so that the tower learns at once where things end. The mark's place says which sides of the thing the patch holds
    (1 top, 2 left, 4 bottom, 8 right), its first flags that of the top left and of the bottom right corner."""
    out: list[tuple[float, ...]] = []
    for i, (kind, box) in enumerate(things):
        x0, y0, x1, y1 = box
        following = things[i + 1][1] if i + 1 < len(things) else None
        lines, columns = _span(y0, y1, first_row, first_row + rows), _span(x0, x1, 0, GRID)
        for line in lines:
            for column in columns:
                top, left, bottom, right = line == lines[0], column == columns[0], line == lines[-1], column == columns[-1]
                flags = (top and left, bottom and right, True, i == 0, following is not None)
                side = top + 2 * left + 4 * bottom + 8 * right
                out.append((kind, (column + 0.5) * PATCH, (line + 0.5) * PATCH, side, *flags, *box, *(following or box)))
    return np.array(out, np.float32).reshape(-1, CHARACTER_COLUMNS)


def symbol(index: int) -> int:
    """The auxiliary class of a kind of shape or region; see KINDS of training.pictures and training.regions."""
    return vocab.symbol_class("picture", index)


def pairs(said: list[Thing], true: list[Thing]) -> list[tuple[float, int, int]]:
    """Things of equal labels with their overlap and their places in both lists, one to one, the best overlap first."""
    every = sorted(
        ((iou(s.box, t.box), -i, -j) for i, s in enumerate(said) for j, t in enumerate(true) if s.label == t.label and iou(s.box, t.box) > 0),
        reverse=True,
    )
    out, left, right = [], set(), set()
    for overlap, i, j in every:
        if i not in left and j not in right:
            left.add(i)
            right.add(j)
            out.append((overlap, -i, -j))
    return out


def score(said: list[list[Thing]], true: list[list[Thing]]) -> dict[str, float]:
    """Over all pictures: mean overlap of what there is with what was found for it, how much was found with an overlap of a
    half, how much of what was said is there, and of pictures of nothing how many were left empty."""
    total = hits = n_said = n_true = empty = silent = 0
    for s, t in zip(said, true):
        found = pairs(s, t)
        total += sum(overlap for overlap, _, _ in found)
        hits += sum(overlap >= FOUND for overlap, _, _ in found)
        n_said, n_true = n_said + len(s), n_true + len(t)
        empty += not t
        silent += not t and not s
    out = {
        "mean_iou": round(total / max(1, n_true), 4),
        "recall": round(hits / max(1, n_true), 4),
        "precision": round(hits / max(1, n_said), 4),
        "things": n_true,
    }
    return out | ({"empty": round(silent / empty, 4)} if empty else {})
