"""A trained translation model in use: text in, text out, with its attention."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax import nnx

from xattn.alignment.links import Links
from xattn.alignment.maps import AttentionMap, Kind, Readout
from xattn.config import Experiment
from xattn.data.tokenizer import Tokenizer
from xattn.decoding import Hypotheses
from xattn.errors import require
from xattn.nn.dimensions import Dimensions
from xattn.nn.encoder_decoder import EncoderDecoder
from xattn.nn.functional import functional
from xattn.nn.memory_transforms import WHY_NOT_SOURCE
from xattn.runs.folder import DEFAULT, Run, RunError, open_named
from xattn.runs.readout import readout
from xattn.training.checkpoint import best_params
from xattn.translation.batched_sampling import Sampler
from xattn.translation.batched_search import BatchedBeamSearch
from xattn.translation.corpus import as_read, settings_of
from xattn.translation.records import Candidates, PieceLabels, StepRecord, as_written
from xattn.translation.teacher_forcing import Score, TeacherForcing


@dataclass(frozen=True, kw_only=True, repr=False)
class Translation:
    """One hypothesis of a sentence's translation; a notebook shows its attention too, if that was recorded."""

    text: str
    score: float
    """Natural logarithm of its probability, EOS included."""
    normalised: float
    """The score divided by GNMT's length penalty: beam search orders finished translations by it. For a sample, the
    score itself."""
    pieces: int
    """The number of its pieces, EOS included."""
    finished: bool
    """Whether it ended with EOS; otherwise it reached the longest length."""
    ids: Sequence[int] = ()
    """Its pieces, EOS included if it is finished."""
    attention: AttentionMap | None = None
    """Its attention, if that was recorded."""
    candidates: Candidates | None = None
    """The most probable pieces of each step, if these were recorded."""

    def __repr__(self) -> str:
        return f"Translation({self.text!r}, score={self.score:.4f}, pieces={self.pieces})"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """Text, and as pictures the attention: an image, and a page with the candidates of every step."""
        if self.attention is None:
            return {"text/plain": repr(self)}
        from xattn.viewing.notebook import mimebundle
        from xattn.viewing.page import Page, Sentence

        sentence = Sentence(maps={"attention": self.attention}, candidates=self.candidates)
        page = Page(sentences=[sentence], readout=self.attention.where)
        bundle = mimebundle(self.attention) | {"text/html": page._repr_html_()}
        return bundle | {"text/plain": f"{self!r}\n{bundle['text/plain']}"}


def build(config: Experiment, vocabulary: int, seed: int = 0) -> EncoderDecoder:
    """The model that a config describes."""
    return EncoderDecoder(
        vocabulary=vocabulary,
        dims=Dimensions.of(config.model),
        memory=config.model.memory,
        aligns=config.alignment_layer,
        latents=config.model.latents,
        rngs=nnx.Rngs(seed),
    )


