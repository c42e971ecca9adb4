"""`xattn translate`: one line in, one line out."""

import itertools
import sys
from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from xattn.tasks.translator import Translator

# Lines translated together: enough to sort by length, few enough to see the output grow.
CHUNK = 1_024


def write_translations(
    model: Translator, lines: Iterable[bytes], *, beam: int, n_best: int, chunk: int = CHUNK
) -> None:
    """Writes the translation of every line to standard output.

    A blank line stays blank. A line that cannot be translated (not UTF-8, or longer than the model was trained for)
    comes out blank, with a warning that gives its number: the lines after it keep their places.
    """
    errors = Console(stderr=True)
    # Only a person at a screen wants a moving picture; a log does not.
    with Progress(SpinnerColumn(), TextColumn("{task.description}"), console=errors, transient=True) as progress:
        shown = progress.add_task("translating")
        for first, texts in _chunks(_readable(model, lines), chunk):
            for number, found in enumerate(model.translate(texts, beam=beam, n_best=n_best), start=first):
                if n_best == 1:
                    sys.stdout.write(found[0].text + "\n")
                for each in found if n_best > 1 else ():
                    sys.stdout.write(f"{number}\t{each.score:.4f}\t{each.text}\n")
            sys.stdout.flush()
            done = first + len(texts) - 1
            speed = done / max(progress.tasks[shown].elapsed or 0, 1e-6)
            progress.update(shown, description=f"{done:,} lines, {speed:,.0f} a second")


def _readable(model: Translator, lines: Iterable[bytes]) -> Iterator[str]:
    longest = model.config.data.max_length
    for number, line in enumerate(lines, start=1):
        try:
            text = line.decode().strip()
        except UnicodeDecodeError as error:
            byte = f"byte 0x{line[error.start]:02x} at position {error.start + 1}"
            print(f"xattn: line {number} is not UTF-8 ({byte}); it is left blank.", file=sys.stderr)
            text = ""
        pieces = len(model.encode(text))
        if pieces > longest:
            print(
                f"xattn: line {number} has {pieces} pieces, but this model was trained on at most {longest}; "
                "it is left blank.",
                file=sys.stderr,
            )
            text = ""
        yield text


def _chunks(texts: Iterator[str], size: int) -> Iterator[tuple[int, list[str]]]:
    for first in itertools.count(1, size):
        chunk = list(itertools.islice(texts, size))
        if not chunk:
            return
        yield first, chunk
