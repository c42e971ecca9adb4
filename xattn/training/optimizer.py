"""The optimizer that a config describes."""

import jax
import optax

from xattn.config import Experiment


def schedule(config: Experiment) -> optax.Schedule:
    """The learning rate by step: linear warm-up, cosine decay to zero at the last step."""
    return optax.schedules.warmup_cosine_decay_schedule(
        init_value=0.0,
        peak_value=config.optimizer.learning_rate,
        warmup_steps=config.optimizer.warmup,
        decay_steps=config.training.steps,
    )


def make(config: Experiment) -> optax.GradientTransformation:
    """AdamW (Loshchilov & Hutter, 2019) after clipping by the global norm; only matrices are decayed."""
    settings = config.optimizer
    return optax.chain(
        optax.clip_by_global_norm(settings.clip),
        optax.adamw(
            schedule(config),
            b1=settings.beta1,
            b2=settings.beta2,
            weight_decay=settings.weight_decay,
            mask=lambda params: jax.tree.map(lambda p: p.ndim > 1, params),
        ),
    )
