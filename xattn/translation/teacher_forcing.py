"""Teacher forcing: what a translation model does while it is fed a given translation."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from xattn.alignment.maps import AttentionMap, Kind
from xattn.nn.encoder_decoder import EncoderDecoder
from xattn.training.losses import cross_entropy
from xattn.translation.length_batches import by_length, padded, padded_rows
from xattn.translation.records import Candidates, PieceLabels, top_candidates


class Score(NamedTuple):
    """The score of a given translation."""

    logp: float
    """Natural logarithm of its probability, EOS included."""
    pieces: int
    """The number of its pieces, EOS included."""


class TeacherForcing:
    """The compiled teacher forcing of a model, for any number of sentence pairs.

    Sources and targets are pieces without BOS and EOS, unless a method says otherwise; `rows` pairs at most are
    computed together. A result does not depend on the other pairs, up to rounding.
    """

    def __init__(self, model: Callable[[Any], EncoderDecoder], labels: PieceLabels, *, rows: int):
        self._model, self._labels, self._tokenizer, self._rows = model, labels, labels.tokenizer, rows
        self._score = jax.jit(self._score_batch)
        self._attend = jax.jit(self._attend_batch, static_argnames="kind")
        self._attend_source = jax.jit(lambda params, source, mask: model(params).source_attention(source, mask))
        self._candidates = jax.jit(self._candidates_batch)

    def score(self, params: Any, sources: Sequence[list[int]], targets: Sequence[list[int]]) -> list[Score]:
        """The log-probability of each target."""
        scores: dict[int, Score] = {}
        for numbers, source, mask, target in self._batches(sources, targets):
            logps = np.asarray(self._score(params, source, mask, target))
            scores |= {n: Score(float(logps[row]), len(targets[n]) + 1) for row, n in enumerate(numbers)}
        return [scores[number] for number in range(len(sources))]

    def attend(
        self,
        params: Any,
        sources: Sequence[list[int]],
        targets: Sequence[Sequence[int]],
        kind: Kind = "weights",
    ) -> list[AttentionMap]:
        """The cross-attention of each step, whose produced piece is that of `targets`: with EOS, if it is produced."""
        maps: dict[int, AttentionMap] = {}
        for numbers, source, mask, target in self._batches(sources, [list(ids[:-1]) for ids in targets]):
            weights = np.asarray(self._attend(params, source, mask, target, kind=kind))
            for row, number in enumerate(numbers):
                ids = targets[number]
                maps[number] = self._labels.attention_map(weights[:, row, :, : len(ids)], sources[number], ids, kind)
        return [maps[number] for number in range(len(sources))]

    def attend_source(self, params: Any, source: list[int]) -> AttentionMap:
        """The self-attention of the encoder, with the source on both sides of the map."""
        ((_, ids, mask, _),) = self._batches([source], [[]])
        weights = np.asarray(self._attend_source(params, ids, mask))[:, 0, :, : len(source) + 1]
        attention = self._labels.attention_map(weights, source, [*source, self._tokenizer.eos])
        return replace(attention, readout=None)

    def attend_target(self, params: Any, source: list[int], target: list[int]) -> AttentionMap:
        """The self-attention of the decoder, whose steps read BOS and the target: row t of what step t read."""
        ((_, ids, mask, given),) = self._batches([source], [target])
        steps = len(target) + 1
        weights = np.asarray(self._attend(params, ids, mask, given, "decoder"))[:, 0, :, :steps, :steps]
        read = [self._tokenizer.bos, *target]
        attention = self._labels.attention_map(weights, source, [*target, self._tokenizer.eos], read=read)
        return replace(attention, readout=None)

    def candidates(self, params: Any, sources: Sequence[list[int]], targets: Sequence[list[int]]) -> list[Candidates]:
        """The most probable pieces of each step, the one that produces EOS included."""
        candidates: dict[int, Candidates] = {}
        for numbers, source, mask, target in self._batches(sources, targets):
            ids, probabilities = map(np.asarray, self._candidates(params, source, mask, target))
            for row, number in enumerate(numbers):
                steps = len(targets[number]) + 1
                candidates[number] = self._labels.candidates(ids[row, :steps], probabilities[row, :steps])
        return [candidates[number] for number in range(len(sources))]

    def _batches(
        self, sources: Sequence[list[int]], targets: Sequence[list[int]]
    ) -> Iterator[tuple[list[int], np.ndarray, np.ndarray, np.ndarray]]:
        """The numbers of pairs, their sources with EOS [B,S] and the mask of these, and their targets after BOS [B,T].

        Rows beyond the numbers are padding.
        """
        tokenizer = self._tokenizer
        read = {number: [*ids, tokenizer.eos] for number, ids in enumerate(sources)}
        given = {number: [tokenizer.bos, *ids] for number, ids in enumerate(targets)}
        for length, batches in by_length(read, self._rows, given):
            for numbers in batches:
                real = numbers[numbers >= 0].tolist()
                source = padded_rows(read, numbers, length, tokenizer.pad)
                longest = len(given[real[-1]])
                yield real, source, source != tokenizer.pad, padded_rows(given, numbers, padded(longest), tokenizer.pad)

    def _score_batch(self, params: Any, source: jax.Array, mask: jax.Array, target: jax.Array) -> jax.Array:
        model, tokenizer = self._model(params), self._tokenizer
        states_BTD, _ = model.decode(target, model.encode(source, mask))
        real_BT, next_BT = target != tokenizer.pad, self._after(target)

        def score_row(row: tuple[jax.Array, ...]) -> jax.Array:
            states_TD, next_T, real_T = row
            return -jnp.sum(cross_entropy(model.logits(states_TD), next_T), where=real_T)

        # A sentence at a time: all logits [B,T,V] at once may not fit.
        return jax.lax.map(score_row, (states_BTD, next_BT, real_BT))

    def _after(self, target: jax.Array) -> jax.Array:
        """The piece that every step produces: the last piece of every row is followed by EOS, and EOS by padding."""
        pad = self._tokenizer.pad
        after_BT = jnp.pad(target[:, 1:], ((0, 0), (0, 1)), constant_values=pad)
        return jnp.where((target != pad) & (after_BT == pad), self._tokenizer.eos, after_BT)

    def _attend_batch(
        self, params: Any, source: jax.Array, mask: jax.Array, target: jax.Array, kind: Kind | Literal["decoder"]
    ) -> jax.Array:
        model = self._model(params)
        if kind in ("rollout", "gradients", "value-zeroing", "decoder"):
            return model.attribute(kind, source, mask, target, self._after(target))
        memory = model.encode(source, mask)
        _, weights = model.decode(target, memory)
        if kind == "weights":
            return weights
        if kind == "layer-mean":
            return weights.mean(axis=0, keepdims=True)
        return model.decoder.contributions(memory, weights, together=kind == "norms")

    def _candidates_batch(
        self, params: Any, source: jax.Array, mask: jax.Array, target: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        model = self._model(params)
        states_BTD, _ = model.decode(target, model.encode(source, mask))
        # A sentence at a time, as above.
        return jax.lax.map(lambda states_TD: top_candidates(model.logits(states_TD)), states_BTD)
