"""Beam search of many sentences, in batches of similar length from which finished sentences are dropped."""

from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from xattn.data.tokenizer import Tokenizer
from xattn.decoding import BeamSearch, Hypotheses, Search, Step, grow, join
from xattn.nn.encoder_decoder import EncoderDecoder
from xattn.translation.length_batches import LENGTHS, by_length, length_limits, padded, padded_rows, unbatch
from xattn.translation.records import StepRecord, top_candidates

# Pieces that a batch writes between two checks of which sentences are finished.
STRIDE = 4

# A batch waits for another one when at most this share of its sentences is unfinished.
FULL = 0.75


class LiveBatch(NamedTuple):
    """A batch whose search is not finished."""

    numbers: np.ndarray
    """Numbers of its sentences, [B]; -1 for padding and for sentences that were given back already."""
    memory: Any
    """The projected memory."""
    search: Search
    """The state of the search."""


class BatchedBeamSearch:
    """The compiled beam search of a model, for any number of sentences.

    A batch writes a few pieces at a time, into a cache that grows with them. Once a quarter of its sentences are
    finished, it waits for another such batch, and both are joined: finished sentences cost nothing. The hypotheses of
    a sentence do not depend on the other sentences, up to rounding.
    """

    def __init__(
        self,
        model: Callable[[Any], EncoderDecoder],
        tokenizer: Tokenizer,
        *,
        width: int,
        n_best: int,
        return_attention: bool,
        extra_length: int,
    ):
        self._model, self._tokenizer = model, tokenizer
        self._width, self._n_best = width, n_best
        self._return_attention, self._extra_length = return_attention, extra_length
        self._start = jax.jit(self._start_batch)
        self._advance = jax.jit(self._advance_batch, donate_argnames="search")
        self._grow = jax.jit(self._grow_batch, static_argnames="room")
        self._join = jax.jit(join)
        self._finish = jax.jit(lambda search: self._beam(0.0).finish(search))

    def __call__(
        self, params: Any, sources: Sequence[list[int]], *, rows: int, length_penalty: float, prefix: Sequence[int] = ()
    ) -> Iterator[tuple[int, Hypotheses]]:
        """The number and the hypotheses (without the axis B) of each sentence that is not empty, in any order.

        `sources` are pieces without EOS. At most `rows` sentences are searched together. Hypotheses begin with the
        pieces of `prefix`.
        """
        alpha, tokenizer = np.float32(length_penalty), self._tokenizer
        sentences = {number: [*ids, tokenizer.eos] for number, ids in enumerate(sources) if ids}
        for length, batches in by_length(sentences, rows):
            waiting: dict[int, LiveBatch] = {}  # by position
            for numbers in batches:
                source = padded_rows(sentences, numbers, length, tokenizer.pad)
                memory, search = self._start(params, source, np.asarray(prefix, np.int32))
                yield from self._run(params, alpha, LiveBatch(numbers, memory, search), waiting, last=False)
            while waiting:
                batch = waiting.pop(min(waiting))
                yield from self._run(params, alpha, batch, waiting, last=not waiting)

    def _run(
        self, params: Any, alpha: np.float32, batch: LiveBatch, waiting: dict[int, LiveBatch], *, last: bool
    ) -> Iterator[tuple[int, Hypotheses]]:
        """Advances a batch until all its sentences are finished or, unless it is the last batch, it should wait."""
        numbers, memory, search = batch
        position = int(search.position)
        while True:
            if position + STRIDE > search.tokens_BTW.shape[1]:
                search = self._grow(search, room=padded(position + STRIDE))
            position += STRIDE
            search, alive = self._advance(params, alpha, memory, search, np.int32(position))
            alive = np.asarray(alive)
            if not alive.any():
                yield from self._done(numbers, search)
                return
            batch, living = LiveBatch(numbers, memory, search), alive.sum()
            if living <= FULL * len(alive) and not last:
                if position in waiting:
                    batch = yield from self._joined(batch, position, waiting)
                    living = (batch.numbers >= 0).sum()
                if living <= FULL * len(alive):
                    waiting[position] = batch
                    return
            numbers, memory, search = batch

    def _joined(
        self, batch: LiveBatch, position: int, waiting: dict[int, LiveBatch]
    ) -> Generator[Any, None, LiveBatch]:
        """One batch of the unfinished sentences of two, as full as possible; those left over go on waiting."""
        both = (batch, waiting.pop(position))
        alive = [np.asarray(each.search.alive_B) for each in both]
        for each, lives in zip(both, alive, strict=True):
            yield from self._done(np.where(lives, -1, each.numbers), each.search)
        lives = np.concatenate(alive)
        # Finished sentences fill the free rows, numbered -1.
        numbers = np.where(lives, np.concatenate([each.numbers for each in both]), -1)
        order = np.argsort(~lives, stable=True)
        size = len(batch.numbers)
        first, rest = (
            LiveBatch(numbers[rows], *self._join(both[0][1:], both[1][1:], rows)) if lives[rows].any() else None
            for rows in (order[:size], order[size:])
        )
        assert first is not None, "both have unfinished sentences"
        if rest is not None:
            waiting[position] = rest
        return first

    def _done(self, numbers: np.ndarray, search: Search) -> Iterator[tuple[int, Hypotheses]]:
        if (numbers >= 0).any():
            yield from unbatch(numbers, jax.device_get(self._finish(search)))

    def _beam(self, alpha: Any) -> BeamSearch:
        t = self._tokenizer
        return BeamSearch(width=self._width, n_best=self._n_best, bos=t.bos, eos=t.eos, pad=t.pad, length_penalty=alpha)

    def _step(self, params: Any, memory: Any) -> Step:
        model = self._model(params)

        def step(ids: jax.Array, position: jax.Array, state: Any) -> tuple[jax.Array, Any, Any]:
            logits, state, weights = model.step(ids, position, state, memory=memory)
            return logits, state, StepRecord(weights, *top_candidates(logits)) if self._return_attention else ()

        return step

    def _start_batch(self, params: Any, source: jax.Array, prefix: jax.Array) -> tuple[Any, Search]:
        model, batch = self._model(params), len(source)
        mask = source != self._tokenizer.pad
        encoded = model.encode(source, mask)
        memory = model.decoder.project_memory(encoded)
        search = self._beam(0.0).start(
            self._step(params, memory),
            model.decoder.start(encoded, self._width, LENGTHS[0]),
            batch=batch,
            room=LENGTHS[0],
            limits=length_limits(mask, self._extra_length + len(prefix)),
            prefix=jnp.broadcast_to(prefix, (batch, len(prefix))),
        )
        return memory, search

    def _advance_batch(
        self, params: Any, alpha: jax.Array, memory: Any, search: Search, until: jax.Array
    ) -> tuple[Search, jax.Array]:
        search = self._beam(alpha).advance(self._step(params, memory), search, until)
        return search, search.alive_B

    def _grow_batch(self, search: Search, *, room: int) -> Search:
        # The decoder's caches are [B,W,T,...].
        def larger(leaf: jax.Array) -> jax.ShapeDtypeStruct:
            return jax.ShapeDtypeStruct((*leaf.shape[:2], room, *leaf.shape[3:]), leaf.dtype)

        return grow(search, room, jax.tree.map(larger, search.state))
