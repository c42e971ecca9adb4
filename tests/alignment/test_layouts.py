"""Layouts: what the positions of a map are, and which layouts do not fit it."""

from dataclasses import replace

import numpy as np
import pytest

from xattn.alignment.layouts import Cells, Graph, Grid, Slots, Time, WordLayout
from xattn.alignment.maps import AttentionMap, Readout


def attend(layout) -> AttentionMap:
    """Five queries over six positions."""
    return AttentionMap(
        weights=np.full((1, 1, 5, 6), 1 / 6, np.float32),
        source=list("abcdef"),
        target=list("vwxyz"),
        source_word_ids=range(6),
        target_word_ids=range(5),
        source_words=list("abcdef"),
        target_words=list("vwxyz"),
        layout=layout,
    )


@pytest.mark.parametrize(
    "layout",
    [
        WordLayout(),
        Slots(),
        Grid(rows=2, columns=3),
        Cells(rows=1, columns=5),
        Time(seconds=np.arange(6.0)),
        Graph(source_edges=[(5, 0)], target_edges=[(4, 1)]),
    ],
    ids=lambda layout: layout.name,
)
def test_a_layout_of_the_size_of_a_map_goes_with_it(layout):
    assert attend(layout).to_words(Readout(layer=0, head=0, convention="produced")).layout is layout


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Grid(rows=2, columns=2), "A grid of 2 x 2 has 4 cells, but the map has 6 source positions"),
        (lambda: Cells(rows=2, columns=3), "A grid of 2 x 3 has 6 cells, but the map has 5 queries"),
        (lambda: Grid(rows=0, columns=2), "must have rows and columns, not 0 x 2"),
        (lambda: Grid(rows=2, columns=3, picture=np.zeros((5, 7))), r"is uint8 .*, not float64 \[5, 7\]"),
        (lambda: Time(seconds=np.arange(5.0)), "There are 5 seconds, but the map has 6 source positions"),
        (lambda: Time(seconds=np.array([0.0, 2, 1])), "each later than the one before"),
        (lambda: Time(seconds=np.arange(6.0), signal=np.full((2, 3), np.nan)), "A signal must be finite"),
        (lambda: Time(seconds=np.arange(6.0), sound=np.zeros(3, np.int16)), r"int16 \[samples\], with a rate .* at 0"),
        (lambda: Time(seconds=np.arange(6.0), sound=np.zeros(3), rate=8000), "not float64"),
        (
            lambda: Graph(source_edges=[(0, 6)], target_edges=[]),
            "The source edge 0-6 is not a pair of nodes: .* has 6",
        ),
        (
            lambda: Graph(source_edges=[], target_edges=[(5, 0)]),
            "The target edge 5-0 is not a pair of nodes: .* has 5",
        ),
    ],
)
def test_what_does_not_fit_is_explained(make, message):
    with pytest.raises(ValueError, match=message):
        attend(make())


def test_positions_of_pictures_are_no_parts_of_words():
    pieces = {"source": list("abcdefg"), "source_word_ids": [*range(6), -1]}
    longer = replace(attend(WordLayout()), weights=np.ones((1, 1, 5, 7), np.float32), **pieces)
    with pytest.raises(ValueError, match="With the layout 'slots' every source piece must be a word of its own"):
        replace(longer, layout=Slots())


def test_a_moment_lasts_until_the_next_and_the_last_as_long_as_the_one_before():
    np.testing.assert_array_equal(Time(seconds=np.array([0.5, 1.0, 3.0])).edges, [0.5, 1, 3, 5])
    np.testing.assert_array_equal(Time(seconds=np.array([0.5])).edges, [0.5, 1.5])


def test_the_white_of_a_made_picture_is_see_through():
    made = Cells(rows=1, columns=2, picture=np.array([[255, 254]], np.uint8))
    np.testing.assert_array_equal(made.rgba, [[[255, 255, 255, 0], [254, 254, 254, 255]]])
    assert Cells(rows=1, columns=2).rgba is None
