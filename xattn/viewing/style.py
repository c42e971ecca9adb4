"""Colours and fonts of all figures; colour-blind readers can tell the colours apart."""

from pathlib import Path
from typing import Any

from matplotlib import font_manager
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
]
# matplotlib ships the first family; the others add scripts where they are installed.
_FAMILIES = ["DejaVu Sans", "Noto Sans", "Noto Sans Devanagari", "Noto Sans CJK JP"]
_FAMILIES += ["Lohit Devanagari", "Nirmala UI", "Kohinoor Devanagari"]


def installed() -> list[str]:
    """The installed families, including those that were installed after matplotlib cached its list of fonts."""
    unknown = set(_FAMILIES) - set(font_manager.get_font_names())
    files = {family.replace(" ", "") + weight for family in unknown for weight in ("-Regular", "-Bold")}
    for path in font_manager.findSystemFonts() if files else ():
        if Path(path).stem in files:
            font_manager.fontManager.addfont(path)
    names = font_manager.get_font_names()
    return [family for family in _FAMILIES if family in names]


STYLE: dict[RcKeyType, Any] = {
    "font.family": installed(),
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
