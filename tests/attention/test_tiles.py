"""Batch and heads that are taken some at a time."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xattn.attention import chunked
from xattn.attention.tiles import choose_blocks


@pytest.mark.parametrize("which", ["grouped_shared_memory", "everything"])
def test_one_example_and_one_key_head_at_a_time_give_the_definition_and_the_gradients_of_all(
    which, problems, serve, monkeypatch
):
    problem, returns = problems[which], ("lse", "key_mass")
    arrays = problem.differentiable(jnp.float32)

    def scalar(arrays, run):
        out, aux = run(arrays)
        return (out**2).sum() + jnp.where(jnp.isfinite(aux.lse), aux.lse, 0).sum() + (aux.key_mass**2).sum(), (out, aux)

    def answer(name):
        run = serve(name, problem, returns=returns)
        return jax.jit(jax.value_and_grad(lambda arrays: scalar(arrays, run), has_aux=True))(arrays)

    monkeypatch.setattr(chunked, "choose_blocks", lambda sizes, block: (1, 1, *block))
    (_, (out, aux)), gradients = answer("chunked")
    (_, _), want = answer("dense")
    solved = problem.solve()
    for have, name in ((out, "out"), (aux.lse, "lse"), (aux.key_mass, "key_mass")):
        np.testing.assert_allclose(have, solved[name], rtol=2e-5, atol=3e-6)
    for name, gradient in gradients.items():
        np.testing.assert_allclose(gradient, want[name], rtol=2e-4, atol=2e-5, err_msg=name)


def test_a_tile_of_a_cpu_is_one_block_of_one_head_for_every_core(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "cpu")
    monkeypatch.setattr(jax, "device_count", lambda: 1)
    sizes = {"B": 6, "K": 4, "G": 1, "N": 4, "T": 5000, "S": 3000, "H": 5, "Hv": 3}
    for cores, want in ((1, (1, 1)), (2, (1, 2)), (8, (2, 4)), (64, (6, 4))):
        monkeypatch.setattr("xattn.attention.tiles.cores", lambda cores=cores: cores)
        assert choose_blocks(sizes, (512, 256)) == (*want, 512, 256)
