"""Losses as sums with their counts: they are added over tokens, batches and devices, and divided once."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Sum:
    """A sum, and how many terms it has. Sums are added, never averaged.

    >>> float((Sum(jnp.float32(6), jnp.float32(3)) + Sum(jnp.float32(1), jnp.float32(4))).mean)
    1.0
    """

    total: Any  # scalars; with a leading device axis on their way out of `pmap`
    count: Any

    def __add__(self, other: "Sum") -> "Sum":
        return Sum(self.total + other.total, self.count + other.count)

    @property
    def mean(self) -> jax.Array:
        """The mean of all terms; NaN where there are none."""
        return self.total / self.count


def sum_of(values: Float[Array, "*B"] | Bool[Array, "*B"], where: Bool[Array, "*B"]) -> Sum:
    """Sums the values that count."""
    return Sum(jnp.sum(values, where=where, dtype=jnp.float32), jnp.sum(where, dtype=jnp.float32))


def cross_entropy(
    logits: Float[Array, "*B V"], labels: Int[Array, "*B"], smoothing: float = 0.0
) -> Float[Array, "*B"]:
    """Cross-entropy in nats with label smoothing: `smoothing` is spread evenly over the vocabulary.

    Szegedy et al., 2016, section 7.

    >>> cross_entropy(jnp.log(jnp.array([[0.5, 0.25, 0.25]])), jnp.array([0]), smoothing=0.3).round(4)
    Array([0.8318], dtype=float32)
    """
    scores = logits.astype(jnp.promote_types(logits.dtype, jnp.float32))
    normaliser = jax.nn.logsumexp(scores, axis=-1)
    correct = jnp.take_along_axis(scores, labels[..., None], axis=-1)[..., 0]
    return normaliser - (1 - smoothing) * correct - smoothing * scores.mean(axis=-1)
