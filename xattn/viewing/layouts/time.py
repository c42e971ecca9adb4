"""A signal, and below it the attention of each word, on one time axis."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from xattn.alignment.layouts import Time
from xattn.alignment.maps import AttentionMap, Readout, WordMap
from xattn.viewing.canvas import Figure
from xattn.viewing.labels import printable
from xattn.viewing.layouts.common import gold_of, mark, read, say
from xattn.viewing.look import Look
from xattn.viewing.scales import shading
from xattn.viewing.style import GOLD, GREY, LINES


def time(attention: AttentionMap, readout: Readout, look: Look) -> Figure:
    """The signal, if there is one, above the weights: one row per word, one column per moment, gold intervals framed.

    A disc marks a row's largest weight inside a gold interval, a cross one outside.
    """
    words = attention.to_words(readout)
    layout = words.layout
    assert isinstance(layout, Time), "this is the figure of moments"
    rows, edges = len(words.target), layout.edges
    tall = float(np.clip(0.3 * rows, 0.6, 7))
    heights = [tall] if layout.signal is None else [1.5, tall]
    figure = Figure(figsize=(7.2, sum(heights) + 1.3), layout="constrained")
    panels = figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    gold, (most, verdicts) = gold_of(words), read(words)
    if layout.signal is not None:
        _signal(panels[0], layout)
        _boundaries(panels[0], words, gold, look)
    axes, scale = panels[-1], shading(words, look.scale or "map")
    axes.pcolormesh(
        edges, np.arange(rows + 1), scale.shades(words.weights), cmap="Blues", vmin=0, vmax=1, rasterized=True
    )
    middles = (edges[1:] + edges[:-1]) / 2
    for t in range(rows):
        for begin, end in runs(gold[t]):
            corner, width = (edges[begin], t + 0.08), edges[end] - edges[begin]
            axes.add_patch(Rectangle(corner, width, 0.84, fill=False, edgecolor=GOLD, lw=1.4, zorder=3))
        if words.weights[t].any():
            mark(axes, float(middles[most[t]]), t + 0.5, verdicts[t])
    axes.set(xlim=(edges[0], edges[-1]), ylim=(max(rows, 1), 0))
    axes.set_xlabel("seconds", size=look.points(8), color=GREY, loc="right")
    axes.tick_params(axis="x", labelsize=look.points(8))
    axes.set_yticks(np.arange(rows) + 0.5, map(printable, words.target_labels), parse_math=False, size=look.font_size)
    axes.tick_params(axis="y", length=0)
    axes.hlines(np.arange(1, rows), edges[0], edges[-1], color="#e5e5e5", linewidth=0.6, zorder=2)
    axes.spines[["top", "right", "left"]].set_visible(False)
    notes = [*words.meaning, f"the darker, the larger the weight; {scale.text}"]
    if gold.any():
        notes.append("framed: gold; disc: the largest weight of the row is inside; cross: it is not")
    else:
        notes.append("disc: the largest weight of the row")
    say(figure, words, notes, look)
    return figure


def runs(mask: np.ndarray) -> list[tuple[int, int]]:
    """The runs of True: the index of the first element, and the index after the last.

    >>> runs(np.array([True, False, True, True]))
    [(0, 1), (2, 4)]
    """
    change = np.flatnonzero(np.diff(np.pad(mask.astype(int), 1)))
    return [(int(begin), int(end)) for begin, end in change.reshape(-1, 2)]


def _boundaries(axes: Axes, words: WordMap, gold: np.ndarray, look: Look) -> None:
    """Marks where each word with a gold interval begins and ends in the signal, with the word above it."""
    layout = words.layout
    assert isinstance(layout, Time), "checked by the caller"
    for row, label in zip(gold, words.target_labels, strict=True):
        for begin, end in runs(row):
            span = layout.edges[begin], layout.edges[end]
            axes.vlines(span, 0, 1, transform=axes.get_xaxis_transform(), color=GOLD, linewidth=1.2)
            style = {"ha": "center", "va": "bottom", "size": look.points(8), "color": GREY, "parse_math": False}
            axes.text(sum(span) / 2, 1.02, printable(label), transform=axes.get_xaxis_transform(), **style)


def _signal(axes: Axes, layout: Time) -> None:
    signal, edges = layout.signal, layout.edges
    assert signal is not None, "checked by the caller"
    frames, bands = signal.shape
    times = np.linspace(edges[0], edges[-1], frames + 1)
    if layout.is_spectrogram:
        axes.pcolormesh(times, np.arange(bands + 1), signal.T, cmap="Greys", rasterized=True)
        axes.set_ylabel("band", size=8, color=GREY)
    else:
        for band in range(bands):
            color, _, dash = LINES[band]
            axes.plot((times[1:] + times[:-1]) / 2, signal[:, band], color=color, linestyle=dash, linewidth=1)
        axes.set_ylabel("signal", size=8, color=GREY)
    axes.set_yticks([])
    axes.tick_params(axis="x", length=0)
    axes.spines[:].set_visible(False)
