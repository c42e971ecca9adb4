"""A graph matching network: message passing within two graphs, and cross-attention between them, in rounds.

As in Li et al. (2019), with several heads, residuals, and one score matrix for both directions. Nodes have neither
order nor names: only the edges around a node (and its kind, if it has one) identify it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float, Int

from xattn.attention import Mask, attention_weights, bidirectional_cross_attention, cross_attention_with_aux
from xattn.nn.attention import linear
from xattn.nn.dimensions import Dimensions
from xattn.nn.dropout import DropoutKey, dropout_fns
from xattn.nn.layers import Mlp
from xattn.nn.memory import Memory
from xattn.nn.memory_transforms import MemoryTransform


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class GraphBatch:
    """A batch of graphs with S nodes or fewer.

    `edges` is True between two nodes with an edge, `mask` is False at padding, and `kinds` are the kinds of nodes,
    counted from 0, or None if all nodes are alike.
    """

    edges: Bool[Array, "B S S"]
    mask: Bool[Array, "B S"]
    kinds: Int[Array, "B S"] | None = None


class Side(NamedTuple):
    """One of the two graphs after a round, or after all of them."""

    states: Float[Array, "B T D"]
    """The states of its T nodes."""
    weights: Float[Array, "*L B N T S"]
    """The attention weights of its nodes over the other graph's memory."""
    visible: Bool[Array, "B S"]
    """Which positions of that memory could be attended to."""


def return_probabilities(edges: Float[Array, "B S S"], steps: int) -> Float[Array, "B S K"]:
    """The probabilities that a random walk returns to its node after 2, 3, ..., `steps` steps (Dwivedi et al., 2022).

    They depend on the structure only. A node without edges has probability 0.

    >>> # Three nodes in a row: from the middle a walk is always back after two steps; from an end, half the time.
    >>> path = jnp.array([[[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]])
    >>> return_probabilities(path, 3)[..., 0]
    Array([[0.5, 1. , 0.5]], dtype=float32)
    """
    step_BSS = edges / jnp.maximum(edges.sum(axis=-1, keepdims=True), 1)
    walk_BSS, back = step_BSS, []
    for _ in range(steps - 1):
        walk_BSS = walk_BSS @ step_BSS
        back.append(jnp.einsum("BSS->BS", walk_BSS))
    return jnp.stack(back, axis=-1)


class GraphRound(nnx.Module):
    """One round: message passing within each graph, then cross-attention between the two.

    The values are the nodes' states themselves, split into heads: each node reads a weighted mean of the other graph's
    nodes, and the MLP that follows can compare the two (Li et al., 2019, equation 9). Queries and keys share one
    projection, and both graphs share all parameters: swapping the graphs swaps the results.
    """

    def __init__(self, dims: Dimensions, *, memory: str, latents: int, rngs: nnx.Rngs):
        width, dtype = dims.width, dims.dtype
        self.heads = dims.heads
        # "hear" is message passing and "look" is cross-attention: checkpoints hold these names.
        self.norm_hear = nnx.LayerNorm(width, rngs=rngs)
        self.message = nnx.Linear(width, width, dtype=dtype, rngs=rngs)
        self.mlp_hear = Mlp(width, dims.mlp, reads=2 * width, dtype=dtype, rngs=rngs)
        self.norm_look = nnx.LayerNorm(width, rngs=rngs)
        self.transform = MemoryTransform(memory, dims, latents=latents, rngs=rngs)
        self.key = nnx.Linear(width, width, use_bias=False, dtype=dtype, rngs=rngs)
        self.mlp_look = Mlp(width, dims.mlp, reads=2 * width, dtype=dtype, rngs=rngs)

    def message_pass(
        self, x: Float[Array, "B S D"], graphs: GraphBatch, dropout_key: DropoutKey | None
    ) -> Float[Array, "B S D"]:
        """The states after message passing: adds an MLP of each node's state and the sum of its neighbours' messages.

        `x` [B,S,D] are the states of the nodes in `graphs`; a message is a ReLU of a linear map of its sender's state.
        """
        h_BSD = self.norm_hear(x)
        (message_BSD,) = linear(h_BSD, self.message)
        received_BSD = graphs.edges.astype(x.dtype) @ nnx.relu(message_BSD)
        (drop,) = dropout_fns(dropout_key, x.shape, 1)
        return x + drop(self.mlp_hear(jnp.concatenate([h_BSD, received_BSD], axis=-1)))

    def cross_attend(
        self,
        a: Memory,
        b: Memory,
        dropout_key: tuple[DropoutKey | None, DropoutKey | None] = (None, None),
        hide: Bool[Array, "B T S"] | None = None,
    ) -> tuple[Side, Side]:
        """Both graphs after cross-attention: adds an MLP of each node's state and what it read of the other graph.

        `a` and `b` hold the states [B,T,D] and [B,S,D] of the two graphs' nodes, and which of them are real.
        `dropout_key` has a key for each graph. `hide` [B,T,S] is True for pairs of nodes, one of each graph, that may
        not attend to each other; it applies to a full memory only.
        """
        h_a, h_b = (replace(x, tokens=self.norm_look(x.tokens)) for x in (a, b))
        if self.transform.kind == "full":
            q_a, q_b, v_a, v_b = (self._heads(x) for x in (*self._keys(h_a, h_b), h_a.tokens, h_b.tokens))
            seen_BTS = a.mask[:, :, None] & b.mask[:, None, :]
            seen_BTS = seen_BTS if hide is None else seen_BTS & ~hide
            mask_a, mask_b = (Mask.dense(x[:, None]) for x in (seen_BTS, jnp.swapaxes(seen_BTS, 1, 2)))
            out_a, out_b = bidirectional_cross_attention(q_a, q_b, v_a, v_b, mask_a)
            # The weights are computed once more from the same scores; `jit` removes this when they are unused.
            weights_a, weights_b = attention_weights(q_a, q_b, mask_a), attention_weights(q_b, q_a, mask_b)
            seen_a, seen_b = b.mask, a.mask
        else:
            out_a, weights_a, seen_a = self._read(h_a, self.transform(h_b, dropout_key[1]))
            out_b, weights_b, seen_b = self._read(h_b, self.transform(h_a, dropout_key[0]))
        return (
            Side(self._add(a, h_a, out_a, dropout_key[0]), weights_a, seen_a),
            Side(self._add(b, h_b, out_b, dropout_key[1]), weights_b, seen_b),
        )

    def _read(self, h: Memory, memory: Memory) -> tuple[jax.Array, jax.Array, jax.Array]:
        q, k, v = (self._heads(x) for x in (*self._keys(h, memory), memory.tokens))
        out, aux = cross_attention_with_aux(q, k, v, Mask.keys(memory.mask), returns=("weights",))
        return out, aux.weights, memory.mask

    def _keys(self, *memories: Memory) -> list[jax.Array]:
        return [linear(memory.tokens, self.key)[0] for memory in memories]

    def _heads(self, x: Float[Array, "B S D"]) -> Float[Array, "B S N H"]:
        return x.reshape(*x.shape[:-1], self.heads, -1)

    def _add(self, x: Memory, h: Memory, read: jax.Array, dropout_key: DropoutKey | None) -> Float[Array, "B S D"]:
        """Adds an MLP of a node's normalised state `h` and of what it read, which is 0 where nothing was visible."""
        (drop,) = dropout_fns(dropout_key, x.tokens.shape, 1)
        joined = jnp.concatenate([h.tokens, read.reshape(h.tokens.shape)], axis=-1)
        return x.tokens + drop(self.mlp_look(joined))


