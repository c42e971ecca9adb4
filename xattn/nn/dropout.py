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
class Noise:
    """Everything dropout needs in one training step; without it (`None`) a model is deterministic.

    `rows` are the absolute row numbers of the batch: a batch cut over devices drops what the whole one drops.
    """

    seed: UInt32[Array, ""]
    rows: UInt32[Array, " B"]
    rate: float = field(metadata={"static": True})
    attention_rate: float = field(metadata={"static": True})

    def at(self, site: int | Int[Array, ""]) -> "Noise":
        """Noise of its own for one site of the model."""
        return replace(self, seed=hash_bits(self.seed, jnp.asarray(site, jnp.uint32)))


def drops(noise: Noise | None, shape: tuple[int, ...], sites: int) -> list[Callable[[jax.Array], jax.Array]]:
    """Activation dropout of arrays of one shape, a function for each of the sites 0, 1, ..."""
    if noise is None or noise.rate == 0:
        return [lambda x: x] * sites
    rate, rows = noise.rate, noise.rows
    # The masks are drawn in a loop, because XLA never fuses what a loop made. It would fuse their hashes into all that
    # reads the residual stream further down, over and over: minutes to compile. A loop of one would be unrolled.
    seeds = jax.vmap(lambda site: noise.at(site).seed)(jnp.arange(max(sites, 2)))
    kept = jax.lax.map(lambda seed: keep(shape, rate, seed, rows), seeds)
    return [partial(drop_others, kept=kept[site], rate=rate) for site in range(sites)]


def attention_dropout(noise: Noise | None, site: int) -> Dropout | None:
    """The dropout of one attention's weights."""
    if noise is None or noise.attention_rate == 0:
        return None
    return Dropout(rate=noise.attention_rate, seed=noise.at(site).seed, rows=noise.rows)
