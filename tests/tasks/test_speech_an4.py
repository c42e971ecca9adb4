"""AN4: its splits are of different speakers, and its words are spelt."""

import io

import jax
import numpy as np
import pytest
from rich.console import Console

from xattn.config import Experiment, Model, Optimizer, SpeechAn4, Training
from xattn.data.benchmarks.an4 import with_deltas
from xattn.errors import ConfigError
from xattn.runs import folder as runs
from xattn.tasks.speech_an4 import SpeechAn4Task


@pytest.fixture
def make(an4_files, archived, tmp_path):
    corpus = str(archived(an4_files))

    def made(**changes):
        config = Experiment(
            task=SpeechAn4(corpus=corpus, encoder_layers=1, **{"held_out_speakers": 1} | changes),
            model=Model(width=12, heads=2, layers=1, mlp=17, dropout=0.0),
            optimizer=Optimizer(warmup=0),
            training=Training(steps=5, batch_tokens=200),
        )
        return SpeechAn4Task(runs.create(tmp_path / "run", config), Console(file=io.StringIO()))

    return made


def test_a_speaker_is_in_one_split_and_words_are_spelt(make):
    task = make()
    speakers = {split: {each.speaker for each in task.utterances[split]} for split in ("train", "validation", "test")}
    assert speakers == {"train": {"fash", "mxyz"}, "validation": {"fabc"}, "test": {"mtst"}}
    examples = task.examples("train")
    assert examples.frames.shape == (20, 56, 39)  # "A B TWO" has 7 characters
    said = task.utterances["train"][2]
    assert task.spell(examples.text[2]) == ["GO", "TEN"] == list(said.words)
    assert examples.length[2] == 48
    np.testing.assert_array_equal(examples.frames[2, :48], with_deltas(said.frames))
    assert not examples.frames[2, 48:].any()
    one = jax.tree.map(lambda x: x[2], examples)
    source, target = task.labels(one)
    assert target == ["G", "O", "·", "T", "E", "N"]
    assert source == [f"{0.04 * place:.2f} s" for place in range(12)]
    assert task.layout(one).signal.shape == (48, 40)
    assert task.gold(examples) is None


def test_splits_and_speakers_that_there_are_not_are_named(make):
    with pytest.raises(ConfigError, match="There is no split 'dev': there are train, validation, test"):
        make(test=("dev",))


def test_somebody_is_left_to_train_on(make):
    with pytest.raises(ConfigError, match=r"task.held_out_speakers \(3\) must be below the 3 speakers of training"):
        make(held_out_speakers=3).examples("train")
