"""The copy switch: each word is generated from the vocabulary or copied from the attended source positions."""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int


class CopySwitch(nnx.Module):
    """Mixes generating from a vocabulary with copying from the source (See et al., 2017, equations 8 and 9).

    The probability of a word is g · P(word in the vocabulary) + (1 - g) · (attention weight on all positions that hold
    the word). The switch g is computed from the decoder's state. Source words may have ids of V or more: these can
    only be copied.
    """

    def __init__(self, width: int, *, rngs: nnx.Rngs):
        self.switch = nnx.Linear(width, 1, rngs=rngs)

    def __call__(
        self,
        states: Float[Array, "B T D"],
        logits: Float[Array, "B T V"],
        weights: Float[Array, "B T S"],
        words: Int[Array, "B S"],
        size: int,
    ) -> tuple[Float[Array, "B T E"], Float[Array, "B T"]]:
        """Natural log-probabilities of all `size` words (E ≥ V), and 1 - g: the share that is copied.

        `weights` are those of one cross-attention, `words` the ids at its source positions. A row without any weight
        has nothing to copy; its g is 1.
        """
        switch_BT = self.switch(states)[..., 0]
        attends_BT = weights.sum(axis=-1) > 0
        generate_BT = jnp.where(attends_BT, jax.nn.log_sigmoid(switch_BT), 0.0)
        copy_BT = jnp.where(attends_BT, jax.nn.log_sigmoid(-switch_BT), -jnp.inf)
        vocabulary_BTV = generate_BT[..., None] + jax.nn.log_softmax(logits)
        more = ((0, 0), (0, 0), (0, size - logits.shape[-1]))
        vocabulary_BTE = jnp.pad(vocabulary_BTV, more, constant_values=-jnp.inf)
        copied_BTE = gather(weights, words, size)
        # The gradient of log 0 is not finite, so log is taken of 1 instead and its result replaced.
        some_BTE = copied_BTE > 0
        log_copied_BTE = jnp.where(some_BTE, jnp.log(jnp.where(some_BTE, copied_BTE, 1.0)), -jnp.inf)
        copied_BTE = copy_BT[..., None] + log_copied_BTE
        possible_BTE = (vocabulary_BTE > -jnp.inf) | (copied_BTE > -jnp.inf)
        terms = (jnp.where(possible_BTE, term, 0.0) for term in (vocabulary_BTE, copied_BTE))
        mixed_BTE = jnp.where(possible_BTE, jnp.logaddexp(*terms), -jnp.inf)
        return mixed_BTE, jnp.where(attends_BT, jax.nn.sigmoid(-switch_BT), 0.0)


def gather(weights: Float[Array, "B T S"], words: Int[Array, "B S"], size: int) -> Float[Array, "B T E"]:
    """The attention weight of each of `size` words (E), summed over all positions that hold it.

    >>> gather(jnp.array([[[0.25, 0.5, 0.25]]]), jnp.array([[3, 1, 3]]), 4)
    Array([[[0. , 0.5, 0. , 0.5]]], dtype=float32)
    """
    batch, length, _ = weights.shape
    rows = jnp.arange(batch)[:, None, None]
    steps = jnp.arange(length)[None, :, None]
    return jnp.zeros((batch, length, size), weights.dtype).at[rows, steps, words[:, None]].add(weights)
