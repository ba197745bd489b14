"""The task `molecule`: drawn molecules, read as atoms with places and bonds (docs/targets.md)."""

from __future__ import annotations

import random

from PIL import Image

from training.example import Example
from training.molecules import chemistry, compose
from training.molecules.drawing import Drawing, Unreadable, parse

PROMPTS = {"molecule": "every atom of the drawing with its place, and the bonds between them"}
EMPTY = 0.02  # share of pictures without a molecule
TRIES = 12


class Source:
    """Endless examples of a split. Molecules and fonts of "validation" never occur in "train"."""

    def __init__(self, split: str, r: random.Random):
        self.split, self.r = split, r

    def example(self, rows: int) -> Example | None:
        """A picture of so many rows of patches: 16, 8 or 4; None where a few attempts do not give one."""
        r = self.r
        if rows not in compose.LEAST_BOND:
            return None
        if r.random() < EMPTY:
            return compose.nothing(r, self.split, rows)
        for _ in range(TRIES):
            sheet = compose.sheet(r, self.split, rows)
            found = compose.fit(sheet, r, rows) if sheet else None
            if found:
                return found
        return None


def score(said: list[str], examples: list[Example]) -> dict[str, float]:
    """Shares of molecules read exactly, with stereo and without, and F1 of atoms and bonds by place."""
    exact = graph = valid = 0
    counts = {"atom": [0, 0, 0], "bond": [0, 0, 0]}  # right, said, true
    for text, example in zip(said, examples):
        truth = parse(example.answer)
        try:
            read = parse(text)
        except Unreadable:
            read = None
        _tally(counts, read or Drawing(), truth)
        if read is None:
            continue
        try:
            same, alike = _same(read, truth)
        except Unreadable:
            continue
        valid += 1
        exact += same
        graph += alike
    n = max(1, len(said))
    out = {"exact": exact / n, "graph": graph / n, "valid": valid / n}
    for name, (right, given, true) in counts.items():
        out[f"{name}_f1"] = 2 * right / max(1, given + true)
    return out


def _same(read: Drawing, truth: Drawing) -> tuple[bool, bool]:
    if not truth.atoms or not read.atoms:
        return (not truth.atoms and not read.atoms,) * 2
    return tuple(chemistry.smiles(read, stereo) == chemistry.smiles(truth, stereo) for stereo in (True, False))


def _tally(counts: dict[str, list[int]], read: Drawing, truth: Drawing) -> None:
    """Counts atoms that stand where a true one stands, with its label, and bonds between such of the right kind."""
    reach = 0.35 * (truth.length() or 20.0)
    match: dict[int, int] = {}
    free = set(range(len(truth.atoms)))
    for i, a in enumerate(read.atoms):
        near = [(abs(a.x - truth.atoms[k].x) + abs(a.y - truth.atoms[k].y), k) for k in free]
        best = min(near, default=(reach + 1, -1))
        if best[0] <= reach:
            free.discard(best[1])
            match[i] = best[1]
    right = sum(read.atoms[i].label == truth.atoms[k].label for i, k in match.items())
    bonds = {frozenset((b.first, b.second)): b for b in truth.bonds}
    good = 0
    for b in read.bonds:
        if b.first in match and b.second in match:
            true = bonds.get(frozenset((match[b.first], match[b.second])))
            good += true is not None and b.seen_from(b.first) == true.seen_from(match[b.first])
    for name, values in (("atom", (right, len(read.atoms), len(truth.atoms))), ("bond", (good, len(read.bonds), len(truth.bonds)))):
        counts[name] = [x + y for x, y in zip(counts[name], values)]


def drawn(r: random.Random) -> tuple[Image.Image, dict]:
    """A drawing for evaluation: a molecule and lettering that training never has, at the resolution of a page, and its row
    of a manifest for `palimpsest eval --task molecule`."""
    while True:
        sheet = compose.sheet(r, "acceptance", compose.GRID, scale=r.uniform(2.5, 4.0))
        if sheet is None or compose.fit(sheet, random.Random(0), compose.GRID, wear=False) is None:
            continue
        try:
            truth = chemistry.smiles(sheet.drawing)
        except Unreadable:
            continue
        return compose.scanned(sheet, r), {"gt": {"smiles": truth}, "heavy_atoms": len(sheet.drawing.atoms)}
