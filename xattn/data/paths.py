"""Paths that users write, and folders that several processes may write at once."""

import os
import re
from pathlib import Path

from xattn.data.pairs import DataError


def expand(path: str) -> str:
    """Replaces `~` and environment variables in a path; `{split}` is left alone.

    Raises `DataError` for a variable that is not set.
    """
    for name in re.findall(r"\$(\w+)|\$\{(\w+)\}", path):
        variable = name[0] or name[1]
        if variable not in os.environ:
            raise DataError(
                f"{path} names the environment variable {variable}, which is not set: export {variable}=FOLDER."
            )
    return os.path.expanduser(os.path.expandvars(path))


def publish(finished: Path, folder: Path) -> None:
    """Renames a finished folder to its final name, in one step: no other process can see half of it.

    If another process has published the same folder first, its copy is kept.
    """
    try:
        os.rename(finished, folder)
    except OSError:
        if not folder.is_dir():
            raise
