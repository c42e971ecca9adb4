"""Heatmaps and curves: their contents, and reproducible files."""

import io
import itertools
import re
import subprocess
import sys
import warnings
import xml.etree.ElementTree as ET
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import font_manager
from matplotlib.image import imread
from matplotlib.patches import Rectangle

from xattn.alignment.links import Links
from xattn.alignment.maps import AttentionMap, Readout
from xattn.errors import ConfigError
from xattn.viewing import fonts
from xattn.viewing.curves import growth, length_curve
from xattn.viewing.figures import heatmap, render
from xattn.viewing.formats import FORMATS
from xattn.viewing.look import Look
from xattn.viewing.terminal import Heatmap

SVG = "{http://www.w3.org/2000/svg}"


def svg_texts(words) -> list[str]:
    root = ET.fromstring(render(heatmap(words), "svg"))
    return ["".join(node.itertext()) for node in root.iter(f"{SVG}text")]


def test_words_weights_and_readout_are_where_they_belong(fox):
    figure = heatmap(fox)
    axes, bar = figure.axes
    assert [label.get_text() for label in axes.get_xticklabels()] == [*fox.source, "special"]
    assert [label.get_text() for label in axes.get_yticklabels()] == fox.target
    assert axes.xaxis.get_ticks_position() == "top"
    assert axes.get_ylim() == (4, 0)  # the first target word on top
    special, weights = axes.collections
    np.testing.assert_array_equal(np.ravel(np.asarray(weights.get_array())), fox.weights.ravel())
    np.testing.assert_array_equal(np.ravel(np.asarray(special.get_array())), fox.special)
    assert weights.get_clim() == special.get_clim() == (0, 1)
    assert bar.get_ylim() == (0, 1)
    assert figure.get_suptitle() == "attention weights, layer 2, head 3, row convention: produced"
    assert (axes.get_xlabel(), axes.get_ylabel(), bar.get_ylabel()) == ("source", "target", "absolute")
    assert figure.get_supxlabel().splitlines() == [
        "a row is the decoder step that produces the word",
        "colour scale absolute: 0 to 1",
        "special: on pieces of no word, such as EOS",
        "hatched: no decoder step represents the word",
    ]
    (hatched,) = axes.patches
    assert isinstance(hatched, Rectangle)
    assert (hatched.get_y(), hatched.get_height()) == (3, 1)


def test_percent_stands_in_the_cells_of_a_small_map_only(fox, word_map):
    numbers = {(text.get_position(), text.get_text()) for text in heatmap(fox).axes[0].texts}
    assert ((0.5, 0.5), "83") in numbers
    assert ((3.5, 1.5), "86") in numbers
    assert ((4.8, 0.5), "10") in numbers  # special
    assert len(numbers) == 9  # the others are below half a percent
    assert len(heatmap(word_map(["a"] * 16, ["b"] * 3)).axes[0].texts) > 30
    assert not heatmap(word_map(["a"] * 17, ["b"] * 3)).axes[0].texts


def test_a_faint_map_is_drawn_by_its_maximum_or_by_the_chosen_scale(fox):
    faint = replace(fox, weights=fox.weights / 100)
    figure = heatmap(faint)
    axes, bar = figure.axes
    np.testing.assert_allclose(np.asarray(axes.collections[1].get_array()), fox.weights, rtol=1e-6)
    assert [label.get_text() for label in bar.get_yticklabels()] == ["0", "0.005", "0.01"]
    assert "colour scale map: 0 to the map's maximum, 0.01, because no cell reaches 0.25" in figure.get_supxlabel()
    axes, bar = heatmap(faint, Look(scale="sqrt")).axes
    np.testing.assert_allclose(np.asarray(axes.collections[1].get_array()), np.sqrt(faint.weights), rtol=1e-6)
    assert [label.get_text() for label in bar.get_yticklabels()] == ["0", "0.25", "1"]


