"""Integers from users: any dtype and size becomes 32 bits without wrapping, or a ValueError says what does not fit."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from numbers import Integral
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Int

LEAST, MOST = -(2**31), 2**31 - 1


def whole(x: Any) -> int | None:
    """The Python integer that `x` is: a Python, NumPy or JAX number whose value is known. None if it is not one."""
    if isinstance(x, bool | Tracer):
        return None
    if isinstance(x, Integral) or (isinstance(x, np.ndarray | jax.Array) and x.ndim == 0 and _is_integer(x.dtype)):
        return operator.index(x)
    return None


def integers(name: str, x: Array | np.ndarray | Sequence[int] | int, *, clip: bool) -> Int[Array, "*shape"]:
    """An array of int32. With `clip`, larger numbers become the nearest that fits; without it they are refused.

    Where JAX has 64 bits, numbers beyond 32 remain int64 instead of being refused. Traced numbers of uint32, which
    cannot be looked at, are clipped. `name` is that of the argument in the ValueError.
    """
    if not isinstance(x, jax.Array):
        traced = any(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(x))
        x = jnp.asarray(x) if traced else np.asarray(x)
    large = isinstance(x, np.ndarray) and x.dtype == object and all(isinstance(entry, Integral) for entry in x.flat)
    if not (large or _is_integer(x.dtype)):
        raise ValueError(f"{name} has dtype {x.dtype}; accepted are integers.")
    if x.dtype in (jnp.int32, jnp.int16, jnp.int8, jnp.uint16, jnp.uint8):
        return jnp.asarray(x).astype(jnp.int32)
    if clip:
        xp = np if isinstance(x, np.ndarray) else jnp
        low = LEAST if large or jnp.issubdtype(x.dtype, jnp.signedinteger) else 0
        return jnp.asarray(xp.asarray(xp.clip(x, low, MOST)).astype(np.int32))
    if isinstance(x, jax.Array) and (isinstance(x, Tracer) or not x.is_fully_addressable):
        return jnp.minimum(x, MOST).astype(jnp.int32) if x.dtype == jnp.uint32 else x.astype(jnp.int64)
    # In NumPy: within `jit`, jnp would trace the least and the most of a constant too.
    x = np.asarray(x)
    low, high = (int(x.min()), int(x.max())) if x.size else (0, 0)
    if low >= LEAST and high <= MOST:
        return jnp.asarray(x.astype(np.int32))
    if jax.config.jax_enable_x64 and low >= -(2**63) and high < 2**63:  # pyright: ignore[reportAttributeAccessIssue]
        return jnp.asarray(x.astype(np.int64))
    outside = high if high > MOST else low
    raise ValueError(f"{name} has the number {outside}; accepted are integers of 32 bits, from {LEAST} to {MOST}.")


def indices(size: int) -> Int[Array, " size"]:
    """0, 1, ... in 32 bits, also where JAX has 64."""
    return jnp.arange(size, dtype=jnp.int32)


def _is_integer(dtype: Any) -> bool:
    return jnp.issubdtype(dtype, jnp.integer)
