"""Transforms of a memory: the whole source, its mean, latents, another example's source, or none."""

from collections.abc import Callable
from dataclasses import replace

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from xattn.attention import Mask
from xattn.nn.attention import CrossAttention
from xattn.nn.dimensions import Dimensions
from xattn.nn.dropout import DropoutKey
from xattn.nn.layers import EncoderLayer
from xattn.nn.memory import Memory


def full(memory: Memory) -> Memory:
    """Every source position: plain cross-attention."""
    return memory


def mean(memory: Memory) -> Memory:
    """One position, the mean of the real ones: attention has nothing left to choose.

    >>> tokens = jnp.array([[[1.0, 2.0], [3.0, 6.0], [9.0, 9.0]]])
    >>> mean(Memory(tokens=tokens, mask=jnp.array([[True, True, False]]))).tokens
    Array([[[2., 4.]]], dtype=float32)
    """
    mean_B1D = jnp.mean(memory.tokens, axis=1, keepdims=True, where=memory.mask[..., None])
    real_B1 = memory.mask.any(axis=1, keepdims=True)
    return replace(memory, tokens=jnp.where(real_B1[..., None], mean_B1D, 0), mask=real_B1)


def shuffle(memory: Memory) -> Memory:
    """Gives every example the memory of the next real example of the batch, and the last that of the first.

    A test for leaks: a model that does better with this than with `none` knows its source from elsewhere, or profits
    from what the batch has in common, such as a length. A single real example gets an empty memory. Under `pmap`
    examples are exchanged within each device.

    >>> rows = jnp.array([[[1.0]], [[2.0]], [[0.0]], [[3.0]]])
    >>> memory = Memory(tokens=rows, mask=jnp.array([[True], [True], [False], [True]]))
    >>> shuffle(memory).tokens[:, 0, 0]
    Array([2., 3., 0., 1.], dtype=float32)
    """
    real_B = memory.mask.any(axis=1)
    count = real_B.sum()
    rank_B = jnp.cumsum(real_B) - 1  # of a real example among the real ones
    real_first_B = jnp.argsort(~real_B, stable=True)
    other_B = jnp.where(real_B, real_first_B[(rank_B + 1) % jnp.maximum(count, 1)], jnp.arange(len(real_B)))
    seen = count > 1
    return replace(
        memory,
        tokens=jnp.where(seen, memory.tokens[other_B], 0),
        mask=memory.mask[other_B] & seen,
    )


def none(memory: Memory) -> Memory:
    """One masked position: cross-attention gives 0, and the decoder becomes a language model."""
    batch, _, width = memory.tokens.shape
    return replace(memory, tokens=jnp.zeros((batch, 1, width), memory.tokens.dtype), mask=jnp.zeros((batch, 1), bool))


class LatentPool(nnx.Module):
    """Replaces a memory by `latents` learned queries (Z) that attend to it and then to each other.

    It shortens the memory, as the Perceiver does (Jaegle et al., 2021), and keeps its width. The low-rank keys and
    values of multi-head latent attention do the opposite. An example without a source gets masked latents.
    """

    def __init__(self, latents: int, dims: Dimensions, *, rngs: nnx.Rngs):
        width = dims.width
        # The initial latents must differ widely: latents that begin alike stay alike.
        self.latents = nnx.Param(nnx.initializers.normal(1.0)(rngs.params(), (latents, width)))
        self.norm_latents = nnx.LayerNorm(width, rngs=rngs)
        self.norm_memory = nnx.LayerNorm(width, rngs=rngs)
        self.cross_attention = CrossAttention(width, width, dims.heads, dtype=dims.dtype, rngs=rngs)
        self.layer = EncoderLayer(dims, rngs=rngs)
        self.norm = nnx.LayerNorm(width, rngs=rngs)

    def __call__(self, memory: Memory, dropout_key: DropoutKey | None = None) -> Memory:
        """The memory of Z latents."""
        return self.with_weights(memory, dropout_key)[0]

    def with_weights(
        self, memory: Memory, dropout_key: DropoutKey | None = None
    ) -> tuple[Memory, Float[Array, "B N Z S"]]:
        """The memory of Z latents, and the weights of their cross-attention."""
        latents_ZD = self.latents[...]
        x_BZD = jnp.broadcast_to(latents_ZD, (len(memory.tokens), *latents_ZD.shape)).astype(memory.tokens.dtype)
        attended, weights = self.cross_attention(
            self.norm_latents(x_BZD), self.norm_memory(memory.tokens), Mask.keys(memory.mask)
        )
        x_BZD = self.layer(x_BZD + attended, Mask(), dropout_key)
        mask_BZ = jnp.broadcast_to(memory.mask.any(axis=1, keepdims=True), x_BZD.shape[:2])
        return Memory(tokens=self.norm(x_BZD), mask=mask_BZ), weights


TRANSFORMS: dict[str, Callable[[Memory], Memory]] = {"full": full, "mean": mean, "shuffle": shuffle, "none": none}


WHY_NOT_SOURCE = {
    "mean": "a mean memory: it has a single position",
    "latents": "a memory of latents: it attends to summaries, not to source positions",
    "shuffle": "a shuffled memory: it attends to the source of another example",
    "none": "no memory: it has nothing to attend to",
}
"""For each memory but the full one: why a model's weights say nothing about positions of its source."""


class MemoryTransform(nnx.Module):
    """The transform that `model.memory` names, for any encoder: one setting turns a model into its ablation.

    `kind` is "latents" or a name in `TRANSFORMS`. Only "latents" has parameters, for as many `latents` (Z).
    """

    def __init__(self, kind: str, dims: Dimensions, *, latents: int, rngs: nnx.Rngs):
        self.kind = kind
        self.pool = LatentPool(latents, dims, rngs=rngs) if kind == "latents" else None

    def __call__(self, memory: Memory, dropout_key: DropoutKey | None = None) -> Memory:
        """The transformed memory, of as many positions as before, of one, or of Z."""
        return TRANSFORMS[self.kind](memory) if self.pool is None else self.pool(memory, dropout_key)
