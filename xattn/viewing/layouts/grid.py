"""A picture, or blank cells, once per query, with the query's attention drawn over it."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb

from xattn.alignment.layouts import Grid
from xattn.alignment.maps import AttentionMap, Readout
from xattn.viewing.canvas import Figure
from xattn.viewing.labels import printable
from xattn.viewing.layouts.common import gold_of, mark, queries, read, say
from xattn.viewing.look import Look
from xattn.viewing.scales import shading
from xattn.viewing.style import GOLD, GREY, INK, LIGHT, LINK

_ACROSS = 4  # panels in a row
_WIDE = 1.9  # inches, of a panel


def grid(attention: AttentionMap, readout: Readout, look: Look) -> Figure:
    """A panel per query: the dimmed picture, with each cell lit in proportion to its weight.

    Cells are drawn without interpolation, because the model knows no smaller positions. The brightest cell has the
    panel's largest weight, which is printed below the panel. Gold cells are framed, and a disc or a cross marks the
    largest weight.
    """
    words = attention.to_words(readout)
    layout = words.layout
    assert isinstance(layout, Grid), "this is the figure of grids"
    shown, notes = queries(words)
    gold, (most, verdicts) = gold_of(words), read(words)
    across = min(len(shown), _ACROSS) or 1
    down = -(-len(shown) // across) or 1
    tall = float(np.clip(_WIDE * layout.rows / layout.columns, 0.6, 3.2))
    figure = Figure(figsize=(across * (_WIDE + 0.15), down * (tall + 0.35) + 1), layout="constrained")
    panels = figure.subplots(down, across, squeeze=False).ravel()
    for axes in panels[len(shown) :]:
        axes.set_axis_off()
    color = to_rgb(LINK if layout.picture is None else LIGHT)
    tint = LinearSegmentedColormap.from_list("tint", [(*color, 0.0), (*color, 0.8)])
    scale = shading(words, look.scale or "row")
    shades_TS = scale.shades(words.weights)
    for axes, t in zip(panels, shown, strict=False):
        shades, weights = (each[t].reshape(layout.rows, layout.columns) for each in (shades_TS, words.weights))
        _frame(axes, layout)
        largest = float(weights.max())
        box = (0, layout.columns, layout.rows, 0)
        axes.imshow(shades, cmap=tint, vmin=0, vmax=1, extent=box, interpolation="nearest", zorder=2)
        _border(axes, gold[t].reshape(layout.rows, layout.columns))
        row, column = divmod(int(most[t]), layout.columns)
        if largest > 0:
            mark(axes, column + 0.5, row + 0.5, verdicts[t], size=46.0)
        axes.set_title(printable(words.target_labels[t]), size=look.points(9), color=INK, parse_math=False, pad=3)
        axes.set_xlabel(f"at most {largest:.2f}", size=look.points(7), color=GREY, labelpad=2)
    what = "bluer" if layout.picture is None else "lighter"
    notes = [
        *(each.replace("a row", "a panel") for each in words.meaning),
        f"the {what} a cell, the larger its weight; {scale.text}".replace("each row", "each panel"),
        *notes,
    ]
    if gold.any():
        notes.append("framed: gold; disc: the largest weight is on gold; cross: it is not")
    else:
        notes.append("disc: the largest weight")
    say(figure, words, notes, look)
    return figure


def _frame(axes: Axes, layout: Grid) -> None:
    axes.set(xlim=(0, layout.columns), ylim=(layout.rows, 0), xticks=[], yticks=[])
    axes.spines[:].set_color("#cccccc")
    if layout.picture is not None:
        box, dim = (0, layout.columns, layout.rows, 0), layout.picture / (2 * 255)
        rgb = dim if dim.ndim == 3 else np.repeat(dim[..., None], 3, axis=2)
        axes.imshow(rgb, extent=box, interpolation="nearest", aspect="equal", zorder=1)
    else:
        lines = {"color": "#dddddd", "linewidth": 0.6, "zorder": 3}
        axes.hlines(np.arange(1, layout.rows), 0, layout.columns, **lines)
        axes.vlines(np.arange(1, layout.columns), 0, layout.rows, **lines)


def _border(axes: Axes, mask: np.ndarray) -> None:
    """Draws lines around the cells of a mask, gold on white, so that they are visible on any picture."""
    inside = np.pad(mask, 1)
    lines = []
    for row, column in np.argwhere(inside[1:, :] != inside[:-1, :]):
        lines.append(((column - 1, column), (row, row)))
    for row, column in np.argwhere(inside[:, 1:] != inside[:, :-1]):
        lines.append(((column, column), (row - 1, row)))
    for color, width in (("white", 3.2), (GOLD, 1.7)):
        for x, y in lines:
            axes.plot(x, y, color=color, linewidth=width, solid_capstyle="round", zorder=4, clip_on=False)
