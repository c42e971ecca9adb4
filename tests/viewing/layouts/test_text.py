"""Running text, and maps side by side."""

from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.patches import Rectangle

from xattn.alignment.layouts import WordLayout
from xattn.alignment.links import Links
from xattn.alignment.map_files import load_maps, save_maps
from xattn.alignment.maps import AttentionMap, Readout
from xattn.viewing.figures import render
from xattn.viewing.layouts import picture
from xattn.viewing.side_by_side import beside
from xattn.viewing.style import INK, RIGHT, WRONG

READOUT = Readout(layer=0, head=0, convention="produced")
SOURCE, TARGET = ["db-1", "$failed$", ".", "web-2", "rests", "."], ["web-2", "rests", "and"]


@pytest.fixture
def report():
    weights = np.array([[0.1, 0, 0, 0.8, 0, 0.1], [0.6, 0.3, 0, 0, 0.1, 0], [0.5, 0, 0, 0.5, 0, 0]], np.float32)
    return AttentionMap(
        weights=weights[None, None],
        source=SOURCE,
        target=TARGET,
        source_word_ids=range(6),
        target_word_ids=range(3),
        source_words=SOURCE,
        target_words=TARGET,
        gold=Links.of([(3, 0), (4, 1)]),
        layout=WordLayout(lines=[0, 3]),
    )


def test_words_are_tinted_by_all_their_attention(report):
    figure = picture(report, READOUT)
    axes = figure.axes[0]
    written = {each.get_text(): each for each in axes.texts}
    assert [each.get_text() for each in axes.texts] == [*SOURCE, *TARGET]
    assert written["db-1"].get_position()[1] < axes.texts[3].get_position()[1]  # its line is above
    boxes = [each for each in axes.patches if isinstance(each, Rectangle)]
    total = report.weights[0, 0].sum(axis=0)
    for box, share in zip(boxes, total / total.max(), strict=True):
        np.testing.assert_allclose(box.get_facecolor(), mpl.colormaps["Blues"](float(share)), atol=1e-6)
    starts = [np.asarray(line.get_xdata())[0] for line in axes.lines[:2]]  # the last line parts text and target
    assert starts == [axes.texts[place].get_position()[0] for place in (3, 4)]
    assert [each.get_color() for each in axes.texts[6:]] == [RIGHT, WRONG, INK]
    assert "the darkest word has 1.30 of 3" in figure.get_supxlabel()
    assert render(figure, "png") == render(picture(report, READOUT), "png")


def test_long_lines_go_on_below_and_a_text_may_be_without_gold_or_words_of_its_own(report):
    long = ["word"] * 60
    wide = replace(
        report,
        weights=np.full((1, 1, 3, 60), 1 / 60, np.float32),
        source=long,
        source_words=long,
        source_word_ids=range(60),
        gold=None,
        layout=WordLayout(lines=[]),
    )
    axes = picture(wide, READOUT).axes[0]
    places = [each.get_position() for each in axes.texts[:60]]
    assert len({y for _, y in places}) > 2
    assert max(x for x, _ in places) < axes.get_xlim()[1]
    nothing = replace(wide, weights=wide.weights[:, :, :0], target=[], target_words=[], target_word_ids=[])
    assert render(picture(nothing, READOUT), "png").startswith(b"\x89PNG")


def test_lines_are_checked_and_kept_in_files(report, tmp_path):
    with pytest.raises(ValueError, match="A line cannot begin at 6: the map has 6 source positions"):
        replace(report, layout=WordLayout(lines=[0, 6]))
    save_maps(tmp_path / "maps.json", [report])
    assert load_maps(tmp_path / "maps.json")[0].layout == report.layout


def test_maps_stand_beside_each_other(fox, word_map):
    figure = beside({"self": word_map(["we", "are"], ["we", "are"]), "cross": fox}, "rows are words")
    one, other = figure.axes
    assert [each.get_title(loc="left") for each in (one, other)] == ["self", "cross"]
    assert [each.get_text() for each in other.get_xticklabels()] == ["the", "quick", "brown", "fox", "special"]
    assert "86" in [each.get_text() for each in other.texts]
    assert one.get_position().x1 < other.get_position().x0
    assert render(figure, "png").startswith(b"\x89PNG")
