"""Files of alignments in three text formats. The format and the index base (0 or 1) of a file are detected.

=============  =================================================================  ============
"pharaoh"      a sentence pair a line: `i-j` sure, `ipj` possible (then: "talp")  counts from 0
"wpt"          a link a line: `sentence i j [S|P [confidence]]` (NAACL, WPT)      counts from 1
"json"         a sentence pair a line: `{"sure": [[i, j]], "possible": [[i, j]]}` counts from 0
=============  =================================================================  ============

Word i is of the source, word j of the target. A line of JSON may also hold the words, as `source` and `target`; its
links must then lie among them. Some Pharaoh files count from 1 (a common copy of the Hansards gold alignments). In WPT
files word 0 is the empty word; links to it are left out, as in all published results.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from xattn.alignment.links import Link, Links
from xattn.errors import UserError
from xattn.lines import read_text

Format = Literal["pharaoh", "wpt", "json"]
Base = Literal["auto", "0", "1"]
Lengths = Sequence[tuple[int, int]]

# If so many sentences have links and none of these is at word 0, the file counts from 1. In a file that counts from 0,
# one sentence in three or more has no link at the first word of either side.
ENOUGH = 10

_LINK = re.compile(r"(\d+)([-p])(\d+)")
_WPT = re.compile(r"(\d+)\s+(\d+)\s+(\d+)(?:\s+([SP])(?:\s+[\d.eE+-]+)?)?")


@dataclass(frozen=True, kw_only=True)
class LinkFile:
    """The links of a file, counted from 0, with the detected format and index base."""

    links: list[Links]
    format: Format
    base: int
    notes: tuple[str, ...] = ()
    """Messages for the user about what was detected or left out."""


@dataclass(kw_only=True)
class _Sentence:
    line: int
    sure: list[Link]
    possible: list[Link]
    words: tuple[int, int] | None = None


def parse_links(text: str) -> Links:
    """The links of one line in Pharaoh or talp format; raises a ValueError for anything else.

    >>> links = parse_links("0-0 2p1")
    >>> sorted(links.sure), sorted(links.possible)
    ([(0, 0)], [(0, 0), (2, 1)])
    """
    sentence = _pharaoh_line(0, text)
    return Links.of(sentence.sure, possible=sentence.possible)


def format_links(links: Links) -> str:
    """One line in Pharaoh or talp format, sorted by source word: the inverse of `parse_links`.

    >>> format_links(Links.of([(2, 0), (0, 1)], possible=[(1, 1)]))
    '0-1 1p1 2-0'
    """
    return " ".join(f"{s}{'-' if (s, t) in links.sure else 'p'}{t}" for s, t in sorted(links.possible))


def read_links(
    path: Path,
    *,
    lengths: Lengths | None = None,
    sentences: int | None = None,
    base: Base = "auto",
) -> LinkFile:
    """Reads a link file in any of the three formats.

    Args:
        path: The file. A blank line is a pair without links.
        lengths: The numbers of (source, target) words of every pair; with them, a link outside its pair is an error.
        sentences: The number of pairs; needed for WPT files whose last pairs have no links.
        base: Whether links count from 0 or from 1. With "auto" they count from 1 if one equals the length of its
            sentence, or if none is 0 in at least 10 sentences with links; `notes` then says so.

    Raises:
        UserError: The file cannot be read or is malformed; the message names the file and the line or sentence.
    """
    lines = read_text(path)
    format = _format(path, lines)
    parsed = list(_FORMATS[format](path, lines))
    if format == "wpt":
        parsed = _joined(path, parsed, len(lengths) if lengths is not None else sentences)
    else:
        _check_count(path, len(parsed), lengths, sentences)
    notes = []
    if format == "wpt":
        dropped = 0
        for sentence in parsed:
            for links in (sentence.sure, sentence.possible):
                kept = [link for link in links if min(link) > 0]
                dropped += len(links) - len(kept)
                links[:] = kept
        if dropped:
            notes.append(f"{path}: {dropped} links to the empty word (0) are left out.")
        if base == "0":
            raise UserError(f"{path} is a WPT file: its words count from 1, and 0 is the empty word.")
        start = 1
    elif base == "auto":
        start, why = _base(path, parsed, lengths)
        notes += why
    else:
        start = int(base)
    return LinkFile(
        links=[_links(path, number, sentence, start, lengths) for number, sentence in enumerate(parsed)],
        format=format,
        base=start,
        notes=tuple(notes),
    )


def word_counts(source: Path, target: Path) -> list[tuple[int, int]]:
    """The numbers of (source, target) words of every pair in two text files, whose words are separated by spaces.

    Raises a `UserError` if a file cannot be read, or if the two do not have the same number of lines.
    """
    sides = [[len(line.split()) for line in read_text(path)] for path in (source, target)]
    if len(sides[0]) != len(sides[1]):
        raise UserError(
            f"{source} has {len(sides[0])} lines but {target} has {len(sides[1])}: line n of one must be the "
            "translation of line n of the other."
        )
    return list(zip(*sides, strict=True))


def write_links(path: Path, corpus: Iterable[Links], format: Format = "pharaoh") -> None:
    """Writes a link file for `read_links`; a WPT file does not keep the number of pairs if the last have no links."""
    path.write_text("".join(lines(corpus, format)), encoding="utf-8")


def lines(
    corpus: Iterable[Links],
    format: Format = "pharaoh",
    texts: Iterable[tuple[Sequence[str], Sequence[str]]] = (),
    *,
    first: int = 1,
) -> Iterator[str]:
    """The lines of a link file, from pair number `first` on; only JSON stores `texts`, the words of every pair.

    >>> list(lines([Links.of([]), Links.of([(0, 1)], possible=[(2, 0)])], "wpt"))
    ['2 1 2 S\\n2 3 1 P\\n']
    """
    words = iter(texts)
    for number, links in enumerate(corpus, start=first):
        pair = next(words, None)
        if format == "pharaoh":
            yield format_links(links) + "\n"
        elif format == "wpt":
            rows = ((s + 1, t + 1, "S" if (s, t) in links.sure else "P") for s, t in sorted(links.possible))
            if text := "".join(f"{number} {s} {t} {label}\n" for s, t, label in rows):
                yield text
        else:
            row: dict[str, Any] = {"source": list(pair[0]), "target": list(pair[1])} if pair else {}
            row |= {"sure": sorted(links.sure), "possible": sorted(links.possible - links.sure)}
            yield json.dumps(row, ensure_ascii=False) + "\n"


def _format(path: Path, lines: Sequence[str]) -> Format:
    first = next((line.strip() for line in lines if line.strip()), "")
    if first.startswith("{"):
        return "json"
    if _WPT.fullmatch(first) or (not first and path.suffix == ".wa"):
        return "wpt"
    return "pharaoh"


def _pharaoh(path: Path, lines: Sequence[str]) -> Iterator[_Sentence]:
    for number, line in enumerate(lines, start=1):
        try:
            yield _pharaoh_line(number, line)
        except ValueError as error:
            raise UserError(f"{path}, line {number}: {error}") from None


def _pharaoh_line(number: int, line: str) -> _Sentence:
    pairs: dict[str, list[Link]] = {"-": [], "p": []}
    for token in line.split():
        match = _LINK.fullmatch(token)
        if match is None:
            raise ValueError(f"{token!r} is not a link; write i-j (sure) or ipj (possible), counted from 0.")
        pairs[match[2]].append((int(match[1]), int(match[3])))
    return _Sentence(line=number, sure=pairs["-"], possible=pairs["p"])


def _wpt(path: Path, lines: Sequence[str]) -> Iterator[_Sentence]:
    """A sentence for every line; `_joined` joins those of one pair."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        match = _WPT.fullmatch(line.strip())
        if match is None:
            raise UserError(f"{path}, line {number}: {line.strip()!r} is not a link; write: sentence i j [S|P].")
        sentence, source, target = (int(match[group]) for group in (1, 2, 3))
        if sentence < 1:
            raise UserError(f"{path}, line {number}: sentences count from 1, and this is {sentence}.")
        possible = match[4] == "P"
        pair = [(source, target)]
        yield _Sentence(line=sentence, sure=[] if possible else pair, possible=pair if possible else [])


