"""One checked call of cross-attention, in the layout that every implementation computes in.

Batch axes are folded into one; queries are [B,K,G,T,H], keys [b,K,S,H] and values [b,K,S,Hv]. Head
n = k * G + g of N = K * G reads key head k; b is B, or 1 for a memory that all examples share. A call can be
cut to a tile of itself, which remembers where it lies.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from numbers import Integral
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from xattn.attention.dropout import Dropout, check_rate, keep_weights
from xattn.attention.mask import Mask
from xattn.attention.normalizers import NORMALIZERS


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Call:
    """Checked arguments in the common layout; `mask` is canonical, or None where everything is seen.

    `heads`, `rows` and `cols` are absolute indices, which differ from 0, 1, ... in a tile.
    (Fields are `Any`: JAX rebuilds pytrees around stand-ins for arrays.)
    """

    q: Any  # Float [B,K,G,T,H]
    k: Any  # Float [b,K,S,H]
    v: Any  # Float [b,K,S,Hv]
    mask: Any  # Mask | None
    bias: Any  # Float [B|1,K|1,G|1,T|1,S|1] | None
    scale: Any  # Float [], or None where q has it already
    sink: Any  # Float [1,K,G,1,1] | None
    dropout: Any  # Dropout | None
    heads: Any  # Int [1,N,1,1]
    rows: Any  # Int [B|1,T]
    cols: Any  # Int [B|1,S]
    softcap: float | None = field(metadata={"static": True})
    normalizer: str = field(metadata={"static": True})

    @property
    def sums(self) -> jnp.dtype:
        """The dtype that sums run in."""
        return jnp.promote_types(self.q.dtype, jnp.float32)

    @property
    def sizes(self) -> dict[str, int]:
        """The sizes by their letters."""
        batch, key_heads, groups, queries, width = self.q.shape
        keys, value_width = self.v.shape[2:]
        return {
            "B": batch, "K": key_heads, "G": groups, "N": key_heads * groups,
            "T": queries, "S": keys, "H": width, "Hv": value_width,
        }  # fmt: skip

    def cut(self, axis: Literal["T", "S"], start: int | Int[Array, ""], size: int) -> Call:
        """The tile of `size` queries or keys from `start`; all of them cut nothing."""
        if self.sizes[axis] == size:
            return self
        return self.along(axis, lambda x, place: lax.dynamic_slice_in_dim(x, start, size, place))

    def take(self, queries: Int[Array, " R"]) -> Call:
        """The call with only the listed queries."""
        return self.along("T", lambda x, place: jnp.take(x, queries, place, mode="clip"))

    def along(self, axis: Literal["T", "S"], change: Callable[[Array, int], Array]) -> Call:
        """The call with `change(array, place)` of everything that has one entry a query, or a key."""
        mask = None if self.mask is None else self.mask.map_axis(axis, change)
        bias, place = self.bias, {"T": 3, "S": 4}[axis]
        if bias is not None and bias.shape[place] != 1:
            bias = change(bias, place)
        if axis == "T":
            return replace(self, mask=mask, bias=bias, rows=change(self.rows, 1), q=change(self.q, 3))
        k, v = change(self.k, 2), change(self.v, 2)
        return replace(self, mask=mask, bias=bias, cols=change(self.cols, 1), k=k, v=v)

    def seen(self) -> Bool[Array, "#B #K #G #T #S"] | None:
        """What the mask allows, or None where everything is seen."""
        return None if self.mask is None else self.by_group(self.mask.allowed(self.rows, self.cols))

    def cleaned(self, seen: Bool[Array, "#B #K #G #T #S"] | None) -> Call:
        """The call with 0 in queries that see nothing and in keys and values that nobody sees.

        Weights of 0 do not protect a product from NaN (0 * NaN is NaN), in either direction.
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
        """Scaled, biased and capped scores in float32 or better; -inf where nothing is seen."""
        scores = jnp.einsum("BKGTH,BKSH->BKGTS", self.q, self.k, preferred_element_type=self.sums)
        return self.finish(scores, self.bias, seen)

    def finish(self, products: Array, bias: Array | None, seen: Array | None) -> Array:
        """Scores from the products q.k, in any layout that `bias` and `seen` share."""
        scores = products if self.scale is None else products * self.scale
        if bias is not None:
            scores = scores + bias.astype(scores.dtype)
        if self.softcap is not None:
            if seen is not None:  # tanh'(NaN) * 0 is NaN
                scores = jnp.where(seen, scores, 0)
            scores = self.softcap * jnp.tanh(scores / self.softcap)
        return scores if seen is None else jnp.where(seen, scores, -jnp.inf)

    def kept(self) -> Bool[Array, "B K G T S"]:
        """Which weights dropout keeps."""
        examples, rows, cols = self.dropout.rows, self.rows, self.cols
        examples, rows, cols = examples[:, None, None, None], rows[:, None, :, None], cols[:, None, None, :]
        return self.by_group(keep_weights(self.dropout, examples, self.heads, rows, cols))

    def by_group(self, x: Array) -> Array:
        """An array [B,N|1,...] as [B,K|1,G|1,...]."""
        heads = (1, 1) if x.shape[1] == 1 else self.q.shape[1:3]
        return x.reshape(x.shape[0], *heads, *x.shape[2:])


