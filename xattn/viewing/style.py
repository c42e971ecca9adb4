"""Colours and fonts of all figures; colour-blind readers can tell the colours apart."""

from typing import Any

from matplotlib.colors import LinearSegmentedColormap
from matplotlib.typing import RcKeyType

INK, GREY, GOLD = "#222222", "#767676", "#d55e00"
RIGHT, WRONG, LINK = "#009e73", "#d55e00", "#0072b2"  # always drawn with different lines or markers too
LIGHT = "#f0e442"  # on dimmed pictures
LINES = [  # Okabe and Ito's colours, with markers and dashes for readers who see no colour
    ("#0072b2", "o", "-"),
    ("#d55e00", "s", "--"),
    ("#009e73", "^", "-."),
    ("#cc79a7", "D", ":"),
    ("#56b4e9", "v", (0, (5, 1, 1, 1, 1, 1))),
]  # From negative to positive, for differences; the page has the same colours.
DIFFERENCE = LinearSegmentedColormap.from_list("difference", ["#7f3b08", "#dc8528", "#f8f8f8", "#4f97cb", "#08306b"])

# From the first word of a sentence to the last: light versions of turbo's colours, which the page has too.
WORDS = LinearSegmentedColormap.from_list("words", ["#8281bf", "#6ddde7", "#c2fe81", "#febb75", "#c7675a"])

DOTS = 200  # per inch of an image

STYLE: dict[RcKeyType, Any] = {
    "font.family": ["DejaVu Sans"],  # `fonts.styled` adds others for the characters that it lacks
    "font.size": 9,
    "text.color": INK,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.edgecolor": GREY,
    "hatch.linewidth": 0.5,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "xattn",  # else the ids are random
    "pdf.fonttype": 42,
}
