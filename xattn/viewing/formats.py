"""Every format of a map's picture, by name: `FORMATS["svg"](attention, readout)`.

A format returns the bytes of a file, or an object that a rich console prints. A new format is a function and an entry
of the table. Heavy imports stay inside the functions that need them.
"""

from collections.abc import Callable
from typing import Literal

from xattn.alignment.maps import AttentionMap, Readout
from xattn.viewing.terminal import Heatmap


def terminal(attention: AttentionMap, readout: Readout) -> Heatmap:
    """The heatmap as text, in colour if the console supports it."""
    return Heatmap(attention.to_words(readout))


def png(attention: AttentionMap, readout: Readout) -> bytes:
    """The picture of the map's layout as an image of 200 dots per inch."""
    return _figure(attention, readout, "png")


def svg(attention: AttentionMap, readout: Readout) -> bytes:
    """The picture of the map's layout as a vector graphic whose text can be selected and searched."""
    return _figure(attention, readout, "svg")


def pdf(attention: AttentionMap, readout: Readout) -> bytes:
    """The picture of the map's layout as a PDF for LaTeX, with TrueType fonts."""
    return _figure(attention, readout, "pdf")


def html(attention: AttentionMap, readout: Readout) -> bytes:
    """All layers and heads of the map as one self-contained HTML page, which needs no network."""
    from xattn.viewing.page import Page

    return Page.of(attention, readout).html.encode()


def _figure(attention: AttentionMap, readout: Readout, format: Literal["png", "svg", "pdf"]) -> bytes:
    from xattn.viewing.figures import render
    from xattn.viewing.layouts import picture

    return render(picture(attention, readout), format)


FORMATS: dict[str, Callable[[AttentionMap, Readout], Heatmap | bytes]] = {
    "terminal": terminal,
    "png": png,
    "svg": svg,
    "pdf": pdf,
    "html": html,
}
