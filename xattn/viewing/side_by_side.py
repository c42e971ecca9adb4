"""Maps side by side, such as self-attention and cross-attention of the same sentence."""

from collections.abc import Mapping

import numpy as np

from xattn.alignment.maps import WordMap
from xattn.viewing.canvas import Figure
from xattn.viewing.direction import as_read
from xattn.viewing.fonts import styled
from xattn.viewing.labels import printable
from xattn.viewing.parts import cells, outline
from xattn.viewing.scales import shading
from xattn.viewing.style import GREY

CELL, GAP = 0.5, 1.5  # inches: the side of a cell, and the space between two maps, for labels


@styled
def beside(maps: Mapping[str, WordMap], notes: str) -> Figure:
    """Heatmaps in a row, in percent, with their names above and `notes` below.

    A separate column shows each row's special mass (pieces outside every word, such as EOS). The names and notes must
    state the layer, head and row convention of each map.
    """
    maps = {name: as_read(words) for name, words in maps.items()}
    widths = [CELL * (words.weights.shape[1] + 1.3) for words in maps.values()]
    heights = [CELL * len(words.weights) for words in maps.values()]
    width, height = sum(widths) + GAP * (len(maps) - 1), max(heights)
    figure = Figure(figsize=(width, height))
    left = 0.0
    for (name, words), own_width, own_height in zip(maps.items(), widths, heights, strict=True):
        rows, columns = words.weights.shape
        axes = figure.add_axes((left / width, 1 - own_height / height, own_width / width, own_height / height))
        axes.spines[:].set_visible(False)
        axes.xaxis.tick_top()
        axes.tick_params(length=0, pad=3)
        axes.set_yticks(np.arange(rows) + 0.5, map(printable, words.target_labels), parse_math=False)
        places = np.append(np.arange(columns), columns + 0.3) + 0.5
        axes.set_xticks(places, [*map(printable, words.source_labels), "special"], parse_math=False)
        axes.get_xticklabels()[-1].set(color=GREY, style="italic", size=7)
        for values, start in [(words.special[:, None], columns + 0.3), (words.weights, 0.0)]:
            span = (start, start + values.shape[1])
            cells(axes, shading(words, "absolute"), values, span=span, numbers=values / words.most)
        if words.gold is not None:
            outline(axes, words.gold)
        axes.set(xlim=(0, columns + 1.3), ylim=(rows, 0))
        axes.set_title(name, loc="left", size=9, weight="bold", pad=8)
        left += own_width + GAP
    figure.text(0, -0.06 / height, notes, va="top", size=7.5, color=GREY, linespacing=1.5)
    return figure
