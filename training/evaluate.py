"""Scores answers: word F1 (equal text at IoU 0.5), bag-of-words F1, character error rate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from training.targets import Box, Word


def iou(a: Box, b: Box) -> float:
    """Intersection over union of two boxes."""
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    area = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h
    return w * h / area


def edit_distance(a: Sequence[str], b: Sequence[str]) -> int:
    """Levenshtein's distance of two texts or lists of symbols."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]


def _f1(hits: int, said: int, true: int) -> float:
    return 2 * hits / (said + true) if said + true else 1.0


def matched_words(said: list[Word], true: list[Word]) -> int:
    """How many words have their text right and a box with IoU of at least 0.5, one to one."""
    pairs = sorted(
        (
            (iou(s.box, t.box), i, j)
            for i, s in enumerate(said)
            for j, t in enumerate(true)
            if s.text == t.text and iou(s.box, t.box) >= 0.5
        ),
        reverse=True,
    )
    used_said, used_true = set(), set()
    for _, i, j in pairs:
        if i not in used_said and j not in used_true:
            used_said.add(i)
            used_true.add(j)
    return len(used_true)


def score(said: list[list[Word]], true: list[list[Word]]) -> dict[str, float]:
    """Scores over tiles, counts pooled."""
    hits = bag = n_said = n_true = errors = length = found = 0
    for s, t in zip(said, true):
        hits += matched_words(s, t)
        found += matched_words([Word("", w.box) for w in s], [Word("", w.box) for w in t])
        bag += sum((Counter(w.text for w in s) & Counter(w.text for w in t)).values())
        n_said, n_true = n_said + len(s), n_true + len(t)
        a, b = " ".join(w.text for w in s), " ".join(w.text for w in t)
        errors, length = errors + edit_distance(a, b), length + len(b)
    return {
        "word_f1": round(_f1(hits, n_said, n_true), 4),
        "detection_f1": round(_f1(found, n_said, n_true), 4),
        "bag_f1": round(_f1(bag, n_said, n_true), 4),
        "cer": round(errors / max(1, length), 4),
        "words": n_true,
    }
