"""The reference implementation: scores, weights, weighted sum. It stores the scores; all derivatives exist."""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from xattn.attention.call import Call, known, mix
from xattn.attention.normalizers import NORMALIZERS, exponentials, softmax
from xattn.attention.statistics import Aux, Wanted, named, top_scores


def dense(call: Call, wanted: Wanted) -> tuple[Float[Array, "B K G T Hv"], Aux]:
    """Cross-attention over the whole score matrix."""
    seen = call.seen()
    call = call.cleaned(seen)
    scores = call.scores(seen)
    top = lax.stop_gradient(jnp.max(scores, axis=-1, keepdims=True, initial=-jnp.inf))
    if call.normalizer == "softmax":
        weights, total, lse = exponentials(scores, top, call.sink)
        if not known(call.sizes["S"]) or call.sizes["S"] >= call.sizes["Hv"]:
            # Dividing after the weighted sum takes T x Hv divisions instead of T x S.
            out = mix(weights, call) / total
        else:
            weights, total = softmax(scores) if call.sink is None else weights / total, None
            out = mix(weights, call)
    else:
        weights, total, lse = NORMALIZERS[call.normalizer](scores), None, None
        out = mix(weights, call)
    # Without a visible key the sum is 0 * v, which is NaN if another query's visible value is NaN.
    out, lse = named(jnp.where(top == -jnp.inf, 0, out), lse)
    return out, _statistics(scores, top, weights if total is None else weights / total, lse, wanted)


def _statistics(scores: Array, top: Array, weights: Array, lse: Array | None, wanted: Wanted) -> Aux:
    top_weights = top_keys = None
    if wanted.top_k:
        _, top_keys = top_scores(scores, wanted.top_k)
        picked = jnp.take_along_axis(lax.stop_gradient(weights), jnp.maximum(top_keys, 0), -1)
        top_weights = jnp.where(top_keys < 0, 0, picked)
    return Aux(
        lse=lse[..., 0] if "lse" in wanted and lse is not None else None,
        weights=weights if "weights" in wanted else None,
        key_mass=weights.sum(-2) if "key_mass" in wanted else None,
        entropy=_entropy(weights) if "entropy" in wanted else None,
        max_score=top[..., 0] if "max_score" in wanted else None,
        top_weights=top_weights,
        top_keys=top_keys,
    )


def _entropy(weights: Float[Array, "*B T S"]) -> Float[Array, "*B T"]:
    # The derivative of 0 * log 0 would be NaN, so log is taken of 1 instead.
    return -(weights * jnp.log(jnp.where(weights == 0, 1, weights))).sum(-1)
