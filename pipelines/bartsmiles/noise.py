"""BART's span infilling, for a whole batch at once.

Spans whose lengths are drawn from Poisson(3) are taken out until 30 % of the tokens are gone; each span,
also one of length 0, leaves one <mask>. The model writes the whole string again.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pipelines.bartsmiles.tokenizer import MASK, PAD

SHARE = 0.30
MEAN_SPAN = 3.0


def infill_noise(
    tokens: Tensor, lengths: Tensor, generator: torch.Generator, share: float = SHARE
) -> tuple[Tensor, Tensor]:
    """Take spans out of sequences, without a loop over them.

    tokens int64 [n, longest], padded on the right; lengths int64 [n]; the generator is on their device.
    Returns the same of the noisy sequences. Two spans never touch, for they would be one.
    """
    n, device = len(lengths), tokens.device
    wanted = (share * lengths + torch.rand(n, device=device, generator=generator)).long()
    # n + 2 spans of mean 3 always cover n tokens but for a negligible share of the draws.
    most = int(wanted.max()) + 2
    spans = torch.poisson(torch.full((n, most), MEAN_SPAN, device=device), generator).long()
    before = spans.cumsum(1) - spans
    used = before < wanted[:, None]
    spans = torch.minimum(spans, wanted[:, None] - before).where(used, 0)
    # There are left + 1 gaps between the tokens that stay, and each takes at most one span.
    gaps_of = lengths - spans.sum(1) + 1
    used &= torch.arange(most, device=device) < gaps_of[:, None]
    spans = spans.where(used, 0)
    left, count = lengths - spans.sum(1), used.sum(1)

    gaps = int(left.max()) + 1
    gap = torch.arange(gaps, device=device)
    keys = torch.rand(n, gaps, device=device, generator=generator).where(gap <= left[:, None], 2.0)
    rank = keys.argsort(1).argsort(1)
    chosen = rank < count[:, None]
    taken = spans.gather(1, rank.clamp(max=most - 1)).where(chosen, 0)
    masks_before, gone_before = chosen.cumsum(1), taken.cumsum(1)

    noisy_lengths = left + count
    noisy = torch.full((n, int(noisy_lengths.max()) + 1), PAD, dtype=tokens.dtype, device=device)
    # What must not be written goes to one column too many, which is cut off.
    stays = gap < left[:, None]
    source = (gap + gone_before).clamp(max=tokens.shape[1] - 1)
    noisy.scatter_(1, (gap + masks_before).where(stays, noisy.shape[1] - 1), tokens.gather(1, source))
    noisy[:, -1] = PAD
    place = (gap + masks_before - 1).where(chosen, noisy.shape[1] - 1)
    noisy.scatter_(1, place, torch.full_like(place, MASK).to(tokens.dtype))
    return noisy[:, :-1], noisy_lengths
