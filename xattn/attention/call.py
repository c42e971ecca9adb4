"""One checked call of cross-attention, in the layout that every implementation computes in.

Batch axes are folded into one; queries are [B,K,G,T,H], keys [b,K,S,H] and values [b,K,S,Hv], where head
n = k * G + g of N = K * G reads key head k, and b is B, or 1 for a memory that all examples share.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from xattn.attention.dropout import Dropout, check_rate, keep_weights
from xattn.attention.mask import Mask
from xattn.attention.normalizers import NORMALIZERS


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Aux:
    """What attention can tell besides its output; a field is None unless it was asked for.

    `lse` [*B,N,T] is the natural log of the softmax denominator, -inf where a query sees nothing.
    `weights` [*B,N,T,S] are the weights before dropout. `max_score` [*B,N,T] is the highest live score.
    `entropy` [*B,N,T] is -sum w log w in nats. `key_mass` [*B,N,S] is the weight a key gets from all queries.
    All are float32 or better, and differentiable. (Fields are `Any`: JAX rebuilds pytrees around stand-ins.)
    """

    lse: Any = None
    weights: Any = None
    max_score: Any = None
    entropy: Any = None
    key_mass: Any = None


STATISTICS = tuple(entry.name for entry in fields(Aux))


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Call:
    """Checked arguments in the common layout; `mask` is canonical, or None where everything is seen."""

    q: Float[Array, "B K G T H"]
    k: Float[Array, "b K S H"]
    v: Float[Array, "b K S Hv"]
    mask: Mask | None
    bias: Float[Array, "#B #K #G #T #S"] | None
    scale: Float[Array, ""]
    sink: Float[Array, "K G"] | None
    dropout: Dropout | None
    softcap: float | None = field(metadata={"static": True})
    normalizer: str = field(metadata={"static": True})
    batch: tuple[int, ...] = field(metadata={"static": True})

    @property
    def sizes(self) -> dict[str, int]:
        """The sizes by their letters."""
        batch, key_heads, groups, queries, width = self.q.shape
        return {
            "B": batch, "K": key_heads, "G": groups, "T": queries, "S": self.k.shape[2],
            "H": width, "Hv": self.v.shape[3], "N": key_heads * groups,
        }  # fmt: skip

    def seen(self) -> Bool[Array, "#B #K #G #T #S"] | None:
        """The whole mask, or None where everything is seen."""
        if self.mask is None:
            return None
        sizes = self.sizes
        return self.by_group(self.mask.tile(jnp.arange(sizes["T"]), jnp.arange(sizes["S"])))

    def by_group(self, x: Array) -> Array:
        """An array [B,N|1,...] as [B,K|1,G|1,...]."""
        heads = (1, 1) if x.shape[1] == 1 else self.q.shape[1:3]
        return x.reshape(x.shape[0], *heads, *x.shape[2:])

    def kept(self, rows: Array, cols: Array) -> Bool[Array, "B K G t s"]:
        """Which weights dropout keeps at absolute query indices `rows` and key indices `cols`."""
        assert self.dropout is not None
        assert self.dropout.rows is not None
        heads = jnp.arange(self.sizes["N"], dtype=jnp.uint32)
        rows, cols = rows.astype(jnp.uint32), cols.astype(jnp.uint32)
        return self.by_group(keep_weights(self.dropout, self.dropout.rows, heads, rows, cols))

    def cleaned(self, seen: Bool[Array, "#B #K #G #T #S"]) -> Call:
        """The call with 0 in queries that see nothing and in keys and values that nobody sees.

        Weights of 0 do not protect a product from NaN (0 * NaN is NaN), in neither direction.
        """
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

    def out(self, x: Float[Array, "B K G T Hv"]) -> Float[Array, "*B T N Hv"]:
        """An output in the caller's layout and dtype."""
        _, key_heads, groups, queries, width = x.shape
        x = jnp.transpose(x, (0, 3, 1, 2, 4)).astype(self.v.dtype)
        return x.reshape(*self.batch, queries, key_heads * groups, width)

    def aux(self, values: Aux) -> Aux:
        """Statistics [B,K,G,...] in the caller's layout [*B,N,...]."""
        return jax.tree.map(lambda x: x.reshape(*self.batch, self.sizes["N"], *x.shape[3:]), values)


def check_call(
    q: Array,
    k: Array,
    v: Array,
    mask: Mask | Array | None,
    *,
    bias: Array | None,
    scale: float | Array | None,
    softcap: float | None,
    sink: float | Array | None,
    normalizer: str,
    dropout: Dropout | None,
) -> Call:
    """Checks the arguments of `cross_attention` against each other and brings them to the common layout."""
    batch, queries, keys, heads, key_heads = _check_shapes(q, k, v)
    memory = _check_batch("k", k.shape[:-3], batch)
    groups = heads // key_heads
    accumulated = jnp.promote_types(q.dtype, jnp.float32)

    if normalizer not in NORMALIZERS:
        raise ValueError(f"normalizer is {normalizer!r}; accepted are {', '.join(NORMALIZERS)}.")
    if sink is not None and normalizer != "softmax":
        raise ValueError(f"sink adds to the softmax denominator; normalizer {normalizer!r} has none.")
    if softcap is not None and not softcap > 0:
        raise ValueError(f"softcap is {softcap}; accepted is a number above 0, or None.")
    if scale is None:
        scale = q.shape[-1] ** -0.5
    scale = jnp.asarray(scale, accumulated)
    if scale.shape != ():
        raise ValueError(f"scale has shape {scale.shape}; accepted is a single number.")
    if sink is not None:
        sink = jnp.asarray(sink, accumulated)
        if sink.shape not in ((), (heads,)):
            raise ValueError(f"sink has shape {sink.shape}; accepted are () and [N={heads}].")
        sink = jnp.broadcast_to(sink, (heads,)).reshape(key_heads, groups)

    total = math.prod(batch)
    return Call(
        q=jnp.transpose(q.reshape(total, queries, key_heads, groups, q.shape[-1]), (0, 2, 3, 1, 4)),
        k=_fold_memory(k, batch, memory),
        v=_fold_memory(v, batch, memory),
        mask=_check_mask(mask, batch, heads, queries, keys),
        bias=_check_bias(bias, batch, key_heads, groups, queries, keys),
        scale=scale,
        sink=sink,
        dropout=_check_dropout(dropout, batch),
        softcap=softcap,
        normalizer=normalizer,
        batch=batch,
    )


