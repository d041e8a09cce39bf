"""The published model, gayane/BARTSmiles: 354 million parameters, pre-trained only.

Its repository holds a BartModel and a tokenizer that names no special tokens, so they are set by hand;
fairseq is not needed. It has no fine-tuned heads: as in the paper's study of frozen representations, ridge
and logistic regressions are fitted on its embeddings.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from sklearn.linear_model import LogisticRegressionCV, RidgeCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor
from transformers import AutoTokenizer, BartForConditionalGeneration, PreTrainedTokenizerBase

from pipelines.bartsmiles.gaps import SIGN
from pipelines.bartsmiles.infill import Infilling, collected
from pipelines.bartsmiles.tasks import Task
from pipelines.bartsmiles.tokenizer import POSITIONS
from pipelines.runtime import device, load_once

REPOSITORY = "gayane/BARTSmiles"
BEAMS = 10
WORD = "▁"
"""SentencePiece's mark of a word's beginning."""
NAMED = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}


@dataclass(frozen=True, eq=False)
class HubModel:
    """The published tokenizer and model."""

    tokenizer: PreTrainedTokenizerBase
    model: BartForConditionalGeneration
    mask_id: int

    def encode(self, smiles: list[str]) -> Tensor:
        """Ids of <s> ... </s>, cut to 128 tokens as in the paper: int64 [n, longest]."""
        bos, eos, pad = (
            self.tokenizer.convert_tokens_to_ids(NAMED[f"{k}_token"]) for k in ("bos", "eos", "pad")
        )
        pieces = self.tokenizer(smiles, add_special_tokens=False, return_token_type_ids=False)["input_ids"]
        rows = [[bos, *ids[: POSITIONS - 2], eos] for ids in pieces]
        longest = max(map(len, rows))
        return torch.tensor([row + [pad] * (longest - len(row)) for row in rows], device=self.model.device)

    def encode_masked(self, masked: str) -> Tensor:
        """Ids of a string with <mask> in it, int64 [1, length]. Pieces after a mask start no new word."""
        ids = self.tokenizer.convert_tokens_to_ids
        row = [ids("<s>")]
        for k, part in enumerate(masked.split(SIGN)):
            pieces = self.tokenizer.tokenize(part) if part else []
            if k:
                row.append(self.mask_id)
                if pieces and pieces[0].startswith(WORD):
                    pieces[:1] = self._known(pieces[0].removeprefix(WORD))
            row += ids(pieces)
        return torch.tensor([[*row[: POSITIONS - 1], ids("</s>")]], device=self.model.device)

    def _known(self, text: str) -> list[str]:
        """A text as one piece if there is such a piece, else character by character."""
        if not text:
            return []
        return [text] if text in self.tokenizer.get_vocab() else list(text)

    @torch.inference_mode()
    def embed(self, smiles: list[str], batch: int = 32) -> np.ndarray:
        """The paper's embedding, the mean of the last decoder layer over the tokens: float32 [n, 1024]."""
        parts = []
        for start in range(0, len(smiles), batch):
            ids = self.encode(smiles[start : start + batch])
            real = (ids != self.tokenizer.convert_tokens_to_ids("<pad>")).long()
            states = self.model.model(input_ids=ids, attention_mask=real).last_hidden_state
            weight = real[:, :, None].to(states.dtype)
            parts.append(((states * weight).sum(1) / weight.sum(1)).float().cpu().numpy())
        return np.concatenate(parts)


@load_once
def load_hub(repository: str = REPOSITORY) -> HubModel:
    """Load the published files, or a folder of the same layout.

    No commit is pinned: neither the paper's repository nor any public code names one. So nothing that comes
    is trusted: the weights are a pickle, which transformers reads with weights_only, so that it cannot run
    code, and a vocabulary without the special tokens is refused. Raises OSError if the files cannot be had,
    ValueError for such a vocabulary.
    """
    tokenizer = AutoTokenizer.from_pretrained(repository, add_prefix_space=True)
    vocabulary = tokenizer.get_vocab()
    if missing := [token for token in NAMED.values() if token not in vocabulary]:
        raise ValueError(f"the vocabulary of {repository} lacks {', '.join(missing)}")
    tokenizer.add_special_tokens(NAMED)
    model = BartForConditionalGeneration.from_pretrained(repository, weights_only=True)
    # fairseq puts <mask> last; some exports leave it out of the tokenizer.
    mask_id = vocabulary.get("<mask>", model.config.vocab_size - 1)
    return HubModel(tokenizer, model.eval().to(device()), mask_id)


@torch.inference_mode()
def fill_hub(hub: HubModel, masked: str, answers: int) -> Infilling:
    """Molecules among the published model's BEAMS likeliest strings for a masked one, at most `answers`."""
    ids = hub.encode_masked(masked)
    named = {
        name: hub.tokenizer.convert_tokens_to_ids(NAMED[f"{name}_token"]) for name in ("bos", "eos", "pad")
    }
    written = hub.model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        decoder_start_token_id=named["eos"],
        **{f"{name}_token_id": value for name, value in named.items()},
        num_beams=BEAMS,
        num_return_sequences=BEAMS,
        do_sample=False,
        length_penalty=0.0,  # the score is log p of the whole string
        max_new_tokens=min(POSITIONS - 1, ids.shape[1] + 30),
        early_stopping=True,
        suppress_tokens=[named["pad"], hub.mask_id],
        output_scores=True,
        return_dict_in_generate=True,
    )
    special = {*NAMED.values(), SIGN}
    texts = [
        "".join(piece for piece in hub.tokenizer.convert_ids_to_tokens(row) if piece not in special)
        for row in written.sequences.tolist()
    ]
    scores = written.sequences_scores.tolist()
    found = [(text.replace(WORD, ""), score) for text, score in zip(texts, scores, strict=True)]
    return collected(masked, found, answers)


def fit_head(task: Task, embeddings: np.ndarray, values: np.ndarray) -> Pipeline:
    """A ridge or logistic regression on embeddings float [n, width], its strength by cross-validation."""
    strengths = np.logspace(-3, 4, 8)
    if task.kind == "regression":
        return make_pipeline(StandardScaler(), RidgeCV(strengths)).fit(embeddings, values)
    head = LogisticRegressionCV(
        Cs=1 / strengths[::-1],
        class_weight="balanced",
        scoring="roc_auc",
        max_iter=500,
        cv=3,
        l1_ratios=(0.0,),
        use_legacy_attributes=False,
    )
    return make_pipeline(StandardScaler(), head).fit(embeddings, values.astype(int))
