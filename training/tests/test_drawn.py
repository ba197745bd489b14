"""The test sets come out alike from one seed, and their truths are of the form that `palimpsest eval` reads."""

import json

import pytest
from PIL import Image

from training import drawn, fonts, pages
from training.pictures.shapes import KINDS as SHAPES
from training.regions.page import KINDS

INSTALLED = all(pages.faces(family) for family in fonts.HELD_OUT)
pytestmark = pytest.mark.skipif(not INSTALLED, reason="the held-out fonts are not installed")


def rows(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("task", drawn.NAMES)
def test_sets(task, tmp_path):
    for name in "ab":
        manifests = drawn.write(tmp_path / name, task, 2, 5)
    for manifest in manifests:
        listed = rows(manifest)
        assert listed == rows(tmp_path / "a" / manifest.name) and len(listed) == 2
        assert len({row["id"] for row in listed}) == 2
        for row in listed:
            assert (tmp_path / "a" / row["file"]).read_bytes() == (tmp_path / "b" / row["file"]).read_bytes()
            with Image.open(tmp_path / "a" / row["file"]) as image:
                assert image.size == (row["width"], row["height"])
    assert len(manifests) == (5 if task == "mixed" else 1)


def check_objects(row):
    for o in row["gt"]["objects"]:
        x0, y0, x1, y1 = o["box"]
        assert o["label"] in KINDS and 0 <= x0 < x1 <= row["width"] and 0 <= y0 < y1 <= row["height"]


def test_truths(tmp_path):
    for task, check in {
        "table": lambda row: row["gt"]["html"].startswith("<table>"),
        "molecule": lambda row: row["gt"]["smiles"],
        "omr": lambda row: row["gt"]["kern"].rstrip().endswith("*-") or "*-" in row["gt"]["kern"],
        "spatial": lambda row: row["gt"] in row["choices"] and row["metric"] == "exact" and any(kind in row["question"] for kind in SHAPES),
    }.items():
        (manifest,) = drawn.write(tmp_path / task, task, 2, 6)
        assert all(check(row) for row in rows(manifest))
    (manifest,) = drawn.write(tmp_path / "regions", "regions", 3, 6)
    for row in rows(manifest):
        check_objects(row)


def test_a_mixed_page_has_something_for_every_task(tmp_path):
    truths = {path.stem.removeprefix("MANIFEST-"): rows(path)[0] for path in drawn.write(tmp_path, "mixed", 1, 8)}
    assert set(truths) == {"ocr", "table", "molecule", "omr", "regions"}
    check_objects(truths["regions"])
    found = [o["label"] for o in truths["regions"]["gt"]["objects"]]
    assert len(truths["table"]["gt"]["tables"]) == found.count("table") > 0
    assert len(truths["molecule"]["gt"]["molecules"]) == found.count("molecule") > 0
    assert len(truths["omr"]["gt"]["systems"]) == found.count("staff") > 0
    words = truths["ocr"]["gt"]["words"]
    assert sum(w["legible"] for w in words) > 10
    others = [w["bbox"] for w in words if not w["legible"]]
    assert len(others) == len(found) - found.count("text")
    texts = [o["box"] for o in truths["regions"]["gt"]["objects"] if o["label"] == "text"]
    for word in (w["bbox"] for w in words if w["legible"]):
        x, y = (word[0] + word[2]) / 2, (word[1] + word[3]) / 2
        assert any(b[0] - 8 <= x <= b[2] + 8 and b[1] - 8 <= y <= b[3] + 8 for b in texts)
