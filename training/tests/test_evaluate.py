"""The scores count what they say."""

import pytest

from training import evaluate
from training.targets import Word


def test_iou():
    assert evaluate.iou((0, 0, 10, 10), (0, 0, 10, 5)) == pytest.approx(0.5)
    assert evaluate.iou((0, 0, 10, 10), (10, 0, 20, 10)) == 0


def test_edit_distance():
    assert evaluate.edit_distance("kitten", "sitting") == 3
    assert evaluate.edit_distance("", "abc") == 3


def test_score():
    box, far = (0, 0, 10, 10), (50, 50, 60, 60)
    true = [[Word("a", box), Word("b", far)]]
    said = [[Word("a", (0, 0, 10, 8)), Word("b", (80, 50, 90, 60)), Word("a", box)]]
    result = evaluate.score(said, true)
    assert result["word_f1"] == pytest.approx(2 * 1 / 5)
    assert result["bag_f1"] == pytest.approx(2 * 2 / 5)
    assert result["detection_f1"] == pytest.approx(2 * 1 / 5)


def test_matches_are_one_to_one():
    box = (0, 0, 10, 10)
    assert evaluate.matched_words([Word("a", box)] * 3, [Word("a", box)]) == 1


def test_nothing_said_and_nothing_true():
    assert evaluate.score([[]], [[]])["word_f1"] == 1.0
