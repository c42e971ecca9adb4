"""Statistics of attention that can be returned beside its output."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.ad_checkpoint import checkpoint_name
from jaxtyping import Array, Float

from xattn.attention.integers import whole


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Aux:
    """Statistics of attention; a field is None unless it was requested.

    `lse` [*B,N,T]: natural logarithm of the softmax denominator (sink included), -inf if the denominator is empty.
    `weights` [*B,N,T,S]: the weights, before dropout.
    `key_mass` [*B,N,S]: the weights of a key, summed over queries.
    `entropy` [*B,N,T]: -sum w log w, in nats.
    `max_score` [*B,N,T]: the highest score, -inf for a query without a visible key.
    `top_weights`, `top_keys` [*B,N,T,top_k]: the largest weights and their keys; 0 and -1 where there are fewer keys.

    `max_score`, `top_weights` and `top_keys` have no derivatives. Floats are float32 or better. (Fields are `Any`,
    since JAX also builds pytrees whose leaves are not arrays.)
    """

    lse: Any = None
    weights: Any = None
    key_mass: Any = None
    entropy: Any = None
    max_score: Any = None
    top_weights: Any = None
    top_keys: Any = None


RETURNS = tuple(entry.name for entry in fields(Aux) if not entry.name.startswith("top"))


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The statistics that a call requests: names in `RETURNS`, and the number of top keys (0 for none)."""

    names: frozenset[str]
    top_k: int

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def __bool__(self) -> bool:
        return bool(self.names) or self.top_k > 0


def check_wanted(returns: Iterable[str], top_k: int | None, normalizer: str, keys: int) -> Wanted:
    """The requested statistics; raises a ValueError for an unknown name, an lse without softmax, or a wrong `top_k`."""
    if isinstance(returns, str):
        raise ValueError(f"returns is the string {returns!r}; accepted is a sequence of names: ({returns!r},).")
    if not isinstance(returns, Iterable):
        raise ValueError(f"returns is {returns!r}; accepted is a sequence of names, () for none.")
    names = tuple(returns)  # an iterator can be read once only
    for name in names:
        if name not in RETURNS:
            raise ValueError(f"returns names {name!r}; accepted are {', '.join(RETURNS)}.")
    if "lse" in names and normalizer != "softmax":
        raise ValueError(f"lse is the log of a softmax denominator; normalizer {normalizer!r} has none.")
    number = whole(top_k)
    if top_k is not None and (number is None or not 0 < number <= keys):
        raise ValueError(f"top_k is {top_k}; accepted is a whole number from 1 to the S={keys} keys, or None.")
    return Wanted(names=frozenset(names), top_k=number or 0)


def named(out: Array, lse: Array | None) -> tuple[Array, Array | None]:
    """Output and lse named "attention_out" and "attention_lse", so that policies of `jax.checkpoint` can keep them."""
    return checkpoint_name(out, "attention_out"), None if lse is None else checkpoint_name(lse, "attention_lse")


def top_scores(scores: Float[Array, "*B S"], top_k: int) -> tuple[Float[Array, "*B k"], Array]:
    """The highest scores and their indices along the last axis, -1 where the score is -inf."""
    values, places = lax.top_k(lax.stop_gradient(scores), top_k)
    return values, jnp.where(values == -jnp.inf, -1, places)


def in_callers_layout(aux: Aux, batch: tuple[int, ...]) -> Aux:
    """Statistics [B,K,G,...] reshaped to [*B,N,...]."""
    return jax.tree.map(lambda x: x.reshape(*batch, x.shape[1] * x.shape[2], *x.shape[3:]), aux)
