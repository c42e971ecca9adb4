"""The public functions of cross-attention: they check a call, choose an implementation, and explain the choice.

A mask is True where a query may attend to a key. Scores are softcap(scale * q.k + bias). Masked scores are removed,
not made small, and the softmax runs in float32 or better. A query whose keys are all masked gives output 0, weights 0,
lse -inf and gradients of exactly 0. A key that is masked for every query is never read, even if it holds NaN.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import PartitionSpec
from jaxtyping import Array, Bool, Float, Integer

from xattn.attention.checks import check_block, check_call
from xattn.attention.chunked import weights_from
from xattn.attention.debugging import as_one
from xattn.attention.dense import dense
from xattn.attention.dropout import Dropout
from xattn.attention.implementations import IMPLEMENTATIONS, choose, pick, why_not
from xattn.attention.integers import integers
from xattn.attention.mask import Mask
from xattn.attention.normalizers import exponentials
from xattn.attention.score_bias import ScoreBias
from xattn.attention.shard_map import spec_of, with_auto_axes
from xattn.attention.statistics import Aux, check_wanted, in_callers_layout


class KeyValue(NamedTuple):
    """A projected memory: keys, values and their mask, for `cross_attention(q, *memory)`."""

    k: Float[Array, "*b S K H"]
    v: Float[Array, "*b S K Hv"]
    mask: Mask


def cross_attention(
    q: Float[Array, "*B T N H"],
    k: Float[Array, "*b S K H"],
    v: Float[Array, "*b S K Hv"],
    mask: Mask | Bool[Array, "*mask"] | None = None,
    *,
    bias: Float[Array, "*bias"] | ScoreBias | None = None,
    scale: float | Float[Array, "*scale"] | None = None,
    softcap: float | None = None,
    sink: float | Float[Array, "*sink"] | None = None,
    normalizer: str = "softmax",
    dropout: Dropout | None = None,
    implementation: str = "auto",
    block: tuple[int, int] | None = None,
) -> Float[Array, "*B T N Hv"]:
    """The weighted mean of S values for each of T queries, with weights softmax(q k / sqrt(H)) (Vaswani et al., 2017).

    Args:
        q: Queries [*B,T,N,H], in floating point. If k or v have another dtype, all are raised to the widest one.
        k: Keys [*b,S,K,H]. `*b` broadcasts to `*B`, so that one memory can serve many queries. N is a multiple of K,
            and query head n reads key head n // (N / K).
        v: Values [*b,S,K,Hv].
        mask: A `Mask`, or a boolean array [*B|1,N|1,T|1,S|1]: True where a query may attend to a key.
        bias: Numbers [*B|1,N|1,T|1,S|1], added to the scaled scores, or a `ScoreBias` that computes them.
        scale: Factor of the scores, or one a head [N]; 1/sqrt(H) by default.
        softcap: Scores become softcap * tanh(score / softcap).
        sink: A number, or one a head [N]: a further logit in the softmax denominator, without a value.
        normalizer: "softmax", "sigmoid", "sparsemax" or "entmax15".
        dropout: Dropout of the weights.
        implementation: "auto", or a name that `explain` lists.
        block: (queries, keys) of a tile of the chunked implementations; chosen automatically by default.

    Returns:
        [*B,T,N,Hv], in the widest dtype of `q`, `k` and `v`; bfloat16 if all have 8 bits.

    Raises:
        ValueError: An argument has a wrong shape, dtype or value, or the named implementation cannot serve the call.

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
    bias: Float[Array, "*bias"] | ScoreBias | None = None,
    scale: float | Float[Array, "*scale"] | None = None,
    softcap: float | None = None,
    sink: float | Float[Array, "*sink"] | None = None,
    normalizer: str = "softmax",
    dropout: Dropout | None = None,
    implementation: str = "auto",
    block: tuple[int, int] | None = None,
    returns: Iterable[str] = ("lse",),
    top_k: int | None = None,
) -> tuple[Float[Array, "*B T N Hv"], Aux]:
    """`cross_attention`, which also returns the statistics of `Aux` that `returns` names.

    Their names are lse, weights, key_mass, entropy and max_score. `top_k` adds the `top_k` largest weights of each
    query and their keys. Raises a ValueError as `cross_attention` does, and for statistics that do not exist for the
    normalizer or that the named implementation cannot return.

    >>> q, k, v = jnp.zeros((1, 1, 4)), jnp.ones((2, 1, 4)), jnp.ones((2, 1, 3))
    >>> cross_attention_with_aux(q, k, v, returns=("weights",))[1].weights
    Array([[[0.5, 0.5]]], dtype=float32)
    """
    returns = tuple(returns) if isinstance(returns, Iterable) and not isinstance(returns, str) else returns
    arguments = {
        "q": q, "k": k, "v": v, "mask": mask, "bias": bias, "scale": scale, "softcap": softcap, "sink": sink,
        "normalizer": normalizer, "dropout": dropout,
    }  # fmt: skip

    def attend(arguments: dict[str, Any]) -> tuple[Array, Aux]:
        call = check_call(**arguments)
        wanted = check_wanted(returns, top_k, normalizer, call.sizes["S"])
        sizes = check_block(block)
        name = choose(implementation, call, wanted, sizes)
        out, aux = as_one(lambda call: IMPLEMENTATIONS[name].run(call, wanted, sizes), call)
        out = jnp.transpose(out, (0, 3, 1, 2, 4)).astype(call.v.dtype)
        return out.reshape(*q.shape[:-1], v.shape[-1]), in_callers_layout(aux, q.shape[:-3])

    def out_specs() -> tuple[PartitionSpec, Aux]:
        per_query, per_key = spec_of(q, -2, -3), spec_of(q, -2, None)
        specs = dict.fromkeys(("lse", "entropy", "max_score"), per_query)
        specs |= {"weights": spec_of(q, -2, -3, None), "key_mass": per_key}
        top = None if top_k is None else spec_of(q, -2, -3, None)
        return spec_of(q, -3, -2, None), Aux(**{name: specs[name] for name in returns}, top_weights=top, top_keys=top)

    return with_auto_axes(attend, arguments, out_specs)


