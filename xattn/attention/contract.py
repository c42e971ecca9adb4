"""The one door to cross-attention: checks a call, picks an implementation, and says why not another.

True in a mask means "may look". Scores are softcap(scale * q.k + bias); masked scores are removed, not made
small; the softmax runs in float32 or better. A query that sees nothing gives output 0, weights 0, lse -inf
and gradients of exactly 0. A key that no query sees is never read, whatever it holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from xattn.attention.call import Aux, check_call, check_returns
from xattn.attention.dense import dense
from xattn.attention.dropout import Dropout
from xattn.attention.mask import Mask


class KeyValue(NamedTuple):
    """A memory projected once: keys, values and mask, to be read as `cross_attention(q, *memory)`."""

    k: Float[Array, "*b S K H"]
    v: Float[Array, "*b S K Hv"]
    mask: Mask


def cross_attention(
    q: Float[Array, "*B T N H"],
    k: Float[Array, "*b S K H"],
    v: Float[Array, "*b S K Hv"],
    mask: Mask | Bool[Array, "*mask"] | None = None,
    *,
    bias: Float[Array, "*bias"] | None = None,
    scale: float | Float[Array, ""] | None = None,
    softcap: float | None = None,
    sink: float | Float[Array, "*sink"] | None = None,
    normalizer: str = "softmax",
    dropout: Dropout | None = None,
    implementation: str = "auto",
    block: tuple[int, int] | None = None,
) -> Float[Array, "*B T N Hv"]:
    """Reads S values under weights softmax(q k / sqrt(H)), for T queries (Vaswani et al., 2017).

    `*b` broadcasts to `*B`: one memory may serve many queries. N is a multiple of K, and head n reads key
    head n // (N / K). `mask` is a `Mask`, or a boolean [*B|1,N|1,T|1,S|1]; `bias` [*B|1,N|1,T|1,S|1] is added
    after the `scale` (1/sqrt(H) by default), then scores are capped to +-`softcap`; `sink` [N] or a number is
    a further logit in the softmax denominator. A wrong shape or dtype raises a ValueError.

    Two keys, the second one masked for the second query:

    >>> q, k = jnp.zeros((2, 1, 4)), jnp.ones((2, 1, 4))
    >>> v = jnp.array([[[1.0]], [[3.0]]])
    >>> cross_attention(q, k, v, jnp.array([[[True, True], [True, False]]])).ravel()
    Array([2., 1.], dtype=float32)
    """
    return cross_attention_with_aux(
        q, k, v, mask, bias=bias, scale=scale, softcap=softcap, sink=sink, normalizer=normalizer,
        dropout=dropout, implementation=implementation, block=block, returns=(),
    )[0]  # fmt: skip


def cross_attention_with_aux(
    q: Float[Array, "*B T N H"],
    k: Float[Array, "*b S K H"],
    v: Float[Array, "*b S K Hv"],
    mask: Mask | Bool[Array, "*mask"] | None = None,
    *,
    bias: Float[Array, "*bias"] | None = None,
    scale: float | Float[Array, ""] | None = None,
    softcap: float | None = None,
    sink: float | Float[Array, "*sink"] | None = None,
    normalizer: str = "softmax",
    dropout: Dropout | None = None,
    implementation: str = "auto",
    block: tuple[int, int] | None = None,
    returns: Sequence[str] = ("lse",),
) -> tuple[Float[Array, "*B T N Hv"], Aux]:
    """`cross_attention`, and beside its output the statistics of `Aux` named in `returns`.

    >>> q, k, v = jnp.zeros((1, 1, 4)), jnp.ones((2, 1, 4)), jnp.ones((2, 1, 3))
    >>> cross_attention_with_aux(q, k, v, returns=("weights",))[1].weights
    Array([[[0.5, 0.5]]], dtype=float32)
    """
    check_returns(returns, normalizer)
    call = check_call(
        q,
        k,
        v,
        mask,
        bias=bias,
        scale=scale,
        softcap=softcap,
        sink=sink,
        normalizer=normalizer,
        dropout=dropout,
    )
    if implementation not in ("auto", "dense"):
        raise ValueError(f"implementation is {implementation!r}; accepted are auto, dense.")
    out, aux = dense(call, returns)
    return call.out(out), call.aux(aux)


def attention_weights(
    q: Float[Array, "*B T N H"],
    k: Float[Array, "*b S K H"],
    mask: Mask | Bool[Array, "*mask"] | None = None,
    *,
    bias: Float[Array, "*bias"] | None = None,
    scale: float | Float[Array, ""] | None = None,
    softcap: float | None = None,
    sink: float | Float[Array, "*sink"] | None = None,
    normalizer: str = "softmax",
) -> Float[Array, "*B N T S"]:
    """The weights that `cross_attention` gives the keys, exactly, after the fact."""
    _, aux = cross_attention_with_aux(
        q, k, k[..., :1], mask, bias=bias, scale=scale, softcap=softcap, sink=sink, normalizer=normalizer,
        implementation="dense", returns=("weights",),
    )  # fmt: skip
    assert aux.weights is not None
    return aux.weights


def prepare_memory(
    k: Float[Array, "*b S K H"], v: Float[Array, "*b S K Hv"], valid: Bool[Array, "*b S"] | None = None
) -> KeyValue:
    """A fixed memory, projected once and read many times; keys and values that do not exist become 0.

    >>> memory = prepare_memory(jnp.ones((3, 1, 4)), jnp.ones((3, 1, 4)), jnp.array([True, True, False]))
    >>> cross_attention(jnp.ones((2, 1, 4)), *memory).shape
    (2, 1, 4)
    """
    if valid is None:
        return KeyValue(k, v, Mask())
    exists = valid[..., None, None]
    return KeyValue(jnp.where(exists, k, 0), jnp.where(exists, v, 0), Mask.keys(valid))
