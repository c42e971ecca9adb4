"""Questions about stories: a question attends to the sentences of a story, hop after hop, until it finds the answer.

Stories are bAbI's (Weston et al., 2015), or generated; the model is a memory network (Sukhbaatar et al., 2015) made of
the common parts: a slot for every sentence, and a decoder whose layers are the hops.
"""

from collections.abc import Mapping, Sequence
from functools import cache, cached_property, reduce
from operator import add
from pathlib import Path
from typing import Any, ClassVar

import jax
import numpy as np
from flax import nnx
from jaxtyping import Bool
from rich.console import Console

from xattn.alignment.hops import Hops, follow
from xattn.alignment.layouts import Slots
from xattn.alignment.maps import Readout
from xattn.config import DocQA, Experiment
from xattn.data.benchmarks import babi, stories
from xattn.data.benchmarks.babi import Question
from xattn.data.paths import expand, fingerprint
from xattn.errors import ConfigError
from xattn.nn.dropout import DropoutKey
from xattn.nn.memory_transforms import WHY_NOT_SOURCE
from xattn.runs.folder import Run
from xattn.tasks.array_evaluation import TRAIN, VALIDATION
from xattn.tasks.array_task import ArrayBatch, ArrayTask, Outcome
from xattn.tasks.docqa_model import ANSWER, Examples, Reader, Vocabulary
from xattn.training.losses import cross_entropy, sum_of

PARTS = ("train", "validation", "test")


# Words of questions that do not name anything: the baseline ignores them.
FUNCTION_WORDS = {"before", "did", "is", "the", "to", "was", "what", "where", "who"}


