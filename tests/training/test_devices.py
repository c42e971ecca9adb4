"""One device, a sharded jit and pmap: the same parameters, with unequal padding per device and with dropout."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from xattn.nn.dimensions import Dimensions
from xattn.nn.dropout import DropoutKey
from xattn.nn.encoder_decoder import EncoderDecoder
from xattn.training import devices
from xattn.training.losses import cross_entropy, means, sum_of
from xattn.training.step import make_eval, make_update, start

B, S, T, V = 16, 7, 5, 31


@pytest.fixture(scope="module")
def task():
    dims = Dimensions(width=12, heads=2, layers=1, mlp=17)
    model = nnx.jit(lambda: EncoderDecoder(vocabulary=V, dims=dims, rngs=nnx.Rngs(0)))()
    graph, params = nnx.split(model, nnx.Param)

    def loss(params, batch, step):
        dropout_key = DropoutKey(seed=step.astype(jnp.uint32), rows=batch["rows"], rate=0.2, attention_rate=0.1)
        logits, _ = nnx.merge(graph, params)(batch["source"], batch["source_mask"], batch["target"], dropout_key)
        return {"loss": sum_of(cross_entropy(logits, batch["target"]), batch["target_mask"])}

    return nnx.to_pure_dict(params), loss


def batches():
    rng = np.random.default_rng(0)
    for _ in range(3):
        lengths = rng.integers(1, T + 1, B)
        lengths[:4] = 0  # Of eight devices two get rows of padding only.
        yield {
            "source": rng.integers(0, V, (B, S)).astype(np.int32),
            "source_mask": np.arange(S)[None] < rng.integers(1, S + 1, (B, 1)),
            "target": rng.integers(0, V, (B, T)).astype(np.int32),
            "target_mask": np.arange(T)[None] < lengths[:, None],
            "rows": np.arange(B, dtype=np.uint32),
        }


def train(task, strategy):
    params, loss = task
    placement = devices.place(strategy)
    tx = optax.adamw(1e-2)
    update = placement.compile(make_update(loss, tx), donate=True)
    look = placement.compile(make_eval(lambda params, batch: loss(params, batch, jnp.int32(0))))
    state = placement.replicate(jax.tree.map(np.array, start(params, tx)))
    losses = []
    for batch in batches():
        state, sums = update(state, placement.cut(batch))
        losses.append(means([placement.fetch(sums)])["loss"])
    seen = means([placement.fetch(look(state.params, placement.cut(batch))) for batch in batches()])["loss"]
    return placement.fetch(state), losses, seen


def test_all_strategies_train_the_same_parameters(task):
    assert jax.device_count() == 8
    state, losses, seen = train(task, "single")
    assert int(state.step) == 3
    for strategy in ("jit", "pmap"):
        other, other_losses, other_seen = train(task, strategy)
        np.testing.assert_allclose(other_losses, losses, rtol=1e-5)
        np.testing.assert_allclose(other_seen, seen, rtol=1e-5)
        # Adam divides by gradients that may be near zero, so single entries differ by more than their rounding.
        for a, b in zip(jax.tree.leaves(state.params), jax.tree.leaves(other.params), strict=True):
            np.testing.assert_allclose(a, b, atol=2e-4)


def test_a_mean_of_device_means_would_be_seen(task):
    """The tolerance above tells right from the classic mistake: dividing on every device before adding."""
    params, loss = task
    gradient = jax.jit(jax.grad(lambda p, b: (s := loss(p, b, jnp.int32(0))["loss"]).total / jnp.maximum(s.count, 1)))
    batch = next(batches())
    whole = gradient(params, batch)
    shares = [gradient(params, {k: v[i : i + 2] for k, v in batch.items()}) for i in range(0, B, 2)]
    mean = jax.tree.map(lambda *g: sum(g) / len(g), *shares)
    worst = max(float(np.abs(a - b).max()) for a, b in zip(jax.tree.leaves(whole), jax.tree.leaves(mean), strict=True))
    assert worst > 1e-2
