"""The pseudo-labeller v: K one-class classifiers on disjoint subsets, and their unanimous votes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipelines.spade.gaussian import GaussianDensity
from pipelines.spade.labels import ANOMALY, NORMAL, UNKNOWN
from pipelines.spade.matching import FEWEST_LABELS, Matching, Tail, otsu, partial_matching, percentile


@dataclass(frozen=True)
class Caps:
    """How far the thresholds may reach; the paper has no caps (1 and 1)."""

    anomalies: float = 1.0
    """Largest share of the unlabelled rows above eta_p."""
    normals: float = 1.0
    """Largest share of the unlabelled rows below eta_n."""
    apart: bool = False
    """Whether eta_n stays below eta_p; else rows between a crossed pair get no pseudo-label."""
    few: float = 0.05
    """Share above eta_p where one or two labelled anomalies are too few to match."""


@dataclass(frozen=True)
class Ensemble:
    """K fitted one-class classifiers with their thresholds."""

    classifiers: tuple[GaussianDensity, ...]
    subsets: tuple[np.ndarray, ...]
    """Row numbers into the unlabelled rows, one disjoint subset per classifier."""
    high: tuple[Matching, ...]
    """eta_k^p per classifier (Equation 3)."""
    low: tuple[Matching, ...]
    """eta_k^n per classifier (Equation 4)."""
    transform: Callable[[np.ndarray], np.ndarray]
    """Monotone change of scale of the scores before they are matched."""

    def scores(self, H: np.ndarray) -> np.ndarray:
        """o_k(H) per classifier, float [K, n]."""
        return np.stack([self.transform(classifier.score(H)) for classifier in self.classifiers])

    def votes(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """int [n] each: how many of the K find the row anomalous, and how many normal."""
        high = np.array([matching.eta for matching in self.high])[:, None]
        low = np.array([matching.eta for matching in self.low])[:, None]
        return (scores > high).sum(axis=0), (scores < low).sum(axis=0)

    def pseudo_labels(self, scores: np.ndarray) -> np.ndarray:
        """v in {1, 0, -1}, int8 [n], from scores float [K, n]."""
        return unanimous(*self.votes(scores), len(self.classifiers))


def disjoint_subsets(n: int, K: int, generator: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Random disjoint D_u^1..D_u^K that cover all n unlabelled rows, sizes differing by at most one."""
    return tuple(np.sort(part) for part in np.array_split(generator.permutation(n), K))


def unanimous(anomalous: np.ndarray, normal: np.ndarray, K: int) -> np.ndarray:
    """Equations 1 and 2: 1 where all K vote anomalous, 0 where all K vote normal, otherwise -1."""
    v = np.full(len(anomalous), UNKNOWN, dtype=np.int8)
    v[normal == K] = NORMAL
    v[anomalous == K] = ANOMALY
    v[(anomalous == K) & (normal == K)] = UNKNOWN
    return v


def fit_ensemble(
    Hu: np.ndarray,
    anomalies: np.ndarray,
    normals: np.ndarray,
    subsets: tuple[np.ndarray, ...],
    caps: Caps = Caps(),
    transform: Callable[[np.ndarray], np.ndarray] = np.asarray,
    floor: float = 1e-2,
) -> tuple[Ensemble, np.ndarray]:
    """Fit o_k on labelled normals and D_u^k, and find its thresholds. Labelled anomalies enter no fit.

    Hu: unlabelled rows, float [n, d]; anomalies, normals: labelled rows, float [m, d], either may be empty.
    Returns the ensemble and the unlabelled rows' scores, float [K, n].
    """
    classifiers, high, low, scores = [], [], [], []
    for subset in subsets:
        classifier = GaussianDensity(floor).fit(np.concatenate([normals, Hu[subset]]))
        su = transform(classifier.score(Hu))
        sp, sn = (transform(classifier.score(rows)) for rows in (anomalies, normals))
        eta_p = _threshold(sp, su, "high", caps.anomalies, caps.few)
        ordinary = min(caps.normals, 1 - eta_p.share) if caps.apart else caps.normals
        eta_n = _threshold(sn, su, "low", ordinary, 1 - caps.few)
        classifiers.append(classifier)
        high.append(eta_p)
        low.append(eta_n)
        scores.append(su)
    ensemble = Ensemble(tuple(classifiers), subsets, tuple(high), tuple(low), transform)
    return ensemble, np.stack(scores)


def _threshold(labelled: np.ndarray, scores: np.ndarray, tail: Tail, cap: float, few: float) -> Matching:
    if len(labelled) >= FEWEST_LABELS:
        return partial_matching(labelled, scores, tail, cap)
    if len(labelled):
        return percentile(scores, tail, min(few, cap))
    return otsu(scores, tail, cap)
