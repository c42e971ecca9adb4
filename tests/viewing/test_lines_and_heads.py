"""The figure of lines, and the figure of all layers and heads."""

import io
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.image import imread

from xattn.alignment.links import Links
from xattn.alignment.maps import Readout
from xattn.viewing.figures import render
from xattn.viewing.heads import heads
from xattn.viewing.lines import lines
from xattn.viewing.look import Look


def test_lines_are_as_strong_as_their_weights(fox):
    figure = lines(replace(fox, gold=Links.of([(0, 0)])))
    (axes,) = figure.axes
    (drawn,) = axes.collections
    ends = [(path.vertices[0][1], path.vertices[-1][1]) for path in drawn.get_paths()]
    strengths = dict(zip(ends, drawn.get_edgecolors()[:, 3], strict=True))
    # Five positions for four words on each side; a line of less than 0.03 is not drawn.
    expected = {(0.5, 0.5): 0.83, (3.5, 0.5): 0.04, (1.5, 1.5): 0.057, (3.5, 1.5): 0.86, (2.5, 2.5): 1.0}
    assert strengths == pytest.approx(expected, abs=1e-6)
    assert list(strengths.values()) == sorted(strengths.values())  # the strongest is on top
    (gold,) = axes.patches
    assert gold.get_linestyle() != "-"
    texts = {text.get_text(): text for text in axes.texts}
    assert set(texts) == {*fox.source, *fox.target, "source", "target"}
    assert to_rgba(texts["rapide"].get_color()) != to_rgba(texts["brun"].get_color())  # it has no step
    assert "special mass is not drawn" in figure.get_supxlabel()
    assert "colour scale absolute: 0 to 1" in figure.get_supxlabel()


def test_lines_of_long_sentences_fit_and_some_words_have_labels(word_map):
    figure = lines(word_map([f"s{n}" for n in range(300)], [f"t{n}" for n in range(200)]))
    assert max(imread(io.BytesIO(render(figure, "png"))).shape) <= 4000
    assert "labelled: one of 4 words" in figure.get_supxlabel()
    assert len(figure.axes[0].texts) == 75 + 50 + 2


def test_a_difference_has_lines_of_two_colours(fox):
    figure = lines(replace(fox, weights=fox.weights[:, ::-1].copy()).minus(fox))
    colors = figure.axes[0].collections[0].get_edgecolors()
    assert {bool(red > blue) for red, _, blue, _ in colors} == {True, False}


def test_every_layer_and_head_has_a_heatmap_on_one_scale(attention):
    figure = heads(attention, Readout(layer=1, head=2, convention="produced"))
    *panels, bar = figure.axes
    assert [axes.get_title() for axes in panels] == ["head 0", "head 1", "head 2", "", "", ""]
    assert [axes.get_ylabel() for axes in panels] == ["layer 0", "", "", "layer 1", "", ""]
    words, _ = attention.fold("produced")
    for axes, expected in zip(panels, words.reshape(6, 3, 3), strict=True):
        np.testing.assert_allclose(np.asarray(axes.collections[0].get_array()), expected, rtol=1e-6)
        assert axes.collections[0].get_clim() == (0, 1)
    widths = [axes.spines["left"].get_linewidth() for axes in panels]
    assert widths.index(max(widths)) == 5
    assert figure.get_suptitle() == "attention weights, all layers and heads, row convention: produced"
    assert bar.get_ylabel() == "absolute"


def test_heads_are_mirrored_like_the_heatmap(attention):
    hebrew = replace(attention, source_words=["ראשון", "שני", "שלישי"])
    figure = heads(hebrew, Readout(layer=0, head="mean", convention="produced"))
    words, _ = attention.fold("produced")
    np.testing.assert_allclose(figure.axes[0].collections[0].get_array(), words[0, 0][:, ::-1], rtol=1e-6)
    assert "columns run from right to left" in figure.get_supxlabel()


@pytest.mark.parametrize("scale", ["absolute", "row", "map", "sqrt"])
def test_scales_of_heads(attention, scale):
    figure = heads(attention, Readout(layer=0, head=0, convention="produced"), Look(scale=scale))
    drawn = np.stack([axes.collections[0].get_array() for axes in figure.axes[:-1]])
    words = attention.fold("produced")[0].reshape(6, 3, 3)
    row = words / words.max(axis=-1, keepdims=True)
    expected = {"absolute": words, "row": row, "map": words / words.max(), "sqrt": words**0.5}
    np.testing.assert_allclose(drawn, expected[scale], rtol=1e-5)


@pytest.mark.parametrize("picture", [lines, heads])
def test_they_have_a_width_and_fonts_in_pdf(fox, attention, picture):
    look = Look(width=3.3, font_size=8.0)
    readout = Readout(layer=0, head=0, convention="read")
    figure = lines(fox, look) if picture is lines else heads(attention, readout, look)
    assert imread(io.BytesIO(render(figure, "png"))).shape[1] / 200 == pytest.approx(3.3, abs=0.03)
    pdf = render(figure, "pdf")
    assert b"/FontFile2" in pdf
    assert b"/Type3" not in pdf
