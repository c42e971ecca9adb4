"""Captions of scenes: what the examples are, what a written caption is worth, and pictures of the user's own."""

import io
from dataclasses import replace

import jax
import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from xattn import cli
from xattn.config import Caption, Experiment, Model, Optimizer, Training
from xattn.config import files as configs
from xattn.data.benchmarks import scenes
from xattn.data.vocabulary import EOS
from xattn.errors import ConfigError, UserError
from xattn.runs import folder as runs
from xattn.tasks.array_evaluation import digest, pointing_by_group
from xattn.tasks.caption import CaptionTask, Examples

# Each cell of a scene is one patch, so that the gold of an object is its cell.
SMALL = Experiment(
    task=Caption(side=24, patch=8, objects=(1, 3), train_examples=11, held_out_examples=7, test=("test", "test_2")),
    model=Model(width=12, heads=2, layers=1, mlp=17, dropout=0.0),
    optimizer=Optimizer(warmup=0),
    training=Training(steps=1, batch_tokens=5 * 21),
)


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    return CaptionTask(runs.create(tmp_path_factory.mktemp("caption") / "run", SMALL), Console(file=io.StringIO()))


def test_examples_are_scenes_and_gold_is_where_their_objects_are(task):
    examples = task.examples("test_2")
    for number in range(7):
        scene = scenes.draw(0, "test_2", number, objects=(1, 3), kind="shapes", side=24)
        one = Examples(*(x[number] for x in examples))
        np.testing.assert_array_equal(one.picture, scene.picture)
        source, words = task.labels(one)
        assert words == list(scene.caption)
        assert len(words) == 7
        first, second = (thing.cell for thing in scene.things)
        expected = np.zeros((12, 9), bool)
        expected[0:3, first] = expected[4:7, second] = True  # the comma, and the end, are about nothing
        np.testing.assert_array_equal(one.gold, expected)
        assert (source[0], source[5], source[8]) == ("1,1", "2,3", "3,3")
        layout = task.layout(one)
        assert (layout.rows, layout.columns) == (3, 3)
        np.testing.assert_array_equal(layout.picture, scene.picture)
    assert digest(examples) != digest(task.examples("test"))


def test_a_caption_is_worth_its_attributes(task):
    examples = jax.tree.map(lambda x: x[:2], task.examples("test_2"))
    assert task.output_metrics(examples, examples.caption) == {"exact_match": (2, 2), "attribute_f1": (24, 24)}
    written = examples.caption.copy()
    colors = [task.words.numbers[color] for color in scenes.COLORS]
    written[0, 1] = next(color for color in colors if color != written[0, 1])  # one attribute is another
    written[1, 3] = EOS  # nothing of the second object
    assert task.output_metrics(examples, written) == {"exact_match": (0, 2), "attribute_f1": (2 * 8, 12 + 9)}
    shown = task.with_output(examples, written)
    np.testing.assert_array_equal(shown.gold[0], examples.gold[0])  # a wrong colour is a colour of the same object
    assert not shown.gold[1, 3:4].any()


def test_words_for_size_colour_and_shape_are_also_scored_apart(task):
    found = pointing_by_group(task, task.parameters(), "test_2")
    assert {name: each.rows for name, each in found.items()} == {"all": 42, "size": 14, "color": 14, "shape": 14}
    np.testing.assert_allclose(sum(found[name].hits for name in ("size", "color", "shape")), found["all"].hits)
    assert found["color"].chance / 14 == pytest.approx(1 / 9)


def test_baselines_are_captions_of_other_pictures(task):
    scores = task.baselines("test_2")
    assert scores["commonest caption"]["exact_match"] >= 1 / 7
    assert scores["another caption"]["attribute_f1"] < 0.8


def test_a_picture_of_the_user_is_read_as_one_of_the_data_is(task, tmp_path):
    examples, params = task.examples("test"), task.parameters()
    Image.fromarray(examples.picture[3]).save(tmp_path / "mine.png")
    mine, known = task.file_map(params, tmp_path / "mine.png"), task.example_map(params, "test", 3)
    assert mine.target == known.target
    np.testing.assert_allclose(mine.weights, known.weights, atol=1e-6)
    np.testing.assert_array_equal(mine.layout.picture, examples.picture[3])
    assert mine.gold is None
    assert mine.provenance["file"] == "mine.png"
    with pytest.raises(ConfigError, match="'caption' writes the text itself: leave 'a star' out"):
        task.file_map(params, tmp_path / "mine.png", "a star")
    Image.new("RGB", (3, 2)).save(tmp_path / "small.png")
    with pytest.raises(UserError, match="has 3 x 2 pixels: the model reads a picture of 24 x 24 pixels"):
        task.file_map(params, tmp_path / "small.png")


def test_the_command_takes_a_number_or_a_file(tmp_path, capsys):
    config = tmp_path / "config.py"
    config.write_text(
        '"""Question: ?"""\nfrom xattn.config import Caption, Experiment, Model, Optimizer, Training\n'
        "config = Experiment(task=Caption(side=24, patch=8, train_examples=8, held_out_examples=3), "
        "model=Model(width=8, heads=2, layers=1, mlp=8), optimizer=Optimizer(warmup=0), "
        "training=Training(steps=1, batch_tokens=200))\n"
    )
    run, picture = str(tmp_path / "run"), tmp_path / "a picture.png"
    assert cli.main(["train", str(config), "--run", run]) == 0
    Image.new("L", (24, 24), 200).save(picture)
    for name, start in {"a.png": b"\x89PNG", "a.html": b"<!"}.items():
        assert cli.main(["view", run, str(picture), "--output", str(tmp_path / name)]) == 0
        assert (tmp_path / name).read_bytes().startswith(start)
    capsys.readouterr()
    for words, message in [
        ([tmp_path / "none.png"], f"There is no file {tmp_path}/none.png: give a picture of 24 x 24 pixels"),
        ([config], f"{config} is not a picture: give a picture of 24 x 24 pixels, such as a PNG."),
        ([picture, "what", "is it"], "The task 'caption' shows one example at a time: give one number, or one file."),
        (["0", picture], "The task 'caption' shows one example at a time"),
        (["9"], "There is no example 9: test has 3, counted from 0."),
        ([picture, "--rows", "read"], "--rows belongs to text, and the task 'caption' has none"),
    ]:
        assert cli.main(["view", run, *map(str, words)]) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert message in err


def test_a_task_that_reads_no_file_says_so(tmp_path, capsys):
    from xattn.config import Recall
    from xattn.tasks.recall import RecallTask

    task = RecallTask(runs.create(tmp_path / "run", replace(SMALL, task=Recall())), Console(file=io.StringIO()))
    with pytest.raises(ConfigError, match="'recall' has no text to view, and reads no file: give the number of an"):
        task.file_map(None, tmp_path / "x.png")


def test_settings_are_checked():
    for arguments, message in [
        (["--task.objects", "3", "2"], r"task.objects is two numbers of objects from 1 to 9.*not \(3, 2\)"),
        (["--task.patch", "5"], r"task.patch must divide task.side \(24\), and 5 does not"),
        (["--task.side", "20"], "--task.side must be a whole number of at least 24"),
    ]:
        with pytest.raises(ConfigError, match=message):
            configs.override(SMALL, arguments)
