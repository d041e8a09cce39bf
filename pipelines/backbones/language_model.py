"""A Llama in plain torch, with an adapter that can be switched, for sampling many texts from one prompt.

Plain torch since importing transformers' models takes longer than all else at loading; tests hold it against
transformers' LlamaForCausalLM. Shapes: b texts, t tokens, d features of a head, G key-value heads, R query
heads to each of them, P tokens of the prompt.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812


@dataclass(frozen=True)
class Shape:
    """Sizes of a model, under the names of a Llama's config.json."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    rope_theta: float
    rms_norm_eps: float

    @property
    def head(self) -> int:
        """Features of a head."""
        return self.hidden_size // self.num_attention_heads


@dataclass(frozen=True)
class Layout:
    """Of texts that aren't plain sequences: positions int64 [b, t]; mask bool [b, 1, t, t], who sees whom."""

    positions: torch.Tensor
    mask: torch.Tensor


class Linear(nn.Module):
    """A frozen linear map and, if `rank` > 0, the adapter's low-rank change: W x + B A x (LoRA)."""

    def __init__(self, inputs: int, outputs: int, rank: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs), requires_grad=False)
        self.rank = rank
        if rank:
            self.a = nn.Parameter(torch.empty(rank, inputs))
            self.b = nn.Parameter(torch.empty(outputs, rank))

    def forward(self, x: torch.Tensor, adapted: bool) -> torch.Tensor:
        y = F.linear(x, self.weight)
        if adapted and self.rank:
            y = y + F.linear(F.linear(x, self.a.to(x.dtype)), self.b.to(x.dtype))
        return y


class Seen:
    """What all layers need of the tokens' places: cosines, sines [..., t, d] of rotary positions, a mask."""

    def __init__(
        self, shape: Shape, positions: torch.Tensor, mask: torch.Tensor | None, dtype: torch.dtype
    ) -> None:
        pairs = torch.arange(0, shape.head, 2, device=positions.device).float() / shape.head
        angle = positions.float().unsqueeze(-1) * shape.rope_theta**-pairs
        angle = torch.cat((angle, angle), dim=-1)
        self.cos, self.sin, self.mask = angle.cos().to(dtype), angle.sin().to(dtype), mask


class Memory:
    """Keys and values of one layer: the prompt's [G, P, d] once, and what each of b texts adds to it."""

    def __init__(self) -> None:
        self.prompt: tuple[torch.Tensor, torch.Tensor] | None = None
        self.added: tuple[torch.Tensor, torch.Tensor] | None = None  # [G, b, t, d] each

    def add(self, k: torch.Tensor, v: torch.Tensor) -> None:
        """Append one token's keys and values [G, b, 1, d]."""
        if self.added is not None:
            k, v = torch.cat((self.added[0], k), dim=2), torch.cat((self.added[1], v), dim=2)
        self.added = k, v

    def keep(self, rows: torch.Tensor) -> None:
        """Forget all texts but these."""
        if self.added is not None:
            self.added = self.added[0][:, rows], self.added[1][:, rows]


class Attention(nn.Module):
    """Causal attention with rotary positions and grouped keys and values."""

    def __init__(self, shape: Shape, rank: int) -> None:
        super().__init__()
        self.shape = shape
        kept = 2 * shape.num_key_value_heads * shape.head
        self.qkv = Linear(shape.hidden_size, shape.hidden_size + kept, rank)
        self.out = Linear(shape.hidden_size, shape.hidden_size, rank)

    def forward(self, x: torch.Tensor, seen: Seen, memory: Memory | None, adapted: bool) -> torch.Tensor:
        heads, groups = self.shape.num_attention_heads, self.shape.num_key_value_heads
        qkv = self.qkv(x, adapted).unflatten(-1, (-1, self.shape.head)).transpose(1, 2)  # [b, heads, t, d]
        q, k, v = qkv.split((heads, groups, groups), dim=1)
        q, k = rotated(q, seen), rotated(k, seen)
        if memory is not None and memory.prompt is not None:
            y = self._continued(q, k, v, memory)
        else:
            if memory is not None:
                memory.prompt = k[0], v[0]
            y = F.scaled_dot_product_attention(
                q, k, v, attn_mask=seen.mask, is_causal=seen.mask is None, enable_gqa=heads != groups
            )
        return self.out(y.transpose(1, 2).flatten(2), adapted)

    def _continued(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, memory: Memory) -> torch.Tensor:
        """One new token of each text [b, heads, 1, d], looking at the shared prompt and at its own text."""
        count, groups = len(q), self.shape.num_key_value_heads
        memory.add(k.transpose(0, 1), v.transpose(0, 1))
        shared_k, shared_v = memory.prompt
        own_k, own_v = memory.added
        q = q.reshape(count, groups, -1, self.shape.head).transpose(0, 1)  # [G, b, R, d]
        scores = torch.cat(
            (
                (q.flatten(1, 2) @ shared_k.transpose(1, 2)).unflatten(1, (count, -1)),
                q @ own_k.transpose(2, 3),
            ),
            dim=-1,
        )
        weights = (scores * self.shape.head**-0.5).softmax(-1, dtype=torch.float32).to(q.dtype)
        on_prompt, on_own = weights.split((shared_k.shape[1], own_k.shape[2]), dim=-1)
        y = (on_prompt.flatten(1, 2) @ shared_v).unflatten(1, (count, -1)) + on_own @ own_v
        return y.transpose(0, 1).reshape(count, -1, 1, self.shape.head)


