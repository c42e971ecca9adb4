"""Pointing and mass, computed by hand, and the random positions that are hidden instead of gold."""

import numpy as np
import pytest

from xattn.alignment.pointing import point, sample_other_positions

# One row a query: two heads of one layer over three positions, the last of which is padding in the second example.
WEIGHTS = np.array(
    [
        [[[0.6, 0.3, 0.1], [0.2, 0.5, 0.3]], [[0.1, 0.8, 0.1], [0.4, 0.4, 0.2]]],
        [[[0.3, 0.7, 0.0], [1.0, 0.0, 0.0]], [[0.9, 0.1, 0.0], [0.5, 0.5, 0.0]]],
    ]
)[None]  # [L, B, N, T, S]
GOLD = np.array([[[1, 0, 0], [1, 1, 0]], [[1, 0, 0], [0, 0, 0]]], bool)
SEEN = np.array([[True, True, True], [True, True, False]])


def test_pointing_and_mass_by_hand():
    found = point(WEIGHTS, GOLD, SEEN)
    assert found.rows == 3  # the fourth query has no gold
    # Head 0 is right on gold {0}, {0, 1} and wrong on {0}; head 1 the other way round, with a tie within gold.
    assert found.at(0, 0) == {"accuracy": round(2 / 3, 4), "mass": round((0.6 + 0.7 + 0.3) / 3, 4)}
    assert found.at(0, 1) == {"accuracy": round(2 / 3, 4), "mass": round((0.1 + 0.8 + 0.9) / 3, 4)}
    # The mean of the heads: [.35 .55 .1], [.3 .45 .25], [.6 .4 0].
    assert found.at(0, "mean") == {"accuracy": round(2 / 3, 4), "mass": round((0.35 + 0.75 + 0.6) / 3, 4)}
    assert found.chance == pytest.approx(1 / 3 + 2 / 3 + 1 / 2)
    assert found.best == (0, 1)  # of equals the one with more mass


def test_a_tie_counts_by_the_share_that_is_gold():
    even = np.full((1, 1, 1, 1, 4), 0.25)
    gold = np.array([[[True, False, False, False]]])
    assert point(even, gold, np.ones((1, 4), bool)).at(0, 0)["accuracy"] == 0.25
    assert point(even, gold, np.array([[True, True, False, False]])).at(0, 0)["accuracy"] == 0.5


def test_batches_add_up_to_the_whole():
    parts = [point(WEIGHTS[:, [b]], GOLD[[b]], SEEN[[b]]) for b in range(2)]
    both, whole = parts[0] + parts[1], point(WEIGHTS, GOLD, SEEN)
    np.testing.assert_allclose(both.hits, whole.hits)
    np.testing.assert_allclose(both.mass, whole.mass)
    assert (both.chance, both.rows) == (pytest.approx(whole.chance), whole.rows)


def test_as_many_others_are_hidden_as_are_gold():
    rng = np.random.default_rng(0)
    seen = np.arange(11) < np.array([11, 7, 3])[:, None]
    gold = (rng.random((3, 5, 11)) < 0.2) & seen[:, None]
    hidden = sample_other_positions(gold, seen, rng)
    assert not (hidden & gold).any()
    assert not (hidden & ~seen[:, None]).any()
    wanted = np.minimum(gold.sum(-1), (seen[:, None] & ~gold).sum(-1))
    np.testing.assert_array_equal(hidden.sum(-1), wanted)
    assert wanted.sum() > 10
