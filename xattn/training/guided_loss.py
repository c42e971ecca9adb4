"""Guided alignment: cross-attention learns given links beside the vocabulary (Garg et al., 2019, section 4.2)."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Float32

from xattn.training.losses import Sum

# A weight below this is taken for it, and has no gradient: a softmax that has given up on a key gives exactly 0, whose
# logarithm and its derivative are infinite.
LEAST = 1e-30


def guided_loss(weights: Float[Array, "*B T S"], guide: Float32[Array, "*B T S"]) -> Sum:
    """Cross-entropy in nats between where decoder steps should look and where they do, over the steps that are guided.

    `weights` are those of attention, before dropout. A row of `guide` sums to 1, and says how the step's loss is
    shared among source pieces; or it is 0, and its step does not count.

    >>> weights = jnp.array([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]])
    >>> loss = guided_loss(weights, jnp.array([[0.5, 0.5, 0.0], [0.0, 0.0, 0.0]]))
    >>> round(float(loss.total), 4), float(loss.count)  # (log 2 + log 4) / 2
    (1.0397, 1.0)
    """
    weights = weights.astype(jnp.promote_types(weights.dtype, jnp.float32))
    # Where nothing is asked for, the logarithm is that of 1: its derivative must not be infinite there either.
    logs = jnp.log(jnp.maximum(jnp.where(guide > 0, weights, 1), LEAST))
    return Sum(-jnp.sum(guide * logs), jnp.sum((guide > 0).any(axis=-1), dtype=jnp.float32))
