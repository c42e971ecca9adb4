"""Spoken numbers: their boundaries are exact, and no recording is in two splits."""

import io
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from xattn.data.benchmarks.spoken_digits import TAKES, TEST, VALIDATION, draw, load, shelve, tones
from xattn.data.sound import RATE
from xattn.errors import UserError

ASKED = {"digits": (2, 6), "seconds": 4.0, "gap": 0.2, "noise": (200.0, 200.0)}


@pytest.fixture(scope="module")
def recordings():
    return tones(0)


def archive(path, members):
    with tarfile.open(path, "w:gz") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def wav(samples, rate=RATE):
    buffer = io.BytesIO()
    wavfile.write(buffer, rate, samples)
    return buffer.getvalue()


def test_an_archive_is_read_by_the_names_of_its_files(tmp_path):
    one, two = np.arange(7, dtype=np.int16), np.arange(11, dtype=np.int16)
    members = {"recordings/3_theo_12.wav": wav(one), "recordings/0_lucas_4.wav": wav(two), "recordings/README": b"x"}
    found = load(archive(tmp_path / "r.tar.gz", members))
    assert [each[:3] for each in found] == [(0, "lucas", 4), (3, "theo", 12)]
    np.testing.assert_array_equal(found[1].sound, one)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"recordings/README": b"x"}, r"r\.tar\.gz has no recordings, such as recordings/7_theo_12\.wav"),
        ({"3_theo_1.wav": wav(np.zeros(3, np.int16), 16_000)}, r"r\.tar\.gz, 3_theo_1\.wav has 16,000 samples a sec"),
    ],
)
def test_other_archives_are_refused(tmp_path, members, message):
    with pytest.raises(UserError, match=message):
        load(archive(tmp_path / "r.tar.gz", members))


def test_files_that_are_no_archive_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"Cannot read .*none\.tar\.gz: No such file"):
        load(tmp_path / "none.tar.gz")
    whole = archive(tmp_path / "r.tar.gz", {"3_theo_1.wav": wav(np.arange(4000, dtype=np.int16))}).read_bytes()
    for data in (b"text", whole[:1000]):
        (tmp_path / "bad.tar.gz").write_bytes(data)
        with pytest.raises(UserError, match=r"Cannot read .*bad\.tar\.gz"):
            load(tmp_path / "bad.tar.gz")


def test_a_tone_is_the_two_frequencies_of_its_key(recordings):
    """ITU-T Q.23: 5 is 770 and 1,336 Hz, and 0 is 941 and 1,336 Hz."""
    assert len(recordings) == 10 * 3 * len(TAKES)
    for digit, pair in {5: (770, 1336), 0: (941, 1336), 1: (697, 1209), 9: (852, 1477)}.items():
        (one,) = [each for each in recordings if each[:3] == (digit, "middle", 7)]
        power = np.abs(np.fft.rfft(one.sound, RATE))  # bins of 1 Hz
        for hertz in pair:
            assert abs(hertz - 30 + power[hertz - 30 : hertz + 30].argmax() - hertz) <= 1
        assert 0.15 * RATE <= len(one.sound) <= 0.6 * RATE


def test_a_number_is_its_recordings_between_its_boundaries(recordings):
    shelf = shelve(recordings, TEST, ["high", "low"])
    counts, speakers = set(), set()
    for seed in range(60):
        number = draw(shelf, [seed], **ASKED)
        counts.add(len(number.digits))
        assert len(number.sound) <= 4.0 * RATE
        assert number.sound.dtype == np.int16
        # Between the boundaries is a recording of the digit, times one gain; outside is silence.
        heard, outside = [], np.ones(len(number.sound), bool)
        for digit, begin, end in zip(number.digits, number.begins, number.ends, strict=True):
            outside[begin:end] = False
            part = number.sound[begin:end].astype(float)
            same = [
                (each.speaker, each.take)
                for speaker in shelf
                for each in shelf[speaker][digit]
                if len(each.sound) == len(part) and np.corrcoef(part, each.sound)[0, 1] > 0.9999
            ]
            assert len(same) == 1
            heard += same
        assert len({speaker for speaker, _ in heard}) == 1
        assert all(take in TEST for _, take in heard)
        assert not number.sound[outside].any()
        gaps = np.subtract([*number.begins, len(number.sound)], [0, *number.ends])
        assert (gaps >= 0).all()
        assert (gaps <= 0.2 * RATE + 1).all()
        speakers.add(heard[0][0])
    assert (counts, speakers) == ({2, 3, 4, 5, 6}, {"high", "low"})


def test_a_number_depends_on_its_seed_alone_and_fits(recordings):
    shelf = shelve(recordings, None, ["low"])
    first, again, other = (draw(shelf, [seed], **ASKED) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.sound, again.sound)
    assert first.digits != other.digits
    short = [draw(shelf, [seed], **ASKED | {"seconds": 2.0}) for seed in range(30)]
    assert max(len(each.sound) for each in short) <= 2 * RATE
    assert {len(each.digits) for each in short} <= {2, 3, 4, 5, 6}


def test_noise_is_as_far_below_as_it_is_asked(recordings):
    shelf = shelve(recordings, None, ["low"])
    clean, noisy = (
        draw(shelf, [5], **ASKED | {"noise": (level, level)}).sound.astype(float) for level in (200.0, 20.0)
    )
    ratio = 20 * np.log10(np.std(clean) / np.std(noisy - clean))
    assert ratio == pytest.approx(20, abs=0.2)


def test_a_speaker_without_a_digit_is_named(recordings):
    with pytest.raises(UserError, match="No recording of this split has 'zero' in the voice of low"):
        shelve(recordings, [77], ["low"])


@pytest.mark.skipif("XATTN_DATA" not in os.environ, reason="XATTN_DATA is not set")
def test_the_real_archive_is_complete():
    found = load(Path(os.environ["XATTN_DATA"]) / "fsdd" / "recordings.tar.gz")
    assert len(found) == 3000
    assert len({each[:3] for each in found}) == 3000
    assert {each.take for each in found} == set(TAKES)
    assert len({each.speaker for each in found}) == 6
    assert not set(TEST) & set(VALIDATION)
