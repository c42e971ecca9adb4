"""A word map as a heatmap for a paper, and figures as files.

Functions return a matplotlib `Figure`. They use no pyplot state, and restore matplotlib's settings when they return.
Importing this module imports matplotlib.
"""

import io
import re
import warnings
from typing import Literal

import matplotlib as mpl
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from xattn.alignment.links import Links
from xattn.alignment.maps import WordMap
from xattn.viewing.fonts import styled, to_install
from xattn.viewing.labels import printable
from xattn.viewing.look import DEFAULT, Look
from xattn.viewing.scales import shading
from xattn.viewing.style import GOLD, GREY, INK, STYLE

Format = Literal["png", "svg", "pdf"]

_MISSING = re.compile(r"^Glyph (\d+) .* missing from font")
_DATES = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}  # None leaves it out


@styled
def heatmap(words: WordMap, look: Look = DEFAULT) -> Figure:
    """The map with source words on top, target words at the left, and cells from white (0) to dark (1).

    Maps of up to 12 words on each side have percentages in their cells. A separate column shows each row's special
    mass. Rows of words that no decoder step represents are hatched. Gold links, where the map has them, are outlined:
    sure links with a solid line, other possible links with a dashed line.
    """
    rows, columns = words.weights.shape
    special = columns + 0.3  # where the separate column begins
    cell = float(np.clip(6 / max(rows, columns, 1), 0.24, 0.42))
    width, height = cell * (special + 1), cell * max(rows, 1)
    # The axes fill the figure, so that cells have a fixed size; `render` adds room for the labels outside.
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.spines[:].set_visible(False)
    axes.xaxis.tick_top()
    axes.tick_params(length=0, pad=3)
    axes.set_yticks(np.arange(rows) + 0.5, map(printable, words.target_labels), parse_math=False)
    axes.set_xticks(
        np.append(np.arange(columns), special) + 0.5,
        [*map(printable, words.source_labels), "special"],
        **{"parse_math": False, "rotation": 45, "ha": "left", "va": "bottom", "rotation_mode": "anchor"},
    )
    axes.get_xticklabels()[-1].set(color=GREY, style="italic")

    percent = max(rows, columns) <= 12
    scale = shading(words, look.scale)
    for values, left in [(words.special[:, None], special), (words.weights, 0.0)]:
        mesh = cells(axes, scale.shades(values), left=left, numbers=values / words.most if percent else None)
    axes.set(xlim=(0, special + 1), ylim=(max(rows, 1), 0))
    notes = [*words.meaning, scale.text]
    if words.kind != "weights":
        notes.append(f"1 is the largest norm, {words.most:.3g}")
    if words.silent:
        hatched = {"color": "white", "edgecolor": "#bbbbbb", "hatch": "////", "linewidth": 0}
        axes.barh([row + 0.5 for row in words.silent], special + 1, 1, **hatched)
        notes.append("hatched: no decoder step represents the word")
    if words.gold is not None:
        outline(axes, words.gold)
        notes.append("outlined: gold links, sure (solid) or possible (dashed)")

    bar = figure.add_axes((1 + 0.15 / width, max(0, 1 - 1.6 / height), 0.08 / width, min(1, 1.6 / height)))
    figure.colorbar(mesh, cax=bar).outline.set_visible(False)
    bar.set_yticks(*zip(*scale.ticks(), strict=True), color=GREY, size=7)
    bar.tick_params(length=0)
    axes.set_title(words.title, loc="left", size=9, weight="bold", pad=8)
    note = {"xycoords": "axes fraction", "xytext": (0, -7), "textcoords": "offset points", "va": "top"}
    axes.annotate("\n".join(notes), (0, 0), **note, size=7.5, color=GREY, linespacing=1.5)
    return figure


@mpl.rc_context(rc=STYLE)
def render(figure: Figure, format: Format) -> bytes:
    """The figure as the bytes of a file; equal figures give equal bytes, since files have no date.

    Characters that no installed font has are drawn as boxes, with one warning. SVG and PDF keep text as text, and an
    SVG is drawn with the fonts of its reader.
    """
    buffer = io.BytesIO()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        figure.savefig(buffer, format=format, dpi=200, bbox_inches="tight", pad_inches=0.05, metadata=_DATES[format])
    missing = dict.fromkeys(number for each in caught for number in _MISSING.findall(str(each.message)))
    for each in caught:
        if not _MISSING.search(str(each.message)):
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
    if missing and format != "svg":
        characters = [chr(int(number)) for number in missing]
        warnings.warn(
            f"No installed font has {' '.join(characters)}: the picture shows boxes. Install such a font (Debian's "
            f"{to_install(characters)}), or use the terminal, svg or html.",
            stacklevel=3,
        )
    return buffer.getvalue()


def cells(
    axes: Axes,
    shades_TS: Float[np.ndarray, "T S"],
    *,
    left: float,
    numbers: Float[np.ndarray, "T S"] | None,
) -> QuadMesh:
    """Draws cells from white (0) to dark (1), the first row on top, with their `numbers` in percent if given."""
    rows, columns = shades_TS.shape
    for (row, column), value in np.ndenumerate(np.zeros((0, 0)) if numbers is None else numbers):
        if value >= 0.005:
            shade = shades_TS[row, column]
            ink = "white" if shade > 0.55 else INK if value >= 0.05 else GREY
            place = (left + column + 0.5, row + 0.5)
            axes.text(*place, f"{100 * value:.0f}", color=ink, size=7, ha="center", va="center")
    edges = (left + np.arange(columns + 1), np.arange(rows + 1))
    return axes.pcolormesh(*edges, shades_TS, cmap="Blues", vmin=0, vmax=1, edgecolors="white", linewidth=0.5)


def outline(axes: Axes, gold: Links) -> None:
    """Outlines the cells of gold links: sure links solid, possible links dashed."""
    for source, target in sorted(gold.possible):
        dash = "-" if (source, target) in gold.sure else (0, (2, 1.5))
        corner = (source + 0.06, target + 0.06)
        axes.add_patch(Rectangle(corner, 0.88, 0.88, fill=False, edgecolor=GOLD, lw=1.3, linestyle=dash))
