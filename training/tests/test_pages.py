"""The test pages come out alike from one seed, in the held-out families only."""

import json

import pytest
from PIL import Image

from training import fonts, pages

INSTALLED = all(pages.faces(family) for family in fonts.HELD_OUT)
pytestmark = pytest.mark.skipif(not INSTALLED, reason="the held-out fonts are not installed")


def test_pages(tmp_path):
    pages.write(tmp_path / "a", 2, 1)
    pages.write(tmp_path / "b", 2, 1)
    rows = [json.loads(line) for line in (tmp_path / "a" / "MANIFEST.jsonl").read_text().splitlines()]
    assert [row["family"] for row in rows] == list(fonts.HELD_OUT)[:2]
    for row in rows:
        assert (tmp_path / "a" / row["file"]).read_bytes() == (tmp_path / "b" / row["file"]).read_bytes()
        truth = json.loads((tmp_path / "a" / row["gt_file"]).read_text())
        with Image.open(tmp_path / "a" / row["file"]) as image:
            assert image.size == (truth["width"], truth["height"]) == (row["width"], row["height"])
            assert len(truth["words"]) == row["n_words"] > 50
            for word in truth["words"]:
                x0, y0, x1, y1 = word["bbox"]
                assert 0 <= x0 < x1 <= image.width and 0 <= y0 < y1 <= image.height
                assert word["text"].isascii() and " " not in word["text"]


def test_every_family_has_faces():
    for family in fonts.HELD_OUT:
        for face in pages.faces(family):
            assert fonts.held_out(face.path, face.family) == family
