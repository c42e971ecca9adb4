"""AN4: real sentences of letters, digits and commands, written character by character.

Nothing says when a word is said, so there is no gold attention: CTC and the decoder are compared by their errors.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Float32, Int
from rich.console import Console
from scipy.fft import idct

from xattn.alignment.layouts import Time
from xattn.config import Experiment, SpeechAn4
from xattn.data.benchmarks import an4
from xattn.data.benchmarks.an4 import CEPSTRA, SECONDS, Utterance
from xattn.data.paths import expand, fingerprint
from xattn.data.vocabulary import EOS, WordVocabulary
from xattn.errors import ConfigError, require
from xattn.nn.encoders.frames import SHORTER
from xattn.runs.folder import Run
from xattn.tasks.array_evaluation import TRAIN, VALIDATION
from xattn.tasks.sequence_task import padded, until_end
from xattn.tasks.speech_model import Listener
from xattn.tasks.speech_task import SpeechTask

SMOOTH = 40
"""Bands of a spectrum that is drawn: as many as the cepstra were made from."""
CHARACTERS = " ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SPLITS = (TRAIN, VALIDATION, "test")


class Examples(NamedTuple):
    """Frames, their numbers, and the characters that were said."""

    frames: Float32[np.ndarray, "E K C"]
    length: Int[np.ndarray, " E"]
    text: Int[np.ndarray, "E T"]


class SpeechAn4Task(SpeechTask[SpeechAn4]):
    """The sentences of AN4."""

    def __init__(self, run: Run, console: Console):
        super().__init__(run, console)
        for split in self.settings.test:  # before training, not after it
            require(split in SPLITS, f"There is no split {split!r}: there are {', '.join(SPLITS)}.")

    @classmethod
    def sources(cls, config: Experiment) -> Mapping[str, str]:
        """The archive of AN4."""
        assert isinstance(config.task, SpeechAn4)
        archive = Path(expand(config.task.corpus))
        return {archive.name: fingerprint(archive)}

    @cached_property
    def vocabulary(self) -> WordVocabulary:
        """The characters."""
        return WordVocabulary(CHARACTERS)

    @cached_property
    def utterances(self) -> Mapping[str, Sequence[Utterance]]:
        """The sentences of every split; those of the last speakers of training validate."""
        parts = an4.load(Path(expand(self.settings.corpus)))
        speakers = list(dict.fromkeys(each.speaker for each in parts["train"]))
        held_out = self.settings.held_out_speakers
        require(
            held_out < len(speakers),
            f"task.held_out_speakers ({held_out}) must be below the {len(speakers)} speakers of training.",
        )
        last = set(speakers[-held_out:])
        return {
            TRAIN: [each for each in parts["train"] if each.speaker not in last],
            VALIDATION: [each for each in parts["train"] if each.speaker in last],
            "test": parts["test"],
        }

    @cached_property
    def longest(self) -> tuple[int, int]:
        """Frames of the longest recording, in whole positions of the memory; and most characters, EOS included."""
        every = [each for part in self.utterances.values() for each in part]
        frames = -(-max(len(each.frames) for each in every) // SHORTER) * SHORTER
        return frames, 1 + max(len(" ".join(each.words)) for each in every)

    @property
    def positions(self) -> int:
        frames, characters = self.longest
        return frames // SHORTER + characters

    @property
    def ctc(self) -> float:
        return self.settings.ctc

    def read(self, split: str) -> Examples:
        if split not in SPLITS:
            raise ConfigError(f"There is no split {split!r}: there are {', '.join(SPLITS)}.")
        found, (frames, characters) = self.utterances[split], self.longest
        out = Examples(
            np.zeros((len(found), frames, 3 * CEPSTRA), np.float32),
            np.array([len(each.frames) for each in found], np.int32),
            np.stack([padded([*self.vocabulary.encode(" ".join(each.words)), EOS], characters) for each in found]),
        )
        for row, each in enumerate(found):
            out.frames[row, : len(each.frames)] = an4.with_deltas(each.frames)
        return out

    def build(self, rngs: nnx.Rngs) -> Listener:
        return Listener(
            self.config.model,
            self.settings.encoder_layers,
            3 * CEPSTRA,
            self.vocabulary.size,
            rngs,
            self.settings.masks,
        )

    def targets(self, examples: Examples) -> Int[Array, "B T"]:
        return jnp.asarray(examples.text)

    def frames(self, examples: Examples) -> tuple[Float[Array, "B K C"], Int[Array, " B"]]:
        return jnp.asarray(examples.frames), jnp.asarray(examples.length)

    def spell(self, tokens: Int[np.ndarray, " T"]) -> list[str]:
        return self._text(tokens).split()

    def with_output(self, examples: Examples, written: Int[np.ndarray, "B T"]) -> Examples:
        return examples._replace(text=written)

    def labels(self, examples: Examples) -> tuple[Sequence[str], Sequence[str]]:
        characters = self._text(np.asarray(examples.text))
        return [f"{each:.2f} s" for each in self._seconds(examples)], [each.replace(" ", "·") for each in characters]

    def layout(self, examples: Examples) -> Time:
        """Moments, under the smooth spectrum that the cepstra describe."""
        seconds = self._seconds(examples)
        frames = np.asarray(examples.frames)[: int(examples.length), :CEPSTRA]
        whole = np.pad(frames, ((0, len(seconds) * SHORTER - len(frames)), (0, 0)), mode="edge")
        return Time(seconds=seconds, signal=np.asarray(idct(whole, n=SMOOTH, norm="ortho")))

    def baselines(self, split: str) -> Mapping[str, Mapping[str, float]]:
        return {"nothing written": {"wer": 1.0}}

    def _text(self, tokens: Int[np.ndarray, " T"]) -> str:
        return "".join(self.vocabulary.all[each] for each in until_end(tokens).tolist())

    def _seconds(self, examples: Examples) -> Float[np.ndarray, " s"]:
        """The second at which each position of one example begins, without padding."""
        return np.arange(-(-int(examples.length) // SHORTER)) * (SHORTER * SECONDS)
