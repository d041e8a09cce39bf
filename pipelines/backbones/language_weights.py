"""The embedded language model's weights: packed once from a GGUF file, unpacked at every load.

    python -m pipelines.backbones.language_weights SmolLM2-135M-Instruct.Q4_1.gguf

SmolLM2-135M-Instruct (Apache-2.0) comes in 4 bits (GGUF type Q4_1: blocks of 32 weights along the inputs,
each with a scale and a minimum). The linear layers keep these very bits: rounding anew would change the
model. Only the embeddings, in the file at 8 bits, are cut to 6. The layers' matrices are stacked, so that a
few vectorised operations unpack all of them.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch
    from gguf import GGUFReader

LINEAR = {
    "attention.qkv": ("attn_q", "attn_k", "attn_v"),
    "attention.out": ("attn_output",),
    "gate_up": ("ffn_gate", "ffn_up"),
    "down": ("ffn_down",),
}
"""Of each layer: our linear maps, and those of GGUF whose outputs they join."""
NORMS = {"norm1": "attn_norm", "norm2": "ffn_norm"}
BLOCK = 32
"""Weights that share a scale."""
BLOCK_BYTES = 20
"""Of a Q4_1 block: float16 scale and minimum, 32 codes of 4 bits."""


def unpack(file: Path, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """The state dict of a language_model.Llama from a packed file, in `dtype`; computed in float32."""
    from safetensors.torch import load_file

    packed = load_file(file)
    state = {"norm": packed["norm"].to(dtype)}
    state["embedding"] = six_bits(packed["embedding.planes"], packed["embedding.scale"]).to(dtype)
    for name in LINEAR:
        parts = (packed[f"{name}.{part}"] for part in ("nibbles", "scale", "minimum"))
        for layer, part in enumerate(zip(*parts, strict=True)):
            state[f"layers.{layer}.{name}.weight"] = four_bits(*part).to(dtype)
    for name in NORMS:
        for layer, weight in enumerate(packed[name]):
            state[f"layers.{layer}.{name}"] = weight.to(dtype)
    return state


def four_bits(nibbles: torch.Tensor, scale: torch.Tensor, minimum: torch.Tensor) -> torch.Tensor:
    """Weights float32 [out, in] of a matrix: uint8 [out, in/32, 16] holds elements 0-15 of a block in its low
    and 16-31 in its high halves; scale and minimum are float16 [out, in/32]."""
    import torch

    weight = torch.cat((nibbles & 15, nibbles >> 4), dim=-1).float()
    return weight.mul_(scale.float().unsqueeze(-1)).add_(minimum.float().unsqueeze(-1)).flatten(1)


def six_bits(planes: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Embeddings float32 [tokens, width]: planes uint8 [3, tokens, width/4] hold the first three quarters of
    the columns in their low six bits, and two bits each of the last quarter; scale float16
    [tokens, width/32]."""
    import torch

    high = planes >> 6
    last = high[0] | (high[1] << 2) | (high[2] << 4)
    codes = torch.cat((*(planes & 63), last), dim=1).float().sub_(32)
    return codes.unflatten(1, (-1, BLOCK)).mul_(scale.float().unsqueeze(-1)).flatten(1)


