"""Cross-attention as pure functions: exact, with every mask, and weights as return values."""

from xattn.attention.call import Aux
from xattn.attention.contract import (
    KeyValue,
    attention_weights,
    cross_attention,
    cross_attention_with_aux,
    prepare_memory,
)
from xattn.attention.dropout import Dropout, dropout, hash_bits
from xattn.attention.mask import Mask

__all__ = [
    "Aux",
    "Dropout",
    "KeyValue",
    "Mask",
    "attention_weights",
    "cross_attention",
    "cross_attention_with_aux",
    "dropout",
    "hash_bits",
    "prepare_memory",
]
