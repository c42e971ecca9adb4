"""Standard output and standard error of a command: UTF-8 always, and errors of writing that are said in one line."""

import io
import os
import sys
from typing import Any

from xattn.errors import UserError


class OutputError(UserError):
    """Standard output that cannot be written."""


class _Output(io.FileIO):
    def write(self, data: Any, /) -> Any:
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError(f"Cannot write standard output: {error.strerror}.") from None


class _Notes(io.FileIO):
    def write(self, data: Any, /) -> Any:
        try:
            return super().write(data)
        except OSError:
            return len(data)  # Nobody can be told; the work itself goes on.


def prepare() -> None:
    """Makes standard output and standard error write UTF-8, whatever the environment says, and fail in words.

    What is no Unicode, as in the name of a file, is written as an escape. Streams that somebody has put in the place of
    the process's own are left alone. Raises `OutputError` if standard output is closed.
    """
    while (null := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass  # A closed stream's number is not for the next file that is opened.
    os.close(null)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    elif sys.stderr is sys.__stderr__:
        sys.stderr = _text(_Notes(2, "w", closefd=False), line_buffering=True)
    if sys.stdout is None:
        raise OutputError("Standard output is closed: write to a file, or to /dev/null.")
    if sys.stdout is sys.__stdout__:
        sys.stdout = _text(_Output(1, "w", closefd=False), line_buffering=bool(sys.stdout.line_buffering))


def discard_output() -> None:
    """Gives up standard output: what is not yet written is lost, and Python does not complain about it at exit."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _text(raw: io.FileIO, *, line_buffering: bool) -> io.TextIOWrapper:
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding="utf-8", errors="backslashreplace", line_buffering=line_buffering
    )
