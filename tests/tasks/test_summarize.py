"""Summaries of reports: what is copied, what can be written at all, and what a written summary is worth."""

import io
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from rich.console import Console

from xattn.config import Experiment, Model, Optimizer, Summary, Training
from xattn.config import files as configs
from xattn.data.vocabulary import BOS, EOS, PAD, UNK
from xattn.errors import ConfigError
from xattn.runs import folder as runs
from xattn.tasks.array_evaluation import knock_out
from xattn.tasks.sequence_task import until_end
from xattn.tasks.summarize import Examples, SummarizeTask
from xattn.training.losses import means

SMALL = Experiment(
    task=Summary(shortest=3, longest=4, train_examples=11, held_out_examples=5, test=("test", "unseen")),
    model=Model(width=12, heads=2, layers=1, mlp=17, dropout=0.0),
    optimizer=Optimizer(warmup=0),
    training=Training(steps=5, batch_tokens=7 * 35),
)


def make(folder, **changes):
    return SummarizeTask(runs.create(folder, replace(SMALL, **changes)), Console(file=io.StringIO()))


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    return make(tmp_path_factory.mktemp("summarize") / "run")


def test_examples_are_the_reports(task):
    examples = task.examples("unseen")
    assert examples.report.shape == (5, task.report_length)
    for number in range(5):
        one, report = Examples(*(x[number] for x in examples)), task.draw("unseen", number)
        assert task.labels(one) == (report.text, list(report.summary))
        for word, places in enumerate(report.places):
            assert set(np.flatnonzero(one.gold[word])) == places
        strange = one.report[one.report >= task.words.size]
        assert len(set(strange.tolist())) == len({word for word in report.text if word not in task.words.numbers}) > 0
        starts = np.flatnonzero(np.array(["", *report.text]) == ".")
        assert task.layout(one).lines == [0, *starts[:-1]]


def test_strange_names_are_numbered_without_order(task):
    """The first strange name of a report is its subject, so an order would name it."""
    first = [
        report[report >= task.words.size][0]
        for report in task.examples("train").report
        if report.max() >= task.words.size
    ]
    assert len(set(first)) > 3


def test_greedy_words_are_those_of_the_whole_decoder(task):
    params, batch = task.parameters(), task.batches("unseen")[0]
    written = np.asarray(task.write(params, batch))
    given = np.pad(written, ((0, 0), (1, 0)), constant_values=BOS)[:, :-1]
    said = jax.jit(lambda p, b, g: task.predict(task.model(p), b, g, None, None).log_probabilities)
    probabilities = np.asarray(said(params, batch, jnp.asarray(given)))
    np.testing.assert_allclose(np.exp(probabilities).sum(-1), 1, rtol=1e-5)
    for row in np.flatnonzero(batch.valid):
        length = min(len(until_end(written[row])) + 1, written.shape[1])
        np.testing.assert_array_equal(written[row, :length], probabilities[row, :length].argmax(-1))


@pytest.mark.parametrize(
    "changes", [{"task": replace(SMALL.task, copy=False)}, {"model": replace(SMALL.model, memory="mean")}]
)
def test_without_words_to_copy_strange_names_are_unknown(changes, tmp_path):
    task = make(tmp_path / "run", **changes)
    params, batch = task.parameters(), task.batches("unseen")[0]
    predict = jax.jit(lambda p, b: task.predict(task.model(p), b, jnp.asarray(b.examples.summary), None, None))
    said = predict(params, batch)
    assert (said.log_probabilities[..., task.words.size :] == -np.inf).all()
    wanted = np.asarray(task.writable(jnp.asarray(batch.examples.summary)))
    assert (wanted[:, 0][np.asarray(batch.valid)] == UNK).all()

    def loss(params, batch):
        sums = task.loss(params, batch, jnp.int32(0))
        return sums["loss"].total, sums

    gradients, sums = jax.jit(jax.grad(loss, has_aux=True))(params, batch)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradients))
    scores = means([sums])
    assert np.isfinite(scores["loss"])
    assert scores["word_accuracy"] < 1  # what is unknown is never right


def test_a_summary_is_worth_the_facts_that_it_states_of_whom_they_are_true(task):
    examples = task.examples("unseen")
    perfect = task.output_metrics(examples, examples.summary)
    assert perfect.pop("fact_f1_known") == (0, 0)  # all names of this split are strange
    assert {name: total / count for name, (total, count) in perfect.items()} == dict.fromkeys(perfect, 1.0)
    wrong = examples.summary.copy()
    wrong[0, 0] = task.words.numbers["web-1"]  # both facts, of somebody else
    wrong[1, 1] = UNK  # one fact is another
    wrong[2, 0] = EOS  # nothing at all
    assert task.output_metrics(examples, wrong) == {
        "fact_f1": (2 * 5, 10 + 8),
        "fact_f1_known": (0, 0),
        "subject": (3, 5),
        "exact_match": (2, 5),
    }


def test_what_is_written_is_what_a_picture_shows(task):
    params = task.parameters()
    attention = task.example_map(params, "test", 2)
    batch = task.batches("test")[0]
    one = Examples(*(np.asarray(x)[2] for x in batch.examples))
    written = np.asarray(task.write(params, batch))[2]
    assert attention.target == task.spell(one, written)
    assert attention.source == task.draw("test", 2).text
    links = set() if attention.gold is None else attention.gold.possible
    assert all(attention.source[s] == attention.target[t] for s, t in links)


def test_baselines_and_the_knock_out(task):
    """The first two sentences state one fact at most; hidden gold is counted in words that are right."""
    scores = task.baselines("test")
    assert 0 <= scores["lead-2"]["fact_f1"] <= 2 / 3
    knocked = knock_out(task, task.parameters(), "test")
    assert knocked["metric"] == "word_accuracy"


def test_a_checkpoint_is_chosen_by_facts_unless_by_loss(task, tmp_path):
    assert task.selection_metric == "fact_f1"
    assert {"fact_f1", "subject", "exact_match"} <= set(task.validation_metrics(task.parameters()))
    other = make(tmp_path / "run", training=replace(SMALL.training, stop_by="loss"))
    assert (other.selection_metric, other.validation_metrics(None)) == ("loss", {})


def test_settings_are_checked():
    for arguments, message in [
        (["--task.shortest", "2"], r"task.shortest \(2\) must be at least 3"),
        (["--task.strange", "1.5"], "--task.strange must be a number of at least 0 and of at most 1, not '1.5'"),
        (["--task.held_out_examples", "0"], "--task.held_out_examples must be a whole number above 0, not '0'"),
    ]:
        with pytest.raises(ConfigError, match=message):
            configs.override(SMALL, arguments)
    assert not configs.override(SMALL, ["--task.copy", "False"]).task.copy
    assert (PAD, BOS, EOS, UNK) == (0, 1, 2, 3)
