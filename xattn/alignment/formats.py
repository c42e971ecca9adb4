"""Alignments as text: one sentence pair a line, `i-j` for a sure link and `ipj` for a possible one.

Without possible links this is the Pharaoh format, with them the talp format; both count words from 0.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from xattn.alignment.links import Links

_LINK = re.compile(r"(\d+)([-p])(\d+)")


def parse_links(text: str) -> Links:
    """The links of one line.

    >>> links = parse_links("0-0 2p1")
    >>> sorted(links.sure), sorted(links.possible)
    ([(0, 0)], [(0, 0), (2, 1)])
    """
    pairs: dict[str, list[tuple[int, int]]] = {"-": [], "p": []}
    for token in text.split():
        match = _LINK.fullmatch(token)
        if match is None:
            raise ValueError(f"{token!r} is not a link; write i-j (sure) or ipj (possible), counted from 0.")
        pairs[match[2]].append((int(match[1]), int(match[3])))
    return Links.of(pairs["-"], possible=pairs["p"])


def format_links(links: Links) -> str:
    """The inverse of `parse_links`, in order of the source word.

    >>> format_links(Links.of([(2, 0), (0, 1)], possible=[(1, 1)]))
    '0-1 1p1 2-0'
    """
    return " ".join(f"{s}{'-' if (s, t) in links.sure else 'p'}{t}" for s, t in sorted(links.possible))


def read_links(path: Path, *, lengths: Sequence[tuple[int, int]] | None = None) -> list[Links]:
    """Reads a link file, one sentence pair a line; a blank line is a pair without links.

    `lengths`, the (source, target) words of every pair, makes links outside their pair an error.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    if lengths is not None and len(lengths) != len(lines):
        raise ValueError(f"{path} has {len(lines)} lines, but there are {len(lengths)} sentence pairs.")
    corpus = []
    for number, line in enumerate(lines, start=1):
        try:
            links = parse_links(line)
            if lengths is not None:
                links.check(*lengths[number - 1])
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}") from error
        corpus.append(links)
    return corpus


def write_links(path: Path, corpus: Iterable[Links]) -> None:
    """Writes a link file that `read_links` reads back."""
    path.write_text("".join(format_links(links) + "\n" for links in corpus), encoding="utf-8")
