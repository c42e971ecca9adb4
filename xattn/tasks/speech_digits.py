"""Spoken numbers: a decoder listens to digits that were strung together, and writes them as words.

The recordings are real, and so are their boundaries, because the numbers are strung from single digits. Attention is
trained by the words alone, beside CTC on the encoder (Watanabe et al., 2017), and is compared with the boundaries.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Bool, Float, Int
from rich.console import Console

from xattn.alignment.layouts import Time
from xattn.alignment.maps import Readout
from xattn.alignment.peaks import order, peaks
from xattn.config import Experiment, SpeechDigits
from xattn.data.benchmarks.spoken_digits import Number
from xattn.data.paths import expand, fingerprint
from xattn.data.sound import RATE, read_wav
from xattn.errors import ConfigError, UserError
from xattn.nn.log_mel import BANDS, HOP, log_mel
from xattn.runs.folder import Run
from xattn.tasks.speech_digits_examples import POSITION, Examples, SpokenNumbers
from xattn.tasks.speech_model import Listener
from xattn.tasks.speech_task import SpeechTask


class SpeechDigitsTask(SpeechTask[SpeechDigits]):
    """Spoken numbers."""

    def __init__(self, run: Run, console: Console):
        super().__init__(run, console)
        for split in self.settings.test:  # before training, not after it
            self.numbers.check(split)

    @classmethod
    def sources(cls, config: Experiment) -> Mapping[str, str]:
        """The archive of recordings."""
        assert isinstance(config.task, SpeechDigits)
        archive = Path(expand(config.task.corpus))
        return {} if config.task.corpus == "tones" else {archive.name: fingerprint(archive)}

    @property
    def ctc(self) -> float:
        return self.settings.ctc

    @cached_property
    def numbers(self) -> SpokenNumbers:
        """The numbers that the settings describe."""
        return SpokenNumbers(self.settings)

    @property
    def positions(self) -> int:
        return self.numbers.samples // POSITION + self.numbers.target_length

    def read(self, split: str) -> Examples:
        return self.numbers.read(split)

    def build(self, rngs: nnx.Rngs) -> Listener:
        model = self.config.model
        return Listener(model, model.layers, BANDS, self.numbers.vocabulary.size, rngs)

    def targets(self, examples: Examples) -> Int[Array, "B T"]:
        return jnp.asarray(examples.words)

    def frames(self, examples: Examples) -> tuple[Float[Array, "B K C"], Int[Array, " B"]]:
        return log_mel(jnp.asarray(examples.sound)), -(-jnp.asarray(examples.length) // HOP)

    def spell(self, tokens: Int[np.ndarray, " T"]) -> list[str]:
        return self.numbers.spell(tokens)

    def with_output(self, examples: Examples, written: Int[np.ndarray, "B T"]) -> Examples:
        same = (written == examples.words)[..., None]
        return examples._replace(words=written, spans=examples.spans * same)

    def gold(self, examples: Examples) -> Bool[np.ndarray, "B T S"] | None:
        """The positions whose middle is inside the recording of the word; there is no attention in CTC alone."""
        if self.ctc_alone:
            return None
        spans, middles = np.asarray(examples.spans), self._middles
        return (spans[..., :1] <= middles) & (middles < spans[..., 1:])

    def read_file(self, path: Path, text: str | None) -> Examples:
        """A recording of the user, whose words are unknown."""
        if text is not None:
            raise ConfigError(f"A recording needs no text: leave {text!r} out.")
        sound = read_wav(path, str(path))
        most = int(self.settings.seconds * RATE)
        if len(sound) > most:
            lasts, most = f"{len(sound) / RATE:.2f}", f"{self.settings.seconds:g}"
            raise UserError(f"{path} lasts {lasts} seconds: the model was trained for {most} at most, so cut it.")
        return self.numbers.encode([Number(sound, [], [], [])])

    def labels(self, examples: Examples) -> tuple[Sequence[str], Sequence[str]]:
        return [f"{each:.2f} s" for each in self._seconds(examples)], self.spell(np.asarray(examples.words))

    def layout(self, examples: Examples) -> Time:
        seconds, sound = self._seconds(examples), np.asarray(examples.sound)
        sound = sound[: len(seconds) * POSITION]
        frames = np.asarray(log_mel(jnp.asarray(sound[None])))[0]
        return Time(seconds=seconds, signal=frames, sound=sound, rate=RATE)

    def baselines(self, split: str) -> Mapping[str, Mapping[str, float]]:
        """Silence; and what points at the middles of as many equal parts as there are words."""
        examples = self.examples(split)
        spoken = examples.spans[..., 1] > examples.spans[..., 0]
        rank = np.arange(self.numbers.target_length)[None] + 0.5
        even = rank / spoken.sum(axis=1, keepdims=True) * examples.length[:, None]
        inside = (examples.spans[..., 0] <= even) & (even < examples.spans[..., 1])
        distances = np.abs(even - examples.spans.mean(axis=-1))[spoken]
        parts = {"pointing": float(inside[spoken].mean()), "offset_ms": _in_ms(distances)}
        return {"nothing written": {"wer": 1.0}, "equal parts": parts}

    def readout_metrics(self, params: Any, split: str, readout: Readout) -> Mapping[str, float]:
        """The mean distance of a word's peak from its middle, in ms, and the order of the peaks of a number.

        The latter is Kendall's tau, in the mean over numbers: 1 if attention only goes forward, -1 if only backward.
        """
        distances, orders = [], []
        for batch in self.batches(split):
            real, spans = np.asarray(batch.valid), np.asarray(batch.examples.spans)
            weights = np.asarray(jax.device_get(self.apply(params, batch, None)).weights)
            found, spoken = peaks(weights, readout), spans[..., 1] > spans[..., 0]
            distances.append(np.abs(self._middles[found] - spans.mean(axis=-1))[spoken & real[:, None]])
            orders += [order(found[row, spoken[row]]) for row in np.flatnonzero(real)]
        return {"offset_ms": _in_ms(np.concatenate(distances)), "kendall": float(np.mean(orders))}

    @property
    def _middles(self) -> Float[np.ndarray, " S"]:
        """The sample in the middle of every position."""
        return (np.arange(self.numbers.samples // POSITION) + 0.5) * POSITION

    def _seconds(self, examples: Examples) -> Float[np.ndarray, " s"]:
        """The second at which each position of one example begins, without padding."""
        return np.arange(-(-int(examples.length) // POSITION)) * (POSITION / RATE)


def _in_ms(distances: Float[np.ndarray, " n"]) -> float:
    """The mean of distances in samples, in milliseconds."""
    return 1000 / RATE * float(distances.mean())
