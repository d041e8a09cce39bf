"""The BART of the embedded model: 4 + 4 layers, width 256, 7.6 million parameters.

The paper's has 12 + 12 layers of width 1024 and 354 million parameters; all else is the same architecture.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import BartConfig, BartForConditionalGeneration

from pipelines import runtime
from pipelines.bartsmiles.tokenizer import BOS, EOS, PAD, POSITIONS

TIED = ("lm_head.weight", "model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight")


def new_model(
    vocabulary: int, width: int = 256, layers: int = 4, dropout: float = 0.1
) -> BartForConditionalGeneration:
    """A model with random weights."""
    model = BartForConditionalGeneration(
        BartConfig(
            vocab_size=vocabulary,
            d_model=width,
            encoder_layers=layers,
            decoder_layers=layers,
            encoder_attention_heads=width // 32,
            decoder_attention_heads=width // 32,
            encoder_ffn_dim=4 * width,
            decoder_ffn_dim=4 * width,
            max_position_embeddings=POSITIONS,
            dropout=dropout,
            bos_token_id=BOS,
            pad_token_id=PAD,
            eos_token_id=EOS,
            decoder_start_token_id=EOS,
            forced_eos_token_id=None,
        )
    )
    if runtime.device() == "cpu":  # the backward pass of the fused attention takes half of the time there
        model.set_attn_implementation("eager")
    return model


def save_model(model: BartForConditionalGeneration, file: Path) -> None:
    """Write the weights in half precision, the shared embedding once."""
    weights = {name: tensor for name, tensor in model.state_dict().items() if name not in TIED}
    save_file({name: tensor.half().contiguous() for name, tensor in weights.items()}, file)


def read_model(file: Path) -> BartForConditionalGeneration:
    """Read what save_model wrote; the sizes follow from the weights."""
    weights = {name: tensor.float() for name, tensor in load_file(file).items()}
    shared = weights["model.shared.weight"]
    layers = 1 + max(int(name.split(".")[3]) for name in weights if name.startswith("model.encoder.layers"))
    model = new_model(shared.shape[0], shared.shape[1], layers)
    model.load_state_dict(weights | dict.fromkeys(TIED, shared))
    return model.eval()


def parameters(model: torch.nn.Module) -> int:
    """How many weights a model has; shared ones count once."""
    return sum(parameter.numel() for parameter in model.parameters())
