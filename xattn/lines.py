"""Lines of text files: the one reader that all commands, corpora and link files share."""

import gzip
import io
import sys
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO

from xattn.errors import UserError, quantity, require

BOM = b"\xef\xbb\xbf"
"""The byte order mark in UTF-8. It stands at the start of some files, and inside joined ones, and is no text."""

GZIP = b"\x1f\x8b"
"""How gzipped files begin."""


def split(stream: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of a binary stream without their ends, LF or CR LF, and without byte order marks at their start.

    No other character ends a line: text may contain form feeds, U+0085, U+2028 and U+2029.

    >>> import io
    >>> list(split(io.BytesIO(b"\\xef\\xbb\\xbfa\\x0cb\\r\\n\\nc")))
    [b'a\\x0cb', b'', b'c']
    """
    for line in stream:
        while line.startswith(BOM):
            line = line.removeprefix(BOM)
        yield line.removesuffix(b"\n").removesuffix(b"\r")


def read(path: str | Path) -> Iterator[bytes]:
    """The lines of a file as `split` gives them; the file may be gzipped, whatever its name.

    The file is opened once and read from start to end, so that it may be a pipe. Raises `UserError` where it cannot be
    read.
    """
    with _errors_of(path), Path(path).open("rb") as file:
        yield from _unzipped(file)


def read_input() -> Iterator[bytes]:
    """The lines of standard input, as `read` gives those of a file."""
    stream = _standard_input()

    def found() -> Iterator[bytes]:
        with _errors_of("standard input"):
            yield from _unzipped(stream)

    return found()


def count_input() -> int | None:
    """The number of lines of standard input that `read_input` will give; None unless it is a plain file.

    Only a file can be read again. Raises `UserError` where it cannot be read.
    """
    stream = _standard_input()
    with _errors_of("standard input"):
        if not stream.seekable():
            return None
        start = stream.tell()
        zipped = stream.read(len(GZIP)) == GZIP
        stream.seek(start)
        count = None if zipped else sum(1 for _ in stream)
        stream.seek(start)
        return count


def _standard_input() -> BinaryIO:
    require(sys.stdin is not None, "Standard input is closed: give it a file with `< FILE`.")
    return sys.stdin.buffer


def _unzipped(stream: BinaryIO) -> Iterator[bytes]:
    # `peek` leaves the stream as it is, which a pipe needs.
    buffered = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(stream)  # pyright: ignore
    zipped = buffered.peek(len(GZIP))[: len(GZIP)] == GZIP
    with gzip.open(buffered) if zipped else nullcontext(buffered) as plain:
        yield from split(plain)


@contextmanager
def _errors_of(what: str | Path) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, zlib.error) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UserError(f"Cannot read {what}: {why}.") from None


def read_text(path: str | Path) -> list[str]:
    """The lines of a file as text. Raises `UserError` where it cannot be read, and for a line that is not UTF-8."""
    return [decode(line, f"{path}, line {number}") for number, line in enumerate(read(path), start=1)]


def read_pairs(source: str | Path, target: str | Path) -> list[tuple[bytes, bytes]]:
    """The lines of two files side by side. Raises `UserError` where they do not have as many lines."""
    sides = list(read(source)), list(read(target))
    counts = [len(side) for side in sides]
    if counts[0] != counts[1]:
        raise UserError(
            f"{source} has {quantity(counts[0], 'line')} but {target} has {counts[1]:,}: each line of one "
            "must translate the same line of the other."
        )
    return list(zip(*sides, strict=True))


def decode(line: bytes, where: str) -> str:
    """A line as text. Raises `UserError`, which says `where` and which byte, for a line that is not UTF-8."""
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise UserError(f"{where} {why_not_text(line, error)}.") from None


def why_not_text(line: bytes, error: UnicodeDecodeError) -> str:
    """What is wrong with a line that is not UTF-8.

    >>> try: b"caf\\xe9".decode()
    ... except UnicodeDecodeError as error: why_not_text(b"caf\\xe9", error)
    'is not UTF-8 (byte 0xe9 at position 4)'
    """
    if line.startswith((b"\xff\xfe", b"\xfe\xff")) and b"\0" in line:
        return "is UTF-16: save the file as UTF-8"
    return f"is not UTF-8 (byte 0x{line[error.start]:02x} at position {error.start + 1})"
