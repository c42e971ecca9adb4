"""Parts that figures share: cells, gold links, colour bars, captions, and a given width."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.patches import Rectangle

from xattn.alignment.links import Links
from xattn.alignment.maps import WordMap
from xattn.errors import ConfigError
from xattn.viewing.canvas import Figure
from xattn.viewing.direction import MIRRORED, is_right_to_left
from xattn.viewing.fonts import extent, folded
from xattn.viewing.look import Look
from xattn.viewing.scales import Shading
from xattn.viewing.style import DIFFERENCE, GOLD, GREY, INK

MARGIN = 0.05  # inches around a figure
_LEAST = 4.8  # inches of a line of notes
_FINE = 0.1  # inches: smaller cells have no edges, and are pixels in a vector graphic


def fitted(make: Callable[[float, Look], Figure], inches: float, look: Look) -> Figure:
    """A figure whose core `make` draws as wide as it is told: `inches`, or what makes all of it as wide as `look` says.

    Raises a ConfigError for a width that has no room beside the labels.
    """
    bare = replace(look, title="", notes=False)  # a caption has lines of any length
    if look.width is None:
        return make(inches, look)
    for _ in range(2):
        beside = extent(make(inches, bare)).width - inches + 2 * MARGIN
        inches = look.width - beside
        if inches < 0.3:
            raise ConfigError(
                f"A width of {look.width:g} inches has no room for the picture: its labels alone need {beside:.1f}."
            )
    return make(inches, look)


def caption(figure: Figure, title: str, notes: Sequence[str], look: Look) -> None:
    """Writes a title above all that is in a figure, and notes below; `look` may have another title, or no notes.

    Their lines are as long as the figure is wide, or as `look` says, but long enough to read.
    """
    box, size = extent(figure), figure.get_size_inches()
    inches = 0.98 * (max(box.width, _LEAST) if look.width is None else look.width - 2 * MARGIN)
    write = {"x": box.x0 / size[0], "ha": "left", "parse_math": False, "linespacing": 1.5}
    title = title if look.title is None else look.title
    if title:
        points, y = look.points(9), (box.y1 + 0.1) / size[1]
        figure.suptitle(folded(title, points, inches, "bold"), y=y, va="bottom", size=points, weight="bold", **write)
    if look.notes:
        points, y = look.points(7.5), (box.y0 - 0.1) / size[1]
        text = "\n".join(folded(each, points, inches) for each in notes)
        figure.supxlabel(text, y=y, va="top", size=points, color=GREY, **write)


def notes(words: WordMap, scale: Shading) -> list[str]:
    """How to read a heatmap, one note a line."""
    said = [*words.meaning, scale.text, "special: on pieces of no word, such as EOS"]
    if words.unit != "weight":
        said.append(f"1 is the largest {words.unit}, {words.most:.3g}")
    if is_right_to_left(words.source):
        said.append(MIRRORED)
    if words.silent:
        said.append("hatched: no decoder step represents the word")
    if words.empty:
        said.append("dotted: attends to nothing, since all that the word may see is masked")
    if words.gold is not None:
        said.append("outlined: gold links, sure (solid) or possible (dashed)")
    return said


def color_bar(figure: Figure, mesh: QuadMesh, scale: Shading, look: Look) -> None:
    """A colour bar at the right of a figure, with the name of the scale."""
    width, height = figure.get_size_inches()
    tall = min(look.points(1.6), height)
    bar = figure.add_axes((1 + 0.15 / width, 1 - tall / height, look.points(0.08) / width, tall / height))
    figure.colorbar(mesh, cax=bar).outline.set_visible(False)
    bar.set_yticks(*zip(*scale.ticks(), strict=True), color=GREY, size=look.points(7))
    bar.tick_params(length=0)
    bar.set_ylabel(scale.name, color=GREY, size=look.points(7))


def cells(
    axes: Axes,
    scale: Shading,
    values_TS: Float[np.ndarray, "T S"],
    *,
    span: tuple[float | int, float | int] | None = None,
    numbers: Float[np.ndarray, "T S"] | None = None,
    points: float = 7.0,
    size: tuple[float | int, float | int] = (1, 1),
) -> QuadMesh:
    """Draws cells in the colours of a scale, the first row on top.

    `span` is where the cells begin and end, `numbers` are written in percent, and `size` is a cell's in inches.
    """
    rows, columns = values_TS.shape
    left, right = (0, columns) if span is None else span
    shades_TS, signed = scale.shades(values_TS), scale.signed
    for (row, column), value in np.ndenumerate(np.zeros((0, 0)) if numbers is None else numbers):
        if abs(value) >= 0.005:
            ink = "white" if abs(shades_TS[row, column]) > 0.55 else INK if abs(value) >= 0.05 else GREY
            place = (left + (column + 0.5) * (right - left) / columns, row + 0.5)
            text = f"{100 * value:{'+' if signed else ''}.0f}".replace("-", "\N{MINUS SIGN}")
            axes.text(*place, text, color=ink, size=points, ha="center", va="center")
    edges = (np.linspace(left, right, columns + 1), np.arange(rows + 1))
    plain = {"edgecolors": "white", "linewidth": 0.5}
    style = {"edgecolors": "none", "rasterized": True} if min(size) < _FINE else plain
    colors = {"cmap": DIFFERENCE, "vmin": -1} if signed else {"cmap": "Blues", "vmin": 0}
    return axes.pcolormesh(*edges, shades_TS, vmax=1, **colors, **style)


def outline(axes: Axes, gold: Links) -> None:
    """Outlines the cells of gold links: sure links solid, possible links dashed."""
    for source, target in sorted(gold.possible):
        dash = "-" if (source, target) in gold.sure else (0, (2, 1.5))
        corner = (source + 0.06, target + 0.06)
        axes.add_patch(Rectangle(corner, 0.88, 0.88, fill=False, edgecolor=GOLD, lw=1.3, linestyle=dash))
