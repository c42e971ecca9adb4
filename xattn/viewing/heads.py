"""All layers and heads of a map in one figure: a small heatmap for each, on one colour scale."""

from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes

from xattn.alignment.kinds import SINGLE
from xattn.alignment.maps import AttentionMap, Readout, WordMap
from xattn.viewing.canvas import Figure
from xattn.viewing.direction import MIRRORED, as_read, is_right_to_left
from xattn.viewing.fonts import styled
from xattn.viewing.look import DEFAULT, Look
from xattn.viewing.parts import caption, cells, color_bar, fitted
from xattn.viewing.scales import shading
from xattn.viewing.style import GREY, INK

_WIDE = 6.5  # inches of all heads of a layer together, unless they would be too small or too large
_SMALL, _LARGE = 0.4, 1.9  # inches of one heatmap
_GAP = 0.1  # of the width of a heatmap, between two


def heads(attention: AttentionMap, readout: Readout, look: Look = DEFAULT) -> Figure:
    """A row of heatmaps for each layer and a column for each head; the head of `readout` is framed.

    All have one colour scale. Raises a ConfigError for a width of `look` that has no room beside the labels.
    """
    layers, count = attention.weights.shape[:2]
    at = lambda layer, head: as_read(attention.to_words(replace(readout, layer=layer, head=head)))  # noqa: E731
    every = [[at(layer, head) for head in range(count)] for layer in range(layers)]
    wide = look.points(float(np.clip(_WIDE / count, _SMALL, _LARGE))) * (count + _GAP * (count - 1))
    return fitted(lambda inches, look: _heads(every, attention, readout, look, inches), wide, look)


@styled
def _heads(every: list[list[WordMap]], attention: AttentionMap, readout: Readout, look: Look, inches: float) -> Figure:
    first, layers, count = every[0][0], len(every), len(every[0])
    rows, columns = first.weights.shape
    wide = inches / (count + _GAP * (count - 1))
    tall = float(np.clip(wide * max(rows, 1) / max(columns, 1), wide / 3, wide * 2))
    figure = Figure(figsize=(inches, layers * tall + (layers - 1) * wide * _GAP))
    step = wide * (1 + _GAP) / inches, (tall + wide * _GAP) / figure.get_figheight()
    size = wide / inches, tall / figure.get_figheight()
    # The scale of all heads is that of one map with the rows of all.
    flat = [words for each in every for words in each]
    parts = [np.concatenate([getattr(words, name) for words in flat]) for name in ("weights", "special")]
    scale = shading(replace(first, weights=parts[0], special=parts[1]), look.scale)
    meshes = []
    for layer, each in enumerate(every):
        for head, words in enumerate(each):
            axes = figure.add_axes((head * step[0], 1 - layer * step[1] - size[1], *size))
            own = shading(words, "row") if scale.name == "row" else scale
            meshes.append(cells(axes, own, words.weights, size=(0, 0)))
            chosen = layer == readout.layer and readout.head in (head, "mean")
            _frame(axes, words, layer, head, chosen, look)
    if look.color_bar:
        color_bar(figure, meshes[-1], scale, look)
    said = [f"each picture: {rows} target words by {columns} source words", *first.meaning, scale.text]
    said += [MIRRORED] if is_right_to_left(attention.source_words) else []
    said.append(
        f"dark frame: layer {readout.layer}, {'all heads' if readout.head == 'mean' else f'head {readout.head}'}"
    )
    title = first.title.replace("layer 0, head 0", "all layers and heads")
    caption(figure, title.replace("layer 0, heads summed", "all layers, heads summed"), said, look)
    return figure


def _frame(axes: Axes, words: WordMap, layer: int, head: int, chosen: bool, look: Look) -> None:
    """The frame and the names of one heatmap."""
    rows, columns = words.weights.shape
    axes.set(xlim=(0, max(columns, 1)), ylim=(max(rows, 1), 0), xticks=[], yticks=[])
    axes.spines[:].set(color=INK if chosen else "#cccccc", linewidth=1.4 if chosen else 0.6)
    style = {"size": look.points(8), "color": INK if chosen else GREY}
    if layer == 0:
        axes.set_title(SINGLE[words.kind] if words.kind in SINGLE else f"head {head}", pad=look.points(3), **style)
    if head == 0:
        axes.set_ylabel(f"layer {layer}", labelpad=look.points(3), **style)
