"""Leakage: what a logistic probe reads from concepts on pictures outside the training world.

Leakage is 2 |accuracy - 1/2|; a rejected picture counts as answered by a coin.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Probe:
    """p(second answer) = σ(weights · concepts + bias)."""

    weights: np.ndarray
    """float [k]."""
    bias: float

    def probability(self, concepts: np.ndarray) -> np.ndarray:
        """float [n] in [0, 1] of concepts float [n, k] in [0, 1]."""
        return 1 / (1 + np.exp(-(concepts @ self.weights + self.bias)))


def fit_probe(concepts: np.ndarray, answers: np.ndarray) -> Probe:
    """Logistic regression on concepts float [n, k]; answers 0 or 1, [n]."""
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(max_iter=2000).fit(concepts, answers)
    return Probe(fitted.coef_[0], float(fitted.intercept_[0]))


def leak(
    probe: Probe, concepts: np.ndarray, answers: np.ndarray, accepted: np.ndarray | None = None
) -> float:
    """Leakage on pictures that the probe never saw; `accepted`, bool [n], are those that get an answer."""
    hit = (probe.probability(concepts) > 0.5) == answers.astype(bool)
    worth = hit.astype(float) if accepted is None else np.where(accepted, hit, 0.5)
    return float(2 * abs(worth.mean() - 0.5))
