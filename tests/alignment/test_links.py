"""Links from matrices, and their text."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xattn.alignment.formats import format_links, parse_links, read_links, write_links
from xattn.alignment.links import Links, argmax, diagonal, threshold

pairs = st.frozensets(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=12)


def test_sure_links_must_be_possible():
    with pytest.raises(ValueError, match=r"\(0, 1\) is not"):
        Links(sure=frozenset({(0, 1)}), possible=frozenset({(1, 0)}))


def test_matrices_have_target_words_in_rows():
    sure, possible = Links.of([(2, 0)], possible=[(0, 1)]).matrices(3, 2)
    np.testing.assert_array_equal(sure, [[0, 0, 1], [0, 0, 0]])
    np.testing.assert_array_equal(possible, [[0, 0, 1], [1, 0, 0]])
    assert Links.from_matrix(sure) == Links.of([(2, 0)])


def test_matrices_refuse_links_outside_the_pair():
    with pytest.raises(ValueError, match=r"Link 2-0 .* 2 source and 3 target words"):
        Links.of([(2, 0)]).matrices(2, 3)


def test_argmax_takes_each_batch_entry_apart():
    weights = np.array([[[0.2, 0.1], [0.3, 0.3]], [[0.0, 0.4], [0.0, 0.0]]], np.float32)
    np.testing.assert_array_equal(argmax(weights), [[[1, 0], [1, 0]], [[0, 1], [0, 0]]])
    assert argmax(np.zeros((3, 0), np.float32)).shape == (3, 0)


def test_threshold_links_none_one_or_several():
    weights = np.array([[0.2, 0.1], [0.45, 0.55], [0.3, 0.1]], np.float32)
    np.testing.assert_array_equal(threshold(weights, level=0.3), [[0, 0], [1, 1], [1, 0]])
    with pytest.raises(ValueError, match=r"\(0, 1\], not at 0"):
        threshold(weights, level=0.0)


def test_diagonal_meets_both_corners():
    assert diagonal(3, 5).sure == {(0, 0), (0, 1), (1, 2), (2, 3), (2, 4)}
    assert diagonal(7, 1).sure == {(0, 0)}
    assert diagonal(0, 3) == Links.of([])


@given(pairs, pairs)
def test_text_keeps_every_link(sure, possible):
    links = Links.of(sure, possible=possible)
    assert parse_links(format_links(links)) == links


def test_a_file_keeps_every_line(tmp_path):
    corpus = [Links.of([(0, 0), (10, 2)]), Links.of([]), Links.of([(1, 1)], possible=[(0, 1)])]
    write_links(tmp_path / "links", corpus)
    assert (tmp_path / "links").read_text() == "0-0 10-2\n\n0p1 1-1\n"
    assert read_links(tmp_path / "links", lengths=[(11, 3), (1, 1), (2, 2)]).links == corpus


@pytest.mark.parametrize(
    ("text", "lengths", "message"),
    [
        ("0-0\n1:1\n", None, "line 2: '1:1' is not a link; write i-j"),
        ("0-0\n-1-2\n", None, "line 2: '-1-2' is not a link"),
        ("0-0\n1p7\n", [(1, 1), (5, 7)], "sentence 2: Link 1-7 .* 5 source and 7 target words"),
        ("0-0\n", [(1, 1), (1, 1)], "1 lines, but there are 2 sentence pairs"),
    ],
)
def test_a_bad_file_is_refused_by_line(tmp_path, text, lengths, message):
    (tmp_path / "links").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_links(tmp_path / "links", lengths=lengths)
