"""Cross-attention as pure functions: exact, with any mask, in linear memory on request, weights as return values."""

from xattn.attention.api import (
    KeyValue,
    attention_weights,
    cross_attention,
    cross_attention_with_aux,
    explain,
    merge,
    prepare_memory,
)
from xattn.attention.bidirectional import bidirectional_cross_attention
from xattn.attention.dropout import Dropout, drop_others, dropout, hash_bits, keep
from xattn.attention.mask import Mask
from xattn.attention.ring import ring_attention
from xattn.attention.score_bias import ScoreBias, alibi_slopes
from xattn.attention.statistics import Aux

__all__ = [
    "Aux",
    "Dropout",
    "KeyValue",
    "Mask",
    "ScoreBias",
    "alibi_slopes",
    "attention_weights",
    "bidirectional_cross_attention",
    "cross_attention",
    "cross_attention_with_aux",
    "drop_others",
    "dropout",
    "explain",
    "hash_bits",
    "keep",
    "merge",
    "prepare_memory",
    "ring_attention",
]
