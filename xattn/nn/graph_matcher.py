"""The encoder of two graphs that look at each other: message passing, and cross-attention after every round.

Graph matching networks (Li et al., 2019), with heads, residuals and one score matrix for both directions. Nodes have no
order and no names: what a node is, is said by the edges around it.
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
from xattn.nn.dropout import DropoutKey, dropout_fns
from xattn.nn.layers import Mlp
from xattn.nn.memory import Memory
from xattn.nn.memory_transforms import MemoryTransform


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class GraphBatch:
    """A batch of graphs: which nodes have an edge, what kind each node is (None: all are alike), and which are real."""

    edges: Bool[Array, "B S S"]
    mask: Bool[Array, "B S"]
    kinds: Int[Array, "B S"] | None = None


class Side(NamedTuple):
    """One of two graphs, after some rounds."""

    states: Float[Array, "B T D"]
    weights: Float[Array, "*L B N T S"]
    """Where its nodes looked."""
    visible: Bool[Array, "B S"]
    """Which positions of the other graph's memory they could look at."""


def return_probabilities(edges: Float[Array, "B S S"], steps: int) -> Float[Array, "B S K"]:
    """The probabilities that a random walk from a node is back after 2, 3, ..., `steps` steps (Dwivedi et al., 2022).

    They depend on the structure alone; a node without edges never comes back.

    >>> path = jnp.array([[[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]])  # the middle is always come back to
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
    """One round: nodes hear their neighbours, then look at the other graph.

    What is looked at are the nodes' own states, head by head: each node reads its soft counterpart, from which the MLP
    after it can tell the difference (Li et al., 2019, equation 9). Queries are made as keys are, and all parameters
    serve both graphs: to swap the graphs is to swap what comes of them.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        mlp: int,
        *,
        memory: str,
        latents: int,
        dtype: jnp.dtype | None = None,
        rngs: nnx.Rngs,
    ):
        self.heads = heads
        self.norm_hear = nnx.LayerNorm(width, rngs=rngs)
        self.message = nnx.Linear(width, width, dtype=dtype, rngs=rngs)
        self.mlp_hear = Mlp(width, mlp, reads=2 * width, dtype=dtype, rngs=rngs)
        self.norm_look = nnx.LayerNorm(width, rngs=rngs)
        self.transform = MemoryTransform(
            memory, latents=latents, width=width, heads=heads, mlp=mlp, dtype=dtype, rngs=rngs
        )
        self.key = nnx.Linear(width, width, use_bias=False, dtype=dtype, rngs=rngs)
        self.mlp_look = Mlp(width, mlp, reads=2 * width, dtype=dtype, rngs=rngs)

    def message_pass(
        self, x: Float[Array, "B S D"], graphs: GraphBatch, dropout_key: DropoutKey | None
    ) -> Float[Array, "B S D"]:
        """Adds what every node makes of the sum of its neighbours' messages."""
        h_BSD = self.norm_hear(x)
        (message_BSD,) = linear(h_BSD, self.message)
        heard_BSD = graphs.edges.astype(x.dtype) @ nnx.relu(message_BSD)
        (drop,) = dropout_fns(dropout_key, x.shape, 1)
        return x + drop(self.mlp_hear(jnp.concatenate([h_BSD, heard_BSD], axis=-1)))

    def cross_attend(
        self,
        a: Memory,
        b: Memory,
        dropout_key: tuple[DropoutKey | None, DropoutKey | None] = (None, None),
        hide: Bool[Array, "B T S"] | None = None,
    ) -> tuple[Side, Side]:
        """Adds what the nodes of each graph read of the other; `hide` are pairs of nodes that do not see each other."""
        h_a, h_b = (replace(x, tokens=self.norm_look(x.tokens)) for x in (a, b))
        if self.transform.kind == "full":
            q_a, q_b, v_a, v_b = (self._heads(x) for x in (*self._keys(h_a, h_b), h_a.tokens, h_b.tokens))
            seen_BTS = a.mask[:, :, None] & b.mask[:, None, :]
            seen_BTS = seen_BTS if hide is None else seen_BTS & ~hide
            mask_a, mask_b = (Mask.dense(x[:, None]) for x in (seen_BTS, jnp.swapaxes(seen_BTS, 1, 2)))
            out_a, out_b = bidirectional_cross_attention(q_a, q_b, v_a, v_b, mask_a)
            # Taken from the same scores once more, where somebody looks; else `jit` prunes them.
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
        return [linear(each.tokens, self.key)[0] for each in memories]

    def _heads(self, x: Float[Array, "B S D"]) -> Float[Array, "B S N H"]:
        return x.reshape(*x.shape[:-1], self.heads, -1)

    def _add(self, x: Memory, h: Memory, read: jax.Array, dropout_key: DropoutKey | None) -> Float[Array, "B S D"]:
        """Adds what a node makes of itself and its counterpart; in place of none there is 0."""
        (drop,) = dropout_fns(dropout_key, x.tokens.shape, 1)
        joined = jnp.concatenate([h.tokens, read.reshape(h.tokens.shape)], axis=-1)
        return x.tokens + drop(self.mlp_look(joined))


