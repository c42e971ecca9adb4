"""Spoken numbers: a decoder listens to digits that were strung together, and writes them as words.

The recordings are real, and so are their boundaries, because the numbers are strung from single digits. Attention is
trained by the words alone, beside CTC on the encoder (Watanabe et al., 2017), and is compared with the boundaries.
"""

import zlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jaxtyping import Array, Bool, Float, Int, Int16
from scipy.stats import kendalltau

from xattn.alignment.layouts import Time
from xattn.alignment.maps import Readout
from xattn.config import Experiment, SpeechDigits
from xattn.data.benchmarks import spoken_digits
from xattn.data.benchmarks.spoken_digits import WORDS, Number, Recording, Shelf
from xattn.data.paths import expand, fingerprint
from xattn.data.sound import RATE, read_wav
from xattn.data.vocabulary import EOS, PAD, WordVocabulary
from xattn.decoding import Step
from xattn.errors import ConfigError, UserError
from xattn.nn.dropout import DropoutKey
from xattn.nn.encoders.frames import SHORTER
from xattn.nn.log_mel import HOP, log_mel
from xattn.tasks.array_evaluation import TRAIN, VALIDATION
from xattn.tasks.array_task import ArrayBatch, Outcome
from xattn.tasks.sequence_task import Predicted, SequenceTask, padded, until_end
from xattn.tasks.speech_digits_model import Heard, Listener, best_path
from xattn.tasks.word_errors import word_errors
from xattn.training.losses import Sum, sum_of

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