class DocQATask(ArrayTask[DocQA]):
    """Questions about stories.

    The splits are train, validation and test. A name such as `test_qa2` or `test_object` means the questions of that
    kind alone.
    """

    headline: ClassVar[str] = "accuracy"

    def __init__(self, run: Run, console: Console):
        self.asked, self.load = cache(self._asked), cache(babi.load)
        super().__init__(run, console)
        for split in (TRAIN, VALIDATION, *self.settings.test):  # before training, not after it
            self._check(split)

    @classmethod
    def sources(cls, config: Experiment) -> Mapping[str, str]:
        """The archive of bAbI."""
        assert isinstance(config.task, DocQA)
        archive = Path(expand(config.task.corpus))
        return {} if config.task.corpus == "generated" else {archive.name: fingerprint(archive)}

    @property
    def positions(self) -> int:
        return self.settings.sentences + 1 + self.vocabulary.question

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """All words of the generator; of bAbI, the words of its training files."""
        if self.generated:
            return Vocabulary(stories.WORDS, stories.ANSWERS, stories.SENTENCE_WORDS, stories.QUESTION_WORDS)
        return Vocabulary.of([each for part in ("train", "validation") for each in self._questions(part)])

    @property
    def generated(self) -> bool:
        """Whether stories are generated."""
        return self.settings.corpus == "generated"

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of questions."""
        return tuple(stories.QUESTIONS) if self.generated else tuple(f"qa{task}" for task in self.settings.tasks)

    def read(self, split: str) -> Examples:
        self._check(split)
        return self.vocabulary.read(self._questions(split), self.settings.sentences)

    def build(self, rngs: nnx.Rngs) -> Reader:
        return Reader(self.config.model, self.settings, self.vocabulary, rngs)

    def forward(
        self, model: Reader, batch: ArrayBatch, dropout_key: DropoutKey | None, hide: jax.Array | None = None
    ) -> Outcome:
        story, question, answer, _ = batch.examples
        logits, weights, visible = model(story, question, dropout_key, hide)
        sums = {
            "loss": sum_of(cross_entropy(logits, answer), batch.valid),
            "accuracy": sum_of(logits.argmax(axis=-1) == answer, batch.valid),
        }
        return Outcome(sums, weights, visible)

    def gold(self, examples: Examples) -> Bool[np.ndarray, "B T S"]:
        """The supporting sentences of each question."""
        slots = 1 + np.arange(self.settings.sentences)
        return (np.asarray(examples.facts)[..., None] == slots).any(axis=1, keepdims=True)

    def labels(self, examples: Examples) -> tuple[Sequence[str], Sequence[str]]:
        """The sentences, and the question as one."""
        names = ("", "", *self.vocabulary.words)
        rows = [" ".join(names[word] for word in row if word > ANSWER) for row in (*examples.story, examples.question)]
        return [sentence for sentence in rows[:-1] if sentence], [f"{rows[-1]}?"]

    def layout(self, examples: Examples) -> Slots:
        return Slots()

    def baselines(self, split: str) -> Mapping[str, Mapping[str, float]]:
        """The most common answer; and how often the latest sentence that shares a word with the question is a fact."""
        examples = self.examples(split)
        return {
            "commonest answer": {"accuracy": float(np.bincount(examples.answer).max() / len(examples.answer))},
            "latest sentence with a word of the question": {"pointing": self._overlap(examples)},
        }

    def split_metrics(self, params: Any, split: str) -> Mapping[str, float]:
        """The share of facts that were cut off; and how often two hops point to the first two facts in their order.

        A layer and head is chosen for each hop, the second in a later layer: those that point to the first and to the
        second fact most often on the validation questions of the same kind. The contrary order has a choice of its own.
        """
        needed = sum(len(each.facts) for each in self._questions(split))
        metrics = {"facts_cut_off": 1 - int((self.examples(split).facts > 0).sum()) / needed}
        if self.config.model.memory in WHY_NOT_SOURCE or self.config.model.layers < 2:
            return metrics
        chosen, found = (self._hops(params, each) for each in (self._of(VALIDATION, split), split))
        if chosen is None or found is None:
            return metrics
        return metrics | {
            "two_hops": found.share(chosen.best()),
            "two_hops_contrary": found.share(chosen.best(contrary=True)),
            "two_hops_chance": found.chance / found.questions,
        }

    def hop_readout(self, params: Any, split: str) -> Readout | None:
        """The head that finds the first of two facts best on validation, at the layer that then finds the second."""
        hops = self._hops(params, self._of(VALIDATION, split))
        if hops is None:
            return None
        (_, head), (layer, _) = map(hops.place, hops.best())
        return Readout(layer=layer, head=head, convention="produced")

    def _hops(self, params: Any, split: str) -> Hops | None:
        """Attention of the answer position against the first two facts; None if no question has two."""
        found = []
        for batch in self.batches(split):
            facts = np.where(np.asarray(batch.valid)[:, None], np.asarray(batch.examples.facts, int)[:, :2], 0) - 1
            if facts.shape[1] == 2 and (facts >= 0).all(axis=1).any():
                outcome = jax.device_get(self.apply(params, batch, None))
                found.append(follow(np.asarray(outcome.weights[:, :, :, 0]), facts, np.asarray(outcome.visible)))
        return reduce(add, found) if found else None

    def _overlap(self, examples: Examples) -> float:
        """How often the latest sentence that shares a content word with the question is a fact."""
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
        settings = self.settings
        if self.generated:
            size = settings.train_examples if part == "train" else settings.held_out_examples
            numbers = range(-(-size // len(stories.QUESTIONS)))
            return [stories.draw(settings.seed, part, number, kind, settings.told) for number in numbers]
        archive = Path(expand(self.settings.corpus))
        told = self.load(archive, int(kind.removeprefix("qa")), "test" if part == "test" else "train")
        if part != "test":
            counts = np.cumsum([len(story) for story in reversed(told)])
            held_out = 1 + int(np.searchsorted(counts, settings.held_out_examples))
            if held_out >= len(told):
                raise ConfigError(
                    f"task.held_out_examples ({settings.held_out_examples}) must be below the {counts[-1]} questions "
                    f"of {kind}."
                )
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
        """The split of another part with the questions of the same kind."""
        kind = split.partition("_")[2]
        return f"{part.partition('_')[0]}_{kind}" if kind else part
