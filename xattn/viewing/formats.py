"""Every format of a map's picture, by name: `FORMATS["svg"](attention, readout)`.

A format returns the bytes of a file, or an object that a rich console prints. A new format is a function and an entry
of the table. Heavy imports stay inside the functions that need them.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from xattn.alignment.maps import AttentionMap, Readout
from xattn.errors import ConfigError
from xattn.viewing.look import DEFAULT, Look
from xattn.viewing.terminal import Heatmap


def terminal(attention: AttentionMap, readout: Readout, look: Look = DEFAULT) -> Heatmap:
    """The heatmap as text, in colour if the console supports it."""
    return Heatmap(attention.to_words(readout), look.scale)


def png(attention: AttentionMap, readout: Readout, look: Look = DEFAULT) -> bytes:
    """The picture of the map's layout as an image of 200 dots per inch."""
    return _figure(attention, readout, look, "png")


def svg(attention: AttentionMap, readout: Readout, look: Look = DEFAULT) -> bytes:
    """The picture of the map's layout as a vector graphic whose text can be selected and searched."""
    return _figure(attention, readout, look, "svg")


def pdf(attention: AttentionMap, readout: Readout, look: Look = DEFAULT) -> bytes:
    """The picture of the map's layout as a PDF for LaTeX, with TrueType fonts."""
    return _figure(attention, readout, look, "pdf")


def html(attention: AttentionMap, readout: Readout, look: Look = DEFAULT) -> bytes:
    """All layers and heads of the map as one self-contained HTML page, which needs no network."""
    from xattn.viewing.page import Page

    return Page.of(attention, readout, look.scale).html.encode()


def difference(
    maps: Mapping[str, AttentionMap], readout: Readout, format: str, look: Look = DEFAULT
) -> Heatmap | bytes:
    """The second of two named maps minus the first, in any format but html, whose page compares maps itself."""
    (less, first), (more, second) = maps.items()
    words = second.to_words(readout).minus(first.to_words(readout), (more, less))
    if format not in ("png", "svg", "pdf"):
        return Heatmap(words)
    from xattn.viewing.figures import heatmap, render
    from xattn.viewing.lines import lines

    return render(lines(words, look) if look.picture == "lines" else heatmap(words, look), format, look.dpi)


def _figure(attention: AttentionMap, readout: Readout, look: Look, format: Literal["png", "svg", "pdf"]) -> bytes:
    from xattn.viewing.figures import render
    from xattn.viewing.layouts import picture

    return render(picture(attention, readout, look), format, look.dpi)


FORMATS: dict[str, Callable[[AttentionMap, Readout, Look], Heatmap | bytes]] = {
    "terminal": terminal,
    "png": png,
    "svg": svg,
    "pdf": pdf,
    "html": html,
}

SUFFIXES: dict[str, str] = {".png": "png", ".svg": "svg", ".pdf": "pdf", ".html": "html", ".txt": "terminal"}
"""The format of a file, by its suffix."""


def format_of(format: str | None, output: Path | None) -> str:
    """The format that was asked for by name, or by the suffix of a file; without both, that of the terminal.

    A file without a suffix, such as `/dev/stdout`, may have any named format. Raises `ConfigError` for a format that
    does not exist, for an unknown suffix, and for a name and a suffix that contradict each other.
    """
    if format is not None and format not in FORMATS:
        raise ConfigError(f"--format must be one of {', '.join(FORMATS)}, not {format!r}.")
    suffix = "" if output is None else output.suffix.lower()
    if output is None or (format is not None and not suffix):
        return format or "terminal"
    if suffix not in SUFFIXES:
        raise ConfigError(
            f"--output {output}: its suffix decides what is written, and must be one of {', '.join(SUFFIXES)}, not "
            f"{output.suffix!r}."
        )
    if format not in (None, SUFFIXES[suffix]):
        raise ConfigError(
            f"--format {format} contradicts the suffix of --output {output}: leave --format out, or change the suffix."
        )
    return SUFFIXES[suffix]