class SpeechDigitsTask(SequenceTask[SpeechDigits]):
    """Spoken numbers."""

    headline: ClassVar[str] = "wer"

    @classmethod
    def sources(cls, config: Experiment) -> Mapping[str, str]:
        """The archive of recordings."""
        assert isinstance(config.task, SpeechDigits)
        archive = Path(expand(config.task.corpus))
        return {} if config.task.corpus == "tones" else {archive.name: fingerprint(archive)}

    @cached_property
    def vocabulary(self) -> WordVocabulary:
        """The ten digits."""
        return WordVocabulary(WORDS)

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

    @property
    def positions(self) -> int:
        return self.samples // POSITION + self.target_length

    def shelf(self, split: str) -> Shelf:
        """The recordings of a split."""
        held_out = self.settings.held_out_speaker
        everyone = sorted({each.speaker for each in self.recordings})
        if held_out and held_out not in everyone:
            raise ConfigError(f"task.held_out_speaker is one of {', '.join(everyone)}, not {held_out!r}.")
        if split == UNSEEN and held_out:
            return spoken_digits.shelve(self.recordings, None, [held_out])
        train = range(spoken_digits.VALIDATION.stop, 1 + max(each.index for each in self.recordings))
        test = spoken_digits.TEST
        parts = {TRAIN: train, VALIDATION: spoken_digits.VALIDATION, "test": test, PAUSES: test}
        if split not in parts:
            more = f", and {UNSEEN} where task.held_out_speaker names one"
            raise ConfigError(f"There is no split {split!r}: there are {', '.join(parts)}{more}.")
        return spoken_digits.shelve(self.recordings, parts[split], [each for each in everyone if each != held_out])

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

    def build(self, rngs: nnx.Rngs) -> Listener:
        return Listener(self.config.model, self.vocabulary.size, rngs)

    def targets(self, examples: Examples) -> Int[Array, "B T"]:
        return jnp.asarray(examples.words)

    def forward(
        self, model: Listener, batch: ArrayBatch, dropout_key: DropoutKey | None, hide: jax.Array | None = None
    ) -> Outcome:
        """The loss is that of the decoder and that of CTC, weighted; the latter in nats a word, too."""
        found = super().forward(model, batch, dropout_key, hide)
        written, spelled, share = found.sums["loss"], found.sums["ctc_loss"], self.settings.ctc
        loss = Sum((1 - share) * written.total + share * spelled.total, written.count)
        return found._replace(sums={**found.sums, "loss": loss})

    def predict(
        self,
        model: Listener,
        batch: ArrayBatch,
        given: Int[Array, "B T"],
        dropout_key: DropoutKey | None,
        hide: jax.Array | None,
    ) -> Predicted:
        heard = self._listen(model, batch, dropout_key)
        written, weights = model.write(heard.memory, given, dropout_key, hide)
        words = self.targets(batch.examples)
        no_label = (words == PAD) | (words == EOS)
        losses = optax.ctc_loss(heard.spelled, 1.0 - heard.real, words, 1.0 * no_label, blank_id=PAD)
        total = sum_of(losses, batch.valid).total
        counted = batch.valid[:, None] & (words != PAD)
        return Predicted(written, weights, heard.memory.mask, {"ctc_loss": Sum(total, sum_of(counted, counted).count)})

    def decode_step(self, model: Listener, batch: ArrayBatch, length: int) -> tuple[Step, Any]:
        return model.stepper(self._listen(model, batch).memory, length)

    def _write(self, params: Any, batch: ArrayBatch) -> Int[Array, "B T"]:
        if not self.settings.ctc_alone:
            return super()._write(params, batch)
        return best_path(self._listen(self.model(params), batch), self.target_length, PAD, EOS)

    def output_metrics(self, examples: Examples, written: Int[np.ndarray, "B T"]) -> Mapping[str, tuple[int, int]]:
        """The word error rate with its parts, and the share of numbers that are right."""
        said, own = ([self.spell(row) for row in np.asarray(rows)] for rows in (examples.words, written))
        right = sum(a == b for a, b in zip(said, own, strict=True))
        return {**word_errors(said, own), "exact_match": (right, len(said))}

    def spell(self, numbers: Int[np.ndarray, " T"]) -> list[str]:
        """The words before EOS."""
        return [self.vocabulary.all[number] for number in until_end(numbers).tolist()]

    def with_output(self, examples: Examples, written: Int[np.ndarray, "B T"]) -> Examples:
        same = (written == examples.words)[..., None]
        return examples._replace(words=written, spans=examples.spans * same)

    def gold(self, examples: Examples) -> Bool[np.ndarray, "B T S"] | None:
        """The positions whose middle is inside the recording of the word; there is no attention in CTC alone."""
        if self.settings.ctc_alone:
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
            raise UserError(
                f"{path} lasts {len(sound) / RATE:.2f} seconds: the model was trained for {self.settings.seconds:g} at "
                "most, so cut it."
            )
        return self.encode([Number(sound, [], [], [])])

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
        rank = np.arange(self.target_length)[None] + 0.5
        even = rank / spoken.sum(axis=1, keepdims=True) * examples.length[:, None]
        inside = (examples.spans[..., 0] <= even) & (even < examples.spans[..., 1])
        return {
            "nothing written": {"wer": 1.0},
            "equal parts": {
                "pointing": float(inside[spoken].mean()),
                "offset_ms": 1000 / RATE * float(np.abs(even - examples.spans.mean(axis=-1))[spoken].mean()),
            },
        }

    def readout_metrics(self, params: Any, split: str, readout: Readout) -> Mapping[str, float]:
        """The mean distance of a word's peak from its middle, in ms, and the order of peaks (Kendall's tau).

        Tau is 1 if the peaks of a number stand in the order of its words, -1 in the contrary order; its mean is over
        numbers.
        """
        apart, orders = [], []
        for batch in self.batches(split):
            weights = np.asarray(jax.device_get(self.apply(params, batch, None)).weights)[readout.layer]
            peaks = (weights.mean(axis=1) if readout.head == "mean" else weights[:, readout.head]).argmax(axis=-1)
            for row in np.flatnonzero(np.asarray(batch.valid)):
                spans = np.asarray(batch.examples.spans[row])
                said = spans[:, 1] > spans[:, 0]
                apart.append(np.abs(self._middles[peaks[row]] - spans.mean(axis=-1))[said])
                orders.append(kendalltau(np.arange(said.sum()), peaks[row, said]).statistic)
        return {
            "offset_ms": 1000 / RATE * float(np.concatenate(apart).mean()),
            "kendall": float(np.nan_to_num(orders).mean()),  # undefined if all peaks are one
        }

    def _listen(self, model: Listener, batch: ArrayBatch, dropout_key: DropoutKey | None = None) -> Heard:
        length = jnp.where(batch.valid, batch.examples.length, 0)
        return model.listen(jnp.asarray(batch.examples.sound), length, dropout_key)

    def _words(self, digits: Sequence[int]) -> Int[np.ndarray, " T"]:
        return padded([*self.vocabulary.encode(WORDS[digit] for digit in digits), EOS], self.target_length)

    @property
    def _middles(self) -> Float[np.ndarray, " S"]:
        """The sample in the middle of every position."""
        return (np.arange(self.samples // POSITION) + 0.5) * POSITION

    def _seconds(self, examples: Examples) -> Float[np.ndarray, " s"]:
        """The second at which each position of one example begins, without padding."""
        return np.arange(-(-int(examples.length) // POSITION)) * (POSITION / RATE)
