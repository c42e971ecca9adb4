"""Installed fonts for the characters of a text: DejaVu Sans, which matplotlib ships, and others where it lacks one."""

import unicodedata
import warnings
from collections.abc import Callable, Iterable
from functools import lru_cache, wraps
from typing import ParamSpec

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.font_manager import FontEntry, FontProperties
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text
from matplotlib.textpath import TextToPath
from matplotlib.transforms import Bbox

from xattn.viewing.canvas import Figure
from xattn.viewing.style import DOTS, STYLE

P = ParamSpec("P")
FIRST = "DejaVu Sans"
_FIRST_FILE = f"{mpl.get_data_path()}/fonts/ttf/DejaVuSans.ttf"
# Han characters are drawn differently in these languages; other scripts of the text tell which one it is.
_CJK = {"HIRAGANA": "JP", "KATAKANA": "JP", "HANGUL": "KR"}
_NEVER = ("Last Resort", "Color Emoji", "Blank")  # fonts of boxes, of pictures, and of nothing


def styled(make: Callable[P, Figure]) -> Callable[P, Figure]:
    """Makes a function draw in the house's style, and gives every text of its figure fonts that have its characters."""

    @wraps(make)
    def inner(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with mpl.rc_context(rc=STYLE):
            figure = make(*args, **kwargs)
        choose(figure)
        return figure

    return inner


def choose(figure: Figure) -> None:
    """Gives the texts of a figure fonts that have their characters."""
    texts = [each for each in figure.findobj(Text) if isinstance(each, Text) and not each.get_text().isascii()]
    chosen = families(text.get_text() for text in texts)
    for text in texts:
        text.set_fontfamily(chosen)


def extent(figure: Figure) -> Bbox:
    """The box in inches of everything in a figure; (0, 0) is the lower left corner of the figure itself."""
    choose(figure)
    dpi = figure.dpi
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # `render` names the characters
        figure.dpi = DOTS  # letters are a few percent narrower at 100
        if figure.get_layout_engine() is not None:
            figure.draw_without_rendering()
        box = figure.get_tightbbox().frozen()
    figure.dpi = dpi
    return box


def families(texts: Iterable[str]) -> list[str]:
    """Families that together have the characters of the texts, as far as fonts are installed; `FIRST` comes first."""
    characters = {c for text in texts for c in text if c.isprintable()}
    return [FIRST, *_others(frozenset(characters - _characters(_FIRST_FILE, 0)))]


def to_install(characters: Iterable[str]) -> str:
    """Debian's packages of fonts that have the characters.

    >>> to_install("王क"), to_install("👩")
    ('fonts-noto-cjk, fonts-noto-core', 'fonts-symbola')
    """
    signs = ["CJK" if _script(c) == "CJK" else unicodedata.category(c) for c in characters]
    packages = {"CJK": "fonts-noto-cjk", "So": "fonts-symbola"}
    return ", ".join(dict.fromkeys(packages[each] if each in packages else "fonts-noto-core" for each in signs))


def width_of(text: str, points: float | int, weight: str = "normal") -> float:
    """The width of a line of text in inches."""
    font = FontProperties(family=families([text]), size=points, weight=weight)
    return TextToPath().get_text_width_height_descent(text, font, ismath=False)[0] / 72


def folded(text: str, points: float | int, inches: float | int, weight: str = "normal") -> str:
    """The text in lines that are at most as wide as `inches`, except for longer words."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        fits = not lines[-1] or width_of(longer, points, weight) <= inches
        lines = [*lines[:-1], longer] if fits else [*lines, word]
    return "\n".join(lines)


@lru_cache(maxsize=64)
def _others(missing: frozenset[str]) -> list[str]:
    """Families for characters that the first one lacks."""
    chosen, left = [], set(missing)
    named = {unicodedata.name(c, "").partition(" ")[0] for c in missing}
    language = next((_CJK[name] for name in sorted(named) if name in _CJK), "SC")
    for c in sorted(missing):
        if c not in left:
            continue
        found = next((e for e in _candidates(_script(c), language) if c in _characters(e.fname, e.index)), None)
        if found is not None:
            chosen.append(found.name)
            left -= _characters(found.fname, found.index)
    return chosen


def _candidates(script: str, language: str) -> list[FontEntry]:
    """The regular fonts, those first whose names tell that they have the script."""
    order = lambda e: (script not in e.name, language not in e.name, "Sans" not in e.name, "Mono" in e.name, e.name)  # noqa: E731
    return sorted(_entries(), key=order)


@lru_cache(maxsize=1)
def _entries() -> list[FontEntry]:
    """The regular fonts, including those that were installed after matplotlib made its list of fonts."""
    manager = font_manager.fontManager
    for path in set(font_manager.findSystemFonts()) - {entry.fname for entry in manager.ttflist}:
        try:
            manager.addfont(path)
        except (OSError, RuntimeError):  # a file that is no font, or that FreeType does not know
            continue
    return [
        each
        for each in manager.ttflist
        if (each.style, each.weight, each.size) == ("normal", 400, "scalable")
        and not any(name in each.name for name in _NEVER)
    ]


@lru_cache(maxsize=512)
def _characters(path: str, face: int) -> frozenset[str]:
    """The characters that a font has."""
    return frozenset(map(chr, FT2Font(path, face_index=face).get_charmap()))


def _script(character: str) -> str:
    """The script of a letter as fonts are named by it, such as "CJK" or "Devanagari"; any word for a sign."""
    name = unicodedata.name(character, "").partition(" ")[0]
    return "CJK" if name in ("CJK", *_CJK) else name.title()
