"""The sections of an experiment that every task reads: model, optimizer, training and devices; and what a task is."""

from typing import Annotated, Literal

from annotated_types import Ge, Gt

from xattn.config.checked import Checked, Count, Rate, settings
from xattn.errors import require


@settings("model")
class Model(Checked):
    """A pre-norm Transformer encoder, its memory, and a cross-attending decoder."""

    width: Count = 128
    """Width of the residual stream (D)."""
    heads: Count = 4
    """Attention heads (N); must divide the width."""
    layers: Count = 2
    """Layers of the encoder, and as many of the decoder."""
    mlp: Count = 256
    """Width of the MLP's hidden layer (F)."""
    memory: Literal["full", "mean", "latents", "shuffle", "none"] = "full"
    """The memory of the decoder: every source position; their mean (the ablation without attention); learned latents
    that attended to them; the memory of another example of the batch (the test for leaks); or nothing."""
    latents: Count = 16
    """Number of latents, where the memory is `latents`."""
    compute: Literal["float32", "bfloat16"] = "float32"
    """Precision of the products of the layers; parameters, norms, softmax and loss are always in float32."""
    dropout: Rate = 0.1
    """Dropout rate after the embedding and every sub-layer."""
    attention_dropout: Rate = 0.0
    """Dropout rate of the attention weights."""

    def check(self) -> None:
        near = [h for h in range(1, self.width + 1) if self.width % h == 0]
        near.sort(key=lambda h: abs(h - self.heads))
        require(
            self.width % self.heads == 0,
            f"model.heads must divide model.width, but {self.heads} does not divide {self.width}; "
            f"{' or '.join(str(h) for h in sorted(near[:2]))} would.",
        )
        require(
            self.width // self.heads % 2 == 0,
            f"model.width / model.heads must be even, for rotary positions, not {self.width // self.heads}.",
        )


@settings("optimizer")
class Optimizer(Checked):
    """AdamW, with a linear warm-up and a decay by name."""

    learning_rate: Annotated[float, Gt(0)] = 2e-3
    """Peak of the schedule."""
    schedule: Literal["cosine", "linear", "inverse_sqrt", "constant"] = "cosine"
    """The decay after the warm-up: to zero at the last step, with the square root of the step, or none."""
    warmup: Annotated[int, Ge(0)] = 200
    """Steps from zero to the peak."""
    beta1: Rate = 0.9
    """Decay of AdamW's mean of gradients."""
    beta2: Rate = 0.98
    """Decay of AdamW's mean of squared gradients."""
    weight_decay: Annotated[float, Ge(0)] = 0.01
    """Decay of the matrices; biases and norms do not decay."""
    clip: Annotated[float, Gt(0)] = 1.0
    """Largest global norm of a gradient."""


@settings("training")
class Training(Checked):
    """How long to train, how large a batch is, and when to validate."""

    steps: Count = 2000
    """Updates of the parameters."""
    batch_tokens: Count = 4096
    """Source plus target positions of a batch, padding included."""
    accumulate: Count = 1
    """Batches an update: their sums are added, and divided once, as if they were one."""
    ema: Rate = 0.0
    """Decay of a moving average of the parameters, which is validated and used in their place; 0 is none."""
    average: Count = 1
    """Number of last checkpoints whose mean is validated and used; 1 is none."""
    validate_every: Count = 200
    """Steps between validations; each saves a checkpoint."""
    keep_every: Count | None = None
    """Steps between checkpoints that are kept, a multiple of `validate_every`; None keeps newest and best alone."""
    patience: Count = 10
    """Validations without a better score after which training stops."""
    stop_by: Literal["headline", "loss"] = "headline"
    """The validation score that chooses the best checkpoint and that patience waits for: the headline of the task,
    such as exact match or accuracy, or the loss."""

    def check(self) -> None:
        require(
            self.keep_every is None or self.keep_every % self.validate_every == 0,
            f"training.keep_every must be a multiple of training.validate_every ({self.validate_every}), "
            f"not {self.keep_every}.",
        )


@settings("devices")
class Devices(Checked):
    """The devices that train, and how a batch is laid on them."""

    strategy: Literal["single", "jit", "pmap"] = "single"
    """One device; all of them through a sharded `jit`; or all of them through `pmap`."""


@settings("task")
class TaskSettings(Checked):
    """Base class of the settings of a task: a subclass names itself in its field `kind`."""

    described = "the settings of a task, such as Translation(...) or DocQA(...)"

    kind: str
    """The name of the task."""
    test: tuple[str, ...] = ("test",)
    """Names of the splits that `xattn evaluate` scores."""

    def check_model(self, model: Model) -> None:
        """Raises `ConfigError` for a model that the task cannot use."""
