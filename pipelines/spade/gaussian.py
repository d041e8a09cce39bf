"""The one-class classifier o_k: a Gaussian density, with exact reasons per feature."""

from __future__ import annotations

import numpy as np
from sklearn.covariance import LedoitWolf

from pipelines.errors import InputError

CHUNK = 65_536
"""Rows scored at a time: bounds the memory of the intermediate [rows, d] products."""


class GaussianDensity:
    """Gaussian density estimator (the paper's GDE).

    The covariance is shrunk by Ledoit and Wolf's rule, so that it can be inverted with fewer rows than
    columns too. Columns that are constant among the fitted rows count by their distance in `floor` units.
    """

    def __init__(self, floor: float = 1e-2) -> None:
        """`floor`: variance added to every column, in units of the (standardised) input."""
        self.floor = floor

    def fit(self, X: np.ndarray) -> GaussianDensity:
        """Fit to X, float [n, d], n >= 2."""
        if len(X) < 2:
            raise InputError("A density needs at least two rows.", "Give more rows.", "Table")
        estimate = LedoitWolf(store_precision=False).fit(X)
        self.mean = estimate.location_
        covariance = estimate.covariance_ + self.floor * np.eye(X.shape[1])
        self.precision = np.linalg.inv(covariance)
        self.root = np.linalg.cholesky(self.precision)
        return self

    def score(self, X: np.ndarray) -> np.ndarray:
        """Anomaly score o(x) = (x - mu)' Sigma^-1 (x - mu) / 2, float [n]: -log p(x) up to a constant."""
        parts = [
            0.5 * np.square((X[i : i + CHUNK] - self.mean) @ self.root).sum(axis=1)
            for i in range(0, len(X), CHUNK)
        ]
        return np.concatenate(parts) if parts else np.zeros(0)

    def contributions(self, X: np.ndarray) -> np.ndarray:
        """float [n, d]: what each feature adds to the score, z_j (Sigma^-1 z)_j / 2; rows sum to `score`."""
        z = X - self.mean
        return 0.5 * z * (z @ self.precision)
