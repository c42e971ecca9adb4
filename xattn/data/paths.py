"""Paths that users write, and folders that several processes may write at once."""

import functools
import hashlib
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


def fingerprint(path: Path) -> str:
    """The size and a digest of a file, such as "1,234 bytes, blake2b 8f3e0c2a91b4d6f7".

    A gigabyte takes about two seconds, once for each process. Raises `DataError` for a file that cannot be read, or
    that can be read only once, such as a pipe.
    """
    try:
        if path.exists() and not path.is_file():
            raise DataError(f"{path} is not a file on disk, which can be read more than once: save its lines to one.")
        status = path.stat()
        return f"{status.st_size:,} bytes, blake2b {_digest(path, status.st_size, status.st_mtime_ns)}"
    except FileNotFoundError:
        raise DataError(f"There is no file {path}.") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from None


@functools.cache
def _digest(path: Path, size: int, changed: int) -> str:
    """The digest of a file, read again when its size or its time of change is another."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=8)).hexdigest()


def publish(finished: Path, folder: Path) -> None:
    """Renames a finished folder to its final name, in one step: no other process can see half of it.

    If another process has published the same folder first, its copy is kept.
    """
    try:
        os.rename(finished, folder)
    except OSError:
        if not folder.is_dir():
            raise
