"""Colour scales: shades checked by hand, and the scale that is taken by default."""

from dataclasses import replace

import numpy as np
import pytest

from xattn.viewing.scales import shading


@pytest.fixture
def faint(fox):
    """The same picture with a hundredth of the weight in every cell, as in a map of 300 words."""
    return replace(fox, weights=fox.weights / 100)


def test_shades_are_the_values_by_the_scale(fox):
    by = {name: shading(fox, name).shades(fox.weights) for name in ("absolute", "row", "map", "sqrt")}
    np.testing.assert_allclose(by["absolute"], fox.weights)
    np.testing.assert_allclose(by["map"], fox.weights / 1.0)
    np.testing.assert_allclose(by["row"][0], fox.weights[0] / 0.83, rtol=1e-6)
    np.testing.assert_allclose(by["row"][1, 3], 1)
    np.testing.assert_array_equal(by["row"][3], 0)  # a row of zeros stays white, without a warning
    np.testing.assert_allclose(by["sqrt"][0], [0.83**0.5, 0.02**0.5, 0.1, 0.2], rtol=1e-6)


def test_a_faint_map_is_drawn_by_its_maximum_and_says_so(fox, faint):
    assert shading(fox).name == "absolute"
    assert shading(fox).text == "colour scale absolute: 0 to 1"
    chosen = shading(faint)
    assert chosen.text == "colour scale map: 0 to the map's maximum, 0.01, because no cell reaches 0.25"
    assert chosen.shades(faint.weights)[2, 2] == 1
    np.testing.assert_array_equal(chosen.shades(faint.special[:, None])[:, 0], [1, 1, 0, 0])  # beyond: the last colour
    assert shading(faint, "absolute").text == "colour scale absolute: 0 to 1"  # a choice is obeyed
    assert shading(replace(fox, weights=0 * fox.weights)).name == "absolute"


def test_norms_end_at_the_largest_norm(fox):
    norms = replace(fox, weights=7 * fox.weights, special=7 * fox.special, kind="norms")
    assert shading(norms).text == "colour scale absolute: 0 to the largest norm, 7"
    np.testing.assert_allclose(shading(norms).shades(norms.weights), fox.weights, rtol=1e-6)
    drowned = replace(norms, special=700 * fox.special)
    assert shading(drowned).name == "map"


def test_a_difference_is_symmetric_about_0(fox):
    other = replace(fox, weights=fox.weights / 2, special=fox.special + 0.1)
    both = other.minus(fox)
    scale = shading(both)
    np.testing.assert_allclose(both.weights, -fox.weights / 2)
    np.testing.assert_allclose(both.special, 0.1, rtol=1e-5)
    assert both.title == "B - A, attention weights, layer 2, head 3, row convention: produced"
    assert (scale.signed, scale.text) == (True, "colour scale difference: -0.5 to +0.5, symmetric about 0")
    np.testing.assert_allclose(scale.shades(both.weights), -fox.weights)
    assert scale.ticks() == [(-1, "-0.5"), (0, "0"), (1, "+0.5")]
    assert not shading(fox.minus(fox)).shades(fox.weights - fox.weights).any()
    with pytest.raises(ValueError, match="the same source and target words"):
        fox.minus(replace(fox, source=["a", "b", "c", "d"]))


def test_the_ticks_of_a_bar_are_values(faint, fox):
    assert shading(fox).ticks() == [(0, "0"), (0.5, "0.5"), (1, "1")]
    assert shading(faint).ticks() == [(0, "0"), (0.5, "0.005"), (1, "0.01")]
    assert shading(fox, "sqrt").ticks() == [(0, "0"), (0.5, "0.25"), (1, "1")]
    assert shading(fox, "row").ticks() == [(0, "0"), (1, "row\nmax.")]
