"""Translation as an experiment: sentence pairs, an encoder-decoder, the vocabulary loss."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import grain
import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from rich.console import Console

from xattn.attention import hash_bits
from xattn.data import batching, sources
from xattn.data.batching import Batch
from xattn.data.tokenizer import Tokenizer
from xattn.nn.layers import Noise
from xattn.run import Run
from xattn.tasks.translator import build
from xattn.training.losses import cross_entropy, sum_of
from xattn.training.step import Sums


class Translation:
    """What training needs to know of translation; see `xattn.training.loop.Task`."""

    score = "exact_match"

    def __init__(self, run: Run, console: Console):
        self.config = run.config
        self.console = console
        self.pairs = {name: self._load(name) for name in ("train", "validation")}
        self.tokenizer = self._tokenizer(run)
        self.encoded = {name: self._encode(name) for name in self.pairs}
        self.graph, _ = nnx.split(nnx.eval_shape(self._build), nnx.Param)

    def parameters(self) -> Any:
        """Fresh parameters, as nested dictionaries."""
        # Compiled as a whole: eagerly, every layer would compile its initialisers anew.
        return jax.jit(lambda: nnx.to_pure_dict(nnx.state(self._build(), nnx.Param)))()

    def loss(self, params: Any, batch: Batch, step: jax.Array) -> Sums:
        """Label-smoothed cross-entropy in nats a target piece, with dropout."""
        settings = self.config
        noise = Noise(
            seed=hash_bits(jnp.uint32(settings.seed), step.astype(jnp.uint32)),
            rows=batch.rows,
            rate=settings.model.dropout,
            attention_rate=settings.model.attention_dropout,
        )
        logits, _ = self._call(params, batch, noise)
        losses = cross_entropy(logits, batch.target_out, settings.training.label_smoothing)
        tokens = batch.source_mask.sum() + batch.target_mask.sum()
        return {
            "loss": sum_of(losses, batch.target_mask),
            "tokens": Sum(tokens.astype(jnp.float32), ...),
        }

    def look(self, params: Any, batch: Batch) -> Sums:
        """Cross-entropy a target piece, and how many pieces and whole sentences are predicted right.

        A sentence all of whose pieces are right given the true ones before them is what greedy decoding writes, and
        the other way round: this is the exact match of greedy decoding, without decoding.
        """
        logits, _ = self._call(params, batch, None)
        right = logits.argmax(axis=-1) == batch.target_out
        real = batch.target_mask.any(axis=1)
        return {
            "loss": sum_of(cross_entropy(logits, batch.target_out), batch.target_mask),
            "piece_accuracy": sum_of(right, batch.target_mask),
            "exact_match": sum_of((right | ~batch.target_mask).all(axis=1), real),
        }
