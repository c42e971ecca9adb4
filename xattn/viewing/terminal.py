"""A word map in the terminal: source words above the columns, target words left of the rows.

In colour a cell is a block from dark (0) to bright (1); without colour it is a number. Long source words are written
vertically, and a sentence wider than the terminal continues in panels below.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from rich.cells import cell_len, set_cell_size, split_graphemes
from rich.console import Console, ConsoleOptions
from rich.style import Style
from rich.text import Text

from xattn.alignment.maps import WordMap
from xattn.viewing.labels import printable
from xattn.viewing.look import Scale
from xattn.viewing.scales import Shading, shading

# Nine even steps of viridis, whose order is visible to colour-blind readers and in grey.
_VIRIDIS = np.array(
    [
        *[(68, 1, 84), (71, 45, 123), (59, 82, 139), (44, 114, 142), (33, 145, 140)],
        *[(40, 174, 128), (94, 201, 98), (173, 220, 48), (253, 231, 37)],
    ]
)
_TALLEST = 12  # lines of a vertical column label


@dataclass(frozen=True)
class Heatmap:
    """A rich renderable: `console.print(Heatmap(words))` fits the console's width and colours.

    rich detects the colours of the console (NO_COLOR, no terminal, 256 colours). A console with 16 colours or fewer
    shows numbers.
    """

    words: WordMap
    scale: Scale | None = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        color = console.color_system in ("256", "truecolor") and not console.no_color
        yield heatmap(self.words, width=options.max_width, color=color, scale=self.scale)


def heatmap(words: WordMap, *, width: int = 80, color: bool = True, scale: Scale | None = None) -> Text:
    """The picture as text of at most `width` columns; without colour it is ASCII, except for the words.

    The last column is each row's special mass. Rows of words that no decoder step represents are empty.
    """
    labels = [printable(word) for word in [*words.source, "", "special"]]
    names = [printable(word) for word in words.target]
    gap_T = np.full(len(names), np.nan, np.float32)
    shown = shading(words, scale)
    values_TS = np.column_stack([words.weights, gap_T, words.special])
    values_TS[words.silent] = np.nan
    shades_TS, values_TS = shown.shades(values_TS), values_TS / words.most

    stub = min(max(map(cell_len, names), default=0), width // 4)
    room = max(width - stub - 1, 3)
    widths, upright = _columns(labels, room)
    # Horizontal labels fit in one panel; vertical columns have equal widths, so equal shares of them fit.
    panels = -(-len(labels) // (room // max(widths))) if upright else 1

    picture = Text()
    picture.append(words.title, style="bold")
    picture.append("\n".join(["", *words.meaning, ""]), style="dim")
    for panel in np.array_split(range(len(labels)), panels):
        picture.append("\n")
        for line in _header([labels[s] for s in panel], [widths[s] for s in panel], upright, color):
            picture.append(f"{' ' * stub} {line.rstrip()}\n")
        for name, values_S, shades_S in zip(names, values_TS, shades_TS, strict=True):
            picture.append(_right(name, stub, color) + " ")
            for s in panel:
                picture.append(*_cell(float(values_S[s]), float(shades_S[s]), widths[s], color))
            picture.append("\n")
    picture.append_text(_legend(color, "weight" if words.kind == "weights" else "norm", shown, digits=max(widths) < 3))
    if words.kind != "weights":
        picture.append(f"100 % is the largest norm, {words.most:.3g}\n", style="dim")
    if words.silent:
        picture.append("an empty row: no decoder step represents the word\n", style="dim")
    return picture


def _columns(labels: Sequence[str], room: int) -> tuple[list[int], bool]:
    """The widths of the columns, and whether their labels must be vertical."""
    for space in (2, 1):
        widths = [max(cell_len(label), 3) + space if label else 1 for label in labels]
        if sum(widths) <= room:
            return widths, False
    return [3 if 3 * len(labels) <= room else 2] * len(labels), True


def _header(labels: Sequence[str], widths: Sequence[int], upright: bool, color: bool) -> list[str]:
    """Column labels: one line, or vertical with one letter per line, aligned at the cells."""
    if not upright:
        return ["".join(map(_centre, labels, widths))]
    letters = [[label[start:end] for start, end, _ in split_graphemes(label)[0]] for label in labels]
    cut = [word if len(word) <= _TALLEST else [*word[: _TALLEST - 1], _dots(color)] for word in letters]
    height = max(map(len, cut))
    lines = zip(*([""] * (height - len(word)) + word for word in cut), strict=True)
    return ["".join(map(_centre, line, widths)) for line in lines]


def _cell(value: float, shade: float, width: int, color: bool) -> tuple[str, Style | str]:
    """A cell and its style: a percentage if the cell has three columns, else a block of colour or a digit of tenths."""
    if np.isnan(value):
        return " " * width, ""
    number = f"{100 * value:.0f}" if width > 2 else f"{min(int(10 * shade + 0.5), 9)}"
    number = "." if number == "0" else number
    text = f"{number:>{(width + 3) // 2 if width > 2 else 1}}".ljust(width)
    if not color:
        return text, ""
    red, green, blue = _color(shade)
    bright = 0.299 * red + 0.587 * green + 0.114 * blue > 128
    ink = "#000000" if bright else "#ffffff" if value >= 0.05 else "#9080a0"
    return text if width > 2 else "  ", Style(color=ink, bgcolor=f"#{red:02x}{green:02x}{blue:02x}")


def _color(shade: float) -> tuple[int, int, int]:
    """The colour of a shade from 0 to 1."""
    steps = np.linspace(0, 1, len(_VIRIDIS))
    red, green, blue = (round(float(np.interp(shade, steps, channel))) for channel in _VIRIDIS.T)
    return red, green, blue


def _legend(color: bool, what: str, scale: Shading, *, digits: bool) -> Text:
    legend = Text("\n", style="dim")
    if color:
        ticks = [text.replace("\n", " ") for _, text in scale.ticks()]
        legend.append(f"{ticks[0]} ")
        for step in range(16):
            legend.append(" ", style=_cell(step / 15, step / 15, 2, color)[1])
        legend.append(f" {ticks[-1]}; {scale.text}")
    elif digits:
        legend.append(f"digits: tenths of the colour scale (9: 0.85 and more); {scale.text}")
    else:
        legend.append(f"numbers: {what} in percent")
    return legend.append("\nspecial: on pieces of no word, such as EOS\n")


def _right(text: str, width: int, color: bool) -> str:
    if cell_len(text) > width:
        text = set_cell_size(text, width - 1).rstrip() + _dots(color)
    return " " * (width - cell_len(text)) + text


def _centre(text: str, width: int) -> str:
    return set_cell_size(" " * ((width - cell_len(text)) // 2) + text, width)


def _dots(color: bool) -> str:
    return "…" if color else "~"
