"""Sampling of many sentences."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from xattn.data.tokenizer import Tokenizer
from xattn.decoding import Hypotheses, sample
from xattn.nn.encoder_decoder import EncoderDecoder
from xattn.translation.length_batches import _limits, _rows, by_length, padded_rows


class Sampler:
    """The compiled sampling of a model: `width` samples of every sentence."""

    def __init__(
        self,
        model: Callable[[Any], EncoderDecoder],
        tokenizer: Tokenizer,
        *,
        width: int,
        top_k: int | None,
        extra_length: int,
    ):
        self._model, self._tokenizer = model, tokenizer
        self._width, self._top_k, self._extra_length = width, top_k, extra_length
        self._draw = jax.jit(self._draw_batch)

    def __call__(
        self,
        params: Any,
        sources: Sequence[list[int]],
        *,
        rows: int,
        seed: int,
        first: int,
        temperature: float,
        top_p: float,
        prefix: Sequence[int],
    ) -> Iterator[tuple[int, Hypotheses]]:
        """As `BatchedBeamSearch`; sentence numbers count from `first`, and decide with the seed what is drawn."""
        settings = np.int32(seed), np.float32(temperature), np.float32(top_p), np.asarray(prefix, np.int32)
        for length, batches in by_length(sources, rows):
            for numbers in batches:
                source = padded_rows(sources, numbers, length, self._tokenizer)
                found = jax.device_get(self._draw(params, source, (first + numbers).astype(np.int32), *settings))
                yield from _rows(numbers, found)

    def _draw_batch(
        self,
        params: Any,
        source: jax.Array,
        numbers: jax.Array,
        seed: jax.Array,
        temperature: jax.Array,
        top_p: jax.Array,
        prefix: jax.Array,
    ) -> Hypotheses:
        model, t = self._model(params), self._tokenizer
        mask = source != t.pad
        extra = self._extra_length + len(prefix)
        length = 2 * source.shape[1] + extra
        step, state = model.stepper(model.encode(source, mask), self._width, length)

        def without_record(ids: jax.Array, position: jax.Array, state: Any) -> tuple[jax.Array, Any, Any]:
            logits, state, _ = step(ids, position, state)
            return logits, state, ()

        return sample(
            without_record,
            state,
            seed=seed,
            numbers=numbers,
            width=self._width,
            bos=t.bos,
            eos=t.eos,
            pad=t.pad,
            max_length=length,
            temperature=temperature,
            top_k=self._top_k,
            top_p=top_p,
            limits=_limits(mask, extra),
            prefix=jnp.broadcast_to(prefix, (len(source), len(prefix))),
        )
