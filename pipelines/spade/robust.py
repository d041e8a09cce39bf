"""The default mode: SPADE's pseudo-labeller on whitened inputs, forests as predictor, and a measured trust.

What is the paper's: K Gaussian one-class classifiers on disjoint subsets, partial matching or Otsu for both
thresholds, unanimous votes, a predictor trained on labels and pseudo-labels. What is ours: the densities see
whitened inputs once instead of a changing latent space; the shares beyond the thresholds are capped; the
predictor is a random forest in which labels and pseudo-labels have equal mass; and its score joins that of
forests on the labels alone, with a weight that the data decide (`trust`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.stats import spearmanr
from sklearn.ensemble import RandomForestClassifier

from pipelines.runtime import Progress, in_background
from pipelines.spade.forests import (
    LABEL_TREES,
    PREDICTOR_TREES,
    balanced,
    forest,
    negative_forest,
    probability,
)
from pipelines.spade.labeller import Caps, Ensemble, disjoint_subsets, fit_ensemble
from pipelines.spade.labels import ANOMALY, NORMAL, UNKNOWN
from pipelines.spade.scale import Whitening

SURE = (1.25, 1.4)
"""Sums of `Trust` from which the pseudo-labels count, and from which they count fully: see choice.py."""
WIDEST_SHARE = 0.25
"""The share that `by_share` takes at most: a handful of labels says little about the true share."""


@dataclass(frozen=True)
class Trust:
    """How far the pseudo-labels may be trusted, judged without any further label."""

    ranks_labelled: float
    """Share of unlabelled rows that the densities find more ordinary than a labelled anomaly, in [0, 1]."""
    agreement: float
    """Spearman correlation, over unlabelled rows, between the densities and the forest on the labels."""
    sure: tuple[float, float] = SURE

    @property
    def weight(self) -> float:
        """What the predictor counts in the score, in [0, 1.5]; the label forests count 1.

        Two independent views must speak for the densities: they rank labelled anomalies, which they never
        saw, above most rows, and they order the unlabelled rows as the labels do. What one lacks the other
        may make up. Without them the labels alone decide: one of their forests sees the densities too, and
        takes from them what the labels bear out.
        """
        none, full = self.sure
        together = (self.ranks_labelled + self.agreement - none) / (full - none)
        better_than_chance = (self.ranks_labelled - 0.6) / 0.1
        return 1.5 * float(np.clip(min(together, better_than_chance), 0, 1))


class TailRank:
    """-log of the share of reference scores above a score: like -log p, it grows in the tail that matters."""

    def __init__(self, reference: np.ndarray) -> None:
        self.ordered = np.sort(reference)

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        n = len(self.ordered)
        below = np.searchsorted(self.ordered, scores, "left") + np.searchsorted(self.ordered, scores, "right")
        return -np.log1p(-(below / 2 + 0.5) / (n + 1))


@dataclass(frozen=True)
class RobustDetector:
    """Whitening, ensemble, forests: everything that scores a new row."""

    whitening: Whitening
    ensemble: Ensemble
    label_forests: tuple[RandomForestClassifier, ...]
    """On the labels alone: one sees the inputs, one the inputs and the densities' mean score."""
    predictors: tuple[RandomForestClassifier, ...]
    """On labels and pseudo-labels: one per pair of thresholds."""
    trust: Trust | None
    """None where no labelled anomaly can judge the densities."""
    ranks: tuple[TailRank, ...]

    def score(self, X: np.ndarray) -> np.ndarray:
        """Anomaly score float [n] of raw rows X float [n, d]; high = anomalous."""
        Z = self.whitening.transform(X)
        return self.combine(self.parts(Z, self.density(Z)))

    def latent(self, Z: np.ndarray) -> np.ndarray:
        """The whitened rows themselves: this mode has no encoder."""
        return Z

    def density(self, Z: np.ndarray) -> np.ndarray:
        """Mean score of the one-class classifiers, float [n], of whitened rows Z."""
        return self.ensemble.scores(Z).mean(axis=0)

    def parts(self, Z: np.ndarray, density: np.ndarray) -> list[np.ndarray]:
        """What the score joins, float [n] each: the label forests' opinion (without labelled anomalies the
        density) and the predictors', of whitened rows Z with their density."""
        parts = []
        if self.label_forests:
            views = (Z, np.column_stack([Z, density]))
            models = zip(self.label_forests, views, strict=True)
            parts.append(np.mean([probability(model, view) for model, view in models], axis=0))
        if self.predictors:
            parts.append(np.mean([probability(model, Z) for model in self.predictors], axis=0))
        return parts if self.label_forests else [density, *parts]

    def combine(self, parts: list[np.ndarray]) -> np.ndarray:
        """The score from its parts, float [n]: tail ranks, weighted by trust."""
        weights = (1.0, self.trust.weight if self.trust else 1.0)
        return sum(
            weight * rank(part) for weight, rank, part in zip(weights, self.ranks, parts, strict=False)
        )


