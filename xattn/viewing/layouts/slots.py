"""A column of slots, such as the sentences of a story, with bars for each query's attention at every layer (hop)."""

from dataclasses import replace

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes

from xattn.alignment.kinds import SINGLE
from xattn.alignment.maps import AttentionMap, Readout
from xattn.viewing.canvas import Figure
from xattn.viewing.labels import printable
from xattn.viewing.layouts.common import gold_of, mark, queries, read, say
from xattn.viewing.look import Look
from xattn.viewing.scales import Shading, shading
from xattn.viewing.style import GOLD, GREY, INK

_LONGEST = 64  # characters of a label


def slots(attention: AttentionMap, readout: Readout, look: Look) -> Figure:
    """Slots down the left side, and a panel per query with one bar per layer in each slot; gold slots are shaded.

    A disc or a cross marks the slot with the largest weight at the readout's layer.
    """
    words = attention.to_words(readout)
    shown, notes = queries(words)
    layers = range(len(attention.weights))
    every = [attention.to_words(replace(readout, layer=layer)) for layer in layers]
    names = [
        name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…" for name in map(printable, words.source_labels)
    ]
    room = 0.075 * max(map(len, names), default=0)  # of the labels, at 8 points
    height = max(1.2, len(words.source) * max(0.2, 0.085 * len(layers) + 0.05))
    figure = Figure(figsize=(1.2 + room + 1.15 * max(len(shown), 1), height + 0.9), layout="constrained")
    panels = figure.subplots(1, max(len(shown), 1), sharey=True, squeeze=False)[0]
    colors = [mpl.colormaps["Blues"](0.35 + 0.6 * (layer + 1) / len(layers)) for layer in layers]
    scale = shading(replace(words, weights=np.concatenate([each.weights for each in every], axis=1)), look.scale)
    gold, (most, verdicts) = gold_of(words), read(words)
    thick = 0.84 / len(layers)
    for axes, t in zip(panels, shown, strict=False):
        for slot in np.flatnonzero(gold[t]):
            axes.axhspan(slot - 0.5, slot + 0.5, color=GOLD, alpha=0.16, linewidth=0, zorder=0)
        for layer, each in enumerate(every):
            at = np.arange(len(words.source)) - 0.42 + thick * (layer + 0.5)
            axes.barh(at, scale.shades(each.weights)[t], thick, color=colors[layer], label=f"layer {layer}", zorder=2)
        if words.weights[t].any():
            at = most[t] - 0.42 + thick * (readout.layer + 0.5)
            mark(axes, float(scale.shades(words.weights)[t, most[t]]), float(at), verdicts[t])
        _frame(axes, printable(words.target_labels[t]), scale, look)
    panels[0].set_yticks(np.arange(len(names)), names, parse_math=False, size=look.points(8))
    panels[0].set_ylim(len(names) - 0.5, -0.5)
    if len(layers) > 1 and shown:
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(
            handles, labels, loc="outside right center", frameon=False, fontsize=look.points(7.5), handlelength=1.1
        )
    which = "every layer" if len(layers) > 1 else "layer 0"
    notes = [
        f"bars: {which}, {SINGLE[words.kind] if words.kind in SINGLE else f'head {readout.head}'}",
        scale.text.replace("each row", "each query").replace("colour scale", "scale"),
        *words.meaning,
        *notes,
    ]
    if gold.any():
        notes.append(f"disc: the largest weight of layer {readout.layer} is on a gold slot (shaded); cross: it is not")
    else:
        notes.append(f"disc: the largest weight of layer {readout.layer}")
    say(figure, words, notes, look)
    return figure


def _frame(axes: Axes, query: str, scale: Shading, look: Look) -> None:
    axes.set_title(query, size=look.points(8.5), color=INK, parse_math=False)
    axes.set_xlim(0, 1)
    axes.set_xticks(*zip(*scale.ticks(), strict=True), size=look.points(7), color=GREY)
    axes.tick_params(length=0, pad=2)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.grid(axis="x", color="#e5e5e5", linewidth=0.6)
    axes.set_axisbelow(True)