def test_a_long_map_has_fewer_labels_and_fits_in_4000_pixels(word_map):
    figure = heatmap(word_map([f"s{n}" for n in range(300)], [f"t{n}" for n in range(200)]))
    image = imread(io.BytesIO(render(figure, "png")))
    assert max(image.shape) <= 4000
    across = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert across[:3] == ["s0", "s5", "s10"]
    assert across[-1] == "special"
    assert "labelled: one of 5 source words and one of 3 target words" in figure.get_supxlabel()
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in figure.axes[0].get_yticklabels()]
    assert all(above.y0 >= below.y1 - 2 for above, below in itertools.pairwise(boxes))  # no label covers another
    assert (image[..., :3].min(axis=-1) < 0.5).mean() > 0.01  # it is not white


def test_a_map_of_1500_frames_has_rows_that_can_be_read(word_map):
    words = word_map([""] * 1500, ["a", "b", "c"])
    width, height = heatmap(words).get_size_inches()
    assert (width > 10, height / 3 > 0.2) == (True, True)
    huge = render(heatmap(words), "png", 500)
    assert max(imread(io.BytesIO(huge)).shape) > 4000  # as asked


def test_a_width_in_inches_is_the_width_of_the_file(fox, word_map):
    for words in (fox, word_map([f"word{n}" for n in range(16)], ["mot"] * 9)):
        for look in (Look(width=3.3, font_size=7.0), Look(width=6.5, title="A", color_bar=False)):
            image = imread(io.BytesIO(render(heatmap(words, look), "png")))
            assert image.shape[1] / 200 == pytest.approx(look.width, abs=0.03)
    (box,) = re.findall(rb"/MediaBox \[ 0 0 ([\d.]+) ", render(heatmap(fox, Look(width=5.0)), "pdf"))
    assert float(box) / 72 == pytest.approx(5, abs=0.05)
    with pytest.raises(ConfigError, match="A width of 1 inches has no room for the picture: its labels alone need"):
        heatmap(fox, Look(width=1.0))


def test_what_a_paper_does_not_want_is_left_out(fox):
    figure = heatmap(fox, Look(title="", notes=False, axis_names=False, color_bar=False, font_size=12.0))
    assert (figure.get_suptitle(), figure.get_supxlabel(), len(figure.axes)) == ("", "", 1)
    assert (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()) == ("", "")
    assert {label.get_fontsize() for label in figure.axes[0].get_xticklabels()} == {12}
    assert heatmap(fox, Look(title="Ours, $x_1$")).get_suptitle() == "Ours, $x_1$"


def test_columns_run_as_the_source_is_read(word_map):
    hebrew = word_map(["ראשון", "שני", "שלישי"], ["one", "two"])
    gold = Links.of([(0, 0)])
    figure = heatmap(replace(hebrew, gold=gold))
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["שלישי", "שני", "ראשון", "special"]
    drawn = np.asarray(axes.collections[1].get_array())
    np.testing.assert_array_equal(drawn, hebrew.weights[:, ::-1])
    assert [int(patch.get_x()) for patch in axes.patches if isinstance(patch, Rectangle)] == [2]
    assert "columns run from right to left" in figure.get_supxlabel()


def test_a_row_that_attends_to_nothing_is_told_from_one_without_a_step(fox):
    weights, special = fox.weights.copy(), fox.special.copy()
    weights[1], special[1] = 0, 0
    figure = heatmap(replace(fox, weights=weights, special=special))
    hatches = {patch.get_y(): patch.get_hatch() for patch in figure.axes[0].patches if patch.get_hatch()}
    assert hatches == {3: "////", 1: "..."}
    assert "dotted: attends to nothing, since all that the word may see is masked" in figure.get_supxlabel()


