"""Decoding without search, piece by piece: greedy decoding and sampling."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from xattn.decoding import hypotheses
from xattn.decoding.hypotheses import Hypotheses, Step


class _Progress(NamedTuple):
    position: jax.Array
    ids_BW: jax.Array  # the pieces to read next
    state: Any
    lengths_BW: jax.Array
    scores_BW: jax.Array
    finished_BW: jax.Array
    tokens_BTW: jax.Array
    record: Any  # leaves [B,T,W,...]


def greedy(
    step: Step,
    state: Any,
    *,
    batch: int,
    bos: int,
    eos: int,
    pad: int,
    max_length: int,
    limits: Int[Array, "B"] | None = None,
    prefix: Int[Array, "B P"] | None = None,
    length_penalty: float | Float[Array, ""] = 0.0,
) -> Hypotheses:
    """One hypothesis for each sentence (W = n = 1): the most probable piece at every position, until EOS.

    The arguments and errors are those of `beam_search`, which gives the same result with `width=1`. The length penalty
    changes only `normalised`.
    """
    return _decode(
        step,
        state,
        lambda logp_B1V, position: jnp.argmax(logp_B1V, axis=-1).astype(jnp.int32),
        batch=batch,
        width=1,
        bos=bos,
        eos=eos,
        pad=pad,
        max_length=max_length,
        limits=limits,
        prefix=prefix,
        length_penalty=length_penalty,
    )


def sample(
    step: Step,
    state: Any,
    *,
    seed: int | Int[Array, ""],
    numbers: Int[Array, "B"],
    width: int,
    bos: int,
    eos: int,
    pad: int,
    max_length: int,
    temperature: float | Float[Array, ""] = 1.0,
    top_k: int | None = None,
    top_p: float | Float[Array, ""] = 1.0,
    limits: Int[Array, "B"] | None = None,
    prefix: Int[Array, "B P"] | None = None,
    length_penalty: float | Float[Array, ""] = 0.0,
) -> Hypotheses:
    """`width` independent samples for each sentence, in the order of drawing; see `draw`.

    A draw depends only on `seed` and on the numbers of the sentence (`numbers` [B]), the hypothesis and the position:
    a sentence has the same samples in every batch. `scores` are log-probabilities of the model, before temperature,
    top-k and top-p. The other arguments and the errors are those of `beam_search`.
    """
    root = jax.random.key(seed)
    fold = jax.vmap(jax.random.fold_in, (None, 0))
    keys_BW = jax.vmap(lambda key: fold(key, jnp.arange(width)))(fold(root, numbers))

    def choose(logp_BWV: jax.Array, position: jax.Array) -> jax.Array:
        at = jax.vmap(jax.vmap(lambda key: jax.random.uniform(jax.random.fold_in(key, position))))
        return draw(logp_BWV, at(keys_BW), temperature=temperature, top_k=top_k, top_p=top_p)

    return _decode(
        step,
        state,
        choose,
        batch=len(numbers),
        width=width,
        bos=bos,
        eos=eos,
        pad=pad,
        max_length=max_length,
        limits=limits,
        prefix=prefix,
        length_penalty=length_penalty,
    )


def draw(
    logp: Float[Array, "*B V"],
    uniform: Float[Array, "*B"],
    *,
    temperature: float | Float[Array, ""] = 1.0,
    top_k: int | None = None,
    top_p: float | Float[Array, ""] = 1.0,
) -> Int[Array, "*B"]:
    """Ids [*B] drawn from log-probabilities by inverting their cumulative sum at `uniform` numbers in [0, 1).

    The logarithms are divided by the temperature. Then only the `top_k` most probable ids remain, and of these the
    fewest whose probabilities sum to at least `top_p` (nucleus sampling: Holtzman et al., 2020).

    >>> logp = jnp.log(jnp.array([0.1, 0.6, 0.3]))
    >>> draw(logp, jnp.array(0.65)).item(), draw(logp, jnp.array(0.95)).item()
    (2, 0)
    """
    size = logp.shape[-1]
    values, ids = jax.lax.top_k(logp / temperature, size if top_k is None else min(top_k, size))
    probabilities = jax.nn.softmax(values)
    before = jnp.cumsum(probabilities, axis=-1) - probabilities
    total = jnp.cumsum(jnp.where(before < top_p, probabilities, 0), axis=-1)
    place = jnp.argmax(total > uniform[..., None] * total[..., -1:], axis=-1)
    return jnp.take_along_axis(ids, place[..., None], axis=-1)[..., 0].astype(jnp.int32)


def _decode(
    step: Step,
    state: Any,
    choose: Callable[[jax.Array, jax.Array], jax.Array],
    *,
    batch: int,
    width: int,
    bos: int,
    eos: int,
    pad: int,
    max_length: int,
    limits: Int[Array, "B"] | None,
    prefix: Int[Array, "B P"] | None,
    length_penalty: float | Float[Array, ""],
) -> Hypotheses:
    """Writes the pieces [B,W] that `choose(logp [B,W,V], position)` returns, until EOS."""
    _, recorded = hypotheses.check(step, state, batch=batch, width=width, max_length=max_length)
    limits_B1 = hypotheses.each_limit(limits, batch, max_length)[:, None]

    def growing(now: _Progress) -> jax.Array:
        return ~now.finished_BW & (now.position < limits_B1)

    def advance(now: _Progress) -> _Progress:
        logits_BWV, state, record = step(now.ids_BW, now.position, now.state)
        logp_BWV = jax.nn.log_softmax(logits_BWV.astype(jnp.float32))
        ids_BW = choose(hypotheses.force(logp_BWV, prefix, now.position), now.position)
        logp_BW = jnp.take_along_axis(logp_BWV, ids_BW[..., None], axis=-1)[..., 0]
        grows_BW = growing(now)
        return _Progress(
            position=now.position + 1,
            ids_BW=ids_BW,
            state=state,
            lengths_BW=now.lengths_BW + grows_BW,
            scores_BW=jnp.where(grows_BW, now.scores_BW + logp_BW, now.scores_BW),
            finished_BW=now.finished_BW | (grows_BW & (ids_BW == eos)),
            tokens_BTW=hypotheses.put(now.position, now.tokens_BTW, jnp.where(grows_BW, ids_BW, pad)),
            record=hypotheses.put(now.position, now.record, record),
        )

    start = _Progress(
        position=jnp.int32(0),
        ids_BW=jnp.full((batch, width), bos, jnp.int32),
        state=state,
        lengths_BW=jnp.zeros((batch, width), jnp.int32),
        scores_BW=jnp.zeros((batch, width)),
        finished_BW=jnp.zeros((batch, width), bool),
        tokens_BTW=jnp.full((batch, max_length, width), pad, jnp.int32),
        record=hypotheses.room(recorded, max_length),
    )
    end = jax.lax.while_loop(lambda now: growing(now).any(), advance, start)
    scores_BW = jnp.where(end.lengths_BW > 0, end.scores_BW, -jnp.inf)
    slots_BTW = jnp.broadcast_to(jnp.arange(width), end.tokens_BTW.shape)
    return Hypotheses(
        tokens=jnp.moveaxis(end.tokens_BTW, 1, 2),
        lengths=end.lengths_BW,
        scores=scores_BW,
        normalised=scores_BW / hypotheses.length_penalty(end.lengths_BW, length_penalty),
        finished=end.finished_BW,
        record=hypotheses.take_rows(end.record, slots_BTW, end.lengths_BW),
    )
