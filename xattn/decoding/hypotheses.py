"""The interface of decoding: the `Step` that it calls, and the `Hypotheses` that it returns.

Letters: `B` sentences, `W` hypotheses of a sentence that grow side by side, `n` returned hypotheses of a sentence,
`T` pieces of a hypothesis, `V` vocabulary.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

Step = Callable[[jax.Array, jax.Array, Any], tuple[jax.Array, Any, Any]]
"""One position of a model: `step(ids, position, state) -> (logits, state, record)`.

`ids` [B,W] are the pieces at `position` (a scalar; BOS is at 0). `logits` [B,W,V] score the next piece; -inf forbids
one. `state` (key/value caches) and `record` (values to keep of every step, such as rows of attention; `()` for none)
are any pytrees whose leaves lead with [B,W]. The step closes over the memory, so that all hypotheses of a sentence
share it.
"""


# A NamedTuple, since dataclasses whose shapes the tests check cannot pass through vmap, pmap or device_get.
class Hypotheses(NamedTuple):
    """The `n` best hypotheses of every sentence: finished ones first, then by normalised score."""

    tokens: Int[Array, "B n T"]
    """The pieces, without BOS, with EOS, then padding."""
    lengths: Int[Array, "B n"]
    """Numbers of pieces, EOS included; 0 where a sentence has fewer than `n` hypotheses."""
    scores: Float[Array, "B n"]
    """Natural logarithms of the hypotheses' probabilities; -inf where there is no hypothesis."""
    normalised: Float[Array, "B n"]
    """`scores / length_penalty(lengths, alpha)`."""
    finished: Bool[Array, "B n"]
    """Whether the hypothesis ends with EOS; if not, it was cut off at its longest length."""
    record: Any
    """The record that `step` returned for each piece: leaves [B,n,T,...], zero after the end."""


def length_penalty(lengths: Int[Array, "*n"], alpha: float | Float[Array, ""]) -> Float[Array, "*n"]:
    """The divisor of scores that favours long hypotheses: `((5 + length) / 6) ** alpha` (Wu et al., 2016).

    With alpha 0 the most probable hypothesis wins; 1 is close to dividing by the number of pieces.

    >>> length_penalty(jnp.array([1, 7, 13]), 1.0).tolist()
    [1.0, 2.0, 3.0]
    """
    return ((5 + lengths) / 6) ** jnp.float32(alpha)


def check(step: Step, state: Any, *, batch: int, width: int, max_length: int) -> tuple[Any, Any]:
    """Shapes of the logits and of the record that `step` returns.

    Raises a ValueError if width or max_length is below 1, or if state, logits or record do not lead with
    [batch, width].
    """
    if width < 1 or max_length < 1:
        raise ValueError(f"width and max_length must be at least 1, not {width} and {max_length}.")

    def returned(ids: jax.Array, position: jax.Array, state: Any) -> tuple[Any, Any]:
        logits, _, record = step(ids, position, state)
        return logits, record

    _check_lead(batch, width, {"state": state})
    ids_BW = jax.ShapeDtypeStruct((batch, width), jnp.int32)
    logits, record = jax.eval_shape(returned, ids_BW, jax.ShapeDtypeStruct((), jnp.int32), state)
    _check_lead(batch, width, {"logits": logits, "record": record})
    return logits, record


def _check_lead(batch: int, width: int, tree: Any) -> None:
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        if jnp.shape(leaf)[:2] != (batch, width):
            name = jax.tree_util.keystr(path, simple=True, separator=".")
            raise ValueError(
                f"State, logits and record must lead with [batch, width] = [{batch}, {width}], "
                f"but {name} has the shape {list(jnp.shape(leaf))}."
            )


def each_limit(limits: Int[Array, "B"] | None, batch: int, max_length: int) -> Int[Array, "B"]:
    """The longest length of every sentence [B], at most `max_length`."""
    return jnp.minimum(jnp.full(batch, max_length) if limits is None else limits, max_length)


def force(
    logp: Float[Array, "B W V"], prefix: Int[Array, "B P"] | None, position: Int[Array, ""]
) -> Float[Array, "B W V"]:
    """Forces the prefix's piece at `position`, if it has one there (not -1): all others get log-probability -inf."""
    if prefix is None or prefix.shape[1] == 0:
        return logp
    length = prefix.shape[1]
    now_B = prefix[:, jnp.minimum(position, length - 1)]
    forced_B = (position < length) & (now_B >= 0)
    is_it_BV = jnp.arange(logp.shape[-1])[None] == now_B[:, None]
    return jnp.where((~forced_B[:, None] | is_it_BV)[:, None], logp, -jnp.inf)


def room(shapes: Any, max_length: int) -> Any:
    """Zeros [B,T,...] for every leaf [B,...], to be filled by `put`, one position at a time."""
    return jax.tree.map(lambda leaf: jnp.zeros((leaf.shape[0], max_length, *leaf.shape[1:]), leaf.dtype), shapes)


def put(position: jax.Array, into: Any, leaves: Any) -> Any:
    """Writes leaves [B,...] into one position of arrays that `room` made."""
    return jax.tree.map(lambda x, leaf: jax.lax.dynamic_update_index_in_dim(x, leaf, position, 1), into, leaves)


def take_rows(record: Any, slots_BTn: Int[Array, "B T n"], lengths_Bn: Int[Array, "B n"]) -> Any:
    """The records of n hypotheses, [B,n,T,...], from a record [B,T,W,...] and the slots that the hypotheses had."""

    def take(leaf: jax.Array) -> jax.Array:
        trailing = (1,) * (leaf.ndim - 3)
        rows = jnp.take_along_axis(leaf, slots_BTn.reshape(*slots_BTn.shape, *trailing), axis=2)
        written_BTn = jnp.arange(leaf.shape[1])[None, :, None] < lengths_Bn[:, None]
        return jnp.moveaxis(jnp.where(written_BTn.reshape(*written_BTn.shape, *trailing), rows, 0), 1, 2)

    return jax.tree.map(take, record)
