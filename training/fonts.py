"""Finds the installed fonts the renderer may draw with, and keeps the held-out families out."""

from __future__ import annotations

import functools
import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from PIL import ImageFont

from training import vocab
from training.paths import state_dir

ROOTS = tuple(Path("/usr/share") / p for p in ("fonts/truetype", "fonts/opentype", "texmf/fonts/opentype"))
SUFFIXES = (".ttf", ".otf")

# Families that only the acceptance pages use, by letters of the family name, their clones and renames.
HELD_OUT = {
    "EB Garamond": ("ebgaramond", "garamond"),
    "Old Standard": ("oldstandard",),
    "Vollkorn": ("vollkorn",),
    "Cantarell": ("cantarell",),
    "Quattrocento": ("quattrocento",),
    "Inconsolata": ("inconsolata", "rictydiminished", "rictydm"),
    "Courier Prime": ("courierprime",),
}

# Families that printed documents are mostly set in (or metric twins of those); drawn more often.
DOCUMENT = (
    "liberation", "arimo", "tinos", "cousine", "nimbus", "texgyre", "carlito", "caladea", "dejavu", "freesans", "freeserif",
    "freemono", "latinmodern", "lmroman", "lmsans", "cmu", "linuxlibertine", "opensans", "roboto", "lato", "notosans",
    "notoserif", "gentium", "c059", "p052", "urwbookman", "urwgothic", "charis", "stix", "ptsans", "ptserif", "inter",
    "bitstream", "ocrb", "clearsans",
)

_SKIP_FILE = re.compile(
    r"math|symbol|dingbat|emoji|icon|initial|swash|outline|shadow|hairline|thin|extralight|ultralight|fraktur|chancery|script|"
    r"[-_]sc\b|smcp|caps|unicase|keyboard|decorative|inline|stencil|d050|z003|chorus|dashed|dotted|blackletter|barcode|"
    r"boxes|fallback|monofonto|heavyoblique",
    re.I,
)
_SKIP_FAMILY = re.compile(
    r"math|symbol|dingbat|emoji|swash|initials|fraktur|chancery|outline|small ?caps|\bsc\b|caps|dashed|decorative|shadow|unicase",
    re.I,
)


@dataclass(frozen=True)
class Font:
    """One usable font file."""

    path: str
    family: str
    style: str
    x_height: float  # of the size
    missing: str  # characters of the vocabulary the font lacks

    @property
    def bold(self) -> bool:
        return bool(re.search(r"bold|black|heavy|demi", self.style, re.I))

    @property
    def italic(self) -> bool:
        return bool(re.search(r"italic|oblique|slant", self.style, re.I))


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def held_out(path: str | os.PathLike, family: str) -> str | None:
    """The held-out family that a font file belongs to, if any."""
    names = (_letters(family), _letters(Path(path).name), _letters(Path(path).parent.name))
    for name, keys in HELD_OUT.items():
        if any(key in n for key in keys for n in names):
            return name
    return None


def files() -> list[str]:
    """Every installed font file of a kind that Pillow draws well."""
    found = {}
    for root in ROOTS:
        for path in sorted(root.rglob("*")):
            if path.suffix.lower() in SUFFIXES:
                found[path.resolve()] = str(path)
    return sorted(str(p) for p in found)


def _mask(font: ImageFont.FreeTypeFont, c: str) -> bytes:
    mask, offset = font.getmask2(c, mode="L")
    return bytes(mask) + repr((mask.size, offset)).encode()


def inspect(path: str) -> Font | None:
    """Measure a font file; None if ordinary Latin text cannot be set in it."""
    try:
        font = ImageFont.truetype(path, 40, layout_engine=ImageFont.Layout.BASIC)
        family, style = font.getname()
        absent = {_mask(font, c) for c in ("\ufdd0", "\U000e1234")}
        masks = {c: _mask(font, c) for c in vocab.CHARACTERS}
        x, h, cap = (font.getbbox(c, anchor="ls") for c in "xhH")
        widths = [font.getlength(c) for c in "naM.0"]
    except (OSError, ValueError, UnicodeError):
        return None
    missing = "".join(c for c, m in masks.items() if m in absent or (len(m) < 20 and c not in "'`"))
    if any(c in missing for c in vocab.ASCII) or min(widths) <= 0:
        return None
    if not 10 <= -x[1] <= 30 or -h[1] < -x[1] * 1.15 or cap[3] > 6:
        return None
    if len({masks[c] for c in "abcdeghnopqrstuvwxyzABCDEGHMNRST0123456789"}) < 42:
        return None
    big = ImageFont.truetype(path, 400, layout_engine=ImageFont.Layout.BASIC)
    return Font(path, family or "", style or "", -big.getbbox("x", anchor="ls")[1] / 400, missing)


def _usable(path: str, family: str) -> bool:
    return not (_SKIP_FILE.search(Path(path).name) or _SKIP_FAMILY.search(family))


@functools.lru_cache(maxsize=None)
def catalogue() -> tuple[Font, ...]:
    """Every usable installed font, held-out families included. Measurements are kept on disk."""
    cache = state_dir() / "fonts.json"
    known: dict[str, dict | None] = {}
    if cache.exists():
        known = json.loads(cache.read_text())
    paths = files()
    fresh = [p for p in paths if p not in known]
    for path in fresh:
        font = inspect(path)
        known[path] = asdict(font) if font else None
    if fresh:
        cache.parent.mkdir(parents=True, exist_ok=True)
        part = cache.with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps(known))
        part.replace(cache)
    fonts = (Font(**known[p]) for p in paths if known[p])
    return tuple(f for f in fonts if _usable(f.path, f.family))


# Families used to watch progress: the trainer does not draw with them either.
VALIDATION = ("lindenhill", "karla", "gfsdidot", "hack", "libris", "texgyrebonum", "urwbookman", "sourcesans", "charis", "b612")


def split_of(font: Font) -> str:
    """Which split a font belongs to: "acceptance", "validation" or "train"."""
    if held_out(font.path, font.family):
        return "acceptance"
    if any(v in _letters(font.family) for v in VALIDATION):
        return "validation"
    return "train"


@functools.lru_cache(maxsize=None)
def families(split: str) -> tuple[tuple[tuple[Font, ...], ...], tuple[tuple[Font, ...], ...]]:
    """Fonts of a split grouped by family: those of printed documents, and all."""
    groups: dict[str, list[Font]] = {}
    for font in catalogue():
        if split_of(font) == split:
            groups.setdefault(font.family, []).append(font)
    every = tuple(tuple(v) for _, v in sorted(groups.items()))
    document = tuple(g for g in every if any(d in _letters(g[0].family) for d in DOCUMENT))
    return document or every, every
