"""Tasks that write: their queries are words, and their scores are those of their own greedy output."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int
from rich.console import Console

from xattn.data.vocabulary import BOS, EOS, PAD
from xattn.decoding import Step, greedy
from xattn.nn.dropout import DropoutKey
from xattn.runs.folder import Run
from xattn.tasks.array_evaluation import VALIDATION
from xattn.tasks.array_task import ArrayBatch, ArrayTask, Outcome, Settings
from xattn.training.losses import Sums, sum_of


class Predicted(NamedTuple):
    """The predictions of a model for every next word."""

    log_probabilities: Float[Array, "B T V"]
    weights: Float[Array, "L B N T S"]
    visible: Bool[Array, "B S"]
    sums: Sums
    """Other sums of the task, beside the loss and the words that are right."""


class SequenceTask(ArrayTask[Settings]):
    """Base class of tasks that write one word after the other.

    Training and `word_accuracy` use teacher forcing. The scores of `output_metrics`, among them the headline, are those
    of greedy decoding; they also choose the checkpoint.
    """

    loss_unit = "words"
    knockout_metric: ClassVar[str] = "word_accuracy"  # pyright: ignore[reportIncompatibleMethodOverride]

    def __init__(self, run: Run, console: Console):
        super().__init__(run, console)
        self.write = jax.jit(self._write)

    @abstractmethod
    def targets(self, examples: Any) -> Int[Array, "B T"]:
        """The target words, EOS included, then PAD."""

    @abstractmethod
    def with_output(self, examples: Any, written: Int[np.ndarray, "B T"]) -> Any:
        """The examples with these words as targets, and without gold where nothing is known of them.

        That is where they differ from the true targets, unless their place alone says what they are about.
        """

    @abstractmethod
    def predict(
        self,
        model: Any,
        batch: ArrayBatch,
        given: Int[Array, "B T"],
        dropout_key: DropoutKey | None,
        hide: jax.Array | None,
    ) -> Predicted:
        """Predictions at every position, given the words before it, BOS included."""

    @abstractmethod
    def decode_step(self, model: Any, batch: ArrayBatch, length: int) -> tuple[Step, Any]:
        """The step of greedy decoding, and its first state, with room for `length` words."""

    @abstractmethod
    def output_metrics(self, examples: Any, written: Int[np.ndarray, "B T"]) -> Mapping[str, tuple[int, int]]:
        """Metrics of written words as sums with their counts, by name."""

    def writable(self, words: Int[Array, "B T"]) -> Int[Array, "B T"]:
        """The words with UNK for those that the model cannot write."""
        return words

    def forward(
        self, model: Any, batch: ArrayBatch, dropout_key: DropoutKey | None, hide: jax.Array | None = None
    ) -> Outcome:
        targets = self.targets(batch.examples)
        labels = self.writable(targets)
        found = self.predict(
            model, batch, jnp.pad(labels, ((0, 0), (1, 0)), constant_values=BOS)[:, :-1], dropout_key, hide
        )
        counted = batch.valid[:, None] & (targets != PAD)
        losses = -jnp.take_along_axis(found.log_probabilities, labels[..., None], axis=-1)[..., 0]
        right = found.log_probabilities.argmax(axis=-1) == targets
        sums = {"loss": sum_of(losses, counted), "word_accuracy": sum_of(right, counted), **found.sums}
        return Outcome(sums, found.weights, found.visible)

    def validation_metrics(self, params: Any) -> Mapping[str, float | str]:
        """The output metrics on validation, unless the loss chooses the checkpoint."""
        return {} if self.selection_metric == "loss" else self.split_metrics(params, VALIDATION)

    def split_metrics(self, params: Any, split: str) -> Mapping[str, float]:
        return self.scores_of(self.write, params, split)

    def scores_of(self, write: Callable[[Any, ArrayBatch], jax.Array], params: Any, split: str) -> dict[str, float]:
        """The output metrics of what `write` makes of the batches of a split."""
        totals: dict[str, np.ndarray] = {}
        for batch in self.batches(split):
            real = np.asarray(batch.valid)
            examples = jax.tree.map(lambda x: x[real], batch.examples)  # noqa: B023
            for name, metric in self.output_metrics(examples, np.asarray(write(params, batch))[real]).items():
                totals[name] = np.array(metric) + (totals[name] if name in totals else 0)
        return {name: float(total / count) for name, (total, count) in totals.items() if count}

    def with_own_output(self, params: Any, batch: ArrayBatch) -> ArrayBatch:
        return batch._replace(examples=self.with_output(batch.examples, np.asarray(self.write(params, batch))))

    def _write(self, params: Any, batch: ArrayBatch) -> Int[Array, "B T"]:
        rows, length = self.targets(batch.examples).shape
        model = self.model(params)
        step, state = self.decode_step(model, batch, length)
        return greedy(step, state, batch=rows, bos=BOS, eos=EOS, pad=PAD, max_length=length).tokens[:, 0]


def until_end(words: Int[np.ndarray, " T"]) -> Int[np.ndarray, " t"]:
    """The words before the first EOS; all, if there is none."""
    ends = np.flatnonzero(np.asarray(words) == EOS)
    return np.asarray(words)[: ends[0] if len(ends) else None]


def padded(words: list[int], length: int) -> Int[np.ndarray, " {length}"]:
    """The words, filled up with PAD."""
    return np.array([*words, *[PAD] * (length - len(words))], np.int32)
