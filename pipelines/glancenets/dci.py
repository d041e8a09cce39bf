"""Alignment and explicitness by linear DCI, as the paper defines them, and what they rest on.

Concepts Z and true factors G are scaled to [0, 1]; a linear map Z -> G has coefficients; B = |coefficients|,
[concepts, factors]. A row of B that tells one factor only is aligned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

LASSO = 1e-3
"""Weight of the Lasso's penalty: least squares alone is unstable where concepts are correlated."""


@dataclass(frozen=True)
class Dci:
    """The measures of one network."""

    alignment: float
    """1 - Σ_j ρ_j H_j in [0, 1], H_j the entropy of row j in base n."""
    completeness: float
    """1 - mean entropy of the columns, in base k."""
    explicitness: float
    """1 - 6 MSE: 1 if factors are linear in concepts, 0 for random guesses, 0.5 for always the mean."""
    weights: np.ndarray
    """B, float [concepts, factors]."""


def alignment(weights: np.ndarray) -> float:
    """Of B, float [k, n], none negative: 1 if every row has one entry, 0 if all entries are equal."""
    total = weights.sum()
    if total == 0:
        return 0.0
    share = weights.sum(axis=1) / total
    return float(1 - share @ _entropies(weights))


def completeness(weights: np.ndarray) -> float:
    """The same over columns, unweighted."""
    return float(1 - _entropies(weights.T).mean())


def _entropies(rows: np.ndarray) -> np.ndarray:
    """Entropy of each row in base of its length; 1 for an empty row."""
    sums = rows.sum(axis=1, keepdims=True)
    shares = np.divide(rows, sums, out=np.full(rows.shape, 1 / rows.shape[1]), where=sums > 0)
    logs = np.log(shares, out=np.zeros(shares.shape), where=shares > 0)
    return -(shares * logs).sum(axis=1) / np.log(rows.shape[1])


def measure(concepts: np.ndarray, factors: np.ndarray, kind: Literal["lasso", "linear"] = "lasso") -> Dci:
    """Fit on the first half of n pictures, take the error on the second.

    concepts float [n, k], factors float [n, n_factors]; both are scaled to [0, 1] by their own range here.
    """
    from sklearn.linear_model import Lasso, LinearRegression

    z, g = _scaled(concepts), _scaled(factors)
    half = len(z) // 2
    regression = Lasso(alpha=LASSO) if kind == "lasso" else LinearRegression()
    regression.fit(z[:half], g[:half])
    error = float(np.square(regression.predict(z[half:]) - g[half:]).mean())
    weights = np.abs(regression.coef_).T
    return Dci(alignment(weights), completeness(weights), 1 - 6 * error, weights)


def _scaled(values: np.ndarray) -> np.ndarray:
    low, high = values.min(axis=0), values.max(axis=0)
    return (values - low) / np.where(high > low, high - low, 1)
