"""Greedy search: the most probable piece, every time."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from xattn.decoding import hypotheses
from xattn.decoding.hypotheses import Hypotheses, Step


class _Search(NamedTuple):
    position: jax.Array
    ids_B1: jax.Array  # the pieces to read next
    state: Any
    lengths_B1: jax.Array
    scores_B1: jax.Array
    finished_B1: jax.Array
    tokens_BT1: jax.Array
    record: Any  # leaves [B,T,1,...]


def greedy(
    step: Step,
    state: Any,
    *,
    batch: int,
    bos: int,
    eos: int,
    pad: int,
    max_length: int,
    limits: Int[Array, "B"] | None = None,
    length_penalty: float | Float[Array, ""] = 0.0,
) -> Hypotheses:
    """Writes the most probable piece at every position until EOS: one hypothesis a sentence (W = n = 1).

    `limits` are the longest lengths of single sentences, EOS included, where `max_length` is too long for
    them; a sentence of limit 0 writes nothing. The length penalty changes only `normalised`.
    Equals `beam_search(width=1)`, without the bookkeeping.
    """
    _, recorded = hypotheses.check(step, state, batch=batch, width=1, max_length=max_length)
    limits_B1 = hypotheses.each_limit(limits, batch, max_length)[:, None]

    def growing(now: _Search) -> jax.Array:
        return ~now.finished_B1 & (now.position < limits_B1)

    def advance(now: _Search) -> _Search:
        logits_B1V, state, record = step(now.ids_B1, now.position, now.state)
        logp_B1V = jax.nn.log_softmax(logits_B1V.astype(jnp.float32))
        best_B1 = jnp.argmax(logp_B1V, axis=-1).astype(jnp.int32)
        grows_B1 = growing(now)
        return _Search(
            position=now.position + 1,
            ids_B1=best_B1,
            state=state,
            lengths_B1=now.lengths_B1 + grows_B1,
            scores_B1=jnp.where(grows_B1, now.scores_B1 + logp_B1V.max(axis=-1), now.scores_B1),
            finished_B1=now.finished_B1 | (grows_B1 & (best_B1 == eos)),
            tokens_BT1=hypotheses.put(now.position, now.tokens_BT1, jnp.where(grows_B1, best_B1, pad)),
            record=hypotheses.put(now.position, now.record, record),
        )

    start = _Search(
        position=jnp.int32(0),
        ids_B1=jnp.full((batch, 1), bos, jnp.int32),
        state=state,
        lengths_B1=jnp.zeros((batch, 1), jnp.int32),
        scores_B1=jnp.zeros((batch, 1)),
        finished_B1=jnp.zeros((batch, 1), bool),
        tokens_BT1=jnp.full((batch, max_length, 1), pad, jnp.int32),
        record=hypotheses.room(recorded, max_length),
    )
    end = jax.lax.while_loop(lambda now: growing(now).any(), advance, start)
    scores_B1 = jnp.where(end.lengths_B1 > 0, end.scores_B1, -jnp.inf)
    return Hypotheses(
        tokens=jnp.moveaxis(end.tokens_BT1, 1, 2),
        lengths=end.lengths_B1,
        scores=scores_B1,
        normalised=scores_B1 / hypotheses.length_penalty(end.lengths_B1, length_penalty),
        finished=end.finished_B1,
        record=hypotheses.take_rows(end.record, jnp.zeros_like(end.tokens_BT1), end.lengths_B1),
    )
