"""Did the pseudo-labels help? AUCs with intervals, against the reference detectors on the same rows.

Where a truth column exists, the unlabelled rows are measured against it. Otherwise the labels are held out in
turns: each anomaly type in its turn where several label values mean anomaly, else in three folds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.stats import norm, rankdata
from sklearn.metrics import precision_recall_curve, roc_auc_score, roc_curve

from pipelines.runtime import Progress, in_background
from pipelines.spade.forests import reference_scores
from pipelines.spade.labels import ANOMALY, NORMAL, UNKNOWN
from pipelines.spade.method import Fit, Mode, fit

OURS = "SPADE"
FOLDS = 3
FEWEST = 6
"""Labels of each class without which nothing is held out."""
MOST_CHECKED = 2000
"""Unlabelled rows that a fit of the held-out check uses."""
CHECK_TREES = 0.5
"""Share of the usual number of trees in the forests of that check, SPADE's and the references' alike."""
CURVE_POINTS = 200


@dataclass(frozen=True)
class Measured:
    """One detector's ranking of the checked rows."""

    name: str
    auc: float
    low: float
    high: float
    """95 % interval of the AUC (DeLong)."""
    missed: float | None
    """AUC on anomalies of types that no label names, or None."""
    roc: tuple[np.ndarray, np.ndarray]
    """False and true positive rates."""
    precision_recall: tuple[np.ndarray, np.ndarray]
    """Recall and precision."""


@dataclass(frozen=True)
class Check:
    """SPADE beside the references."""

    how: str
    """On which rows, in words."""
    anomalies: int
    normals: int
    rows: tuple[Measured, ...]
    """SPADE first."""
    gain: float
    """SPADE's AUC less that of the label-only forest (or of the first reference)."""
    gain_low: float
    gain_high: float
    against: str
    truth: np.ndarray
    """int [n] per row of the table: 1, 0, or -1 where it is not part of the check."""

    @property
    def verdict(self) -> str:
        """One plain sentence: did what SPADE adds to the labels, densities and pseudo-labels, help?"""
        name = self.against[0].lower() + self.against[1:]
        numbers = f"AUC {self.rows[0].auc:.3f} against {self.rows[0].auc - self.gain:.3f}"
        if self.gain_low > 0:
            return f"Densities and pseudo-labels helped here: {numbers} of the {name}."
        if self.gain_high < 0:
            return f"Densities and pseudo-labels did not help here: {numbers} of the {name}, the better one."
        if self.gain <= 0.005:
            return f"Densities and pseudo-labels made no clear difference here: {numbers} of the {name}."
        return f"Densities and pseudo-labels helped a little here, or by chance: {numbers} of the {name}."


def placements(truth: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """DeLong's structural components: per anomaly and per normal, the share of the others ranked right."""
    a, b = scores[truth == 1], scores[truth == 0]
    ordered_a, ordered_b = np.sort(a), np.sort(b)
    below = (np.searchsorted(ordered_b, a, "left") + np.searchsorted(ordered_b, a, "right")) / 2 / len(b)
    above = 1 - (np.searchsorted(ordered_a, b, "left") + np.searchsorted(ordered_a, b, "right")) / 2 / len(a)
    return below, above


def interval(above: np.ndarray, below: np.ndarray, centre: float) -> tuple[float, float]:
    """95 % interval around `centre` from structural components or their paired differences."""
    variance = sum(np.var(part, ddof=1) / len(part) for part in (above, below) if len(part) > 1)
    width = norm.ppf(0.975) * np.sqrt(variance)
    return centre - width, centre + width


def measure(
    scores: dict[str, np.ndarray], truth: np.ndarray, how: str, missed: np.ndarray | None = None
) -> Check:
    """Compare detectors by their scores float [n] on rows with truth 1 or 0 (-1: left out).

    scores: SPADE's under OURS first, then the references'. missed: bool [n], anomalies of unlabelled types.
    """
    part = truth >= 0
    y = truth[part]
    rows, components = [], {}
    for name, values in scores.items():
        s = values[part]
        parts = placements(y, s)
        auc = float(parts[0].mean())
        low, high = interval(*parts, auc)
        new = None
        if missed is not None and missed[part].any():
            among = missed[part] | (y == 0)
            new = float(roc_auc_score(y[among], s[among]))
        roc = roc_curve(y, s)[:2]
        precision, recall, _ = precision_recall_curve(y, s)
        rows.append(
            Measured(name, auc, max(0.0, low), min(1.0, high), new, _thin(*roc), _thin(recall, precision))
        )
        components[name] = parts
    ours, other = components[OURS], components[rows[1].name]
    gain = rows[0].auc - rows[1].auc
    low, high = interval(ours[0] - other[0], ours[1] - other[1], gain)
    return Check(
        how, int((y == 1).sum()), int((y == 0).sum()), tuple(rows), gain, low, high, rows[1].name, truth
    )  # fmt: skip


def _thin(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """At most CURVE_POINTS points of a curve, its ends among them."""
    if len(x) <= CURVE_POINTS:
        return x, y
    keep = np.unique(np.linspace(0, len(x) - 1, CURVE_POINTS).astype(int))
    return x[keep], y[keep]


def held_out(
    X: np.ndarray, y: np.ndarray, types: np.ndarray, mode: Mode, seed: int
) -> Iterator[Progress | Check | None]:
    """Hold labels out in turns. types: the label value of each row, str [n].

    Yields Progress, finally a Check, or None where there are too few labels of a class to hold any out.
    """
    generator = np.random.default_rng(seed)
    positive, normal = np.flatnonzero(y == ANOMALY), np.flatnonzero(y == NORMAL)
    unlabelled = np.flatnonzero(y == UNKNOWN)
    if min(len(positive), len(normal)) < FEWEST:
        yield None
        return
    names, counts = np.unique(types[positive], return_counts=True)
    by_type = len(names) > 1 and counts.min() >= 3 and len(names) <= 6
    folds = len(names) if by_type else FOLDS
    fold = np.full(len(X), -1)
    fold[normal] = generator.permutation(len(normal)) % folds
    if by_type:
        fold[positive] = np.searchsorted(names, types[positive])
    else:
        fold[positive] = generator.permutation(len(positive)) % folds
    if len(unlabelled) > MOST_CHECKED:
        unlabelled = np.sort(generator.choice(unlabelled, MOST_CHECKED, replace=False))
    scores: dict[str, np.ndarray] = {}
    truth = np.full(len(X), -1)
    for i in range(folds):
        tested = np.flatnonzero(fold == i)
        kept = np.sort(np.concatenate([np.flatnonzero((fold >= 0) & (fold != i)), unlabelled]))
        result = None
        turn = Progress(i, folds, "checking with held-out labels")
        for report in fit(X[kept], y[kept], mode, seed, CHECK_TREES):
            if isinstance(report, Fit):
                result = report
            else:
                yield turn
        whiten = result.detector.whitening.transform
        Zk, Zt, known = whiten(X[kept]), whiten(X[tested]), result.label_forest
        work = partial(reference_scores, Zk, y[kept], Zt, seed, known)
        references = yield from in_background(work, turn)
        part = {OURS: result.score(X[tested]), **references}
        for name, values in part.items():
            scores.setdefault(name, np.zeros(len(X)))[tested] = rankdata(values) / len(values)
        truth[tested] = y[tested]
    what = (
        "each labelled anomaly type held out in its turn" if by_type else f"labels held out in {folds} turns"
    )
    yield measure(scores, truth, what)