def _joined(path: Path, parsed: Sequence[_Sentence], sentences: int | None) -> list[_Sentence]:
    last = max((part.line for part in parsed), default=0)
    if sentences is not None and last > sentences:
        raise UserError(f"{path} has links of sentence {last}, but there are {sentences} sentence pairs.")
    whole = [_Sentence(line=n, sure=[], possible=[]) for n in range(1, (sentences or last) + 1)]
    for part in parsed:
        whole[part.line - 1].sure += part.sure
        whole[part.line - 1].possible += part.possible
    return whole


def _json(path: Path, lines: Sequence[str]) -> Iterator[_Sentence]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            yield _Sentence(line=number, sure=[], possible=[])
            continue
        try:
            row = json.loads(line)
            pairs = {name: [(s, t) for s, t in row[name]] for name in ("sure", "possible") if name in row}
            words = [len(row[side]) for side in ("source", "target") if side in row]
            whole = all(type(i) is int and i >= 0 for links in pairs.values() for link in links for i in link)
            if "sure" not in pairs or not row.keys() <= {"sure", "possible", "source", "target"} or not whole:
                raise ValueError
        except (ValueError, TypeError, AttributeError):
            raise UserError(
                f"{path}, line {number}: these are not the links of a pair; write "
                '{"sure": [[i, j]], "possible": [[i, j]]}, counted from 0, and the words as source and target if known.'
            ) from None
        yield _Sentence(
            line=number,
            sure=pairs["sure"],
            possible=pairs["possible"] if "possible" in pairs else [],
            words=(words[0], words[1]) if len(words) == 2 else None,
        )


