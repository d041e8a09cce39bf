"""The paper's scenarios on data with known classes: what is labelled, what is not, what is only tested.

Tables have a fixed training and test part; a seed draws the labelled rows (and, for "validation", a fold
inside the training part: choice.py works there).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

TEST_SPLIT = 2212
"""Seed of the fixed halves; the year and month of the paper."""


@dataclass(frozen=True)
class Classes:
    """Which classes of a table are normal, which anomalies get labels, which nobody labels."""

    normal: tuple[int, ...]
    given: tuple[int, ...]
    missed: tuple[int, ...] = ()


DIGITS = Classes((0, 1, 2, 3, 4, 5), (6, 7), (8, 9))
COVERTYPE = Classes((1, 2), (3, 4, 5), (6, 7))
THYROID = Classes((3,), (1,), (2,))
BINARY = Classes((0,), (1,))


@dataclass(frozen=True)
class Source:
    """A table with classes: X float [n, d], classes int [n], and which rows are for testing, bool [n]."""

    X: np.ndarray
    classes: np.ndarray
    test: np.ndarray
    kinds: Classes


@dataclass(frozen=True)
class Split:
    """One task: rows to fit with labels y in {1, 0, -1}, and rows to test with their classes."""

    X: np.ndarray
    y: np.ndarray
    truth: np.ndarray
    """int [n], 1 = anomaly: what the labels would be if all were given."""
    X_test: np.ndarray
    classes_test: np.ndarray
    kinds: Classes

    def auc(self, scores: np.ndarray) -> dict[str, float]:
        """AUC of test scores: overall, on given types, on missed types (each against all normals)."""
        normal = np.isin(self.classes_test, self.kinds.normal)
        parts = {"overall": ~normal, "given": np.isin(self.classes_test, self.kinds.given)}
        if self.kinds.missed:
            parts["missed"] = np.isin(self.classes_test, self.kinds.missed)
        return {
            name: float(roc_auc_score(part[normal | part], scores[normal | part]))
            for name, part in parts.items()
        }


def digits() -> Source:
    """scikit-learn's bundled 8 x 8 digits: 0 to 5 normal; 6 and 7 given, 8 and 9 missed, 15 % together."""
    X, y = load_digits(return_X_y=True)
    generator = np.random.default_rng(TEST_SPLIT)
    normal = np.isin(y, DIGITS.normal)
    odd = generator.permutation(np.flatnonzero(~normal))[: round(0.15 / 0.85 * normal.sum())]
    rows = generator.permutation(np.concatenate([np.flatnonzero(normal), odd]))
    return _halved(X[rows], y[rows], DIGITS)


def covertype(folder: Path) -> Source:
    """Covertype with the paper's class shares, 8,049 rows; a fixed half is for testing."""
    data = np.load(folder / "covertype_natural_8k.npz")
    return _halved(data["X"].astype(float), data["y"].astype(int), COVERTYPE)


def thyroid(folder: Path) -> Source:
    """UCI's ann-thyroid with its own training and test part."""
    data = np.load(folder / "thyroid_ann.npz")
    X = np.concatenate([data["X_train"], data["X_test"]]).astype(float)
    y = np.concatenate([data["y_train"], data["y_test"]]).astype(int)
    return Source(X, y, np.arange(len(X)) >= len(data["X_train"]), THYROID)


def adbench(folder: Path) -> Iterator[tuple[str, Source]]:
    """The binary tables of ADBench in the folder, halved; at most 10,000 rows each."""
    for path in sorted(folder.glob("adbench_*.npz"), key=lambda path: path.stem.split("_", 2)[2].lower()):
        data = np.load(path)
        X, y = data["X"].astype(float), data["y"].astype(int)
        if len(X) > 10_000:
            rows, _ = train_test_split(
                np.arange(len(X)), train_size=10_000, stratify=y, random_state=TEST_SPLIT
            )
            X, y = X[rows], y[rows]
        yield path.stem.split("_", 2)[2], _halved(X, y, BINARY)


def _halved(X: np.ndarray, classes: np.ndarray, kinds: Classes) -> Source:
    test = np.zeros(len(X), dtype=bool)
    _, rows = train_test_split(np.arange(len(X)), test_size=0.5, stratify=classes, random_state=TEST_SPLIT)
    test[rows] = True
    return Source(X, classes, test, kinds)


def split(
    source: Source, seed: int, scenario: str = "new types", share: float = 0.05, validation: bool = False
) -> Split:
    """Draw the labels of one task.

    scenario: "new types" (a share of normals and given types is labelled), "positive" (half of the given
    types, no normals), "normal" (a share of the normals only), "easy" (those that a logistic regression on
    all labels finds surest).
    """
    X, classes = source.X[~source.test], source.classes[~source.test]
    X_test, classes_test = source.X[source.test], source.classes[source.test]
    if validation:
        X, X_test, classes, classes_test = train_test_split(
            X, classes, test_size=0.4, stratify=classes, random_state=10_000 + seed
        )
    generator = np.random.default_rng(1000 + seed)
    truth = (~np.isin(classes, source.kinds.normal)).astype(int)
    groups = {0: truth == 0, 1: np.isin(classes, source.kinds.given)}
    y = np.full(len(X), -1)
    if scenario == "easy":
        sure = _confidence(X, truth)
        for label in (0, 1):
            rows = np.flatnonzero(truth == label)
            best = rows[np.argsort(-sure[rows, label], kind="stable")]
            y[best[: max(3, round(0.1 * len(rows)))]] = label
    else:
        shares = {"new types": {0: share, 1: share}, "positive": {1: 0.5}, "normal": {0: share}}[scenario]
        for label, part in shares.items():
            rows = np.flatnonzero(groups[label])
            y[generator.choice(rows, max(3, round(part * len(rows))), replace=False)] = label
    return Split(X, y, truth, X_test, classes_test, source.kinds)


def _confidence(X: np.ndarray, truth: np.ndarray) -> np.ndarray:
    model = LogisticRegression(max_iter=500, C=10).fit(StandardScaler().fit_transform(X), truth)
    return model.predict_proba(StandardScaler().fit_transform(X))


TILES = Classes((0,), (1, 3, 5), (2, 4))
"""Magnetic tiles: free of defects; odd types given (blowhole, break, uneven), even missed (crack, fray)."""


@dataclass(frozen=True)
class Pictures:
    """Pictures with classes: images uint8 [n, 128, 128], masks bool of the same shape, classes int [n]."""

    images: np.ndarray
    masks: np.ndarray
    classes: np.ndarray
    test: np.ndarray
    kinds: Classes


def tiles(folder: Path) -> Pictures:
    """The magnetic tile data, 1,344 pictures; a fixed fifth is for testing, as in the paper."""
    data = np.load(folder / "magnetic_tile_128.npz")
    classes = data["y"].astype(int)
    masks = np.unpackbits(data["masks_packed"], axis=1).reshape(-1, 128, 128).astype(bool)
    _, rows = train_test_split(
        np.arange(len(classes)), test_size=0.2, stratify=classes, random_state=TEST_SPLIT
    )
    test = np.zeros(len(classes), dtype=bool)
    test[rows] = True
    return Pictures(data["images"], masks, classes, test, TILES)
