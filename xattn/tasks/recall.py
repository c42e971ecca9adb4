"""Associative recall: slots hold a key with its value, queries name keys, and the answers are their values.

This measures the capacity of a memory (Arora et al., 2023): each query needs one slot and no other, so that recall says
how much of the source passed through a bottleneck of few latents or few channels.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Bool, Float, Int

from xattn.alignment.layouts import Slots
from xattn.config import Model, Recall
from xattn.nn.decoder import CrossDecoder
from xattn.nn.dimensions import Dimensions
from xattn.nn.dropout import DropoutKey
from xattn.nn.encoders.slots import SlotEncoder
from xattn.nn.memory import Memory
from xattn.nn.memory_transforms import MemoryTransform
from xattn.tasks.array_evaluation import TRAIN
from xattn.tasks.array_task import ArrayBatch, ArrayTask, Outcome
from xattn.training.losses import cross_entropy, sum_of


class Examples(NamedTuple):
    """Key and value of every slot, and the slots that are asked for."""

    pairs: Int[np.ndarray, "E S 2"]
    asked: Int[np.ndarray, "E T"]


def draw(settings: Recall, split: str, number: int) -> Examples:
    """One example, which depends on settings, split and number alone. Ids of values follow those of keys."""
    generator = np.random.default_rng([settings.seed, zlib.crc32(split.encode()), number])
    keys = generator.permutation(settings.keys)[: settings.pairs]
    values = settings.keys + generator.integers(settings.values, size=settings.pairs)
    asked = generator.permutation(settings.pairs)[: settings.queries]
    return Examples(np.stack([keys, values], axis=-1).astype(np.int32), asked.astype(np.int32))


class Recaller(nnx.Module):
    """An encoder of slots, and a decoder whose queries are embedded keys; the embedding also scores the values."""

    def __init__(self, model: Model, settings: Recall, rngs: nnx.Rngs):
        dims, width = Dimensions.of(model), model.width
        table = nnx.initializers.normal(width**-0.5)
        self.embedding = nnx.Embed(settings.keys + settings.values, width, embedding_init=table, rngs=rngs)
        self.encoder = SlotEncoder(settings.pairs, 2, dims, rngs=rngs)
        self.transform = MemoryTransform(model.memory, dims, latents=model.latents, rngs=rngs)
        self.compress = (
            nnx.Linear(width, settings.rank, use_bias=False, dtype=dims.dtype, rngs=rngs) if settings.rank else None
        )
        self.decoder = CrossDecoder(dims, memory_width=settings.rank or width, rngs=rngs)

    def encode(
        self, pairs: Int[Array, "B S 2"], real: Bool[Array, " B"], dropout_key: DropoutKey | None = None
    ) -> Memory:
        """The memory of the slots."""
        mask = jnp.broadcast_to(real[:, None, None], pairs.shape)
        memory = self.encoder(self._embed(pairs), mask, dropout_key and dropout_key.fold_in(0))
        memory = self.transform(memory, dropout_key and dropout_key.fold_in(1))
        return memory if self.compress is None else replace(memory, tokens=self.compress(memory.tokens))

    def __call__(
        self,
        pairs: Int[Array, "B S 2"],
        keys: Int[Array, "B T"],
        real: Bool[Array, " B"],
        dropout_key: DropoutKey | None = None,
        hide: Bool[Array, "B T M"] | None = None,
    ) -> tuple[Float[Array, "B T V"], Float[Array, "L B N T M"], Bool[Array, "B M"]]:
        memory = self.encode(pairs, real, dropout_key)
        states, weights = self.decoder(self._embed(keys), memory, dropout_key and dropout_key.fold_in(2), hide)
        return self.embedding.attend(states), weights, memory.mask

    def _embed(self, ids: jax.Array) -> jax.Array:
        return self.embedding(ids) * self.embedding.features**0.5


class RecallTask(ArrayTask[Recall]):
    """Associative recall."""

    headline: ClassVar[str] = "recall"
    loss_unit = "answers"

    @property
    def positions(self) -> int:
        return self.settings.pairs + self.settings.queries

    def read(self, split: str) -> Examples:
        size = self.settings.train_examples if split == TRAIN else self.settings.held_out_examples
        drawn = [draw(self.settings, split, number) for number in range(size)]
        return Examples(*map(np.stack, zip(*drawn, strict=True)))

    def build(self, rngs: nnx.Rngs) -> Recaller:
        return Recaller(self.config.model, self.settings, rngs)

    def forward(
        self, model: Recaller, batch: ArrayBatch, dropout_key: DropoutKey | None, hide: jax.Array | None = None
    ) -> Outcome:
        pairs, asked = batch.examples
        wanted_BT2 = jnp.take_along_axis(pairs, asked[..., None], axis=1)
        keys, answers = wanted_BT2[..., 0], wanted_BT2[..., 1]
        logits, weights, visible = model(pairs, keys, batch.valid, dropout_key, hide)
        counts = jnp.broadcast_to(batch.valid[:, None], answers.shape)
        sums = {
            "loss": sum_of(cross_entropy(logits, answers), counts),
            "recall": sum_of(logits.argmax(axis=-1) == answers, counts),
        }
        return Outcome(sums, weights, visible)

    def gold(self, examples: Examples) -> Bool[np.ndarray, "B T S"]:
        """The slot that holds the key that is asked for."""
        return np.asarray(examples.asked)[..., None] == np.arange(self.settings.pairs)

    def labels(self, examples: Examples) -> tuple[Sequence[str], Sequence[str]]:
        names = [f"k{key}=v{value - self.settings.keys}" for key, value in np.asarray(examples.pairs).tolist()]
        return names, [names[slot].split("=")[0] + "?" for slot in np.asarray(examples.asked).tolist()]

    def layout(self, examples: Examples) -> Slots:
        return Slots()

    def baselines(self, split: str) -> Mapping[str, Mapping[str, float]]:
        """One of all values, and the value that most slots of the example hold."""
        pairs, asked = self.examples(split)
        values = pairs[..., 1] - self.settings.keys
        counts = np.stack([np.bincount(each, minlength=self.settings.values) for each in values])
        answers = np.take_along_axis(values, asked, axis=1)
        return {
            "chance": {"recall": 1 / self.settings.values},
            "commonest value": {"recall": float((counts.argmax(axis=1)[:, None] == answers).mean())},
        }
