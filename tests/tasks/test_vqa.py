"""Questions about scenes: gold patches, groups of queries, splits, and pictures and questions of the user."""

import io

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from xattn import cli
from xattn.config import files as configs
from xattn.data.benchmarks import questions
from xattn.errors import ConfigError, UserError
from xattn.runs import folder as runs
from xattn.tasks.vqa import Examples, VqaTask

CONFIG = '''"""Question: does it answer?"""
from xattn.config import Experiment, Model, Optimizer, Training, Vqa
config = Experiment(
    task=Vqa(train_examples=23, held_out_examples=40, side=30, patch=6, encoder_layers=0),
    model=Model(width=12, heads=2, layers=1, mlp=17, dropout=0.0),
    optimizer=Optimizer(warmup=0),
    training=Training(steps=2, batch_tokens=8 * 41, validate_every=2),
)
'''
QUESTION = "Is there a red shape above a circle?"


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    """The task of a run that was trained for two steps."""
    config = tmp_path_factory.mktemp("vqa") / "small.py"
    config.write_text(CONFIG)
    assert cli.main(["train", str(config), "--run", str(config.with_name("run"))]) == 0
    return VqaTask(runs.open_run(config.with_name("run")), Console(file=io.StringIO()))


@pytest.fixture
def picture(task, tmp_path):
    """The first picture of the test split, as a file."""
    path = tmp_path / "scene.png"
    Image.fromarray(task.examples("test").picture[0]).save(path)
    return path


def test_gold_is_where_the_objects_that_a_word_means_are(task):
    """Patches of 6 pixels on cells of 10: an object lies in its cell, so on the patches that touch it."""
    examples, gold = task.examples("test"), task.gold(task.examples("test"))
    assert examples.picture.shape == (40, 30, 30, 3)
    assert (gold.any(axis=(1, 2)) == (examples.answer == 1)).all()
    touched = {0: (0, 1), 1: (1, 2, 3), 2: (3, 4)}
    for number in np.flatnonzero(examples.answer):
        question, things, _ = questions.draw(0, "test", int(number), (0, 2))
        meant = question.meant(questions.placed(things))
        words, named = question.phrased
        for place, noun in enumerate((1, *named)):
            patches = {divmod(patch, 5) for patch in np.flatnonzero(gold[number, place]).tolist()}
            cells = [divmod(cell, 3) for cell in meant[noun - 1]] if noun else []
            allowed = {(y, x) for row, column in cells for y in touched[row] for x in touched[column]}
            assert patches <= allowed
            for row, column in cells:  # every object has a patch
                assert patches & {(y, x) for y in touched[row] for x in touched[column]}
        labels = task.labels(Examples(*(each[number] for each in examples)))
        assert labels[1] == ["answer: yes", *words]
        assert len(labels[0]) == 25


def test_groups_tell_the_object_that_is_asked_for_from_others(task):
    examples = task.examples("test")
    groups = task.groups(examples)
    for number in np.flatnonzero(examples.answer):
        words = ["<answer>", *questions.draw(0, "test", int(number), (0, 2))[0].words]
        said = {name: [words[place] for place in np.flatnonzero(rows[number])] for name, rows in groups.items()}
        nouns = [word for word in words if word in (*questions.COLORS, *questions.SHAPES, "shape")]
        assert said["answer"] == ["<answer>"]
        assert said["asked for"] + said["others"] == nouns
        assert len(said["asked for"]) in (1, 2)


def test_splits_have_questions_with_so_many_relations(task):
    for relations in (0, 1, 2):
        examples = task.examples(f"test_{relations}")
        told = np.isin(examples.question, task.vocabulary.encode(["above", "below", "left", "right"]))
        assert (told.sum(axis=1) == relations).all()
    for split in ("dev", "test_3", "test_x"):
        with pytest.raises(ConfigError, match=r"0 to 2 relations, such as test_2\."):
            task.examples(split)
    (baseline,) = task.baselines("test").values()
    assert baseline["accuracy"] == 1 - task.examples("test").answer.mean()


def test_a_picture_shows_the_answer_of_the_model(task):
    params, batch = task.parameters(), task.batches("test")[0]
    shown = task.with_own_output(params, batch).examples
    right = shown.answer == batch.examples.answer
    assert (task.gold(shown)[~right] == 0).all()
    assert (task.gold(shown)[right] == batch.examples.gold[right]).all()


def test_a_picture_and_a_question_of_the_user(task, picture, tmp_path, capsys):
    params = task.parameters()
    own, known = task.file_map(params, picture, QUESTION), task.example_map(params, "test", 0)
    assert own.target[1:] == ["is", "there", "a", "red", "shape", "above", "a", "circle"]
    assert own.gold is None
    np.testing.assert_array_equal(own.layout.picture, known.layout.picture)
    view = ["view", str(task.run.folder), str(picture)]
    assert cli.main([*view, QUESTION, "--output", str(tmp_path / "a.html")]) == 0
    assert '"above"' in (tmp_path / "a.html").read_text()
    capsys.readouterr()
    for words, message in [
        ([], 'Give a question after the picture, such as "is there a red shape above a circle?".'),
        (["is there a purple shape"], "The model knows no word 'purple'."),
        ([" ".join(16 * ["a"])], "The question has 16 words; it must have 1 to 15"),
        (["?"], "The question has 0 words"),
        (["is there", "a circle"], "shows one example at a time"),
    ]:
        assert cli.main([*view, *words]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1
    with pytest.raises(UserError, match="is not a picture"):
        task.read_file(task.run.folder / "config.json", QUESTION)


def test_settings_that_no_question_can_have_are_explained(task):
    for arguments, message in [
        (["--task.relations", "2", "1"], "two numbers of relations from 0 to 4"),
        (["--task.patch", "7"], r"must divide task.side \(30\), and 7 does not"),
    ]:
        with pytest.raises(ConfigError, match=message):
            configs.override(task.config, arguments)
