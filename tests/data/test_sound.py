"""WAV files: every form of samples becomes the same 16 bits, and other files are refused in one sentence."""

import contextlib
import io
import struct

import numpy as np
import pytest
from scipy.io import wavfile

from xattn.data.sound import RATE, read_wav
from xattn.errors import UserError

WAVE = np.sin(np.arange(53) / 3)


def wav(samples, rate=RATE) -> bytes:
    buffer = io.BytesIO()
    wavfile.write(buffer, rate, samples)
    return buffer.getvalue()


def pcm24(values) -> bytes:
    """scipy writes no 24 bits: the file by its definition."""
    data = b"".join(struct.pack("<i", value)[:3] for value in values)
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE, RATE * 3, 3, 24)
    body = b"WAVE" + form + struct.pack("<4sI", b"data", len(data)) + data
    return struct.pack("<4sI", b"RIFF", len(body)) + body


def read(data: bytes) -> np.ndarray:
    return read_wav(io.BytesIO(data), "x.wav")


def test_every_form_of_samples_is_the_same_sound():
    sound = np.rint(20_000 * WAVE).astype(np.int16)
    np.testing.assert_array_equal(read(wav(sound)), sound)
    np.testing.assert_array_equal(read(wav(sound.astype(np.int32) << 16)), sound)
    np.testing.assert_array_equal(read(pcm24([int(each) << 8 for each in sound][:52])), sound[:52])
    for kind in (np.float32, np.float64):
        assert abs(read(wav((sound / 32_768).astype(kind))) - sound.astype(int)).max() <= 1
    np.testing.assert_array_equal(read(wav(np.array([0, 128, 255], np.uint8))), [-32_768, 0, 32_512])
    assert read(wav(sound)).dtype == np.int16


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "x.wav is damaged, or not a WAV file of one channel and 8,000 samples a second: .*"),
        (b"not a sound at all, but some text", "x.wav is damaged, or not a WAV file .* not understood.*"),
        (wav(np.zeros((7, 2), np.int16)), "x.wav has 2 channels: .* mix them into one"),
        (wav(np.zeros(7, np.int16), 44_100), "x.wav has 44,100 samples a second: .* 8,000 .* resample it"),
        (wav(np.zeros(0, np.int16)), "x.wav is empty: .*"),
        (wav(np.array([0, np.nan, 0], np.float32)), "x.wav has nan at sample 1: samples are finite, from -1 to 1"),
        (wav(np.array([0, 0, -np.inf], np.float32)), "x.wav has -inf at sample 2: .*"),
        (wav(np.array([0.0, -7.0], np.float32)), "x.wav has samples of up to 7: floats are from -1 to 1"),
        (wav(np.zeros(7, np.int64)), "x.wav has samples of the type int64: .*"),
        (wav(np.zeros(1000, np.int16))[:900], "x.wav is damaged, .*: Reached EOF prematurely.*"),
    ],
)
def test_other_files_are_refused_in_one_line(data, message):
    with pytest.raises(UserError, match=f"^{message}") as error:
        read(data)
    assert "\n" not in str(error.value)


def test_a_damaged_file_is_never_a_traceback():
    whole, random = wav(np.arange(19, dtype=np.int16)), np.random.default_rng(0)
    for size in range(len(whole) - 1):
        with pytest.raises(UserError):
            read(whole[:size])
    for _ in range(200):
        spoiled = bytearray(whole)
        spoiled[random.integers(44)] = random.integers(256)
        with contextlib.suppress(UserError):
            read(bytes(spoiled))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match=r"Cannot read it: No such file"):
        read_wav(tmp_path / "none.wav", "it")
    with pytest.raises(UserError, match=r"Cannot read it: Is a directory"):
        read_wav(tmp_path, "it")
