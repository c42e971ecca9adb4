"""Gradients with respect to a bias, tile by tile: an array like the bias, or one like each array of a score function.

A score function is differentiated by JAX at every tile. Its gradient has None in the place of arrays of integers.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from xattn.attention.call import Call
from xattn.attention.score_bias import ScoreBias
from xattn.attention.tiles import add_at


def no_bias_gradient(call: Call) -> Any:
    """Zeros, in the dtype of sums; None without a bias."""
    moving = _arrays(call.bias)
    return jax.tree.map(lambda x: jnp.zeros_like(x, call.sums) if _is_float(x) else None, moving)


def bias_gradient(tile: Call, d_scores: Float[Array, "B K G t s"]) -> Any:
    """The gradient through one tile, from that of its scores before the bias was added."""
    if tile.bias is None:
        return None
    if not isinstance(tile.bias, ScoreBias):
        return _sum_to(tile.bias.shape, d_scores)

    def numbers(arrays: Any) -> Array:
        made = replace(tile, bias=replace(tile.bias, arrays=arrays)).numbers()
        assert made is not None
        return made

    made, pull = jax.vjp(numbers, tile.bias.arrays)
    (d_arrays,) = pull(_sum_to(made.shape, d_scores).astype(made.dtype))
    return jax.tree.map(lambda x, d: d.astype(tile.sums) if _is_float(x) else None, tile.bias.arrays, d_arrays)


def add_bias_gradient(call: Call, total: Any, more: Any, row: Array, col: Array) -> Any:
    """The sum of gradients so far, with that of the tile that begins at `row` and `col`."""
    if call.bias is None or isinstance(call.bias, ScoreBias):
        return jax.tree.map(jnp.add, total, more)
    shape = call.bias.shape
    return add_at(total, more, [0, 0, 0, row if shape[3] != 1 else 0, col if shape[4] != 1 else 0])


def cotangent(call: Call, total: Any) -> Any:
    """The gradient in the form that JAX takes: in the dtypes of the bias."""
    if not isinstance(call.bias, ScoreBias):
        return None if call.bias is None else total.astype(call.bias.dtype)
    arrays = jax.tree.map(
        lambda x, d: None if d is None else d.astype(x.dtype), call.bias.arrays, total, is_leaf=lambda x: x is None
    )
    return replace(call.bias, arrays=arrays, queries=None, keys=None)


def _arrays(bias: Any) -> Any:
    return bias.arrays if isinstance(bias, ScoreBias) else bias


def _is_float(x: Array) -> bool:
    return jnp.issubdtype(x.dtype, jnp.inexact)


def _sum_to(shape: tuple[int, ...], d_scores: Float[Array, "B K G t s"]) -> Array:
    return d_scores.sum([axis for axis in range(5) if shape[axis] == 1], keepdims=True)