def check_returns(returns: Sequence[str], normalizer: str) -> None:
    """Raises where a name in `returns` is no statistic, or not one of this normalizer."""
    for name in returns:
        if name not in STATISTICS:
            raise ValueError(f"returns names {name!r}; accepted are {', '.join(STATISTICS)}.")
    if "lse" in returns and normalizer != "softmax":
        raise ValueError(f"lse is the log of a softmax denominator; normalizer {normalizer!r} has none.")


def _check_shapes(q: Array, k: Array, v: Array) -> tuple[tuple[int, ...], int, int, int, int]:
    for name, x, axes in (("q", q, "[*B,T,N,H]"), ("k", k, "[*b,S,K,H]"), ("v", v, "[*b,S,K,Hv]")):
        if not jnp.issubdtype(x.dtype, jnp.floating):
            raise ValueError(f"{name} has dtype {x.dtype}; accepted are floating-point arrays {axes}.")
        if x.ndim < 3:
            raise ValueError(f"{name} has shape {x.shape}; accepted is {axes}, of rank 3 or more.")
    if not q.dtype == k.dtype == v.dtype:
        raise ValueError(
            f"q, k, v have dtypes {q.dtype}, {k.dtype}, {v.dtype}; accepted is one for all three."
        )
    (queries, heads, width), (keys, key_heads, key_width) = q.shape[-3:], k.shape[-3:]
    if width != key_width or width == 0:
        raise ValueError(f"q has head width H={width} and k has {key_width}; accepted is one width above 0.")
    if v.shape[:-1] != k.shape[:-1]:
        raise ValueError(f"v has shape {v.shape} and k {k.shape}; accepted is one [*b,S,K] for both.")
    if key_heads == 0 or heads % key_heads:
        raise ValueError(
            f"q has N={heads} heads and k has K={key_heads}; accepted is an N that is a multiple of K."
        )
    return q.shape[:-3], queries, keys, heads, key_heads


def _check_batch(name: str, own: tuple[int, ...], batch: tuple[int, ...]) -> tuple[int, ...]:
    fits = len(own) <= len(batch)
    fits = fits and all(o in (1, b) for o, b in zip(own[::-1], batch[::-1], strict=False))
    if not fits:
        raise ValueError(f"{name} has batch axes {own}; accepted are those of q, {batch}, or 1 where shared.")
    return own


def _fold_memory(x: Array, batch: tuple[int, ...], own: tuple[int, ...]) -> Array:
    x = jnp.swapaxes(x, -3, -2)
    if math.prod(own) == 1 and math.prod(batch) != 1:
        return x.reshape(1, *x.shape[-3:])
    x = jnp.broadcast_to(x.reshape((1,) * (len(batch) - len(own)) + x.shape), batch + x.shape[-3:])
    return x.reshape(math.prod(batch), *x.shape[-3:])


def _check_mask(
    mask: Mask | Array | None, batch: tuple[int, ...], heads: int, queries: int, keys: int
) -> Mask | None:
    if mask is None:
        return None
    if not isinstance(mask, Mask):
        if mask.ndim != len(batch) + 3:
            raise ValueError(
                f"mask has shape {mask.shape}; accepted is a boolean [*B|1,N|1,T|1,S|1] of rank"
                f" {len(batch) + 3}, or a Mask: for key padding [*B,S] write Mask.keys(valid)."
            )
        mask = Mask.dense(mask)
    return mask.canonical(batch, heads, queries, keys) if mask.conditions else None


def _check_bias(
    bias: Array | None, batch: tuple[int, ...], key_heads: int, groups: int, queries: int, keys: int
) -> Array | None:
    if bias is None:
        return None
    full = (*batch, key_heads * groups, queries, keys)
    if bias.ndim != len(full) or any(
        have not in (1, want) for have, want in zip(bias.shape, full, strict=True)
    ):
        raise ValueError(
            f"bias has shape {bias.shape}; accepted is [*B,N,T,S] = {full}, each axis full or 1."
        )
    if not jnp.issubdtype(bias.dtype, jnp.floating):
        raise ValueError(f"bias has dtype {bias.dtype}; accepted is floating point (a boolean is a mask).")
    own, rest = bias.shape[:-3], bias.shape[-3:]
    heads = (1, 1) if rest[0] == 1 else (key_heads, groups)
    if math.prod(own) != 1:
        bias = jnp.broadcast_to(bias, batch + rest)
    return bias.reshape(-1 if bias.size else math.prod(own), *heads, *rest[1:])


def _check_dropout(dropout: Dropout | None, batch: tuple[int, ...]) -> Dropout | None:
    if dropout is None or check_rate(dropout.rate) == 0:
        return None
    if dropout.rows is None:
        rows = jnp.asarray(np.arange(math.prod(batch), dtype=np.uint32))
    elif dropout.rows.shape == batch:
        rows = dropout.rows.reshape(-1).astype(jnp.uint32)
    else:
        raise ValueError(f"dropout.rows has shape {dropout.rows.shape}; accepted is the batch of q, {batch}.")
    return replace(dropout, rows=rows)
