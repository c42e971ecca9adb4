"""Summaries of generated reports: what is said of the subject, in words that are mostly copied.

The one task where attention is the output: a copy switch (See et al., 2017) mixes the vocabulary with the words that
the decoder attends to, so that it can write a name that is in no vocabulary.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from random import Random
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Bool, Int, UInt8

from xattn.alignment import layouts
from xattn.config import Summary
from xattn.data.benchmarks import reports
from xattn.data.vocabulary import EOS, PAD, UNK, WordVocabulary
from xattn.decoding import Step
from xattn.nn.dropout import DropoutKey
from xattn.tasks.array_evaluation import TRAIN
from xattn.tasks.array_task import ArrayBatch
from xattn.tasks.sequence_task import Predicted, SequenceTask, padded, until_end
from xattn.tasks.summarize_model import Summarizer
from xattn.training.losses import sum_of

UNSEEN_NAMES = "unseen"
"""The split in which all names are strange."""
SPELLED = 16
"""Bytes of a strange name, at most."""


class Examples(NamedTuple):
    """Reports and summaries as word numbers; the report positions that each summary word restates; the strange names.

    Strange names have numbers after those of the vocabulary, drawn anew for every report: a number distinguishes the
    names of one report, and means nothing else.
    """

    report: Int[np.ndarray, "E S"]
    summary: Int[np.ndarray, "E T"]
    gold: Bool[np.ndarray, "E T S"]
    names: UInt8[np.ndarray, "E K C"]


class SummarizeTask(SequenceTask[Summary]):
    """Summaries of reports."""

    headline: ClassVar[str] = "fact_f1"

    @cached_property
    def words(self) -> WordVocabulary:
        """The words of all reports but the strange names."""
        return WordVocabulary(reports.WORDS)

    @property
    def report_length(self) -> int:
        """Words of a report, at most (S)."""
        opener = max(map(len, reports.OPENERS)) + 2
        return opener + (self.settings.longest - 1) * (reports.LONGEST_FACT + 2)

    @property
    def summary_length(self) -> int:
        """Words of a summary, at most, with EOS (T): a name, two facts, "and", and a full stop."""
        return 2 * reports.LONGEST_FACT + 4

    @property
    def names(self) -> int:
        """Strange names of a report, at most (K): machines, and a ticket a sentence."""
        return reports.MOST_MACHINES + self.settings.longest - 1

    @property
    def positions(self) -> int:
        return self.report_length + self.summary_length

    def read(self, split: str) -> Examples:
        training = split == TRAIN
        size = self.settings.train_examples if training else self.settings.held_out_examples
        drawn = [self.encode(self.draw(split, number), split, number) for number in range(size)]
        return Examples(*map(np.stack, zip(*drawn, strict=True)))

    def draw(self, split: str, number: int) -> reports.Report:
        """One report of a split."""
        settings = self.settings
        return reports.draw(
            settings.seed,
            split,
            number,
            shortest=settings.shortest,
            longest=settings.longest,
            strange=1.0 if split == UNSEEN_NAMES else settings.strange,
            training=split == TRAIN,
        )

    def encode(self, report: reports.Report, split: str, number: int) -> Examples:
        """A report as arrays, without their first axis."""
        strange = [word for word in dict.fromkeys(report.text) if word not in self.words.numbers]
        order = Random(f"names {self.settings.seed} {split} {number}").sample(range(self.names), len(strange))
        numbers = self.words.numbers | {name: self.words.size + k for name, k in zip(strange, order, strict=True)}
        gold = np.zeros((self.summary_length, self.report_length), bool)
        for word, places in enumerate(report.places):
            gold[word, list(places)] = True
        names = np.zeros((self.names, SPELLED), np.uint8)
        for name, k in zip(strange, order, strict=True):
            names[k, : len(name)] = list(name.encode())
        return Examples(
            padded([numbers[word] for word in report.text], self.report_length),
            padded([*(numbers[word] for word in report.summary), EOS], self.summary_length),
            gold,
            names,
        )

    def build(self, rngs: nnx.Rngs) -> Summarizer:
        return Summarizer(self.config.model, self.words.size, self.names, self.settings.copy, rngs)

    def targets(self, examples: Examples) -> Int[Array, "B T"]:
        return jnp.asarray(examples.summary)

    def writable(self, words: Int[Array, "B T"]) -> Int[Array, "B T"]:
        if self.settings.copy and self.config.model.memory == "full":
            return words
        return jnp.where(words >= self.words.size, UNK, words)

    def predict(
        self,
        model: Summarizer,
        batch: ArrayBatch,
        given: Int[Array, "B T"],
        dropout_key: DropoutKey | None,
        hide: jax.Array | None,
    ) -> Predicted:
        said, copied, weights, visible = model(jnp.asarray(batch.examples.report), given, dropout_key, hide)
        written = batch.valid[:, None] & (batch.examples.summary != PAD)
        return Predicted(said, weights, visible, {"copy_rate": sum_of(copied, written)})

    def decode_step(self, model: Summarizer, batch: ArrayBatch, length: int) -> tuple[Step, Any]:
        return model.stepper(jnp.asarray(batch.examples.report), length)

    def output_metrics(self, examples: Examples, written: Int[np.ndarray, "B T"]) -> Mapping[str, tuple[int, int]]:
        """Micro F1 of the facts, each stated of the right machine; right subjects; and exact matches.

        The facts of summaries without a strange name are also counted apart.
        """
        pairs = [
            (self.spell(each, wanted), self.spell(each, own))
            for each, wanted, own in zip(_each(examples), examples.summary, written, strict=True)
        ]
        known = [bool(summary.max() < self.words.size) for summary in np.asarray(examples.summary)]
        return {
            "fact_f1": _facts(pairs),
            "fact_f1_known": _facts([pair for pair, each in zip(pairs, known, strict=True) if each]),
            "subject": (sum(wanted[0] == "".join(own[:1]) for wanted, own in pairs), len(pairs)),
            "exact_match": (sum(wanted == own for wanted, own in pairs), len(pairs)),
        }

    def spell(self, example: Examples, numbers: Int[np.ndarray, " T"]) -> list[str]:
        """The words of numbers of one example, up to EOS."""
        known = self.words.size
        return [
            self.words.all[number] if number < known else bytes(example.names[number - known]).rstrip(b"\0").decode()
            for number in until_end(numbers).tolist()
        ]

    def with_output(self, examples: Examples, written: Int[np.ndarray, "B T"]) -> Examples:
        same = (written == examples.summary)[..., None]
        return examples._replace(summary=written, gold=examples.gold & same)

    def gold(self, examples: Examples) -> Bool[np.ndarray, "B T S"]:
        """The positions of the report that each word of the summary restates."""
        return np.asarray(examples.gold)

    def labels(self, examples: Examples) -> tuple[Sequence[str], Sequence[str]]:
        report = np.asarray(examples.report)
        return self.spell(examples, report[report != PAD]), self.spell(examples, np.asarray(examples.summary))

    def layout(self, examples: Examples) -> layouts.WordLayout:
        report = np.asarray(examples.report)
        stops = np.flatnonzero(report == self.words.numbers[reports.STOP])
        return layouts.WordLayout(lines=[0, *(int(stop) + 1 for stop in stops[:-1])])

    def baselines(self, split: str) -> Mapping[str, Mapping[str, float]]:
        """The first two sentences, and two of the others at random, as the summary."""
        random, found = Random(0), {"lead-2": [], "two at random": []}
        for number in range(self._count(split)):
            report = self.draw(split, number)
            for name, chosen in {
                "lead-2": report.sentences[:2],
                "two at random": random.sample(report.sentences[1:], 2),
            }.items():
                found[name].append((list(report.summary), [word for sentence in chosen for word in sentence]))
        return {name: {"fact_f1": np.divide(*_facts(pairs)).item()} for name, pairs in found.items()}


def _each(examples: Examples) -> list[Examples]:
    return [Examples(*one) for one in zip(*examples, strict=True)]


def _facts(pairs: Sequence[tuple[list[str], list[str]]]) -> tuple[int, int]:
    """Twice the number of statements in both texts, and the number in either: their ratio is the micro F1."""
    told = [(reports.statements(wanted), reports.statements(own)) for wanted, own in pairs]
    return 2 * sum(len(a & b) for a, b in told), sum(len(a) + len(b) for a, b in told)
