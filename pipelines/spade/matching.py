"""Thresholds without validation data: partial matching (Equations 3 and 4), Otsu where a class has no labels.

W is the 1-D Wasserstein distance between the scores of one class's labelled rows and those of the unlabelled
rows beyond a candidate threshold. It is computed between quantile functions on a fixed grid, so that all
candidates cost one sort.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from skimage.filters import threshold_otsu

Tail = Literal["high", "low"]

GRID = (np.arange(64) + 0.5) / 64
"""Levels at which quantile functions are compared."""
CANDIDATES = 200
SMALLEST_SHARE = 0.005
FEWEST_LABELS = 3
"""Below this many labelled rows a distribution cannot be matched."""


@dataclass(frozen=True)
class Matching:
    """A threshold eta on one one-class classifier's scores, and how it was found."""

    eta: float
    share: float
    """Share of the unlabelled rows beyond eta."""
    how: Literal["matching", "otsu", "percentile"]
    shares: np.ndarray
    """Candidate shares [m], ascending; empty unless `how` is "matching"."""
    etas: np.ndarray
    """Candidate thresholds [m]."""
    distances: np.ndarray
    """W(eta) per candidate [m]."""


def partial_matching(labelled: np.ndarray, scores: np.ndarray, tail: Tail, cap: float = 1.0) -> Matching:
    """Equation 3 (tail="high", labelled anomalies) or 4 (tail="low", labelled normals).

    labelled: scores o_k(h(x_l)) of that class's rows, float [m], m >= FEWEST_LABELS.
    scores: scores o_k(h(x_u)) of the unlabelled rows, float [n].
    cap: largest share of the unlabelled rows that may lie beyond the threshold, in (0, 1].
    """
    ordered = np.sort(scores)
    n = len(ordered)
    wanted = np.geomspace(min(cap, max(SMALLEST_SHARE, 2 / n)), cap, CANDIDATES)
    counts = np.unique(np.clip(np.round(wanted * n).astype(int), min(2, n), n))
    reference = np.quantile(labelled, GRID)
    starts = n - counts if tail == "high" else np.zeros_like(counts)
    distances = np.abs(_quantiles(ordered, starts, counts) - reference).mean(axis=1)
    etas = np.array([threshold_beyond(ordered, count, tail) for count in counts])
    best = int(np.argmin(distances))
    return Matching(
        float(etas[best]), float(counts[best] / n), "matching", counts / n, etas, distances
    )  # fmt: skip


def _quantiles(ordered: np.ndarray, starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Quantile functions on GRID of the runs ordered[start : start + count], float [runs, len(GRID)]."""
    position = GRID * (counts[:, None] - 1)
    low = position.astype(int)
    high = np.minimum(low + 1, counts[:, None] - 1)
    a, b = ordered[starts[:, None] + low], ordered[starts[:, None] + high]
    return a + (position - low) * (b - a)


def threshold_beyond(ordered: np.ndarray, count: int, tail: Tail) -> float:
    """A threshold with `count` of the ascending scores strictly beyond it, where ties allow: a midpoint."""
    n = len(ordered)
    if count >= n:
        return -np.inf if tail == "high" else np.inf
    split = n - count if tail == "high" else count
    return float((ordered[split - 1] + ordered[split]) / 2)


def otsu(scores: np.ndarray, tail: Tail, cap: float = 1.0) -> Matching:
    """Otsu's threshold, minimum score variance within the two groups, for a class without labels.

    The topmost thousandth is clipped: one extreme row would otherwise own the histogram.
    """
    ordered = np.sort(scores)
    clipped = np.minimum(scores, np.quantile(ordered, 0.999))
    eta = float(threshold_otsu(clipped, nbins=256)) if clipped.max() > clipped.min() else float(clipped[0])
    return _capped(eta, ordered, tail, cap, "otsu")


def percentile(scores: np.ndarray, tail: Tail, share: float) -> Matching:
    """The threshold beyond which `share` of the unlabelled rows lie: too few labels to match."""
    ordered = np.sort(scores)
    count = max(1, round(share * len(ordered)))
    return _capped(threshold_beyond(ordered, count, tail), ordered, tail, 1.0, "percentile")


def _capped(eta: float, ordered: np.ndarray, tail: Tail, cap: float, how: str) -> Matching:
    n = len(ordered)
    limit = threshold_beyond(ordered, max(1, int(cap * n)), tail)
    eta = max(eta, limit) if tail == "high" else min(eta, limit)
    share = float((ordered > eta).mean() if tail == "high" else (ordered < eta).mean())
    empty = np.zeros(0)
    return Matching(eta, share, how, empty, empty, empty)
