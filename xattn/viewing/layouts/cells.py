"""A picture that was made from words: each cell in the colour of the word that it attends to most."""

from collections.abc import Collection, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from xattn.alignment.layouts import Cells
from xattn.alignment.maps import AttentionMap, Readout, WordMap
from xattn.viewing.canvas import Figure
from xattn.viewing.fonts import styled
from xattn.viewing.labels import printable
from xattn.viewing.layouts.common import gold_of, mark, read, say
from xattn.viewing.layouts.text import LINE, lay, write
from xattn.viewing.look import DEFAULT, Look
from xattn.viewing.scales import shading
from xattn.viewing.style import GREY, INK, WORDS

_WIDE = 3.3  # inches of a picture, and of a sentence
_GAP = 0.3  # between them
_NOTES = 0.9  # of the title and the notes


def cells(attention: AttentionMap, readout: Readout, look: Look) -> Figure:
    """The picture at the left, the sentence at the right.

    Every word has a colour, by its place in the sentence. The background of a cell has the colour of the word with its
    largest weight, as strong as the weight, and the word is written in the cell. In the sentence, the words that some
    cell attends to most have their colours.
    """
    words = attention.to_words(readout)
    size = (2 * _WIDE + _GAP, max(_tall(words), _height(words, look)) + _NOTES)
    figure = Figure(figsize=size, layout="constrained")
    left, right = figure.subplots(1, 2)
    _paint(left, words, look)
    _say(right, words, look)
    say(figure, words, _notes(words, look), look)
    return figure


@styled
def changes(before: AttentionMap, after: AttentionMap, readout: Readout, look: Look = DEFAULT) -> Figure:
    """Two pictures with their sentences below, of as many words: words and cells that differ are framed."""
    maps = [each.to_words(readout) for each in (before, after)]
    sides = [_height(words, look) for words in maps]
    size = (2 * _WIDE + _GAP, _tall(maps[0]) + max(sides) + _NOTES)
    figure = Figure(figsize=size, layout="constrained")
    rows = figure.subplots(2, 2, height_ratios=(_tall(maps[0]), max(sides)))
    columns, queries = (_unlike(*(getattr(words, side) for words in maps)) for side in ("source", "target"))
    for words, (above, below) in zip(maps, rows.T, strict=True):
        _paint(above, words, look, queries)
        _say(below, words, look, columns)
    say(figure, maps[0], [*_notes(maps[0], look), "framed: what differs between both"], look)
    return figure


def _unlike(one: Sequence[str], other: Sequence[str]) -> set[int]:
    return {n for n, pair in enumerate(zip(one, other, strict=True)) if len(set(pair)) > 1}


def _tall(words: WordMap) -> float:
    layout = _layout(words)
    return _WIDE * layout.rows / layout.columns


def _height(words: WordMap, look: Look) -> float:
    """Inches of the sentence."""
    return (max([line for _, line, _ in lay(words.source_labels, (), _WIDE, look)], default=0) + 1) * look.points(LINE)


def _layout(words: WordMap) -> Cells:
    assert isinstance(words.layout, Cells), "this is the figure of cells"
    return words.layout


def _paint(axes: Axes, words: WordMap, look: Look, framed: Collection[int] = ()) -> None:
    layout, tints = _layout(words), WORDS(np.linspace(0, 1, len(words.source)))[:, :3]
    (most, verdicts), known = read(words), gold_of(words).sum(axis=1)
    shades_TS = shading(words, look.scale).shades(words.weights)
    axes.set(xlim=(0, layout.columns), ylim=(layout.rows, 0), xticks=[], yticks=[], aspect="equal", anchor="NW")
    axes.spines[:].set_color("#cccccc")
    for t, s in enumerate(most.tolist()):
        row, column = divmod(t, layout.columns)
        if words.weights[t].any():
            box = ((column, row), 1, 1)
            axes.add_patch(Rectangle(*box, color=(*tints[s], float(shades_TS[t, s])), linewidth=0, zorder=1))
            style = {"size": look.points(7), "color": INK if known[t] else GREY, "parse_math": False, "zorder": 4}
            axes.text(column + 0.5, row + 0.97, printable(words.source_labels[s]), ha="center", va="bottom", **style)
        if verdicts[t] is not None:
            mark(axes, column + 0.88, row + 0.12, verdicts[t], size=24.0)
        if t in framed:
            axes.add_patch(Rectangle((column, row), 1, 1, fill=False, edgecolor=INK, linewidth=2, zorder=5))
    if layout.rgba is not None:
        box = (0, layout.columns, layout.rows, 0)
        axes.imshow(layout.rgba, extent=box, interpolation="nearest", zorder=2)
    lines = {"color": "#dddddd", "linewidth": 0.6, "zorder": 3}
    axes.hlines(np.arange(1, layout.rows), 0, layout.columns, **lines)
    axes.vlines(np.arange(1, layout.columns), 0, layout.rows, **lines)


def _say(axes: Axes, words: WordMap, look: Look, framed: Collection[int] = ()) -> None:
    labels, tints = words.source_labels, WORDS(np.linspace(0, 1, len(words.source)))[:, :3]
    seen = {int(s) for s, row in zip(read(words)[0], words.weights, strict=True) if row.any()}
    line = look.points(LINE)
    axes.set(xlim=(0, _WIDE), ylim=(_height(words, look) / line, 0), anchor="NW", aspect=line)
    axes.axis("off")
    for s, (left, row, width) in enumerate(lay(labels, (), _WIDE, look)):
        box = ((left - 0.03, row + 0.08), width + 0.06, 0.84)
        if s in seen:
            axes.add_patch(Rectangle(*box, color=tints[s], linewidth=0))
        if s in framed:
            axes.add_patch(Rectangle(*box, fill=False, edgecolor=INK, linewidth=1.4))
        write(axes, labels[s], left, row + 0.5, INK, look)


def _notes(words: WordMap, look: Look) -> list[str]:
    notes = [
        *(each.replace("a row", "a cell") for each in words.meaning),
        "a cell has the colour of the word with its largest weight, as strong as the weight; in the sentence, words "
        "that are the largest of some cell have their colours",
        shading(words, look.scale).text.replace("each row", "each cell"),
    ]
    if words.gold is not None:
        notes.append("disc: the word is of the phrase that names the thing (gold); cross: it is not")
    return notes
