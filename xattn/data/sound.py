"""Sound files: WAV, one channel, 8,000 samples a second."""

import io
import struct
import warnings
from pathlib import Path

import numpy as np
from jaxtyping import Int16
from scipy.io import wavfile

from xattn.errors import UserError

RATE = 8000
"""Samples of a second."""
_ACCEPTED = f"a WAV file of one channel and {RATE:,} samples a second"


def read_wav(file: Path | io.BytesIO, name: str) -> Int16[np.ndarray, " samples"]:
    """The samples of a WAV file in 16 bits: PCM of 8, 16, 24 or 32 bits, or floats from -1 to 1.

    `name` is what errors call the file. Raises `UserError` for a file that is no WAV file, is damaged or empty, or has
    another rate, several channels, or samples that are no numbers or lie outside -1 to 1.
    """
    try:
        with warnings.catch_warnings():  # of chunks that are not read, and of a file that ends early
            warnings.simplefilter("ignore", wavfile.WavFileWarning)
            warnings.filterwarnings("error", "Reached EOF prematurely", wavfile.WavFileWarning)
            rate, sound = wavfile.read(file)
    except OSError as error:
        raise UserError(f"Cannot read {name}: {error.strerror or error}.") from None
    except (ValueError, EOFError, NameError, struct.error, ZeroDivisionError, wavfile.WavFileWarning) as error:
        raise UserError(f"{name} is damaged, or not {_ACCEPTED}: {str(error).rstrip('.')}.") from None
    channels = sound.size // len(sound) if len(sound) else 1
    if channels > 1:
        raise UserError(f"{name} has {channels} channels: {_ACCEPTED} is read, so mix them into one.")
    if rate != RATE:
        raise UserError(f"{name} has {rate:,} samples a second: {_ACCEPTED} is read, so resample it.")
    if not len(sound):
        raise UserError(f"{name} is empty: {_ACCEPTED} is read, with a sample at least.")
    return _in_16_bits(sound, name)


def _in_16_bits(sound: np.ndarray, name: str) -> Int16[np.ndarray, " samples"]:
    """Samples of any type that a WAV file can have, in 16 bits."""
    match sound.dtype.kind, sound.dtype.itemsize:
        case "i", 2:
            return sound.astype(np.int16)  # in the byte order of this machine
        case "u", 1:  # 8 bits, whose middle is 128
            return ((sound.astype(np.int16) - 128) * 256).astype(np.int16)
        case "i", 4:  # 32 bits, and 24 bits as the upper ones of 32
            return (sound >> 16).astype(np.int16)
        case "f", _:
            if not np.isfinite(sound).all():
                place = int(np.flatnonzero(~np.isfinite(sound))[0])
                raise UserError(f"{name} has {sound[place]} at sample {place:,}: samples are finite, from -1 to 1.")
            if np.abs(sound).max() > 1:
                raise UserError(f"{name} has samples of up to {np.abs(sound).max():.4g}: floats are from -1 to 1.")
            return np.rint(sound * 32_767).astype(np.int16)
    raise UserError(f"{name} has samples of the type {sound.dtype}: 8, 16, 24 or 32 bits, or 32-bit floats are read.")
