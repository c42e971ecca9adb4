"""Pictures from sentences: every cell of a picture attends to the words of a sentence, and says what it holds.

Text-to-image models that attend across (Saharia et al., 2022; Rombach et al., 2022) do this in every layer. Here the
picture is 4 x 4 cells of one code each, and all are written at once, by queries that know only their own place.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Bool, Float, Int

from xattn.alignment.layouts import Cells
from xattn.alignment.maps import AttentionMap
from xattn.config import Model, TextToImage
from xattn.data.benchmarks import cells
from xattn.data.vocabulary import PAD, WordVocabulary
from xattn.errors import nearest, quantity, require
from xattn.nn.decoder import CrossDecoder
from xattn.nn.dimensions import Dimensions
from xattn.nn.dropout import DropoutKey
from xattn.nn.encoders.text import TextEncoder
from xattn.nn.memory_transforms import MemoryTransform
from xattn.tasks.array_evaluation import TRAIN
from xattn.tasks.array_task import ArrayBatch, ArrayTask, Outcome, take
from xattn.training.losses import cross_entropy, sum_of


class Examples(NamedTuple):
    """Sentences as word ids, and what every cell holds; the thing that every word and every cell belongs to, or 0."""

    words: Int[np.ndarray, "E S"]
    phrases: Int[np.ndarray, "E S"]
    cells: Int[np.ndarray, "E T"]
    things: Int[np.ndarray, "E T"]


class Painter(nnx.Module):
    """An encoder of words, and a decoder with one learned query for each cell."""

    def __init__(self, model: Model, words: int, rngs: nnx.Rngs):
        dims, table = Dimensions.of(model), nnx.initializers.normal(1.0)
        self.words = nnx.Embed(words, dims.width, embedding_init=table, rngs=rngs)
        self.queries = nnx.Embed(len(cells.PLACES), dims.width, embedding_init=table, rngs=rngs)
        self.encoder = TextEncoder(dims, rngs=rngs)
        self.transform = MemoryTransform(model.memory, dims, latents=model.latents, rngs=rngs)
        self.decoder = CrossDecoder(dims, rngs=rngs)
        self.codes = nnx.Linear(dims.width, len(cells.CODES), rngs=rngs)

    def __call__(
        self,
        words: Int[Array, "B S"],
        dropout_key: DropoutKey | None = None,
        hide: Bool[Array, "B T M"] | None = None,
    ) -> tuple[Float[Array, "B T V"], Float[Array, "L B N T M"], Bool[Array, "B M"]]:
        memory = self.encoder(self.words(words), words != PAD, dropout_key and dropout_key.fold_in(0))
        memory = self.transform(memory, dropout_key and dropout_key.fold_in(1))
        places_BT = jnp.broadcast_to(jnp.arange(len(cells.PLACES)), (len(words), len(cells.PLACES)))
        states, weights = self.decoder(
            self.queries(places_BT), memory, dropout_key and dropout_key.fold_in(2), hide, causal=False
        )
        return self.codes(states), weights, memory.mask


class TextToImageTask(ArrayTask[TextToImage]):
    """Pictures from sentences."""

    headline: ClassVar[str] = "filled_cells"
    loss_unit = "cells"

    @cached_property
    def vocabulary(self) -> WordVocabulary:
        """The words of all sentences."""
        return WordVocabulary(cells.WORDS)

    @property
    def longest(self) -> int:
        """Words of a sentence, at most (S); nothing is before its first phrase."""
        return self.settings.things[1] * cells.LONGEST_PHRASE - 1

    @property
    def positions(self) -> int:
        return self.longest + len(cells.PLACES)

    def read(self, split: str) -> Examples:
        settings = self.settings
        size = settings.train_examples if split == TRAIN else settings.held_out_examples
        how = {"things": settings.things, "relative": settings.relative, "chains": settings.chains}
        return self.encode([cells.draw(settings.seed, split, number, **how) for number in range(size)])

    def encode(self, scenes: Sequence[cells.Scene]) -> Examples:
        """Scenes as arrays."""
        return Examples(
            _rows([self.vocabulary.encode(scene.words) for scene in scenes], self.longest),
            _rows([scene.phrases for scene in scenes], self.longest),
            *(np.array([getattr(scene, name) for scene in scenes], np.int32) for name in ("cells", "things")),
        )

    def build(self, rngs: nnx.Rngs) -> Painter:
        return Painter(self.config.model, self.vocabulary.size, rngs)

    def forward(
        self, model: Painter, batch: ArrayBatch, dropout_key: DropoutKey | None, hide: jax.Array | None = None
    ) -> Outcome:
        words, _, codes, _ = batch.examples
        logits, weights, visible = model(words, dropout_key, hide)
        every = jnp.broadcast_to(batch.valid[:, None], codes.shape)
        right = logits.argmax(axis=-1) == codes
        sums = {
            "loss": sum_of(cross_entropy(logits, codes), every),
            "filled_cells": sum_of(right, every & (codes > 0)),
            "all_cells": sum_of(right, every),
            "whole_pictures": sum_of(right.all(axis=1), batch.valid),
        }
        return Outcome(sums, weights, visible)

    def gold(self, examples: Examples) -> Bool[np.ndarray, "B T S"]:
        """The words that name the thing of a cell and its place; empty cells have none."""
        things, phrases = (np.asarray(each) for each in (examples.things, examples.phrases))
        return (things[..., None] == phrases[:, None]) & (things[..., None] > 0)

    def groups(self, examples: Examples) -> Mapping[str, Bool[np.ndarray, "B T"]]:
        """Cells whose phrase names their place, and cells whose phrase says what they are next to."""
        phrases = np.where(np.asarray(examples.words) == self.vocabulary.numbers["it"], examples.phrases, -1)
        beside = (np.asarray(examples.things)[..., None] == phrases[:, None]).any(axis=-1)
        return {"in a place": ~beside, "next to it": beside}

    def with_own_output(self, params: Any, batch: ArrayBatch) -> ArrayBatch:
        """The picture that the model makes; cells that are wrong have no gold."""
        made = np.asarray(self.paint(params, batch.examples.words))
        things = np.where(made == batch.examples.cells, batch.examples.things, 0)
        return batch._replace(examples=batch.examples._replace(cells=made, things=things))

    @cached_property
    def paint(self) -> Any:
        """The codes of all cells for the words of sentences, compiled."""
        return jax.jit(lambda params, words: self.model(params)(words)[0].argmax(axis=-1))

    def given_map(self, params: Any, words: Sequence[str]) -> AttentionMap:
        """The attention in a sentence of the user."""
        require(
            len(words) == 1,
            f"The task {self.settings.kind!r} draws one sentence, but there are {len(words)} texts: put it in quotes.",
        )
        batch = take(self.encode([self.read_sentence(words[0])]), np.zeros(1, int), 1)
        return self._first_map(params, batch, {"text": words[0]}, known=False)

    def read_sentence(self, text: str) -> cells.Scene:
        """A sentence of the user, whose picture is not known.

        Raises `ConfigError` for a word that the model does not know, and for more words than it was trained on.
        """
        found = cells.read(text)
        unknown = next((word for word in found if word not in cells.WORDS), None)
        choices = [word for word in cells.WORDS if word != ","]
        require(unknown is None, f"The model knows no word {unknown!r}.{nearest(unknown or '', choices)}")
        require(
            0 < len(found) <= self.longest,
            f"The sentence has {quantity(len(found), 'word')}; it must have 1 to {self.longest}, like those that the "
            "model was trained on.",
        )
        empty = (0,) * len(cells.PLACES)
        return cells.Scene(empty, empty, tuple(found), (0,) * len(found))

    def labels(self, examples: Examples) -> tuple[Sequence[str], Sequence[str]]:
        words = np.asarray(examples.words)
        held = [cells.CODES[code] for code in np.asarray(examples.cells).tolist()]
        return (
            [self.vocabulary.all[word] for word in words[words != PAD].tolist()],
            [f"{code or 'empty'}, {place}" for place, code in zip(cells.PLACES, held, strict=True)],
        )

    def layout(self, examples: Examples) -> Cells:
        return Cells(
            rows=len(cells.ROWS), columns=len(cells.COLUMNS), picture=cells.picture(np.asarray(examples.cells))
        )

    def baselines(self, split: str) -> Mapping[str, Mapping[str, float]]:
        """The most common code; and for every cell a thing that the sentence names, at random."""
        codes = self.examples(split).cells
        common = np.bincount(codes[codes > 0]).argmax()
        # A row's share of the filled cells that hold the same as another cell, that cell being chosen at random.
        same = [(row[:, None] == row[None]).mean(axis=1).sum() for row in (each[each > 0] for each in codes)]
        return {
            "commonest code": {"filled_cells": float((codes[codes > 0] == common).mean())},
            "a thing of the sentence": {"filled_cells": float(sum(same) / (codes > 0).sum())},
        }


def _rows(rows: Sequence[Sequence[int]], length: int) -> Int[np.ndarray, "E {length}"]:
    """Rows of numbers, filled up with 0, which is PAD."""
    out = np.full((len(rows), length), PAD, np.int32)
    for row, numbers in zip(out, rows, strict=True):
        row[: len(numbers)] = numbers
    return out
