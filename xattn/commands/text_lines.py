"""`xattn translate` and `xattn evaluate --score`: one line in, one line out."""

import itertools
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from xattn.alignment.words import stripped
from xattn.commands.common import tell
from xattn.errors import UserError, quantity
from xattn.lines import read_text, why_not_text
from xattn.translation.translator import Translation, Translator

# Lines translated together: enough to sort by length, few enough to see the output grow.
CHUNK = 1_024

Text = TypeVar("Text", str, tuple[str, str])
Given = tuple[bytes, bytes]
Translate = Callable[[list[str], int, Callable[[], object]], list[list[Translation]]]

# Seconds after which a command says how fast it was.
WORTH_TELLING = 2.0


def write_translations(
    translate: Translate,
    texts: Iterator[str],
    *,
    total: int | None = None,
    numbered: bool = False,
    chunk: int = CHUNK,
) -> None:
    """Writes the translation of every text to standard output, and the speed to standard error, if it took long.

    `translate(texts, first, done)` gets the texts from number `first` on, and calls `done` after each text. With
    `numbered`, a text may have several translations: each is written after the number of the text, its log-probability
    and its normalised score.
    """
    began, pieces, count = time.perf_counter(), 0, 0
    columns = [BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()] if total else [MofNCompleteColumn()]
    # A terminal shows the progress bar; a log does not.
    errors = Console(stderr=True)
    with Progress(SpinnerColumn(), TextColumn("lines"), *columns, console=errors, transient=True) as progress:
        shown = progress.add_task("", total=total)
        for first, lines in chunks(texts, chunk):
            blank = sum(not line for line in lines)
            progress.advance(shown, blank)
            found = translate(lines, first, lambda: progress.advance(shown))
            for number, several in enumerate(found, start=first):
                if not numbered:
                    sys.stdout.write(several[0].text + "\n")
                for each in several if numbered else ():
                    sys.stdout.write(f"{number}\t{each.score:.4f}\t{each.normalised:.4f}\t{each.text}\n")
            sys.stdout.flush()
            count += len(lines) - blank
            pieces += sum(each.pieces for several in found for each in several)
    seconds = time.perf_counter() - began
    if count and seconds > WORTH_TELLING:
        tell(
            f"{quantity(count, 'sentence')} in {seconds:,.1f} s: {_rate(count / seconds)} sentences and "
            f"{_rate(pieces / seconds)} target pieces a second, compilation included."
        )


def _rate(speed: float) -> str:
    """A speed with two digits at least.

    >>> _rate(0.1234), _rate(1.0), _rate(1234.5)
    ('0.12', '1.0', '1,234')
    """
    return f"{speed:,.0f}" if speed >= 9.95 else f"{speed:#.2g}"


def readable(model: Translator, lines: Iterable[bytes]) -> Iterator[str]:
    """The texts of lines. A blank line stays blank.

    A line that is not UTF-8, or longer than the model was trained for, becomes blank too, with a warning that gives its
    number: the lines after it keep their places.
    """
    return (_readable(model, line, f"line {number}") for number, line in enumerate(lines, start=1))


def write_scores(model: Translator, pairs: Iterable[Given], *, mean: bool, chunk: int = CHUNK) -> None:
    """Writes the log-probability of every translation; with `mean`, also its mean over the pieces, after a tab.

    A pair that lacks a side gives a blank line, with a warning unless both sides are blank.
    """
    for first, texts in chunks(readable_pairs(model, pairs), chunk):
        whole = [number for number, (source, target) in enumerate(texts, first) if source and target]
        scores = dict(zip(whole, model.score([texts[n - first] for n in whole]) if whole else [], strict=True))
        for number in range(first, first + len(texts)):
            if number in scores:
                logp, pieces = scores[number]
                sys.stdout.write(f"{logp:.4f}\t{logp / pieces:.4f}" if mean else f"{logp:.4f}")
            sys.stdout.write("\n")
        sys.stdout.flush()


def readable_pairs(model: Translator, pairs: Iterable[Given]) -> Iterator[tuple[str, str]]:
    """The texts of pairs, as `readable` reads them; a pair that lacks one side becomes blank, with a warning."""
    return (_pair(model, number, *pair) for number, pair in enumerate(pairs, start=1))


def table(lines: Iterable[bytes]) -> Iterator[Given]:
    """Pairs from lines of two columns, separated by a tab."""
    for number, line in enumerate(lines, start=1):
        columns = line.split(b"\t")
        if len(columns) != 2 and line.strip():
            _skip(f"line {number}", f"has {quantity(len(columns), 'column')}, not a source, a tab and a translation")
        yield (columns[0], columns[1]) if len(columns) == 2 else (b"", b"")


def read_sentences(path: Path) -> list[str]:
    """The sentences of a file, one a line; raises `UserError` for an empty line, and for text that is not UTF-8."""
    texts = read_text(path)
    for number, text in enumerate(texts, start=1):
        if not text.strip():
            raise UserError(f"{path}, line {number} is empty: every line must be a sentence.")
    return texts


def _pair(model: Translator, number: int, source: bytes, target: bytes) -> tuple[str, str]:
    if bool(source.strip()) != bool(target.strip()):
        _skip(f"line {number}", "has no " + ("translation" if source.strip() else "source"))
        return "", ""
    return _readable(model, source, f"line {number}"), _readable(model, target, f"line {number} of the translations")


def _readable(model: Translator, line: bytes, where: str) -> str:
    """The text of a line; empty, with a warning, where the model cannot read it."""
    longest = model.settings.max_length
    try:
        text = stripped(line.decode())
    except UnicodeDecodeError as error:
        _skip(where, why_not_text(line, error))
        return ""
    pieces = len(model.encode(text))
    if pieces > longest:
        _skip(where, f"has {quantity(pieces, 'piece')}, but this model was trained on at most {longest}")
        return ""
    return text


def _skip(where: str, what: str) -> None:
    tell(f"{where} {what}; it is left blank.")


def chunks(texts: Iterator[Text], size: int) -> Iterator[tuple[int, list[Text]]]:
    """The texts in chunks of `size`, each after the number of its first text, counted from 1."""
    for first in itertools.count(1, size):
        chunk = list(itertools.islice(texts, size))
        if not chunk:
            return
        yield first, chunk
