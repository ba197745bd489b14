"""The examples of docs/targets.md, and the vocabulary's promises."""

import json
from pathlib import Path

import pytest

from training import targets, vocab
from training.targets import Word

EXAMPLES = [json.loads(line) for line in (Path(__file__).parent.parent / "testdata" / "ocr_targets.jsonl").read_text().splitlines()]


def words(shown):
    return [Word(w["text"], tuple(w["box"])) for w in shown]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e["name"])
def test_examples(example):
    if "words" in example:
        assert targets.answer(words(example["words"])) == example["answer"]
        if not any("<loc" in w["text"] for w in example["words"]):
            ids = targets.answer_tokens(words(example["words"]))
            assert ids == vocab.encode(example["answer"]) + [vocab.EOS]
            assert vocab.decode(ids) == example["answer"]
    read = targets.parse(example["answer"])
    assert [w.text for w in read] == [w["text"] for w in example["decoded"]]
    for w, e in zip(read, example["decoded"]):
        assert w.box == pytest.approx(e["box"], abs=1e-6)


def test_prompt():
    assert targets.prompt_tokens() == [2, 84, 72, 87, 4]


@pytest.mark.parametrize(("pixel", "number"), [(-3, 0), (0, 0), (0.4374, 0), (0.4375, 4), (112, 512), (223.5, 1020), (224, 1020), (300, 1020)])
def test_location(pixel, number):
    assert targets.location(pixel) == number


def test_vocabulary_is_as_documented():
    assert (vocab.NEWLINE, vocab.FIRST_CHARACTER, vocab.FIRST_LOCATION, vocab.IMAGE) == (4, 6, 223, 1247)
    assert vocab.SIZE % 64 == 0 and vocab.SIZE >= vocab.USED
    assert len(set(vocab.TOKENS)) == len(vocab.TOKENS) == vocab.USED


def test_spelling():
    assert vocab.spell("ﬁn\u00ad\u2011x\u00a0y") == "fin-x y"
    assert vocab.encode("漢") == [vocab.UNK]
