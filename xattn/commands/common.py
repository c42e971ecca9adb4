"""What several commands share: option types, the run that a first word names, the console, and notes."""

import errno
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from xattn.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

    from xattn.runs.folder import Run

Base = Literal["auto", "0", "1"]
Order = Literal["auto", "source-target", "target-source"]
Rows = Literal["produced", "read"]
Head = int | Literal["mean"]


def run_and_texts(words: Sequence[str]) -> "tuple[Run, list[str]]":
    """Splits words into a run and texts: a first word that is a folder, or has a slash and no space, names a run.

    Otherwise the run is the toy model of the package.
    """
    from xattn.runs.folder import PRETRAINED, open_run

    if words and words[0].strip() and (Path(words[0]).is_dir() or (os.sep in words[0] and " " not in words[0])):
        return open_run(words[0]), list(words[1:])
    return open_run(PRETRAINED), list(words)


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
