"""The embedded language model: its packed weights, its tokens, its chat format."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

from pipelines.backbones.language import ASSET, Message
from pipelines.backbones.language_model import Llama, Memory, Shape
from pipelines.backbones.language_weights import unpack
from pipelines.runtime import device, fast_bfloat16
from pipelines.weights import asset, weights_file

BEGIN, END = "<|im_start|>", "<|im_end|>"
RANK, ADAPTED = 16, 20
"""Of the adapter, and how many of the last layers have it."""
STRENGTH = 0.5
"""Share of the adapter's change that is used for writing: all of it makes statements in the form of the
lessons that say little, half of it keeps more of the published model's sense (read on groups of our own)."""


def chat(messages: Sequence[Message]) -> str:
    """The text of a chat, up to where the answer begins (ChatML)."""
    turns = (f"{BEGIN}{message['role']}\n{message['content']}{END}\n" for message in messages)
    return "".join(turns) + f"{BEGIN}assistant\n"


class EmbeddedModel:
    """The network and its tokenizer."""

    def __init__(self, network: Llama, tokenizer: Tokenizer) -> None:
        self.network, self.tokenizer = network, tokenizer
        self.ends = frozenset({tokenizer.token_to_id(END)})

    @classmethod
    def load(cls) -> EmbeddedModel:
        """With the adapter, ready to write; bfloat16 where that is faster."""
        where = device()
        dtype = torch.bfloat16 if fast_bfloat16(where) else torch.float32
        model = cls.base(weights_file(ASSET, "base.safetensors"), dtype)
        adapter = load_file(weights_file(ASSET, "adapter.safetensors"))
        parts = {n: (part * (STRENGTH if n.endswith(".b") else 1)).to(dtype) for n, part in adapter.items()}
        model.network.load_state_dict(parts, strict=False, assign=True)
        model.network.requires_grad_(False).eval().to(where)
        return model

    @classmethod
    def base(cls, weights: Path, dtype: torch.dtype) -> EmbeddedModel:
        """The published model, with an adapter that changes nothing yet (B is 0)."""
        shape = Shape(**json.loads(asset(ASSET, "config.json").read_text(encoding="utf-8")))
        with torch.device("meta"):
            network = Llama(shape, RANK, ADAPTED)
        state = unpack(weights, dtype)
        for name, part in network.named_parameters():
            if name not in state:
                state[name] = torch.zeros(part.shape)
        network.load_state_dict(state, assign=True)
        return cls(network, Tokenizer.from_file(str(asset(ASSET, "tokenizer.json"))))

    def encode(self, messages: Sequence[Message]) -> list[int]:
        """Tokens of a chat. Words that look like the format's own marks stay words."""
        plain = [Message(role=m["role"], content=m["content"].replace("<|", "< |")) for m in messages]
        return self.tokenizer.encode(chat(plain)).ids

    def decode(self, tokens: Sequence[int]) -> str:
        """Text of an answer's tokens."""
        return self.tokenizer.decode(list(tokens), skip_special_tokens=True)

    def begin(self, prompt: Sequence[int], count: int, adapted: bool) -> EmbeddedWriting:
        """Read the prompt once; all texts share its keys and values."""
        return EmbeddedWriting(self.network, prompt, adapted)


class EmbeddedWriting:
    """Texts that continue one prompt. `logits` float32 [1 or b, vocabulary]."""

    @torch.inference_mode()
    def __init__(self, network: Llama, prompt: Sequence[int], adapted: bool) -> None:
        self.network, self.adapted = network, adapted
        self.memory = [Memory() for _ in network.layers]
        self.length = len(prompt)
        tokens = torch.tensor([list(prompt)], device=network.embedding.device)
        states = network(tokens, self.memory, adapted=adapted)
        self.logits = network.logits(states[:, -1])

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these texts only."""
        chosen = torch.tensor(rows, device=self.logits.device)
        for memory in self.memory:
            memory.keep(chosen)

    @torch.inference_mode()
    def step(self, tokens: torch.Tensor) -> None:
        """Add a token int64 [b] to each text."""
        states = self.network(tokens.unsqueeze(1), self.memory, self.length, self.adapted)
        self.length += 1
        self.logits = self.network.logits(states[:, -1])
