"""What several commands share: option types, the run that a first word names, the console, and notes."""

import errno
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from xattn import lines
from xattn.errors import UserError, require

if TYPE_CHECKING:
    from rich.console import Console

    from xattn.runs.folder import Run

Base = Literal["auto", "0", "1"]
Order = Literal["auto", "source-target", "target-source"]
Rows = Literal["produced", "read"]
Head = int | Literal["mean"]


def run_and_texts(
    words: Sequence[str], model: str | None, *, files: str, reads_files: "Callable[[Run], bool]" = lambda run: False
) -> "tuple[Run, list[str]]":
    """Splits words into a run and texts: the first one names a run if it is a folder, or has a slash.

    A word with white space is a text, whatever folders there are. `model` names the run instead; without either it is
    the default one of the package. Raises `ConfigError` for a text that is a file, where `files` says how to give one,
    unless the run `reads_files`; and `UserError` for a text that is not UTF-8.
    """
    from xattn.runs.folder import DEFAULT, open_named

    first = bool(words) and _is_name(words[0]) and (os.path.isdir(words[0]) or os.sep in words[0])
    if first and not os.path.isfile(words[0]):
        require(model is None, f"--model {model} and {words[0]} both name a run: leave one of them out.")
        model, *words = words
    found = next((word for word in words if _is_name(word) and os.path.isfile(word)), None)
    wrong = f"{found} is a file, not a run folder or a text: {files.format(file=found)}."
    require(found is None or model is not None, wrong)
    run = open_named(model or DEFAULT)
    require(found is None or reads_files(run), wrong)
    return run, [text_of(word, f"Text {n}") for n, word in enumerate(words, start=1)]


def text_of(word: str, what: str) -> str:
    """An argument as text, read as a line of a file is; raises `UserError`, which says `what`, if it is not UTF-8."""
    (line,) = lines.split([os.fsencode(word)])
    return lines.decode(line, what)


def _is_name(word: str) -> bool:
    """Whether a word could name a file; no text of several words does, and the file system is not asked about one."""
    return word.split() == [word]


def console() -> "Console":
    """The console of a command that trains or scores."""
    from rich.console import Console

    return Console(soft_wrap=True, highlight=False)


def tell(note: str) -> None:
    """Prints a note to standard error."""
    print(f"xattn: {note}", file=sys.stderr)


def check_writable(path: Path) -> None:
    """Makes the folder of a file that a command will write; raises `UserError` if the file cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))
    except FileExistsError as error:
        raise UserError(f"Cannot write {path}: {error.filename} is a file, not a folder.") from None
    except OSError as error:
        raise UserError(f"Cannot write {path}: {error.strerror}.") from None
