"""The word error rate against hand-checked values, and against jiwer."""

import numpy as np
import pytest

from xattn.tasks.word_errors import word_errors


@pytest.mark.parametrize(
    ("said", "written", "errors"),
    [
        ("one two three", "one two three", (0, 0, 0)),
        ("one two three", "one ten three", (1, 0, 0)),
        ("one two three", "one three", (0, 1, 0)),
        ("one two three", "one two two three", (0, 0, 1)),
        ("one two three", "", (0, 3, 0)),
        ("one", "two three four", (1, 0, 2)),
        ("one one two", "two one one", (2, 0, 0)),
    ],
)
def test_errors_are_those_of_the_shortest_edits(said, written, errors):
    found = word_errors([said.split()], [written.split()])
    assert tuple(found[kind][0] for kind in ("substitutions", "deletions", "insertions")) == errors
    assert found["wer"] == (sum(errors), len(said.split()))


def test_errors_are_summed_over_texts():
    found = word_errors([["a", "b"], ["c"]], [["a"], ["c", "d", "e"]])
    assert found == {"wer": (3, 3), "substitutions": (0, 3), "deletions": (1, 3), "insertions": (2, 3)}


def test_the_rate_is_that_of_jiwer():
    jiwer = pytest.importorskip("jiwer", reason="jiwer is not installed: pip install '.[test]'")
    random = np.random.default_rng(0)
    pairs = [[list(map(str, random.integers(0, 5, random.integers(low, 9)))) for low in (1, 0)] for _ in range(300)]
    said, written = zip(*pairs, strict=True)
    theirs = jiwer.process_words([" ".join(each) for each in said], [" ".join(each) for each in written])
    ours = word_errors(said, written)
    assert ours["wer"][0] / ours["wer"][1] == pytest.approx(theirs.wer)
    # Several shortest edits may have other kinds of errors, but insertions less deletions are the same in all.
    assert ours["insertions"][0] - ours["deletions"][0] == theirs.insertions - theirs.deletions
