"""Files of alignments in three text formats. The format and the index base (0 or 1) of a file are detected.

=============  =================================================================  ============
"pharaoh"      a sentence pair a line: `i-j` sure, `ipj` possible (then: "talp")  counts from 0
"wpt"          a link a line: `sentence i j [S|P [confidence]]` (NAACL, WPT)      counts from 1
"json"         a sentence pair a line: `{"sure": [[i, j]], "possible": [[i, j]]}` counts from 0
=============  =================================================================  ============

Word i is of the source, word j of the target. A line of JSON may also hold the words, as `source` and `target`; its
links must then lie among them. Some Pharaoh files count from 1 (a common copy of the Hansards gold alignments). In WPT
files word 0 is the empty word; links to it are left out, as in all published results. A WPT file does not say how many
sentences without links are at its end.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from xattn.alignment.links import Link, Links
from xattn.alignment.words import OtherSpaces, words
from xattn.errors import UserError, quantity
from xattn.lines import read_text

Format = Literal["pharaoh", "wpt", "json"]
Base = Literal["auto", "0", "1"]
Lengths = Sequence[tuple[int, int]]

# If so many sentences have links and none of these is at word 0, the file counts from 1. In a file that counts from 0,
# one sentence in three or more has no link at the first word of either side.
ENOUGH = 10

# No sentence has so many words. A WPT file may have a link of sentence number MOST, whatever its length.
MOST = 1_000_000

_LINK = re.compile(r"(0*\d{1,6})([-p])(0*\d{1,6})")
_WPT = re.compile(r"(0*\d{1,18})\s+(0*\d{1,6})\s+(0*\d{1,6})(?:\s+([SPsp]))?(?:\s+[\d.eE+-]+)?")
_WPT_START = re.compile(r"-?\d+\s+-?\d+\s+-?\d+(\s|$)")
_NO_LINKS = Links.of([])


@dataclass(frozen=True, kw_only=True)
class LinkFile:
    """The links of a file, counted from 0, with the detected format and index base."""

    links: list[Links]
    format: Format
    base: int
    notes: tuple[str, ...] = ()
    """Messages for the user about what was detected or left out."""


class CountError(UserError):
    """A link file has another number of sentence pairs than it should have."""


@dataclass(kw_only=True)
class _Sentence:
    sure: list[Link]
    possible: list[Link]
    words: tuple[int, int] | None = None
    line: int = 0
    """The line of the file, in a WPT file that of the last link."""


@dataclass(frozen=True, kw_only=True)
class ParsedFile:
    """The numbers of a link file as they stand there: `resolve` gives links of sentences, counted from 0."""

    path: Path
    format: Format
    sentences: dict[int, _Sentence]
    """By number, counted from 1; WPT files have only those with links."""

    def resolve(self, *, lengths: Lengths | None = None, sentences: int | None = None, base: Base = "auto") -> LinkFile:
        """The links; see `read_links`, also for the errors."""
        expected = len(lengths) if lengths is not None else sentences
        if self.format == "wpt":
            parsed, notes = self._without_empty_word(self._count(expected))
            if base == "0":
                raise UserError(f"{self.path} is a WPT file: its words count from 1, and 0 is the empty word.")
            start = 1
        else:
            parsed = list(self.sentences.values())
            if expected is not None and len(parsed) != expected:
                lines = quantity(len(parsed), "line")
                raise CountError(f"{self.path} has {lines}, but the number of sentence pairs is {expected:,}.")
            start, notes = _base(self.path, parsed, lengths) if base == "auto" else (int(base), [])
        return LinkFile(
            links=[
                _links(self.path, number, sentence, start, lengths) if sentence.sure or sentence.possible else _NO_LINKS
                for number, sentence in enumerate(parsed)
            ],
            format=self.format,
            base=start,
            notes=tuple(notes),
        )

    def _count(self, expected: int | None) -> int:
        """The number of sentences of a WPT file."""
        last = max(self.sentences, default=0)
        if expected is not None:
            if last > expected:
                raise CountError(
                    f"{self.path}, line {self.sentences[last].line}: this is a link of sentence {last}, but the "
                    f"number of sentence pairs is {expected:,}."
                )
            return expected
        if last > max(MOST, 10 * len(self.sentences)):
            raise UserError(
                f"{self.path}, line {self.sentences[last].line}: this is a link of sentence {last}, but only "
                f"{quantity(len(self.sentences), 'sentence')} can be found: correct the number, or name the texts with "
                "--source and --target."
            )
        return last

    def _without_empty_word(self, count: int) -> tuple[list[_Sentence], list[str]]:
        """All sentences of a WPT file without links to the empty word, and a note about these."""
        dropped, none, whole = 0, _Sentence(sure=[], possible=[]), []
        for number in range(1, count + 1):
            if number not in self.sentences:
                whole.append(none)
                continue
            sentence = self.sentences[number]
            sure, possible = ([link for link in each if min(link) > 0] for each in (sentence.sure, sentence.possible))
            dropped += len(sentence.sure) + len(sentence.possible) - len(sure) - len(possible)
            whole.append(_Sentence(sure=sure, possible=possible))
        return whole, [f"{self.path}: left out {quantity(dropped, 'link')} to the empty word (0)."] if dropped else []


def parse_links(text: str) -> Links:
    """The links of one line in Pharaoh or talp format; raises a ValueError for anything else.

    >>> links = parse_links("0-0 2p1")
    >>> sorted(links.sure), sorted(links.possible)
    ([(0, 0)], [(0, 0), (2, 1)])
    """
    sentence = _pharaoh_line(text)
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
    return parse_file(path).resolve(lengths=lengths, sentences=sentences, base=base)


def parse_file(path: Path) -> ParsedFile:
    """Reads a link file once, in whatever way its links will be counted; raises a `UserError` as `read_links` does."""
    lines = read_text(path)
    format = _format(path, lines)
    return ParsedFile(path=path, format=format, sentences=_FORMATS[format](path, lines))


def word_counts(source: Path, target: Path) -> tuple[list[tuple[int, int]], list[str]]:
    """The numbers of (source, target) words of every pair in two text files, and notes about spaces in them.

    ASCII white space parts words; see `xattn.alignment.words`. Raises a `UserError` if a file cannot be read, or if the
    two do not have the same number of lines.
    """
    sides, notes = [], []
    for path in (source, target):
        texts = read_text(path)
        sides.append([len(words(line)) for line in texts])
        notes += OtherSpaces.of(str(path), texts).notes
    if len(sides[0]) != len(sides[1]):
        raise UserError(
            f"{source} has {len(sides[0])} lines but {target} has {len(sides[1])}: line n of one must be the "
            "translation of line n of the other."
        )
    return list(zip(*sides, strict=True)), notes


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
    pairs = iter(texts)
    for number, links in enumerate(corpus, start=first):
        pair = next(pairs, None)
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
    if _WPT_START.match(first) or (not first and path.suffix == ".wa"):
        return "wpt"
    return "pharaoh"


def _pharaoh(path: Path, lines: Sequence[str]) -> dict[int, _Sentence]:
    sentences = {}
    for number, line in enumerate(lines, start=1):
        try:
            sentences[number] = _pharaoh_line(line)
        except ValueError as error:
            raise UserError(f"{path}, line {number}: {error}") from None
    return sentences


def _pharaoh_line(line: str) -> _Sentence:
    pairs: dict[str, list[Link]] = {"-": [], "p": []}
    for token in line.split():
        match = _LINK.fullmatch(token)
        if match is None:
            if re.fullmatch(r"\d+[-p]\d+", token):
                raise ValueError(f"{_short(token)} has a word from {MOST:,} on, and no sentence is so long.")
            raise ValueError(f"{_short(token)} is not a link; write i-j (sure) or ipj (possible), counted from 0.")
        pairs[match[2]].append((int(match[1]), int(match[3])))
    return _Sentence(sure=pairs["-"], possible=pairs["p"])


def _wpt(path: Path, lines: Sequence[str]) -> dict[int, _Sentence]:
    sentences: dict[int, _Sentence] = {}
    for number, line in enumerate(lines, start=1):
        line = line.strip()
        if not line:
            continue
        match = _WPT.fullmatch(line)
        if match is None:
            if _WPT_START.match(line) and any(len(each.lstrip("0")) > 6 for each in line.split()[1:3]):
                raise UserError(
                    f"{path}, line {number}: {_short(line)} has a word from {MOST:,} on, and no sentence is so long."
                )
            raise UserError(f"{path}, line {number}: {_short(line)} is not a link; write: sentence i j [S|P].")
        pair, place = int(match[1]), (int(match[2]), int(match[3]))
        if pair < 1:
            raise UserError(f"{path}, line {number}: sentences count from 1, and this is {pair}.")
        sentence = sentences.setdefault(pair, _Sentence(sure=[], possible=[]))
        sentence.line = number
        (sentence.possible if match[4] in ("P", "p") else sentence.sure).append(place)
    return sentences


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}...")


def _json(path: Path, lines: Sequence[str]) -> dict[int, _Sentence]:
    sentences = {}
    for number, line in enumerate(lines, start=1):
        try:
            sentences[number] = _json_line(line) if line.strip() else _Sentence(sure=[], possible=[])
        except (ValueError, TypeError, AttributeError, RecursionError):
            raise UserError(
                f"{path}, line {number}: these are not the links of a pair; write "
                '{"sure": [[i, j]], "possible": [[i, j]]}, counted from 0, and the words as source and target if known.'
            ) from None
    return sentences


def _json_line(line: str) -> _Sentence:
    row = json.loads(line)
    pairs = {name: [(s, t) for s, t in row[name]] for name in ("sure", "possible") if name in row}
    sides = [len(row[side]) for side in ("source", "target") if side in row]
    whole = all(type(i) is int and 0 <= i < MOST for links in pairs.values() for link in links for i in link)
    if "sure" not in pairs or not row.keys() <= {"sure", "possible", "source", "target"} or not whole:
        raise ValueError
    return _Sentence(
        sure=pairs["sure"],
        possible=pairs["possible"] if "possible" in pairs else [],
        words=(sides[0], sides[1]) if len(sides) == 2 else None,
    )


_FORMATS: dict[Format, Callable[[Path, Sequence[str]], dict[int, _Sentence]]] = {
    "pharaoh": _pharaoh,
    "wpt": _wpt,
    "json": _json,
}


def _base(path: Path, parsed: Sequence[_Sentence], lengths: Lengths | None) -> tuple[int, list[str]]:
    """Whether links count from 0 or from 1, and notes about it."""
    linked = [pair for pair in parsed if pair.sure or pair.possible]
    if any(0 in link for pair in linked for link in pair.sure + pair.possible):
        return 0, []
    ends = (_at_end(pair, lengths[n] if lengths is not None else None) for n, pair in enumerate(parsed))
    if (at_end := next((n for n, end in enumerate(ends, start=1) if end), None)) is not None:
        why = f"a link of sentence {at_end} equals the length of its side, and none is 0"
        return 1, [f"{path} is taken to count from 1: {why}."]
    none = f"none of its links is 0, in {quantity(len(linked), 'sentence')}"
    if len(linked) >= ENOUGH:
        return 1, [f"{path} is taken to count from 1: {none}."]
    if linked:
        return 0, [f"{path} is taken to count from 0, though {none}."]
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
