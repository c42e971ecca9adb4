"""One update of the parameters, and the evaluation of one batch: plain functions of arrays."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import optax

from xattn.training.losses import Sum, Sums


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class State:
    """All arrays that training changes, and that a checkpoint holds."""

    step: Any  # int32 scalar; with a leading device axis under `pmap`, as all of the state
    params: Any
    optimizer: Any
    average: Any = None  # the moving average of the parameters, where there is one
    gathered: Any = None  # the sums of the current update so far, where an update has several batches


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Gathered:
    """Sums over the batches of an update: gradients, terms of the loss, and how many batches they are."""

    gradients: Any
    count: Any
    batches: Any


def start(params: Any, optimizer: optax.GradientTransformation, *, ema: float = 0.0, accumulate: int = 1) -> State:
    """The state before the first update."""
    # Copies, since an update consumes the state, and no buffer can be consumed twice.
    return State(
        step=jnp.zeros((), jnp.int32),
        params=params,
        optimizer=optimizer.init(params),
        average=jax.tree.map(jnp.array, params) if ema else None,
        gathered=_nothing(params) if accumulate > 1 else None,
    )


def _nothing(params: Any) -> Gathered:
    zeros = jax.tree.map(jnp.zeros_like, params)
    return Gathered(gradients=zeros, count=jnp.zeros(()), batches=jnp.zeros((), jnp.int32))


def ema_decay(ema: float, updates: jax.Array) -> jax.Array:
    """The decay of the moving average after a number of updates, at most `ema`.

    It is lower in the beginning, so that the average forgets the random initial values: (1 + n) / (10 + n), as in
    TensorFlow's `ExponentialMovingAverage`.

    >>> ema_decay(0.75, jnp.array([1, 8, 10_000])).round(4)
    Array([0.1818, 0.5   , 0.75  ], dtype=float32)
    """
    return jnp.minimum(ema, (1.0 + updates) / (10.0 + updates))


def make_update(
    loss: Callable[[Any, Any, jax.Array], Sums],
    optimizer: optax.GradientTransformation,
    *,
    ema: float = 0.0,
    accumulate: int = 1,
) -> Callable[..., tuple[State, Sums]]:
    """`update(state, batch, axis=None) -> (state, sums)`, for `loss(params, batch, number) -> sums`.

    The mean of the sum "loss" is minimised. `number` counts the batches. The returned sums are those of `loss` and
    "gradient_norm".

    `axis` is the name of a mapped device axis: sums and gradients are added over it *before* the one division by the
    count, so that unequal padding per device changes nothing. An update has `accumulate` batches, whose sums and
    gradients are added likewise: they may differ in shape and in padding.
    """

    def apply(state: State, sum_of_gradients: Any, count: jax.Array) -> tuple[State, Sum]:
        gradients = jax.tree.map(lambda g: g / count.astype(g.dtype), sum_of_gradients)
        changes, optimizer_state = optimizer.update(gradients, state.optimizer, state.params)
        params = optax.apply_updates(state.params, changes)
        step, average = state.step + 1, state.average
        if ema:
            # In this form the average of a constant is that constant, to the bit.
            share = 1 - ema_decay(ema, step)
            average = jax.tree.map(lambda old, new: old + share.astype(old.dtype) * (new - old), average, params)
        gathered = _nothing(params) if accumulate > 1 else None
        norm = Sum(optax.tree.norm(gradients), jnp.ones(()))
        return State(step=step, params=params, optimizer=optimizer_state, average=average, gathered=gathered), norm

    def wait(state: State, sum_of_gradients: Any, count: jax.Array) -> tuple[State, Sum]:
        gathered = Gathered(gradients=sum_of_gradients, count=count, batches=state.gathered.batches + 1)
        return replace(state, gathered=gathered), Sum(jnp.zeros(()), jnp.zeros(()))

    def update(state: State, batch: Any, axis: str | None = None) -> tuple[State, Sums]:
        number = state.step if accumulate == 1 else state.step * accumulate + state.gathered.batches

        def total(params: Any) -> tuple[jax.Array, Sums]:
            sums = loss(params, batch, number)
            return sums["loss"].total, sums

        gradients, sums = jax.grad(total, has_aux=True)(state.params)
        if axis is not None:
            gradients, sums = jax.lax.psum((gradients, sums), axis)
        count = sums["loss"].count
        if accumulate == 1:
            state, norm = apply(state, gradients, count)
        else:
            gathered = jax.tree.map(jnp.add, (state.gathered.gradients, state.gathered.count), (gradients, count))
            last = state.gathered.batches == accumulate - 1
            state, norm = jax.lax.cond(last, apply, wait, state, *gathered)
        return state, {**sums, "gradient_norm": norm}

    return update


def make_eval(eval_step: Callable[[Any, Any], Sums]) -> Callable[..., Sums]:
    """`evaluate(params, batch, axis=None) -> sums`: the sums of `eval_step`, added over a mapped device axis."""

    def evaluate(params: Any, batch: Any, axis: str | None = None) -> Sums:
        sums = eval_step(params, batch)
        return sums if axis is None else jax.lax.psum(sums, axis)

    return evaluate
