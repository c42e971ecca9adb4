"""One update of the parameters, and one look at a validation batch: plain functions of arrays."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import optax

from xattn.training.losses import Sum

Sums = Mapping[str, Sum]


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class State:
    """All that training changes; with the config, all that a checkpoint needs."""

    step: Any  # int32 scalar; with a leading device axis under `pmap`, as all of the state
    params: Any
    optimizer: Any
    average: Any = None  # the moving average of the parameters, where there is one


def start(params: Any, optimizer: optax.GradientTransformation, *, ema: float = 0.0) -> State:
    """The state before the first update."""
    return State(
        step=jnp.zeros((), jnp.int32),
        params=params,
        optimizer=optimizer.init(params),
        # A copy, since an update consumes the state, and no buffer can be consumed twice.
        average=jax.tree.map(jnp.array, params) if ema else None,
    )


def ema_decay(ema: float, updates: jax.Array) -> jax.Array:
    """The decay of the moving average after so many updates, at most `ema`.

    Early averages forget sooner, lest they consist of random initial values: (1 + n) / (10 + n), as in TensorFlow's
    `ExponentialMovingAverage`.

    >>> ema_decay(0.75, jnp.array([1, 8, 10_000])).round(4)
    Array([0.1818, 0.5   , 0.75  ], dtype=float32)
    """
    return jnp.minimum(ema, (1.0 + updates) / (10.0 + updates))


def make_update(
    loss: Callable[[Any, Any, jax.Array], Sums], optimizer: optax.GradientTransformation, *, ema: float = 0.0
) -> Callable[..., tuple[State, Sums]]:
    """`update(state, batch, axis=None) -> (state, sums)`, for a `loss(params, batch, step) -> sums` with a row "loss".

    With `axis`, the name of a mapped device axis, sums and gradients are added over the devices *before* the one
    division by the count, so that unequal padding per device changes nothing.
    """

    def update(state: State, batch: Any, axis: str | None = None) -> tuple[State, Sums]:
        def total(params: Any) -> tuple[jax.Array, Sums]:
            sums = loss(params, batch, state.step)
            return sums["loss"].total, sums

        gradients, sums = jax.grad(total, has_aux=True)(state.params)
        if axis is not None:
            gradients, sums = jax.lax.psum((gradients, sums), axis)
        gradients = jax.tree.map(lambda g: g / sums["loss"].count.astype(g.dtype), gradients)
        changes, optimizer_state = optimizer.update(gradients, state.optimizer, state.params)
        params = optax.apply_updates(state.params, changes)
        step, average = state.step + 1, state.average
        if ema:
            average = optax.incremental_update(params, average, 1 - ema_decay(ema, step))
        norm = Sum(optax.tree.norm(gradients), jnp.ones(()))
        return State(step=step, params=params, optimizer=optimizer_state, average=average), {
            **sums,
            "gradient_norm": norm,
        }

    return update