def test_a_difference_has_signs_and_a_scale_about_0(fox):
    other = replace(fox, weights=fox.weights[:, ::-1].copy())
    figure = heatmap(other.minus(fox, ("b", "a")))
    axes, bar = figure.axes
    assert axes.collections[1].get_clim() == (-1, 1)
    assert {"−79", "+79"} <= {text.get_text() for text in axes.texts}
    assert bar.get_ylabel() == "difference"
    assert figure.get_suptitle().replace("\n", " ").startswith("b - a, attention weights")


def test_gold_outlines_tell_sure_from_possible(fox):
    gold = Links.of([(0, 0), (3, 1)], possible=[(1, 2)])
    figure = heatmap(replace(fox, gold=gold))
    axes = figure.axes[0]
    boxes = [patch for patch in axes.patches if isinstance(patch, Rectangle) and not patch.get_hatch()]
    cells = {(int(b.get_x()), int(b.get_y())): b.get_linestyle() for b in boxes}
    assert cells.keys() == gold.possible
    assert cells[0, 0] == cells[3, 1] == "-"
    assert cells[1, 2] != "-"
    assert "gold" in figure.get_supxlabel()


@pytest.mark.parametrize("format", ["png", "svg", "pdf"])
def test_the_same_map_gives_the_same_bytes(fox, format):
    content = render(heatmap(fox), format)
    assert content == render(heatmap(fox), format)
    assert not re.search(rb"CreationDate|<dc:date>", content)


def test_svg_text_is_text_and_pdf_fonts_are_truetype(fox):
    assert {"quick", "renard", "special"} <= set(svg_texts(fox))
    pdf = render(heatmap(fox), "pdf")
    assert b"/FontFile2" in pdf
    assert b"/Type3" not in pdf


def test_hostile_words_stay_words(word_map):
    source = ["$a_1$", "$5", "</svg>", '"&amp;', "مرحبا", "\\frac"]
    assert set(source) <= set(svg_texts(word_map(source, ["%"])))
    assert "a<ESC>b" in svg_texts(word_map(["a\x1bb"], ["c"]))


def test_a_script_without_a_font_is_drawn_all_the_same(word_map):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph|Matplotlib currently does not support")
        assert "नमस्ते" in svg_texts(word_map(["नमस्ते", "王国"], ["salut"]))
        assert render(heatmap(word_map(["नमस्ते"], ["salut"])), "png")


@pytest.mark.parametrize(("sources", "targets"), [(1, 0), (0, 1), (61, 2)])
def test_odd_sizes_are_drawn(word_map, sources, targets):
    assert render(heatmap(word_map(["mot"] * sources, ["word"] * targets)), "png")


def test_settings_stay_as_they_were(fox):
    before = dict(mpl.rcParams)
    render(heatmap(fox), "svg")
    assert dict(mpl.rcParams) == before


