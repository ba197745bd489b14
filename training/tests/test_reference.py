"""The committed reference answers belong to the committed weights."""

import json
import os
import random

import numpy as np
import pytest
import torch
from PIL import Image

from training import reference, vocab
from training.paths import MODEL_DIR

TOKENS = MODEL_DIR / "testdata" / reference.TOKENS_FILE
pytestmark = pytest.mark.skipif(not TOKENS.exists(), reason="no reference answers")


def rows():
    return [json.loads(line) for line in TOKENS.read_text(encoding="utf-8").splitlines()]


def test_fifty_tiles_under_two_megabytes():
    assert len(rows()) == reference.COUNT
    assert sum(f.stat().st_size for f in TOKENS.parent.iterdir()) < 2_000_000
    for row in rows():
        with Image.open(TOKENS.parent / row["image"]) as image:
            assert image.size == (224, 224) and image.mode == "L"
        assert vocab.decode(row["tokens"]) == row["text"]
        assert row["smallest_margin"] >= reference.SMALLEST_MARGIN


def test_a_few_are_what_transformers_reads_now():
    from transformers import PaliGemmaForConditionalGeneration

    net = PaliGemmaForConditionalGeneration.from_pretrained(MODEL_DIR, dtype=torch.float32, attn_implementation="eager").eval()
    for row in random.Random(int(os.environ.get("PYTEST_SEED", "1"))).sample(rows(), 3):
        pixels = np.asarray(Image.open(TOKENS.parent / row["image"]))
        assert reference.read(net, pixels, row["max_tokens"])[0] == row["tokens"]
