"""A trained translation model in use: text in, text out, and what it looked at."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from xattn.alignment.links import Links
from xattn.alignment.maps import AttentionMap, Kind
from xattn.config import Experiment
from xattn.config import Translation as TranslationSettings
from xattn.data.tokenizer import Tokenizer
from xattn.decoding import Hypotheses
from xattn.nn.encoder_decoder import EncoderDecoder
from xattn.nn.memory_transforms import WHY_NOT_SOURCE
from xattn.runs.folder import Run, RunError
from xattn.training.checkpoint import best_params
from xattn.training.losses import cross_entropy
from xattn.translation.batched_sampling import Sampler
from xattn.translation.batched_search import BatchedBeamSearch, StepRecord, top_candidates
from xattn.translation.corpus import settings_of
from xattn.translation.length_batches import padded


class Score(NamedTuple):
    """What a model thinks of a given translation."""

    logp: float
    """Natural logarithm of its probability, the end included."""
    pieces: int
    """How many pieces that is, EOS included."""


# For every step the pieces that were most probable, best first, with their probabilities.
Candidates = list[list[tuple[str, float]]]


@dataclass(frozen=True, kw_only=True)
class Translation:
    """One hypothesis: text, log-probability, number of pieces (EOS included), and whether it ended by itself.

    For those who look: where it looked, and what it might have written at every step.
    """

    text: str
    score: float
    pieces: int
    finished: bool
    ids: Sequence[int] = ()
    """The pieces that were written, EOS included where it ended."""
    attention: AttentionMap | None = None
    candidates: Candidates | None = None


def build(config: Experiment, vocabulary: int, seed: int = 0) -> EncoderDecoder:
    """The model that a config describes."""
    return EncoderDecoder(
        vocabulary=vocabulary,
        width=config.model.width,
        heads=config.model.heads,
        layers=config.model.layers,
        mlp=config.model.mlp,
        memory=config.model.memory,
        aligns=config.alignment_layer,
        latents=config.model.latents,
        compute=config.model.compute,
        rngs=nnx.Rngs(seed),
    )


class Translator:
    """A model with its tokenizer and settings."""

    def __init__(self, config: Experiment, tokenizer: Tokenizer, params: Any):
        self.config, self.settings = config, settings_of(config)
        self.tokenizer = tokenizer
        self.params = params
        graph, _ = nnx.split(nnx.eval_shape(lambda: build(config, tokenizer.size)), nnx.Param)
        self._model = partial(nnx.merge, graph)
        self._searcher = cache(self._make_searcher)
        self._sampler = cache(self._make_sampler)
        self._look = jax.jit(self._look_batch, static_argnames="kind")
        self._look_source = jax.jit(lambda params, source, mask: self._model(params).look_source(source, mask))
        self._score = jax.jit(self._score_batch)
        self._probable = jax.jit(self._probable_batch)

    @classmethod
    def open(cls, run: Run, step: int | None = None) -> "Translator":
        """The best model of a run: exported weights where there are some, or else the best checkpoint.

        `step` names a checkpoint instead, which must be one of `Run.checkpoints`.

        Beam and length penalty are those that `xattn evaluate --tune` chose, if it did.
        """
        config, results = run.config, run.read_results()
        if not isinstance(config.task, TranslationSettings):
            raise RunError(f"{run.folder} was trained on the task {config.task.kind!r}, which does not translate.")
        if "tuned" in results:
            tuned = {name: results["tuned"][name] for name in ("beam", "length_penalty")}
            config = replace(config, task=replace(config.task, **tuned))
        tokenizer = Tokenizer.load(run.tokenizer)
        shapes = nnx.to_pure_dict(nnx.state(nnx.eval_shape(lambda: build(run.config, tokenizer.size)), nnx.Param))
        if run.weights.exists() and step is None:
            with np.load(run.weights) as arrays:
                params = jax.tree_util.tree_map_with_path(
                    lambda path, like: jnp.asarray(arrays[parameter_name(path)], like.dtype), shapes
                )
            return cls(config, tokenizer, params)
        return cls(config, tokenizer, best_params(run, shapes, step))

    @property
    def attends_source(self) -> bool:
        """Whether what is looked at are positions of the own source; `xattn.nn.memory.WHY_NOT_SOURCE` says why not."""
        return self.config.model.memory not in WHY_NOT_SOURCE

    def encode(self, text: str) -> list[int]:
        """The pieces of a text, as the model was trained to read it; without special pieces."""
        return self.tokenizer.encode(text.lower() if self.settings.lowercase else text)

    def translate(
        self,
        lines: Sequence[str],
        *,
        beam: int | None = None,
        n_best: int = 1,
        length_penalty: float | None = None,
        prefix: str = "",
        return_attention: bool = False,
        done: Callable[[], object] = lambda: None,
    ) -> list[list[Translation]]:
        """The `n_best` translations of every line, best first; an empty line has the empty translation.

        All begin with the pieces of `prefix`, whose last word may go on: "chat" as "chats". With `return_attention`,
        each carries its attention map and its candidates, as recorded while it was written. `done` is called after
        every line.
        """
        settings = self.settings
        sources = [self.encode(line) for line in lines]
        width = settings.beam if beam is None else beam
        found = self._searcher(width, n_best, return_attention)(
            self.params,
            sources,
            rows=self._together(width),
            length_penalty=settings.length_penalty if length_penalty is None else length_penalty,
            prefix=self.encode(prefix),
        )
        return self._collect(sources, found, done)

    def sample(
        self,
        lines: Sequence[str],
        *,
        seed: int,
        first: int = 1,
        count: int = 1,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float = 1.0,
        prefix: str = "",
        done: Callable[[], object] = lambda: None,
    ) -> list[list[Translation]]:
        """`count` translations of every line, drawn at random (see `xattn.decoding.draw`).

        What is drawn depends on the seed and the number of the line, counted from `first`, but for rounding: not on
        the lines around it. Scores are those of the model, at temperature 1 and with every piece allowed.
        """
        sources = [self.encode(line) for line in lines]
        found = self._sampler(count, top_k)(
            self.params,
            sources,
            rows=self._together(count),
            seed=seed,
            first=first,
            temperature=temperature,
            top_p=top_p,
            prefix=self.encode(prefix),
        )
        return self._collect(sources, found, done)

    def _together(self, width: int) -> int:
        """Sentences of a batch: a power of two, whose hypotheses are `decoding.batch` at most."""
        return 1 << (max(self.settings.decoding_batch // width, 1).bit_length() - 1)

    def _collect(
        self, sources: Sequence[list[int]], found: Iterable[tuple[int, Hypotheses]], done: Callable[[], object]
    ) -> list[list[Translation]]:
        results: list[list[Translation]] = [
            [] if ids else [Translation(text="", score=0.0, pieces=0, finished=True)] for ids in sources
        ]
        for index, best in found:
            for n in np.flatnonzero(best.lengths):
                ids = best.tokens[n, : best.lengths[n]].tolist()
                looked = None
                if isinstance(best.record, StepRecord):
                    looked = StepRecord(*(np.asarray(each)[n, : len(ids)] for each in best.record))
                results[index].append(
                    Translation(
                        text=self.tokenizer.decode(ids),
                        score=float(best.scores[n]),
                        pieces=len(ids),
                        finished=bool(best.finished[n]),
                        ids=ids,
                        attention=looked and self._map(np.moveaxis(looked.weights, 0, 2), sources[index], ids),
                        candidates=looked and self._named(looked.ids, looked.probabilities),
                    )
                )
            done()
        return results

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[Score]:
        """The probability of given translations, each as the tokenizer cuts it into pieces.

        It is what `translate` reports for the same pieces, if they came to an end by themselves. A model may also
        write a text in other pieces, which are less probable as a rule.
        """
        sources, targets = ([self.encode(text) for text in side] for side in zip(*pairs, strict=True))
        scores: dict[int, Score] = {}
        for indices, source, mask, target in self._pair_batches(sources, targets):
            found = np.asarray(self._score(self.params, source, mask, target))
            scores |= {i: Score(float(found[row]), len(targets[i]) + 1) for row, i in enumerate(indices)}
        return [scores[index] for index in range(len(pairs))]

    def attend(
        self, pairs: Sequence[tuple[str, str]], golds: Sequence[Links] | None = None, *, kind: Kind = "weights"
    ) -> list[AttentionMap]:
        """What the model looks at while it is fed a given translation (teacher forcing)."""
        sources, targets = ([self.encode(text) for text in side] for side in zip(*pairs, strict=True))
        return self._attend(sources, [[*target, self.tokenizer.eos] for target in targets], golds, kind)

    def attend_written(self, pairs: Sequence[tuple[str, Translation]], *, kind: Kind = "weights") -> list[AttentionMap]:
        """The attention of translations while they were written; `return_attention` records the same."""
        return self._attend([self.encode(source) for source, _ in pairs], [each.ids for _, each in pairs], None, kind)

    def _attend(
        self,
        sources: Sequence[list[int]],
        targets: Sequence[Sequence[int]],
        golds: Sequence[Links] | None,
        kind: Kind,
    ) -> list[AttentionMap]:
        maps: dict[int, AttentionMap] = {}
        for indices, source, mask, target in self._pair_batches(sources, [list(ids[:-1]) for ids in targets]):
            weights = np.asarray(self._look(self.params, source, mask, target, kind=kind))
            for row, index in enumerate(indices):
                ids = list(targets[index])
                gold = golds[index] if golds else None
                maps[index] = self._map(weights[:, row, :, : len(ids)], sources[index], ids, gold, kind)
        return [maps[index] for index in range(len(sources))]

    def attend_source(self, texts: Sequence[str]) -> list[AttentionMap]:
        """What the pieces of each text look at among themselves, in the encoder: it stands on both sides of the map."""
        maps = []
        for text in texts:
            ids = self.encode(text)
            ((_, source, mask, _),) = self._pair_batches([ids], [[]])
            weights = np.asarray(self._look_source(self.params, source, mask))[:, 0, :, : len(ids) + 1]
            maps.append(self._map(weights, ids, [*ids, self.tokenizer.eos]))
        return maps

    def _look_batch(self, params: Any, source: jax.Array, mask: jax.Array, target: jax.Array, kind: Kind) -> jax.Array:
        model = self._model(params)
        memory = model.encode(source, mask)
        _, weights = model.decode(target, memory)
        if kind == "weights":
            return weights
        return model.decoder.contributions(memory, weights, together=kind == "norms")

    def candidates(self, pairs: Sequence[tuple[str, str]]) -> list[Candidates]:
        """What the model holds most probable at every step while it is fed a given translation (teacher forcing)."""
        sources, targets = ([self.encode(text) for text in side] for side in zip(*pairs, strict=True))
        found: dict[int, Candidates] = {}
        for indices, source, mask, target in self._pair_batches(sources, targets):
            ids, probabilities = map(np.asarray, self._probable(self.params, source, mask, target))
            for row, index in enumerate(indices):
                steps = len(targets[index]) + 1
                found[index] = self._named(ids[row, :steps], probabilities[row, :steps])
        return [found[index] for index in range(len(pairs))]

    def _named(self, ids_TC: np.ndarray, probabilities_TC: np.ndarray) -> Candidates:
        pieces = map(self.tokenizer.pieces, ids_TC.tolist())
        return [list(zip(*step, strict=True)) for step in zip(pieces, probabilities_TC.tolist(), strict=True)]

    def _make_searcher(self, width: int, n_best: int, return_attention: bool) -> BatchedBeamSearch:
        extra = self.settings.extra_length
        return BatchedBeamSearch(
            self._model,
            self.tokenizer,
            width=width,
            n_best=n_best,
            return_attention=return_attention,
            extra_length=extra,
        )

    def _make_sampler(self, width: int, top_k: int | None) -> Sampler:
        extra = self.settings.extra_length
        return Sampler(self._model, self.tokenizer, width=width, top_k=top_k, extra_length=extra)

    def _map(
        self,
        weights_LNTS: np.ndarray,
        source: list[int],
        target: list[int],
        gold: Links | None = None,
        kind: Kind = "weights",
    ) -> AttentionMap:
        if self.config.model.memory == "latents":
            pieces = source_words = [f"latent {number}" for number in range(1, self.config.model.latents + 1)]
            source_ids = list(range(len(pieces)))
        else:
            source = [*source, self.tokenizer.eos]
            pieces, (source_words, source_ids) = self.tokenizer.pieces(source), self.tokenizer.words(source)
        target_words, target_ids = self.tokenizer.words(target)
        return AttentionMap(
            weights=np.asarray(weights_LNTS[..., : len(pieces)], np.float32),
            source=pieces,
            target=self.tokenizer.pieces(target),
            source_word_ids=source_ids,
            target_word_ids=target_ids,
            source_words=source_words,
            target_words=target_words,
            kind=kind,
            gold=gold,
        )

    def _pair_batches(
        self, sources: Sequence[list[int]], targets: Sequence[list[int]]
    ) -> Iterator[tuple[list[int], np.ndarray, np.ndarray, np.ndarray]]:
        """Pairs of like length together: their indices, sources [B,S] with EOS and their mask, targets after BOS."""
        order = sorted(range(len(sources)), key=lambda i: (padded(len(sources[i]) + 1), len(targets[i])))
        size = self.settings.decoding_batch
        for length, group in itertools.groupby(order, key=lambda i: padded(len(sources[i]) + 1)):
            group = list(group)
            rows = min(size, 1 << (len(group) - 1).bit_length())
            for first in range(0, len(group), rows):
                indices = group[first : first + rows]
                source = np.full((rows, length), self.tokenizer.pad, np.int32)
                target = np.full((rows, padded(len(targets[indices[-1]]) + 1)), self.tokenizer.pad, np.int32)
                for row, index in enumerate(indices):
                    source[row, : len(sources[index]) + 1] = [*sources[index], self.tokenizer.eos]
                    target[row, : len(targets[index]) + 1] = [self.tokenizer.bos, *targets[index]]
                yield indices, source, source != self.tokenizer.pad, target

    def _score_batch(self, params: Any, source: jax.Array, mask: jax.Array, target: jax.Array) -> jax.Array:
        model, tokenizer = self._model(params), self.tokenizer
        states_BTD, _ = model.decode(target, model.encode(source, mask))
        # The last piece of every row is followed by EOS, and what follows that by nothing.
        after_BT = jnp.pad(target[:, 1:], ((0, 0), (0, 1)), constant_values=tokenizer.pad)
        real_BT = target != tokenizer.pad
        next_BT = jnp.where(real_BT & (after_BT == tokenizer.pad), tokenizer.eos, after_BT)

        def row(of: tuple[jax.Array, ...]) -> jax.Array:
            states_TD, next_T, real_T = of
            return -jnp.sum(cross_entropy(model.logits(states_TD), next_T), where=real_T)

        # A sentence at a time: all logits [B,T,V] at once may not fit.
        return jax.lax.map(row, (states_BTD, next_BT, real_BT))

    def _probable_batch(
        self, params: Any, source: jax.Array, mask: jax.Array, target: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        model = self._model(params)
        states_BTD, _ = model.decode(target, model.encode(source, mask))
        # A sentence at a time, as above.
        return jax.lax.map(lambda states_TD: top_candidates(model.logits(states_TD)), states_BTD)


def parameter_name(path: Iterable[Any]) -> str:
    """A parameter's place in the model as a name: `encoder.layers.0.mlp.up.kernel`."""
    return jax.tree_util.keystr(tuple(path), simple=True, separator=".")
