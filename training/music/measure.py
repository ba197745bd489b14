"""How well bars are read: the edit distance of symbols, and how many are right to the last sign."""

from __future__ import annotations

import re

from training.evaluate import edit_distance
from training.example import Example
from training.music import spelling


def symbols(answer: str) -> list[str]:
    """The signs of a bar's answer without its places: tokens of voices, and what stands between them."""
    plain = re.sub(r"<loc\d{4}>", " ", answer)
    return [t for t in re.split(r"([\n|,])|\s+", plain) if t and t.strip(" ")]


def score(said: list[str], examples: list[Example]) -> dict[str, float]:
    """SER of bars in percent, the share of bars that are right, and for systems the share with the right number of bars, each
    within two pixels at both sides."""
    edits = length = exact = bars = systems = found = 0
    for answer, example in zip(said, examples):
        if example.prompt == spelling.BAR_PROMPT:
            mine, truth = symbols(answer), symbols(example.answer)
            edits += edit_distance(mine, truth)
            length += len(truth)
            exact += mine == truth
            bars += 1
        else:
            systems += 1
            a, b = boxes(answer), boxes(example.answer)
            found += len(a) == len(b) and all(abs(p[1] - q[1]) <= 10 and abs(p[3] - q[3]) <= 10 for p, q in zip(a, b))
    out = {}
    if bars:
        out |= {"music_ser": 100 * edits / max(1, length), "music_exact": exact / bars}
    if systems:
        out["music_measures"] = found / systems
    return out


def boxes(answer: str) -> list[tuple[int, ...]]:
    """The boxes of an answer about a system, in y x y x order."""
    return [tuple(int(v) for v in re.findall(r"\d{4}", m.group())) for m in re.finditer(r"(?:<loc\d{4}>){4}", answer)]
