"""A word map as lines: source words at the left, target words at the right, and lines as strong as the weights."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from xattn.alignment.links import Links
from xattn.alignment.maps import WordMap
from xattn.viewing.canvas import Figure
from xattn.viewing.fonts import styled
from xattn.viewing.labels import printable
from xattn.viewing.look import DEFAULT, Look
from xattn.viewing.parts import caption, fitted
from xattn.viewing.scales import Shading, shading
from xattn.viewing.style import DIFFERENCE, GOLD, GREY, INK, LINK

_FAINT = 0.03  # of the scale: weaker lines are not drawn
_MANY = 5000  # lines; more of them are pixels in a vector graphic
_WIDE, _TALLEST = 1.8, 12.0  # inches between the words, and of the longest list of words


def lines(words: WordMap, look: Look = DEFAULT) -> Figure:
    """Source words at the left, target words at the right, lines as strong as their weights; gold links are dashed.

    Words stand from the top down in any script. Special mass is not drawn. Raises a ConfigError for a width of `look`
    that has no room beside the labels.
    """
    return fitted(lambda inches, look: _lines(words, look, inches), look.points(_WIDE), look)


@styled
def _lines(words: WordMap, look: Look, inches: float) -> Figure:
    rows, columns = words.weights.shape
    most = max(rows, columns, 1)
    pitch = min(1.6 * look.font_size / 72, look.points(_TALLEST) / most)
    figure = Figure(figsize=(inches, pitch * most))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, 1), ylim=(most, 0))
    axes.set_axis_off()
    heights = (most - columns) / 2 + 0.5, (most - rows) / 2 + 0.5  # of the first words; the shorter side is centred
    scale = shading(words, look.scale)
    _draw(axes, words, scale, heights)
    every = max(1, int(np.ceil(1.1 * look.font_size / 72 / pitch)))
    _label(axes, words, heights, every, look)
    said = ["lines: as strong as their weights; special mass is not drawn", *words.meaning, scale.text]
    if words.unit != "weight":
        said.append(f"1 is the largest {words.unit}, {words.most:.3g}")
    if words.silent or words.empty:
        said.append("grey: no decoder step represents the word, or it attends to nothing")
    if words.gold is not None:
        said.append("orange: gold links, sure (dashed) or possible (dotted)")
    said += [f"labelled: one of {every} words"] if every > 1 else []
    caption(figure, words.title, said, look)
    return figure


def _draw(axes: Axes, words: WordMap, scale: Shading, heights: tuple[float, float]) -> None:
    """Draws the lines, the strongest on top, and then the gold links."""
    source, target = heights
    shades_TS = scale.shades(words.weights)
    drawn = sorted(np.argwhere(np.abs(shades_TS) >= _FAINT).tolist(), key=lambda place: abs(shades_TS[*place]))
    strengths = [float(shades_TS[t, s]) for t, s in drawn]
    colors = [(DIFFERENCE((each + 1) / 2) if scale.signed else LINK, abs(each)) for each in strengths]
    style = {"edgecolors": colors, "linewidths": [0.4 + 2 * abs(each) for each in strengths], "facecolors": "none"}
    paths = [_curve(source + s, target + t) for t, s in drawn]
    axes.add_collection(PathCollection(paths, rasterized=len(paths) > _MANY, **style), autolim=False)
    gold = words.gold or Links.of([])
    for s, t in sorted(gold.possible):
        dash = (0, (4, 2)) if (s, t) in gold.sure else (0, (1, 2))
        curve = _curve(source + s, target + t)
        axes.add_patch(PathPatch(curve, fill=False, edgecolor=GOLD, linewidth=0.9, linestyle=dash, zorder=3))


def _label(axes: Axes, words: WordMap, heights: tuple[float, float], every: int, look: Look) -> None:
    """Writes the words, or every so many of them, and the names of the sides."""
    faint = {*words.silent, *words.empty}
    for x, name, labels, pad, side in [
        (0, "source", words.source_labels, -6, "right"),
        (1, "target" if words.has_text else "query", words.target_labels, 6, "left"),
    ]:
        place = {"textcoords": "offset points", "ha": side, "annotation_clip": False, "parse_math": False}
        for index in range(0, len(labels), every):
            color = GREY if x and index in faint else INK
            style = {"va": "center_baseline", "color": color, "size": look.font_size}
            axes.annotate(printable(labels[index]), (x, heights[x] + index), (pad, 0), **style, **place)
        if look.axis_names:
            axes.annotate(name, (x, 0), (pad, 4), va="bottom", color=GREY, size=look.points(8), **place)


def _curve(source: float, target: float) -> Path:
    """A line from the height of a source word to that of a target word."""
    return Path([(0, source), (0.5, source), (0.5, target), (1, target)], [Path.MOVETO, *[Path.CURVE4] * 3])
