"""Whitened inputs: columns on a common, bell-shaped scale before densities are fitted to them."""

from __future__ import annotations

import numpy as np
from sklearn.preprocessing import QuantileTransformer

FEW_VALUES = 10
"""Columns with at most this many values are only standardised."""
QUANTILES = 1000
REACH = 4.0
"""Scaled quantile columns end here: beyond the fitted range all rows look alike to a density."""
REACH_FEW = 10.0


class Whitening:
    """Continuous columns go through their quantiles to a standard normal; others get mean 0, variance 1."""

    def __init__(self, by_quantiles: bool = True) -> None:
        """by_quantiles: False standardises every column, so that distances in it keep their size."""
        self.by_quantiles = by_quantiles

    def fit(self, X: np.ndarray) -> Whitening:
        """Fit to X, float [n, d], finite."""
        self.mean, deviation = X.mean(axis=0), X.std(axis=0)
        self.deviation = np.where(deviation > 0, deviation, 1.0)
        self.continuous = self.by_quantiles & np.array(
            [len(np.unique(column)) > FEW_VALUES for column in X.T], dtype=bool
        )
        if self.continuous.any():
            self.quantiles = QuantileTransformer(
                n_quantiles=min(QUANTILES, len(X)),
                output_distribution="normal",
                subsample=100_000,
                random_state=0,
            ).fit(X[:, self.continuous])
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """X float [n, d] on the fitted scale, float [n, d]."""
        Z = np.clip((X - self.mean) / self.deviation, -REACH_FEW, REACH_FEW)
        if self.continuous.any():
            Z[:, self.continuous] = np.clip(self.quantiles.transform(X[:, self.continuous]), -REACH, REACH)
        return Z
