"""Claims about pictures: what words look at, what the score depends on, and the dual encoder beside it."""

import io
from dataclasses import replace

import jax
import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from xattn.config import Experiment, ImageTextMatch, Model, Optimizer, Training
from xattn.errors import UserError
from xattn.runs import folder as runs
from xattn.tasks.array_evaluation import measure, pointing_by_group
from xattn.tasks.imagetext_match import ImageTextMatchTask

# Each cell of a scene is one patch.
SMALL = Experiment(
    task=ImageTextMatch(side=24, patch=8, train_examples=11, held_out_examples=5, test=("test", "test_decoy")),
    model=Model(width=12, heads=2, layers=1, mlp=17, dropout=0.0),
    optimizer=Optimizer(warmup=0),
    training=Training(steps=1, batch_tokens=5 * 33),
)


def make(folder, **changes):
    return ImageTextMatchTask(runs.create(folder, replace(SMALL, **changes)), Console(file=io.StringIO()))


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    return make(tmp_path_factory.mktemp("match") / "run")


def test_examples_are_claims_and_gold_is_where_the_named_objects_are(task):
    examples = task.examples("test_decoy")
    for number in range(5):
        match = task.draw("test_decoy", number)
        one = jax.tree.map(lambda x: x[number], examples)  # noqa: B023
        source, words = task.labels(one)
        assert words == list(match.claims[0].words)
        assert source[4] == "2,2"
        first, second = (match.scene.things[place].cell for place in match.about)
        gold = [np.flatnonzero(row).tolist() for row in one.gold[: len(words)]]
        assert gold == [[first], [first], *[[]] * (len(words) - 4), [second], [second]]
        assert (bool(one.decoy[0]), bool(one.decoy[len(words) - 2])) == match.decoys
        np.testing.assert_array_equal(task.layout(one).picture, match.scene.picture)
    groups = task.groups(examples)
    assert groups["color"].sum() == groups["shape"].sum() == 10
    assert groups["color"][:, 0].all()
    assert (groups["color with a decoy"] <= groups["color"]).all()


def test_the_score_knows_of_the_picture_what_words_attend_to(task):
    """With all patches hidden from all words, another picture has the same scores."""
    params, batch = task.parameters(), task.batches("test")[0]
    other = batch._replace(examples=batch.examples._replace(picture=255 - batch.examples.picture))
    nothing = np.ones((5, 6, 9), bool)
    seen = [jax.device_get(task.apply(params, each, ~nothing)) for each in (batch, other)]
    blind = [jax.device_get(task.apply(params, each, nothing)) for each in (batch, other)]
    assert blind[0].sums == blind[1].sums
    assert seen[0].sums["loss"] != seen[1].sums["loss"]
    np.testing.assert_allclose(seen[0].weights.sum(axis=-1), 1, rtol=1e-5)
    assert not blind[0].weights.any()
    found = pointing_by_group(task, params, "test_decoy")
    assert (found["all"].rows, found["color"].rows) == (20, 10)
    assert found["color"].chance / 10 == pytest.approx(1 / 9)


def test_the_dual_encoder_is_trained_by_contrast(tmp_path):
    """The loss is that of NumPy, with swaps among the texts and without; there is no gold, and no pointing."""
    for swaps in (True, False):
        task = make(tmp_path / str(swaps), task=replace(SMALL.task, matcher="dual", swaps=swaps))
        params, batch = task.parameters(), task.batches("test")[0]

        @jax.jit
        def vectors(params, batch, task=task):
            model = task.model(params)
            return model.picture(model.encode(batch.examples.picture, batch.valid)), model.text(batch.examples.texts)

        pictures, texts = (np.asarray(each, np.float64) for each in vectors(params, batch))
        fit = 10 * np.einsum("BD,CKD->BCK", pictures, texts)
        among = fit.reshape(5, -1) if swaps else fit[..., 0]
        own = fit[np.arange(5), np.arange(5), 0]
        loss = np.log(np.exp(among).sum(axis=1)) - own + np.log(np.exp(fit[..., 0]).sum(axis=0)) - own
        outcome = task.apply(params, batch, None)
        assert float(outcome.sums["loss"].total) == pytest.approx(loss.sum(), rel=1e-4)
        right = (own[:, None] > fit[np.arange(5), np.arange(5), 1:3]).mean()
        assert float(outcome.sums["swap_accuracy"].total) / 5 == pytest.approx(right)
        np.testing.assert_allclose(outcome.weights, 1 / 9, rtol=1e-6)
        assert task.gold(batch.examples) is None
        assert task.verdict(batch.examples) == ""


def test_a_claim_is_retrieved_by_any_picture_that_it_is_true_of(task):
    task.__dict__["retrieve"] = lambda params, batch: np.arange(5)
    assert task.split_metrics(None, "test") == {"retrieval_of_5": 1.0}
    task.__dict__["retrieve"] = lambda params, batch: (np.arange(5) + 1) % 5
    assert task.split_metrics(None, "test") == {"retrieval_of_5": 0.0}
    del task.__dict__["retrieve"]
    row = measure(task, task.parameters(), "test", None)
    assert 0 <= row["retrieval_of_5"] <= 1
    assert row["baselines"] == {"bag of words": {"swap_accuracy": 0.5}}


def test_a_picture_of_the_user_comes_with_a_claim(task, tmp_path):
    params, match = task.parameters(), task.draw("test", 2)
    Image.fromarray(match.scene.picture).save(tmp_path / "mine.png")
    mine = task.file_map(params, tmp_path / "mine.png", " ".join(match.claims[0].words))
    known = task.example_map(params, "test", 2)
    assert mine.target == known.target
    np.testing.assert_allclose(mine.weights, known.weights, atol=1e-6)
    assert mine.note == known.note
    assert mine.note.startswith("fits with probability 0.")
    for text, message in [
        (None, f'A claim about {tmp_path}/mine.png is missing: give one after it, such as "red square left of blue'),
        ("a red fox", "'a' is no word of claims: a claim is two to six words, such as"),
        ("red red red red red red red", "'red red red red red red red' has 7 words: a claim is two to six words"),
        (" ", "' ' has 0 words"),
    ]:
        with pytest.raises(UserError) as error:
            task.read_file(tmp_path / "mine.png", text)
        assert message in str(error.value)
