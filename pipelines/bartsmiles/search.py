"""Beam search for what may stand in the gaps of a masked string.

Only the gaps are searched: what stands before the first is read in one pass, and what stands behind the last
is weighed in one pass over all strings found. A string's score is log p(x | x~), the log probability that the
model writes just this for the masked string.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from transformers import BartForConditionalGeneration, DynamicCache, EncoderDecoderCache
from transformers.modeling_outputs import BaseModelOutput

from pipelines.bartsmiles.gaps import SIGN, Draft, Gaps
from pipelines.bartsmiles.heads import collate, shifted
from pipelines.bartsmiles.tokenizer import MASK, PAD, ROOM, UNK, Tokenizer

WIDTH = 12
"""Drafts that are followed at a time."""
KEPT = 2 * WIDTH
"""Strings whose end is weighed too."""


class Writer:
    """The model while it writes for one masked string: tokens in, log probabilities of the next out."""

    def __init__(self, model: BartForConditionalGeneration, ids: Tensor) -> None:
        self.model = model
        self.read = model.get_encoder()(ids).last_hidden_state
        self.cache = EncoderDecoderCache(DynamicCache(), DynamicCache())

    def step(self, tokens: Tensor, parents: list[int]) -> np.ndarray:
        """Read tokens int64 [n, new], which follow the drafts `parents` of the step before.

        Returns log probabilities of what follows each token, float [n, new, vocabulary].
        """
        if self.cache.get_seq_length():
            self.cache.reorder_cache(torch.tensor(parents))
        return self._log_probs(tokens, self.cache)

    def scores(self, rows: list[list[int]]) -> np.ndarray:
        """log p of whole strings, given without <s> and </s>: float [n]."""
        ids = collate(rows)
        found = torch.from_numpy(self._log_probs(shifted(ids), None))
        return (found.gather(2, ids[:, :, None])[:, :, 0] * (ids != PAD)).sum(1).numpy()

    def _log_probs(self, tokens: Tensor, cache: EncoderDecoderCache | None) -> np.ndarray:
        read = BaseModelOutput(last_hidden_state=self.read.expand(len(tokens), -1, -1))
        written = self.model(
            encoder_outputs=read, decoder_input_ids=tokens, past_key_values=cache, use_cache=cache is not None
        )
        return written.logits.log_softmax(-1).numpy()


@torch.inference_mode()
def search(
    model: BartForConditionalGeneration, tokenizer: Tokenizer, masked: list[str], chemistry: bool
) -> list[tuple[str, float]]:
    """The likeliest strings for a masked one, given as tokens and SIGN, with their scores, the best first.

    `chemistry`: each is a molecule by RDKit; else only brackets and rings are balanced (see gaps.py).
    """
    gaps = Gaps(masked, tokenizer, chemistry)
    ids = {token: tokenizer.ids.get(token, UNK) for token in (*tokenizer.tokens, *masked)}
    writer = Writer(model, collate([[MASK if token == SIGN else ids[token] for token in masked]]))
    drafts, scores = [gaps.start], np.zeros(1)
    head = collate([[ids[token] for token in gaps.start.tokens]])
    known = writer.step(shifted(head), [0])
    scores[0] = known[0, np.arange(head.shape[1] - 1), head[0, :-1].numpy()].sum()
    following = known[:, -1]
    found: dict[tuple[str, ...], float] = {}
    while drafts:
        for draft, score in zip(drafts, scores.tolist(), strict=True):
            if (whole := gaps.whole(draft)) and len(whole) <= ROOM:
                found[whole] = score
        if len(found) >= KEPT and sorted(found.values())[-WIDTH] > scores.max():
            break  # a score only falls while a string grows
        drafts, scores, parents = _grown(gaps, drafts, scores[:, None] + following, ids)
        if drafts:
            last = torch.tensor([[ids[draft.tokens[-1]]] for draft in drafts])
            following = writer.step(last, parents)[:, 0]
    best = sorted(found, key=found.get, reverse=True)[:KEPT]
    if not best:
        return []
    weighed = writer.scores([[ids[token] for token in tokens] for tokens in best])
    return sorted(
        (("".join(tokens), float(score)) for tokens, score in zip(best, weighed, strict=True)),
        key=lambda pair: -pair[1],
    )


def _grown(
    gaps: Gaps, drafts: list[Draft], totals: np.ndarray, ids: dict[str, int]
) -> tuple[list[Draft], np.ndarray, list[int]]:
    """The best WIDTH drafts that are one token longer, their scores, and which draft each comes from.

    totals: score of a draft with each token behind it, float [drafts, vocabulary].
    """
    pairs = [
        (float(totals[i, ids[token]]), i, token)
        for i, draft in enumerate(drafts)
        if len(draft.tokens) < ROOM
        for token in gaps.choices(draft)
    ]
    found, scores, parents = [], [], []
    for score, i, token in sorted(pairs, key=lambda pair: (-pair[0], pair[1:])):
        if grown := gaps.grown(drafts[i], token):
            found.append(grown)
            scores.append(score)
            parents.append(i)
            if len(found) == WIDTH:
                break
    return found, np.array(scores), parents