class GraphMatcher(nnx.Module):
    """Encodes two graphs together, in rounds of message passing and cross-attention, into states of their nodes.

    A node's initial state is a linear map of its return probabilities (see `return_probabilities`), plus an embedding
    of its kind if there are kinds. With the memory "none" the graphs never interact: a siamese network. One score
    matrix serves both directions, so its weights have no dropout.

    Args:
        dims: Sizes of the rounds; `layers` is their number.
        memory: The transform of the other graph's memory; see `MemoryTransform`.
        latents: How many latents a memory of "latents" has.
        kinds: How many kinds of nodes there are; 0 if all nodes are alike.
        steps: Steps of the longest random walk.
        rngs: The source of initial parameters.
    """

    def __init__(self, dims: Dimensions, *, memory: str, latents: int, kinds: int = 0, steps: int = 8, rngs: nnx.Rngs):
        self.steps = steps
        self.walks = nnx.Linear(steps - 1, dims.width, dtype=dims.dtype, rngs=rngs)
        self.kinds = nnx.Embed(kinds, dims.width, rngs=rngs) if kinds else None
        rounds = [GraphRound(dims, memory=memory, latents=latents, rngs=rngs) for _ in range(dims.layers)]
        self.rounds = nnx.List(rounds)
        self.norm = nnx.LayerNorm(dims.width, rngs=rngs)

    def __call__(
        self,
        a: GraphBatch,
        b: GraphBatch,
        dropout_key: DropoutKey | None = None,
        hide: Bool[Array, "B T S"] | None = None,
    ) -> tuple[Side, Side]:
        """Both graphs after all rounds, with weights [L,B,N,T,S] and [L,B,N,S,T], one layer a round.

        Padding nodes send no messages and are not attended to; their own states are meaningless. `hide` is as in
        `GraphRound.cross_attend`. Raises a ValueError for graphs without kinds if the model expects some.
        """
        a, b = _inside(a), _inside(b)
        x_a, x_b, rounds = self._start(a), self._start(b), []
        for number, layer in enumerate(self.rounds):
            # Dropout sites: messages and cross-attention of two graphs.
            first, second, third, fourth = (dropout_key and dropout_key.fold_in(4 * number + site) for site in range(4))
            x_a, x_b = layer.message_pass(x_a, a, first), layer.message_pass(x_b, b, second)
            memory_a, memory_b = Memory(tokens=x_a, mask=a.mask), Memory(tokens=x_b, mask=b.mask)
            rounds.append(layer.cross_attend(memory_a, memory_b, (third, fourth), hide))
            x_a, x_b = (side.states for side in rounds[-1])
        sides_a, sides_b = zip(*rounds, strict=True)
        return self._finish(sides_a), self._finish(sides_b)

    def _start(self, graphs: GraphBatch) -> Float[Array, "B S D"]:
        (x_BSD,) = linear(return_probabilities(graphs.edges.astype(jnp.float32), self.steps), self.walks)
        if self.kinds is None:
            return x_BSD
        if graphs.kinds is None:
            raise ValueError(
                f"The model expects nodes of {self.kinds.num_embeddings} kinds, but the graphs have kinds=None."
            )
        return x_BSD + self.kinds(graphs.kinds)

    def _finish(self, sides: Sequence[Side]) -> Side:
        """A graph after all rounds, from its results of each round."""
        weights = jnp.stack([side.weights for side in sides])
        return Side(self.norm(sides[-1].states), weights, sides[-1].visible)


def _inside(graphs: GraphBatch) -> GraphBatch:
    """The graphs without the edges of padding nodes."""
    return replace(graphs, edges=graphs.edges & graphs.mask[:, :, None] & graphs.mask[:, None, :])
