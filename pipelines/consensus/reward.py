"""The reward model: how far a person with an opinion may agree with a statement, and how votes go together.

A MiniLM cross-encoder (22.7 M parameters) reads [CLS] question opinion [SEP] statement [SEP]; of the
mean token state a linear head makes two numbers: the score s of the opinion's holder for the statement,
and the link of votes on two statements (their correlation over people). s has two readings: agreement 1
+ 6 sigmoid(t s + u) on the scale of 1 to 7, and the probability sigmoid(a s + b) that both take the same
side. The paper's reward model is a large language model with a scalar head, trained on pairs of rated
candidates; the loss is in train.py.

The file holds what training changed in the layers above the embeddings, as int8 differences from all-
MiniLM-L6-v2 with a scale per row."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from pipelines.backbones import sentences
from pipelines.runtime import device, fast_bfloat16, load_once
from pipelines.weights import weights_file

NAME = "consensus"
WIDTH = sentences.WIDTH
MAX_TOKENS = 480
"""Room for the longest question, opinion, critique and statement that the page takes."""
STEP = 8
"""Texts are padded to multiples of so many tokens."""
MOST_TOGETHER = 16
MOST_KEPT = 2_000
READINGS = "readings.json"
"""Readings that were fitted again after training; see fit.py."""
QUANTISED = ".int8"
SCALE = ".scale"


class RewardModel(nn.Module):
    """The cross-encoder; `readings` holds (t, u, a, b)."""

    def __init__(self) -> None:
        from transformers import BertModel, BertTokenizerFast

        super().__init__()
        source = sentences.source()
        self.tokenizer = BertTokenizerFast.from_pretrained(source)
        self.encoder = BertModel.from_pretrained(source, add_pooling_layer=False).float()
        self.encoder.embeddings.requires_grad_(False)
        self.head = nn.Linear(WIDTH, 2)
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)
        self.register_buffer("readings", torch.tensor([1.0, 0.0, 1.5, 0.0]))
        self.lock = threading.Lock()
        self.known: OrderedDict[tuple[str, str], np.ndarray] = OrderedDict()
        self.eval()

    def forward(self, first: Sequence[str], second: Sequence[str], most: int = MAX_TOKENS) -> Tensor:
        """(score, link) [n, 2] of n pairs of texts."""
        batch = self.tokenizer(
            list(first),
            list(second),
            padding=True,
            truncation=True,
            max_length=most,
            pad_to_multiple_of=STEP,
            return_tensors="pt",
        ).to(self.head.weight.device)
        states = self.encoder(**batch).last_hidden_state.float()
        mask = batch["attention_mask"][..., None].float()
        mean = (states * mask).sum(1) / mask.sum(1)
        # not a matrix product, whose rounding would hang on the number of pairs
        return (mean[:, None] * self.head.weight).sum(-1) + self.head.bias

    @torch.inference_mode()
    def both(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        """(score, link) float64 [n, 2] of pairs (question and opinion, statement).

        Pairs whose padded lengths are equal are read together, MOST_TOGETHER at a time; a pair is padded by
        its own length alone, so that its company changes nothing. The last MOST_KEPT are remembered. May be
        called from several threads."""
        with self.lock:
            fresh = list(dict.fromkeys(pair for pair in pairs if pair not in self.known))
            for together in self._alike(fresh):
                found = self([pair[0] for pair in together], [pair[1] for pair in together])
                self.known.update(zip(together, found.double().cpu().numpy(), strict=True))
            rows = [self.known[pair] for pair in pairs]
            for pair in pairs:
                self.known.move_to_end(pair)
            while len(self.known) > MOST_KEPT:
                self.known.popitem(last=False)
        return np.array(rows).reshape(-1, 2)

    def _alike(self, pairs: Sequence[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
        """The pairs in batches of one padded length."""
        if not pairs:
            return
        first, second = zip(*pairs, strict=True)
        tokens = self.tokenizer(list(first), list(second), truncation=True, max_length=MAX_TOKENS)
        by_length: dict[int, list[tuple[str, str]]] = {}
        for pair, ids in zip(pairs, tokens["input_ids"], strict=True):
            by_length.setdefault(-(-len(ids) // STEP), []).append(pair)
        for alike in by_length.values():
            for start in range(0, len(alike), MOST_TOGETHER):
                yield alike[start : start + MOST_TOGETHER]

    def rate(self, question: str, opinions: Sequence[str], statements: Sequence[str]) -> np.ndarray:
        """Predicted agreement float64 [K, n] in 1..7 of the holders of n opinions with K statements."""
        pairs = [(f"{question} {opinion}", statement) for statement in statements for opinion in opinions]
        slope, shift = self.readings[:2].tolist()
        score = self.both(pairs)[:, 0].reshape(len(statements), len(opinions))
        return 1 + 6 / (1 + np.exp(-(slope * score + shift)))

    def same_side(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        """Probability [n] that two texts take the same side."""
        slope, shift = self.readings[2:].tolist()
        return 1 / (1 + np.exp(-(slope * self.both(pairs)[:, 0] + shift)))


def save(model: RewardModel, path: Path) -> None:
    """Write what training changed; `read` undoes it up to the rounding of the differences."""
    base = RewardModel().encoder.state_dict()
    stored = {"head.weight": model.head.weight, "head.bias": model.head.bias, "readings": model.readings}
    for name, value in model.encoder.state_dict().items():
        change = value.cpu() - base[name]
        if name.startswith("embeddings.") or not change.is_floating_point():
            continue
        if change.ndim < 2:
            stored[name] = change.half()
            continue
        scale = change.abs().amax(1, keepdim=True).clamp_min(1e-12) / 127
        stored[name + QUANTISED] = (change / scale).round().to(torch.int8)
        stored[name + SCALE] = scale
    save_file({name: value.detach().cpu().contiguous() for name, value in stored.items()}, path)


def read(path: Path) -> RewardModel:
    """The model of a file that `save` wrote."""
    model, stored = RewardModel(), load_file(path)
    with torch.no_grad():
        for name, weights in model.encoder.state_dict().items():
            if name in stored:
                weights.add_(stored[name].float())
            elif name + QUANTISED in stored:
                weights.add_(stored[name + QUANTISED].float() * stored[name + SCALE])
        model.head.load_state_dict({"weight": stored["head.weight"], "bias": stored["head.bias"]})
        model.readings.copy_(stored["readings"])
    return model.requires_grad_(False).eval().to(device())


@load_once
def load(part: str) -> RewardModel:
    """The embedded "ranker" or "judge", loaded once; in bfloat16 where that is faster, which moves ratings by
    some hundredths. Raises FileNotFoundError, WeightsError."""
    model = read(weights_file(NAME, f"{part}.safetensors"))
    refitted = json.loads(weights_file(NAME, READINGS).read_text(encoding="utf-8"))
    model.readings.copy_(torch.tensor(refitted.get(part, model.readings.tolist())))
    if fast_bfloat16(device()):
        model.encoder.bfloat16()
    return model
