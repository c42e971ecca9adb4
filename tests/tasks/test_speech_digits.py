"""Spoken numbers: gold moments, CTC, and recordings of the user."""

import io
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from rich.console import Console
from scipy.io import wavfile

from xattn.alignment.maps import Readout
from xattn.config import Experiment, Model, Optimizer, SpeechDigits, Training
from xattn.data.benchmarks.spoken_digits import WORDS
from xattn.data.vocabulary import BOS, EOS, PAD
from xattn.errors import ConfigError, UserError
from xattn.nn.memory import Memory
from xattn.runs import folder as runs
from xattn.tasks.array_task import Outcome
from xattn.tasks.sequence_task import until_end
from xattn.tasks.speech_digits import SpeechDigitsTask
from xattn.tasks.speech_digits_examples import POSITION
from xattn.tasks.speech_model import Heard, best_path
from xattn.training.losses import means

SMALL = Experiment(
    task=SpeechDigits(digits=(2, 3), seconds=2.0, train_examples=11, held_out_examples=5),
    model=Model(width=12, heads=2, layers=1, mlp=17, dropout=0.0),
    optimizer=Optimizer(warmup=0),
    training=Training(steps=5, batch_tokens=7 * 57),
)


def make(folder, **changes):
    config = replace(SMALL, task=replace(SMALL.task, **changes))
    return SpeechDigitsTask(runs.create(folder, config), Console(file=io.StringIO()))


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    return make(tmp_path_factory.mktemp("speech") / "run")


@pytest.fixture(scope="module")
def params(task):
    return task.parameters()


@pytest.fixture(scope="module")
def heard(task, params):
    """What the encoder leaves of the numbers of test."""
    (batch,) = task.batches("test")
    return jax.jit(lambda batch: task.listen(task.model(params), batch))(batch)


