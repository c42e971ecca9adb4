"""Wrong calls: each raises a ValueError that names the argument, its value, and what is accepted."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xattn.attention import (
    Dropout,
    Mask,
    attention_weights,
    bidirectional_cross_attention,
    cross_attention_with_aux,
    explain,
    merge,
    prepare_memory,
)

B, T, S, N, K, H, HV = 2, 7, 5, 6, 3, 4, 8


def zeros(*shape, dtype=jnp.float32):
    return jnp.zeros(shape, dtype)


def booleans(*shape):
    return np.ones(shape, bool)


GOOD = {"q": zeros(B, T, N, H), "k": zeros(B, S, K, H), "v": zeros(B, S, K, HV)}
SCORES = (B, N, T, S)

# What is changed in a good call, and the words that the message must have.
CALLS = {
    "q of integers": ({"q": zeros(B, T, N, H, dtype=int)}, "q has dtype int32", "floating-point arrays [*B,T,N,H]"),
    "k of complex": (
        {"k": zeros(B, S, K, H, dtype=complex)}, "k has dtype complex64", "floating-point arrays [*b,S,K,H]"
    ),
    "v of booleans": ({"v": booleans(B, S, K, HV)}, "v has dtype bool", "floating-point arrays [*b,S,K,Hv]"),
    "a list": ({"q": [[[0.0]]]}, "q is of type list", "array [*B,T,N,H]"),
    "q without heads": ({"q": zeros(T, H)}, "q has shape (7, 4)", "[*B,T,N,H], of rank 3 or more"),
    "k without heads": ({"k": zeros(S, H)}, "k has shape (5, 4)", "[*b,S,K,H], of rank 3 or more"),
    "v of one axis": ({"v": zeros(HV)}, "v has shape (8,)", "[*b,S,K,Hv], of rank 3 or more"),
    "two widths": ({"k": zeros(B, S, K, 3)}, "q has head width H=4 and k has 3", "one width above 0"),
    "no width": ({"q": zeros(B, T, N, 0), "k": zeros(B, S, K, 0)}, "q has head width H=0", "one width above 0"),
    "fewer values": ({"v": zeros(B, 4, K, HV)}, "v has shape (2, 4, 3, 8) and k (2, 5, 3, 4)", "one [*b,S,K]"),
    "heads of values": ({"v": zeros(B, S, N, HV)}, "v has shape (2, 5, 6, 8) and k (2, 5, 3, 4)", "one [*b,S,K]"),
    "groups": ({"q": zeros(B, T, 4, H)}, "q has N=4 heads and k has K=3", "N a multiple of K"),
    "no heads": ({"q": zeros(B, T, 0, H)}, "q has N=0 heads", "N a multiple of K"),
    "another batch": ({"q": zeros(3, T, N, H)}, "k, v have batch axes (2,)", "those of q, (3,), or 1"),
    "more batch axes": ({"q": zeros(T, N, H)}, "k, v have batch axes (2,)", "those of q, (), or 1"),
    "mask of numbers": ({"mask": zeros(*SCORES)}, "mask has dtype float32", "bool, True where attention is", "bias"),
    "mask as a list": ({"mask": [[True]]}, "mask is of type list", "a Mask, or None"),
    "mask of key padding": ({"mask": booleans(B, S)}, "mask has shape (2, 5)", "rank 4", "Mask.keys(valid)"),
    "mask without heads": ({"mask": booleans(B, T, S)}, "mask has shape (2, 7, 5)", "[*B|1,N|1,T|1,S|1] of rank 4"),
    "mask turned": ({"mask": booleans(B, N, S, T)}, "array has shape (2, 6, 5, 7)", "N=6|1, T=7|1, S=5|1"),
    "mask of K heads": ({"mask": booleans(B, K, T, S)}, "array has shape (2, 3, 7, 5)", "N=6|1"),
    "lengths": ({"mask": Mask.lengths(keys=jnp.array([1, 2, 3]))}, "Mask.lengths: keys has shape (3,)", "*B=(2,)"),
    "bias without axes": (
        {"bias": zeros(T, S)}, "bias has shape (7, 5)", "[*B,N,T,S] = (2, 6, 7, 5), each axis full or 1"
    ),
    "bias of K heads": ({"bias": zeros(B, K, T, S)}, "bias has shape (2, 3, 7, 5)", "(2, 6, 7, 5)"),
    "bias of booleans": ({"bias": booleans(*SCORES)}, "bias has dtype bool", "floating point (a boolean is a mask)"),
    "bias as a list": ({"bias": [0.0]}, "bias is of type list", "array [*B|1,N|1,T|1,S|1]"),
    "scale a key head": ({"scale": zeros(K)}, "scale has shape (3,)", "() and [N=6]"),
    "softcap of 0": ({"softcap": 0.0}, "softcap is 0.0", "a finite number above 0, or None"),
    "softcap without end": ({"softcap": np.inf}, "softcap is inf", "a finite number above 0, or None"),
    "sink of K heads": ({"sink": zeros(K)}, "sink has shape (3,)", "() and [N=6]"),
    "sink of no softmax": ({"sink": 0.0, "normalizer": "sigmoid"}, "sink adds to the softmax", "'sigmoid' has none"),
    "normalizer": (
        {"normalizer": "softmx"}, "normalizer is 'softmx'", "accepted are softmax, sigmoid, sparsemax, entmax15"
    ),
}  # fmt: skip

WITH_AUX = {
    "dropout as a rate": ({"dropout": 0.1}, "dropout is 0.1", "Dropout(rate, seed), or None"),
    "dropout of all": ({"dropout": Dropout(1.0, jnp.uint32(0))}, "dropout rate is 1.0", "0 <= rate < 1"),
    "dropout by two keys": (
        {"dropout": Dropout(0.1, jax.random.split(jax.random.key(0)))}, "dropout.seed is uint32 of shape (2, 2)",
        "a single integer or JAX key"
    ),
    "rows": (
        {"dropout": Dropout(0.1, jnp.uint32(0), jnp.arange(3))}, "dropout.rows has shape (3,)", "batch of q, (2,)"
    ),
    "implementation": ({"implementation": "flash"}, "implementation is 'flash'", "accepted are auto, dense, chunked"),
    "one that cannot": (
        {"implementation": "neighbors"}, "'neighbors' cannot", "needs one Mask.neighbors", "dense, chunked"
    ),
    "block of dense": ({"implementation": "dense", "block": (2, 2)}, "it has no block", "These can: chunked"),
    "block of nothing": ({"block": (0, 3)}, "block is (0, 3)", "two sizes (queries, keys), whole and above 0, or None"),
    "block of one": ({"block": (4,)}, "block is (4,)", "two sizes (queries, keys)"),
    "block as a number": ({"implementation": "chunked", "block": 4}, "block is 4", "two sizes (queries, keys)"),
    "a string": ({"returns": "lse"}, "returns is the string 'lse'", "a sequence of names: ('lse',)"),
    "an unknown name": ({"returns": ("lsee",)}, "returns names 'lsee'", "lse, weights, key_mass, entropy, max_score"),
    "lse of no softmax": ({"returns": ("lse",), "normalizer": "sigmoid"}, "lse is the log", "'sigmoid' has none"),
    "too many": ({"top_k": 6}, "top_k is 6", "from 1 to the S=5 keys, or None"),
    "none": ({"top_k": 0}, "top_k is 0", "from 1 to the S=5 keys, or None"),
    "a part": ({"top_k": 1.5}, "top_k is 1.5", "a whole number"),
}  # fmt: skip

WEIGHTS = {
    "lse turned": ({"lse": zeros(B, T, N)}, "lse has shape (2, 7, 6)", "[*B,N,T] = (2, 6, 7), of all T queries"),
    "lse of the chosen": ({"lse": zeros(B, N, 1), "queries": jnp.array([3])}, "lse has shape (2, 6, 1)", "(2, 6, 7)"),
    "lse of no softmax": ({"lse": zeros(B, N, T), "normalizer": "entmax15"}, "lse is the log", "'entmax15' has none"),
    "queries an example": ({"queries": zeros(B, 3, dtype=int)}, "queries has shape (2, 3)", "integers [R]"),
    "queries in floats": ({"queries": zeros(3)}, "queries has dtype float32", "accepted are integers"),
    "queries to keep": ({"queries": booleans(T)}, "queries has dtype bool", "accepted are integers"),
}  # fmt: skip

SIDES = {"a": zeros(B, T, N, H), "b": zeros(B, S, N, H), "v_a": zeros(B, T, N, HV), "v_b": zeros(B, S, N, 3)}
BOTH = {
    "a of one axis": ({"a": zeros(H)}, "a has shape (4,)", "rank 3 or more"),
    "a of integers": ({"a": zeros(B, T, N, H, dtype=int)}, "a has dtype int32", "floating-point"),
    "dtype of v_a": ({"v_a": zeros(B, T, N, HV, dtype=int)}, "v_a is int32", "accepted is floating point"),
    "two widths": ({"b": zeros(B, S, N, 2)}, "a has head width H=4 and b has 2", "one width above 0"),
    "rows of v_a": ({"v_a": zeros(B, S, N, HV)}, "v_a is float32 of shape (2, 5, 6, 8)", "with a's (2, 7, 6)"),
    "rows of v_b": ({"v_b": zeros(B, T, N, 3)}, "v_b has shape (2, 7, 6, 3) and b (2, 5, 6, 4)", "one"),
    "grouped heads": (
        {"b": zeros(B, S, K, H), "v_b": zeros(B, S, K, 3)},
        "a has shape (2, 7, 6, 4) and b (2, 5, 3, 4)", "the same *B and N"
    ),
    "a shared side": (
        {"b": zeros(1, S, N, H), "v_b": zeros(1, S, N, 3)},
        "a has shape (2, 7, 6, 4) and b (1, 5, 6, 4)", "the same *B and N"
    ),
    "mask turned": ({"mask": booleans(B, N, S, T)}, "array has shape (2, 6, 5, 7)", "T=7|1, S=5|1"),
    "bias turned": ({"bias": zeros(B, N, S, T)}, "bias has shape (2, 6, 5, 7)", "(2, 6, 7, 5)"),
    "implementation": ({"implementation": "neighbors"}, "implementation is 'neighbors'", "auto, dense, chunked"),
    "block of dense": (
        {"implementation": "dense", "block": (2, 2)}, "'dense' has no block", "block=None, or 'chunked'"
    ),
    "block of nothing": ({"block": (2, 0)}, "block is (2, 0)", "two sizes (queries, keys), whole and above 0"),
    "softcap below 0": ({"softcap": -1.0}, "softcap is -1.0", "a finite number above 0"),
}  # fmt: skip

PART, LSE = zeros(B, T, N, HV), zeros(B, N, T)
MERGES = {
    "nothing": ({"outs": [], "lses": []}, "as many outs as lses, one or more", "not 0 and 0"),
    "outs without lse": ({"outs": [PART, PART], "lses": [LSE]}, "as many outs as lses", "not 2 and 1"),
    "lse turned": ({"outs": [PART], "lses": [zeros(B, T, N)]}, "lses[0] is float32 of shape (2, 7, 6)", "(2, 6, 7)"),
    "another lse": (
        {"outs": [PART] * 2, "lses": [LSE, zeros(B, N, 1)]}, "lses[1] is float32 of shape (2, 6, 1)", "(2, 6, 7)"
    ),
    "another out": (
        {"outs": [PART, zeros(B, T, N, 1)], "lses": [LSE] * 2},
        "outs[1] is float32 of shape (2, 7, 6, 1)", "(2, 7, 6, 8)"
    ),
    "no heads": ({"outs": [zeros(T, HV)], "lses": [zeros(T)]}, "outs[0] is float32 of shape (7, 8)", "[*B,T,N,Hv]"),
    "integers": ({"outs": [PART.astype(int)], "lses": [LSE]}, "outs[0] is int32", "floating point [*B,T,N,Hv]"),
    "lse in integers": ({"outs": [PART], "lses": [LSE.astype(int)]}, "lses[0] is int32", "floating point [*B,N,T]"),
}  # fmt: skip

MEMORY = {name: GOOD[name] for name in "kv"}
MEMORIES = {
    "another validity": ({"valid": booleans(B, T)}, "valid is bool of shape (2, 7)", "bool [*b,S] = (2, 5)"),
    "a shared validity": ({"valid": booleans(S)}, "valid is bool of shape (5,)", "bool [*b,S] = (2, 5)"),
    "lengths": ({"valid": zeros(B, S, dtype=int)}, "valid is int32 of shape (2, 5)", "bool [*b,S]"),
    "fewer values": ({"v": zeros(B, 4, K, HV)}, "v has shape (2, 4, 3, 8) and k (2, 5, 3, 4)", "one [*b,S,K]"),
}

QUERIES_AND_KEYS = {name: GOOD[name] for name in "qk"}
OF_KEYS = {name: row for name, row in CALLS.items() if "v" not in row[0]}
EXPLAINED = {name: row for name, row in WITH_AUX.items() if name not in ("one that cannot", "block of dense")}
DOORS = {
    "cross_attention_with_aux": (cross_attention_with_aux, GOOD, CALLS | WITH_AUX),
    "explain": (explain, GOOD, EXPLAINED),
    "attention_weights": (attention_weights, QUERIES_AND_KEYS, OF_KEYS | WEIGHTS),
    "bidirectional": (bidirectional_cross_attention, SIDES, BOTH),
    "merge": (merge, {}, MERGES),
    "prepare_memory": (prepare_memory, MEMORY, MEMORIES),
}


@pytest.mark.parametrize(("door", "name"), [(door, name) for door, (_, _, table) in DOORS.items() for name in table])
@pytest.mark.usefixtures("no_jaxtyping")
def test_a_wrong_call_is_refused_by_name(door, name):
    call, good, table = DOORS[door]
    changed, *words = table[name]
    with pytest.raises(ValueError) as error:  # noqa: PT011  the words follow
        jax.eval_shape(lambda: call(**good | changed))
    for word in words:
        assert word in str(error.value), f"{word!r} is not in {error.value!r}"


@pytest.mark.parametrize("door", ["cross_attention_with_aux", "attention_weights", "bidirectional", "prepare_memory"])
def test_the_call_that_the_wrong_ones_change_is_right(door):
    call, good, _ = DOORS[door]
    jax.eval_shape(lambda: call(**good))
