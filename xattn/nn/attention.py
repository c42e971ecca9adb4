"""Attention as a module: linear projections around one call of `xattn.attention.cross_attention_with_aux`."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from flax.nnx.nn.dtypes import promote_dtype
from flax.typing import PrecisionLike
from jaxtyping import Array, Bool, Float, Integer

from xattn.attention import Aux, Dropout, KeyValue, Mask, ScoreBias, cross_attention_with_aux
from xattn.attention.mask import as_mask
from xattn.nn.rotary import rotate

KERNEL_INIT = nnx.initializers.lecun_normal()


def linear(x: Float[Array, "*B D"], *maps: nnx.Linear) -> list[Float[Array, "*B _"]]:
    """The outputs of several linear maps of one input, computed as one product of two matrices.

    One wide product is faster than several narrow ones. With more than two axes, XLA's gradient of the kernel would
    copy its operands first and take three times as long on a CPU.
    """
    first = maps[0]
    joined = jnp.concatenate([linear_map.kernel[...] for linear_map in maps], axis=-1)
    biases = [linear_map.bias[...] for linear_map in maps if linear_map.bias is not None]
    bias = jnp.concatenate(biases)[None] if biases else None
    rows = x.reshape(math.prod(x.shape[:-1]), x.shape[-1])
    rows, joined, bias = first.promote_dtype((rows, joined, bias), dtype=first.dtype)
    y = jnp.matmul(rows, joined, precision=first.precision)
    y = y if bias is None else y + bias
    ends = np.cumsum([linear_map.out_features for linear_map in maps])[:-1]
    return [part.reshape(*x.shape[:-1], part.shape[-1]) for part in jnp.split(y, ends, axis=-1)]


@dataclass(frozen=True, kw_only=True)
class AttentionOptions:
    """The options of `cross_attention` that a module keeps."""

    softcap: float | None = None
    normalizer: str = "softmax"
    implementation: str = "auto"
    block: tuple[int, int] | None = None


class CrossAttention(nnx.Module):
    """Multi-head attention from the positions of `x` to a memory (Vaswani et al., 2017, section 3.2.2).

    Queries come from `x [B,T,D]`, keys and values from the memory `[B,S,M]`; self-attention is the case where
    the memory is `x`. The weights `[B,N,T,S]` are returned beside the output; `jit` removes them when they are unused.
    With `positions`, as in self-attention, queries and keys are rotated (see `rotate`).

    Args:
        width: Width of `x` (D).
        memory_width: Width of the memory (M).
        heads: Query heads (N).
        value_width: Width of the separate input of the values, if there is one; M by default.
        key_heads: Key and value heads (K), shared by N / K query heads each (Ainslie et al., 2023); N by default.
        head_width: Width of a head (H); D / N by default.
        out_width: Width of the output; D by default.
        bias: Whether the four projections have a bias.
        norm: Whether queries and keys are normalised per head, each with a gain (Dehghani et al., 2023).
        sink: Whether each head has a learned sink, at first 0: a further logit in the softmax denominator.
        options: How scores become weights, and which implementation computes them.
        dtype: The type of products and output; that of inputs and parameters by default.
        param_dtype: The type of the parameters.
        precision: The precision of the projections; that of attention is `jax.default_matmul_precision`.
        kernel_init: Initialiser of the kernels. With `nnx.with_partitioning` it also names the axes of a mesh.
        out_kernel_init: That of the output projection; `kernel_init` by default.
        bias_init: Initialiser of the biases.
        out_bias_init: That of the output projection; `bias_init` by default.
        rngs: The source of initial parameters.

    Raises:
        ValueError: `heads` does not divide `width` (without a `head_width`), or `key_heads` does not divide `heads`.
    """

    def __init__(
        self,
        width: int,
        memory_width: int,
        heads: int,
        *,
        value_width: int | None = None,
        key_heads: int | None = None,
        head_width: int | None = None,
        out_width: int | None = None,
        bias: bool = False,
        norm: bool = False,
        sink: bool = False,
        options: AttentionOptions = AttentionOptions(),
        dtype: jax.typing.DTypeLike | None = None,
        param_dtype: jax.typing.DTypeLike = jnp.float32,
        precision: PrecisionLike = None,
        kernel_init: nnx.Initializer = KERNEL_INIT,
        out_kernel_init: nnx.Initializer | None = None,
        bias_init: nnx.Initializer = nnx.initializers.zeros_init(),  # noqa: B008  it has no state
        out_bias_init: nnx.Initializer | None = None,
        rngs: nnx.Rngs,
    ):
        sizes = {
            "width": width, "memory_width": memory_width, "heads": heads, "value_width": value_width,
            "key_heads": key_heads, "head_width": head_width, "out_width": out_width,
        }  # fmt: skip
        for name, size in sizes.items():
            if size is not None and size < 1:
                raise ValueError(f"{name} is {size}; accepted is a whole number of 1 or more.")
        if head_width is None and width % heads:
            raise ValueError(f"The width must be a multiple of the heads, but {heads=} does not divide {width=}.")
        self.heads, self.key_heads = heads, key_heads or heads
        if heads % self.key_heads:
            raise ValueError(f"heads must be a multiple of key_heads, but {key_heads=} does not divide {heads=}.")
        head_width = head_width or width // heads

        def make(
            inputs: int, outputs: int, kernel: nnx.Initializer = kernel_init, biases: nnx.Initializer = bias_init
        ) -> nnx.Linear:
            return nnx.Linear(
                inputs, outputs, use_bias=bias, dtype=dtype, param_dtype=param_dtype, precision=precision,
                kernel_init=kernel, bias_init=biases, rngs=rngs,
            )  # fmt: skip

        def make_norm() -> nnx.LayerNorm:
            return nnx.LayerNorm(head_width, use_bias=False, dtype=dtype, param_dtype=param_dtype, rngs=rngs)

        self.query = make(width, heads * head_width)
        self.key = make(memory_width, self.key_heads * head_width)
        self.value = make(value_width or memory_width, self.key_heads * head_width)
        self.out = make(
            heads * head_width, out_width or width, out_kernel_init or kernel_init, out_bias_init or bias_init
        )
        self.query_norm, self.key_norm = (make_norm(), make_norm()) if norm else (None, None)
        self.sink = nnx.Param(jnp.zeros(heads, param_dtype)) if sink else None
        self.options = options

    @classmethod
    def from_flax(cls, flax: nnx.MultiHeadAttention) -> "CrossAttention":
        """An `nnx.MultiHeadAttention` as a `CrossAttention` of the same parameters; dropout becomes an argument.

        Raises a ValueError if the module has a function of its own for attention or products, which would be lost.
        """
        _check_flax(flax)
        abstract = nnx.eval_shape(
            lambda: cls(
                flax.in_features,
                flax.in_kv_features,
                flax.num_heads,
                key_heads=flax.key.out_features[0],
                head_width=flax.head_dim,
                out_width=flax.out_features,
                bias=flax.use_bias,
                norm=flax.query_ln is not None,
                dtype=flax.dtype,
                param_dtype=flax.param_dtype,
                precision=flax.precision,
                rngs=nnx.Rngs(0),
            )
        )
        graph, state = nnx.split(abstract)
        theirs = nnx.to_pure_dict(nnx.state(flax, nnx.Param))
        ours = {
            **{name: theirs[name] for name in ("query", "key", "value", "out")},
            **{f"{name}_norm": theirs[f"{name}_ln"] for name in ("query", "key") if f"{name}_ln" in theirs},
        }
        # Flax has separate axes for heads and features; the entries lie in the same order.
        state = jax.tree.map(
            lambda own, other: own.replace(other.reshape(own.shape)),
            state,
            nnx.State(ours),
            is_leaf=lambda x: isinstance(x, nnx.Variable),
        )
        return nnx.merge(graph, state)

    def __call__(
        self,
        x: Float[Array, "*B T D"],
        memory: Float[Array, "*B S M"],
        mask: Mask | Bool[Array, "*mask"] | None = None,
        *,
        values: Float[Array, "*B S Mv"] | None = None,
        positions: Integer[Array | np.ndarray, "*b T"] | None = None,
        bias: Float[Array, "*bias"] | ScoreBias | None = None,
        dropout: Dropout | None = None,
    ) -> tuple[Float[Array, "*B T Do"], Float[Array, "*B N T S"]]:
        """The output `[B,T,Do]` and the weights `[B,N,T,S]`; `positions` apply to queries and keys (self-attention).

        `mask`, a `Mask` or an array [*B|1,N|1,T|1,S|1], says which keys a query may attend to (True); `values`
        replaces the memory as the input of the values; `bias` is added to the scores.
        """
        _check_width("x", x, self.query)
        _check_width("memory", memory, self.key)
        if x is not memory or values is not None:
            projected = self.project_memory(memory, mask, values=values, positions=positions)
            return self.attend(x, projected, positions=positions, bias=bias, dropout=dropout)
        q, k, v = linear(x, self.query, self.key, self.value)
        q_BTNH = self._heads(q, self.heads, self.query_norm, positions)
        k_BSKH = self._heads(k, self.key_heads, self.key_norm, positions)
        projected = KeyValue(k_BSKH, self._heads(v, self.key_heads), as_mask(mask))
        out, aux = self._attend(q_BTNH, projected, bias, dropout, ("weights",))
        return out, aux.weights

    def project_memory(
        self,
        memory: Float[Array, "*B S M"],
        mask: Mask | Bool[Array, "*mask"] | None = None,
        *,
        values: Float[Array, "*B S Mv"] | None = None,
        positions: Integer[Array | np.ndarray, "*b S"] | None = None,
    ) -> KeyValue:
        """Keys and values `[B,S,K,H]` with their mask, to be computed once for a memory that serves many queries.

        Values are computed from `values` if given, otherwise from the memory.
        """
        _check_width("memory", memory, self.key)
        _check_width("memory" if values is None else "values", memory if values is None else values, self.value)
        if values is None:
            k, v = linear(memory, self.key, self.value)
        else:
            (k,), (v,) = linear(memory, self.key), linear(values, self.value)
        k_BSKH = self._heads(k, self.key_heads, self.key_norm, positions)
        return KeyValue(k_BSKH, self._heads(v, self.key_heads), as_mask(mask))

    def attend(
        self,
        x: Float[Array, "*B T D"],
        memory: KeyValue,
        *,
        positions: Integer[Array | np.ndarray, "*b T"] | None = None,
        bias: Float[Array, "*bias"] | ScoreBias | None = None,
        dropout: Dropout | None = None,
    ) -> tuple[Float[Array, "*B T Do"], Float[Array, "*B N T S"]]:
        """The output and the weights, over a memory that `project_memory` returned."""
        out, aux = self.attend_with_aux(
            x, memory, positions=positions, bias=bias, dropout=dropout, returns=("weights",)
        )
        return out, aux.weights

    def attend_with_aux(
        self,
        x: Float[Array, "*B T D"],
        memory: KeyValue,
        *,
        positions: Integer[Array | np.ndarray, "*b T"] | None = None,
        bias: Float[Array, "*bias"] | ScoreBias | None = None,
        dropout: Dropout | None = None,
        returns: Iterable[str] = ("lse",),
        top_k: int | None = None,
    ) -> tuple[Float[Array, "*B T Do"], Aux]:
        """The output and the statistics that `returns` names, as `cross_attention_with_aux` has them."""
        _check_width("x", x, self.query)
        (q,) = linear(x, self.query)
        q_BTNH = self._heads(q, self.heads, self.query_norm, positions)
        return self._attend(q_BTNH, memory, bias, dropout, returns, top_k)

    def contributions(
        self, memory: KeyValue, weights: Float[Array, "*B N T S"], *, together: bool
    ) -> Float[Array, "*B n T S"]:
        """Norms of what each memory position adds to the output (Kobayashi et al., 2020).

        A head adds its weight times its value, multiplied by its part of the output kernel. There is one norm a head
        (n = N), or with `together` one norm of the sum over heads (n = 1). The latter is computed from the scalar
        products between the heads' vectors, so that no vector is stored for each query.
        """
        values_BSNH = jnp.repeat(memory.v, self.heads // self.key_heads, axis=-2).astype(jnp.float32)
        kernel_NHD = self.out.kernel[...].astype(jnp.float32).reshape(self.heads, values_BSNH.shape[-1], -1)
        vectors_BSND = jnp.einsum("...SNH,NHD->...SND", values_BSNH, kernel_NHD)
        if not together:
            return weights * jnp.einsum("...SN->...NS", jnp.linalg.norm(vectors_BSND, axis=-1))[..., None, :]
        products_BSNM = jnp.einsum("...SND,...SMD->...SNM", vectors_BSND, vectors_BSND)
        squares_BTS = jnp.einsum("...NTS,...MTS,...SNM->...TS", weights, weights, products_BSNM)
        return jnp.sqrt(jnp.maximum(squares_BTS, 0))[..., None, :, :]

    def _attend(
        self,
        q: jax.Array,
        memory: KeyValue,
        bias: jax.Array | ScoreBias | None,
        dropout: Dropout | None,
        returns: Iterable[str],
        top_k: int | None = None,
    ) -> tuple[jax.Array, Aux]:
        sink, options = None if self.sink is None else self.sink[...], self.options
        out_BTNH, aux = cross_attention_with_aux(
            q, *memory, bias=bias, sink=sink, softcap=options.softcap, normalizer=options.normalizer, dropout=dropout,
            implementation=options.implementation, block=options.block, returns=returns, top_k=top_k,
        )  # fmt: skip
        (out,) = linear(out_BTNH.reshape(*q.shape[:-2], self.out.in_features), self.out)
        return out, aux

    def _heads(
        self,
        x: jax.Array,
        heads: int,
        norm: nnx.LayerNorm | None = None,
        positions: jax.Array | np.ndarray | None = None,
    ) -> jax.Array:
        x = x.reshape(*x.shape[:-1], heads, x.shape[-1] // heads)
        x = x if norm is None else norm(x)
        return x if positions is None else rotate(x, positions)


def _check_width(name: str, x: jax.Array, reader: nnx.Linear) -> None:
    if x.ndim < 2 or x.shape[-1] != reader.in_features:
        raise ValueError(f"{name} has shape {x.shape}; accepted is [*B, length, {reader.in_features}].")


def _check_flax(flax: nnx.MultiHeadAttention) -> None:
    """Refuses settings that are functions of the user's own."""
    defaults = {
        "attention_fn": nnx.dot_product_attention, "qkv_dot_general": None, "out_dot_general": None,
        "qkv_dot_general_cls": None, "out_dot_general_cls": None, "qkv_promote_dtype": promote_dtype,
        "out_promote_dtype": promote_dtype, "ln_promote_dtype": promote_dtype,
    }  # fmt: skip
    for name, default in defaults.items():
        if getattr(flax, name) is not default:
            raise ValueError(
                f"from_flax: the module has {name}={getattr(flax, name)!r}, which CrossAttention would not compute;"
                " accepted is Flax's own."
            )
