"""How far a NaN in a value spreads beyond the queries that attend to it, as docs/functions.md says."""

import jax.numpy as jnp
import numpy as np
import pytest

from xattn.attention import Mask, cross_attention

T, S = 6, 9
BLIND = 4


@pytest.mark.parametrize(("name", "reached"), [
    ("neighbors", {1}), ("chunked", {0, 1}), ("chunked_jvp", {0, 1}), ("dense", set(range(T)) - {BLIND}),
    ("jax_nn", set(range(T)) - {BLIND}),
])  # fmt: skip
def test_a_nan_in_a_value_reaches_as_many_queries_as_documented(name, reached):
    """Key 3 is seen by query 1 alone, of one example and one head; the tiles have 2 queries and 3 keys."""
    seen = np.ones((2, 1, T, S), bool)
    seen[0, 0, :, 3] = np.arange(T) == 1
    seen[0, 0, BLIND] = False
    lists = Mask.neighbors(np.broadcast_to(np.arange(S), (T, S))) if name == "neighbors" else Mask()
    q, v = jnp.ones((2, T, 2, 4)), jnp.ones((2, S, 2, 4)).at[0, 3, 1].set(jnp.nan)
    block = (2, 3) if name.startswith("chunked") else None
    out = cross_attention(q, jnp.ones_like(v), v, Mask.dense(seen) & lists, implementation=name, block=block)
    wanted = np.zeros((2, T, 2), bool)
    wanted[0, sorted(reached), 1] = True
    np.testing.assert_array_equal(np.isnan(out).any(-1), wanted)
    assert not np.asarray(out)[0, BLIND].any()
