"""Guided alignment: a loss of cross-attention against given links (Garg et al., 2019, section 4.2)."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Float32

from xattn.training.losses import Sum

# Smaller weights are replaced by this, and have no gradient: a softmax can underflow to 0, where the logarithm and its
# derivative are infinite.
LEAST = 1e-30


def guided_loss(weights: Float[Array, "*B T S"], guide: Float32[Array, "*B T S"]) -> Sum:
    """The cross-entropy in nats of attention weights against gold attention, over the steps that have gold.

    `weights` are taken before dropout. A row of `guide` is a distribution over source pieces; or it is 0, and its step
    does not count.

    >>> weights = jnp.array([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]])
    >>> loss = guided_loss(weights, jnp.array([[0.5, 0.5, 0.0], [0.0, 0.0, 0.0]]))
    >>> round(float(loss.total), 4), float(loss.count)  # (log 2 + log 4) / 2
    (1.0397, 1.0)
    """
    weights = weights.astype(jnp.promote_types(weights.dtype, jnp.float32))
    # Without gold the weight is replaced by 1: the derivative of the logarithm must be finite there too.
    logs = jnp.log(jnp.maximum(jnp.where(guide > 0, weights, 1), LEAST))
    return Sum(-jnp.sum(guide * logs), jnp.sum((guide > 0).any(axis=-1), dtype=jnp.float32))
