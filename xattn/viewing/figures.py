"""A word map as a heatmap for a paper, and figures as files.

Functions return a matplotlib `Figure`. They use no pyplot state, and restore matplotlib's settings when they return.
Importing this module imports matplotlib.
"""

import io
import re
import warnings
from typing import Literal, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes

from xattn.alignment.maps import WordMap
from xattn.viewing.canvas import Figure
from xattn.viewing.direction import as_read
from xattn.viewing.fonts import extent, styled, to_install
from xattn.viewing.labels import printable
from xattn.viewing.look import DEFAULT, Look
from xattn.viewing.parts import MARGIN, caption, cells, color_bar, fitted, notes, outline
from xattn.viewing.scales import shading
from xattn.viewing.style import DOTS, GREY, STYLE

Format = Literal["png", "svg", "pdf"]

_NUMBERED = 16  # words on a side: the cells of larger maps have no numbers
_LONGEST = 12.0  # inches of a side of a large map
_PIXELS = 4000  # on a side of a PNG
_MISSING = re.compile(r"^Glyph (\d+) .* missing from font")
_DATES = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}  # None leaves it out


def heatmap(words: WordMap, look: Look = DEFAULT) -> Figure:
    """The map with source words on top, target words at the left, and cells from white (0) to dark (1).

    Maps of up to 16 words on each side have percentages in their cells; of long maps only some words have labels. A
    separate column shows each row's special mass. Rows of words that no decoder step represents are hatched, and rows
    that attend to nothing are dotted. Gold links are outlined: sure links with a solid line, other possible links with
    a dashed line. Columns run from right to left where the source does. Raises a ConfigError for a width of `look`
    that has no room beside the labels.
    """
    words = as_read(words)
    rows, columns = words.weights.shape
    size = _Cells.of(rows, columns, look)
    return fitted(lambda inches, look: _heatmap(words, look, size.in_width(inches)), size.wide * size.end, look)


class _Cells(NamedTuple):
    """The size of a heatmap's cells in inches, and the places of the special column in widths of a cell."""

    wide: float
    tall: float
    special: float
    end: float

    @staticmethod
    def of(rows: int, columns: int, look: Look) -> "_Cells":
        """Square cells for up to 50 words on a side; a side of more words has a fixed length."""
        square = look.points(float(np.clip(6 / max(rows, columns, 1), 0.24, 0.42)))
        wide, tall = (min(square, look.points(_LONGEST) / max(n, 1)) for n in (columns, rows))
        special = columns + max(0.3, 0.06 / wide)
        return _Cells(wide, tall, special, special + max(1.0, 0.12 / wide))

    def in_width(self, inches: float) -> "_Cells":
        """The same cells in another width, with the same proportions."""
        ratio = inches / (self.wide * self.end)
        return self._replace(wide=self.wide * ratio, tall=self.tall * ratio)


@styled
def _heatmap(words: WordMap, look: Look, size: _Cells) -> Figure:
    rows, columns = words.weights.shape
    # The axes fill the figure, so that cells have a fixed size; `render` adds room for the labels outside.
    figure = Figure(figsize=(size.wide * size.end, size.tall * max(rows, 1)))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.spines[:].set_visible(False)
    axes.xaxis.tick_top()
    axes.tick_params(length=0, pad=look.points(3))
    every = _label(axes, words, look, size)
    scale = shading(words, look.scale)
    style = {"points": min(look.points(7), 33 * size.wide, 50 * size.tall), "size": (size.wide, size.tall)}
    for values, span in [(words.special[:, None], (size.special, size.end)), (words.weights, (0, columns))]:
        numbers = values / words.most if max(rows, columns) <= _NUMBERED else None
        mesh = cells(axes, scale, values, span=span, numbers=numbers, **style)
    axes.set(xlim=(0, size.end), ylim=(max(rows, 1), 0))
    for some, hatch in [(words.silent, "////"), (words.empty, "...")]:
        hatched = {"color": "white", "edgecolor": "#bbbbbb", "hatch": hatch, "linewidth": 0}
        axes.barh([row + 0.5 for row in some], size.end, 1, **hatched)
    if words.gold is not None:
        outline(axes, words.gold)
    if look.color_bar:
        color_bar(figure, mesh, scale, look)
    caption(figure, words.title, [*notes(words, scale), *every], look)
    return figure


def _label(axes: Axes, words: WordMap, look: Look, size: _Cells) -> list[str]:
    """Labels as many columns and rows as have room, and gives a note if some have no label."""
    rows, columns = words.weights.shape
    room = look.font_size / 72
    across = max(1, int(np.ceil(1.45 * room / size.wide)))  # lines of text at 45 degrees are further apart
    down = max(1, int(np.ceil(1.15 * room / size.tall)))
    shown = [s for s in range(0, columns, across) if across == 1 or s + across <= size.special]
    names = [printable(words.source_labels[s]) for s in shown]
    turned = {"rotation": 45, "ha": "left", "va": "bottom", "rotation_mode": "anchor"}
    style = {"parse_math": False, "size": look.font_size}
    places = [*(s + 0.5 for s in shown), (size.special + size.end) / 2]
    axes.set_xticks(places, [*names, "special"], **style, **turned)
    axes.get_xticklabels()[-1].set(color=GREY, style="italic")
    axes.set_yticks(np.arange(0, rows, down) + 0.5, map(printable, words.target_labels[::down]), **style)
    if look.axis_names:
        axes.xaxis.set_label_position("top")
        axes.set_xlabel("source", loc="left", size=look.points(8), color=GREY)
        axes.set_ylabel("target" if words.has_text else "query", size=look.points(8), color=GREY)
    sides = [f"one of {n} {side} words" for n, side in ((across, "source"), (down, "target")) if n > 1]
    return [f"labelled: {' and '.join(sides)}"] if sides else []


@mpl.rc_context(rc=STYLE)
def render(figure: Figure, format: Format, dpi: int | None = None) -> bytes:
    """The figure as the bytes of a file; equal figures give equal bytes, since files have no date.

    Without `dpi` an image has 200 dots per inch, or fewer so that no side has more than 4,000 pixels. Characters that
    no installed font has are drawn as boxes, with one warning. SVG and PDF keep text as text, and an SVG is drawn with
    the fonts of its reader.
    """
    buffer = io.BytesIO()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        dots = min(DOTS, int(_PIXELS / max(extent(figure).padded(0.1).size)))
        place = {"bbox_inches": "tight", "pad_inches": MARGIN}
        figure.savefig(buffer, format=format, dpi=dpi or dots, metadata=_DATES[format], **place)
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
