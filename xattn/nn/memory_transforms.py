"""Transforms of a memory: the whole source, its mean, latents, another example's source, or none."""

from collections.abc import Callable
from dataclasses import replace

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from xattn.attention import Mask
from xattn.nn.attention import CrossAttention
from xattn.nn.dropout import DropoutKey
from xattn.nn.layers import EncoderLayer
from xattn.nn.memory import Memory


def full(memory: Memory) -> Memory:
    """Every source position: plain cross-attention."""
    return memory


def mean(memory: Memory) -> Memory:
    """One position, the mean of the real ones: what a decoder knows when it cannot look anywhere.

    >>> tokens = jnp.array([[[1.0, 2.0], [3.0, 6.0], [9.0, 9.0]]])
    >>> mean(Memory(tokens=tokens, mask=jnp.array([[True, True, False]]), layout="words")).tokens
    Array([[[2., 4.]]], dtype=float32)
    """
    mean_B1D = jnp.mean(memory.tokens, axis=1, keepdims=True, where=memory.mask[..., None])
    real_B1 = memory.mask.any(axis=1, keepdims=True)
    return replace(memory, tokens=jnp.where(real_B1[..., None], mean_B1D, 0), mask=real_B1)


def shuffle(memory: Memory) -> Memory:
    """Every row looks at the memory of another: of the next real row of the batch, and the last at that of the first.

    The test for leaks: a model that does better with it than with `none` knows its source from elsewhere, or profits
    from what the batch has in common, such as its length. A single real row sees nothing. Under `pmap` the rows of a
    device change places among each other.

    >>> rows = jnp.array([[[1.0]], [[2.0]], [[0.0]], [[3.0]]])
    >>> memory = Memory(tokens=rows, mask=jnp.array([[True], [True], [False], [True]]), layout="words")
    >>> shuffle(memory).tokens[:, 0, 0]
    Array([2., 3., 0., 1.], dtype=float32)
    """
    real_B = memory.mask.any(axis=1)
    count = real_B.sum()
    rank_B = jnp.cumsum(real_B) - 1  # of a real row among the real ones
    real_first_B = jnp.argsort(~real_B, stable=True)
    other_B = jnp.where(real_B, real_first_B[(rank_B + 1) % jnp.maximum(count, 1)], jnp.arange(len(real_B)))
    seen = count > 1
    return replace(
        memory,
        tokens=jnp.where(seen, memory.tokens[other_B], 0),
        mask=memory.mask[other_B] & seen,
    )


def none(memory: Memory) -> Memory:
    """One position that nobody may look at: cross-attention gives 0, and the decoder is a language model."""
    batch, _, width = memory.tokens.shape
    return replace(memory, tokens=jnp.zeros((batch, 1, width), memory.tokens.dtype), mask=jnp.zeros((batch, 1), bool))


class LatentPool(nnx.Module):
    """`latents` learned queries look at a memory, then at each other, and are the memory from then on.

    Perceiver-style (Jaegle et al., 2021): fewer positions. To keep all positions with fewer channels is another
    thing, the low-rank keys and values of multi-head latent attention. A row without a source leaves no latents.
    """

    def __init__(
        self,
        latents: int,
        width: int,
        heads: int,
        mlp: int,
        *,
        dtype: jnp.dtype | None = None,
        rngs: nnx.Rngs,
    ):
        # Wide apart at first: latents that begin alike stay alike.
        self.latents = nnx.Param(nnx.initializers.normal(1.0)(rngs.params(), (latents, width)))
        self.norm_latents = nnx.LayerNorm(width, rngs=rngs)
        self.norm_memory = nnx.LayerNorm(width, rngs=rngs)
        self.cross_attention = CrossAttention(width, width, heads, dtype=dtype, rngs=rngs)
        self.layer = EncoderLayer(width, heads, mlp, dtype=dtype, rngs=rngs)
        self.norm = nnx.LayerNorm(width, rngs=rngs)

    def __call__(self, memory: Memory, dropout_key: DropoutKey | None = None) -> Memory:
        return self.look(memory, dropout_key)[0]

    def look(self, memory: Memory, dropout_key: DropoutKey | None = None) -> tuple[Memory, Float[Array, "B N Z S"]]:
        """The memory of latents, and what each of the Z latents looked at."""
        latents_ZD = self.latents[...]
        x_BZD = jnp.broadcast_to(latents_ZD, (len(memory.tokens), *latents_ZD.shape)).astype(memory.tokens.dtype)
        attended, weights = self.cross_attention(
            self.norm_latents(x_BZD), self.norm_memory(memory.tokens), Mask.keys(memory.mask)
        )
        x_BZD = self.layer(x_BZD + attended, Mask(), dropout_key)
        mask_BZ = jnp.broadcast_to(memory.mask.any(axis=1, keepdims=True), x_BZD.shape[:2])
        return replace(memory, tokens=self.norm(x_BZD), mask=mask_BZ, layout="slots"), weights


TRANSFORMS: dict[str, Callable[[Memory], Memory]] = {"full": full, "mean": mean, "shuffle": shuffle, "none": none}


WHY_NOT_SOURCE = {
    "mean": "a mean memory: it has one position, and nothing to look at",
    "latents": "a memory of latents: what it looks at are summaries, and no words",
    "shuffle": "a shuffled memory: what it looks at is another source than its own",
    "none": "no memory: it has nothing to look at",
}
"""Why the weights of a model say nothing about positions of its source, for all memories but the full one."""


class MemoryTransform(nnx.Module):
    """What `model.memory` names, for any encoder: one flag turns a model into its ablation.

    Only `latents` has parameters; for all other kinds they are those of `full`.
    """

    def __init__(
        self,
        kind: str,
        *,
        latents: int,
        width: int,
        heads: int,
        mlp: int,
        dtype: jnp.dtype | None = None,
        rngs: nnx.Rngs,
    ):
        self.kind = kind
        self.pool = LatentPool(latents, width, heads, mlp, dtype=dtype, rngs=rngs) if kind == "latents" else None

    def __call__(self, memory: Memory, dropout_key: DropoutKey | None = None) -> Memory:
        return TRANSFORMS[self.kind](memory) if self.pool is None else self.pool(memory, dropout_key)
