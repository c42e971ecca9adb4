"""The model of `xattn.nn.encoder_decoder` as one would plainly write it in PyTorch, to be measured against."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

ROTARY_BASE = 10_000.0


class Attention(nn.Module):
    """Multi-head attention over PyTorch's fused kernel, with rotary positions where they are given."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None, rotary: tuple | None, causal: bool) -> Tensor:
        """`mask` is True where a query may look."""
        q, k, v = (
            side(y).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for side, y in ((self.query, x), (self.key, memory), (self.value, memory))
        )
        if rotary is not None:
            q, k = rotate(q, *rotary), rotate(k, *rotary)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal)
        return self.out(mixed.transpose(1, 2).flatten(2))


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turns pairs of features (Su et al., 2021)."""
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


def rotary(length: int, width: int) -> tuple[Tensor, Tensor]:
    """Cosine and sine [T,H/2] of the angles of all positions."""
    angles = torch.arange(length)[:, None] / ROTARY_BASE ** (torch.arange(0, width, 2) / width)
    return angles.cos(), angles.sin()


class Mlp(nn.Sequential):
    """Two linear maps with a ReLU between them."""

    def __init__(self, width: int, hidden: int):
        super().__init__(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, width))


class EncoderLayer(nn.Module):
    """Pre-norm self-attention and MLP."""

    def __init__(self, width: int, heads: int, mlp: int, rate: float):
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width, eps=1e-6) for _ in range(2))
        self.attention, self.mlp, self.drop = Attention(width, heads), Mlp(width, mlp), nn.Dropout(rate)

    def forward(self, x: Tensor, mask: Tensor, rotary: tuple) -> Tensor:
        """One layer."""
        h = self.norms[0](x)
        x = x + self.drop(self.attention(h, h, mask, rotary, False))
        return x + self.drop(self.mlp(self.norms[1](x)))


class DecoderLayer(nn.Module):
    """Pre-norm causal self-attention, cross-attention and MLP."""

    def __init__(self, width: int, heads: int, mlp: int, rate: float):
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width, eps=1e-6) for _ in range(3))
        self.attention, self.cross = Attention(width, heads), Attention(width, heads)
        self.mlp, self.drop = Mlp(width, mlp), nn.Dropout(rate)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor, rotary: tuple) -> Tensor:
        """One layer."""
        h = self.norms[0](x)
        x = x + self.drop(self.attention(h, h, None, rotary, True))
        x = x + self.drop(self.cross(self.norms[1](x), memory, mask, None, False))
        return x + self.drop(self.mlp(self.norms[2](x)))


class Translation(nn.Module):
    """Encoder and decoder with one embedding, which also writes the logits."""

    def __init__(self, vocabulary: int, width: int, heads: int, layers: int, mlp: int, rate: float):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        nn.init.normal_(self.embedding.weight, std=width**-0.5)
        self.encoder = nn.ModuleList(EncoderLayer(width, heads, mlp, rate) for _ in range(layers))
        self.decoder = nn.ModuleList(DecoderLayer(width, heads, mlp, rate) for _ in range(layers))
        self.norm_encoder, self.norm_decoder = (nn.LayerNorm(width, eps=1e-6) for _ in range(2))
        self.drop, self.head_width = nn.Dropout(rate), width // heads

    def forward(self, source: Tensor, source_mask: Tensor, target: Tensor) -> Tensor:
        """Logits [B,T,V] of every next piece."""
        scale, mask = self.embedding.embedding_dim**0.5, source_mask[:, None, None]
        x = self.drop(self.embedding(source) * scale)
        turns = rotary(source.shape[1], self.head_width)
        for layer in self.encoder:
            x = layer(x, mask, turns)
        memory = self.norm_encoder(x)
        y, turns = self.drop(self.embedding(target) * scale), rotary(target.shape[1], self.head_width)
        for layer in self.decoder:
            y = layer(y, memory, mask, turns)
        return self.norm_decoder(y) @ self.embedding.weight.T


def loss_of(model: Translation, batch: dict[str, Tensor], smoothing: float) -> Tensor:
    """Label-smoothed cross-entropy in nats, the mean over real target pieces."""
    logits = model(batch["source"], batch["source_mask"], batch["target_in"])
    labels = batch["target_out"].masked_fill(~batch["target_mask"], -100)
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), label_smoothing=smoothing)
