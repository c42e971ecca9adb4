"""The memory network of `xattn.tasks.docqa`, its vocabulary and its examples."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Bool, Float, Int

from xattn.config import DocQA, Model
from xattn.data.benchmarks.babi import Question
from xattn.data.vocabulary import PAD
from xattn.errors import UserError
from xattn.nn.decoder import CrossDecoder
from xattn.nn.dimensions import Dimensions
from xattn.nn.dropout import DropoutKey
from xattn.nn.encoders.slots import SlotEncoder
from xattn.nn.memory import Memory
from xattn.nn.memory_transforms import MemoryTransform

# The id of the answer position of a question; it is no word.
ANSWER = PAD + 1


class Examples(NamedTuple):
    """Stories and questions as word ids. A story is at the end of its slots, so that a slot's index says its age."""

    story: Int[np.ndarray, "E S W"]
    question: Int[np.ndarray, "E T"]
    """The answer position, then the words of the question."""
    answer: Int[np.ndarray, " E"]
    """Index in `Vocabulary.answers`."""
    facts: Int[np.ndarray, "E F"]
    """Slots of the supporting sentences in the order in which they are needed, counted from 1; 0 is none."""


@dataclass(frozen=True)
class Vocabulary:
    """The words and answers, and the lengths of the longest sentence and question, in words."""

    words: tuple[str, ...]
    answers: tuple[str, ...]
    sentence: int
    question: int

    @classmethod
    def of(cls, questions: Sequence[Question]) -> "Vocabulary":
        sentences = {sentence for each in questions for sentence in each.story}
        asked = {each.words for each in questions}
        return cls(
            words=tuple(sorted({word for words in sentences | asked for word in words})),
            answers=tuple(sorted({each.answer for each in questions})),
            sentence=max(map(len, sentences)),
            question=max(map(len, asked)),
        )

    def read(self, questions: Sequence[Question], slots: int) -> Examples:
        """The arrays of questions, with the latest `slots` sentences of every story."""
        ids = {word: number for number, word in enumerate(self.words, start=2)}
        places = {answer: number for number, answer in enumerate(self.answers)}

        @cache
        def row(words: tuple[str, ...], longest: int) -> np.ndarray:
            if len(words) > longest or not ids.keys() >= set(words):
                raise UserError(f"{' '.join(words)!r} is longer than all in training, or has words that are not there.")
            return np.array([ids[word] for word in words] + [PAD] * (longest - len(words)), np.int16)

        out = Examples(
            story=np.zeros((len(questions), slots, self.sentence), np.int16),
            question=np.full((len(questions), 1 + self.question), ANSWER, np.int16),
            answer=np.zeros(len(questions), np.int32),
            facts=np.zeros((len(questions), max(len(each.facts) for each in questions)), np.int16),
        )
        for number, each in enumerate(questions):
            kept = each.story[-slots:]
            if kept:
                out.story[number, slots - len(kept) :] = [row(sentence, self.sentence) for sentence in kept]
            out.question[number, 1:] = row(each.words, self.question)
            if each.answer not in places:
                raise UserError(f"The answer {each.answer!r} to {' '.join(each.words)!r} is none of training.")
            out.answer[number] = places[each.answer]
            # What was cut off has no slot.
            found = [max(0, 1 + slots - len(each.story) + fact) for fact in each.facts]
            out.facts[number, : len(found)] = found
        return out


class Reader(nnx.Module):
    """A memory of sentences, and an answer position that reads the question and attends to the sentences.

    No other position attends to the memory, so that the answer can come only from the sentences it attended to.
    """

    def __init__(self, model: Model, settings: DocQA, vocabulary: Vocabulary, rngs: nnx.Rngs):
        dims, table = Dimensions.of(model), nnx.initializers.normal(1.0)
        encoder = replace(dims, layers=settings.encoder_layers)
        self.embedding = nnx.Embed(2 + len(vocabulary.words), dims.width, embedding_init=table, rngs=rngs)
        self.encoder = SlotEncoder(settings.sentences, vocabulary.sentence, encoder, rngs=rngs)
        self.transform = MemoryTransform(model.memory, dims, latents=model.latents, rngs=rngs)
        self.decoder = CrossDecoder(dims, tied=settings.tied, rngs=rngs)
        self.answers = nnx.Linear(dims.width, len(vocabulary.answers), rngs=rngs)

    def encode(self, story: Int[Array, "B S W"], dropout_key: DropoutKey | None = None) -> Memory:
        """The memory of the sentences."""
        memory = self.encoder(self.embedding(story), story != PAD, dropout_key and dropout_key.fold_in(0))
        return self.transform(memory, dropout_key and dropout_key.fold_in(1))

    def __call__(
        self,
        story: Int[Array, "B S W"],
        question: Int[Array, "B T"],
        dropout_key: DropoutKey | None = None,
        hide: Bool[Array, "B 1 M"] | None = None,
    ) -> tuple[Float[Array, "B answers"], Float[Array, "L B N 1 M"], Bool[Array, "B M"]]:
        memory = self.encode(story, dropout_key)
        words_T = jnp.arange(question.shape[1]) > 0
        hide_BTM = jnp.broadcast_to(words_T[None, :, None], (*question.shape, memory.tokens.shape[1]))
        if hide is not None:
            hide_BTM |= hide
        states, weights = self.decoder(
            self.embedding(question),
            memory,
            dropout_key and dropout_key.fold_in(2),
            hide_BTM,
            causal=False,
            real=question != PAD,
        )
        return self.answers(states[:, 0]), weights[:, :, :, :1], memory.mask
