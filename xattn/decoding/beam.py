"""Beam search: several hypotheses a sentence side by side, and the best of them.

Only the state follows the hypotheses as they are reordered. What a step writes and records stays where it is,
beside the slot that each hypothesis continues; the winners are traced back at the end.
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
    """The best hypotheses that came to an end, as their last step: [B,n]."""

    finished: jax.Array  # by EOS, rather than by their longest length
    normalised: jax.Array
    scores: jax.Array
    lengths: jax.Array
    tokens: jax.Array  # the last piece
    parents: jax.Array  # the slot that wrote it


class Search(NamedTuple):
    """A search under way: where every hypothesis stands. Leaves lead with the sentences, [B,...]."""

    position: jax.Array  # [], the same for all
    limits_B: jax.Array
    prefix_BP: jax.Array
    ids_BW: jax.Array  # the pieces to read next
    scores_BW: jax.Array  # -inf: no such hypothesis
    state: Any
    tokens_BTW: jax.Array
    parents_BTW: jax.Array  # the slot of the step that wrote the piece
    record: Any  # leaves [B,T,W,...]
    ended: _Ended
    count_B: jax.Array  # hypotheses that ended with EOS, kept or not

    @property
    def alive_B(self) -> jax.Array:
        """Sentences that are still being written."""
        return (self.scores_BW > -jnp.inf).any(axis=1)


@dataclass(frozen=True, kw_only=True)
class BeamSearch:
    """Beam search in pieces, so that what is done can make room for what is not; see `beam_search`.

    `start`, then `advance` as often as one likes; between, `grow` and `join` what is under way; then `finish`.
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
        """Before the first piece, with room for `room` pieces (`grow` makes more)."""
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
            # All hypotheses begin alike: only one of them may be continued.
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
        """Writes on until all is done, or `until` pieces are written."""
        return jax.lax.while_loop(
            lambda now: now.alive_B.any() & (now.position < until), partial(self._one, step), search
        )

    def finish(self, search: Search) -> Hypotheses:
        """What was found. Only sentences that are done have their final hypotheses."""
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

    def _one(self, step: Step, now: Search) -> Search:
        width = self.width
        logits_BWV, state, record = step(now.ids_BW, now.position, now.state)
        batch, vocabulary = len(now.ids_BW), logits_BWV.shape[-1]
        logp_BWV = jax.nn.log_softmax(logits_BWV.astype(jnp.float32))
        logp_BWV = hypotheses.force(logp_BWV, now.prefix_BP, now.position)
        # Each hypothesis has one EOS, so the best 2W continuations hold W others. C is 2W, or all there are.
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
        # A score only falls, and the penalty is monotone in the length: its bound is at one of the two ends.
        bound_B = jnp.maximum(
            scores_BW[:, 0] / self._penalty(length + 1), scores_BW[:, 0] / self._penalty(now.limits_B)
        )
        worst_B = jnp.where(ended.finished[:, -1], ended.normalised[:, -1], -jnp.inf)
        # Without a penalty the bound is exact: to stop by number could only lose what is more probable.
        enough_B = (count_B >= self.patience * width) & (jnp.asarray(self.length_penalty) != 0)
        done_B = last_B | enough_B | (bound_B <= worst_B)
        return Search(
            position=length,
            limits_B=now.limits_B,
            prefix_BP=now.prefix_BP,
            ids_BW=tokens_BW,
            # Nothing that is done lives on, so it can neither end again nor hold up the others.
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
    """Searches for the hypotheses of the highest normalised score (see `length_penalty`).

    Every step takes the best continuations of the W hypotheses. Those among the first W that end with EOS are
    finished; the W best of the others live on. A sentence is done when nothing alive can still beat the `n_best`
    kept, whatever it may go on to write, when its longest length is reached, or, with a length penalty, when
    `patience * width` hypotheses have finished (Kasai et al., 2022; 1 is the custom, infinity searches on).

    `limits` are the longest lengths of single sentences, EOS included, where `max_length` is too long for
    them; a sentence of limit 0 writes nothing. Hypotheses begin with the pieces of `prefix`, up to a negative one.
    Fewer than `n_best` hypotheses may exist: see `Hypotheses`.
    """
    search = BeamSearch(
        width=width, bos=bos, eos=eos, pad=pad, length_penalty=length_penalty, patience=patience, n_best=n_best
    )
    limits_B = hypotheses.each_limit(limits, batch, max_length)
    start = search.start(step, state, batch=batch, room=max_length, limits=limits_B, prefix=prefix)
    return search.finish(search.advance(step, start, max_length))


def grow(search: Search, room: int, state: Any) -> Search:
    """The same search with room for `room` pieces; `state` has the shapes of the larger state."""

    def longer(leaf: jax.Array) -> jax.Array:
        return jnp.pad(leaf, [(0, 0), (0, room - leaf.shape[1]), *[(0, 0)] * (leaf.ndim - 2)])

    def larger(leaf: jax.Array, like: Any) -> jax.Array:
        return jnp.pad(leaf, [(0, more - size) for size, more in zip(leaf.shape, like.shape, strict=True)])

    tokens_BTW, parents_BTW, record = jax.tree.map(longer, (search.tokens_BTW, search.parents_BTW, search.record))
    state = jax.tree.map(larger, search.state, state)
    return search._replace(state=state, tokens_BTW=tokens_BTW, parents_BTW=parents_BTW, record=record)


def join(first: Any, second: Any, rows: Int[Array, "B"]) -> Any:
    """Rows of two trees, such as two searches at the same position: numbered through, the second after the first."""
    return jax.tree.map(lambda a, b: jnp.concatenate([a, b])[rows] if a.ndim else a, first, second)


def _best(kept: _Ended, new: _Ended) -> _Ended:
    """The best of both, as many as were kept; on a tie, what was there before."""
    both = jax.tree.map(lambda a, b: jnp.concatenate([a, b], axis=1), kept, new)
    order_Bn = jnp.lexsort((-both.normalised, ~both.finished))[:, : kept.scores.shape[1]]
    return jax.tree.map(lambda x: jnp.take_along_axis(x, order_Bn, axis=1), both)


def _reorder(state: Any, parents_BW: jax.Array) -> Any:
    """Gives every hypothesis the state of the one it continues."""
    batch, width = parents_BW.shape
    # All as rows of one long list: XLA then copies whole rows, which is faster than a gather in two dimensions.
    rows = (jnp.arange(batch)[:, None] * width + parents_BW).reshape(-1)
    return jax.tree.map(lambda x: x.reshape(batch * width, -1)[rows].reshape(x.shape), state)


def _trace(tokens_BTW: jax.Array, parents_BTW: jax.Array, ended: _Ended, pad: int) -> tuple[jax.Array, jax.Array]:
    """Walks back from the end of every hypothesis: its pieces, and the slots that wrote them; [B,T,n]."""

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
