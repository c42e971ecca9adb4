"""Figures of maps: one file per layout, and `picture`, which selects it."""

from collections.abc import Callable

from xattn.alignment.maps import AttentionMap, Readout
from xattn.viewing.canvas import Figure
from xattn.viewing.figures import heatmap
from xattn.viewing.fonts import styled
from xattn.viewing.heads import heads
from xattn.viewing.layouts.cells import cells
from xattn.viewing.layouts.graph import graphs
from xattn.viewing.layouts.grid import grid
from xattn.viewing.layouts.slots import slots
from xattn.viewing.layouts.text import words
from xattn.viewing.layouts.time import time
from xattn.viewing.lines import lines
from xattn.viewing.look import DEFAULT, Look
from xattn.viewing.parts import fitted

PICTURES: dict[str, Callable[[AttentionMap, Readout, Look], Figure]] = {
    "words": words,
    "grid": grid,
    "cells": cells,
    "time": time,
    "graph": graphs,
    "slots": slots,
}


def picture(attention: AttentionMap, readout: Readout, look: Look = DEFAULT) -> Figure:
    """The figure of a map for its layout: a heatmap of words, two graphs, a column of slots, ...

    `look` may ask for another picture of the map. Every figure states its readout. Where the map has gold links, the
    largest weight of a row is marked as right (solid, or a disc) or wrong (dashed, or a cross).
    """
    match look.picture:
        case "heatmap":
            return heatmap(attention.to_words(readout), look)
        case "lines":
            return lines(attention.to_words(readout), look)
        case "heads":
            return heads(attention, readout, look)
        case None:
            return _of_layout(attention, readout, look)


def _of_layout(attention: AttentionMap, readout: Readout, look: Look) -> Figure:
    draw = styled(PICTURES[attention.layout.name])
    figure = draw(attention, readout, look)
    if look.width is None or attention.layout.name == "words":  # words have their width already
        return figure
    wide, tall = figure.get_size_inches()

    def make(inches: float, look: Look) -> Figure:
        figure = draw(attention, readout, look)
        figure.set_size_inches(inches, tall * inches / wide)
        return figure

    return fitted(make, look.width, look)