def mix(weights: Float[Array, "B K G T S"], call: Call) -> Float[Array, "B K G T Hv"]:
    """Values under their weights, after dropout; sums in float32 or better."""
    if call.dropout is not None:
        weights = jnp.where(call.kept(), weights * (1 / (1 - call.dropout.rate)), 0)
    kind, sums = call.v.dtype, call.sums
    return jnp.einsum("BKGTS,BKSH->BKGTH", weights.astype(kind), call.v, preferred_element_type=sums)


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
    names: tuple[str, str, str] = ("q", "k", "v"),
) -> Call:
    """Checks the arguments of `cross_attention` against each other and brings them to the common layout.

    `names` are what the caller's caller calls q, k and v.
    """
    batch, queries, keys, heads, key_heads = _check_shapes(q, k, v, names)
    groups, total = heads // key_heads, math.prod(batch)
    sums = jnp.promote_types(q.dtype, jnp.float32)

    if normalizer not in NORMALIZERS:
        raise ValueError(f"normalizer is {normalizer!r}; accepted are {', '.join(NORMALIZERS)}.")
    if sink is not None and normalizer != "softmax":
        raise ValueError(f"sink adds to the softmax denominator; normalizer {normalizer!r} has none.")
    if softcap is not None and not 0 < softcap < math.inf:
        raise ValueError(f"softcap is {softcap}; accepted is a finite number above 0, or None.")
    scale = jnp.asarray(q.shape[-1] ** -0.5 if scale is None else scale, sums)
    if scale.shape != ():
        raise ValueError(f"scale has shape {scale.shape}; accepted is a single number.")
    if q.dtype == sums:  # T x H products are fewer than T x S; in half precision they would round
        q, scale = _scaled(q, scale), None
    if sink is not None:
        sink = jnp.asarray(sink, sums)
        if sink.shape not in ((), (heads,)):
            raise ValueError(f"sink has shape {sink.shape}; accepted are () and [N={heads}].")
        sink = jnp.broadcast_to(sink, (heads,)).reshape(1, key_heads, groups, 1, 1)

    return Call(
        q=jnp.transpose(q.reshape(total, queries, key_heads, groups, q.shape[-1]), (0, 2, 3, 1, 4)),
        k=jnp.swapaxes(_fold_memory(k, batch), 1, 2),
        v=jnp.swapaxes(_fold_memory(v, batch), 1, 2),
        mask=_check_mask(mask, batch, heads, queries, keys),
        bias=_check_bias(bias, batch, key_heads, groups, queries, keys),
        scale=scale,
        sink=sink,
        dropout=_check_dropout(dropout, batch),
        heads=jnp.arange(heads)[None, :, None, None],
        rows=jnp.arange(queries)[None],
        cols=jnp.arange(keys)[None],
        softcap=softcap,
        normalizer=normalizer,
    )


def _scaled(q: Array, scale: Array) -> Array:
    """`q * scale`, whose derivative by the scale does not meet what is not finite in queries that see nothing."""
    fixed = lax.stop_gradient(scale)
    return q * fixed + jnp.where(jnp.isfinite(q), q, 0) * (scale - fixed)


def check_block(block: tuple[int, int] | None) -> None:
    """Refuses block sizes that cut nothing."""
    if block is None:
        return
    pair = isinstance(block, tuple) and len(block) == 2
    if not pair or not all(isinstance(size, Integral) and size > 0 for size in block):
        raise ValueError(f"block is {block!r}; accepted are two sizes (queries, keys), whole and above 0, or None.")


def _check_array(name: str, x: Array, accepted: str) -> None:
    if not isinstance(x, jax.Array | np.ndarray):
        raise ValueError(f"{name} is of type {type(x).__name__}; accepted is {accepted}.")


