"""Associative recall, and through it what all rows of arrays share: batches, scores, gold, knock-out, pictures."""

import io
import json
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from rich.console import Console

from xattn.config import Experiment, Model, Optimizer, Recall, Training
from xattn.config import files as configs
from xattn.errors import ConfigError
from xattn.runs import folder as runs
from xattn.tasks.array_evaluation import knock_out, measure, pointing
from xattn.tasks.recall import RecallTask, draw
from xattn.training.losses import means

SMALL = Experiment(
    task=Recall(pairs=5, queries=3, keys=11, values=7, train_examples=23, held_out_examples=17),
    model=Model(width=12, heads=2, layers=1, mlp=17, dropout=0.0),
    optimizer=Optimizer(warmup=0),
    training=Training(steps=5, batch_tokens=8 * 7),
)


def make(folder, **changes):
    config = replace(SMALL, **changes)
    return RecallTask(runs.create(folder, config), Console(file=io.StringIO()))


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    return make(tmp_path_factory.mktemp("recall") / "run")


def test_an_example_depends_on_seed_split_and_number_alone():
    row = Recall()
    one = draw(row, "test", 3)
    for same, other in zip(one, draw(row, "test", 3), strict=True):
        np.testing.assert_array_equal(same, other)
    for changed in (draw(row, "test", 4), draw(row, "train", 3), draw(replace(row, seed=1), "test", 3)):
        assert (changed.pairs != one.pairs).any()


def test_keys_are_once_and_values_follow_them(task):
    pairs, asked = task.examples("train")
    assert pairs.shape == (23, 5, 2)
    assert all(len(set(keys)) == 5 for keys in pairs[..., 0].tolist())
    assert all(len(set(slots)) == 3 for slots in asked.tolist())
    assert {*pairs[..., 0].ravel()} == set(range(11))
    assert {*pairs[..., 1].ravel()} == set(range(11, 18))


def test_every_example_is_in_one_place_of_a_split_and_each_epoch_has_its_order(task):
    batches = list(task.validation_batches(1))
    assert [int(b.valid.sum()) for b in batches] == [7, 7, 3]
    joined = np.concatenate([b.examples.asked[np.asarray(b.valid)] for b in batches])
    np.testing.assert_array_equal(joined, task.examples("validation").asked)
    first, again, second = (np.concatenate([b.examples.asked for b in task.train_batches(e, 1)]) for e in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != second).any()
    for epoch, planned in ((None, batches), (0, list(task.train_batches(0, 1)))):
        shapes = [[jax.tree.map(np.shape, b) for b in each] for each in (task.batch_shapes(epoch, 1), planned)]
        assert shapes[0] == shapes[1]


def test_scores_are_those_of_the_model_by_plain_numpy(task):
    """Loss and recall over the real rows of all batches; what fills a batch counts nowhere."""
    params = task.parameters()
    found = means([task.apply(params, batch, None).sums for batch in task.validation_batches(1)])
    pairs, asked = task.examples("validation")
    model = nnx.merge(task.graph, params)
    chosen = np.take_along_axis(pairs, asked[..., None], axis=1)
    logits = np.asarray(jax.jit(lambda *x: model(*x)[0])(pairs, chosen[..., 0], jnp.ones(17, bool)), np.float64)
    right = logits.argmax(-1) == chosen[..., 1]
    answers = np.take_along_axis(logits, chosen[..., 1:], axis=-1)[..., 0]
    loss = np.log(np.exp(logits).sum(-1)) - answers
    assert (found["loss"], found["recall"]) == (pytest.approx(loss.mean(), rel=1e-4), pytest.approx(right.mean()))


def test_gold_is_the_slot_whose_value_answers(task):
    examples = task.examples("test")
    gold = task.gold(examples)
    assert (gold.sum(-1) == 1).all()
    example, query = 4, 2
    (slot,) = np.flatnonzero(gold[example, query])
    source, target = task.labels(jax.tree.map(lambda x: x[example], examples))
    assert source[slot].split("=")[0] + "?" == target[query]


def test_what_is_hidden_is_not_looked_at(task):
    batch, params = task.batches("test")[0], task.parameters()
    gold = task.gold(batch.examples)
    whole, hidden = task.apply(params, batch, None), task.apply(params, batch, gold)
    assert np.asarray(whole.weights)[np.broadcast_to(gold[None, :, None], whole.weights.shape)].min() > 0
    assert np.asarray(hidden.weights)[np.broadcast_to(gold[None, :, None], whole.weights.shape)].max() == 0
    np.testing.assert_allclose(hidden.weights.sum(-1), 1, rtol=1e-5)


@pytest.mark.parametrize("memory", ["latents", "shuffle", "none"])
def test_every_memory_is_scored_and_only_a_full_one_points(memory, tmp_path):
    task = make(tmp_path / "run", model=replace(SMALL.model, memory=memory, latents=2))
    params = task.parameters()
    row = measure(task, params, "test", None)
    assert row["examples"] == 17
    assert "pointing" not in row
    columns = {"latents": 2, "shuffle": 5, "none": 1}[memory]
    attention = task.example_map(params, "test", 16)
    assert attention.weights.shape == (1, 2, 3, columns)
    assert attention.gold is None


def test_what_a_memory_is_scored_by(task):
    """Knocked out, gold costs a model nothing that has learned nothing; pointing is near its chance of 1 in 5."""
    params = task.parameters()
    found = pointing(task, params, "test")
    assert (found.rows, found.chance / found.rows) == (17 * 3, pytest.approx(1 / 5))
    knocked = knock_out(task, params, "test")
    score = means([task.apply(params, batch, None).sums for batch in task.batches("test")])["recall"]
    assert knocked["whole"] == pytest.approx(score, abs=1e-4)
    assert knocked["drop"]["gold"] == pytest.approx(knocked["whole"] - knocked["without_gold"], abs=1e-4)
    assert set(task.baselines("test")) == {"chance", "commonest value"}


def test_the_settings_of_a_row_are_read_overridden_and_compared():
    changed = configs.override(SMALL, ["--task.pairs", "4", "--model.memory", "none"])
    assert configs.difference(SMALL, changed) == ["task.pairs: 5 -> 4", 'model.memory: "full" -> "none"']
    assert configs.from_dict(json.loads(json.dumps(configs.to_dict(changed)))) == changed
    for arguments, message in [
        (["--task.pair", "4"], "There is no field --task.pair. Did you mean --task.pairs?"),
        (["--task.pairs", "2"], r"task.queries \(3\) must be at most task.pairs \(2\)"),
        (["--task.pairs", "many"], "--task.pairs must be a whole number above 0, not 'many'."),
    ]:
        with pytest.raises(ConfigError, match=message):
            configs.override(SMALL, arguments)
