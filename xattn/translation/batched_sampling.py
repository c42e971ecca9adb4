"""Sampling of many sentences, in batches of similar length."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from xattn.data.tokenizer import Tokenizer
from xattn.decoding import Hypotheses, sample
from xattn.nn.encoder_decoder import EncoderDecoder
from xattn.translation.length_batches import by_length, length_limits, padded_rows, unbatch


class Sampler:
    """The compiled sampling of a model: `width` samples of each sentence."""

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
        """The number and the samples (without the axis B) of each sentence that is not empty, in any order.

        The arguments are those of `BatchedBeamSearch`. Random numbers depend on `seed` and on the number of the
        sentence, which counts from `first`.
        """
        settings = np.int32(seed), np.float32(temperature), np.float32(top_p), np.asarray(prefix, np.int32)
        tokenizer = self._tokenizer
        sentences = {number: [*ids, tokenizer.eos] for number, ids in enumerate(sources) if ids}
        for length, batches in by_length(sentences, rows):
            for numbers in batches:
                source = padded_rows(sentences, numbers, length, tokenizer.pad)
                samples = jax.device_get(self._draw(params, source, (first + numbers).astype(np.int32), *settings))
                yield from unbatch(numbers, samples)

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
            limits=length_limits(mask, extra),
            prefix=jnp.broadcast_to(prefix, (len(source), len(prefix))),
        )