class GraphMatcher(nnx.Module):
    """Turns two graphs into states of their nodes, by rounds of message passing and of looks at each other.

    A node begins as the return probabilities of its random walks, and its kind where `kinds`, their number, is not 0.
    Without a memory (`none`) the two never meet, which is a siamese network; `model.memory` names all others. One
    matrix of scores serves two directions, so its weights have no dropout.

    Args:
        steps: Steps of the longest random walk.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        mlp: int,
        layers: int,
        *,
        memory: str,
        latents: int,
        kinds: int = 0,
        steps: int = 8,
        dtype: jnp.dtype | None = None,
        rngs: nnx.Rngs,
    ):
        sizes = {"heads": heads, "mlp": mlp, "latents": latents}
        self.steps = steps
        self.walks = nnx.Linear(steps - 1, width, dtype=dtype, rngs=rngs)
        self.kinds = nnx.Embed(kinds, width, rngs=rngs) if kinds else None
        self.rounds = nnx.List(
            [GraphRound(width, memory=memory, **sizes, dtype=dtype, rngs=rngs) for _ in range(layers)]
        )
        self.norm = nnx.LayerNorm(width, rngs=rngs)

    def __call__(
        self,
        a: GraphBatch,
        b: GraphBatch,
        dropout_key: DropoutKey | None = None,
        hide: Bool[Array, "B T S"] | None = None,
    ) -> tuple[Side, Side]:
        """Both graphs with where they looked, weights [L,B,N,T,S] and [L,B,N,S,T], a layer a round.

        Nodes that are not real are neither heard nor seen, and their states say nothing.
        """
        a, b = _inside(a), _inside(b)
        x_a, x_b, looks = self._start(a), self._start(b), []
        for number, each in enumerate(self.rounds):
            # Dropout sites: messages and cross-attention of two graphs.
            first, second, third, fourth = (dropout_key and dropout_key.fold_in(4 * number + site) for site in range(4))
            x_a, x_b = each.message_pass(x_a, a, first), each.message_pass(x_b, b, second)
            memory_a = Memory(tokens=x_a, mask=a.mask, layout="graph")
            memory_b = Memory(tokens=x_b, mask=b.mask, layout="graph")
            looks.append(each.cross_attend(memory_a, memory_b, (third, fourth), hide))
            x_a, x_b = (side.states for side in looks[-1])
        sides_a, sides_b = zip(*looks, strict=True)
        return self._finish(sides_a), self._finish(sides_b)

    def _start(self, graphs: GraphBatch) -> Float[Array, "B S D"]:
        (x_BSD,) = linear(return_probabilities(graphs.edges.astype(jnp.float32), self.steps), self.walks)
        if self.kinds is None:
            return x_BSD
        if graphs.kinds is None:
            raise ValueError(f"Nodes have one of {self.kinds.num_embeddings} kinds here, but these graphs have none.")
        return x_BSD + self.kinds(graphs.kinds)

    def _finish(self, sides: Sequence[Side]) -> Side:
        """A side after all rounds, from what it was after each."""
        weights = jnp.stack([side.weights for side in sides])
        return Side(self.norm(sides[-1].states), weights, sides[-1].visible)


def _inside(graphs: GraphBatch) -> GraphBatch:
    """The graphs with edges between real nodes alone."""
    return replace(graphs, edges=graphs.edges & graphs.mask[:, :, None] & graphs.mask[:, None, :])
