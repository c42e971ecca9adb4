"""The reader of AN4, on a small archive in its form, and on the real one."""

import os
import struct
from pathlib import Path

import numpy as np
import pytest

from xattn.data.benchmarks.an4 import cepstra, load, with_deltas
from xattn.errors import UserError


def test_sentences_have_their_speakers_words_and_frames(an4_files, archived):
    found = load(archived(an4_files))
    assert [len(found[part]) for part in ("train", "test")] == [30, 2]
    third = found["train"][2]
    assert (third.speaker, third.words) == ("fash", ("GO", "TEN"))
    assert third.frames.shape == (6 * 8, 13)
    assert third.frames.dtype == np.float32
    np.testing.assert_allclose(third.frames[:8].mean(), ord("G") - 77, atol=0.5)
    assert found["train"][1].words == ("NO",)  # between marks of the sentence
    assert {each.speaker for each in found["test"]} == {"mtst"}


def test_frames_are_big_endian():
    values = np.arange(26, dtype=np.float32)
    data = struct.pack(">i", 26) + b"".join(struct.pack(">f", value) for value in values)
    np.testing.assert_array_equal(cepstra(data, "x"), values.reshape(2, 13))


def test_deltas_are_differences_in_time():
    frames = np.array([0, 1, 4, 9, 16], np.float32)[:, None].repeat(13, axis=1)
    found = with_deltas(frames)
    assert found.shape == (5, 39)
    assert found[:, 13].tolist() == [1, 2, 4, 6, 7]
    assert found[:, 26].tolist() == [1, 1.5, 2, 1.5, 1]
    assert with_deltas(frames[:1]).tolist() == [[0.0] * 39]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", r"x has 0 bytes and says that it has 0 numbers"),
        (struct.pack(">i", 13), r"x has 4 bytes and says that it has 13 numbers"),
        (struct.pack(">i", 5) + bytes(20), r"says that it has 5 numbers: .* 13 numbers a frame"),
        (struct.pack("<i", 13) + bytes(52), r"says that it has 218,103,808 numbers"),
        (struct.pack(">i13f", 13, *[float("nan")] * 13), r"x has numbers that are not finite"),
    ],
)
def test_damaged_frames_are_refused(data, message):
    with pytest.raises(UserError, match=message):
        cepstra(data, "x")


def test_damaged_archives_are_refused(an4_files, archived, tmp_path):
    lines, lists = "an4_mfcc/etc/an4_train.transcription", "an4_mfcc/etc/an4_train.fileids"
    first = next(name for name in an4_files if name.endswith(".mfc"))
    for changes, message in [
        ({lines: b""}, "lists 30 recordings and 0 transcriptions of train"),
        ({lists: b"", lines: b""}, "lists 0 recordings and 0 transcriptions of train"),
        ({lines: an4_files[lines].replace(b"an1-fash-b", b"an7-fash-b", 1)}, r"an4_train\.transcription, line 2: "),
        (
            {lines: an4_files[lines].replace(b"YES", b"yes", 1)},
            "line 1: 'yes .* is not the words of an4_train/",
        ),
        ({first: None}, "line 1: .* which has frames"),
    ]:
        members = {name: data for name, data in (an4_files | changes).items() if data is not None}
        with pytest.raises(UserError, match=message):
            load(archived(members))
    (tmp_path / "text.tar.gz").write_text("no archive")
    for name in ("none.tar.gz", "text.tar.gz"):
        with pytest.raises(UserError, match=f"Cannot read .*{name}"):
            load(tmp_path / name)


@pytest.mark.skipif("XATTN_DATA" not in os.environ, reason="XATTN_DATA is not set")
def test_the_real_archive_is_complete():
    found = load(Path(os.environ["XATTN_DATA"]) / "an4" / "an4_mfcc.tar.gz")
    assert [len(found[part]) for part in ("train", "test")] == [948, 130]
    assert sum(len(each.words) for each in found["test"]) == 773
    assert not {each.speaker for each in found["train"]} & {each.speaker for each in found["test"]}
