"""The default model's vocabulary: single characters, location tokens and a few specials."""

from __future__ import annotations

import re

PAD, EOS, BOS, UNK = 0, 1, 2, 3
SPECIALS = ["<pad>", "<eos>", "<bos>", "<unk>"]
SPACE = "\u2581"  # how the tokenizer writes a space

ASCII = "".join(chr(c) for c in range(33, 127))
LATIN = "".join(chr(c) for c in range(0xC0, 0x100) if c not in (0xD7, 0xF7)) + "ŒœŸŠšŽžŁłıĞğŞşİŐőŰű"
TYPOGRAPHIC = "‘’“”„‚‹›«»–—•…·†‡™€£¥¢§¶©®°±×÷½¼¾²³¹ªº¿¡µ−"
CHARACTERS = ASCII + LATIN + TYPOGRAPHIC

LOCATIONS = 1024
IMAGE_TOKENS = 256

NEWLINE = len(SPECIALS)
_BASE = SPECIALS + ["\n", SPACE] + list(CHARACTERS)
FIRST_CHARACTER = NEWLINE + 2
FIRST_LOCATION = len(_BASE)
IMAGE = FIRST_LOCATION + LOCATIONS
USED = IMAGE + 1
SIZE = (USED + 63) // 64 * 64  # rows of the embedding table

TOKENS = _BASE + [f"<loc{i:04d}>" for i in range(LOCATIONS)] + ["<image>"]
IDS = {token: i for i, token in enumerate(TOKENS)}

# The auxiliary loss of the vision tower names characters, and what else is drawn, by classes of its own: 0 is "none".
# Each task names its symbols in a block of its own; a block never moves, so that trained heads stay valid.
SYMBOL_BLOCKS = {"molecule": 24, "music": 40, "picture": 24, "table": 8}
CHARACTER_CLASS = {c: i + 1 for i, c in enumerate(CHARACTERS)}
CHARACTER_CLASSES = len(CHARACTERS) + 1 + sum(SYMBOL_BLOCKS.values())


def symbol_class(task: str, index: int) -> int:
    """The auxiliary class of a task's symbol, counted from 0 within its block."""
    if not 0 <= index < SYMBOL_BLOCKS[task]:
        raise ValueError(f"symbol {index} of {task}: its block holds {SYMBOL_BLOCKS[task]}")
    before = list(SYMBOL_BLOCKS)[: list(SYMBOL_BLOCKS).index(task)]
    return len(CHARACTERS) + 1 + sum(SYMBOL_BLOCKS[t] for t in before) + index

# What the renderer may be asked to write that the vocabulary spells with another character.
_SPELLINGS = str.maketrans({"\u00a0": " ", "\u00ad": "", "\u2010": "-", "\u2011": "-", "\ufb01": "fi", "\ufb02": "fl"})


def spell(text: str) -> str:
    """Write text with the vocabulary's own characters where there is an equivalent."""
    return text.translate(_SPELLINGS)


def encode(text: str) -> list[int]:
    """Token ids of text, which may hold location tokens written as <locNNNN>."""
    ids: list[int] = []
    for piece in re.split(r"(<loc[0-9]{4}>)", text):
        if piece in IDS and len(piece) == 9:
            ids.append(IDS[piece])
        else:
            ids += [IDS.get(SPACE if c == " " else c, UNK) for c in piece]
    return ids


def prompt(text: str) -> list[int]:
    """Token ids of a prompt behind the image tokens, from <bos> to the newline."""
    return [BOS] + encode(text) + [NEWLINE]


def decode(ids: list[int]) -> str:
    """The text of token ids up to the end token, without the other specials."""
    out = []
    for i in ids:
        if i == EOS:
            break
        if i < len(SPECIALS) or i >= IMAGE:
            continue
        out.append(" " if TOKENS[i] == SPACE else TOKENS[i])
    return "".join(out)


def is_location(token: int) -> bool:
    """Whether the token is one of <loc0000> to <loc1023>."""
    return FIRST_LOCATION <= token < FIRST_LOCATION + LOCATIONS


def tokenizer_json() -> dict:
    """The vocabulary as a tokenizer.json in the manner of the released checkpoints: a byte-pair model
    without merges over single characters, with specials, locations and the image token added."""
    special = SPECIALS + ["<image>"]
    added = [t for t in TOKENS if t in special or t.startswith("<loc")]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": IDS[t], "content": t, "single_word": False, "lstrip": False, "rstrip": False,
                "normalized": False, "special": t in special,
            }
            for t in added
        ],
        "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": SPACE},
        "pre_tokenizer": None,
        "post_processor": None,
        "decoder": {
            "type": "Sequence",
            "decoders": [
                {"type": "Replace", "pattern": {"String": SPACE}, "content": " "},
                {"type": "Fuse"},
            ],
        },
        "model": {
            "type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
            "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
            "vocab": {t: i for i, t in enumerate(_BASE)},
            "merges": [],
        },
    }