def test_gold_is_where_the_word_is_said(task):
    examples, gold = task.examples("test"), task.gold(task.examples("test"))
    assert gold.shape == (5, task.numbers.target_length, 50)
    for row in range(5):
        words = task.numbers.spell(examples.words[row])
        assert 2 <= len(words) <= 3
        assert set(words) <= set(WORDS)
        for word, (begin, end) in enumerate(examples.spans[row]):
            inside = [begin <= (s + 0.5) * POSITION < end for s in range(50)]
            assert gold[row, word].tolist() == inside
            assert any(inside) == (word < len(words))
        # Every moment is that of one word at most.
        assert gold[row].sum(axis=0).max() == 1
    one = jax.tree.map(lambda x: x[0], examples)
    source, target = task.labels(one)
    layout = task.layout(one)
    assert target == task.numbers.spell(one.words)
    assert len(source) == len(layout.seconds) == -(-int(one.length) // POSITION)
    assert source[:3] == ["0.00 s", "0.04 s", "0.08 s"]
    assert layout.signal.shape == (4 * len(source), 40)
    np.testing.assert_array_equal(layout.sound[: one.length], one.sound[: one.length])


def test_no_recording_is_in_two_splits_and_a_held_out_speaker_in_none(tmp_path):
    task = make(tmp_path / "run", held_out_speaker="low", test=("test", "unseen"))
    found = {
        split: {
            (each.digit, each.speaker, each.take)
            for shelf in task.numbers.shelf(split).values()
            for said in shelf
            for each in said
        }
        for split in ("train", "validation", "test", "unseen")
    }
    assert {each[1] for each in found.pop("unseen")} == {"low"}
    assert {each[1] for split in found.values() for each in split} == {"high", "middle"}
    assert sum(map(len, found.values())) == len(set().union(*found.values())) == 10 * 2 * 50
    assert {each[2] for each in found["test"]} == set(range(5))
    with pytest.raises(ConfigError, match=r"held_out_speaker is one of high, low, middle, not 'theo'\."):
        make(tmp_path / "other", held_out_speaker="theo").examples("train")


def test_pauses_are_longer_in_their_own_split(task):
    longest = []
    for split in ("test", "pauses"):
        examples = task.examples(split)
        longest.append(max(int(spans[0, 0]) for spans in examples.spans))
        assert task.numbers.shelf(split) == task.numbers.shelf("test")
    assert longest[1] > 0.2 * 8000 >= longest[0]
    with pytest.raises(ConfigError, match="There is no split 'unseen': there are train, validation, test, pauses"):
        task.examples("unseen")


def test_the_loss_is_weighted_and_ctc_is_that_of_each_number_alone(task, params, heard):
    (batch,) = task.batches("test")
    sums = means([task.apply(params, batch, None).sums])
    words = [until_end(row) for row in batch.examples.words[:5]]
    spelled = np.asarray(heard.spelled, float)
    count = sum(len(each) + 1 for each in words)
    alone = sum(_ctc(spelled[row, : -(-int(batch.examples.length[row]) // POSITION)], words[row]) for row in range(5))
    assert sums["ctc_loss"] == pytest.approx(alone / count, rel=1e-4)
    given = jnp.asarray(np.pad(batch.examples.words, ((0, 0), (1, 0)), constant_values=BOS)[:, :-1])
    said, _ = jax.jit(lambda memory, given: task.model(params).write(memory, given))(heard.memory, given)
    written = np.take_along_axis(np.asarray(said), batch.examples.words[..., None], axis=-1)[:5, :, 0]
    other = -written[batch.examples.words[:5] != PAD].sum() / count
    assert sums["loss"] == pytest.approx(0.7 * other + 0.3 * sums["ctc_loss"], rel=1e-5)


def _ctc(spelled, labels):
    """The negative log-likelihood of labels by Graves et al. (2006), equations 6 to 8, in float64."""
    padded = [PAD, *(each for label in labels for each in (label, PAD))]
    alpha = np.zeros(len(padded))
    alpha[:2] = np.exp(spelled[0, padded[:2]])
    for row in np.exp(spelled[1:]):
        before = alpha.copy()
        for s, label in enumerate(padded):
            alpha[s] += before[s - 1] if s > 0 else 0
            if s > 1 and label != PAD and label != padded[s - 2]:
                alpha[s] += before[s - 2]
            alpha[s] *= row[label]
    return -np.log(alpha[-1] + alpha[-2])


def test_the_best_path_merges_repeats_and_leaves_blanks_out():
    """Graves et al., 2006: a a blank a b b -> a a b; what lies in padding is not read."""
    path = np.array([[4, 4, 0, 4, 5, 5, 6], [0, 0, 0, 0, 0, 0, 0], [4, 5, 6, 7, 8, 9, 4]])
    real = jnp.asarray(np.arange(7) < np.array([[6], [7], [7]]))
    spelled = jnp.log(jax.nn.one_hot(path, 10) * 0.9 + 0.01)
    memory = Memory(tokens=jnp.zeros((3, 7, 2)), mask=real)
    written = best_path(Heard(memory, spelled, real), 5, PAD, EOS)
    assert written.tolist() == [[4, 4, 5, EOS, PAD], [EOS, PAD, PAD, PAD, PAD], [4, 5, 6, 7, 8]]


def test_ctc_alone_writes_and_has_no_attention(task, params, heard):
    alone = make(task.run.folder.parent / "ctc", ctc=1.0)
    (batch,) = alone.batches("test")
    assert alone.gold(batch.examples) is None
    spelled = best_path(heard, task.numbers.target_length, PAD, EOS)
    np.testing.assert_array_equal(alone.write(params, batch), spelled)
    scores = alone.split_metrics(params, "test")
    assert scores["wer"] == np.divide(*alone.output_metrics(task.examples("test"), np.asarray(spelled)[:5])["wer"])
    assert "ctc_wer" not in scores


def test_peaks_are_measured_from_the_middles_of_words(task, params, monkeypatch):
    """A peak in the middle of every word is off by half a position at most; in the contrary order tau is -1."""
    (batch,) = task.batches("test")
    middle = (batch.examples.spans.mean(axis=-1) // POSITION).astype(int)
    for peaks, tau in ((middle, 1.0), (49 - middle, -1.0)):
        weights = np.zeros((1, 7, 2, task.numbers.target_length, 50), np.float32)
        np.put_along_axis(weights[0, :, 1], peaks[..., None], 1.0, axis=-1)
        monkeypatch.setattr(task, "apply", lambda *_, weights=weights: Outcome({}, weights, weights[0, :, 0, 0] > 0))
        found = task.readout_metrics(params, "test", Readout(layer=0, head=1, convention="produced"))
        assert found["kendall"] == pytest.approx(tau)
        assert (found["offset_ms"] <= 20) == (tau == 1)


def test_a_recording_of_the_user_is_read(task, params, tmp_path):
    path = tmp_path / "number.wav"
    wavfile.write(path, 8000, task.examples("test").sound[0][:9_000])
    attention = task.file_map(params, path)
    assert attention.gold is None
    assert attention.provenance["file"] == "number.wav"
    assert len(attention.source) == 29  # 28.1 positions
    assert attention.layout.sound[:9_000].tolist() == task.examples("test").sound[0][:9_000].tolist()
    with pytest.raises(ConfigError, match="needs no text: leave 'two' out"):
        task.file_map(params, path, "two")
    wavfile.write(path, 8000, np.zeros(16_001, np.int16))
    with pytest.raises(UserError, match=r"number\.wav lasts 2\.00 seconds: the model was trained for 2 at most"):
        task.file_map(params, path)


def test_a_split_that_there_is_not_is_named_before_training(tmp_path):
    with pytest.raises(ConfigError, match="no split 'unseen': there are train, validation, test, pauses; unseen is of"):
        make(tmp_path / "run", test=("test", "unseen"))


def test_settings_that_fit_nothing_are_refused():
    for changes, message in [
        ({"digits": (4, 3)}, r"the smaller first, not \(4, 3\)"),
        ({"digits": (3, 3)}, r"task.seconds \(2\) must be at least 3"),
        ({"noise": (30.0, 20.0)}, r"the smaller first, not \(30.0, 20.0\)"),
    ]:
        with pytest.raises(ConfigError, match=message):
            replace(SMALL.task, **changes)
