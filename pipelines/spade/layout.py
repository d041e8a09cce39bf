"""Rows as points on a plane: which rows, their principal components, and t-SNE on request."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from sklearn.decomposition import PCA

from pipelines.runtime import Progress, in_background
from pipelines.spade.labels import UNKNOWN
from pipelines.spade.scale import Whitening

MOST_MAPPED = 5000
"""Points of the map: every flagged or labelled row, the rest drawn at random."""
PHASES = ((200, 12.0, 0.5), (300, 1.0, 0.8))
"""Of t-SNE: iterations, exaggeration, momentum."""
LOOKED_EVERY = 5
"""Iterations after which a stop is noticed."""


def sample(scores: np.ndarray, y: np.ndarray, seed: int) -> np.ndarray:
    """Rows of the map: all if few, else the oddest thousand, labelled rows, and a random rest."""
    n = len(scores)
    if n <= MOST_MAPPED:
        return np.arange(n)
    first = np.argsort(-scores, kind="stable")[:1000]
    labelled = np.flatnonzero(y != UNKNOWN)[:1000]
    kept = np.union1d(first, labelled)
    rest = np.setdiff1d(np.arange(n), kept)
    more = np.random.default_rng(seed).choice(rest, MOST_MAPPED - len(kept), replace=False)
    return np.sort(np.concatenate([kept, more]))


def principal(Z: np.ndarray) -> np.ndarray:
    """First two principal components of whitened rows Z float [n, d], float [n, 2]."""
    if Z.shape[1] < 2:
        return np.column_stack([Z[:, 0], np.zeros(len(Z))])
    return PCA(2, random_state=0, svd_solver="full" if Z.shape[1] < 300 else "randomized").fit_transform(Z)


class Watch:
    """What openTSNE calls every few iterations: it counts them, and ends them once `gone` is set."""

    def __init__(self) -> None:
        self.done, self.gone = 0, False

    def __call__(self, iteration: int, error: float, points: np.ndarray) -> bool:
        self.done = iteration
        return self.gone


def t_sne(X: np.ndarray, rows: np.ndarray, seed: int) -> Iterator[Progress | np.ndarray]:
    """A t-SNE map of those rows of X: neighbours stay near, distances mean little.

    Yields Progress, finally the points, float [len(rows), 2].
    """
    begun = Progress(0, 1, "finding neighbours")
    yield begun
    embedding = yield from in_background(lambda: _start(X[rows], seed), begun)
    total, before = sum(count for count, *_ in PHASES), 0
    for count, exaggeration, momentum in PHASES:
        watch = Watch()
        work = partial(
            embedding.optimize, count, inplace=True, exaggeration=exaggeration, momentum=momentum,
            callbacks=[watch], callbacks_every_iters=LOOKED_EVERY,
        )  # fmt: skip
        steps = in_background(work, None)
        try:
            for _ in steps:
                yield Progress(before + watch.done, total, "laying out neighbours")
        finally:
            watch.gone = True
            steps.close()
        before += count
    yield np.array(embedding)


def _start(X: np.ndarray, seed: int) -> object:
    """openTSNE's embedding before its first iteration: the principal components, and who is near to whom."""
    from openTSNE import TSNEEmbedding, affinity, initialization

    Z = Whitening().fit(X).transform(X)
    Z = PCA(min(30, *Z.shape), random_state=0).fit_transform(Z)
    perplexity = min(30.0, max(2.0, (len(Z) - 1) / 4))
    near = affinity.PerplexityBasedNN(Z, perplexity, method="exact", n_jobs=1, random_state=seed)
    start = initialization.rescale(principal(Z))
    return TSNEEmbedding(start, near, negative_gradient_method="bh", n_jobs=1, random_state=seed)
