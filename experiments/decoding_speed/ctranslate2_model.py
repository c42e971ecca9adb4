"""A run of xattn as a CTranslate2 model, weight for weight."""

import tempfile
from typing import Any

import ctranslate2
import numpy as np
from ctranslate2.specs.transformer_spec import TransformerDecoderSpec, TransformerEncoderSpec, TransformerSpec

from xattn.nn.rotary import ROTARY_BASE
from xattn.translation.translator import Translator

# Rotary positions over the whole head, whose halves are the pairs, as in `xattn.nn.attention.rotate`.
ROTARY = {"rotary_dim": 0, "rotary_interleave": False, "rotary_base": ROTARY_BASE}
EPSILON = 1e-6  # of `nnx.LayerNorm`


def convert(model: Translator, threads: int, longest: int = 1024) -> ctranslate2.Translator:
    """The same model in CTranslate2, in float32, by way of a temporary folder."""
    if model.config.model.memory != "full":
        raise ValueError("CTranslate2 has no memory other than the full one.")
    settings, params, tokenizer = model.config.model, model.params, model.tokenizer
    embedding = np.asarray(params["embedding"]["embedding"])
    # Its classes declare their places as None.
    spec: Any = TransformerSpec(
        TransformerEncoderSpec(settings.layers, settings.heads, **ROTARY),
        TransformerDecoderSpec(settings.layers, settings.heads, **ROTARY),
    )
    # Its encoder adds sinusoids even where it rotates: these are none.
    spec.encoder.position_encodings.encodings = np.zeros((longest, settings.width), np.float32)
    spec.encoder.embeddings[0].weight = spec.decoder.embeddings.weight = embedding
    spec.decoder.projection.weight = embedding
    for side, theirs in (("encoder", spec.encoder), ("decoder", spec.decoder)):
        _norm(theirs.layer_norm, params[side]["norm"])
        for number, layer in enumerate(theirs.layer):
            ours = params[side]["layers"][number]
            _attention(layer.self_attention, ours["norm_self"], ours["self_attention"], [("query", "key", "value")])
            if side == "decoder":
                groups = [("query",), ("key", "value")]
                _attention(layer.attention, ours["norm_cross"], ours["cross_attention"], groups)
            _norm(layer.ffn.layer_norm, ours["norm_mlp"])
            _linear(layer.ffn.linear_0, ours["mlp"]["up"])
            _linear(layer.ffn.linear_1, ours["mlp"]["down"])
    pieces = tokenizer.pieces(range(tokenizer.size))
    spec.register_source_vocabulary(pieces)
    spec.register_target_vocabulary(pieces)
    config = spec.config
    config.layer_norm_epsilon = EPSILON
    config.add_source_eos = True
    special = (tokenizer.unk, tokenizer.bos, tokenizer.eos)
    config.unk_token, config.bos_token, config.eos_token = tokenizer.pieces(special)
    config.decoder_start_token = config.bos_token
    spec.validate()
    with tempfile.TemporaryDirectory() as folder:
        spec.save(folder)
        return ctranslate2.Translator(
            folder, device="cpu", compute_type="float32", inter_threads=1, intra_threads=threads
        )


def _norm(theirs: Any, ours: Any) -> None:
    theirs.gamma, theirs.beta = np.asarray(ours["scale"]), np.asarray(ours["bias"])


def _linear(theirs: Any, ours: Any) -> None:
    theirs.weight, theirs.bias = np.asarray(ours["kernel"]).T.copy(), np.asarray(ours["bias"])


def _attention(theirs: Any, norm: Any, ours: Any, groups: list[tuple[str, ...]]) -> None:
    _norm(theirs.layer_norm, norm)
    for linear, names in zip(theirs.linear, [*groups, ("out",)], strict=True):
        linear.weight = np.concatenate([np.asarray(ours[name]["kernel"]).T for name in names])
