"""Dropout whose decisions depend only on a seed, the site in the model, and the position in the array."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, UInt32

from xattn.attention import Dropout, drop_others, hash_bits, keep
from xattn.attention.dropout import known_rate


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class DropoutKey:
    """Seed and rates of dropout in one training step; with None instead, a model is deterministic.

    `rows` are the absolute numbers of the batch's examples, so that a batch split over devices drops the same entries
    as the whole batch. `rate` is that of activations and `attention_rate` that of attention weights, both in [0, 1).
    """

    seed: UInt32[Array, ""]
    rows: UInt32[Array, " B"]
    rate: float = field(metadata={"static": True})
    attention_rate: float = field(metadata={"static": True})

    def __post_init__(self) -> None:
        for name in ("rate", "attention_rate"):
            object.__setattr__(self, name, known_rate(getattr(self, name)))

    @classmethod
    def for_step(
        cls, seed: int, step: Int[Array, ""], rows: UInt32[Array, " B"], *, rate: float, attention_rate: float
    ) -> "DropoutKey":
        """The key of a training step of a run with this seed."""
        hashed = hash_bits(seed, step.astype(jnp.uint32))
        return cls(seed=hashed, rows=rows, rate=rate, attention_rate=attention_rate)

    def fold_in(self, site: int | Int[Array, ""]) -> "DropoutKey":
        """An independent key for one site of the model, given by its number."""
        return replace(self, seed=hash_bits(self.seed, jnp.asarray(site, jnp.uint32)))


def dropout_fns(
    dropout_key: DropoutKey | None, shape: tuple[int, ...], sites: int
) -> list[Callable[[jax.Array], jax.Array]]:
    """Functions `x -> dropped x` for arrays of one shape, one for each of the sites 0, 1, ..., `sites` - 1."""
    if dropout_key is None or dropout_key.rate == 0:
        return [lambda x: x] * sites
    rate, rows = dropout_key.rate, dropout_key.rows
    # The masks are drawn in a loop, because XLA does not fuse across a loop. Otherwise it would fuse their hashes into
    # every later reader of the residual stream, and compile for minutes. A loop of one step would be unrolled.
    seeds = jax.vmap(lambda site: dropout_key.fold_in(site).seed)(jnp.arange(max(sites, 2)))
    kept = jax.lax.map(lambda seed: keep(shape, rate, seed, rows), seeds)
    return [partial(drop_others, kept=kept[site], rate=rate) for site in range(sites)]


def attention_dropout(dropout_key: DropoutKey | None, site: int) -> Dropout | None:
    """The dropout of the weights at one attention site, or None where the model has none."""
    if dropout_key is None or dropout_key.attention_rate == 0:
        return None
    return Dropout(rate=dropout_key.attention_rate, seed=dropout_key.fold_in(site).seed, rows=dropout_key.rows)