def fit_robust(
    X: np.ndarray, y: np.ndarray, seed: int = 0, K: int = 5, trees: float = 1.0
) -> Iterator[Progress | tuple[RobustDetector, np.ndarray]]:
    """Fit to X float [n, d], finite, with y int [n] in {1, 0, -1}; at least 2 K unlabelled rows. trees: share
    of the usual number of trees.

    Yields Progress, finally the detector and the unlabelled rows' scores o_k, float [K, n_u].
    """
    generator = np.random.default_rng(seed)
    whitening = Whitening().fit(X)
    Z = whitening.transform(X)
    Zp, Zn, Zu = Z[y == ANOMALY], Z[y == NORMAL], Z[y == UNKNOWN]
    begun = Progress(1, 6, f"fitting {K} one-class classifiers")
    yield begun
    share = len(Zp) / (len(Zp) + len(Zn)) if len(Zn) else 0.0
    cap = min(0.5, max(2 * share, 0.1))
    caps = Caps(anomalies=cap, apart=True, few=float(np.clip(share, 0.01, cap)))
    subsets = disjoint_subsets(len(Zu), K, generator)
    ensemble, scores = yield from in_background(
        lambda: fit_ensemble(Zu, Zp, Zn, subsets, caps, np.log1p), begun
    )
    v = ensemble.pseudo_labels(scores)
    yield Progress(2, 6, found(v))

    label_forests, trust = (), None
    density = np.empty(len(Z))
    density[y == UNKNOWN] = scores.mean(axis=0)
    if len(Zp) + len(Zn):
        density[y != UNKNOWN] = ensemble.scores(Z[y != UNKNOWN]).mean(axis=0)
    if len(Zp):
        label_forests, opinion = yield from in_background(
            lambda: _label_forests(Z, y, density, seed, round(trees * LABEL_TREES)),
            Progress(3, 6, "forests on the labels alone"),
        )
        trust = judge(ensemble, scores, Zp, opinion)

    predictors = []
    pairs = [v] if not (len(Zp) and len(Zn)) else [v, by_share(scores, min(share, WIDEST_SHARE))]
    for i, pair in enumerate(pairs):
        work = partial(_predictor, Z, y, pair, seed + i, round(trees * PREDICTOR_TREES))
        model = yield from in_background(work, Progress(4 + i, 6, "predictor on labels and pseudo-labels"))
        if model is not None:
            predictors.append(model)
        yield Progress(4 + i, 6, "predictor on labels and pseudo-labels")
    detector = RobustDetector(whitening, ensemble, label_forests, tuple(predictors), trust, ())
    parts = detector.parts(Zu, density[y == UNKNOWN])
    ranks = tuple(TailRank(part) for part in parts)
    yield RobustDetector(whitening, ensemble, label_forests, tuple(predictors), trust, ranks), scores


def found(v: np.ndarray) -> str:
    """How many pseudo-labels there are, in words."""
    return f"{(v == ANOMALY).sum():,} pseudo-anomalies, {(v == NORMAL).sum():,} pseudo-normals"


def by_share(scores: np.ndarray, share: float) -> np.ndarray:
    """The released code's thresholds: per classifier, the top and the bottom `share` of the unlabelled rows.

    scores float [K, n]; returns v int8 [n]. They stand in where matching with few labels goes astray.
    """
    high = (scores > np.quantile(scores, 1 - share, axis=1)[:, None]).all(axis=0)
    low = (scores < np.quantile(scores, share, axis=1)[:, None]).all(axis=0)
    v = np.full(scores.shape[1], UNKNOWN, dtype=np.int8)
    v[low & ~high], v[high & ~low] = NORMAL, ANOMALY
    return v


def judge(ensemble: Ensemble, scores: np.ndarray, Zp: np.ndarray, opinion: np.ndarray) -> Trust:
    """Trust in the ensemble from the labelled anomalies Zp and the label forest's opinion of D_u, float [n].

    Each classifier is judged on the unlabelled rows outside its own subset.
    """
    ranks = []
    for subset, su, sp in zip(ensemble.subsets, scores, ensemble.scores(Zp), strict=True):
        others = np.sort(np.delete(su, subset))
        ranks.append(np.searchsorted(others, sp).mean() / len(others))
    constant = np.ptp(opinion) == 0
    agreement = 0.0 if constant else float(spearmanr(opinion, scores.mean(axis=0)).statistic)
    return Trust(float(np.mean(ranks)), agreement)


def _label_forests(
    Z: np.ndarray, y: np.ndarray, density: np.ndarray, seed: int, trees: int
) -> tuple[tuple[RandomForestClassifier, ...], np.ndarray]:
    """The two forests on labels alone, and the first one's opinion of the unlabelled rows."""
    wide = np.column_stack([Z, density])
    labelled = y != UNKNOWN
    if (y == NORMAL).any():
        plain = forest(Z[labelled], y[labelled], seed, trees)
        return (plain, forest(wide[labelled], y[labelled], seed, trees)), probability(plain, Z[~labelled])
    plain = negative_forest(Z, y, seed, trees)
    opinion = np.nan_to_num(plain.oob_decision_function_[~labelled, 1])
    return (plain, negative_forest(wide, y, seed, trees)), opinion


def _predictor(
    Z: np.ndarray, y: np.ndarray, v: np.ndarray, seed: int, trees: int
) -> RandomForestClassifier | None:
    """A forest on labels and pseudo-labels with equal mass; None where they are all of one kind."""
    labelled = y != UNKNOWN
    chosen = np.flatnonzero(~labelled)[v != UNKNOWN]
    target = np.r_[y[labelled], v[v != UNKNOWN]]
    if len(np.unique(target)) < 2:
        return None
    weight = balanced(labelled.sum(), len(chosen)) if labelled.any() else None
    return forest(np.concatenate([Z[labelled], Z[chosen]]), target, seed, trees, weight)
