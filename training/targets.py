"""Prompt and answer of the task "ocr", as docs/targets.md fixes them."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from training import vocab

PROMPT = "ocr"
TILE = 224
LOC_STEP = 4
LOC_MAX = 1020

LOCATION_TOKEN = re.compile(r"(<loc[0-9]{4}>)")

Box = tuple[float, float, float, float]


class Word(NamedTuple):
    """A word and its box (x0, y0, x1, y1) in pixels of the tile."""

    text: str
    box: Box


def location(pixel: float) -> int:
    """The location number of a coordinate: pixel / 224 * 1024, to the nearest multiple of 4 (halves
    go up), clamped to 0..1020."""
    steps = math.floor(pixel / TILE * 1024 / LOC_STEP + 0.5)
    return min(LOC_MAX, max(0, steps * LOC_STEP))


def answer(words: list[Word]) -> str:
    """The answer for words in reading order."""
    parts = []
    for word in words:
        x0, y0, x1, y1 = word.box
        parts.append("".join(f"<loc{location(v):04d}>" for v in (y0, x0, y1, x1)) + word.text)
    return "".join(parts)


def answer_tokens(words: list[Word]) -> list[int]:
    """Token ids of the answer with its end token; words are spelled with characters of the vocabulary."""
    return vocab.encode(answer(words)) + [vocab.EOS]


def prompt_tokens() -> list[int]:
    """Token ids of the prompt after the image tokens."""
    return vocab.prompt(PROMPT)


def parse(text: str) -> list[Word]:
    """Words of an answer. A run of location tokens counts only if it is four long and some text
    follows; boxes with no area are dropped, everything else that is malformed is skipped."""
    words: list[Word] = []
    locs: list[int] = []
    chars: list[str] = []

    def close() -> None:
        content = "".join(chars).strip()
        if len(locs) == 4 and content:
            y0, x0, y1, x1 = (v / 1024 * TILE for v in locs)
            if x1 > x0 and y1 > y0:
                words.append(Word(content, (x0, y0, x1, y1)))

    for piece in LOCATION_TOKEN.split(text):
        if LOCATION_TOKEN.fullmatch(piece):
            if chars:
                close()
                locs, chars = [], []
            locs.append(int(piece[4:8]))
        elif piece:
            chars.append(piece)
    close()
    return words


def parse_tokens(ids: list[int]) -> list[Word]:
    """Words of an answer given as token ids."""
    return parse(vocab.decode(ids))
