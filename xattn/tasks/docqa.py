"""Questions about stories: the words of a question look at the sentences, hop after hop, until the answer is found.

Stories are bAbI's (Weston et al., 2015), or generated; the model is a memory network (Sukhbaatar et al., 2015) made of
the common parts: a slot for every sentence, and a decoder whose layers are the hops.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, reduce
from operator import add
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Bool, Float, Int
from rich.console import Console

from xattn.alignment.hops import Hops, follow
from xattn.alignment.layouts import Slots
from xattn.alignment.maps import Readout
from xattn.config import ConfigError, Model, Row
from xattn.data import babi, stories
from xattn.data.babi import Question
from xattn.data.text import expand
from xattn.data.words import PAD
from xattn.errors import UserError
from xattn.nn.decoder import CrossDecoder
from xattn.nn.encoders.slots import SlotEncoder
from xattn.nn.layers import Noise
from xattn.nn.memory import UNSEEN, Memory, Transform
from xattn.run import Run
from xattn.tasks.arrays import ArrayTask, Batch, Outcome
from xattn.training.losses import cross_entropy, sum_of

GENERATED = "generated"
PARTS = ("train", "validation", "test")

# The place of the answer among the words of a question: an id that is no word.
ANSWER = PAD + 1

# Words of questions that say nothing of what is asked for: the baseline passes over them.
FUNCTION_WORDS = {"before", "did", "is", "the", "to", "was", "what", "where", "who"}


@dataclass(frozen=True, kw_only=True)
class DocQA(Row):
    """What is read, and how. `data.corpus` is `generated`, or the archive of the bAbI tasks."""

    tasks: tuple[int, ...] = ()
    """The bAbI tasks that are read together, by number; none where stories are generated."""
    sentences: int = 20
    """Slots of the memory: of a longer story the latest sentences are read."""
    told: tuple[int, int] = (6, 20)
    """Fewest and most sentences of a generated story."""
    encoder_layers: int = 0
    """Self-attention layers among the sentences before they are looked at; the hops are `model.layers`."""
    tied: bool = False
    """Whether all hops are one layer, applied again and again."""
    train: int = 40_000
    """Generated stories for training."""
    held_out: int = 1_000
    """Generated stories of every other split; of each bAbI task, the questions at the end of its training file that
    are validation, rounded up to whole stories."""
    seed: int = 0
    """Root of the generated stories."""

    def check(self) -> None:
        self.positive("sentences", "train", "held_out")
        if not 2 <= self.told[0] <= self.told[1]:
            raise ConfigError(f"row.told is two numbers of sentences, 2 at least, the smaller first, not {self.told}.")
        if self.encoder_layers < 0:
            raise ConfigError(f"row.encoder_layers must be at least 0, not {self.encoder_layers}.")


class Examples(NamedTuple):
    """Stories and questions in ids. A story stands at the end of its slots, so that a slot's place is its age."""

    story: Int[np.ndarray, "E S W"]
    question: Int[np.ndarray, "E T"]
    """The place of the answer, then the question's words."""
    answer: Int[np.ndarray, " E"]
    """Place in the answers that there are."""
    facts: Int[np.ndarray, "E F"]
    """Slots of the supporting sentences in the order in which they are needed, counted from 1; 0 is none."""


@dataclass(frozen=True)
class Vocabulary:
    """What words and answers there are, and the longest sentence and question."""

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
    """A memory of sentences, and a place for the answer that reads the question's words and looks at the sentences.

    It alone looks at them, so that what it looked at is all that the answer can come from.
    """

    def __init__(self, model: Model, row: DocQA, vocabulary: Vocabulary, rngs: nnx.Rngs):
        width, dtype = model.width, jnp.dtype(model.compute)
        sizes: dict[str, Any] = {"heads": model.heads, "mlp": model.mlp, "dtype": dtype, "rngs": rngs}
        table = nnx.initializers.normal(1.0)
        self.embedding = nnx.Embed(2 + len(vocabulary.words), width, embedding_init=table, rngs=rngs)
        self.encoder = SlotEncoder(row.sentences, vocabulary.sentence, width, layers=row.encoder_layers, **sizes)
        self.transform = Transform(model.memory, latents=model.latents, width=width, **sizes)
        self.decoder = CrossDecoder(width, width, layers=model.layers, tied=row.tied, **sizes)
        self.answers = nnx.Linear(width, len(vocabulary.answers), rngs=rngs)

    def encode(self, story: Int[Array, "B S W"], noise: Noise | None = None) -> Memory:
        """What the question looks at."""
        memory = self.encoder(self.embedding(story), story != PAD, noise and noise.at(0))
        return self.transform(memory, noise and noise.at(1))

    def __call__(
        self,
        story: Int[Array, "B S W"],
        question: Int[Array, "B T"],
        noise: Noise | None = None,
        hide: Bool[Array, "B 1 M"] | None = None,
    ) -> tuple[Float[Array, "B answers"], Float[Array, "L B N 1 M"], Bool[Array, "B M"]]:
        memory = self.encode(story, noise)
        words_T = jnp.arange(question.shape[1]) > 0
        hide_BTM = jnp.broadcast_to(words_T[None, :, None], (*question.shape, memory.tokens.shape[1]))
        if hide is not None:
            hide_BTM |= hide
        states, weights = self.decoder(
            self.embedding(question), memory, noise and noise.at(2), hide_BTM, causal=False, real=question != PAD
        )
        return self.answers(states[:, 0]), weights[:, :, :, :1], memory.mask


