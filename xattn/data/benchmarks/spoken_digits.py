"""Spoken numbers: recordings of single digits of one speaker, strung together, so that every boundary is known.

The recordings are those of the Free Spoken Digit Dataset (Jackson et al.), or tones in their place. Recordings are
split before they are strung, by their index, as the data set asks: none is in two splits.
"""

import io
import re
import tarfile
import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int16

from xattn.data.sound import RATE, read_wav
from xattn.errors import UserError

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
"""The digits in words."""
TEST = range(5)
"""Takes of the official test split."""
VALIDATION = range(5, 10)
"""Takes that validate; all higher ones train."""
TAKES = range(50)
"""Takes of the tones: as many as there are recordings of every digit of a speaker."""

_MEMBER = re.compile(r"(?:^|/)(\d)_([a-z]+)_(\d+)\.wav$")
# The two tones of a key of a telephone (DTMF, ITU-T Q.23), in hertz, and the voices that play them.
_ROWS, _COLUMNS = (697, 770, 852, 941), (1209, 1336, 1477)
_VOICES = {"low": 0.9, "middle": 1.0, "high": 1.1}
# Root mean square of a number, of 32,767, before its gain.
_LEVEL = 3000.0


class Recording(NamedTuple):
    """A digit that somebody said."""

    digit: int
    speaker: str
    take: int
    """Number of the recording among those of the digit and the speaker: its index in the data set."""
    sound: Int16[np.ndarray, " samples"]


class Number(NamedTuple):
    """Digits said one after the other: the sound, the digits, and the samples at which each begins and ends."""

    sound: Int16[np.ndarray, " samples"]
    digits: list[int]
    begins: list[int]
    ends: list[int]


Shelf = Mapping[str, Sequence[Sequence[Recording]]]
"""The recordings of every speaker, digit by digit."""


def load(archive: Path) -> list[Recording]:
    """Reads the recordings of the published archive, in the order of their names.

    Raises `UserError` for a file that is no such archive, or has a recording of another rate or form.
    """
    found = []
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                if (name := _MEMBER.search(member.name)) and (file := tar.extractfile(member)) is not None:
                    sound = read_wav(io.BytesIO(file.read()), f"{archive}, {member.name}")
                    found.append(Recording(int(name[1]), name[2], int(name[3]), sound))
    except OSError as error:
        raise UserError(f"Cannot read {archive}: {error.strerror or error}.") from None
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise UserError(f"Cannot read {archive}: {error}.") from None
    if not found:
        raise UserError(f"{archive} has no recordings, such as recordings/7_theo_12.wav.")
    return sorted(found, key=lambda each: each[:3])


def tones(seed: int) -> list[Recording]:
    """Synthetic recordings: a digit is the two tones of its key on a telephone, 0.15 to 0.6 seconds long.

    Three voices play them lower, as they are, and higher.
    """
    made = []
    for digit in range(10):
        row, column = (3, 1) if digit == 0 else divmod(digit - 1, 3)
        for voice, (speaker, pitch) in enumerate(_VOICES.items()):
            for take in TAKES:
                generator = np.random.default_rng([seed, digit, voice, take])
                times = np.arange(int(generator.uniform(0.15, 0.6) * RATE)) / RATE
                wave = sum(np.sin(2 * np.pi * pitch * hertz * times) for hertz in (_ROWS[row], _COLUMNS[column]))
                fade = np.minimum(1, np.minimum(times, times[::-1]) / 0.02)
                made.append(Recording(digit, speaker, take, np.rint(8000 * fade * wave).astype(np.int16)))
    return made


def shelve(recordings: Sequence[Recording], takes: Sequence[int] | None, speakers: Sequence[str]) -> Shelf:
    """The recordings of these speakers with these numbers, or with all.

    Raises `UserError` if a speaker never said a digit.
    """
    found = defaultdict(lambda: [[] for _ in WORDS])
    for each in recordings:
        if each.speaker in speakers and (takes is None or each.take in takes):
            found[each.speaker][each.digit].append(each)
    for speaker in speakers:
        for digit, said in enumerate(found[speaker]):
            if not said:
                raise UserError(f"No recording of this split has {WORDS[digit]!r} in the voice of {speaker}.")
    return dict(found)


def draw(
    shelf: Shelf,
    seed: Sequence[int],
    *,
    digits: tuple[int, int],
    seconds: float,
    gap: float,
    noise: tuple[float, float],
) -> Number:
    """Strings together recordings of one speaker, which depend on the seed alone.

    `digits` are the fewest and the most. Before, between and after them are up to `gap` seconds of pause. The loudness
    varies by 6 dB in either direction, and white noise lies `noise` dB below it, at least and at most. A number that
    would be longer than `seconds` loses its last digits; if too few are left, another is drawn.
    """
    generator = np.random.default_rng(seed)
    speakers, most = sorted(shelf), int(seconds * RATE)
    while True:
        speaker = speakers[generator.integers(len(speakers))]
        count = int(generator.integers(digits[0], digits[1], endpoint=True))
        said = [shelf[speaker][digit] for digit in generator.integers(len(WORDS), size=count)]
        chosen = [each[generator.integers(len(each))] for each in said]
        pauses = np.rint(generator.uniform(0, gap, count + 1) * RATE).astype(int).tolist()
        while chosen and sum(len(each.sound) for each in chosen) + sum(pauses) > most:
            chosen.pop()
            pauses.pop()
        if len(chosen) >= digits[0]:
            break
    parts, begins, ends, end = [np.zeros(pauses[0])], [], [], pauses[0]
    for each, pause in zip(chosen, pauses[1:], strict=True):
        begins.append(end)
        ends.append(end + len(each.sound))
        parts += [each.sound.astype(float), np.zeros(pause)]
        end = ends[-1] + pause
    return Number(_at_level(np.concatenate(parts), noise, generator), [each.digit for each in chosen], begins, ends)


def _at_level(
    sound: Float[np.ndarray, " samples"], noise: tuple[float, float], generator: np.random.Generator
) -> Int16[np.ndarray, " samples"]:
    """The sound at a common loudness times a random gain, with random noise."""
    gain, ratio = generator.uniform(-6, 6), generator.uniform(*noise)
    sound = sound * (_LEVEL / max(np.sqrt(np.square(sound).mean()), 1e-9))
    sound += generator.normal(0, _LEVEL * 10 ** (-ratio / 20), len(sound))
    return np.rint(np.clip(sound * 10 ** (gain / 20), -32_768, 32_767)).astype(np.int16)
