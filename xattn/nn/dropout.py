"""Dropout whose decisions depend on a seed, a site and a position alone."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, UInt32

from xattn.attention import Dropout, drop_others, hash_bits, keep


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class DropoutKey:
    """Everything dropout needs in one training step; without it (`None`) a model is deterministic.

    `rows` are the absolute row numbers of the batch: a batch cut over devices drops what the whole one drops.
    """

    seed: UInt32[Array, ""]
    rows: UInt32[Array, " B"]
    rate: float = field(metadata={"static": True})
    attention_rate: float = field(metadata={"static": True})

    @classmethod
    def for_step(
        cls, seed: int, step: Int[Array, ""], rows: UInt32[Array, " B"], *, rate: float, attention_rate: float
    ) -> "DropoutKey":
        """The key of a training step of a run with this seed."""
        hashed = hash_bits(jnp.uint32(seed), step.astype(jnp.uint32))
        return cls(seed=hashed, rows=rows, rate=rate, attention_rate=attention_rate)

    def fold_in(self, site: int | Int[Array, ""]) -> "DropoutKey":
        """DropoutKey of its own for one site of the model."""
        return replace(self, seed=hash_bits(self.seed, jnp.asarray(site, jnp.uint32)))


def dropout_fns(
    dropout_key: DropoutKey | None, shape: tuple[int, ...], sites: int
) -> list[Callable[[jax.Array], jax.Array]]:
    """Activation dropout of arrays of one shape, a function for each of the sites 0, 1, ..."""
    if dropout_key is None or dropout_key.rate == 0:
        return [lambda x: x] * sites
    rate, rows = dropout_key.rate, dropout_key.rows
    # The masks are drawn in a loop, because XLA never fuses what a loop made. It would fuse their hashes into all that
    # reads the residual stream further down, over and over: minutes to compile. A loop of one would be unrolled.
    seeds = jax.vmap(lambda site: dropout_key.fold_in(site).seed)(jnp.arange(max(sites, 2)))
    kept = jax.lax.map(lambda seed: keep(shape, rate, seed, rows), seeds)
    return [partial(drop_others, kept=kept[site], rate=rate) for site in range(sites)]


def attention_dropout(dropout_key: DropoutKey | None, site: int) -> Dropout | None:
    """The dropout of one attention's weights."""
    if dropout_key is None or dropout_key.attention_rate == 0:
        return None
    return Dropout(rate=dropout_key.attention_rate, seed=dropout_key.fold_in(site).seed, rows=dropout_key.rows)