def explain(
    q: Float[Array, "*B T N H"],
    k: Float[Array, "*b S K H"],
    v: Float[Array, "*b S K Hv"],
    mask: Mask | Bool[Array, "*mask"] | None = None,
    *,
    bias: Float[Array, "*bias"] | ScoreBias | None = None,
    scale: float | Float[Array, "*scale"] | None = None,
    softcap: float | None = None,
    sink: float | Float[Array, "*sink"] | None = None,
    normalizer: str = "softmax",
    dropout: Dropout | None = None,
    implementation: str = "auto",
    block: tuple[int, int] | None = None,
    returns: Iterable[str] = (),
    top_k: int | None = None,
) -> str:
    """Which implementation the same call of `cross_attention_with_aux` would run, and why the others cannot.

    One line for each implementation, and a last one if the call would be refused. Nothing is computed; a wrong argument
    raises the same ValueError as the call.

    >>> q, k = jnp.zeros((2, 1, 4)), jnp.ones((3, 1, 4))
    >>> print(explain(q, k, k, normalizer="entmax15").splitlines()[1])
    chunked: cannot; it normalizes with softmax, not entmax15
    """
    call = check_call(
        q, k, v, mask, bias=bias, scale=scale, softcap=softcap, sink=sink, normalizer=normalizer, dropout=dropout
    )
    wanted = check_wanted(returns, top_k, normalizer, call.sizes["S"])
    block = check_block(block)
    chosen = pick(implementation, call, wanted, block)
    lines = []
    for name, candidate in IMPLEMENTATIONS.items():
        reasons = why_not(name, call, wanted, block)
        verdict = f"cannot; {reasons}" if reasons else f"{'runs' if name == chosen else 'can'}; {candidate.summary}"
        lines.append(f"{name}: {verdict}")
    if why_not(chosen, call, wanted, block):
        lines.append(f"Nothing runs: {chosen} cannot serve this call.")
    return "\n".join(lines)


def attention_weights(
    q: Float[Array, "*B T N H"],
    k: Float[Array, "*b S K H"],
    mask: Mask | Bool[Array, "*mask"] | None = None,
    *,
    lse: Float[Array, "*B N T"] | None = None,
    queries: Integer[Array | np.ndarray, " R"] | Sequence[int] | None = None,
    bias: Float[Array, "*bias"] | ScoreBias | None = None,
    scale: float | Float[Array, "*scale"] | None = None,
    softcap: float | None = None,
    sink: float | Float[Array, "*sink"] | None = None,
    normalizer: str = "softmax",
) -> Float[Array, "*B N R S"]:
    """The exact weights [*B,N,R,S] of `cross_attention`, computed separately, whichever implementation ran.

    `queries` [R] selects rows 0 <= t < T (numbers outside are clipped), so that a few rows cost R x S; by default
    R = T. `lse` [*B,N,T], as `cross_attention_with_aux` returned it for all queries, saves normalizing again; it
    exists for softmax only. Raises a ValueError for a wrong shape, dtype or value.

    >>> q, k = jnp.zeros((5, 1, 4)), jnp.ones((2, 1, 4))
    >>> attention_weights(q, k, queries=jnp.array([3]))
    Array([[[0.5, 0.5]]], dtype=float32)
    """
    call = check_call(
        q, k, k, mask, bias=bias, scale=scale, softcap=softcap, sink=sink, normalizer=normalizer, dropout=None
    )
    batch = q.shape[:-3]
    if queries is not None:
        queries = integers("queries", queries, clip=True)
        if queries.ndim != 1:
            raise ValueError(f"queries has shape {queries.shape}; accepted are integers [R].")
        call = call.take(queries)
    if lse is None:
        wanted = check_wanted(("weights",), None, normalizer, 1)
        aux = as_one(lambda call: dense(replace(call, v=call.v[..., :1]), wanted)[1], call)
        weights = in_callers_layout(aux, batch).weights
        assert weights is not None
        return weights
    if normalizer != "softmax":
        raise ValueError(f"lse is the log of a softmax denominator; normalizer {normalizer!r} has none.")
    whole = (*batch, q.shape[-2], q.shape[-3])
    if lse.shape != whole:
        raise ValueError(f"lse has shape {lse.shape}; accepted is [*B,N,T] = {whole}, of all T queries.")
    lse = lse if queries is None else jnp.take(lse, queries, -1, mode="clip")
    weights = as_one(weights_from, call, lse.reshape(*call.q.shape[:-1], 1))
    return weights.reshape(*batch, q.shape[-2], *weights.shape[3:])


