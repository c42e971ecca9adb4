"""The table of implementations: what each of them cannot do, and which one "auto" selects.

A new implementation takes a file of its own and an entry in this table; the contract tests run over the table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jax
from jax.core import Tracer
from jax.interpreters import ad, partial_eval
from jaxtyping import Array

from xattn.attention.adapters import jax_nn, jax_nn_why_not, tokamax, tokamax_why_not
from xattn.attention.call import Call, known
from xattn.attention.chunked import chunked, chunked_jvp
from xattn.attention.dense import dense
from xattn.attention.neighbors import neighbor_lists, neighbors
from xattn.attention.statistics import Aux, Wanted

Block = tuple[int, int] | None


@dataclass(frozen=True, kw_only=True)
class Implementation:
    """A way to compute attention; `why_not` lists why it cannot serve a call, and is empty if it can."""

    run: Callable[[Call, Wanted, Block], tuple[Array, Aux]]
    why_not: Callable[[Call, Wanted, Block], list[str]]
    summary: str


def _no_block(block: Block) -> list[str]:
    return [] if block is None else ["has no block"]


def _chunked_why_not(call: Call, wanted: Wanted, block: Block) -> list[str]:
    return [] if call.normalizer == "softmax" else [f"normalizes with softmax, not {call.normalizer}"]


def _own_vjp_why_not(call: Call, wanted: Wanted, block: Block) -> list[str]:
    reasons = _chunked_why_not(call, wanted, block)
    if any(_is_forward(leaf) for leaf in jax.tree.leaves(call)):
        reasons.append("has no forward-mode derivatives (jvp); chunked_jvp has")
    return reasons


def _is_forward(x: object) -> bool:
    """Whether `jax.jvp` traces a value; inside `jit` this cannot be seen."""
    while isinstance(x, Tracer) and hasattr(x, "val"):  # that of a vmap
        x = x.val  # pyright: ignore[reportAttributeAccessIssue]
    return isinstance(x, ad.JVPTracer) and not isinstance(x.tangent, partial_eval.JaxprTracer)


def _neighbors_why_not(call: Call, wanted: Wanted, block: Block) -> list[str]:
    reasons = _no_block(block)
    lists = neighbor_lists(call.mask)
    if len(lists) != 1:
        reasons.append(f"needs one Mask.neighbors, not {len(lists)}")
    elif wanted.top_k > lists[0].index.shape[-1]:
        reasons.append(f"has no top {wanted.top_k} in lists of {lists[0].index.shape[-1]}")
    if "weights" in wanted:
        reasons.append("stores no weights [T,S]")
    if call.sizes["S"] == 0:
        reasons.append("has no key to gather")
    return reasons


IMPLEMENTATIONS: dict[str, Implementation] = {
    "dense": Implementation(
        run=lambda call, wanted, block: dense(call, wanted),
        why_not=lambda call, wanted, block: _no_block(block),
        summary="stores T x S scores; derivatives of any order, jvp, every normalizer, weights",
    ),
    "chunked": Implementation(
        run=chunked,
        why_not=_own_vjp_why_not,
        summary="O(T + S) memory forward and backward, unless weights are used; reverse-mode derivatives only",
    ),
    "chunked_jvp": Implementation(
        run=chunked_jvp,
        why_not=_chunked_why_not,
        summary="O(T + S) memory forward; derivatives of any order, jvp",
    ),
    "neighbors": Implementation(
        run=lambda call, wanted, block: neighbors(call, wanted),
        why_not=_neighbors_why_not,
        summary="gathers T x M listed keys; derivatives of any order, jvp, every normalizer",
    ),
    "jax_nn": Implementation(
        run=lambda call, wanted, block: jax_nn(call, "xla"),
        why_not=lambda call, wanted, block: jax_nn_why_not(call, wanted, "xla") + _no_block(block),
        summary="jax.nn.dot_product_attention; stores T x S scores",
    ),
    "cudnn": Implementation(
        run=lambda call, wanted, block: jax_nn(call, "cudnn"),
        why_not=lambda call, wanted, block: jax_nn_why_not(call, wanted, "cudnn") + _no_block(block),
        summary="jax.nn.dot_product_attention through cuDNN; O(T + S) memory; reverse-mode derivatives only",
    ),
    "tokamax": Implementation(
        run=lambda call, wanted, block: tokamax(call),
        why_not=lambda call, wanted, block: tokamax_why_not(call, wanted) + _no_block(block),
        summary="tokamax.dot_product_attention, with the kernel it selects for this machine",
    ),
}


def pick(implementation: str, call: Call, wanted: Wanted, block: Block) -> str:
    """The name given, or for "auto" the fastest by measured rules of those that can serve the call.

    Raises a ValueError if there is no such implementation.
    """
    if implementation == "auto":
        fastest = _fastest(call, wanted, block)
        return next((name for name in (fastest, *IMPLEMENTATIONS) if not why_not(name, call, wanted, block)), fastest)
    if implementation not in IMPLEMENTATIONS:
        names = ", ".join(["auto", *IMPLEMENTATIONS])
        raise ValueError(f"implementation is {implementation!r}; accepted are {names}.")
    return implementation


def why_not(name: str, call: Call, wanted: Wanted, block: Block) -> str:
    """Why an implementation cannot serve a call; empty if it can."""
    reasons = IMPLEMENTATIONS[name].why_not(call, wanted, block)
    return f"it {'; it '.join(reasons)}" if reasons else ""


def choose(implementation: str, call: Call, wanted: Wanted, block: Block) -> str:
    """The name of the implementation to run.

    Raises a ValueError if there is no such implementation or if it cannot serve the call.
    """
    name = pick(implementation, call, wanted, block)
    reasons = why_not(name, call, wanted, block)
    if reasons:
        able = [other for other in IMPLEMENTATIONS if not why_not(other, call, wanted, block)]
        raise ValueError(
            f"implementation {name!r} cannot serve this call: {reasons}."
            f" These can: {', '.join(able) if able else 'none'}."
        )
    return name


def _fastest(call: Call, wanted: Wanted, block: Block) -> str:
    sizes = call.sizes
    if not _neighbors_why_not(call, wanted, block):
        listed = neighbor_lists(call.mask)[0].index.shape[-1]
        if 8 * listed <= sizes["S"]:
            return "neighbors"
    if _chunked_why_not(call, wanted, block):
        return "dense"
    if not known(sizes["B"], sizes["T"], sizes["S"]):
        return "dense" if block is None else "chunked_jvp" if _own_vjp_why_not(call, wanted, block) else "chunked"
    entries = sizes["B"] * sizes["N"] * sizes["T"] * sizes["S"]
    # With S <= H the scores are no larger than the queries: tiles would save nothing.
    small = entries <= 2**21 or sizes["S"] <= sizes["H"]
    if small and block is None:
        return "dense"
    return "chunked_jvp" if _own_vjp_why_not(call, wanted, block) else "chunked"
