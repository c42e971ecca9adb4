"""Figures of a map by what its positions are: one file a layout, and `picture`, which finds it."""

from collections.abc import Callable

import matplotlib as mpl
from matplotlib.figure import Figure

from xattn.alignment.maps import AttentionMap, Readout
from xattn.viewing.figures import heatmap
from xattn.viewing.layouts.graph import graphs
from xattn.viewing.layouts.grid import grid
from xattn.viewing.layouts.slots import slots
from xattn.viewing.layouts.time import time
from xattn.viewing.style import STYLE

PICTURES: dict[str, Callable[[AttentionMap, Readout], Figure]] = {
    "words": lambda attention, readout: heatmap(attention.to_words(readout)),
    "grid": grid,
    "time": time,
    "graph": graphs,
    "slots": slots,
}


@mpl.rc_context(rc=STYLE)
def picture(attention: AttentionMap, readout: Readout) -> Figure:
    """What a map shows, drawn over what its positions are: a heatmap of words, two graphs, a column of slots, ...

    Every picture says its readout, and marks gold where the map has some: what is read from a row, its largest weight,
    is right (solid, or a disc) or wrong (dashed, or a cross).
    """
    return PICTURES[attention.layout.name](attention, readout)
