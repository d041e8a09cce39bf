"""SPADE on a matrix: the way from labels to a fitted detector, in either mode.

    for report in fit(X, y): ...   # Progress, finally Fit
    report.score(new_rows)

Symbols: x row, y in {1 anomaly, 0 normal, -1 unlabelled}, o_k one-class classifier k of K, eta_k^p and
eta_k^n its thresholds (Equations 3 and 4, matching.py), v pseudo-label (Equations 1 and 2, labeller.py), h,
q, g networks and loss (Equation 5, model.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from pipelines.errors import InputError
from pipelines.runtime import Progress
from pipelines.spade.forests import forest, probability
from pipelines.spade.labeller import Ensemble
from pipelines.spade.labels import ANOMALY, NORMAL, UNKNOWN
from pipelines.spade.robust import RobustDetector, Trust, fit_robust
from pipelines.spade.scale import Whitening

Mode = Literal["robust", "paper"]
MODES: tuple[Mode, ...] = ("robust", "paper")
K = 5
MOST_FITTED = 20_000
"""Unlabelled rows that a fit uses, drawn at random when there are more; all rows are scored."""

Labels = Literal["both", "positive", "normal", "none", "all"]
"""Which labels there are: of both classes, anomalies only, normals only, none; or nothing is unlabelled."""


class Detector(Protocol):
    """Anything that scores raw rows, after whitening."""

    whitening: Whitening

    def score(self, X: np.ndarray) -> np.ndarray: ...

    def latent(self, Z: np.ndarray) -> np.ndarray:
        """h(x): what the one-class classifiers see of whitened rows."""
        ...


@dataclass(frozen=True)
class LabelDetector:
    """The label-only forest, where every row has a label and nothing is left to pseudo-label."""

    whitening: Whitening
    model: RandomForestClassifier

    def score(self, X: np.ndarray) -> np.ndarray:
        return probability(self.model, self.whitening.transform(X))

    def latent(self, Z: np.ndarray) -> np.ndarray:
        return Z


@dataclass(frozen=True)
class Fit:
    """A fitted detector and what the pseudo-labeller found among the fitted unlabelled rows."""

    mode: Mode
    labels: Labels
    detector: Detector
    ensemble: Ensemble | None
    """None where nothing was unlabelled."""
    fitted: np.ndarray
    """Row numbers of the unlabelled rows that the fit used, int [m]."""
    densities: np.ndarray
    """o_k of those rows, float [K, m], on a log scale."""
    v: np.ndarray
    """Their pseudo-labels, int8 [m]."""
    votes: np.ndarray
    """int [2, m]: how many of the K classifiers find each anomalous, and how many normal."""
    trust: Trust | None

    def score(self, X: np.ndarray) -> np.ndarray:
        """Anomaly score, float [n], of raw rows X float [n, d]; high = anomalous."""
        return self.detector.score(X)

    def ensemble_scores(self, X: np.ndarray) -> np.ndarray:
        """o_k of raw rows X, float [K, n], on a log scale."""
        Z = self.detector.whitening.transform(X)
        return self.ensemble.scores(self.detector.latent(Z))

    @property
    def label_forest(self) -> RandomForestClassifier | None:
        """The forest on the labels alone that the robust mode has fitted on the way."""
        forests = getattr(self.detector, "label_forests", ())
        return forests[0] if forests else None


def which_labels(y: np.ndarray) -> Labels:
    """Which of the five cases the labels are."""
    positive, normal = bool((y == ANOMALY).any()), bool((y == NORMAL).any())
    if positive and normal and not (y == UNKNOWN).any():
        return "all"
    return {(True, True): "both", (True, False): "positive", (False, True): "normal"}.get(
        (positive, normal), "none"
    )


def fit(
    X: np.ndarray, y: np.ndarray, mode: Mode = "robust", seed: int = 0, trees: float = 1.0
) -> Iterator[Progress | Fit]:
    """Fit SPADE to X float [n, d], finite, with y int [n] in {1, 0, -1}. Yields Progress, finally a Fit.

    trees: share of the usual number of trees in the robust mode's forests.
    Raises InputError if there are too few rows or the mode cannot work with the labels.
    """
    _check(X, y, mode, seed)
    labels = which_labels(y)
    if labels == "all":
        yield Progress(0, 1, "every row has a label: a forest on the labels")
        whitening = Whitening().fit(X)
        detector = LabelDetector(whitening, forest(whitening.transform(X), y, seed))
        none = np.zeros(0, dtype=int)
        yield Fit(mode, labels, detector, None, none, np.zeros((K, 0)), none, np.zeros((2, 0), int), None)
        return
    unlabelled = np.flatnonzero(y == UNKNOWN)
    if len(unlabelled) > MOST_FITTED:
        unlabelled = np.sort(np.random.default_rng(seed).choice(unlabelled, MOST_FITTED, replace=False))
    rows = np.sort(np.concatenate([np.flatnonzero(y != UNKNOWN), unlabelled]))
    for report in _steps(X[rows], y[rows], mode, seed, trees):
        if isinstance(report, Progress):
            yield report
        else:
            detector, densities = report
    ensemble = detector.ensemble
    trust = detector.trust if isinstance(detector, RobustDetector) else None
    votes = np.stack(ensemble.votes(densities))
    v = ensemble.pseudo_labels(densities)
    yield Fit(mode, labels, detector, ensemble, unlabelled, densities, v, votes, trust)


def _steps(X: np.ndarray, y: np.ndarray, mode: Mode, seed: int, trees: float) -> Iterator[object]:
    if mode == "robust":
        yield from fit_robust(X, y, seed, K, trees)
        return
    yield Progress(0, 1, "starting the networks")
    from pipelines.spade.paper import fit_paper  # brings torch

    yield from fit_paper(X, y, seed, K)


def _check(X: np.ndarray, y: np.ndarray, mode: str, seed: int) -> None:
    if mode not in MODES:
        raise InputError("There is no such mode.", "Choose robust or paper.", "Mode")
    if not isinstance(seed, int | np.integer) or not 0 <= seed < 2**32:
        raise InputError("The seed must be a whole number from 0.", "Type 0, for example.", "Seed")
    if X.shape[1] == 0:
        raise InputError("No column is left to look at.", "Keep at least one column of features.", "Table")
    labels = which_labels(y)
    if labels == "all":
        return
    count = int((y == UNKNOWN).sum())
    if count < 2 * K:
        raise InputError(
            f"Only {count} rows have no label; the {K} classifiers need at least {2 * K}.",
            "Leave more rows unlabelled, or label every row.",
            "Labels",
        )
    if mode == "paper" and labels == "none":
        raise InputError(
            "The paper's mode needs at least one label.", "Label some rows, or choose robust.", "Mode"
        )