class DocQATask(ArrayTask):
    """Questions about stories as an experiment row.

    Splits are train, validation and test; with a kind of question behind it, such as `test_qa2` or `test_object`, a
    split has the questions of that kind alone.
    """

    Settings: ClassVar[type[Row] | None] = DocQA
    headline: ClassVar[str] = "accuracy"

    def __init__(self, run: Run, console: Console):
        self.asked, self.load = cache(self._asked), cache(babi.load)
        super().__init__(run, console)
        data = self.config.data
        for split in (data.train, data.validation, *data.test):  # before training, not after it
            self._check(split)

    @property
    def row(self) -> DocQA:
        """The settings of this row."""
        assert isinstance(self.config.row, DocQA), "checked when the task was made"
        return self.config.row

    @property
    def positions(self) -> int:
        return self.row.sentences + 1 + self.vocabulary.question

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """Of generated stories all that there can be; else that of the training files."""
        if self.generated:
            return Vocabulary(stories.WORDS, stories.ANSWERS, stories.SENTENCE_WORDS, stories.QUESTION_WORDS)
        return Vocabulary.of([each for part in ("train", "validation") for each in self._questions(part)])

    @property
    def generated(self) -> bool:
        """Whether stories are generated."""
        generated = self.config.data.corpus == GENERATED
        if generated == bool(self.row.tasks):
            raise ConfigError(
                f"row.tasks are bAbI's, and data.corpus is {self.config.data.corpus!r}: name tasks and their archive, "
                f"or no tasks and {GENERATED!r}."
            )
        return generated

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of questions."""
        return tuple(stories.QUESTIONS) if self.generated else tuple(f"qa{task}" for task in self.row.tasks)

    def read(self, split: str) -> Examples:
        self._check(split)
        return self.vocabulary.read(self._questions(split), self.row.sentences)

    def build(self, rngs: nnx.Rngs) -> Reader:
        return Reader(self.config.model, self.row, self.vocabulary, rngs)

    def forward(self, model: Reader, batch: Batch, noise: Noise | None, hide: jax.Array | None = None) -> Outcome:
        story, question, answer, _ = batch.examples
        logits, weights, seen = model(story, question, noise, hide)
        sums = {
            "loss": sum_of(cross_entropy(logits, answer), batch.real),
            "accuracy": sum_of(logits.argmax(axis=-1) == answer, batch.real),
        }
        return Outcome(sums, weights, seen)

    def gold(self, examples: Examples) -> Bool[np.ndarray, "B T S"]:
        """The question ought to look at any supporting sentence."""
        slots = 1 + np.arange(self.row.sentences)
        return (np.asarray(examples.facts)[..., None] == slots).any(axis=1, keepdims=True)

    def labels(self, examples: Examples) -> tuple[Sequence[str], Sequence[str]]:
        """The sentences, and the question as one."""
        names = ("", "", *self.vocabulary.words)
        rows = [" ".join(names[word] for word in row if word > ANSWER) for row in (*examples.story, examples.question)]
        return [sentence for sentence in rows[:-1] if sentence], [f"{rows[-1]}?"]

    def layout(self, examples: Examples) -> Slots:
        return Slots()

    def baselines(self, split: str) -> Mapping[str, Mapping[str, float]]:
        """The split's commonest answer; and how often the latest sentence that shares a word is a fact."""
        examples = self.examples(split)
        return {
            "commonest answer": {"accuracy": float(np.bincount(examples.answer).max() / len(examples.answer))},
            "latest sentence with a word of the question": {"pointing": self._overlap(examples)},
        }

    def judge_split(self, params: Any, split: str) -> Mapping[str, float]:
        """The share of facts that were cut off; and how often the first two facts are looked at one after the other.

        Two places, each a layer and head, the second in a later layer, are chosen on validation, for questions of the
        same kind: those that most often point to the first fact and to the second. The contrary order has its own two.
        """
        needed = sum(len(each.facts) for each in self._questions(split))
        row = {"facts_cut_off": 1 - int((self.examples(split).facts > 0).sum()) / needed}
        if self.config.model.memory in UNSEEN or self.config.model.layers < 2:
            return row
        chosen, found = (self._hops(params, each) for each in (self._of(self.config.data.validation, split), split))
        if chosen is None or found is None:
            return row
        return row | {
            "two_hops": found.share(chosen.best()),
            "two_hops_contrary": found.share(chosen.best(contrary=True)),
            "two_hops_chance": found.chance / found.questions,
        }

    def hop_readout(self, params: Any, split: str) -> Readout | None:
        """The head that finds the first of two facts best on validation, at the layer that then finds the second."""
        hops = self._hops(params, self._of(self.config.data.validation, split))
        if hops is None:
            return None
        (_, head), (layer, _) = map(hops.place, hops.best())
        return Readout(layer=layer, head=head, convention="produced")

    def _hops(self, params: Any, split: str) -> Hops | None:
        """Where the place of the answer looks, against the first two facts; None if no question has two."""
        found = []
        for batch in self.batches(split):
            facts = np.where(np.asarray(batch.real)[:, None], np.asarray(batch.examples.facts, int)[:, :2], 0) - 1
            if facts.shape[1] == 2 and (facts >= 0).all(axis=1).any():
                outcome = jax.device_get(self.apply(params, batch, None))
                found.append(follow(np.asarray(outcome.weights[:, :, :, 0]), facts, np.asarray(outcome.seen)))
        return reduce(add, found) if found else None

    def _overlap(self, examples: Examples) -> float:
        """How often the latest sentence that shares a word with the question, but a function word, is a fact."""
        names = ("", "", *self.vocabulary.words)
        passed = np.array([name in ("", *FUNCTION_WORDS) for name in names])
        hits = 0
        for story, question, facts in zip(examples.story, examples.question, examples.facts, strict=True):
            asked = question[~passed[question]]
            shared = np.flatnonzero(np.isin(story, asked).any(axis=-1))
            hits += len(shared) > 0 and shared[-1] + 1 in facts
        return hits / len(examples.story)

    def _asked(self, part: str, kind: str) -> list[Question]:
        """The questions of a kind, in order."""
        row = self.row
        if self.generated:
            size = row.train if part == "train" else row.held_out
            numbers = range(-(-size // len(stories.QUESTIONS)))
            return [stories.draw(row.seed, part, number, kind, row.told) for number in numbers]
        archive = Path(expand(self.config.data.corpus))
        told = self.load(archive, int(kind.removeprefix("qa")), "test" if part == "test" else "train")
        if part != "test":
            counts = np.cumsum([len(story) for story in reversed(told)])
            held_out = 1 + int(np.searchsorted(counts, row.held_out))
            if held_out >= len(told):
                raise ConfigError(f"row.held_out ({row.held_out}) must be below the {counts[-1]} questions of {kind}.")
            told = told[-held_out:] if part == "validation" else told[:-held_out]
        return [question for story in told for question in story]

    def _check(self, split: str) -> None:
        part, _, kind = split.partition("_")
        if part not in PARTS or kind not in ("", *self.kinds):
            raise ConfigError(
                f"There is no split {split!r}: there are {', '.join(PARTS)}, and of each its kinds of questions, such "
                f"as test_{self.kinds[0]} ({', '.join(self.kinds)})."
            )

    def _questions(self, split: str) -> list[Question]:
        """The questions of a split, in order."""
        part, _, kind = split.partition("_")
        return [each for name in ([kind] if kind else self.kinds) for each in self.asked(part, name)]

    def _of(self, part: str, split: str) -> str:
        """The questions of another part that are of a split's kind."""
        kind = split.partition("_")[2]
        return f"{part.partition('_')[0]}_{kind}" if kind else part