_FORMATS: dict[Format, Callable[[Path, Sequence[str]], Iterator[_Sentence]]] = {
    "pharaoh": _pharaoh,
    "wpt": _wpt,
    "json": _json,
}


def _check_count(path: Path, count: int, lengths: Lengths | None, sentences: int | None) -> None:
    expected = len(lengths) if lengths is not None else sentences
    if expected is not None and count != expected:
        raise UserError(f"{path} has {count} lines, but there are {expected} sentence pairs.")


def _base(path: Path, parsed: Sequence[_Sentence], lengths: Lengths | None) -> tuple[int, list[str]]:
    """Whether links count from 0 or from 1, and notes about it."""
    linked = [pair for pair in parsed if pair.sure or pair.possible]
    if any(0 in link for pair in linked for link in pair.sure + pair.possible):
        return 0, []
    ends = (_at_end(pair, lengths[n] if lengths is not None else None) for n, pair in enumerate(parsed))
    if (at_end := next((n for n, end in enumerate(ends, start=1) if end), None)) is not None:
        why = f"a link of sentence {at_end} equals the length of its side, and none is 0"
        return 1, [f"{path} is taken to count from 1: {why}."]
    if len(linked) >= ENOUGH:
        return 1, [f"{path} is taken to count from 1: none of its links is 0, in {len(linked)} sentences."]
    if linked:
        return 0, [f"{path} is taken to count from 0, though none of its links is 0, in {len(linked)} sentences."]
    return 0, []


def _at_end(sentence: _Sentence, lengths: tuple[int, int] | None) -> bool:
    lengths = lengths or sentence.words
    links = sentence.sure + sentence.possible
    return lengths is not None and any(s == lengths[0] or t == lengths[1] for s, t in links)


def _links(path: Path, number: int, parsed: _Sentence, base: int, lengths: Lengths | None) -> Links:
    sure, possible = ([(s - base, t - base) for s, t in pairs] for pairs in (parsed.sure, parsed.possible))
    try:
        if any(min(link) < 0 for link in sure + possible):
            raise ValueError("a link has word 0, but links count from 1 here.")
        links = Links.of(sure, possible=possible)
        for pair in (parsed.words, None if lengths is None else lengths[number]):
            if pair is not None:
                links.check(*pair)
    except ValueError as error:
        raise UserError(f"{path}, sentence {number + 1}: {error}") from None
    return links
