"""Why a row is odd: exact shares of the Gaussian score, and what the detector's score loses by occlusion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.spade.gaussian import GaussianDensity
from pipelines.spade.labels import ANOMALY
from pipelines.spade.method import Detector
from pipelines.spade.scale import Whitening

FEATURES_AT_ONCE = 20_000
"""Occluded rows scored at a time."""


@dataclass(frozen=True)
class Reasons:
    """Contributions per row and column, float [rows, columns] each."""

    rows: np.ndarray
    """Row numbers, int [rows]."""
    density: np.ndarray
    """Exact: a row's contributions sum to its Gaussian score (x - mu)' Sigma^-1 (x - mu) / 2, where the
    density is that of standardised inputs over every row but labelled anomalies."""
    score: np.ndarray
    """The Gaussian score itself, float [rows]."""
    occlusion: np.ndarray
    """By how much the detector's score falls when the column is replaced by its usual value."""
    usual: np.ndarray
    """The features' usual values: the medians of the normal or unlabelled rows, float [D]."""


def explain(detector: Detector, X: np.ndarray, y: np.ndarray, owner: np.ndarray, rows: np.ndarray) -> Reasons:
    """Reasons for some rows of X float [n, D] with labels y; owner int [D] names each feature's column."""
    ordinary = X[y != ANOMALY]
    whitening = Whitening(by_quantiles=False).fit(ordinary)
    density = GaussianDensity().fit(whitening.transform(ordinary))
    columns = int(owner.max()) + 1
    Z = whitening.transform(X[rows])
    contributions = density.contributions(Z)
    by_column = np.zeros((len(rows), columns))
    np.add.at(by_column.T, owner, contributions.T)
    usual = np.median(X[y == 0] if (y == 0).sum() >= 5 else X[y != 1], axis=0)
    return Reasons(
        rows, by_column, density.score(Z), occlude(detector, X[rows], owner, usual), usual
    )  # fmt: skip


def occlude(detector: Detector, X: np.ndarray, owner: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """How far the score falls per column, float [n, columns], when its features take their usual values."""
    columns = int(owner.max()) + 1
    base = detector.score(X)
    drops = np.empty((len(X), columns))
    step = max(1, FEATURES_AT_ONCE // max(1, len(X)))
    for start in range(0, columns, step):
        block = range(start, min(columns, start + step))
        copies = np.repeat(X[None], len(block), axis=0)
        for i, column in enumerate(block):
            copies[i][:, owner == column] = usual[owner == column]
        scores = detector.score(copies.reshape(-1, X.shape[1])).reshape(len(block), len(X))
        drops[:, start : start + len(block)] = (base - scores).T
    return drops
