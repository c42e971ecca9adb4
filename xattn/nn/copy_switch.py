"""The copy switch: a word comes out of the vocabulary, or is one of those that are looked at."""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int


class CopySwitch(nnx.Module):
    """Mixes a decoder's vocabulary with the words it looks at (See et al., 2017, equations 8 and 9).

    A word has the probability g · vocabulary + (1 - g) · what the attention gives to its places, where the switch g is
    read from the decoder's state. Source words may have ids behind the vocabulary: they can only be copied.
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
        """Logarithms of the probabilities of all `size` words (E ≥ V), and 1 - g: how much is copied.

        `weights` are those of one cross-attention, `words` what stands at the places that it looks at. Where it looks
        at nothing, nothing can be copied, and g is 1.
        """
        switch_BT = self.switch(states)[..., 0]
        looks_BT = weights.sum(axis=-1) > 0
        generate_BT = jnp.where(looks_BT, jax.nn.log_sigmoid(switch_BT), 0.0)
        copy_BT = jnp.where(looks_BT, jax.nn.log_sigmoid(-switch_BT), -jnp.inf)
        vocabulary_BTV = generate_BT[..., None] + jax.nn.log_softmax(logits)
        more = ((0, 0), (0, 0), (0, size - logits.shape[-1]))
        vocabulary_BTE = jnp.pad(vocabulary_BTV, more, constant_values=-jnp.inf)
        copied_BTE = gather(weights, words, size)
        # Logarithms of 0 have no gradients: where nothing is, 1 stands in for it until they are taken.
        some_BTE = copied_BTE > 0
        log_copied_BTE = jnp.where(some_BTE, jnp.log(jnp.where(some_BTE, copied_BTE, 1.0)), -jnp.inf)
        copied_BTE = copy_BT[..., None] + log_copied_BTE
        possible_BTE = (vocabulary_BTE > -jnp.inf) | (copied_BTE > -jnp.inf)
        sources = (jnp.where(possible_BTE, each, 0.0) for each in (vocabulary_BTE, copied_BTE))
        mixed_BTE = jnp.where(possible_BTE, jnp.logaddexp(*sources), -jnp.inf)
        return mixed_BTE, jnp.where(looks_BT, jax.nn.sigmoid(-switch_BT), 0.0)


def gather(weights: Float[Array, "B T S"], words: Int[Array, "B S"], size: int) -> Float[Array, "B T E"]:
    """What every one of `size` words gets from all its places.

    >>> gather(jnp.array([[[0.25, 0.5, 0.25]]]), jnp.array([[3, 1, 3]]), 4)
    Array([[[0. , 0.5, 0. , 0.5]]], dtype=float32)
    """
    batch, length, _ = weights.shape
    rows = jnp.arange(batch)[:, None, None]
    steps = jnp.arange(length)[None, :, None]
    return jnp.zeros((batch, length, size), weights.dtype).at[rows, steps, words[:, None]].add(weights)
