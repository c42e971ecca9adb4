"""One checked call of cross-attention, in the array layout that every implementation uses.

Batch axes are folded into one: queries are [B,K,G,T,H], keys [b,K,S,H] and values [b,K,S,Hv]. Head n = k * G + g of
N = K * G reads key head k; b is B, or 1 if all examples share a memory. A call can be cut to a tile of itself, which
keeps its absolute indices.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from xattn.attention.dropout import gain, keep_weights
from xattn.attention.score_bias import ScoreBias


def known(*sizes: object) -> bool:
    """Whether sizes are numbers; those of `jax.export.symbolic_shape` are expressions, which compare with few."""
    return all(isinstance(size, int) for size in sizes)


def in_float32(dtype: jnp.dtype) -> jnp.dtype:
    """The dtype of sums: float32, or float64 for float64. (`jnp.promote_types` fails in JAX's strict promotion.)"""
    return jnp.dtype(np.promote_types(dtype, np.float32))


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Call:
    """Checked arguments in the common layout; `mask` is canonical, or None if nothing is masked.

    `heads`, `rows` and `cols` are absolute indices: those of a tile need not begin at 0.
    (Fields are `Any`, since JAX also builds pytrees whose leaves are not arrays.)
    """

    q: Any  # Float [B,K,G,T,H]
    k: Any  # Float [b,K,S,H]
    v: Any  # Float [b,K,S,Hv]
    mask: Any  # Mask | None
    bias: Any  # Float [B|1,K|1,G|1,T|1,S|1] | ScoreBias, canonical | None
    scale: Any  # Float [] or [1,K,G,1,1], or None if q is scaled already
    sink: Any  # Float [1,K,G,1,1] | None
    dropout: Any  # Dropout | None
    heads: Any  # Int [1,N,1,1]
    rows: Any  # Int [B|1,T]
    cols: Any  # Int [B|1,S]
    traced_softcap: Any  # Float [] | None
    static_softcap: float | None = field(metadata={"static": True})
    normalizer: str = field(metadata={"static": True})

    @property
    def sums(self) -> jnp.dtype:
        """The dtype of sums: float32 or better."""
        return in_float32(self.q.dtype)

    @property
    def softcap(self) -> float | Float[Array, ""] | None:
        """The softcap, static or traced."""
        return self.static_softcap if self.traced_softcap is None else self.traced_softcap

    @property
    def sizes(self) -> dict[str, int]:
        """The sizes of the axes, by their letters."""
        batch, key_heads, groups, queries, width = self.q.shape
        keys, value_width = self.v.shape[2:]
        return {
            "B": batch, "K": key_heads, "G": groups, "N": key_heads * groups,
            "T": queries, "S": keys, "H": width, "Hv": value_width,
        }  # fmt: skip

    def cut(self, axis: Literal["T", "S"], start: int | Int[Array, ""], size: int) -> Call:
        """The tile of `size` queries or keys from `start` on."""
        if self.sizes[axis] == size:
            return self
        return self.map_axis(axis, lambda x, place: lax.dynamic_slice_in_dim(x, start, size, place))

    def take(self, queries: Int[Array, " R"]) -> Call:
        """The call for the listed queries only."""
        return self.map_axis("T", lambda x, place: jnp.take(x, queries, place, mode="clip"))

    def map_axis(self, axis: Literal["T", "S"], change: Callable[[Array, int], Array]) -> Call:
        """The call with `change(array, place)` of every array with a query or key axis; `place` is that axis."""
        mask = None if self.mask is None else self.mask.map_axis(axis, change)
        bias, place = self.bias, {"T": 3, "S": 4}[axis]
        if isinstance(bias, ScoreBias):
            bias = bias.map_axis(axis, change)
        elif bias is not None and bias.shape[place] != 1:
            bias = change(bias, place)
        if axis == "T":
            return replace(self, mask=mask, bias=bias, rows=change(self.rows, 1), q=change(self.q, 3))
        k, v = change(self.k, 2), change(self.v, 2)
        return replace(self, mask=mask, bias=bias, cols=change(self.cols, 1), k=k, v=v)

    def seen(self) -> Bool[Array, "#B #K #G #T #S"] | None:
        """Where the mask allows attention, or None if nothing is masked."""
        return None if self.mask is None else self.by_group(self.mask.allowed(self.rows, self.cols))

    def cleaned(self, seen: Bool[Array, "#B #K #G #T #S"] | None) -> Call:
        """The call with 0 in place of queries without a visible key, and of keys and values that no query sees.

        A weight of 0 does not protect a product from NaN (0 * NaN is NaN), neither forward nor backward.
        """
        if seen is None:
            return self
        rows = seen.any(-1, keepdims=True)
        cols = seen.any((2, 3))[..., None]
        if self.k.shape[0] == 1:
            cols = cols.any(0, keepdims=True)
        return replace(
            self,
            q=jnp.where(rows, self.q, 0),
            k=jnp.where(cols, self.k, 0),
            v=jnp.where(cols, self.v, 0),
        )

    def scores(self, seen: Bool[Array, "#B #K #G #T #S"] | None) -> Float[Array, "B K G T S"]:
        """Scaled, biased and capped scores in float32 or better; -inf where masked."""
        shared = self.k.shape[0] != self.q.shape[0]
        scores = sum_products("BKGTH,BKSH->BKGTS", self.q, self.k, sums=self.sums, raised=shared)
        return self.finish(scores, self.numbers(), seen)

    def numbers(self) -> Float[Array, "#B #K #G #T #S"] | None:
        """The bias as an array, for this tile only if it is a function."""
        if not isinstance(self.bias, ScoreBias):
            return self.bias
        return self.by_group(self.bias.at(self.heads, self.rows, self.cols))

    def finish(self, products: Array, bias: Array | None, seen: Array | None) -> Array:
        """Scores from the products q.k, in any array layout that `bias` and `seen` share."""
        scores = products if self.scale is None else products * self.scale
        if bias is not None:
            bias = bias.astype(scores.dtype)
            scores = scores + bias
            if self.softcap is not None:  # a bias of -inf hides a key; tanh would raise it to -softcap
                seen = bias != -jnp.inf if seen is None else seen & (bias != -jnp.inf)
        if self.softcap is not None:
            if seen is not None:  # tanh'(NaN) * 0 is NaN
                scores = jnp.where(seen, scores, 0)
            scores = self.softcap * jnp.tanh(scores / self.softcap)
        return scores if seen is None else jnp.where(seen, scores, -jnp.inf)

    def kept(self) -> Bool[Array, "B K G T S"]:
        """True where dropout keeps a weight."""
        examples, rows, cols = self.dropout.rows, self.rows, self.cols
        examples, rows, cols = examples[:, None, None, None], rows[:, None, :, None], cols[:, None, None, :]
        return self.by_group(keep_weights(self.dropout, examples, self.heads, rows, cols))

    def by_group(self, x: Array) -> Array:
        """An array [B,N|1,...] as [B,K|1,G|1,...]."""
        heads = (1, 1) if x.shape[1] == 1 else self.q.shape[1:3]
        return x.reshape(x.shape[0], *heads, *x.shape[2:])


def sum_products(equation: str, x: Array, y: Array, *, sums: jnp.dtype, raised: bool) -> Array:
    """The product of two arrays, summed in `sums`.

    XLA's CPU backend has no product of 16-bit numbers over more axes than a matrix has (`raised`), and says so when it
    runs. Raising its operands changes nothing: they are products in `sums` either way.
    """
    if raised and jax.default_backend() == "cpu":
        x, y = x.astype(sums), y.astype(sums)
    return jnp.einsum(equation, x, y, preferred_element_type=sums)


def mix(weights: Float[Array, "B K G T S"], call: Call) -> Float[Array, "B K G T Hv"]:
    """The values' weighted sum, after dropout of the weights; summed in float32 or better."""
    if call.dropout is not None:
        weights = jnp.where(call.kept(), weights * gain(call.dropout.rate, weights.dtype), 0)
    kind, sums = call.v.dtype, call.sums
    shared = call.v.shape[0] != weights.shape[0]
    return sum_products("BKGTS,BKSH->BKGTH", weights.astype(kind), call.v, sums=sums, raised=shared)
