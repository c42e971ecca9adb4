"""The reference implementation: scores, weigh, mix. It stores the scores, and gives every derivative."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import jax.numpy as jnp
from jax.scipy.special import entr
from jaxtyping import Array, Float

from xattn.attention.call import Aux, Call
from xattn.attention.normalizers import NORMALIZERS, exponentials


def dense(call: Call, returns: Sequence[str]) -> tuple[Float[Array, "B K G T Hv"], Aux]:
    """Cross-attention over the whole score matrix."""
    seen = call.seen()
    if seen is not None:
        call = call.cleaned(seen)
    scores = raw_scores(call.q, call.k, call)
    if seen is not None:
        scores = jnp.where(seen, scores, -jnp.inf)

    lse = None
    if call.normalizer == "softmax":
        sink = None if call.sink is None else call.sink[None, :, :, None, None]
        # The division by `total` waits until after the mix: T x Hv of them instead of T x S.
        weights, total, lse = exponentials(scores, sink)
    else:
        weights, total = NORMALIZERS[call.normalizer](scores), None

    out = mix(_dropped(weights, call), call.v)
    if total is not None:
        out = out / total
    if seen is not None:
        out = jnp.where(seen.any(-1, keepdims=True), out, 0)

    if not returns:
        return out, Aux()
    weights = weights if total is None else weights / total
    found = {
        "lse": lambda: cast(Array, lse)[..., 0],
        "weights": lambda: weights,
        "max_score": lambda: jnp.max(scores, axis=-1, initial=-jnp.inf),
        "entropy": lambda: entr(weights).sum(-1),
        "key_mass": lambda: weights.sum(-2),
    }
    return out, replace(Aux(), **{name: found[name]() for name in returns})


def raw_scores(
    q: Float[Array, "B K G t H"],
    k: Float[Array, "b K s H"],
    call: Call,
    bias: Float[Array, "#B #K #G #t #s"] | None = None,
) -> Float[Array, "B K G t s"]:
    """Scaled, biased and capped scores before the mask, in float32 or better."""
    scores = jnp.einsum("BKGTH,BKSH->BKGTS", q, k, preferred_element_type=call.scale.dtype) * call.scale
    bias = call.bias if bias is None else bias
    if bias is not None:
        scores = scores + bias.astype(scores.dtype)
    if call.softcap is not None:
        scores = call.softcap * jnp.tanh(scores / call.softcap)
    return scores


def mix(weights: Float[Array, "B K G t s"], v: Float[Array, "b K s Hv"]) -> Float[Array, "B K G t Hv"]:
    """Values under their weights; products in the values' dtype, sums in float32 or better."""
    kind = jnp.promote_types(v.dtype, jnp.float32)
    return jnp.einsum("BKGTS,BKSH->BKGTH", weights.astype(v.dtype), v, preferred_element_type=kind)


def _dropped(weights: Float[Array, "B K G T S"], call: Call) -> Float[Array, "B K G T S"]:
    if call.dropout is None:
        return weights
    kept = call.kept(jnp.arange(weights.shape[-2]), jnp.arange(weights.shape[-1]))
    return jnp.where(kept, weights * (1 / (1 - call.dropout.rate)), 0)
