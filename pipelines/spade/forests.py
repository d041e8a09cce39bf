"""Random forests and the reference detectors, all from scikit-learn."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from sklearn.ensemble import IsolationForest, RandomForestClassifier

from pipelines.runtime import cpu_count
from pipelines.spade.gaussian import GaussianDensity
from pipelines.spade.labels import ANOMALY, NORMAL, UNKNOWN

# Rows of great weight are in every tree's bootstrap; only lighter rows' out-of-bag votes are used.
warnings.filterwarnings("ignore", message="Some inputs do not have OOB scores")

LABEL_TREES = 200
PREDICTOR_TREES = 120
ROWS_PER_TREE = 2000
"""Bootstrap size of a tree: more rows cost time and change little."""
CHUNK = 20_000


def forest(
    X: np.ndarray,
    y: np.ndarray,
    seed: int,
    trees: int = LABEL_TREES,
    weight: np.ndarray | None = None,
    out_of_bag: bool = False,
) -> RandomForestClassifier:
    """A forest with leaves of at least two rows: with few labels, single-row leaves overfit badly."""
    model = RandomForestClassifier(
        trees,
        min_samples_leaf=2,
        max_samples=min(ROWS_PER_TREE, len(X)) if len(X) > ROWS_PER_TREE else None,
        oob_score=out_of_bag,
        random_state=seed,
        n_jobs=cpu_count(),
    ).fit(X, y, sample_weight=weight)
    model.n_jobs = 1  # threads would add the trees' votes in changing order, and the last bits would differ
    return model


def probability(model: RandomForestClassifier, X: np.ndarray) -> np.ndarray:
    """P(anomaly), float [n]; chunks run in threads, each chunk's sum in a fixed order."""
    column = list(model.classes_).index(ANOMALY)
    chunks = [X[i : i + CHUNK] for i in range(0, len(X), CHUNK)]
    if len(chunks) < 2:
        return model.predict_proba(X)[:, column] if len(X) else np.zeros(0)
    with ThreadPoolExecutor(cpu_count()) as pool:
        return np.concatenate(list(pool.map(lambda chunk: model.predict_proba(chunk)[:, column], chunks)))


def balanced(true: int, pseudo: int) -> np.ndarray:
    """Weights that give `true` label rows and `pseudo` pseudo-label rows the same total mass."""
    return np.r_[np.full(true, max(pseudo, 1) / true), np.ones(pseudo)]


LABEL_FOREST = "Forest on the labels alone"
NEGATIVE_FOREST = "Forest, unlabelled taken as normal"
GAUSSIAN = "Gaussian on labelled normals"
NEGATIVE_GAUSSIAN = "Gaussian on unlabelled rows"
ISOLATION = "Isolation forest, no labels"


def reference_scores(
    X: np.ndarray, y: np.ndarray, Z: np.ndarray, seed: int, known: RandomForestClassifier | None = None
) -> dict[str, np.ndarray]:
    """Scores of Z by the reference detectors fitted on (X, y), high = anomalous, by name.

    X float [n, d] and Z float [m, d] are whitened; y int [n] in {1, 0, -1}. Which references exist depends on
    the labels: without labelled normals the unlabelled rows stand in for them, as in the paper's baselines.
    known: the first reference, if it was fitted on the same rows with the same seed already.
    """
    positive, negative, unlabelled = y == ANOMALY, y == NORMAL, y == UNKNOWN
    scores: dict[str, np.ndarray] = {}
    if positive.any() and negative.any():
        labelled = positive | negative
        scores[LABEL_FOREST] = probability(known or forest(X[labelled], y[labelled], seed), Z)
    elif positive.any() and unlabelled.any():
        scores[NEGATIVE_FOREST] = probability(known or negative_forest(X, y, seed), Z)
    normals = negative if negative.sum() >= 2 else unlabelled
    if normals.sum() >= 2:
        name = GAUSSIAN if negative.sum() >= 2 else NEGATIVE_GAUSSIAN
        scores[name] = GaussianDensity().fit(X[normals]).score(Z)
    if (~positive).any():
        isolation = IsolationForest(n_estimators=100, random_state=seed).fit(X[~positive])
        scores[ISOLATION] = -isolation.score_samples(Z)
    return scores


def negative_forest(
    X: np.ndarray, y: np.ndarray, seed: int, trees: int = LABEL_TREES
) -> RandomForestClassifier:
    """The paper's "negative supervised" baseline for positive-unlabelled data, with out-of-bag votes."""
    target = (y == ANOMALY).astype(int)
    weight = np.where(target == 1, (target == 0).sum() / max(1, target.sum()), 1.0)
    return forest(X, target, seed, trees, weight, out_of_bag=True)
