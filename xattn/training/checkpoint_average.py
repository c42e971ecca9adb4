"""Checkpoint averaging: the mean of the last few sets of parameters, without reading checkpoints back.

A ring holds them as NumPy arrays, `[size, ...]` a leaf, with set number n at n modulo `size`. It is saved in
checkpoints, so that a resumed run computes the same means.
"""

from typing import Any

import jax
import numpy as np


def make_ring(size: int, like: Any) -> Any:
    """An empty ring for `size` sets of parameters."""
    return jax.tree.map(lambda x: np.zeros((size, *x.shape), x.dtype), like)


def put(ring: Any, number: int, params: Any) -> Any:
    """The ring with set `number`, counted from 0, in place of the oldest set."""

    def placed(old: np.ndarray, x: Any) -> np.ndarray:
        new = np.array(old)
        new[number % len(old)] = x
        return new

    return jax.tree.map(placed, ring, params)


def mean(ring: Any, number: int) -> Any:
    """The mean of the sets in a ring after `number` sets were put into it (Vaswani et al., 2017, section 6.1).

    >>> ring = make_ring(2, np.zeros(1))
    >>> for number, value in enumerate([1.0, 3.0, 7.0]):
    ...     ring = put(ring, number, np.array([value]))
    ...     print(mean(ring, number + 1))
    [1.]
    [2.]
    [5.]
    """
    return jax.tree.map(lambda x: x[:number].mean(axis=0, dtype=np.float64).astype(x.dtype), ring)
