"""The renderer of music: targets as docs/targets.md has them, sources, determinism, marks on the ink."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import numpy as np
import pytest

from training import music, vocab
from training.music import compose, engrave, kern, measure, sources, spelling, views

EXAMPLES = Path(__file__).parents[1] / "testdata" / "omr_bars_targets.jsonl"
SYSTEM = """**kern\t**kern
*clefF4\t*clefG2
*k[b-e-]\t*k[b-e-]
*M3/4\t*M3/4
=\t=
4r\t(8.dd#X'L
.\t16ff#)Jk
*\t*^
2BB- 2D\t4een 4cc\t[2a
.\t4ee\t.
*\t*v\t*v
=\t=
*clefG2\t*
8q b\t.
2.b-\t2.a];
==\t==
*-\t*-
"""


def spelled(text: str) -> list[str]:
    """The answers of a text's bars, places left out."""
    system = kern.read(text)
    speller = spelling.Speller(system)
    return [re.sub(r"<loc\d{4}>", "@", "\n".join(speller.bar(b, lambda line, column, note: (10.0, 20.0)).lines)) for b in system.bars]


def test_what_is_printed_is_said() -> None:
    first, second = spelled(SYSTEM.replace("8q b", "8qb"))
    assert first.split("\n") == [
        "@*F4|*G2", "@*--|*--", "@*3/4|*3/4", "@4@%|8.L@g#('", "@|16Jk@i#)", "@2@c@e|4@hn@f,2@d[", "@|4@h", "@=",
    ]  # fmt: skip
    assert second.split("\n") == ["@*G2", "@8q@en", "@2.@e-|2.@d;]", "@=="]


def test_an_accidental_holds_to_the_bar_line_and_over_a_tie() -> None:
    text = "**kern\n*clefG2\n*k[f#]\n=\n4f#\n4fn\n4fn\n[4fn\n=\n4f]\n4fn\n4f#\n4ff#\n=\n*-\n"
    assert spelled(text) == ["@*G2\n@*#\n@4@b\n@4@bn\n@4@bn\n@4@bn[\n@=", "@4@b]\n@4@bn\n@4@b#\n@4@i\n@="]


def examples_place(line: int, column: int, note: int) -> tuple[float, float]:
    """Where the examples draw a token: eight pixels a line from the left, seven a column and note from the top."""
    return 8.0 * line, 70.0 * column + 7.0 * (note + 1) + 20


def test_examples_are_those_of_the_targets() -> None:
    seen = 0
    for line in EXAMPLES.read_text().splitlines():
        case = json.loads(line)
        if "measures" in case:
            seen += 1
            boxes = [tuple(v * 224 for v in box) for box in case["measures"]]
            assert spelling.measures_answer(boxes, case["staves"], case["explicit"]) == case["answer"], case["name"]
        if "spelled" in case:
            seen += 1
            system = kern.read(case["spelled"])
            speller = spelling.Speller(system)
            assert ["\n".join(speller.bar(b, examples_place).lines) for b in system.bars] == case["bars"], case["name"]
    assert seen >= 4


@pytest.fixture(scope="module")
def examples() -> list:
    source = music.Source("train", random.Random(3))
    return [source.example(rows) for rows in (16, 8, 4) for _ in range(40)]


def test_examples_can_be_said(examples) -> None:
    assert sum(e is None for e in examples) < 12
    for e in filter(None, examples):
        assert e.prompt in music.PROMPTS
        ids = vocab.encode(e.answer)
        assert vocab.UNK not in ids and len(ids) <= 500
        assert e.pixels.dtype == np.uint8 and e.pixels.shape[1] == 224 and e.pixels.shape[0] % 14 == 0
        assert len(e.marks) == 0 or (e.marks[:, 0] < vocab.CHARACTER_CLASSES).all()
    assert {e.prompt for e in examples if e} == set(music.PROMPTS)
    assert views.CLASSES <= vocab.SYMBOL_BLOCKS["music"]


def test_the_same_seed_draws_the_same() -> None:
    def some() -> list:
        source = music.Source("train", random.Random(9))
        return [source.example(16) for _ in range(6)]

    for a, b in zip(some(), some()):
        assert a.answer == b.answer and (a.pixels == b.pixels).all() and (a.marks == b.marks).all()


def test_heads_are_marked_on_their_ink() -> None:
    r = random.Random(4)
    dark = total = 0
    for _ in range(6):
        s = views.sheet(compose.compose(r), r, "Leland", "clean")
        for b in range(len(s.spelled)) if s else ():
            e = views.bar_view(s, b, 1, r, 16)
            for kind, x, y in e.marks[:, :3] if e else ():
                if views.head_class(views.LOWEST) <= kind <= views.head_class(views.HIGHEST):
                    total += 1
                    dark += e.pixels[max(0, int(y) - 1) : int(y) + 2, max(0, int(x) - 1) : int(x) + 2].min() < 130
    assert total > 50 and dark > 0.97 * total


def test_no_work_of_an_evaluation_set_is_drawn() -> None:
    manifest = sources.SHARED / "data" / "music" / "manifest.jsonl"
    if not manifest.exists() or not sources.ARCHIVE.exists():
        pytest.skip("the shared data is not here")
    groups = {json.loads(line)["group"] for line in manifest.read_text().splitlines()}
    works = {re.match(r"chopin(\d{3}(?:_\d)?)", g).group(1)[:3] for g in groups if g.startswith("chopin")}
    train, held = sources.Works("train"), sources.Works("validation")
    assert train.names and held.names and not set(train.names) & set(held.names)
    assert not [n for n in train.names + held.names if n[:3] in works]


def test_held_out_font_is_not_trained_on() -> None:
    assert engrave.HELD_OUT_FONT not in engrave.FONTS


def test_drawn_truth_is_what_is_drawn() -> None:
    image, row = music.drawn(random.Random(2))
    system = kern.read(row["kern"])
    assert len(system.bars) == row["measures"] and image.mode == "L"


def test_score_of_the_truth() -> None:
    source = music.Source("train", random.Random(1))
    some = [e for e in (source.example(16) for _ in range(30)) if e]
    perfect = music.score([e.answer for e in some], some)
    assert perfect["music_ser"] == 0 and perfect["music_exact"] == 1 and perfect.get("music_measures", 1) == 1
    silent = music.score(["" for _ in some], some)
    assert silent["music_ser"] == 100
    assert measure.symbols("<loc0004>4<loc0008>e#|8<loc0008>%") == ["4", "e#", "|", "8", "%"]
