"""AN4: letters, digits and commands, spoken one sentence at a time (Acero, 1993), as cepstra."""

import re
import tarfile
import zlib
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float32

from xattn.errors import UserError

CEPSTRA = 13
"""Coefficients of a frame."""
SECONDS = 0.01
"""From one frame to the next."""

_LIST = re.compile(r"(?:^|/)etc/an4_(train|test)\.(fileids|transcription)$")
_FRAMES = re.compile(r"(?:^|/)feat/(.+)\.mfc$")
# The words of a line, without marks of the sentence, and the name of its recording.
_LINE = re.compile(r"^(?:<s>)?([A-Z\s]+?)(?:</s>)?\s*\(([^()\s]+)\)\s*$")


class Utterance(NamedTuple):
    """A sentence that somebody said."""

    speaker: str
    words: tuple[str, ...]
    frames: Float32[np.ndarray, "K C"]


def load(archive: Path) -> dict[Literal["train", "test"], list[Utterance]]:
    """Reads the sentences of both parts, in the order of their lists.

    Raises `UserError` for a file that is no such archive, or is damaged.
    """
    lists, frames = {}, {}
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                named, heard = _LIST.search(member.name), _FRAMES.search(member.name)
                file = tar.extractfile(member) if named or heard else None
                if file is None:
                    continue
                if named:
                    lists[named[1], named[2]] = file.read().decode().splitlines()
                elif heard:
                    frames[heard[1]] = cepstra(file.read(), f"{archive}, {member.name}")
    except OSError as error:
        raise UserError(f"Cannot read {archive}: {error.strerror or error}.") from None
    except (tarfile.TarError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise UserError(f"Cannot read {archive}: {error}.") from None
    return {part: _part(archive, part, lists, frames) for part in ("train", "test")}


def cepstra(data: bytes, name: str) -> Float32[np.ndarray, "K C"]:
    """The frames of a file of Sphinx: a count of numbers (int32), then the numbers (float32), both big-endian."""
    count = int.from_bytes(data[:4], "big")
    if len(data) != 4 + 4 * count or count == 0 or count % CEPSTRA:
        raise UserError(
            f"{name} has {len(data):,} bytes and says that it has {count:,} numbers: there are four bytes for the "
            f"count and for each number, and {CEPSTRA} numbers a frame."
        )
    found = np.frombuffer(data, ">f4", offset=4).reshape(-1, CEPSTRA).astype(np.float32)
    if not np.isfinite(found).all():
        raise UserError(f"{name} has numbers that are not finite.")
    return found


def _part(archive: Path, part: str, lists: dict, frames: dict) -> list[Utterance]:
    names, lines = (lists[part, kind] if (part, kind) in lists else [] for kind in ("fileids", "transcription"))
    if not names or len(names) != len(lines):
        raise UserError(
            f"{archive} lists {len(names):,} recordings and {len(lines):,} transcriptions of {part} "
            f"(etc/an4_{part}.*): there must be as many, and at least one."
        )
    found = []
    for number, (name, line) in enumerate(zip(names, lines, strict=True), start=1):
        *_, speaker, recording = ("", *name.split("/"))
        said = _LINE.search(line)
        if said is None or said[2] != recording or name not in frames:
            raise UserError(
                f"{archive}, etc/an4_{part}.transcription, line {number}: {line!r} is not the words of {name}, which "
                "has frames, and its name in brackets."
            )
        found.append(Utterance(speaker, tuple(said[1].split()), frames[name]))
    return found


def with_deltas(frames: Float32[np.ndarray, "K C"]) -> Float32[np.ndarray, "K D"]:
    """Frames beside their first and second derivatives in time, each half the difference of both neighbours."""
    first = np.gradient(frames, axis=0) if len(frames) > 1 else np.zeros_like(frames)
    second = np.gradient(first, axis=0) if len(frames) > 1 else np.zeros_like(frames)
    return np.concatenate([frames, first, second], axis=1).astype(np.float32)
