"""The encoder-decoder: source pieces through an encoder into a memory, and a decoder that writes target pieces."""

from flax import nnx
from jaxtyping import Array, Bool, Float, Int

from xattn.nn import attributions
from xattn.nn.decoder import CrossDecoder
from xattn.nn.dimensions import Dimensions
from xattn.nn.dropout import DropoutKey
from xattn.nn.encoders.text import TextEncoder
from xattn.nn.memory import Memory
from xattn.nn.memory_transforms import MemoryTransform
from xattn.nn.writer import Writer

TRANSFORM = 1_001
"""The dropout site of the memory's transform, after that of the embedding."""


class EncoderDecoder(Writer):
    """A Transformer for translation (Vaswani et al., 2017): pre-norm, with rotary positions and one embedding.

    The embedding `[V,D]` reads source and target and writes the logits (Press & Wolf, 2017). With a `dims.dtype` of
    bfloat16 the products of the layers are taken in bfloat16; parameters, the residual stream, norms, softmax and
    logits stay in float32.

    Args:
        vocabulary: Pieces of source and target together (V).
        dims: Sizes of the encoder, and of the decoder.
        memory: The transform of the memory; see `MemoryTransform`.
        latents: How many latents a memory of "latents" has.
        aligns: The layer that an alignment layer reads; see `CrossDecoder`.
        rngs: The source of initial parameters.
    """

    def __init__(
        self,
        *,
        vocabulary: int,
        dims: Dimensions,
        memory: str = "full",
        aligns: int | None = None,
        latents: int = 1,
        rngs: nnx.Rngs,
    ):
        scale = nnx.initializers.normal(dims.width**-0.5)
        self.embedding = nnx.Embed(vocabulary, dims.width, embedding_init=scale, rngs=rngs)
        self.encoder = TextEncoder(dims, rngs=rngs)
        self.decoder = CrossDecoder(dims, aligns=aligns, rngs=rngs)
        self.transform = MemoryTransform(memory, dims, latents=latents, rngs=rngs)

    def encode(
        self, source: Int[Array, "B S"], mask: Bool[Array, "B S"], dropout_key: DropoutKey | None = None
    ) -> Memory:
        """The memory of a source, after its transform; `mask` is False at padding."""
        dropout_key = dropout_key and dropout_key.fold_in(0)
        x_BSD = self._embed(source, dropout_key)
        return self.transform(self.encoder(x_BSD, mask, dropout_key), dropout_key and dropout_key.fold_in(TRANSFORM))

    def source_attention(self, source: Int[Array, "B S"], mask: Bool[Array, "B S"]) -> Float[Array, "L B N S S"]:
        """The self-attention weights of every layer and head of the encoder."""
        return self.encoder.with_weights(self._embed(source), mask)[1]

    def attribute(
        self,
        kind: str,
        source: Int[Array, "B S"],
        mask: Bool[Array, "B S"],
        target: Int[Array, "B T"],
        after: Int[Array, "B T"],
    ) -> Float[Array, "L B n T M"]:
        """Attributions of each decoder step to the source positions: "rollout", "gradients" or "value-zeroing".

        See `xattn.nn.attributions`. `after` is the piece that each step produces. "decoder" is no attribution but the
        decoder's self-attention [L, B, N, T, T].
        """
        x = self._embed(target)
        memory, weights = self.encoder.with_weights(self._embed(source), mask)
        if kind == "rollout":
            return attributions.rollout(weights, self.decoder, x, memory)
        if kind == "gradients":
            return attributions.weighted_gradients(self.decoder, x, memory, self.embedding.embedding[...][after])
        if kind == "value-zeroing":
            return attributions.value_zeroing(self.decoder, x, memory)
        return attributions.own_attention(self.decoder, x, memory)

    def __call__(
        self,
        source: Int[Array, "B S"],
        source_mask: Bool[Array, "B S"],
        target: Int[Array, "B T"],
        dropout_key: DropoutKey | None = None,
    ) -> tuple[Float[Array, "B T V"], Float[Array, "L B N T M"]]:
        """Logits of the piece after each target position, and the cross-attention weights of every layer and head.

        M is the length of the transformed memory: that of the source, 1 for its mean, or the number of latents.
        """
        states, weights = self.decode(target, self.encode(source, source_mask, dropout_key), dropout_key)
        return self.logits(states), weights
