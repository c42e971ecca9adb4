"""Questions about drawn scenes: their words attend to the patches of a picture, and the answer is yes or no.

The questions are in the style of SHAPES (Andreas et al., 2016), from a generator of our own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Bool, Float, Int, UInt8
from numpy.random import default_rng

from xattn.alignment.layouts import Grid
from xattn.config import Model, Vqa
from xattn.data.benchmarks import questions, scenes
from xattn.data.pictures import read_picture
from xattn.data.vocabulary import PAD, WordVocabulary
from xattn.errors import ConfigError, nearest, quantity, require
from xattn.nn.decoder import CrossDecoder
from xattn.nn.dimensions import Dimensions
from xattn.nn.dropout import DropoutKey
from xattn.nn.encoders.patches import PatchEncoder
from xattn.nn.memory import Memory
from xattn.nn.memory_transforms import MemoryTransform, mean
from xattn.tasks.array_evaluation import TRAIN
from xattn.tasks.array_task import ArrayBatch, ArrayTask, Outcome
from xattn.training.losses import cross_entropy, sum_of

ANSWERS = ("no", "yes")
ANSWER = "<answer>"
"""The query before the words of a question, which is about the answer."""


class Examples(NamedTuple):
    """Pictures, questions as word ids after the answer position, and the patches of the objects that a word means."""

    picture: UInt8[np.ndarray, "E h w 3"]
    question: Int[np.ndarray, "E T"]
    answer: Int[np.ndarray, " E"]
    """Index in `ANSWERS`."""
    gold: Bool[np.ndarray, "E T S"]


class Answerer(nnx.Module):
    """An encoder of patches, and a decoder whose queries are an answer position and the words of a question."""

    def __init__(self, model: Model, settings: Vqa, words: int, rngs: nnx.Rngs):
        dims, side = Dimensions.of(model), settings.side
        self.words = nnx.Embed(words, dims.width, embedding_init=nnx.initializers.normal(1.0), rngs=rngs)
        self.encoder = PatchEncoder(
            side, side, settings.patch, replace(dims, layers=settings.encoder_layers), rngs=rngs
        )
        self.transform = MemoryTransform(model.memory, dims, latents=model.latents, rngs=rngs)
        self.decoder = CrossDecoder(dims, rngs=rngs)
        self.answers = nnx.Linear(dims.width, len(ANSWERS), rngs=rngs)

    def __call__(
        self,
        picture: UInt8[Array, "B h w 3"],
        question: Int[Array, "B T"],
        real: Bool[Array, " B"],
        dropout_key: DropoutKey | None = None,
        hide: Bool[Array, "B T M"] | None = None,
    ) -> tuple[Float[Array, "B answers"], Float[Array, "L B N T M"], Bool[Array, "B M"]]:
        memory = self.encoder(picture, real, dropout_key and dropout_key.fold_in(0))
        memory = self.transform(memory, dropout_key and dropout_key.fold_in(1))
        real, key = question != PAD, dropout_key and dropout_key.fold_in(2)
        states, weights = self.decoder(self.words(question), memory, key, hide, causal=False, real=real)
        # From the mean of all positions, so that each counts by what it saw.
        return self.answers(mean(Memory(tokens=states, mask=real)).tokens[:, 0]), weights, memory.mask


class VqaTask(ArrayTask[Vqa]):
    """Questions about scenes.

    The splits are train, validation and test. A name such as `test_1` means questions with so many relations.
    """

    headline: ClassVar[str] = "accuracy"

    @cached_property
    def vocabulary(self) -> WordVocabulary:
        """The words of all questions, and the answer position."""
        return WordVocabulary([ANSWER, *questions.WORDS])

    @property
    def longest(self) -> int:
        """Words of a question, at most."""
        return len(questions.START) + 3 + self.settings.relations[1] * questions.LONGEST_PHRASE

    @property
    def patches(self) -> int:
        """Patches of a picture, down and across."""
        return self.settings.side // self.settings.patch

    @property
    def positions(self) -> int:
        return self.patches**2 + 1 + self.longest

    def read(self, split: str) -> Examples:
        settings, (part, relations) = self.settings, self._of(split)
        size = settings.train_examples if part == TRAIN else settings.held_out_examples
        out = self._empty(size)
        for number in range(size):
            question, things, answer = questions.draw(settings.seed, part, number, relations)
            drawn = default_rng([settings.seed, number, len(things)])
            scene = scenes.render(things, drawn, part=part, kind="shapes", side=settings.side)
            out.picture[number], out.answer[number] = scene.picture, answer
            self._ask(out, number, question.phrased[0])
            # The patches of every object, at the words that mean it; the answer is about the first.
            patches = np.zeros((questions.CELLS**2, self.patches**2), bool)
            patches[[thing.cell for thing in things]] = scenes.gold(scene.cover, settings.patch)
            meant = question.meant(questions.placed(things))
            for place, noun in enumerate((1, *question.phrased[1])):
                if noun:
                    out.gold[number, place] = patches[sorted(meant[noun - 1])].any(axis=0)
        return out

    def read_file(self, path: Path, text: str | None) -> Examples:
        """A picture and a question of the user, without an answer."""
        if text is None:
            raise ConfigError('Give a question after the picture, such as "is there a red shape above a circle?".')
        words = text.lower().rstrip(" ?").split()
        unknown = next((word for word in words if word not in questions.WORDS), None)
        require(unknown is None, f"The model knows no word {unknown!r}.{nearest(unknown or '', questions.WORDS)}")
        require(
            0 < len(words) <= self.longest,
            f"The question has {quantity(len(words), 'word')}; it must have 1 to {self.longest}, like those that the "
            "model was trained on.",
        )
        out = self._empty(1)
        out.picture[0] = read_picture(path, height=self.settings.side, width=self.settings.side)
        self._ask(out, 0, words)
        return out

    def build(self, rngs: nnx.Rngs) -> Answerer:
        return Answerer(self.config.model, self.settings, self.vocabulary.size, rngs)

    def forward(
        self, model: Answerer, batch: ArrayBatch, dropout_key: DropoutKey | None, hide: jax.Array | None = None
    ) -> Outcome:
        picture, question, answer, _ = batch.examples
        logits, weights, visible = model(jnp.asarray(picture), question, batch.valid, dropout_key, hide)
        sums = {
            "loss": sum_of(cross_entropy(logits, answer), batch.valid),
            "accuracy": sum_of(logits.argmax(axis=-1) == answer, batch.valid),
        }
        return Outcome(sums, weights, visible)

    def gold(self, examples: Examples) -> Bool[np.ndarray, "B T S"]:
        """The patches of the objects that a word means, where the answer is yes; the answer is about the first one."""
        return np.asarray(examples.gold)

    def groups(self, examples: Examples) -> Mapping[str, Bool[np.ndarray, "B T"]]:
        """The answer position, and the words of the object that is asked for and of others."""
        question = np.asarray(examples.question)
        named = np.asarray(examples.gold).any(axis=-1)
        first = np.arange(question.shape[1]) == 0
        relation = np.isin(question, self.vocabulary.encode({word for name in questions.NEXT for word in name.split()}))
        later = relation.cumsum(axis=1) > 0
        return {"answer": named & first, "asked for": named & ~first & ~later, "others": named & later}

    def with_own_output(self, params: Any, batch: ArrayBatch) -> ArrayBatch:
        """The model's own answer; without gold if it is wrong."""
        examples = batch.examples
        answer = np.asarray(self.answer(params, batch))
        gold = examples.gold & (answer == examples.answer)[:, None, None]
        return batch._replace(examples=examples._replace(answer=answer, gold=gold))

    @cached_property
    def answer(self) -> Any:
        """The answers of the model to a batch, compiled."""

        def of(params: Any, batch: ArrayBatch) -> jax.Array:
            picture, question, *_ = batch.examples
            return self.model(params)(jnp.asarray(picture), question, batch.valid)[0].argmax(axis=-1)

        return jax.jit(of)

    def labels(self, examples: Examples) -> tuple[Sequence[str], Sequence[str]]:
        """The row and column of every patch, counted from 1; the answer, and the words."""
        places, words = range(1, self.patches + 1), np.asarray(examples.question)
        return (
            [f"{row},{column}" for row in places for column in places],
            [f"answer: {ANSWERS[int(examples.answer)]}", *(self.vocabulary.all[word] for word in words[1:] if word)],
        )

    def layout(self, examples: Examples) -> Grid:
        return Grid(rows=self.patches, columns=self.patches, picture=np.asarray(examples.picture))

    def baselines(self, split: str) -> Mapping[str, Mapping[str, float]]:
        """The most common answer."""
        answers = self.examples(split).answer
        return {"commonest answer": {"accuracy": float(np.bincount(answers).max() / len(answers))}}

    def _of(self, split: str) -> tuple[str, tuple[int, int]]:
        """The part of a split, and the fewest and most relations of its questions."""
        (few, most), (part, _, number) = self.settings.relations, split.partition("_")
        if part not in questions.PARTS or number not in ("", *map(str, range(few, most + 1))):
            raise ConfigError(
                f"There is no split {split!r}: there are {', '.join(questions.PARTS)}, and of each the questions with "
                f"{few} to {most} relations, such as test_{most}."
            )
        return part, (int(number), int(number)) if number else (few, most)

    def _ask(self, examples: Examples, number: int, words: Sequence[str]) -> None:
        """Writes a question into its row."""
        examples.question[number, : 1 + len(words)] = self.vocabulary.encode([ANSWER, *words])

    def _empty(self, size: int) -> Examples:
        """Examples to be filled in."""
        side, queries = self.settings.side, 1 + self.longest
        return Examples(
            np.zeros((size, side, side, 3), np.uint8),
            np.full((size, queries), PAD, np.int32),
            np.zeros(size, np.int32),
            np.zeros((size, queries, self.patches**2), bool),
        )
