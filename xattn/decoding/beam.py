"""Beam search: several hypotheses a sentence side by side, and the best of them.

Only the state follows the hypotheses as they are reordered. What a step writes and records stays where it is,
beside the slot that each hypothesis continues; the winners are traced back at the end.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from xattn.decoding import hypotheses
from xattn.decoding.hypotheses import Hypotheses, Step


class _Ended(NamedTuple):
    """The best hypotheses that came to an end, as their last step: [B,n]."""

    finished: jax.Array  # by EOS, rather than by their longest length
    normalised: jax.Array
    scores: jax.Array
    lengths: jax.Array
    tokens: jax.Array  # the last piece
    parents: jax.Array  # the slot that wrote it


class _Search(NamedTuple):
    position: jax.Array
    ids_BW: jax.Array  # the pieces to read next
    scores_BW: jax.Array  # -inf: no such hypothesis
    state: Any
    tokens_TBW: jax.Array
    parents_TBW: jax.Array  # the slot of the step that wrote the piece
    record: Any  # leaves [T,B,W,...]
    ended: _Ended
    count_B: jax.Array  # hypotheses that ended with EOS, kept or not


def beam_search(
    step: Step,
    state: Any,
    *,
    batch: int,
    width: int,
    bos: int,
    eos: int,
    pad: int,
    max_length: int,
    limits: Int[Array, "B"] | None = None,
    length_penalty: float | Float[Array, ""] = 0.0,
    patience: float = 1.0,
    n_best: int = 1,
) -> Hypotheses:
    """Searches for the hypotheses of the highest normalised score (see `length_penalty`).

    Every step takes the best continuations of the W hypotheses. Those among the first W that end with EOS are
    finished; the W best of the others live on. A sentence is done when `patience * width` hypotheses have
    finished (Kasai et al., 2022; 1 is the custom, infinity searches on), when its longest length is reached,
    or when nothing alive can still beat the `n_best` kept, whatever it may go on to write.

    `limits` are the longest lengths of single sentences, EOS included, where `max_length` is too long for
    them; a sentence of limit 0 writes nothing. Fewer than `n_best` hypotheses may exist: see `Hypotheses`.
    """
    if not 1 <= n_best <= width:
        raise ValueError(f"n_best must be between 1 and width ({width}), not {n_best}.")
    logits, recorded = hypotheses.check(step, state, batch=batch, width=width, max_length=max_length)
    vocabulary = logits.shape[-1]
    limits_B = hypotheses.each_limit(limits, batch, max_length)

    def penalty(lengths: jax.Array) -> jax.Array:
        return hypotheses.length_penalty(lengths, length_penalty)

    def advance(now: _Search) -> _Search:
        logits_BWV, state, record = step(now.ids_BW, now.position, now.state)
        logp_BWV = jax.nn.log_softmax(logits_BWV.astype(jnp.float32))
        # Each hypothesis has one EOS, so the best 2W continuations hold W others. C is 2W, or all there are.
        total_BWV = now.scores_BW[..., None] + logp_BWV
        scores_BC, places_BC = jax.lax.top_k(total_BWV.reshape(batch, -1), min(2 * width, width * vocabulary))
        parents_BC, tokens_BC = jnp.divmod(places_BC, vocabulary)
        length = now.position + 1
        last_B = length >= limits_B

        among_W = jnp.arange(scores_BC.shape[1]) < width
        eos_BC = tokens_BC == eos
        ends_BC = (eos_BC | last_B[:, None]) & among_W[None] & (scores_BC > -jnp.inf)
        scores_if_ended_BC = jnp.where(ends_BC, scores_BC, -jnp.inf)
        ended = _best(
            now.ended,
            _Ended(
                finished=ends_BC & eos_BC,
                normalised=scores_if_ended_BC / penalty(length),
                scores=scores_if_ended_BC,
                lengths=jnp.where(ends_BC, length, 0),
                tokens=tokens_BC,
                parents=parents_BC,
            ),
        )
        count_B = now.count_B + (ends_BC & eos_BC).sum(axis=1)

        scores_BW, picked_BW = jax.lax.top_k(jnp.where(eos_BC, -jnp.inf, scores_BC), width)
        tokens_BW = jnp.take_along_axis(tokens_BC, picked_BW, axis=1)
        parents_BW = jnp.take_along_axis(parents_BC, picked_BW, axis=1)
        # A score only falls, and the penalty is monotone in the length: its bound is at one of the two ends.
        bound_B = jnp.maximum(scores_BW[:, 0] / penalty(length + 1), scores_BW[:, 0] / penalty(limits_B))
        worst_B = jnp.where(ended.finished[:, -1], ended.normalised[:, -1], -jnp.inf)
        done_B = last_B | (count_B >= patience * width) | (bound_B <= worst_B)
        return _Search(
            position=length,
            ids_BW=tokens_BW,
            # Nothing that is done lives on, so it can neither end again nor hold up the others.
            scores_BW=jnp.where(done_B[:, None], -jnp.inf, scores_BW),
            state=_reorder(state, parents_BW) if width > 1 else state,
            tokens_TBW=hypotheses.put(now.position, now.tokens_TBW, tokens_BW),
            parents_TBW=hypotheses.put(now.position, now.parents_TBW, parents_BW),
            record=hypotheses.put(now.position, now.record, record),
            ended=ended,
            count_B=count_B,
        )

    none_BW = jnp.full((batch, width), -jnp.inf)
    zeros_Bn = jnp.zeros((batch, n_best), jnp.int32)
    zeros_TBW = jnp.zeros((max_length, batch, width), jnp.int32)
    start = _Search(
        position=jnp.int32(0),
        ids_BW=jnp.full((batch, width), bos, jnp.int32),
        # All hypotheses begin alike: only one of them may be continued.
        scores_BW=none_BW.at[:, 0].set(jnp.where(limits_B > 0, 0.0, -jnp.inf)),
        state=state,
        tokens_TBW=zeros_TBW,
        parents_TBW=zeros_TBW,
        record=hypotheses.room(recorded, max_length),
        ended=_Ended(
            finished=zeros_Bn > 0,
            normalised=none_BW[:, :n_best],
            scores=none_BW[:, :n_best],
            lengths=zeros_Bn,
            tokens=zeros_Bn,
            parents=zeros_Bn,
        ),
        count_B=jnp.zeros(batch, jnp.int32),
    )
    end = jax.lax.while_loop(lambda now: (now.scores_BW > -jnp.inf).any(), advance, start)
    tokens_TBn, slots_TBn = _trace(end.tokens_TBW, end.parents_TBW, end.ended, pad)
    return Hypotheses(
        tokens=jnp.moveaxis(tokens_TBn, 0, 2),
        lengths=end.ended.lengths,
        scores=end.ended.scores,
        normalised=end.ended.normalised,
        finished=end.ended.finished,
        record=hypotheses.take_rows(end.record, slots_TBn, end.ended.lengths),
    )


def _best(kept: _Ended, new: _Ended) -> _Ended:
    """The best of both, as many as were kept; on a tie, what was there before."""
    both = jax.tree.map(lambda a, b: jnp.concatenate([a, b], axis=1), kept, new)
    order_Bn = jnp.lexsort((-both.normalised, ~both.finished))[:, : kept.scores.shape[1]]
    return jax.tree.map(lambda x: jnp.take_along_axis(x, order_Bn, axis=1), both)


def _reorder(state: Any, parents_BW: jax.Array) -> Any:
    """Gives every hypothesis the state of the one it continues."""
    return jax.tree.map(lambda x: jax.vmap(lambda row, at: row[at])(x, parents_BW), state)


def _trace(tokens_TBW: jax.Array, parents_TBW: jax.Array, ended: _Ended, pad: int) -> tuple[jax.Array, jax.Array]:
    """Walks back from the end of every hypothesis: its pieces, and the slots that wrote them; [T,B,n]."""

    def back(slots_Bn: jax.Array, step: tuple[jax.Array, ...]) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        position, tokens_BW, parents_BW = step
        tokens_Bn = jnp.take_along_axis(tokens_BW, slots_Bn, axis=1)
        parents_Bn = jnp.take_along_axis(parents_BW, slots_Bn, axis=1)
        last_Bn = position == ended.lengths - 1
        beyond_Bn = position >= ended.lengths
        tokens_Bn = jnp.where(last_Bn, ended.tokens, jnp.where(beyond_Bn, pad, tokens_Bn))
        parents_Bn = jnp.where(last_Bn, ended.parents, parents_Bn)
        return parents_Bn, (tokens_Bn, parents_Bn)

    positions_T = jnp.arange(len(tokens_TBW))
    steps = (positions_T, tokens_TBW, parents_TBW)
    return jax.lax.scan(back, jnp.zeros_like(ended.parents), steps, reverse=True)[1]
