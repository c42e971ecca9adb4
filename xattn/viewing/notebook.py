"""Maps as the results of notebook cells: a page to explore, an image where no script runs, and text without colour."""

from io import StringIO

from rich.console import Console

from xattn.alignment.maps import AttentionMap, WordMap
from xattn.viewing.figures import heatmap
from xattn.viewing.layouts import picture
from xattn.viewing.page import Page
from xattn.viewing.terminal import Heatmap

_WIDTH = 100  # of the text, in characters


def mimebundle(shown: AttentionMap | WordMap) -> dict[str, str]:
    """What a notebook shows of a map, by media type; it takes the richest that it can show.

    `text/html` is the page of an `AttentionMap`, in a frame. `image/png`, in base64, is the picture of its layout, for
    notebooks that are not trusted or are converted. `text/plain` is the view of the terminal.
    """
    words = shown if isinstance(shown, WordMap) else shown.to_words(shown.where)
    drawn = heatmap(words) if isinstance(shown, WordMap) else picture(shown, shown.where)
    bundle = {**drawn._repr_mimebundle_(), "text/plain": _text(words)}
    if isinstance(shown, AttentionMap):
        bundle["text/html"] = Page.of(shown)._repr_html_()
    return bundle


def _text(words: WordMap) -> str:
    # In a kernel rich would print into the cell.
    console = Console(file=StringIO(), width=_WIDTH, color_system=None, force_jupyter=False)
    console.print(Heatmap(words))
    return console.file.getvalue().rstrip()  # pyright: ignore[reportAttributeAccessIssue]: it is the StringIO above