def _check_shapes(
    q: Array, k: Array, v: Array, names: tuple[str, str, str]
) -> tuple[tuple[int, ...], int, int, int, int]:
    q_name, k_name, v_name = names
    for name, x, axes in zip(names, (q, k, v), ("[*B,T,N,H]", "[*b,S,K,H]", "[*b,S,K,Hv]"), strict=True):
        _check_array(name, x, f"a floating-point array {axes}")
        if not jnp.issubdtype(x.dtype, jnp.floating):
            raise ValueError(f"{name} has dtype {x.dtype}; accepted are floating-point arrays {axes}.")
        if x.ndim < 3:
            raise ValueError(f"{name} has shape {x.shape}; accepted is {axes}, of rank 3 or more.")
    if not q.dtype == k.dtype == v.dtype:
        raise ValueError(
            f"{', '.join(names)} have dtypes {q.dtype}, {k.dtype}, {v.dtype}; accepted is one for all three."
        )
    batch, own = q.shape[:-3], k.shape[:-3]
    (queries, heads, width), (keys, key_heads, key_width) = q.shape[-3:], k.shape[-3:]
    if width != key_width or width == 0:
        raise ValueError(
            f"{q_name} has head width H={width} and {k_name} has {key_width}; accepted is one width above 0."
        )
    if v.shape[:-1] != k.shape[:-1]:
        raise ValueError(f"{v_name} has shape {v.shape} and {k_name} {k.shape}; accepted is one [*b,S,K] for both.")
    if heads == 0 or key_heads == 0 or heads % key_heads:
        raise ValueError(f"{q_name} has N={heads} heads and {k_name} has K={key_heads}; accepted is N a multiple of K.")
    if len(own) > len(batch) or any(o not in (1, b) for o, b in zip(own[::-1], batch[::-1], strict=False)):
        raise ValueError(
            f"{k_name}, {v_name} have batch axes {own}; accepted are those of {q_name}, {batch}, or 1 where shared."
        )
    return batch, queries, keys, heads, key_heads


def _fold_memory(x: Array, batch: tuple[int, ...]) -> Array:
    """[*b,S,K,H] with one batch axis, which stays 1 where the whole batch shares a memory."""
    if math.prod(x.shape[:-3]) != 1:
        x = jnp.broadcast_to(x, batch + x.shape[-3:])
    return x.reshape(math.prod(x.shape[:-3]), *x.shape[-3:])


def _check_mask(mask: Mask | Array | None, batch: tuple[int, ...], heads: int, queries: int, keys: int) -> Mask | None:
    if mask is None:
        return None
    if not isinstance(mask, Mask):
        _check_array("mask", mask, "a boolean array [*B|1,N|1,T|1,S|1], a Mask, or None")
        if mask.dtype != bool:
            raise ValueError(
                f"mask has dtype {mask.dtype}; accepted is bool, True where one may look"
                " (numbers to add to the scores are a bias)."
            )
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
    _check_array("bias", bias, "a floating-point array [*B|1,N|1,T|1,S|1], or None")
    if bias.ndim != len(full) or any(b not in (1, f) for b, f in zip(bias.shape, full, strict=True)):
        raise ValueError(f"bias has shape {bias.shape}; accepted is [*B,N,T,S] = {full}, each axis full or 1.")
    if not jnp.issubdtype(bias.dtype, jnp.floating):
        raise ValueError(f"bias has dtype {bias.dtype}; accepted is floating point (a boolean is a mask).")
    if math.prod(bias.shape[:-3]) != 1:
        bias = jnp.broadcast_to(bias, batch + bias.shape[-3:])
    heads = (1, 1) if bias.shape[-3] == 1 else (key_heads, groups)
    return bias.reshape(math.prod(bias.shape[:-3]), *heads, *bias.shape[-2:])


def _check_dropout(dropout: Dropout | None, batch: tuple[int, ...]) -> Dropout | None:
    if dropout is None:
        return None
    if not isinstance(dropout, Dropout):
        raise ValueError(f"dropout is {dropout!r}; accepted is Dropout(rate, seed), or None.")
    if check_rate(dropout.rate) == 0:
        return None
    seed = jnp.asarray(dropout.seed)
    if seed.shape != () or not jnp.issubdtype(seed.dtype, jnp.integer):
        raise ValueError(f"dropout.seed is {seed.dtype} of shape {seed.shape}; accepted is a single integer.")
    rows = jnp.arange(math.prod(batch)) if dropout.rows is None else dropout.rows
    if dropout.rows is not None and rows.shape != batch:
        raise ValueError(f"dropout.rows has shape {rows.shape}; accepted is the batch of q, {batch}.")
    return replace(dropout, seed=seed.astype(jnp.uint32), rows=rows.reshape(-1).astype(jnp.uint32))
