"""Two graphs side by side, the links between their nodes, and the matrix in gold order."""

from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes

from xattn.alignment.layouts import Graph
from xattn.alignment.links import Links
from xattn.alignment.maps import AttentionMap, Readout, WordMap
from xattn.viewing.canvas import Figure
from xattn.viewing.graph_layout import both_places, partners
from xattn.viewing.labels import printable
from xattn.viewing.layouts.common import gold_of, read, say
from xattn.viewing.look import Look
from xattn.viewing.parts import cells, outline
from xattn.viewing.scales import Shading, shading
from xattn.viewing.style import GREY, INK, LINK, RIGHT, WRONG

_APART = 1.75  # from one graph to the other; a graph is 1 wide
_FAINT = 0.03


def graphs(attention: AttentionMap, readout: Readout, look: Look) -> Figure:
    """The source graph at the left, the query graph at its right, and links as opaque as their weights.

    Gold partners have the same position in both graphs, so right links are horizontal. The matrix beside them has its
    rows in the order of their gold partners, so right cells are on the diagonal.
    """
    words = attention.to_words(readout)
    figure = Figure(figsize=(10.2, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.55, 1))
    scale = shading(words, look.scale)
    _links(left, words, scale, look)
    _matrix(right, words, scale, look)
    notes = [
        "links: as opaque as their weights; the largest weight of each query is drawn bold",
        scale.text,
        *words.meaning,
    ]
    if words.gold is not None:
        notes.append(
            "right: green and solid; wrong: red and dashed; gold partners have the same position in both graphs"
        )
        notes.append("matrix: rows in the order of their gold partners; outlined: gold")
    say(figure, words, notes, look)
    return figure


def _links(axes: Axes, words: WordMap, scale: Shading, look: Look) -> None:
    layout = words.layout
    assert isinstance(layout, Graph), "this is the figure of graphs"
    source, target = both_places(layout, gold_of(words))
    target = target + np.array([_APART, 0])
    most, verdicts = read(words)
    for (t, s), value in np.ndenumerate(scale.shades(words.weights)):
        ends, largest = (source[s], target[t]), s == most[t]
        if value < _FAINT and not (largest and value > 0):
            continue
        style = {"color": LINK, "linewidth": 0.9, "alpha": float(value), "zorder": 1}
        if largest:
            color, dash = {True: (RIGHT, "-"), False: (WRONG, (0, (4, 2))), None: (LINK, "-")}[verdicts[t]]
            style |= {"color": color, "linewidth": 1.8, "linestyle": dash, "alpha": max(float(value), 0.3), "zorder": 2}
        axes.plot(*zip(*ends, strict=True), **style)
    for where, edges, names, side in [
        (source, layout.source_edges, words.source, "source nodes"),
        (target, layout.target_edges, words.target, "queries"),
    ]:
        for a, b in edges:
            axes.plot(*zip(where[a], where[b], strict=True), color=GREY, linewidth=1.1, zorder=3)
        axes.scatter(*where.T, s=210, color="white", edgecolor=INK, linewidth=0.9, zorder=4)
        for (x, y), name in zip(where.tolist(), map(printable, names), strict=True):
            size = look.points(7.5 if len(name) < 4 else 5.5)
            axes.text(x, y, name, size=size, ha="center", va="center", zorder=5, parse_math=False)
        middle = where[:, 0].mean() if len(where) else 0.0
        axes.text(middle, 1.13, side, size=look.points(8), color=GREY, ha="center", va="center")
    axes.set(xlim=(-0.1, _APART + 1.1), ylim=(-0.1, 1.2))
    axes.set_axis_off()


def _matrix(axes: Axes, words: WordMap, scale: Shading, look: Look) -> None:
    """The weights, with rows in the order of their gold partners, then rows without a partner."""
    gold = gold_of(words)
    partner = partners(gold)
    order = sorted(range(len(words.target)), key=lambda t: (partner[t] if t in partner else len(words.source), t))
    values = words.weights[order]
    scale = replace(scale, most=scale.most[order]) if scale.name == "row" else scale
    cells(axes, scale, values, numbers=values / words.most if max(values.shape) <= 10 else None)
    outline(axes, Links.from_matrix(gold[order]))
    axes.set(xlim=(0, len(words.source) or 1), ylim=(len(order) or 1, 0), aspect="equal")
    axes.spines[:].set_visible(False)
    axes.xaxis.tick_top()
    axes.tick_params(length=0, pad=2)
    size = look.points(7 if len(order) <= 20 else 5)
    names = [printable(words.target[t]) for t in order]
    axes.set_yticks(np.arange(len(order)) + 0.5, names, parse_math=False, size=size)
    names = list(map(printable, words.source))
    turn = 90 if max(map(len, names), default=0) > 2 else 0
    axes.set_xticks(np.arange(len(names)) + 0.5, names, parse_math=False, size=size, rotation=turn)
    axes.set_xlabel("source nodes", size=look.points(8), color=GREY)
    axes.set_ylabel("queries", size=look.points(8), color=GREY)