def pack(gguf: Path, directory: Path) -> None:
    """Write base.safetensors, config.json and tokenizer.json from a GGUF file of a Llama model in Q4_1."""
    from gguf import GGUFReader
    from safetensors.numpy import save_file

    reader = GGUFReader(gguf)
    raw = {tensor.name: tensor.data for tensor in reader.tensors}
    config = _config(reader)
    layers = range(config["num_hidden_layers"])
    heads = {"attn_q": config["num_attention_heads"], "attn_k": config["num_key_value_heads"]}
    planes, scale = _to_six_bits(_from_q8(raw["token_embd.weight"]))
    packed = {
        "norm": np.array(raw["output_norm.weight"]),
        "embedding.planes": planes,
        "embedding.scale": scale,
    }
    for name, theirs in LINEAR.items():
        rows = np.stack(
            [
                np.concatenate(
                    [_rotary_order(raw[f"blk.{i}.{part}.weight"], heads.get(part)) for part in theirs]
                )
                for i in layers
            ]
        )
        blocks = rows.reshape(*rows.shape[:2], -1, BLOCK_BYTES)
        halves = np.ascontiguousarray(blocks[..., :4]).view(np.float16)
        packed[f"{name}.scale"] = np.ascontiguousarray(halves[..., 0])
        packed[f"{name}.minimum"] = np.ascontiguousarray(halves[..., 1])
        packed[f"{name}.nibbles"] = np.ascontiguousarray(blocks[..., 4:])
    for name, theirs in NORMS.items():
        packed[name] = np.stack([raw[f"blk.{i}.{theirs}.weight"] for i in layers])
    save_file(packed, directory / "base.safetensors")
    (directory / "base.safetensors").chmod(0o644)
    (directory / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    (directory / "tokenizer.json").write_text(_tokenizer(reader), encoding="utf-8")


def _value(reader: GGUFReader, key: str) -> Any:
    return reader.fields[key].contents()


def _config(reader: GGUFReader) -> dict[str, int | float]:
    """The fields of language_model.Shape."""
    names = {
        "vocab_size": "vocab_size",
        "hidden_size": "embedding_length",
        "intermediate_size": "feed_forward_length",
        "num_hidden_layers": "block_count",
        "num_attention_heads": "attention.head_count",
        "num_key_value_heads": "attention.head_count_kv",
        "rope_theta": "rope.freq_base",
    }
    config = {ours: _value(reader, f"llama.{theirs}") for ours, theirs in names.items()}
    return config | {"rms_norm_eps": round(_value(reader, "llama.attention.layer_norm_rms_epsilon"), 9)}


def _tokenizer(reader: GGUFReader) -> str:
    """Byte-level BPE as GGUF's pre-tokenizer "smollm" names it: digits stand alone."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    words, kinds = _value(reader, "tokenizer.ggml.tokens"), _value(reader, "tokenizer.ggml.token_type")
    merges = [tuple(merge.split(" ")) for merge in _value(reader, "tokenizer.ggml.merges")]
    tokenizer = Tokenizer(models.BPE({word: i for i, word in enumerate(words)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    control = 3  # GGUF's type of special tokens
    special = [word for word, kind in zip(words, kinds, strict=True) if kind == control]
    tokenizer.add_special_tokens([AddedToken(word, normalized=False, special=True) for word in special])
    return tokenizer.to_str()


def _rotary_order(rows: np.ndarray, heads: int | None) -> np.ndarray:
    """GGUF lays the rows of queries and keys out in rotary pairs; transformers wants halves."""
    if heads is None:
        return rows
    return rows.reshape(heads, -1, 2, rows.shape[1]).swapaxes(1, 2).reshape(rows.shape)


def _from_q8(rows: np.ndarray) -> np.ndarray:
    """Weights float32 [rows, columns / 32, 32] of GGUF type Q8_0: a float16 scale, 32 signed bytes."""
    blocks = rows.reshape(len(rows), -1, 34)
    scale = np.ascontiguousarray(blocks[..., :2]).view(np.float16).astype(np.float32)
    return blocks[..., 2:].view(np.int8) * scale


def _to_six_bits(blocks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Planes and scale for `six_bits`: of several scales per block, the one with the least squared error."""
    extreme = np.take_along_axis(blocks, np.abs(blocks).argmax(-1, keepdims=True), -1)
    best = np.full(blocks.shape[:2], np.inf, np.float32)
    scale, codes = np.zeros(blocks.shape[:2], np.float16), np.zeros(blocks.shape, np.int8)
    for steps in np.linspace(
        -28.0, -33.0, 11, dtype=np.float32
    ):  # the extreme value gets the 33rd step below 0
        tried = (extreme / steps).astype(np.float16)
        divisor = np.where(tried == 0, 1, tried).astype(np.float32)
        rounded = np.clip(np.rint(blocks / divisor), -32, 31)
        error = np.square(rounded * tried - blocks).sum(-1)
        better = error < best
        best[better], scale[better], codes[better] = error[better], tried[..., 0][better], rounded[better]
    unsigned = (codes + 32).astype(np.uint8).reshape(len(codes), 4, -1)
    last = unsigned[:, 3]
    return np.stack([unsigned[:, i] | (((last >> (2 * i)) & 3) << 6) for i in range(3)]), scale


def main() -> None:
    from pipelines.weights import ASSETS

    parser = argparse.ArgumentParser(description="Pack a Q4_1 GGUF file into assets/backbones/language/.")
    parser.add_argument("gguf", type=Path)
    pack(parser.parse_args().gguf, ASSETS / "backbones" / "language")


if __name__ == "__main__":
    main()
