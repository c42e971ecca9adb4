"""Pictures from sentences: gold, scores, the user's own sentences, and what pictures of them show."""

import io

import jax
import numpy as np
import pytest
from rich.console import Console

from xattn import cli
from xattn.config import files as configs
from xattn.data.benchmarks import cells
from xattn.errors import ConfigError
from xattn.runs import folder as runs
from xattn.tasks.text_to_image import Examples, TextToImageTask
from xattn.training.losses import means

CONFIG = '''"""Question: does it draw?"""
from xattn.config import Experiment, Model, Optimizer, TextToImage, Training
config = Experiment(
    task=TextToImage(things=(1, 3), train_examples=23, held_out_examples=11),
    model=Model(width=12, heads=2, layers=1, mlp=17, dropout=0.0),
    optimizer=Optimizer(warmup=0),
    training=Training(steps=2, batch_tokens=8 * 39, validate_every=2),
)
'''
OWN = "A red square in the top left, and a blue circle below it."


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    """The task of a run that was trained for two steps."""
    config = tmp_path_factory.mktemp("text_to_image") / "small.py"
    config.write_text(CONFIG)
    assert cli.main(["train", str(config), "--run", str(config.with_name("run"))]) == 0
    return TextToImageTask(runs.open_run(config.with_name("run")), Console(file=io.StringIO()))


def test_gold_is_the_phrase_of_the_thing_in_a_cell(task):
    examples = task.examples("test")
    gold = task.gold(examples)
    assert gold.shape == (11, 16, 3 * 8 - 1)
    assert (gold.any(-1) == (examples.cells > 0)).all()
    scene = cells.draw(0, "test", 4, things=(1, 3), relative=0.25)
    source, target = task.labels(jax.tree.map(lambda x: x[4], examples))
    assert tuple(source) == scene.words
    for cell in np.flatnonzero(examples.cells[4]):
        words = " ".join(source[place] for place in np.flatnonzero(gold[4, cell]))
        assert words.startswith(f"a {cells.CODES[scene.cells[cell]]} ")
        assert target[cell] == f"{cells.CODES[scene.cells[cell]]}, {cells.PLACES[cell]}"
    assert sum(each.startswith("empty, ") for each in target) == 16 - max(scene.things)


def test_scores_are_those_of_the_written_picture_by_plain_numpy(task):
    params = task.parameters()
    found = means([task.apply(params, batch, None).sums for batch in task.batches("test")])
    examples = task.examples("test")
    right = np.asarray(task.paint(params, examples.words)) == examples.cells
    assert found["filled_cells"] == pytest.approx(right[examples.cells > 0].mean())
    assert found["all_cells"] == pytest.approx(right.mean())
    assert found["whole_pictures"] == pytest.approx(right.all(axis=1).mean())


def test_baselines_by_hand(task, monkeypatch):
    held = np.array([[1, 1, 2] + 13 * [0], [3] + 15 * [0]])
    monkeypatch.setattr(task, "examples", lambda split: Examples(held, held, held, held))
    baselines = task.baselines("test")
    assert baselines["commonest code"]["filled_cells"] == pytest.approx(2 / 4)
    # Of three things, two alike: 2/3, 2/3 and 1/3 of a guess are right; of one thing, all.
    assert baselines["a thing of the sentence"]["filled_cells"] == pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 1) / 4)


def test_a_picture_shows_what_the_model_made(task):
    params = task.parameters()
    batch = task.batches("test")[0]
    shown = task.with_own_output(params, batch).examples
    np.testing.assert_array_equal(shown.cells, task.paint(params, batch.examples.words))
    assert (task.gold(shown).any(-1) == ((shown.cells == batch.examples.cells) & (batch.examples.cells > 0))).all()
    attention = task.example_map(params, "test", 2)
    assert attention.layout.name == "cells"
    np.testing.assert_array_equal(attention.layout.picture, cells.picture(shown.cells[2]))


def test_a_sentence_of_the_user_is_read_and_has_no_gold(task):
    attention = task.given_map(task.parameters(), [OWN])
    assert " ".join(attention.source) == "a red square in the top left , and a blue circle below it"
    assert attention.gold is None
    np.testing.assert_allclose(attention.weights.sum(-1), 1, rtol=1e-5)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a crimson square"], "The model knows no word 'crimson'. There are: a, above, and"),
        (["a red squares in the top left"], "The model knows no word 'squares'. Did you mean square?"),
        (["a red square !"], "The model knows no word '!'."),
        (["a", "red", "square"], "draws one sentence, but there are 3 texts: put it in quotes."),
        ([" ".join(24 * ["a"])], "The sentence has 24 words; it must have 1 to 23"),
        (["."], "The sentence has 0 words"),
    ],
)
def test_sentences_that_cannot_be_drawn_are_explained(task, words, message):
    with pytest.raises(ConfigError) as error:
        task.given_map(None, words)
    assert message in str(error.value)


def test_settings_that_no_picture_can_have_are_explained(task):
    for arguments in (["--task.things", "0", "3"], ["--task.things", "5", "4"], ["--task.things", "1", "17"]):
        with pytest.raises(ConfigError, match="from 1 to 16"):
            configs.override(task.config, arguments)


def test_it_is_seen_in_the_terminal_in_a_figure_and_in_the_page(task, tmp_path, capsys):
    """From the command line, with a sentence of one's own; a mistake is one line."""
    view = ["view", str(task.run.folder)]
    assert cli.main([*view, OWN, "--color", "never"]) == 0
    assert "attention weights, layer 0, head mean" in capsys.readouterr().out
    for suffix in ("svg", "html"):
        assert cli.main([*view, OWN, "--output", str(tmp_path / f"a.{suffix}")]) == 0
    assert "circle" in (tmp_path / "a.svg").read_text()
    page = (tmp_path / "a.html").read_text()
    assert 'name:"cells"' in page
    assert '"a", "red", "square"' in page
    capsys.readouterr()
    assert cli.main([*view, "a red sqare in the top left"]) == 2
    assert capsys.readouterr().err == "xattn: The model knows no word 'sqare'. Did you mean square?\n"
