"""Strict settings for every test: eight CPU devices, no silent rank promotion; and a small AN4."""

import io
import tarfile
from pathlib import Path

import hypothesis
import jax
import jaxtyping
import numpy as np
import pytest

jax.config.update("jax_num_cpu_devices", 8)
jax.config.update("jax_numpy_rank_promotion", "raise")

# A first example compiles; how long that takes says nothing.
hypothesis.settings.register_profile("xattn", deadline=None, derandomize=True)
hypothesis.settings.load_profile("xattn")


@pytest.fixture
def no_jaxtyping():
    """Turns off the checks of annotations, which users do not have, so that a wrong call meets the library's own."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture(scope="session")
def an4_files() -> dict[str, bytes]:
    """The members of a small archive in the form of AN4; every speaker says every sentence of a part twice.

    A letter is 8 frames of one value, with some noise.
    """
    said = {"train": ("YES", "NO", "GO TEN", "A B TWO", "FIVE") * 2, "test": ("NO", "B FIVE")}
    random, found = np.random.default_rng(0), {}
    for part, speakers in {"train": ("fash", "mxyz", "fabc"), "test": ("mtst",)}.items():
        names, lines = [], []
        for speaker in speakers:
            for number, words in enumerate(said[part]):
                name = f"an{number}-{speaker}-b"
                names.append(f"an4_{part}/{speaker}/{name}")
                lines.append(f"<s> {words} </s> ({name})" if number % 2 else f"{words} ({name})")
                frames = np.repeat([[ord(letter) - 77.0] * 13 for letter in words], 8, axis=0)
                frames = (frames + random.normal(size=frames.shape)).astype(">f4")
                found[f"an4_mfcc/feat/{names[-1]}.mfc"] = frames.size.to_bytes(4, "big") + frames.tobytes()
        found[f"an4_mfcc/etc/an4_{part}.fileids"] = "\n".join(names).encode()
        found[f"an4_mfcc/etc/an4_{part}.transcription"] = "\n".join(lines).encode()
    return found


@pytest.fixture(scope="session")
def archived(tmp_path_factory):
    """Writes an archive with these members."""

    def write(members: dict[str, bytes]) -> Path:
        path = tmp_path_factory.mktemp("archive") / "an4.tar.gz"
        with tarfile.open(path, "w:gz") as tar:
            for name, data in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        return path

    return write
