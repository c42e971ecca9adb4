"""One stack against encoder and cross-decoder: parameters, costs, masks, and what each writes on its own."""

import io
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from rich.console import Console

from xattn.config import Experiment, Model, Optimizer, SelfCross, Training
from xattn.data.vocabulary import BOS, EOS, PAD
from xattn.errors import ConfigError
from xattn.nn import attention
from xattn.runs import folder as runs
from xattn.tasks.self_cross import SelfCrossTask, cached_bytes, score_entries
from xattn.tasks.sequence_task import until_end

SMALL = Experiment(
    task=SelfCross(train_examples=29, held_out_examples=7),
    model=Model(width=12, heads=2, layers=1, mlp=17, dropout=0.0),
    optimizer=Optimizer(warmup=0),
    training=Training(steps=5, batch_tokens=200),
)


def make(folder, stack, **changes):
    config = replace(SMALL, task=replace(SMALL.task, stack=stack), **changes)
    return SelfCrossTask(runs.create(folder, config), Console(file=io.StringIO()))


@pytest.fixture(scope="module", params=["cross", "self"])
def task(request, tmp_path_factory):
    return make(tmp_path_factory.mktemp(request.param) / "run", request.param)


@pytest.fixture(scope="module")
def predict(task):
    """Compiled once for all tests: `predict(params, batch, given, hide)`."""
    return jax.jit(lambda p, b, given, hide: task.predict(task.model(p), b, jnp.asarray(given), None, hide))


def nothing(task, batch):
    return np.zeros((len(batch.valid), task.lengths[1], task.lengths[0]), bool)


@pytest.mark.parametrize("model", [SMALL.model, Model(width=64, mlp=128), Model(width=40, mlp=36, layers=3)])
def test_both_have_the_same_parameters(model, tmp_path):
    sizes = {}
    for stack in ("cross", "self"):
        shapes = make(tmp_path / stack, stack, model=model).parameters
        sizes[stack] = sum(leaf.size for leaf in jax.tree.leaves(jax.eval_shape(shapes)))
    assert sizes["self"] == pytest.approx(sizes["cross"], rel=0.01)


def test_the_costs_are_those_of_the_arrays(task, monkeypatch):
    """Every call of attention is counted while shapes are traced, and every key and value that a step is given."""
    scores, call = [], attention.cross_attention_with_aux
    monkeypatch.setattr(
        attention,
        "cross_attention_with_aux",
        lambda q, k, *rest, **named: scores.append(q.shape[-3] * k.shape[-3]) or call(q, k, *rest, **named),
    )
    stack, model = task.settings.stack, task.config.model
    batch, (source, target) = task.batches("test")[0], task.lengths
    params = jax.eval_shape(task.parameters)
    jax.eval_shape(lambda p, b: task.forward(task.model(p), b, None), params, batch)
    assert sum(scores) == score_entries(stack, model.layers, source, target)

    def kept(params, batch):
        _, state = task.decode_step(task.model(params), batch, target)
        if stack == "self":
            return state
        built = task.model(params)
        return state, built.decoder.project_memory(built.encode(batch.examples.source, batch.examples.source != PAD))

    leaves = jax.tree.leaves(jax.eval_shape(kept, params, batch))
    size = sum(leaf.size * leaf.dtype.itemsize for leaf in leaves if leaf.dtype == jnp.float32)
    assert size == len(batch.valid) * cached_bytes(stack, model, source, target)


def test_what_it_writes_is_what_the_whole_decoder_would(task, predict):
    """Greedy writing from the caches, against the full forward pass over what was written, word by word."""
    params, batch = task.parameters(), task.batches("test")[0]
    written = np.asarray(task.write(params, batch))
    given = np.pad(written, ((0, 0), (1, 0)), constant_values=BOS)[:, :-1]
    whole = np.asarray(predict(params, batch, given, nothing(task, batch)).log_probabilities).argmax(-1)
    for row in np.flatnonzero(batch.valid):
        length = min(len(until_end(written[row])) + 1, written.shape[1])
        np.testing.assert_array_equal(written[row, :length], whole[row, :length])
        assert (written[row, length:] == PAD).all()


def test_no_word_is_known_before_it_is_written(task, predict):
    """Another last word changes nothing before it, and a hidden source is not looked at."""
    params, batch = task.parameters(), task.batches("test")[0]
    given = np.tile(np.arange(task.lengths[1]) % 5 + 4, (len(batch.valid), 1)).astype(np.int32)
    other = given.copy()
    other[:, 7:] += 1
    one, two = (predict(params, batch, each, nothing(task, batch)) for each in (given, other))
    np.testing.assert_array_equal(one.log_probabilities[:, :7], two.log_probabilities[:, :7])
    assert np.abs(one.log_probabilities[:, 7] - two.log_probabilities[:, 7]).max() > 1e-3
    hidden = predict(params, batch, given, ~nothing(task, batch))
    assert np.asarray(one.weights).sum() > 0
    assert np.asarray(hidden.weights).max() == 0


def test_the_one_stack_looks_at_source_and_past(tmp_path):
    task = make(tmp_path / "run", "self")
    params, batch = task.parameters(), task.batches("test")[0]
    source = jnp.asarray(batch.examples.source)
    given = jnp.pad(jnp.asarray(batch.examples.target), ((0, 0), (1, 0)), constant_values=BOS)[:, :-1]
    _, to_source, to_past = jax.jit(lambda p: task.model(p)(source, source != PAD, given))(params)
    assert to_source.shape == (2, len(source), 2, task.lengths[1], task.lengths[0])
    np.testing.assert_allclose(to_source.sum(-1) + to_past.sum(-1), 1, rtol=1e-5)
    assert float(jnp.abs(jnp.triu(to_past, 1)).max()) == 0
    assert float(jnp.where((source == PAD)[None, :, None, None], to_source, 0).max()) == 0


def test_gold_is_the_grammars(task):
    examples = task.examples("test")
    gold = task.gold(examples)
    for number, pair in enumerate(task.sentences["test"]):
        assert set(zip(*np.nonzero(gold[number].T), strict=True)) == set(pair.possible)
        english, french = task.labels(jax.tree.map(lambda x: x[number], examples))  # noqa: B023
        assert len(english) == len(pair.english.split())
        assert len(french) == len(pair.target.split())


def test_exact_matches_are_counted(task):
    examples = task.examples("test")
    assert task.output_metrics(examples, examples.target)["exact_match"] == (7, 7)
    wrong = examples.target.copy()
    wrong[2, 0] = EOS
    assert task.output_metrics(examples, wrong)["exact_match"] == (6, 7)
    assert not task.gold(task.with_output(examples, wrong))[2, 0].any()


def test_a_stack_of_its_own_has_no_memory_to_replace(tmp_path):
    with pytest.raises(ConfigError, match=r"task.stack 'self' has no memory.*model.memory must be 'full', not 'mean'"):
        make(tmp_path / "run", "self", model=replace(SMALL.model, memory="mean"))
    with pytest.raises(ConfigError, match="There is no split 'long'"):
        make(tmp_path / "other", "cross").read("long")