def test_heavy_imports_wait_and_pyplot_is_never_loaded():
    code = (
        "import sys, xattn.viewing.formats; print('matplotlib' in sys.modules, 'jax' in sys.modules);"
        "import xattn.viewing.figures; print('matplotlib.pyplot' in sys.modules)"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert output.stdout.split() == ["False"] * 3


def test_length_curve_has_a_line_a_system():
    figure = length_curve(
        ["1-4", "5-8", "9-12"],
        [11, 7, 2],
        {"full": [1.0, 0.9, 0.5], "mean": [0.8, 0.1, float("nan")]},
        metric="exact match",
    )
    (axes,) = figure.axes
    assert [(line.get_label(), np.asarray(line.get_ydata())[:2].tolist()) for line in axes.lines] == [
        ("full", [1.0, 0.9]),
        ("mean", [0.8, 0.1]),
    ]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1-4\nn=11", "5-8\nn=7", "9-12\nn=2"]
    assert axes.get_ylim() == (0, 1)
    assert axes.get_ylabel() == "exact match"
    assert [line.get_marker() for line in axes.lines] == ["o", "s"]
    assert b"exact match" in render(figure, "svg")
    assert length_curve(["1"], [1], {"full": [71.5]}, metric="BLEU").axes[0].get_ylim() == (0, 100)


def test_growth_is_a_straight_line_where_it_is_a_power():
    axes = growth(
        [512, 1024, 2048], {"square": [1.0, 4.0, 16.0], "linear": [1.0, 2.0, 4.0]}, size="n", cost="MiB"
    ).axes[0]
    drawn = {line.get_label(): axes.transData.transform(line.get_xydata()) for line in axes.lines}
    slopes = {name: np.diff(places[:, 1]) / np.diff(places[:, 0]) for name, places in drawn.items()}
    np.testing.assert_allclose(slopes["square"], 2 * slopes["linear"], rtol=1e-6)
    np.testing.assert_allclose(slopes["linear"][0], slopes["linear"][1], rtol=1e-6)
    assert [label.get_text() for label in axes.get_xticklabels()] == ["512", "1024", "2048"]


def test_length_curve_refuses_a_missing_bin():
    with pytest.raises(ValueError, match="2 length bins, but 1 values of 'mean'"):
        length_curve(["1", "2"], [3, 5], {"mean": [0.5]}, metric="exact match")


MAGIC = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF", "html": b"<!doctype html>"}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_shows_the_words_of_the_readout(name):
    attention = AttentionMap(
        weights=np.full((2, 3, 2, 5), 0.2, np.float32),
        source=["_a", "_b", "c", "_d", "</s>"],
        target=["_x", "</s>"],
        source_word_ids=[0, 1, 1, 2, -1],
        target_word_ids=[0, -1],
        source_words=["a", "bc", "d"],
        target_words=["x"],
    )
    picture = FORMATS[name](attention, Readout(layer=1, head=0, convention="read"))
    if isinstance(picture, Heatmap):
        assert name == "terminal"
        assert picture.words.source == ["a", "bc", "d"]
        np.testing.assert_allclose(picture.words.weights, [[0.2, 0.4, 0.2]], rtol=1e-6)
    else:
        assert picture.startswith(MAGIC[name])


def test_norms_are_drawn_by_their_largest(fox):
    norms = replace(fox, weights=7 * fox.weights, special=7 * fox.special, kind="norms")
    figure = heatmap(norms)
    axes = figure.axes[0]
    cells = axes.collections[1].get_array()
    np.testing.assert_allclose(cells, fox.weights, rtol=1e-6)
    texts = [text.get_text() for text in axes.texts]
    assert "83" in texts
    assert "1 is the largest norm, 7" in figure.get_supxlabel()
    title = " ".join(figure.get_suptitle().split())
    assert title == "attention norms, layer 2, heads summed, row convention: produced"


HINDI = (["the", "strawberries"], ["स्ट्रॉबेरियाँ", "नहीं", "खाईं"])


@pytest.mark.skipif("Noto Sans Devanagari" not in font_manager.get_font_names(), reason="no font with Devanagari")
def test_devanagari_is_shaped(word_map):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert render(heatmap(word_map(*HINDI)), "png") != render(heatmap(word_map(["a", "b"], ["c"] * 3)), "png")
    figure = heatmap(word_map(["क्ष", "क\u094d\u200cष"], ["a"]))  # a conjunct, and its letters kept apart
    render(figure, "png")
    joined, apart, _ = [label.get_window_extent().width for label in figure.axes[0].get_xticklabels()]
    assert joined < apart


def test_letters_without_a_font_are_named_once(word_map, monkeypatch):
    monkeypatch.setattr(fonts, "_others", lambda missing: [])
    message = "No installed font has .*: the picture shows boxes. Install such a font .Debian's fonts-noto-core.,"
    with pytest.warns(UserWarning, match=message) as caught:
        render(heatmap(word_map(*HINDI)), "png")
    assert len(caught) == 1
    assert {"स", "न"} <= set(str(caught[0].message).replace(":", " ").split())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        texts = svg_texts(word_map(*HINDI))
    assert set(HINDI[1]) <= set(texts)
