"""Tasks that listen: a decoder writes what was said, and CTC spells the memory beside it (Watanabe et al., 2017)."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int
from rich.console import Console

from xattn.data.vocabulary import EOS, PAD
from xattn.decoding import Step
from xattn.nn.dropout import DropoutKey
from xattn.runs.folder import Run
from xattn.tasks.array_task import ArrayBatch, Outcome, Settings
from xattn.tasks.sequence_task import Predicted, SequenceTask
from xattn.tasks.speech_model import Heard, Listener, best_path
from xattn.tasks.word_errors import word_errors
from xattn.training.losses import Sum, sum_of


class SpeechTask(SequenceTask[Settings]):
    """Base class of tasks that listen, whose model is a `Listener`."""

    headline: ClassVar[str] = "wer"

    def __init__(self, run: Run, console: Console):
        super().__init__(run, console)
        self.write_by_ctc = jax.jit(self._write_by_ctc)

    @property
    @abstractmethod
    def ctc(self) -> float:
        """Weight of the CTC loss; the decoder's has the rest."""

    @abstractmethod
    def frames(self, examples: Any) -> tuple[Float[Array, "B K C"], Int[Array, " B"]]:
        """The frames of examples, and how many of each are real."""

    @abstractmethod
    def spell(self, tokens: Int[np.ndarray, " T"]) -> list[str]:
        """The words of tokens, up to EOS."""

    @property
    def ctc_alone(self) -> bool:
        """Whether CTC alone learns and writes; the decoder is then left as it is, and its attention says nothing."""
        return self.ctc == 1

    def forward(
        self, model: Listener, batch: ArrayBatch, dropout_key: DropoutKey | None, hide: jax.Array | None = None
    ) -> Outcome:
        """The loss is that of the decoder and that of CTC, weighted; the latter in nats a word, too."""
        found = super().forward(model, batch, dropout_key, hide)
        written, spelled, share = found.sums["loss"], found.sums["ctc_loss"], self.ctc
        loss = Sum((1 - share) * written.total + share * spelled.total, written.count)
        learned = {"word_accuracy": share < 1, "ctc_loss": share > 0}
        sums = {name: each for name, each in found.sums.items() if name not in learned or learned[name]}
        return found._replace(sums={**sums, "loss": loss})

    def predict(
        self,
        model: Listener,
        batch: ArrayBatch,
        given: Int[Array, "B T"],
        dropout_key: DropoutKey | None,
        hide: jax.Array | None,
    ) -> Predicted:
        heard = self.listen(model, batch, dropout_key)
        written, weights = model.write(heard.memory, given, dropout_key, hide)
        words = self.targets(batch.examples)
        no_label = (words == PAD) | (words == EOS)
        losses = optax.ctc_loss(heard.spelled, 1.0 - heard.real, words, 1.0 * no_label, blank_id=PAD)
        total = sum_of(losses, batch.valid).total
        counted = batch.valid[:, None] & (words != PAD)
        return Predicted(written, weights, heard.memory.mask, {"ctc_loss": Sum(total, sum_of(counted, counted).count)})

    def decode_step(self, model: Listener, batch: ArrayBatch, length: int) -> tuple[Step, Any]:
        return model.stepper(self.listen(model, batch).memory, length)

    def _write(self, params: Any, batch: ArrayBatch) -> Int[Array, "B T"]:
        return self._write_by_ctc(params, batch) if self.ctc_alone else super()._write(params, batch)

    def _write_by_ctc(self, params: Any, batch: ArrayBatch) -> Int[Array, "B T"]:
        return best_path(self.listen(self.model(params), batch), self.targets(batch.examples).shape[1], PAD, EOS)

    def split_metrics(self, params: Any, split: str) -> Mapping[str, float]:
        """The scores of the decoder's output, or of CTC alone; and where both have learned, the error rate of CTC."""
        found = self.scores_of(self.write, params, split)
        if 0 < self.ctc < 1:
            found["ctc_wer"] = self.scores_of(self.write_by_ctc, params, split)["wer"]
        return found

    def output_metrics(self, examples: Any, written: Int[np.ndarray, "B T"]) -> Mapping[str, tuple[int, int]]:
        """The word error rate with its parts, and the share of sentences that are right."""
        true = np.asarray(self.targets(examples))
        said, own = ([self.spell(row) for row in rows] for rows in (true, np.asarray(written)))
        right = sum(a == b for a, b in zip(said, own, strict=True))
        return {**word_errors(said, own), "exact_match": (right, len(said))}

    def listen(self, model: Listener, batch: ArrayBatch, dropout_key: DropoutKey | None = None) -> Heard:
        """What the encoder leaves of a batch."""
        frames, count = self.frames(batch.examples)
        real = jnp.arange(frames.shape[1])[None] < jnp.where(batch.valid, count, 0)[:, None]
        return model.listen(frames, real, dropout_key)
