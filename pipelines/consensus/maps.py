"""Who stands near whom: a map of opinions, groups on it, and the consensus that counts groups (as Polis
does).

PCA and k-means, k chosen by silhouette. People come in any order: rows are sorted before anything is fitted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.consensus.table import Table

MOST_GROUPS = 5
LEAST_SILHOUETTE = 0.1
"""Below it people are left in one group: k-means always finds some."""
AGREES, DISAGREES = 4.75, 3.25
"""Predicted agreement from which, and up to which, it counts as a vote for or against."""
SEED = 0


@dataclass(frozen=True)
class OpinionMap:
    """Of n people: points [n, 2], groups [n] int in 0..k-1 (0 the largest), k, and the share of variance
    [2] that the axes show."""

    points: np.ndarray
    groups: np.ndarray
    k: int
    shown: np.ndarray


def opinion_map(table: Table) -> OpinionMap:
    """A map of a table's people by their predicted agreement with its statements, which tells for from
    against (embeddings of what they wrote would tell subjects rather than sides)."""
    return _mapped(table.ratings.T - table.ratings.mean())


def vote_map(votes: np.ndarray) -> OpinionMap:
    """A map of P people by votes [P, S]: 1, -1, 0, NaN not seen. As Polis does it: unseen votes become
    the mean of their statement, and people who saw little are moved outwards by sqrt(S / seen)."""
    votes = np.asarray(votes, float)
    seen = ~np.isnan(votes)
    mean = np.where(seen, votes, 0).sum(0) / np.maximum(seen.sum(0), 1)
    weight = np.sqrt(votes.shape[1] / np.maximum(seen.sum(1), 1))
    return _mapped(np.where(seen, votes, mean), weight)


def votes_of(ratings: np.ndarray) -> np.ndarray:
    """Votes [K, n] (1, 0, -1) that predicted agreement [K, n] stands for."""
    ratings = np.asarray(ratings, float)
    return np.where(ratings >= AGREES, 1.0, np.where(ratings <= DISAGREES, -1.0, 0.0))


def group_informed(votes: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Group-informed consensus [K] in 0..1 of votes [K, n] (1, -1, 0 pass, NaN not seen) by people in
    `groups` [n]: the product over groups of the smoothed share that agrees, (agree + 1) / (voted + 2)."""
    votes, groups = np.asarray(votes, float), np.asarray(groups)
    shares = []
    for label in np.unique(groups):
        mine = votes[:, groups == label]
        shares.append(((mine == 1).sum(1) + 1) / ((~np.isnan(mine)).sum(1) + 2))
    return np.prod(np.sort(shares, axis=0), axis=0)


def difference(old: str, new: str) -> list[tuple[str, str]]:
    """How a text became another: runs of words with "same", "removed" or "added"."""
    from difflib import SequenceMatcher

    before, after = old.split(), new.split()
    parts: list[tuple[str, str]] = []
    for kind, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            parts.append(("same", " ".join(before[a:b])))
            continue
        if b > a:
            parts.append(("removed", " ".join(before[a:b])))
        if d > c:
            parts.append(("added", " ".join(after[c:d])))
    return parts


def _mapped(rows: np.ndarray, weight: np.ndarray | None = None) -> OpinionMap:
    order = np.lexsort(np.round(rows, 6).T[::-1])
    back = np.argsort(order)
    sorted_rows = rows[order]
    centred = sorted_rows - sorted_rows.mean(0)
    _, strength, axes = np.linalg.svd(centred, full_matrices=False)
    axes = axes[:2] * np.sign(axes[:2, np.abs(axes[:2]).argmax(1)].diagonal())[:, None]
    points = np.zeros((len(rows), 2))
    points[:, : len(axes)] = centred @ axes.T
    if weight is not None:
        points *= weight[order, None]
    variance = strength**2
    shown = np.zeros(2)
    shown[: min(2, len(variance))] = variance[:2] / max(variance.sum(), 1e-12)
    labels = _groups(points)
    return OpinionMap(points[back], labels[back], int(labels.max()) + 1, shown)


def _groups(points: np.ndarray) -> np.ndarray:
    """Labels [n], the largest group first; one group where no partition has a silhouette of
    LEAST_SILHOUETTE."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score

    distinct = len(np.unique(np.round(points, 6), axis=0))
    best, chosen = LEAST_SILHOUETTE, np.zeros(len(points), int)
    for k in range(2, min(MOST_GROUPS, distinct, len(points) - 1) + 1):
        labels = KMeans(k, n_init=5, random_state=SEED).fit_predict(points)
        quality = float(silhouette_score(points, labels, sample_size=2000, random_state=SEED))
        if quality > best + 1e-6:
            best, chosen = quality, labels
    sizes = np.bincount(chosen)
    rank = np.argsort(np.lexsort((np.arange(len(sizes)), -sizes)))
    return rank[chosen]
