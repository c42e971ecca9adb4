"""How attention behaves under `jax_debug_infs`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import jax

Result = TypeVar("Result")


def as_one(run: Callable[..., Result], *operands: object) -> Result:
    """`run(*operands)`, which `jax_debug_infs` checks as a whole.

    Masked scores are -inf on the way by design, so only results can tell of a fault. JAX checks those of a `jit`, and
    what it keeps for the gradient, which is the operands alone under `checkpoint`.
    """
    if jax.config.jax_debug_infs:  # pyright: ignore
        return jax.jit(jax.checkpoint(run))(*operands)
    return run(*operands)
