"""The examples of `xattn.tasks.speech_digits`: spoken numbers as arrays, split by recording before they are strung."""

import zlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int, Int16

from xattn.config import SpeechDigits
from xattn.data.benchmarks import spoken_digits
from xattn.data.benchmarks.spoken_digits import WORDS, Number, Recording, Shelf
from xattn.data.paths import expand
from xattn.data.sound import RATE
from xattn.data.vocabulary import EOS, WordVocabulary
from xattn.errors import ConfigError, require
from xattn.nn.encoders.frames import SHORTER
from xattn.nn.log_mel import HOP
from xattn.tasks.array_evaluation import TRAIN, VALIDATION
from xattn.tasks.sequence_task import padded, until_end

UNSEEN = "unseen"
"""The split of the speaker who is held out."""
PAUSES = "pauses"
"""The split with longer pauses than those of training, between the recordings of test."""
POSITION = HOP * SHORTER
"""Samples of a position of the memory."""
MORE = 3
"""Words that may be written beyond those of the longest number."""


class Examples(NamedTuple):
    """Sounds, their lengths in samples, their words, and where each word begins and ends, in samples."""

    sound: Int16[np.ndarray, "E samples"]
    length: Int[np.ndarray, " E"]
    words: Int[np.ndarray, "E T"]
    spans: Int[np.ndarray, "E T 2"]
    """Equal where nothing is said, or where it is unknown."""


class SpokenNumbers:
    """The splits of the numbers that the settings describe."""

    def __init__(self, settings: SpeechDigits):
        self.settings = settings
        self.vocabulary = WordVocabulary(WORDS)

    @cached_property
    def recordings(self) -> list[Recording]:
        """All recordings of the corpus."""
        if self.settings.corpus == "tones":
            return spoken_digits.tones(self.settings.seed)
        return spoken_digits.load(Path(expand(self.settings.corpus)))

    @property
    def samples(self) -> int:
        """Samples of the longest number, filled up to whole positions of the memory."""
        return -(-int(self.settings.seconds * RATE) // POSITION) * POSITION

    @property
    def target_length(self) -> int:
        """Words of an output, at most, and EOS (T)."""
        return self.settings.digits[1] + MORE + 1

    def check(self, split: str) -> None:
        """Raises `ConfigError` for a split that there is not."""
        known = (TRAIN, VALIDATION, "test", PAUSES, *([UNSEEN] if self.settings.held_out_speaker else []))
        more = "" if UNSEEN in known else f"; {UNSEEN} is of the speaker of task.held_out_speaker"
        require(split in known, f"There is no split {split!r}: there are {', '.join(known)}{more}.")

    def shelf(self, split: str) -> Shelf:
        """The recordings of a split."""
        held_out = self.settings.held_out_speaker
        everyone = sorted({each.speaker for each in self.recordings})
        if held_out and held_out not in everyone:
            raise ConfigError(f"task.held_out_speaker is one of {', '.join(everyone)}, not {held_out!r}.")
        self.check(split)
        if split == UNSEEN:
            return spoken_digits.shelve(self.recordings, None, [held_out])
        train = range(spoken_digits.VALIDATION.stop, 1 + max(each.take for each in self.recordings))
        takes = {TRAIN: train, VALIDATION: spoken_digits.VALIDATION}
        others = [each for each in everyone if each != held_out]
        return spoken_digits.shelve(self.recordings, takes[split] if split in takes else spoken_digits.TEST, others)

    def read(self, split: str) -> Examples:
        settings, shelf = self.settings, self.shelf(split)
        size = settings.train_examples if split == TRAIN else settings.held_out_examples
        root = [settings.seed, zlib.crc32(split.encode())]
        return self.encode(
            [
                spoken_digits.draw(
                    shelf,
                    [*root, number],
                    digits=settings.digits,
                    seconds=settings.seconds,
                    gap=settings.long_gap if split == PAUSES else settings.gap,
                    noise=settings.noise,
                )
                for number in range(size)
            ]
        )

    def encode(self, numbers: Sequence[Number]) -> Examples:
        """Numbers as arrays."""
        out = Examples(
            np.zeros((len(numbers), self.samples), np.int16),
            np.array([len(each.sound) for each in numbers], np.int32),
            np.stack([self._words(each.digits) for each in numbers]),
            np.zeros((len(numbers), self.target_length, 2), np.int32),
        )
        for place, each in enumerate(numbers):
            out.sound[place, : len(each.sound)] = each.sound
            out.spans[place, : len(each.digits)] = np.transpose([each.begins, each.ends])  # [0, 2] without digits
        return out

    def spell(self, numbers: Int[np.ndarray, " T"]) -> list[str]:
        """The words before EOS."""
        return [self.vocabulary.all[number] for number in until_end(numbers).tolist()]

    def _words(self, digits: Sequence[int]) -> Int[np.ndarray, " T"]:
        return padded([*self.vocabulary.encode(WORDS[digit] for digit in digits), EOS], self.target_length)
