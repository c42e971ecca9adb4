"""A word map in the terminal: source words above the columns, target words left of the rows.

In colour a cell is a block from dark (0) to bright (1); without colour it is a number. Long source words are written
vertically, and a sentence wider than the terminal continues in panels below.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from rich.cells import cell_len, set_cell_size, split_graphemes
from rich.console import Console, ConsoleOptions
from rich.style import Style
from rich.text import Text

from xattn.alignment.maps import WordMap
from xattn.viewing.direction import MIRRORED, as_read, is_right_to_left, isolate, isolated
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
# From negative to positive through the darkest colour, for differences.
_SIGNED = np.array([(255, 198, 128), (151, 84, 15), (29, 31, 43), (36, 104, 166), (168, 216, 255)])
_TALLEST = 12  # lines of a vertical column label
_PANELS = 4  # a map that would need more panels is drawn by groups of columns


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

    The last column is each row's special mass. Rows of words that no decoder step represents are empty. A map that is
    wider than `width` continues below; one that is much wider has columns for groups of words.
    """
    words = as_read(words)
    shown = shading(words, scale)
    names = [printable(word) for word in words.target_labels]
    mark = isolated if isolate([*words.source, *names]) else str
    stub = min(max(map(cell_len, names), default=0), width // 4)
    room = max(width - stub - 1, 3)
    labels, values_TS, said = _grouped(words, room)
    widths, upright = _columns(labels, room)
    shades_TS, values_TS = shown.shades(values_TS), values_TS / words.most
    values_TS[list(words.silent)] = np.nan

    # Horizontal labels fit in one panel; vertical columns have equal widths, so equal shares of them fit.
    panels = -(-len(labels) // (room // max(widths))) if upright else 1
    said += [f"too wide for {width} columns: the map continues in {panels} panels"] if panels > 1 else []
    picture = Text()
    picture.append(words.title, style="bold")
    picture.append("\n".join(["", *words.meaning, *said, ""]), style="dim")
    for panel in np.array_split(range(len(labels)), panels):
        picture.append("\n")
        for line in _header([labels[s] for s in panel], [widths[s] for s in panel], upright, color, mark):
            picture.append(f"{' ' * stub} {line.rstrip()}\n")
        for name, values_S, shades_S in zip(names, values_TS, shades_TS, strict=True):
            picture.append(_right(name, stub, color, mark) + " ")
            for s in panel:
                picture.append(*_cell(float(values_S[s]), float(shades_S[s]), widths[s], color, shown.signed))
            picture.append("\n")
    picture.append_text(_legend(color, words, shown, digits=max(widths) < 3))
    picture.append("".join(f"{line}\n" for line in _notes(words, mark)), style="dim")
    return picture


def _grouped(words: WordMap, room: int) -> tuple[list[str], Float[np.ndarray, "T columns"], list[str]]:
    """The labels of the columns, their values, and a note if a column stands for a group of source words."""
    columns, (rows, count) = [printable(word) for word in words.source_labels], words.weights.shape
    weights_TS, said = words.weights, []
    tail = ["", "special"]
    _, upright = _columns([*columns, *tail], room)
    if upright and 2 * (count + len(tail)) > _PANELS * (room // 2 * 2):
        size = -(-count // max(room // 2 - len(tail), 1))
        starts = np.arange(0, count, size)
        largest_TS = np.maximum.reduceat(weights_TS, starts, axis=1)
        least_TS = np.minimum.reduceat(weights_TS, starts, axis=1)
        weights_TS = np.where(-least_TS > largest_TS, least_TS, largest_TS)
        columns = [columns[start] for start in starts]
        said.append(f"{count} columns do not fit: a column is {size} words, labelled with the first, and their maximum")
    gap_T1 = np.full((rows, 1), np.nan, np.float32)
    return [*columns, *tail], np.concatenate([weights_TS, gap_T1, words.special[:, None]], axis=1), said


def _columns(labels: Sequence[str], room: int) -> tuple[list[int], bool]:
    """The widths of the columns, and whether their labels must be vertical."""
    for space in (2, 1):
        widths = [max(cell_len(label), 3) + space if label else 1 for label in labels]
        if sum(widths) <= room:
            return widths, False
    return [3 if 3 * len(labels) <= room else 2] * len(labels), True


def _header(
    labels: Sequence[str], widths: Sequence[int], upright: bool, color: bool, mark: Callable[[str], str]
) -> list[str]:
    """Column labels: one line, or vertical with one letter per line, aligned at the cells."""
    if not upright:
        return ["".join(_centre(label, width, mark) for label, width in zip(labels, widths, strict=True))]
    letters = [[label[start:end] for start, end, _ in split_graphemes(label)[0]] for label in labels]
    cut = [word if len(word) <= _TALLEST else [*word[: _TALLEST - 1], _dots(color)] for word in letters]
    height = max(map(len, cut))
    lines = zip(*([""] * (height - len(word)) + word for word in cut), strict=True)
    return ["".join(_centre(letter, width, mark) for letter, width in zip(line, widths, strict=True)) for line in lines]


def _cell(value: float, shade: float, width: int, color: bool, signed: bool) -> tuple[str, Style | str]:
    """A cell and its style: a percentage if the cell has three columns, else a block of colour or a digit of tenths."""
    if np.isnan(value):
        return " " * width, ""
    tenths = min(int(10 * abs(shade) + 0.5), 9)
    number = f"{100 * value:{'+' if signed else ''}.0f}" if width > 2 else f"{'-' if shade < 0 else ''}{tenths}"
    number = "." if number.strip("+-") == "0" else number
    text = f"{number:>{(width + 3) // 2 if width > 2 else 1}}".ljust(width)
    if not color:
        return text, ""
    red, green, blue = _color(shade, signed)
    bright = 0.299 * red + 0.587 * green + 0.114 * blue > 128
    ink = "#000000" if bright else "#ffffff" if abs(value) >= 0.05 else "#9080a0"
    return text if width > 2 else "  ", Style(color=ink, bgcolor=f"#{red:02x}{green:02x}{blue:02x}")


def _color(shade: float, signed: bool) -> tuple[int, int, int]:
    """The colour of a shade from 0 to 1, or from -1 to 1 of a difference."""
    stops = _SIGNED if signed else _VIRIDIS
    steps = np.linspace(-1 if signed else 0, 1, len(stops))
    red, green, blue = (round(float(np.interp(shade, steps, channel))) for channel in stops.T)
    return red, green, blue


def _legend(color: bool, words: WordMap, scale: Shading, *, digits: bool) -> Text:
    legend = Text("\n", style="dim")
    if color:
        ticks, shades = scale.ticks(), np.linspace(-1 if scale.signed else 0, 1, 16).tolist()
        legend.append(f"{ticks[0][1]} ")
        for shade in shades:
            legend.append(" ", style=_cell(shade, shade, 2, color, scale.signed)[1])
        legend.append(f" {ticks[-1][1]}; {scale.text}\n".replace("row\nmax", "row max"))
    elif digits:
        legend.append(f"digits: tenths of the colour scale (9: 0.85 and more); {scale.text}\n")
    else:
        legend.append(f"numbers: {words.unit} in percent\n")
    return legend


def _notes(words: WordMap, mark: Callable[[str], str]) -> list[str]:
    """What the picture does not say by itself, one note a line."""
    notes = ["special: on pieces of no word, such as EOS"]
    if words.unit != "weight":
        notes.append(f"100 % is the largest {words.unit}, {words.most:.3g}")
    if is_right_to_left(words.source):
        notes.append(MIRRORED)
    if words.silent:
        notes.append("an empty row: no decoder step represents the word")
    if words.empty:
        names = [mark(printable(words.target[t])) for t in words.empty]
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        notes.append(f"attends to nothing, since all it may see is masked: {', '.join(names[:5])}{more}")
    return notes


def _right(text: str, width: int, color: bool, mark: Callable[[str], str]) -> str:
    if cell_len(text) > width:
        text = set_cell_size(text, width - 1).rstrip() + _dots(color)
    return " " * (width - cell_len(text)) + mark(text)


def _centre(text: str, width: int, mark: Callable[[str], str]) -> str:
    if not text:
        return " " * width
    left = max(width - cell_len(text), 0) // 2
    text = set_cell_size(text, min(cell_len(text), width))
    return " " * left + mark(text) + " " * (width - left - cell_len(text))


def _dots(color: bool) -> str:
    return "…" if color else "~"