def merge(
    outs: Iterable[Float[Array, "*B T N Hv"]], lses: Iterable[Float[Array, "*B N T"]]
) -> tuple[Float[Array, "*B T N Hv"], Float[Array, "*B N T"]]:
    """Combines attention over the parts of a memory into attention over the whole of it: (out, lse).

    `outs` [*B,T,N,Hv] and `lses` [*B,N,T] are the results of the parts, in any order. A sink must be given to one part
    only. Where a part had no visible key (lse -inf) it contributes nothing. Raises a ValueError unless there are as
    many outs as lses, at least one, of matching shapes.

    >>> half = jnp.zeros((1, 1))
    >>> out, lse = merge([jnp.ones((1, 1, 1)), 3 * jnp.ones((1, 1, 1))], [half, half])
    >>> out.item(), round(lse.item(), 4)
    (2.0, 0.6931)
    """
    outs, lses = list(outs), list(lses)
    if len(outs) != len(lses) or len(outs) == 0:
        raise ValueError(f"merge takes as many outs as lses, one or more; not {len(outs)} and {len(lses)}.")
    for part, (out, lse) in enumerate(zip(outs, lses, strict=True)):
        if out.ndim < 3 or out.shape != outs[0].shape or not jnp.issubdtype(out.dtype, jnp.floating):
            raise ValueError(
                f"outs[{part}] is {out.dtype} of shape {out.shape}; accepted is floating point [*B,T,N,Hv],"
                f" of one shape for all parts, and the first has {outs[0].shape}."
            )
        whole = (*out.shape[:-3], out.shape[-2], out.shape[-3])
        if lse.shape != whole or not jnp.issubdtype(lse.dtype, jnp.floating):
            raise ValueError(
                f"lses[{part}] is {lse.dtype} of shape {lse.shape}; accepted is floating point [*B,N,T] = {whole}."
            )
    stacked = jnp.moveaxis(jnp.stack(lses), 0, -1)  # [*B,N,T,P]
    top = lax.stop_gradient(jnp.max(stacked, -1, keepdims=True))
    shares, total, lse = exponentials(stacked, top, None)
    shares = jnp.moveaxis(jnp.swapaxes(shares / total, -3, -2), -1, 0)[..., None]  # [P,*B,T,N,1]
    # Where a part's share is 0 its output may be NaN: it must enter neither the product nor the share's gradient.
    mixed = [share * jnp.where(share == 0, 0, out) for share, out in zip(shares, outs, strict=True)]
    return reduce(jnp.add, mixed).astype(jnp.result_type(*outs)), lse[..., 0]


def prepare_memory(
    k: Float[Array, "*b S K H"], v: Float[Array, "*b S K Hv"], valid: Bool[Array, "*b S"] | None = None
) -> KeyValue:
    """A fixed memory for many calls: keys, values and the mask of the positions where `valid` [*b,S] is True.

    Keys and values elsewhere become 0. Raises a ValueError if the shapes of `k`, `v` and `valid` do not match.

    >>> memory = prepare_memory(jnp.ones((3, 1, 4)), jnp.ones((3, 1, 4)), jnp.array([True, True, False]))
    >>> cross_attention(jnp.ones((2, 1, 4)), *memory).shape
    (2, 1, 4)
    """
    if v.shape[:-1] != k.shape[:-1]:
        raise ValueError(f"v has shape {v.shape} and k {k.shape}; accepted is one [*b,S,K] for both.")
    if valid is None:
        return KeyValue(k, v, Mask())
    if valid.dtype != bool or valid.shape != k.shape[:-2]:
        raise ValueError(f"valid is {valid.dtype} of shape {valid.shape}; accepted is bool [*b,S] = {k.shape[:-2]}.")
    exists = valid[..., None, None]
    return KeyValue(jnp.where(exists, k, 0), jnp.where(exists, v, 0), Mask.keys(valid))
