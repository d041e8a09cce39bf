"""The released code's variant, for parity: google-research/spade_anomaly_detection in scikit-learn.

No partial matching and no encoder: one Gaussian per subset on raw features (GaussianMixture with one
component, reg_covar 1e-6), percentiles as thresholds, unanimous votes, and a forest (300 trees, depth 16,
five rows a leaf) on labels and pseudo-labels with weights 1 and alpha.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.mixture import GaussianMixture

from pipelines.runtime import cpu_count
from pipelines.spade.labeller import disjoint_subsets
from pipelines.spade.labels import ANOMALY, NORMAL, UNKNOWN


def fit_released(
    X: np.ndarray,
    y: np.ndarray,
    positive: float = 10.0,
    negative: float = 90.0,
    alpha: float = 1.0,
    seed: int = 0,
    K: int = 5,
) -> Callable[[np.ndarray], np.ndarray]:
    """Fit to raw X float [n, d] and y in {1, 0, -1}; returns the scorer.

    positive: rows below this percentile of the likelihood, by all K, become pseudo-anomalies; negative: rows
    above this percentile become pseudo-normals.
    """
    Xu = X[y == UNKNOWN]
    high, low = np.ones(len(Xu), dtype=bool), np.ones(len(Xu), dtype=bool)
    for subset in disjoint_subsets(len(Xu), K, np.random.default_rng(seed)):
        mixture = GaussianMixture(1, random_state=42, reg_covar=1e-6)
        likelihood = mixture.fit(np.concatenate([Xu[subset], X[y == NORMAL]])).score_samples(Xu)
        high &= likelihood < np.percentile(likelihood, positive)
        low &= likelihood > np.percentile(likelihood, negative)
    labelled = y != UNKNOWN
    rows = np.concatenate([X[labelled], Xu[high], Xu[low]])
    target = np.r_[y[labelled], np.full(high.sum(), ANOMALY), np.full(low.sum(), NORMAL)]
    weight = np.r_[np.ones(labelled.sum()), np.full(high.sum() + low.sum(), alpha)]
    model = RandomForestClassifier(
        300, max_depth=16, min_samples_leaf=5, random_state=seed, n_jobs=cpu_count()
    ).fit(rows, target, sample_weight=weight)
    return lambda Z: model.predict_proba(Z)[:, list(model.classes_).index(ANOMALY)]
