"""Beam search: several hypotheses of each sentence grow side by side, and the best are kept.

When hypotheses are reordered, only the state is moved. The pieces and records of a step stay in place, next to the
number of the slot that each hypothesis continues; the best hypotheses are traced back at the end.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from xattn.decoding import hypotheses
from xattn.decoding.hypotheses import Hypotheses, Step


class _Ended(NamedTuple):
    """The last steps of the n best hypotheses that have ended: [B,n]."""

    finished: jax.Array  # True if ended by EOS, False if by the longest length
    normalised: jax.Array
    scores: jax.Array
    lengths: jax.Array
    tokens: jax.Array  # the last piece
    parents: jax.Array  # the slot that wrote it


class Search(NamedTuple):
    """The state of an unfinished search. The first axis of all leaves but `position` is that of sentences, [B,...]."""

    position: jax.Array  # [], the same for all
    limits_B: jax.Array  # longest lengths, EOS included
    prefix_BP: jax.Array  # pieces that a hypothesis must begin with
    ids_BW: jax.Array  # the pieces to read next
    scores_BW: jax.Array  # log-probabilities; -inf: no such hypothesis
    state: Any
    tokens_BTW: jax.Array
    parents_BTW: jax.Array  # the slot of the step that wrote the piece
    record: Any  # leaves [B,T,W,...]
    ended: _Ended
    count_B: jax.Array  # hypotheses that ended with EOS, kept or not

    @property
    def alive_B(self) -> jax.Array:
        """Sentences whose search is not finished."""
        return (self.scores_BW > -jnp.inf).any(axis=1)


@dataclass(frozen=True, kw_only=True)
class BeamSearch:
    """Beam search that can be interrupted, so that finished sentences can make room for others; see `beam_search`.

    Call `start`, then `advance` any number of times, then `finish`. Between two calls of `advance`, `grow` makes room
    for more pieces and `join` combines the sentences of two searches.
    """

    width: int
    bos: int
    eos: int
    pad: int
    length_penalty: float | Float[Array, ""] = 0.0
    patience: float = 1.0
    n_best: int = 1

    def start(
        self,
        step: Step,
        state: Any,
        *,
        batch: int,
        room: int,
        limits: Int[Array, "B"],
        prefix: Int[Array, "B P"] | None = None,
    ) -> Search:
        """A search before the first piece, with room for `room` pieces; `limits` and `prefix` as in `beam_search`.

        Raises a ValueError unless 1 <= n_best <= width, or if the arrays of `step` do not lead with [batch, width].
        """
        width, n_best = self.width, self.n_best
        if not 1 <= n_best <= width:
            raise ValueError(f"n_best must be between 1 and width ({width}), not {n_best}.")
        _, recorded = hypotheses.check(step, state, batch=batch, width=width, max_length=room)
        none_BW = jnp.full((batch, width), -jnp.inf)
        zeros_Bn = jnp.zeros((batch, n_best), jnp.int32)
        zeros_BTW = jnp.zeros((batch, room, width), jnp.int32)
        return Search(
            position=jnp.int32(0),
            limits_B=limits,
            prefix_BP=jnp.zeros((batch, 0), jnp.int32) if prefix is None else prefix,
            ids_BW=jnp.full((batch, width), self.bos, jnp.int32),
            # All hypotheses begin alike, so only one of them may be continued.
            scores_BW=none_BW.at[:, 0].set(jnp.where(limits > 0, 0.0, -jnp.inf)),
            state=state,
            tokens_BTW=zeros_BTW,
            parents_BTW=zeros_BTW,
            record=hypotheses.room(recorded, room),
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

    def advance(self, step: Step, search: Search, until: int | Int[Array, ""]) -> Search:
        """Continues until all sentences are finished, or until hypotheses have `until` pieces."""
        return jax.lax.while_loop(
            lambda now: now.alive_B.any() & (now.position < until), partial(self._advance_one, step), search
        )

    def finish(self, search: Search) -> Hypotheses:
        """The hypotheses found so far; they are final for sentences that are finished."""
        ended = search.ended
        tokens_BTn, slots_BTn = _trace(search.tokens_BTW, search.parents_BTW, ended, self.pad)
        return Hypotheses(
            tokens=jnp.moveaxis(tokens_BTn, 1, 2),
            lengths=ended.lengths,
            scores=ended.scores,
            normalised=ended.normalised,
            finished=ended.finished,
            record=hypotheses.take_rows(search.record, slots_BTn, ended.lengths),
        )

    def _advance_one(self, step: Step, now: Search) -> Search:
        """The search after one more piece of every hypothesis."""
        width = self.width
        logits_BWV, state, record = step(now.ids_BW, now.position, now.state)
        batch, vocabulary = len(now.ids_BW), logits_BWV.shape[-1]
        logp_BWV = jax.nn.log_softmax(logits_BWV.astype(jnp.float32))
        logp_BWV = hypotheses.force(logp_BWV, now.prefix_BP, now.position)
        # Each hypothesis has one EOS, so the best 2W continuations include W others. C is 2W, or V W if that is less.
        total_BWV = now.scores_BW[..., None] + logp_BWV
        scores_BC, places_BC = jax.lax.top_k(total_BWV.reshape(batch, -1), min(2 * width, width * vocabulary))
        parents_BC, tokens_BC = jnp.divmod(places_BC, vocabulary)
        length = now.position + 1
        last_B = length >= now.limits_B

        among_W = jnp.arange(scores_BC.shape[1]) < width
        eos_BC = tokens_BC == self.eos
        ends_BC = (eos_BC | last_B[:, None]) & among_W[None] & (scores_BC > -jnp.inf)
        scores_if_ended_BC = jnp.where(ends_BC, scores_BC, -jnp.inf)
        ended = _best(
            now.ended,
            _Ended(
                finished=ends_BC & eos_BC,
                normalised=scores_if_ended_BC / self._penalty(length),
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
        # Scores only fall and the penalty is monotone in the length, so the bound lies at one of the two lengths.
        bound_B = jnp.maximum(
            scores_BW[:, 0] / self._penalty(length + 1), scores_BW[:, 0] / self._penalty(now.limits_B)
        )
        worst_B = jnp.where(ended.finished[:, -1], ended.normalised[:, -1], -jnp.inf)
        # Without a penalty the bound is exact, and stopping by number could only lose more probable hypotheses.
        enough_B = (count_B >= self.patience * width) & (jnp.asarray(self.length_penalty) != 0)
        done_B = last_B | enough_B | (bound_B <= worst_B)
        return Search(
            position=length,
            limits_B=now.limits_B,
            prefix_BP=now.prefix_BP,
            ids_BW=tokens_BW,
            # Finished sentences get score -inf: they cannot finish twice or keep the loop running.
            scores_BW=jnp.where(done_B[:, None], -jnp.inf, scores_BW),
            state=_reorder(state, parents_BW) if width > 1 else state,
            tokens_BTW=hypotheses.put(now.position, now.tokens_BTW, tokens_BW),
            parents_BTW=hypotheses.put(now.position, now.parents_BTW, parents_BW),
            record=hypotheses.put(now.position, now.record, record),
            ended=ended,
            count_B=count_B,
        )

    def _penalty(self, lengths: jax.Array) -> jax.Array:
        return hypotheses.length_penalty(lengths, self.length_penalty)


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
    prefix: Int[Array, "B P"] | None = None,
    length_penalty: float | Float[Array, ""] = 0.0,
    patience: float = 1.0,
    n_best: int = 1,
) -> Hypotheses:
    """The `n_best` hypotheses of every sentence with the highest normalised score found (see `length_penalty`).

    Every step ranks all continuations of the W hypotheses. Those among the first W that end with EOS are finished; the
    W best of the others continue. A sentence is finished when no continuation can beat its `n_best` hypotheses, when
    its longest length is reached, or, with a length penalty, when `patience * width` hypotheses have finished (Kasai
    et al., 2022; 1 is usual, infinity disables this).

    Args:
        step: One position of the model; see `Step`.
        state: The first state of `step`, whose leaves lead with [batch, width].
        batch: Sentences (B).
        width: Hypotheses of a sentence that grow side by side (W).
        bos: The id of the piece that every hypothesis begins with; it is not part of the result.
        eos: The id of the piece that ends a hypothesis.
        pad: The id that fills up hypotheses behind their end.
        max_length: Pieces that there is room for, EOS included (T).
        limits: Longest lengths [B] of the sentences, EOS included, at most `max_length`; 0 writes nothing.
        prefix: Pieces [B,P] that the hypotheses of a sentence must begin with, up to the first negative one.
        length_penalty: The alpha of `length_penalty`.
        patience: See above.
        n_best: Hypotheses of a sentence to return (n); fewer may exist, see `Hypotheses`.

    Raises:
        ValueError: Not 1 <= n_best <= width or max_length < 1, or arrays of `step` do not lead with [batch, width].
    """
    search = BeamSearch(
        width=width, bos=bos, eos=eos, pad=pad, length_penalty=length_penalty, patience=patience, n_best=n_best
    )
    limits_B = hypotheses.each_limit(limits, batch, max_length)
    start = search.start(step, state, batch=batch, room=max_length, limits=limits_B, prefix=prefix)
    return search.finish(search.advance(step, start, max_length))


def grow(search: Search, room: int, state: Any) -> Search:
    """The same search with room for `room` pieces; `state` is any tree of the larger state's shapes."""

    def longer(leaf: jax.Array) -> jax.Array:
        return jnp.pad(leaf, [(0, 0), (0, room - leaf.shape[1]), *[(0, 0)] * (leaf.ndim - 2)])

    def larger(leaf: jax.Array, like: Any) -> jax.Array:
        return jnp.pad(leaf, [(0, more - size) for size, more in zip(leaf.shape, like.shape, strict=True)])

    tokens_BTW, parents_BTW, record = jax.tree.map(longer, (search.tokens_BTW, search.parents_BTW, search.record))
    state = jax.tree.map(larger, search.state, state)
    return search._replace(state=state, tokens_BTW=tokens_BTW, parents_BTW=parents_BTW, record=record)


