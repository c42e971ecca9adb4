"""Figures of maps: one file per layout, and `picture`, which selects it."""

from collections.abc import Callable

from matplotlib.figure import Figure

from xattn.alignment.maps import AttentionMap, Readout
from xattn.viewing.fonts import styled
from xattn.viewing.layouts.graph import graphs
from xattn.viewing.layouts.grid import grid
from xattn.viewing.layouts.slots import slots
from xattn.viewing.layouts.text import words
from xattn.viewing.layouts.time import time
from xattn.viewing.look import DEFAULT, Look

PICTURES: dict[str, Callable[[AttentionMap, Readout, Look], Figure]] = {
    "words": words,
    "grid": grid,
    "time": time,
    "graph": graphs,
    "slots": slots,
}


@styled
def picture(attention: AttentionMap, readout: Readout, look: Look = DEFAULT) -> Figure:
    """The figure of a map for its layout: a heatmap of words, two graphs, a column of slots, ...

    Every figure states its readout. Where the map has gold links, the largest weight of a row is marked as right
    (solid, or a disc) or wrong (dashed, or a cross).
    """
    return PICTURES[attention.layout.name](attention, readout, look)