class Layer(nn.Module):
    """Attention and a gated feed-forward map, each on the normalised state and added to it."""

    def __init__(self, shape: Shape, rank: int) -> None:
        super().__init__()
        self.eps = shape.rms_norm_eps
        self.norm1 = nn.Parameter(torch.empty(shape.hidden_size), requires_grad=False)
        self.attention = Attention(shape, rank)
        self.norm2 = nn.Parameter(torch.empty(shape.hidden_size), requires_grad=False)
        self.gate_up = Linear(shape.hidden_size, 2 * shape.intermediate_size, rank)
        self.down = Linear(shape.intermediate_size, shape.hidden_size, rank)

    def forward(self, x: torch.Tensor, seen: Seen, memory: Memory | None, adapted: bool) -> torch.Tensor:
        x = x + self.attention(F.rms_norm(x, x.shape[-1:], self.norm1, self.eps), seen, memory, adapted)
        gate, up = self.gate_up(F.rms_norm(x, x.shape[-1:], self.norm2, self.eps), adapted).chunk(2, dim=-1)
        return x + self.down(F.silu(gate) * up, adapted)


class Llama(nn.Module):
    """The model; its logits are products with the token embeddings. Its last `adapted` layers have an adapter
    of this `rank`."""

    def __init__(self, shape: Shape, rank: int = 0, adapted: int = 0) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Parameter(torch.empty(shape.vocab_size, shape.hidden_size), requires_grad=False)
        first = shape.num_hidden_layers - adapted
        self.layers = nn.ModuleList(
            Layer(shape, rank if i >= first else 0) for i in range(shape.num_hidden_layers)
        )
        self.norm = nn.Parameter(torch.empty(shape.hidden_size), requires_grad=False)

    def forward(
        self,
        tokens: torch.Tensor,
        memory: list[Memory] | None = None,
        at: int = 0,
        adapted: bool = True,
        layout: Layout | None = None,
    ) -> torch.Tensor:
        """Last states [b, t, width] of tokens int64 [b, t] that stand at positions `at`, `at` + 1, ...

        Without `memory`: any texts, padded at the right, or of another `layout`. With it: first one prompt
        [1, P], then one token [b, 1] of each text at a time.
        """
        x = self.embedding[tokens]
        if layout is None:
            seen = Seen(self.shape, torch.arange(at, at + tokens.shape[1], device=x.device), None, x.dtype)
        else:
            seen = Seen(self.shape, layout.positions.unsqueeze(1), layout.mask, x.dtype)
        for i, layer in enumerate(self.layers):
            x = layer(x, seen, memory[i] if memory else None, adapted)
        return F.rms_norm(x, x.shape[-1:], self.norm, self.shape.rms_norm_eps)

    def logits(self, states: torch.Tensor) -> torch.Tensor:
        """Of states [..., width]: float32 [..., vocabulary]."""
        return F.linear(states, self.embedding).float()


def rotated(x: torch.Tensor, seen: Seen) -> torch.Tensor:
    """Rotary positions: features i and i + d/2 are a pair that turns with the token's position."""
    first, second = x.chunk(2, dim=-1)
    return x * seen.cos + torch.cat((-second, first), dim=-1) * seen.sin
