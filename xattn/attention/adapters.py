"""External kernels behind the same contract: `jax.nn.dot_product_attention` (XLA, cuDNN) and tokamax.

An adapter passes the whole mask. Before the call it sets keys and values that no query sees to 0; after it, the
outputs of queries without a visible key. A kernel that lacks a feature of the call is not run: nothing is approximated.
"""

from __future__ import annotations

import importlib.util
from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from xattn.attention.call import Call
from xattn.attention.score_bias import ScoreBias
from xattn.attention.statistics import Aux, Wanted, named


def jax_nn(call: Call, kernel: Literal["xla", "cudnn"]) -> tuple[Float[Array, "B K G T Hv"], Aux]:
    """Runs `jax.nn.dot_product_attention` with one of its kernels; it returns no statistics."""
    q, k, v, bias, mask = _to_kernel_layout(call)
    out = jax.nn.dot_product_attention(q, k, v, bias=bias, mask=mask, scale=1.0, implementation=kernel)
    return _from_kernel_layout(call, out), Aux()


def jax_nn_why_not(call: Call, wanted: Wanted, kernel: Literal["xla", "cudnn"]) -> list[str]:
    """Why `jax_nn` cannot serve a call, as predicates that follow "it"; empty if it can."""
    reasons = _common(call, wanted)
    if call.softcap is not None:
        reasons.append("has no softcap")
    if call.sizes["H"] != call.sizes["Hv"]:
        reasons.append("needs values as wide as keys (H = Hv)")
    if kernel == "xla" and call.q.dtype == jnp.float64:
        reasons.append("cuts a float64 softmax to float32")
    if kernel == "cudnn":
        if jax.default_backend() != "gpu":
            reasons.append("needs an NVIDIA GPU")
        if call.q.dtype not in (jnp.bfloat16, jnp.float16):
            reasons.append(f"needs bfloat16 or float16, not {call.q.dtype}")
    return reasons


def tokamax(call: Call) -> tuple[Float[Array, "B K G T Hv"], Aux]:
    """Runs `tokamax.dot_product_attention` with the kernel it selects for this machine; it returns no statistics."""
    from tokamax import dot_product_attention  # type: ignore  # an optional package

    q, k, v, bias, mask = _to_kernel_layout(call)
    out = dot_product_attention(q, k, v, bias, mask, scale=1.0, logits_soft_cap=call.softcap)
    return _from_kernel_layout(call, out), Aux()


def tokamax_why_not(call: Call, wanted: Wanted) -> list[str]:
    """Why `tokamax` cannot serve a call, as predicates that follow "it"; empty if it can."""
    reasons = _common(call, wanted)
    if call.traced_softcap is not None:
        reasons.append("needs a softcap whose value is known when it is traced")
    if importlib.util.find_spec("tokamax") is None:
        reasons.append("needs the package tokamax")
    return reasons


def _common(call: Call, wanted: Wanted) -> list[str]:
    reasons = []
    if call.normalizer != "softmax":
        reasons.append(f"normalizes with softmax, not {call.normalizer}")
    if call.sink is not None:
        reasons.append("has no sink")
    if isinstance(call.bias, ScoreBias):
        reasons.append("has no score function, only a bias that is an array")
    if call.dropout is not None:
        reasons.append("has no dropout")
    if wanted:
        reasons.append("returns no statistics")
    if 0 in (call.sizes["B"], call.sizes["T"], call.sizes["S"], call.sizes["Hv"]):
        reasons.append("needs an example, a query, a key and a value")
    return reasons


def _to_kernel_layout(call: Call) -> tuple[Array, Array, Array, Array | None, Array | None]:
    """q, k, v, bias and mask in the layout [B,T,N,H] of external kernels, with q scaled."""
    sizes, seen = call.sizes, _seen(call)
    clean = call.cleaned(seen)

    def heads(x: Array | None) -> Array | None:
        """[B,K|1,G|1,...] as [B,N|1,...]."""
        return None if x is None else x.reshape(x.shape[0], -1, *x.shape[3:])

    q = clean.q if call.scale is None else (clean.q.astype(call.sums) * call.scale).astype(call.q.dtype)
    q = jnp.transpose(q, (0, 3, 1, 2, 4))
    q = q.reshape(sizes["B"], sizes["T"], sizes["N"], sizes["H"])
    k, v = jnp.swapaxes(clean.k, 1, 2), jnp.swapaxes(clean.v, 1, 2)
    k, v = (jnp.broadcast_to(x, (sizes["B"], *x.shape[1:])) for x in (k, v))
    if seen is not None and seen.shape[1:3] not in ((1, 1), call.q.shape[1:3]):
        seen = jnp.broadcast_to(seen, (seen.shape[0], *call.q.shape[1:3], *seen.shape[3:]))
    bias = call.bias
    if bias is not None:  # `_seen` has its -inf; a number that a narrower dtype lacks must not become one
        bias = jnp.where(bias == -jnp.inf, 0, bias).astype(q.dtype)
        bias = jnp.nan_to_num(bias, nan=jnp.nan, posinf=jnp.inf)
    return q, k, v, heads(bias), heads(seen)


def _seen(call: Call) -> Bool[Array, "#B #K #G #T #S"] | None:
    """Where attention is allowed; a bias of -inf masks, since kernels would give NaN to a row of nothing else."""
    seen = call.seen()
    if call.bias is None:
        return seen
    finite = call.bias != -jnp.inf
    return finite if seen is None else seen & finite


def _from_kernel_layout(call: Call, out: Float[Array, "B T N Hv"]) -> Float[Array, "B K G T Hv"]:
    sizes, seen = call.sizes, _seen(call)
    out = out.reshape(sizes["B"], sizes["T"], sizes["K"], sizes["G"], sizes["Hv"])
    out = jnp.transpose(out, (0, 2, 3, 1, 4))
    return named(out if seen is None else jnp.where(seen.any(-1, keepdims=True), out, 0), None)[0]
