"""Links from matrices, and their text."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xattn.alignment.link_files import format_links, parse_links, read_links, write_links
from xattn.alignment.links import Links, argmax, diagonal, extract, method, mutual, threshold, top_k

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


def test_top_k_links_the_largest_that_are_not_zero():
    weights = np.array([[[0.2, 0.1, 0.7], [0.0, 0.4, 0.0]], [[0.3, 0.3, 0.3], [0.0, 0.0, 0.0]]], np.float32)
    np.testing.assert_array_equal(top_k(weights, k=2), [[[1, 0, 1], [0, 1, 0]], [[1, 1, 0], [0, 0, 0]]])
    np.testing.assert_array_equal(top_k(weights, k=5), weights > 0)
    np.testing.assert_array_equal(top_k(weights, k=1), argmax(weights))
    with pytest.raises(ValueError, match="must be at least 1, not 0"):
        top_k(weights, k=0)


def test_mutual_links_are_the_largest_both_ways():
    """Rows choose 1, 0, 0; columns choose row 2, row 0, row 1."""
    weights = np.array([[0.2, 0.7, 0.1], [0.5, 0.2, 0.3], [0.6, 0.3, 0.1]], np.float32)
    np.testing.assert_array_equal(mutual(weights), [[0, 1, 0], [0, 0, 0], [1, 0, 0]])
    np.testing.assert_array_equal(mutual(np.stack([weights, weights.T])), [mutual(weights), mutual(weights).T])


def test_a_word_that_looks_at_eos_is_linked_or_not():
    weights, special = np.array([[0.3, 0.1], [0.4, 0.2]], np.float32), np.array([0.6, 0.4], np.float32)
    np.testing.assert_array_equal(extract(weights, special), [[1, 0], [1, 0]])
    np.testing.assert_array_equal(extract(weights, special, null="drop"), [[0, 0], [1, 0]])
    every = method("threshold", level=0.1)
    np.testing.assert_array_equal(extract(weights, special, every, "drop"), [[0, 0], [1, 1]])


def test_methods_by_name():
    weights = np.array([[0.2, 0.3, 0.5]], np.float32)
    for name, links in {"argmax": 1, "threshold": 2, "mutual": 1, "dual": 1, "top-k": 3}.items():
        assert method(name, level=0.25, k=3)(weights).sum() == links
    with pytest.raises(ValueError, match=r"no method 'max' .* argmax, threshold, mutual, dual, top-k"):
        method("max")


def test_turned_links_turn_back():
    links = Links.of([(2, 0)], possible=[(0, 1)])
    assert links.turned == Links.of([(0, 2)], possible=[(1, 0)])
    assert links.turned.turned == links


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
        ("0-0\n", [(1, 1), (1, 1)], "1 line, but the number of sentence pairs is 2"),
    ],
)
def test_a_bad_file_is_refused_by_line(tmp_path, text, lengths, message):
    (tmp_path / "links").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_links(tmp_path / "links", lengths=lengths)
