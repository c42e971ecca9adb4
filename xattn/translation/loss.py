"""The loss of translation: cross-entropy of the target pieces, guided links and R-Drop."""

import jax
import jax.numpy as jnp

from xattn.config import Experiment
from xattn.data.batching import TextBatch
from xattn.nn.dropout import DropoutKey
from xattn.nn.encoder_decoder import EncoderDecoder
from xattn.training.guided_loss import guided_loss
from xattn.training.losses import Sum, Sums, linear_cross_entropy
from xattn.training.r_drop import linear_divergence
from xattn.translation.corpus import settings_of

# Dropout site of R-Drop's second pass: the encoder is 0, the decoder 1.
SECOND_PASS = 2


def loss_of(config: Experiment, model: EncoderDecoder, batch: TextBatch, step: jax.Array) -> Sums:
    """The sums of a training batch, with dropout.

    * "loss", which is minimised: label-smoothed cross-entropy in nats a target piece, plus the weighted guidance. With
      R-Drop, half of the paper's loss: the mean of two passes, plus half of their weighted divergence.
    * "guidance", for a batch with a guide: the loss of the guided head in nats a linked target piece.
    * "divergence", with R-Drop: that of the two passes in nats a target piece.
    """
    settings = settings_of(config)
    guidance = settings.guidance
    dropout_key = DropoutKey.for_step(
        config.seed, step, batch.rows, rate=config.model.dropout, attention_rate=config.model.attention_dropout
    )
    embedding = model.embedding.embedding[...]
    labels, weights = batch.target_out.reshape(-1), batch.target_mask.reshape(-1).astype(embedding.dtype)

    count = batch.target_mask.sum(dtype=jnp.float32)

    def forward(dropout_key: DropoutKey) -> tuple[jax.Array, dict[str, Sum]]:
        """The states of one pass [M,D], and its sums."""
        memory = model.encode(batch.source, batch.source_mask, dropout_key)
        states_BTD, weights_LBNTS = model.decode(batch.target_in, memory, dropout_key)
        states = states_BTD.reshape(-1, model.width)
        entropy = linear_cross_entropy(states, embedding, labels, weights, settings.label_smoothing)
        if batch.guide is None:
            return states, {"loss": Sum(entropy, count)}
        links = guided_loss(weights_LBNTS[guidance.layer, :, guidance.head], batch.guide)
        return states, {"loss": Sum(entropy + guidance.weight * links.total, count), "guidance": links}

    first, sums = forward(dropout_key)
    if settings.r_drop == 0:
        return sums
    second, second_sums = forward(dropout_key.fold_in(SECOND_PASS))
    both = {name: sums[name] + second_sums[name] for name in sums}
    divergence = Sum(linear_divergence(first, second, embedding, weights), count)
    total = (both["loss"].total + settings.r_drop * divergence.total) / 2
    return {**both, "loss": Sum(total, count), "divergence": divergence}
