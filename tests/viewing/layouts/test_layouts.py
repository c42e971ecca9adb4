"""The figures of all layouts: what is drawn and where, titles and notes."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from xattn.alignment.layouts import LAYOUTS, Cells, Graph, Grid, Slots, Time, WordLayout
from xattn.alignment.links import Links
from xattn.alignment.maps import AttentionMap, Readout
from xattn.viewing.figures import render
from xattn.viewing.formats import FORMATS
from xattn.viewing.graph_layout import places
from xattn.viewing.layouts import PICTURES, picture
from xattn.viewing.layouts.cells import changes
from xattn.viewing.layouts.common import MOST
from xattn.viewing.style import RIGHT, WORDS, WRONG
from xattn.viewing.terminal import Heatmap

READOUT = Readout(layer=1, head=0, convention="produced")
TITLE = "attention weights, layer 1, head 0"
MARKS = {RIGHT: "right", WRONG: "wrong"}


@pytest.fixture
def attend():
    """Makes three queries over six positions: query t attends most to position 2t + 1, two of which are gold."""

    def make(layout, *, gold: bool = True, queries: int = 3) -> AttentionMap:
        weights = np.random.default_rng(2).dirichlet(np.ones(6), (2, 2, queries)).astype(np.float32)
        weights[:, :, range(queries), 2 * np.arange(queries) % 6 + 1] += 1
        return AttentionMap(
            weights=weights / 2,
            source=[f"s{n}" for n in range(6)],
            target=[f"t{n}" for n in range(queries)],
            source_word_ids=range(6),
            target_word_ids=range(queries),
            source_words=[f"s{n}" for n in range(6)],
            target_words=[f"t{n}" for n in range(queries)],
            gold=Links.of([(1, 0), (2, 1), (3, 1), (0, 2)]) if gold else None,
            layout=layout,
        )

    return make


GRAPH = Graph(source_edges=[(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)], target_edges=[(0, 1), (2, 1)])
MADE = {
    "words": WordLayout(),
    "grid": Grid(rows=2, columns=3, picture=np.arange(5 * 7, dtype=np.uint8).reshape(5, 7)),
    "cells": Cells(rows=1, columns=3, picture=np.full((4, 12, 3), 255, np.uint8)),
    "time": Time(seconds=0.5 * np.arange(6), signal=np.eye(11, 7, dtype=np.float32)),
    "graph": GRAPH,
    "slots": Slots(),
}


def marks(axes) -> list[tuple[list[float], str]]:
    """Discs and crosses of a panel: their positions and verdicts."""
    found = [each for each in axes.collections if isinstance(each, PathCollection)]
    colors = [to_hex(np.asarray(each.get_facecolor())[0]) for each in found]
    places = [np.asarray(each.get_offsets())[0].tolist() for each in found]
    return [(place, MARKS[color]) for place, color in zip(places, colors, strict=True)]


def notes(figure) -> str:
    return figure.get_supxlabel()


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_has_a_picture_that_states_its_readout(attend, name):
    assert set(PICTURES) == set(LAYOUTS) == set(MADE)
    figure = picture(attend(MADE[name]), READOUT)
    title = figure.get_suptitle()
    # Only words are a text here; elsewhere "produced" means nothing, and only the other convention is stated.
    assert title == (f"{TITLE}, row convention: produced" if name == "words" else TITLE)
    svg = render(figure, "svg")
    assert (b"row convention" in svg, b"decoder step" in svg) == (name == "words",) * 2
    read = picture(attend(MADE[name]), replace(READOUT, convention="read"))
    svg = render(read, "svg")
    assert (b"row convention: read" in svg, b"has just read the word" in svg) == (True, True)
    assert FORMATS["png"](attend(MADE[name]), READOUT) == FORMATS["png"](attend(MADE[name]), READOUT)
    assert isinstance(FORMATS["terminal"](attend(MADE[name]), READOUT), Heatmap)
    # There is a picture without gold, without attention and without queries too.
    assert render(picture(attend(MADE[name], gold=False), READOUT), "png")
    if name != "cells":  # whose queries are cells
        nothing = attend(replace(MADE[name], target_edges=[]) if name == "graph" else MADE[name], gold=False, queries=0)
        assert render(picture(nothing, READOUT), "png")
    unseeing = replace(attend(MADE[name]), weights=np.zeros((2, 2, 3, 6), np.float32))
    assert render(picture(unseeing, READOUT), "png")


def test_slots_have_a_bar_a_layer_for_each_query_and_gold_is_shaded(attend):
    attention = attend(Slots())
    figure = picture(attention, READOUT)
    assert [axes.get_title() for axes in figure.axes] == ["t0", "t1", "t2"]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == attention.source_words
    for t, axes in enumerate(figure.axes):
        shaded, bars = [p for p in axes.patches if p.get_alpha()], [p for p in axes.patches if not p.get_alpha()]
        drawn = np.array([bar.get_width() for bar in bars if isinstance(bar, Rectangle)]).reshape(2, 6)
        np.testing.assert_allclose(drawn, attention.weights[:, 0, t], rtol=1e-6)
        gold = sorted(s for s, to in attention.gold.possible if to == t)
        assert [p.get_y() + 0.5 for p in shaded if isinstance(p, Rectangle)] == gold
        ((place, said),) = marks(axes)
        assert place[0] == pytest.approx(attention.weights[1, 0, t, 2 * t + 1])
        assert round(place[1]) == 2 * t + 1
        assert said == ("right" if t < 2 else "wrong")
    assert {text.get_text() for text in figure.legends[0].get_texts()} == {"layer 0", "layer 1"}
    assert "head 0" in notes(figure)


def test_only_so_many_queries_have_a_panel_and_it_is_said(attend):
    figure = picture(attend(Slots(), gold=False, queries=11), READOUT)
    assert len(figure.axes) == MOST
    assert f"{MOST} of 11 queries are shown" in notes(figure)
    figure = picture(replace(attend(Slots()), gold=Links.of([(1, 2)])), READOUT)
    assert [axes.get_title() for axes in figure.axes] == ["t2"]  # the one that has gold


def test_graphs_are_linked_as_strongly_as_they_look_and_gold_is_level(attend):
    attention = attend(GRAPH)
    links, matrix = picture(attention, READOUT).axes
    lines = [line for line in links.lines if to_hex(line.get_color()) in MARKS]
    assert [(MARKS[to_hex(line.get_color())], line.get_linestyle()) for line in lines] == [
        ("right", "-"),
        ("right", "-"),
        ("wrong", "--"),
    ]
    for t, line in enumerate(lines):
        assert line.get_alpha() == pytest.approx(max(0.3, attention.weights[1, 0, t, 2 * t + 1]))
    level = np.ptp(np.asarray(lines[0].get_ydata(), float))
    assert (level, np.ptp(np.asarray(lines[2].get_ydata(), float)) > 0.1) == (0, True)
    assert len([line for line in links.lines if line.get_zorder() == 3]) == 5 + 2  # edges
    assert {"s0", "t2", "queries", "source nodes"} <= {text.get_text() for text in links.texts}
    # Gold of t0, t1 and t2 are s1, s2 (or s3) and s0: in the order of the sources t2 comes first.
    assert [label.get_text() for label in matrix.get_yticklabels()] == ["t2", "t0", "t1"]
    (mesh,) = matrix.collections
    np.testing.assert_allclose(np.ravel(mesh.get_array()), attention.weights[1, 0][[2, 0, 1]].ravel(), rtol=1e-6)
    framed = {(int(box.get_x()), int(box.get_y())) for box in matrix.patches if isinstance(box, Rectangle)}
    assert framed == {(0, 0), (1, 1), (2, 2), (3, 2)}


def test_nodes_stand_apart_as_their_paths_are_long():
    """A path is drawn as a line; kept nodes stay at their positions; the result is deterministic."""
    path = places(7, [(n, n + 1) for n in range(6)])
    np.testing.assert_array_equal(path, places(7, [(n, n + 1) for n in range(6)]))
    steps = np.diff(path, axis=0)
    np.testing.assert_allclose(abs(steps[:, 1]), 1 / 6, atol=0.03)  # upright, and one step from the next
    assert abs(steps[:, 1].sum()) == pytest.approx(1)
    ring = places(4, [(0, 1), (1, 2), (2, 3), (3, 0)])
    apart = np.linalg.norm(ring[:, None] - ring[None], axis=-1)
    assert min(apart[0, 2], apart[1, 3]) > max(apart[0, 1], apart[1, 2])
    for nodes, edges in [(0, []), (1, []), (2, []), (5, []), (8, [(0, n) for n in range(1, 8)])]:
        found = places(nodes, edges)
        assert found.shape == (nodes, 2)
        assert ((found >= 0) & (found <= 1)).all()
        apart = np.linalg.norm(found[:, None] - found[None], axis=-1) + np.eye(nodes)
        assert apart.min(initial=1) > 0.05
    np.testing.assert_array_equal(places(3, [(0, 1)], {1: np.array([0.25, 0.75])})[1], [0.25, 0.75])


@pytest.mark.parametrize("coloured", [False, True])
def test_a_grid_has_a_picture_for_each_query_under_its_weights(attend, coloured):
    image = np.random.default_rng(1).integers(0, 256, (5, 7, 3) if coloured else (5, 7), np.uint8)
    attention = attend(Grid(rows=2, columns=3, picture=image))
    figure = picture(attention, READOUT)
    panels = figure.axes[:3]
    assert [axes.get_title() for axes in panels] == ["t0", "t1", "t2"]
    for t, axes in enumerate(panels):
        below, over = axes.images
        # Dimmed to half, and stretched over all cells.
        expected = image / 510 if coloured else np.repeat(image[..., None] / 510, 3, axis=2)
        np.testing.assert_allclose(np.asarray(below.get_array()), expected, atol=1e-6)
        assert list(below.get_extent()) == list(over.get_extent()) == [0, 3, 2, 0]
        seen = attention.weights[1, 0, t].reshape(2, 3)
        np.testing.assert_allclose(np.asarray(over.get_array()), seen / seen.max(), rtol=1e-6)
        assert over.get_interpolation() == "nearest"
        place = 2 * t + 1
        assert marks(axes) == [([place % 3 + 0.5, place // 3 + 0.5], "right" if t < 2 else "wrong")]
        assert axes.get_xlabel() == f"at most {attention.weights[1, 0, t].max():.2f}"
    # The gold of t1 is cells 2 and 3, at two corners: four borders each, drawn white and over it in colour.
    assert len(panels[1].lines) == 2 * 8
    drawn = {tuple(map(tuple, line.get_xydata().astype(int).tolist())) for line in panels[1].lines}
    assert ((2, 0), (3, 0)) in drawn  # above cell 2
    assert ((0, 1), (0, 2)) in drawn  # left of cell 3
    assert "framed: gold" in notes(figure)


def test_blank_cells_are_divided_by_lines(attend):
    axes = picture(attend(Grid(rows=2, columns=3)), READOUT).axes[0]
    (over,) = axes.images
    assert np.asarray(over.get_array()).shape == (2, 3)
    assert [len(each.get_segments()) for each in axes.collections if hasattr(each, "get_segments")] == [1, 2]


def test_a_made_picture_has_the_colours_of_its_words(attend):
    image = np.full((4, 12, 3), 255, np.uint8)
    image[:, 5] = 7
    attention = attend(Cells(rows=1, columns=3, picture=image))
    made, sentence = picture(attention, READOUT).axes
    tints = [box for box in made.patches if isinstance(box, Rectangle)]
    assert [(box.get_x(), box.get_y()) for box in tints] == [(0, 0), (1, 0), (2, 0)]
    for t, box in enumerate(tints):
        word = 2 * t + 1
        assert to_hex(box.get_facecolor()) == to_hex(WORDS(word / 5))
        assert box.get_alpha() is None
        assert box.get_facecolor()[3] == pytest.approx(attention.weights[1, 0, t, word])
    # The picture lies over the tints, with its white see-through.
    (over,) = made.images
    assert (np.asarray(over.get_array())[..., 3] > 0).sum() == 4
    assert [text.get_text() for text in made.texts] == ["s1", "s3", "s5"]
    assert [said for _, said in marks(made)] == ["right", "right", "wrong"]
    # In the sentence, the words that were read have their colours.
    colors = [to_hex(box.get_facecolor()) for box in sentence.patches]
    assert colors == [to_hex(WORDS(word / 5)) for word in (1, 3, 5)]
    assert [text.get_text() for text in sentence.texts] == attention.source_words


def test_what_one_word_changes_is_framed(attend):
    before = attend(Cells(rows=1, columns=3))
    after = replace(before, source_words=["s0", "s9", *before.source_words[2:]], target_words=["t0", "t1", "t9"])
    figure = changes(before, after, READOUT)
    (one, other, *sentences) = figure.axes
    for axes, framed in [(one, [(2, 0)]), (other, [(2, 0)])]:
        assert [box.get_xy() for box in axes.patches if not box.get_fill()] == framed
    for axes in sentences:
        assert sum(not box.get_fill() for box in axes.patches) == 1
    assert "framed: what differs" in notes(figure)


def test_time_has_one_axis_for_what_is_heard_and_what_is_looked_at(attend):
    seconds, signal = np.array([0.0, 0.5, 1, 2, 3, 3.5]), np.random.default_rng(0).normal(size=(13, 7))
    attention = attend(Time(seconds=seconds, signal=signal))
    figure = picture(attention, READOUT)
    above, below = figure.axes
    assert above.get_xlim() == below.get_xlim() == (0, 4)
    np.testing.assert_array_equal(np.ravel(above.collections[0].get_array()), signal.T.ravel())  # low bands below
    seen = attention.weights[1, 0].ravel()
    np.testing.assert_allclose(np.ravel(below.collections[0].get_array()), seen / seen.max(), rtol=1e-6)
    assert [label.get_text() for label in below.get_yticklabels()] == ["t0", "t1", "t2"]
    boxes = [box for box in below.patches if isinstance(box, Rectangle)]
    assert [(box.get_x(), box.get_x() + box.get_width(), int(box.get_y())) for box in boxes] == [
        (0.5, 1, 0),
        (1, 3, 1),
        (0, 0.5, 2),
    ]
    assert marks(below) == [([0.75, 0.5], "right"), ([2.5, 1.5], "right"), ([3.75, 2.5], "wrong")]
    assert below.get_xlabel() == "seconds"
    # Above, a word stands between the lines where its gold begins and ends.
    lines = [sorted(line[0][0] for line in each.get_segments()) for each in above.collections[1:]]
    assert lines == [[0.5, 1], [1, 3], [0, 0.5]]
    assert [(text.get_text(), text.get_position()[0]) for text in above.texts] == [
        ("t0", 0.75),
        ("t1", 2),
        ("t2", 0.25),
    ]


def test_few_bands_are_lines_and_without_a_signal_there_is_only_attention(attend):
    traces = picture(attend(Time(seconds=np.arange(6.0), signal=np.ones((11, 2)))), READOUT).axes[0]
    assert [len(np.asarray(line.get_xdata())) for line in traces.lines] == [11, 11]
    assert len(picture(attend(Time(seconds=np.arange(6.0))), READOUT).axes) == 1
