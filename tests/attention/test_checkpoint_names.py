"""Under `jax.checkpoint`, a policy can keep the output and the lse: then the backward pass does not attend again."""

import jax
import jax.numpy as jnp
import numpy as np
from jax._src.ad_checkpoint import saved_residuals  # what jax.ad_checkpoint.print_saved_residuals prints

from xattn.attention import cross_attention

KEEP = jax.checkpoint_policies.save_only_these_names("attention_out", "attention_lse")
B, T, S, N, H, HV = 2, 6, 9, 3, 4, 5


def attend(name, q, k, v):
    block = (4, 3) if name == "chunked" else None
    return jnp.sin(cross_attention(jnp.cos(q), k, v, implementation=name, block=block)).sum()


def test_what_is_saved_is_what_is_named():
    q, k, v = jnp.ones((B, T, N, H)), jnp.ones((B, S, N, H)), jnp.ones((B, S, N, HV))
    padded = 8  # queries, in tiles of 4
    for name, kept in (
        ("chunked", [(B, N, 1, padded, HV), (B, N, 1, padded, 1)]),
        ("dense", [(B, N, 1, T, HV)]),  # its lse is not read again
    ):
        saved = saved_residuals(jax.checkpoint(lambda q, name=name: attend(name, q, k, v), policy=KEEP), q)
        made = [aval.shape for aval, why in saved if "argument" not in why and "constant" not in why]
        assert made == kept
        nothing = saved_residuals(jax.checkpoint(lambda q, name=name: attend(name, q, k, v)), q)
        assert all("argument" in why or "constant" in why for _, why in nothing)


def test_the_backward_pass_does_not_attend_again():
    """The exponentials of the forward pass are gone: as many as without `checkpoint`."""
    q, k, v = (jnp.asarray(np.random.default_rng(0).normal(size=(B, n, N, H)), jnp.float32) for n in (T, S, S))

    def exponentials(run):
        return str(jax.make_jaxpr(jax.grad(run))(q)).count(" exp ")

    def plain(q):
        return attend("chunked", q, k, v)

    assert exponentials(jax.checkpoint(plain, policy=KEEP)) == exponentials(plain)
    assert exponentials(jax.checkpoint(plain)) > exponentials(plain)
    np.testing.assert_array_equal(jax.grad(jax.checkpoint(plain, policy=KEEP))(q), jax.grad(plain)(q))
