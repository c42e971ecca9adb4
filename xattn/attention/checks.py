"""Checks of the arguments of a call: every mistake raises a ValueError before anything is computed."""

import math
from dataclasses import replace
from numbers import Integral
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer
from jaxtyping import Array

from xattn.attention.call import Call, in_float32
from xattn.attention.dropout import Dropout, check_rate, known_rate, seed_bits, seed_of, without_derivative
from xattn.attention.integers import indices, integers, whole
from xattn.attention.mask import Mask
from xattn.attention.normalizers import NORMALIZERS
from xattn.attention.score_bias import ScoreBias


def check_call(
    q: Array,
    k: Array,
    v: Array,
    mask: Mask | Array | None,
    *,
    bias: Array | ScoreBias | None,
    scale: float | Array | None,
    softcap: float | None,
    sink: float | Array | None,
    normalizer: str,
    dropout: Dropout | None,
    names: tuple[str, str, str] = ("q", "k", "v"),
) -> Call:
    """Checks the arguments of `cross_attention` against each other and brings them into the common layout.

    `names` are those of q, k and v in error messages. Raises a ValueError that names the argument, what it is, and
    what is accepted.
    """
    batch, queries, keys, heads, key_heads = _check_shapes(q, k, v, names)
    q, k, v = (x.astype(common_dtype(q.dtype, k.dtype, v.dtype)) for x in (q, k, v))
    groups, total = heads // key_heads, math.prod(batch)
    sums = in_float32(q.dtype)

    if normalizer not in NORMALIZERS:
        raise ValueError(f"normalizer is {normalizer!r}; accepted are {', '.join(NORMALIZERS)}.")
    if sink is not None and normalizer != "softmax":
        raise ValueError(f"sink adds to the softmax denominator; normalizer {normalizer!r} has none.")
    scale = jnp.asarray(q.shape[-1] ** -0.5 if scale is None else scale, sums)
    if scale.shape not in ((), (heads,)):
        raise ValueError(f"scale has shape {scale.shape}; accepted are () and [N={heads}].")
    if q.dtype == sums:  # scaling q takes T x H products instead of T x S; in half precision it would round
        q, scale = _scaled(q, scale.reshape((1,) * (q.ndim - 2) + (heads, 1)) if scale.ndim else scale), None
    elif scale.ndim:
        scale = scale.reshape(1, key_heads, groups, 1, 1)
    if sink is not None:
        sink = jnp.asarray(sink, sums)
        if sink.shape not in ((), (heads,)):
            raise ValueError(f"sink has shape {sink.shape}; accepted are () and [N={heads}].")
        sink = jnp.broadcast_to(sink, (heads,)).reshape(1, key_heads, groups, 1, 1)

    static_softcap, traced_softcap = _check_softcap(softcap, sums)
    return Call(
        q=jnp.transpose(q.reshape(total, queries, key_heads, groups, q.shape[-1]), (0, 2, 3, 1, 4)),
        k=jnp.swapaxes(_fold_memory(k, batch), 1, 2),
        v=jnp.swapaxes(_fold_memory(v, batch), 1, 2),
        mask=_check_mask(mask, batch, heads, queries, keys),
        bias=_check_bias(bias, batch, key_heads, groups, queries, keys),
        scale=scale,
        sink=sink,
        dropout=_check_dropout(dropout, batch),
        heads=indices(heads)[None, :, None, None],
        rows=indices(queries)[None],
        cols=indices(keys)[None],
        static_softcap=static_softcap,
        traced_softcap=traced_softcap,
        normalizer=normalizer,
    )


def common_dtype(*dtypes: jnp.dtype) -> jnp.dtype:
    """The widest dtype, to which the others are raised: float32 for two 16-bit ones, bfloat16 for 8-bit ones alone."""
    size = max(dtype.itemsize for dtype in dtypes)
    widest = {jnp.dtype(dtype) for dtype in dtypes if dtype.itemsize == size}
    if size == 1:
        return jnp.dtype(jnp.bfloat16)
    return widest.pop() if len(widest) == 1 else jnp.dtype(jnp.float32)


def _check_softcap(softcap: Any, sums: jnp.dtype) -> tuple[float | None, Array | None]:
    """A softcap as (static, traced)."""
    if softcap is None:
        return None, None
    if isinstance(softcap, Tracer) and softcap.shape == ():
        return None, without_derivative("softcap", jnp.asarray(softcap, sums))
    number = known_rate(softcap)
    if not (isinstance(number, float) and 0 < number < math.inf):
        raise ValueError(f"softcap is {softcap}; accepted is a finite number above 0, or None.")
    return number, None


def _scaled(q: Array, scale: Array) -> Array:
    """`q * scale`, where entries of q that are not finite do not reach the derivative by the scale.

    Such entries may stand in queries without a visible key, whose gradients must be 0.
    """
    fixed = lax.stop_gradient(scale)
    return q * fixed + jnp.where(jnp.isfinite(q), q, 0) * (scale - fixed)


def check_block(block: Any) -> tuple[int, int] | None:
    """The sizes of a block; raises a ValueError unless `block` is None or two whole numbers above 0."""
    if block is None:
        return None
    sizes = [whole(size) for size in block] if isinstance(block, tuple | list) else []
    rows, cols = sizes if len(sizes) == 2 else (None, None)
    if rows is None or cols is None or min(rows, cols) < 1:
        raise ValueError(f"block is {block!r}; accepted are two sizes (queries, keys), whole and above 0, or None.")
    return rows, cols


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
    """[*b,S,K,H] with one batch axis, of size 1 if the whole batch shares a memory."""
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
                f"mask has dtype {mask.dtype}; accepted is bool, True where attention is allowed"
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
    bias: Array | ScoreBias | None, batch: tuple[int, ...], key_heads: int, groups: int, queries: int, keys: int
) -> Array | ScoreBias | None:
    if bias is None:
        return None
    if isinstance(bias, ScoreBias):
        return bias.canonical(batch, key_heads * groups, queries, keys)
    full = (*batch, key_heads * groups, queries, keys)
    _check_array("bias", bias, "a floating-point array [*B|1,N|1,T|1,S|1], ScoreBias(function, arrays), or None")
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
    rate = check_rate(dropout.rate)
    if isinstance(rate, float) and rate == 0:
        return None
    seed = seed_of(dropout.seed)
    seed = seed if isinstance(seed, jax.Array) else np.asarray(seed)
    large = seed.dtype == object and isinstance(dropout.seed, Integral)  # more than 64 bits
    if seed.shape != () or not (large or jnp.issubdtype(seed.dtype, jnp.integer)):
        raise ValueError(
            f"dropout.seed is {seed.dtype} of shape {seed.shape}; accepted is a single integer or JAX key."
        )
    if dropout.rows is None:
        rows = indices(math.prod(batch))
    else:
        rows = integers("dropout.rows", dropout.rows, clip=False)
        if rows.shape != batch:
            raise ValueError(f"dropout.rows has shape {rows.shape}; accepted is the batch of q, {batch}.")
    return replace(dropout, rate=rate, seed=seed_bits(seed), rows=rows.reshape(-1).astype(jnp.uint32))
