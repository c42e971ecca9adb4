"""The optimizer that a config describes."""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from xattn.config import Experiment


def _inverse_sqrt(peak: float, warmup: int, steps: int) -> optax.Schedule:
    """peak * sqrt(warmup / step) (Vaswani et al., 2017, section 5.3), counted from the end of the warm-up."""
    first = max(warmup, 1)
    # It is also called during the warm-up, with negative counts; the value is not used then.
    return lambda count: peak * jnp.sqrt(first / (first + jnp.maximum(count, 0)))


# Learning rates after the warm-up, from the peak, the steps of the warm-up, and the steps after it.
SCHEDULES = {
    "cosine": lambda peak, warmup, steps: optax.schedules.cosine_decay_schedule(peak, steps),
    "linear": lambda peak, warmup, steps: optax.schedules.linear_schedule(peak, 0.0, steps),
    "inverse_sqrt": _inverse_sqrt,
    "constant": lambda peak, warmup, steps: optax.schedules.constant_schedule(peak),
}


def schedule(config: Experiment) -> optax.Schedule:
    """The learning rate by step: a linear warm-up from zero, then the schedule that the config names."""
    peak, warmup = config.optimizer.learning_rate, config.optimizer.warmup
    after = SCHEDULES[config.optimizer.schedule](peak, warmup, config.training.steps - warmup)
    return optax.schedules.join_schedules([optax.schedules.linear_schedule(0.0, peak, warmup), after], [warmup])


def make(config: Experiment) -> optax.GradientTransformation:
    """AdamW (Loshchilov & Hutter, 2019) after clipping by the global norm; only matrices are decayed.

    If an alignment layer is trained, all other parameters are frozen.
    """
    settings = config.optimizer
    frozen = optax.masked(optax.set_to_zero(), _all_but_alignment_layer)
    return optax.chain(
        optax.clip_by_global_norm(settings.clip),
        optax.adamw(
            schedule(config),
            b1=settings.beta1,
            b2=settings.beta2,
            weight_decay=settings.weight_decay,
            mask=lambda params: jax.tree.map(lambda p: p.ndim > 1, params),
        ),
        *([] if config.alignment_layer is None else [frozen]),
    )


def _all_but_alignment_layer(params: Any) -> Any:
    return jax.tree_util.tree_map_with_path(lambda path, _: "alignment" not in {p.key for p in path}, params)
