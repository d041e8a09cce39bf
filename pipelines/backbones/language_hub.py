"""Instruct models of the hub, read with transformers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from pipelines.backbones.language import Message
from pipelines.runtime import device, fast_bfloat16


class HubModel:
    """Any causal language model whose tokenizer knows a chat template."""

    def __init__(self, network: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
        self.network, self.tokenizer = network.eval(), tokenizer
        ends = network.generation_config.eos_token_id
        ends = ends if isinstance(ends, list) else [ends]
        self.ends = frozenset({end for end in (*ends, tokenizer.eos_token_id) if end is not None})

    @classmethod
    def load(cls, source: str | Path, revision: str | None = None) -> HubModel:
        """From the hub or a directory in its layout. Downloads if it must; OSError if it can't."""
        where = device()
        dtype = torch.bfloat16 if fast_bfloat16(where) else torch.float32
        network = AutoModelForCausalLM.from_pretrained(
            source, revision=revision, dtype=dtype, use_safetensors=True
        )
        return cls(network.to(where), AutoTokenizer.from_pretrained(source, revision=revision))

    def encode(self, messages: Sequence[Message]) -> list[int]:
        """Tokens of a chat, in the model's own format."""
        text = self.tokenizer.apply_chat_template(list(messages), add_generation_prompt=True, tokenize=False)
        return self.tokenizer(text, add_special_tokens=False).input_ids

    def decode(self, tokens: Sequence[int]) -> str:
        """Text of an answer's tokens."""
        return self.tokenizer.decode(list(tokens), skip_special_tokens=True)

    def begin(self, prompt: Sequence[int], count: int, adapted: bool) -> HubWriting:
        """Read the prompt once, and copy what was read `count` times."""
        return HubWriting(self.network, prompt, count)


class HubWriting:
    """Texts that continue one prompt. `logits` float32 [1 or b, vocabulary]."""

    @torch.inference_mode()
    def __init__(self, network: PreTrainedModel, prompt: Sequence[int], count: int) -> None:
        self.network = network
        tokens = torch.tensor([list(prompt)], device=network.device)
        answer = network(tokens, use_cache=True, logits_to_keep=1)
        self.cache = answer.past_key_values
        self.cache.batch_repeat_interleave(count)
        self.logits = answer.logits[:, -1].float()

    @torch.inference_mode()
    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these texts only."""
        self.cache.batch_select_indices(torch.tensor(rows, device=self.logits.device))

    @torch.inference_mode()
    def step(self, tokens: torch.Tensor) -> None:
        """Add a token int64 [b] to each text."""
        answer = self.network(tokens.unsqueeze(1), past_key_values=self.cache, use_cache=True)
        self.logits = answer.logits[:, -1].float()