def join(first: Any, second: Any, rows: Int[Array, "B"]) -> Any:
    """Selects rows of two concatenated trees, such as two searches at the same position.

    `rows` are numbered through, those of `second` after those of `first`. Scalars are taken from `first`.
    """
    return jax.tree.map(lambda a, b: jnp.concatenate([a, b])[rows] if a.ndim else a, first, second)


def _best(kept: _Ended, new: _Ended) -> _Ended:
    """The best of both, as many as were kept; in a tie, `kept` comes first."""
    both = jax.tree.map(lambda a, b: jnp.concatenate([a, b], axis=1), kept, new)
    order_Bn = jnp.lexsort((-both.normalised, ~both.finished))[:, : kept.scores.shape[1]]
    return jax.tree.map(lambda x: jnp.take_along_axis(x, order_Bn, axis=1), both)


def _reorder(state: Any, parents_BW: jax.Array) -> Any:
    """Gives every hypothesis the state of the one it continues."""
    batch, width = parents_BW.shape
    # With batch and width joined to one axis XLA copies whole rows, which is faster than a gather over two axes.
    rows = (jnp.arange(batch)[:, None] * width + parents_BW).reshape(-1)
    return jax.tree.map(lambda x: x.reshape(batch * width, -1)[rows].reshape(x.shape), state)


