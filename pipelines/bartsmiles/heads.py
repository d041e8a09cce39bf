"""Measured properties and two computed ones from one trunk: the paper's fine-tuned model.

The string goes to the encoder and, shifted by one, to the decoder; the decoder's state where it has read the
whole string (the paper's last </s>) feeds one head of two layers per property.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import BartModel

from pipelines.bartsmiles.model import new_model
from pipelines.bartsmiles.tasks import LEARNT
from pipelines.bartsmiles.tokenizer import BOS, EOS, PAD

COMPUTED = ("crippen", "benzene")
"""Heads whose truth is known for every atom: the attributions are checked with them."""
HEADS = (*(task.name for task in LEARNT), *COMPUTED)
CLASSIFIED = tuple(
    name in COMPUTED[1:] or any(task.name == name and task.kind == "classification" for task in LEARNT)
    for name in HEADS
)


def collate(rows: list[list[int]]) -> Tensor:
    """Token ids of molecules between <s> and </s>, padded on the right: int64 [n, longest + 2]."""
    longest = max(map(len, rows)) + 2
    return torch.tensor([[BOS, *row, EOS] + [PAD] * (longest - len(row) - 2) for row in rows])


def shifted(ids: Tensor) -> Tensor:
    """What the decoder reads: </s>, then the string up to its last token."""
    return torch.cat([torch.full_like(ids[:, :1], EOS), ids[:, :-1]], dim=1)


@dataclass(frozen=True, eq=False)
class States:
    """What the decoder makes of molecules."""

    last: Tensor
    """State at the place of </s>: float [n, width]."""
    mean: Tensor
    """Mean over the tokens, which the paper uses as embedding: float [n, width]."""


class PropertyModel(nn.Module):
    """Trunk and heads. Values come in units of the training set's mean and spread, classes as logits."""

    def __init__(self, trunk: BartModel, dropout: float = 0.1) -> None:
        super().__init__()
        self.trunk = trunk
        width = trunk.config.d_model
        self.inner = nn.Linear(width, width * len(HEADS))
        self.outer = nn.Parameter(torch.randn(len(HEADS), width) / width**0.5)
        self.outer_bias = nn.Parameter(torch.zeros(len(HEADS)))
        self.dropout = nn.Dropout(dropout)
        self.register_buffer("mean", torch.zeros(len(HEADS)))
        self.register_buffer("spread", torch.ones(len(HEADS)))

    def embed(self, ids: Tensor) -> Tensor:
        """Token embeddings before positions, float [n, length, width]."""
        return self.trunk.shared(ids)

    def states_of(self, encoder: Tensor, decoder: Tensor, real: Tensor) -> States:
        """States from embeddings of what encoder and decoder read; real bool [n, length] marks no padding."""
        hidden = self.trunk(
            inputs_embeds=encoder,
            decoder_inputs_embeds=decoder,
            attention_mask=real.long(),
            use_cache=False,
        ).last_hidden_state
        last = hidden[torch.arange(len(real), device=real.device), real.sum(1) - 1]
        weight = real[:, :, None].to(hidden.dtype)
        return States(last, (hidden * weight).sum(1) / weight.sum(1))

    def states(self, ids: Tensor) -> States:
        """States of ids as `collate` makes them."""
        return self.states_of(self.embed(ids), self.embed(shifted(ids)), ids != PAD)

    def read_out(self, last: Tensor) -> Tensor:
        """All heads on states float [n, width]: float [n, heads]."""
        inner = torch.tanh(self.inner(self.dropout(last))).unflatten(1, self.outer.shape)
        return (self.dropout(inner) * self.outer).sum(-1) + self.outer_bias

    def forward(self, ids: Tensor) -> Tensor:
        """All heads: float [n, heads], standardised."""
        return self.read_out(self.states(ids).last)

    def raw(self, output: Tensor) -> Tensor:
        """Standardised values in raw units; classes stay logits."""
        return output * self.spread + self.mean


def save_finetuned(model: PropertyModel, trunk: dict[str, Tensor], file: Path) -> None:
    """Write what fine-tuning changed: the trunk's change in 8 bits with a scale per row, the heads in 16.

    trunk: the pre-trained weights (of BartModel) that the change is counted from.
    """
    result = {}
    for name, tensor in model.state_dict().items():
        if not name.startswith("trunk."):
            result[name] = tensor.half()
        elif (inner := name.removeprefix("trunk.")) in trunk:
            change = (tensor - trunk[inner]).float()
            rows = change.reshape(len(change), -1)
            scale = rows.abs().amax(1).clamp(min=1e-12) / 127
            result[f"{name}.scale"] = scale
            result[name] = (rows / scale[:, None]).round().to(torch.int8).reshape(change.shape)
    save_file({name: tensor.contiguous() for name, tensor in result.items()}, file)


def trunk_weights(model: BartModel) -> dict[str, Tensor]:
    """A trunk's weights, the shared embedding once."""
    return {name: tensor for name, tensor in model.state_dict().items() if "embed_tokens" not in name}


def read_finetuned(trunk: BartModel, file: Path) -> PropertyModel:
    """The fine-tuned model from a pre-trained trunk (which stays as it is) and what save_finetuned wrote."""
    config = trunk.config
    model = PropertyModel(new_model(config.vocab_size, config.d_model, config.encoder_layers).model)
    saved, weights = load_file(file), trunk_weights(trunk)
    state = {name: tensor.float() for name, tensor in saved.items() if not name.startswith("trunk.")}
    for name, tensor in weights.items():
        change, scale = saved[f"trunk.{name}"], saved[f"trunk.{name}.scale"]
        rows = change.float().reshape(len(change), -1) * scale[:, None]
        state[f"trunk.{name}"] = tensor + rows.reshape(change.shape)
    for part in ("encoder", "decoder"):
        state[f"trunk.{part}.embed_tokens.weight"] = state["trunk.shared.weight"]
    model.load_state_dict(state)
    return model.eval()
