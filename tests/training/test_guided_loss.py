"""The loss of guided alignment: by hand, in NumPy, and its gradients where a logarithm has none."""

import jax
import jax.numpy as jnp
import numpy as np

from xattn.attention import Dropout, Mask, cross_attention_with_aux
from xattn.training.guided_loss import guided_loss

T, S = 5, 7


def guide_of(random, *shape):
    linked = random.random(shape) < 0.4
    linked[..., 2, :] = False
    return (linked / np.maximum(linked.sum(-1, keepdims=True), 1)).astype(np.float32)


def test_it_is_that_of_numpy_and_so_are_its_gradients():
    random = np.random.default_rng(0)
    scores, guide = random.normal(size=(3, T, S)), guide_of(random, 3, T, S)

    def by_numpy(scores):
        logs = scores - np.log(np.exp(scores).sum(-1, keepdims=True))
        return -(guide.astype(np.float64) * logs).sum()

    def ours(scores):
        return guided_loss(jax.nn.softmax(scores), jnp.asarray(guide))

    loss, gradient = jax.value_and_grad(lambda x: ours(x).total)(jnp.asarray(scores, jnp.float32))
    np.testing.assert_allclose(loss, by_numpy(scores), rtol=1e-5)
    numeric = np.zeros_like(scores)
    for place in np.ndindex(scores.shape):
        step = np.zeros_like(scores)
        step[place] = 1e-4
        numeric[place] = (by_numpy(scores + step) - by_numpy(scores - step)) / 2e-4
    np.testing.assert_allclose(gradient, numeric, atol=1e-5)
    assert ours(jnp.asarray(scores, jnp.float32)).count == (guide.sum(-1) > 0).sum() == 3 * (T - 1)


def test_a_weight_of_zero_has_a_finite_loss_and_gradient():
    """A softmax that is sure of another key, a padded key, and a row that nobody asks for."""
    scores = jnp.array([[0.0, 300.0, -jnp.inf], [0.0, 300.0, -jnp.inf]])
    guide = jnp.array([[0.5, 0.0, 0.5], [0.0, 0.0, 0.0]])
    for scale in (1.0, 1e6):
        loss, gradient = jax.value_and_grad(lambda x, scale=scale: scale * guided_loss(jax.nn.softmax(x), guide).total)(
            scores
        )
        assert np.isfinite(loss)
        assert np.isfinite(gradient).all()
    near = jnp.array([[0.0, 60.0]])  # a weight of 1e-26 still learns: the gradient of a link is weight less share
    gradient = jax.grad(lambda x: guided_loss(jax.nn.softmax(x), jnp.array([[1.0, 0.0]])).total)(near)
    np.testing.assert_allclose(gradient, [[-1, 1]], rtol=1e-5)


def test_the_weights_that_attention_returns_are_those_before_dropout():
    random = np.random.default_rng(1)
    q, k = (jnp.asarray(random.normal(size=(2, length, 1, 4)), jnp.float32) for length in (T, S))
    dropout = Dropout(rate=0.5, seed=jnp.uint32(3), rows=jnp.arange(2, dtype=jnp.uint32))
    mask = Mask.keys(jnp.arange(S)[None] < jnp.array([[S], [3]]))
    (out, aux), (plain, wanted) = (
        cross_attention_with_aux(q, k, k, mask, dropout=each, returns=("weights",)) for each in (dropout, None)
    )
    assert not np.allclose(out, plain)
    np.testing.assert_array_equal(aux.weights, wanted.weights)
