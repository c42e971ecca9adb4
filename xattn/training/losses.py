"""Losses as sums with counts, which are added over tokens, batches and devices, and divided once."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Sum:
    """A sum and the number of its terms. Sums are added, never averaged.

    >>> float((Sum(jnp.float32(6), jnp.float32(3)) + Sum(jnp.float32(1), jnp.float32(4))).mean)
    1.0
    """

    total: Any  # scalars; with a leading device axis on their way out of `pmap`
    count: Any

    def __add__(self, other: "Sum") -> "Sum":
        return Sum(self.total + other.total, self.count + other.count)

    @property
    def mean(self) -> jax.Array:
        """The mean of all terms; NaN if there are none."""
        return self.total / self.count


Sums = Mapping[str, Sum]
"""Sums by metric, such as "loss", which is always among them, or "exact_match"; each may count other terms."""


def sum_of(values: Float[Array, "*B"] | Bool[Array, "*B"], where: Bool[Array, "*B"]) -> Sum:
    """The sum of the values that are selected, and their number."""
    return Sum(jnp.sum(values, where=where, dtype=jnp.float32), jnp.sum(where, dtype=jnp.float32))


def cross_entropy(logits: Float[Array, "*B V"], labels: Int[Array, "*B"], smoothing: float = 0.0) -> Float[Array, "*B"]:
    """Cross-entropy in nats with label smoothing: `smoothing` is spread evenly over the vocabulary.

    Szegedy et al., 2016, section 7.

    >>> cross_entropy(jnp.log(jnp.array([[0.5, 0.25, 0.25]])), jnp.array([0]), smoothing=0.3).round(4)
    Array([0.8318], dtype=float32)
    """
    scores = logits.astype(jnp.promote_types(logits.dtype, jnp.float32))
    normaliser = jax.nn.logsumexp(scores, axis=-1)
    correct = jnp.take_along_axis(scores, labels[..., None], axis=-1)[..., 0]
    return normaliser - (1 - smoothing) * correct - smoothing * scores.mean(axis=-1)


def in_slices(arrays: tuple[jax.Array, ...], most: int) -> tuple[jax.Array, ...]:
    """Cuts the rows of arrays into equal slices of at most `most` rows; zeros fill up the last slice."""
    slices = -(-len(arrays[0]) // most)
    size = -(-len(arrays[0]) // slices)

    def cut(x: jax.Array) -> jax.Array:
        filled = jnp.pad(x, [(0, slices * size - len(x)), *[(0, 0)] * (x.ndim - 1)])
        return filled.reshape(slices, size, *x.shape[1:])

    return tuple(map(cut, arrays))


@partial(jax.custom_vjp, nondiff_argnums=(4, 5))
def linear_cross_entropy(
    states: Float[Array, "M D"],
    embedding: Float[Array, "V D"],
    labels: Int[Array, " M"],
    weights: Float[Array, " M"],
    smoothing: float = 0.0,
    slice_size: int = 1024,
) -> Float[Array, ""]:
    """The weighted sum of `cross_entropy(states @ embedding.T, labels, smoothing)`, without the logits `[M,V]`.

    Loss and gradients are computed together, for at most `slice_size` states at a time. The terms of labels and
    smoothing are linear in the logits, and are computed without them. Only the first derivatives by states and
    embedding exist; the weights are constants.

    >>> states, table = jnp.array([[1.0, 0.0]]), jnp.log(jnp.array([[0.5, 1.0], [0.25, 1.0], [0.25, 1.0]]))
    >>> linear_cross_entropy(states, table, jnp.array([0]), jnp.ones(1), 0.3).round(4)
    Array(0.8318, dtype=float32)
    """
    return _linear_cross_entropy(states, embedding, labels, weights, smoothing, slice_size)[0]


def _linear_cross_entropy(
    states: jax.Array, embedding: jax.Array, labels: jax.Array, weights: jax.Array, smoothing: float, slice_size: int
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    # Rows that fill up the last slice have weight 0.
    parts = in_slices((states, labels, weights), slice_size)
    mean_D = embedding.mean(axis=0)
    # The column of ones sums the exponentials in the same product that weights the embedding by them.
    with_ones_VE = jnp.concatenate([embedding, jnp.ones_like(embedding[:, :1])], axis=1)

    def add(total: tuple, part: tuple) -> tuple[tuple, jax.Array]:
        loss, gradient_VD = total
        x_MD, labels_M, w_M = part
        scores_MV = x_MD @ embedding.T
        highest_M = scores_MV.max(axis=-1)
        exp_MV = jnp.exp(scores_MV - highest_M[:, None])
        mixed_ME = exp_MV @ with_ones_VE
        sum_M = mixed_ME[:, -1]
        # The embedding's mean under the target distribution: the label's row, and the mean of all rows.
        wanted_MD = (1 - smoothing) * embedding[labels_M] + smoothing * mean_D[None]
        loss += (w_M * (jnp.log(sum_M) + highest_M - (x_MD * wanted_MD).sum(axis=-1))).sum()
        share_M = (w_M / sum_M)[:, None]
        dx_MD = mixed_ME[:, :-1] * share_M - w_M[:, None] * wanted_MD
        weighted_MD = w_M[:, None] * x_MD
        gradient_VD += exp_MV.T @ (share_M * x_MD) - (smoothing / len(embedding)) * weighted_MD.sum(axis=0)[None]
        return (loss, gradient_VD.at[labels_M].add(-(1 - smoothing) * weighted_MD)), dx_MD

    start = (jnp.zeros((), states.dtype), jnp.zeros_like(embedding))
    (loss, gradient_VD), dx = jax.lax.scan(add, start, parts)
    return loss, (dx.reshape(-1, states.shape[-1])[: len(states)], gradient_VD)


def _backward(smoothing: float, slice_size: int, gradients: tuple, g: jax.Array) -> tuple:
    dx_MD, dembedding_VD = gradients
    return g * dx_MD, g * dembedding_VD, None, None


linear_cross_entropy.defvjp(_linear_cross_entropy, _backward)


def means(sums: list[Sums]) -> dict[str, float]:
    """The mean of each metric over all batches, as the sum of totals over that of counts; left out if that is 0."""
    totals, counts = (
        {name: sum(getattr(s[name], part) for s in sums) for name in sums[0]} for part in ("total", "count")
    )
    return {name: float(totals[name] / counts[name]) for name in totals if counts[name]}