def _trace(tokens_BTW: jax.Array, parents_BTW: jax.Array, ended: _Ended, pad: int) -> tuple[jax.Array, jax.Array]:
    """Traces every hypothesis back from its end: its pieces, and the slots that wrote them, both [B,T,n]."""

    def back(slots_Bn: jax.Array, step: tuple[jax.Array, ...]) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        position, tokens_BW, parents_BW = step
        tokens_Bn = jnp.take_along_axis(tokens_BW, slots_Bn, axis=1)
        parents_Bn = jnp.take_along_axis(parents_BW, slots_Bn, axis=1)
        last_Bn = position == ended.lengths - 1
        beyond_Bn = position >= ended.lengths
        tokens_Bn = jnp.where(last_Bn, ended.tokens, jnp.where(beyond_Bn, pad, tokens_Bn))
        parents_Bn = jnp.where(last_Bn, ended.parents, parents_Bn)
        return parents_Bn, (tokens_Bn, parents_Bn)

    steps = (jnp.arange(tokens_BTW.shape[1]), jnp.moveaxis(tokens_BTW, 1, 0), jnp.moveaxis(parents_BTW, 1, 0))
    traced = jax.lax.scan(back, jnp.zeros_like(ended.parents), steps, reverse=True)[1]
    return jnp.moveaxis(traced[0], 0, 1), jnp.moveaxis(traced[1], 0, 1)
