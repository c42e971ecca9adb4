"""Folding pieces into words, and the two row conventions."""

import subprocess
import sys

import numpy as np
import pytest

from xattn.alignment.links import Links
from xattn.alignment.maps import AttentionMap, Readout

L, N, T, S = 2, 3, 5, 7


def attention_map(weights: np.ndarray, **changes) -> AttentionMap:
    """Five rows (4 pieces of 3 words, EOS) over seven columns (6 pieces of 4 words, EOS)."""
    fields = {
        "weights": weights,
        "source": ["_the", "_qu", "ick", "_fo", "x", "_sat", "</s>"],
        "target": ["_le", "_ren", "ard", "_assis", "</s>"],
        "source_word_ids": [0, 1, 1, 2, 2, 3, -1],
        "target_word_ids": [0, 1, 1, 2, -1],
        "source_words": ["the", "quick", "fox", "sat"],
        "target_words": ["le", "renard", "assis"],
    }
    return AttentionMap(**fields | changes)


@pytest.fixture
def weights():
    return np.random.default_rng(0).dirichlet(np.ones(S), (L, N, T)).astype(np.float32)


def one_row_each(columns: list[int]) -> np.ndarray:
    """One layer, one head, all of row t on columns[t]."""
    return np.eye(S, dtype=np.float32)[columns][None, None]


@pytest.mark.parametrize(("convention", "rows"), [("produced", [[0], [1, 2], [3]]), ("read", [[1], [2, 3], [4]])])
def test_words_sum_over_source_pieces_and_average_over_target_rows(weights, convention, rows):
    words = attention_map(weights).to_words(Readout(layer=1, head=2, convention=convention))
    columns = [[0], [1, 2], [3, 4], [5]]
    expected = [[np.mean([sum(weights[1, 2, t, s] for s in c) for t in r]) for c in columns] for r in rows]
    np.testing.assert_allclose(words.weights, expected, rtol=1e-6)
    np.testing.assert_allclose(words.special, [np.mean(weights[1, 2, r, 6]) for r in rows], rtol=1e-6)
    np.testing.assert_allclose(words.weights.sum(axis=1) + words.special, 1, rtol=1e-6)
    assert words.weights.shape == (len(words.target), len(words.source)) == (3, 4)
    assert words.readout == Readout(layer=1, head=2, convention=convention)


def test_head_mean_is_the_mean_of_the_heads(weights):
    attention = attention_map(weights)
    each = [attention.to_words(Readout(layer=0, head=n, convention="read")).weights for n in range(N)]
    mean = attention.to_words(Readout(layer=0, head="mean", convention="read"))
    np.testing.assert_allclose(mean.weights, np.mean(each, axis=0), rtol=1e-6)


def test_the_convention_moves_links_by_one_row():
    attention = attention_map(one_row_each([5, 0, 3, 4, 1]))
    produced = attention.to_words(Readout(layer=0, head=0, convention="produced")).links()
    read = attention.to_words(Readout(layer=0, head=0, convention="read")).links()
    assert produced == Links.of([(3, 0), (0, 1), (2, 2)])  # renard: rows 1, 2 tie between the and fox
    assert read == Links.of([(0, 0), (2, 1), (1, 2)])


def test_a_map_that_looks_at_eos_keeps_the_rest_unscaled():
    weights = np.zeros((1, 1, T, S), np.float32)
    weights[..., 6], weights[..., 0] = 0.75, 0.25
    words = attention_map(weights).to_words(Readout(layer=0, head=0, convention="produced"))
    np.testing.assert_array_equal(words.weights[:, 0], [0.25] * 3)
    np.testing.assert_array_equal(words.special, [0.75] * 3)


def test_a_truncated_hypothesis_has_no_row_that_read_its_last_piece(weights):
    cut = attention_map(weights[:, :, :4], target=["_le", "_ren", "ard", "_assis"], target_word_ids=[0, 1, 1, 2])
    words = cut.to_words(Readout(layer=0, head=1, convention="read"))
    assert (words.weights[:2] > 0).all()
    assert not words.weights[2].any()
    assert words.special[2] == 0
    assert {t for _, t in words.links().sure} == {0, 1}
    half = attention_map(weights[:, :, :2], target=["_le", "_ren"], target_word_ids=[0, 0])
    row = half.to_words(Readout(layer=0, head=1, convention="read")).weights[0]
    np.testing.assert_allclose(row[0], weights[0, 1, 1, 0], rtol=1e-6)  # the mean of the one row there is


def test_an_empty_hypothesis_has_no_words(weights):
    empty = attention_map(weights[:, :, :1], target=["</s>"], target_word_ids=[-1], target_words=[]).to_words(
        Readout(layer=0, head=0, convention="produced")
    )
    assert empty.weights.shape == (0, 4)
    assert empty.links() == Links.of([])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source": ["a"]}, "7 columns, for 1 source piece and 7 source word ids"),
        ({"target_word_ids": [0, 1, 2, -1]}, "5 rows, for 5 target pieces and 4 target word ids"),
        ({"target_word_ids": [0, 1, 1, 3, -1]}, "word id of target piece 3 is 3, but the 3 target words"),
        ({"source_word_ids": [0, 1, 1, 2, 2, 3, -2]}, "word id of source piece 6 is -2"),
        ({"gold": Links.of([(4, 0)])}, "Link 4-0 .* 4 source and 3 target words"),
        ({"weights": np.full((L, N, T, S), np.nan, np.float32)}, "finite"),
        ({"weights": np.full((L, N, T, S), -0.5, np.float32)}, "not negative"),
    ],
)
def test_a_map_that_does_not_fit_is_refused(weights, changes, message):
    with pytest.raises(ValueError, match=message):
        attention_map(changes.pop("weights", weights), **changes)


@pytest.mark.parametrize(
    ("layer", "head", "message"),
    [(2, 0, "no layer 2; .* 0 to 1"), (0, 3, "no head 3; .* 0 to 2"), (-1, 0, "no layer -1")],
)
def test_a_readout_outside_the_map_is_refused(weights, layer, head, message):
    with pytest.raises(ValueError, match=message):
        attention_map(weights).to_words(Readout(layer=layer, head=head, convention="read"))


def test_alignment_needs_no_jax():
    code = "import sys, xattn.alignment.scores, xattn.alignment.link_files; print('jax' in sys.modules)"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert output.stdout.strip() == "False"