class Translator:
    """A translation model with its tokenizer and settings.

    `translate` and `sample` decode. `score`, `attend` and `candidates` feed the model a given translation (teacher
    forcing). Pictures of its maps are read at `readout`. A sentence may have any number of pieces, but a model is
    reliable only up to `settings.max_length`.
    """

    def __init__(self, config: Experiment, tokenizer: Tokenizer, params: Any, readout: Readout | None = None):
        self.config, self.settings = config, settings_of(config)
        self.tokenizer, self.params = tokenizer, params
        graph, self.init = functional(partial(build, config, tokenizer.size))
        model = partial(nnx.merge, graph)
        latents = config.model.latents if config.model.memory == "latents" else None
        self._labels = PieceLabels(tokenizer, latents, readout)
        self._forced = TeacherForcing(model, self._labels, rows=self.settings.decoding_batch)
        # One compiled search for each combination of static options.
        extra = self.settings.extra_length
        self._searcher = cache(partial(BatchedBeamSearch, model, tokenizer, extra_length=extra))
        self._sampler = cache(partial(Sampler, model, tokenizer, extra_length=extra))

    @classmethod
    def open(cls, run: Run | str | Path = DEFAULT, step: int | None = None) -> "Translator":
        """The translator of a run or its folder: its exported weights if it has some, otherwise its best checkpoint.

        "everyday", the default, and "toy" are the translators of the package. `step` selects a checkpoint instead, one
        of `Run.checkpoints`. Beam and length penalty are those that `xattn evaluate --tune` chose, if it was run.
        Raises `RunError` for a run of another task, and for one without checkpoints.
        """
        run = run if isinstance(run, Run) else open_named(run)
        if run.config.task.kind != "translation":
            raise RunError(f"{run.folder} was trained on the task {run.config.task.kind!r}, which does not translate.")
        config, results = run.config, run.read_results()
        if "tuned" in results:
            tuned = {name: results["tuned"][name] for name in ("beam", "length_penalty")}
            config = replace(config, task=replace(settings_of(config), **tuned))
        translator = cls(config, Tokenizer.load(run.tokenizer), None, readout(run, None, None, None))
        translator.params = best_params(run, jax.eval_shape(translator.init), step)
        return translator

    @property
    def attends_source(self) -> bool:
        """Whether the memory consists of the sentence's own source positions; `WHY_NOT_SOURCE` has the other cases."""
        return self.config.model.memory not in WHY_NOT_SOURCE

    def encode(self, text: str) -> list[int]:
        """The pieces of a text as the model reads it: lower-cased if it was trained on that; no BOS, no EOS."""
        return self.tokenizer.encode(as_read(self.settings, text))

    def unknown(self, text: str) -> list[str]:
        """The words of a text that the vocabulary does not have, so that the model reads bytes."""
        return self.tokenizer.unknown(self.encode(text))

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
        """The `n_best` translations of each line by beam search, best first; an empty line has the empty translation.

        `beam` and `length_penalty` default to the run's; a beam of 1 is greedy decoding. All translations begin with
        the pieces of `prefix`, whose last word may go on: "chat" as "chats". `return_attention` records attention and
        candidates during the search. `done` is called after each line. Raises `ValueError` for an `n_best` that is
        not between 1 and the beam.
        """
        sources = [self.encode(line) for line in lines]
        width = self.settings.beam if beam is None else beam
        hypotheses = self._searcher(width=width, n_best=n_best, return_attention=return_attention)(
            self.params,
            sources,
            rows=self._rows(width),
            length_penalty=self.settings.length_penalty if length_penalty is None else length_penalty,
            prefix=self.encode(prefix),
        )
        found = _collect(self._labels, sources, hypotheses, done)
        if return_attention:
            for line, several in zip(lines, found, strict=True):
                for n, each in enumerate(several):
                    if each.attention is not None:
                        several[n] = replace(each, attention=self._as_written(each.attention, line))
        return found

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
        """`count` translations of each line, drawn at random (see `xattn.decoding.draw`).

        Samples depend on the seed and the number of the line, counted from `first`, and not on the lines around it, up
        to rounding. Scores are those of the model at temperature 1, with every piece allowed. `prefix` and `done` are
        those of `translate`.
        """
        sources = [self.encode(line) for line in lines]
        hypotheses = self._sampler(width=count, top_k=top_k)(
            self.params,
            sources,
            rows=self._rows(count),
            seed=seed,
            first=first,
            temperature=temperature,
            top_p=top_p,
            prefix=self.encode(prefix),
        )
        return _collect(self._labels, sources, hypotheses, done)

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[Score]:
        """The log-probability of given translations in nats, as the tokenizer splits them into pieces.

        `translate` reports the same for the same pieces. It may also write a text in other pieces, which are less
        probable as a rule.
        """
        return self._forced.score(self.params, *self._encode_pairs(pairs))

    def attend(
        self, pairs: Sequence[tuple[str, str]], golds: Sequence[Links] | None = None, *, kind: Kind = "weights"
    ) -> list[AttentionMap]:
        """The cross-attention of given translations: one row a target piece, EOS included.

        The words of the maps, and of the gold links, are parted at ASCII white space; see `xattn.alignment.words`.
        """
        self._check(kind)
        sources, targets = self._encode_pairs(pairs)
        written = [[*target, self.tokenizer.eos] for target in targets]
        maps = self._forced.attend(self.params, sources, written, kind)
        return [
            self._as_written(attention, *pair, gold=gold)
            for attention, pair, gold in zip(maps, pairs, golds or [None] * len(pairs), strict=True)
        ]

    def attend_written(self, pairs: Sequence[tuple[str, Translation]], *, kind: Kind = "weights") -> list[AttentionMap]:
        """The cross-attention of translations by `translate`, whose `return_attention` records the same weights."""
        self._check(kind)
        sources = [self.encode(source) for source, _ in pairs]
        maps = self._forced.attend(self.params, sources, [translation.ids for _, translation in pairs], kind)
        return [self._as_written(attention, source) for attention, (source, _) in zip(maps, pairs, strict=True)]

    def attend_source(self, texts: Sequence[str]) -> list[AttentionMap]:
        """The self-attention of the encoder on each text, which is on both sides of the map."""
        maps = ((text, self._forced.attend_source(self.params, self.encode(text))) for text in texts)
        return [self._as_written(attention, text, text) for text, attention in maps]

    def attend_target(self, pairs: Sequence[tuple[str, str]]) -> list[AttentionMap]:
        """The causal self-attention of the decoder: row t attends to BOS and the pieces before piece t."""
        encoded = zip(*self._encode_pairs(pairs), strict=True)
        return [self._forced.attend_target(self.params, source, target) for source, target in encoded]

    def _check(self, kind: Kind) -> None:
        """Raises `ConfigError` for an attribution that the model's memory does not allow."""
        memory = self.config.model.memory
        require(
            memory == "full" or kind not in ("rollout", "gradients", "value-zeroing"),
            f"The attribution {kind!r} needs a memory of source positions, and this model has {memory!r}.",
        )

    def candidates(self, pairs: Sequence[tuple[str, str]]) -> list[Candidates]:
        """The most probable pieces at each step of given translations, with their probabilities."""
        return self._forced.candidates(self.params, *self._encode_pairs(pairs))

    def _as_written(
        self, attention: AttentionMap, source: str, target: str | None = None, gold: Links | None = None
    ) -> AttentionMap:
        """The map by the words of its texts; without a target, that of the model."""
        source, target = as_read(self.settings, source), target and as_read(self.settings, target)
        return as_written(attention, source if self._labels.latents is None else None, target, gold)

    def _encode_pairs(self, pairs: Sequence[tuple[str, str]]) -> tuple[list[list[int]], list[list[int]]]:
        return [self.encode(source) for source, _ in pairs], [self.encode(target) for _, target in pairs]

    def _rows(self, width: int) -> int:
        """Sentences of a batch: a power of two, with at most `decoding_batch` hypotheses."""
        return 1 << (max(self.settings.decoding_batch // width, 1).bit_length() - 1)


def _collect(
    labels: PieceLabels,
    sources: Sequence[list[int]],
    hypotheses: Iterable[tuple[int, Hypotheses]],
    done: Callable[[], object],
) -> list[list[Translation]]:
    """The translations of each source, best first, from the hypotheses of the non-empty sources in any order."""
    empty = Translation(text="", score=0.0, normalised=0.0, pieces=0, finished=True)
    translations: list[list[Translation]] = [[] if ids else [empty] for ids in sources]
    for number, best in hypotheses:
        for n in np.flatnonzero(best.lengths):
            ids = best.tokens[n, : best.lengths[n]].tolist()
            attention = candidates = None
            if isinstance(best.record, StepRecord):
                record = StepRecord(*(np.asarray(part)[n, : len(ids)] for part in best.record))
                attention = labels.attention_map(np.moveaxis(record.weights, 0, 2), sources[number], ids)
                candidates = labels.candidates(record.ids, record.probabilities)
            translations[number].append(
                Translation(
                    text=labels.tokenizer.decode(ids),
                    score=float(best.scores[n]),
                    normalised=float(best.normalised[n]),
                    pieces=len(ids),
                    finished=bool(best.finished[n]),
                    ids=ids,
                    attention=attention,
                    candidates=candidates,
                )
            )
        done()
    return translations
