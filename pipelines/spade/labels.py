"""The label column: found by name or values, and its values mapped to anomaly, normal and unlabelled."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipelines.errors import InputError

ANOMALY, NORMAL, UNKNOWN = 1, 0, -1
WORDS = {ANOMALY: "anomaly", NORMAL: "normal", UNKNOWN: ""}
"""y: what a row is labelled."""

FIELD = "Labels"
NAMES = (
    "label", "labels", "y", "anomaly", "is_anomaly", "outlier", "is_outlier", "fraud", "is_fraud", "class",
    "target", "defect", "status", "anomalie", "klasse", "befund", "etiqueta", "标签",
)  # fmt: skip
TRUTH_NAMES = ("truth", "ground_truth", "true_label")
ANOMALY_WORDS = {
    "1", "true", "yes", "y", "anomaly", "anomalous", "anomalies", "abnormal", "outlier", "fraud", "attack",
    "defect", "defective", "bad", "positive", "pos", "malignant", "fail", "failed", "ng", "error", "faulty",
    "anomalie", "defekt", "fehler", "fehlerhaft", "schlecht", "ausschuss", "nio", "betrug", "ja", "défaut",
    "mauvais", "fraude", "oui", "anomalía", "defecto", "malo", "sí", "异常",
}  # fmt: skip
NORMAL_WORDS = {
    "0",
    "false",
    "no",
    "n",
    "normal",
    "ok",
    "good",
    "inlier",
    "benign",
    "negative",
    "neg",
    "pass",
    "passed",
    "fine",
    "healthy",
    "gut",
    "io",
    "fehlerfrei",
    "nein",
    "bon",
    "non",
    "bueno",
    "correcto",
    "正常",
}
ANY_COLUMN = {"1", "0", "true", "false", "yes", "no", "y", "n", "ja", "nein", "oui", "non", "sí"}
"""Label words that other columns hold as well."""  # fmt: skip
BLANK_WORDS = {
    "", "na", "n/a", "nan", "null", "none", "?", "-", "unknown", "unlabelled", "unlabeled", "missing",
    "未标注",
}  # fmt: skip
BLANK = "(blank)"
"""How a blank cell is shown among a label column's values."""
MOST_VALUES = 20


@dataclass(frozen=True)
class Mapping:
    """What the values of a label column mean; values in neither list are unlabelled."""

    column: str | None
    """None: the table has no labels."""
    anomaly: tuple[str, ...] = ()
    normal: tuple[str, ...] = ()
    unlabelled: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()
    """Values that only the visitor can tell."""
    note: str = ""


def values_of(cells: pd.Series) -> pd.Series:
    """A label column's cells as they are compared: "1.0" is "1", blank is BLANK."""
    plain = cells.str.replace(r"^([-+]?\d+)\.0+$", r"\1", regex=True)
    return plain.where(plain != "", BLANK)


def find_label_column(frame: pd.DataFrame) -> str | None:
    """The column that looks like labels: by its name; the last one if all its values are label words; or any
    whose values say normal or anomaly in plain words."""
    lowered = {str(name).lower(): name for name in reversed(list(frame.columns))}
    for name in NAMES:
        if name in lowered and frame[lowered[name]].nunique() <= MOST_VALUES:
            return lowered[name]
    last = frame.columns[-1]
    values = {value.lower() for value in values_of(frame[last]).unique()}
    words, blank = ANOMALY_WORDS | NORMAL_WORDS, BLANK_WORDS | {"-1", BLANK}
    if 2 <= len(values) <= 4 and values <= words | blank:
        return last
    for name in few_valued(frame):
        said = {value.lower() for value in values_of(frame[name]).unique()} - blank
        if said and said <= words - ANY_COLUMN and name.lower() not in TRUTH_NAMES:
            return name
    return None


def few_valued(frame: pd.DataFrame) -> list[str]:
    """Columns of two to four values, blank ones counted: they might be labels."""
    return [str(name) for name in frame.columns if 2 <= frame[name].nunique() <= 4]


def might_hold_labels(frame: pd.DataFrame) -> str | None:
    """A column of few values that is blank in most rows: so do labels look in a partly labelled table."""
    return next((name for name in few_valued(frame) if (values_of(frame[name]) == BLANK).mean() > 0.5), None)


def find_truth_column(frame: pd.DataFrame) -> str | None:
    """A column called truth: it is never fitted, only compared with."""
    return next((name for name in frame.columns if str(name).lower() in TRUTH_NAMES), None)


def guess_mapping(frame: pd.DataFrame, column: str | None) -> Mapping:
    """What the values of `column` most likely mean. Raises InputError if it holds no labels at all."""
    if column is None:
        return Mapping(None, note=_no_labels(might_hold_labels(frame)))
    if column not in frame.columns:
        raise InputError(f"There is no column {column!r}.", "Choose one of the table's columns.", FIELD)
    values = sorted(values_of(frame[column]).unique())
    if len(values) > MOST_VALUES:
        raise InputError(
            f"The column {column!r} has {len(values):,} different values; labels have a few.",
            "Choose another label column, or none.",
            FIELD,
        )
    groups: dict[str, list[str]] = {"anomaly": [], "normal": [], "unlabelled": [], "undecided": []}
    for value in values:
        groups[_meaning(value, set(values))].append(value)
    note = ""
    if "-1" in groups["undecided"]:
        note = "Some tools write -1 for anomalies, others for unlabelled rows: say what it means here."
    elif groups["undecided"]:
        note = f"Say what {', '.join(map(repr, groups['undecided'][:4]))} means."
    elif "-1" in groups["unlabelled"]:
        note = "-1 is read as unlabelled."
    return Mapping(column, *(tuple(groups[key]) for key in groups), note)


def _no_labels(candidate: str | None) -> str:
    note = "No label column was found: every row counts as unlabelled."
    return f"{note} If {candidate!r} holds labels, choose it above." if candidate else note


def _meaning(value: str, values: set[str]) -> str:
    if value == "-1":
        return "unlabelled" if "0" in values else "undecided"
    if value == "1" and "-1" in values and "0" not in values:
        return "undecided"
    return guess_value(value)


def guess_value(value: str) -> str:
    """What a word means by itself: "anomaly", "normal", "unlabelled" or "undecided"."""
    word = value.lower()
    if value == BLANK or word in BLANK_WORDS:
        return "unlabelled"
    first = re.split(r"[\s:_-]", word)[0]
    if word in ANOMALY_WORDS or first in ANOMALY_WORDS:
        return "anomaly"
    if word in NORMAL_WORDS or first in NORMAL_WORDS:
        return "normal"
    return "undecided"


def labels_of(frame: pd.DataFrame, mapping: Mapping) -> np.ndarray:
    """y int [n] in {1, 0, -1}. Raises InputError where values are undecided or contradict each other."""
    if mapping.column is None:
        return np.full(len(frame), UNKNOWN)
    if mapping.undecided:
        raise InputError(
            f"What do {', '.join(map(repr, mapping.undecided[:4]))} in {mapping.column!r} mean?",
            mapping.note or "Put each value under anomaly, normal or unlabelled.",
            FIELD,
        )
    both = set(mapping.anomaly) & set(mapping.normal)
    if both:
        raise InputError(
            f"{min(both)!r} is put under anomaly and under normal.", "Keep it under one of them.", FIELD
        )
    values = values_of(frame[mapping.column])
    there = values.unique()
    absent = [value for value in (*mapping.anomaly, *mapping.normal) if value not in there]
    if absent:
        raise InputError(
            f"{mapping.column!r} holds no value {absent[0]!r}.",
            f"It holds {', '.join(map(repr, sorted(there)[:6]))}.",
            FIELD,
        )
    y = np.full(len(frame), UNKNOWN)
    y[values.isin(mapping.anomaly).to_numpy()] = ANOMALY
    y[values.isin(mapping.normal).to_numpy()] = NORMAL
    return y


def chosen(column: str | None, anomaly: Sequence[str], normal: Sequence[str], guess: Mapping) -> Mapping:
    """The visitor's mapping over the guess: what they put under neither is unlabelled.

    Values that the guess left undecided stay so until the visitor has filled one of the two lists.
    """
    if column is None:
        return Mapping(None)
    undecided = () if anomaly or normal else guess.undecided
    return Mapping(column, tuple(anomaly), tuple(normal), (), undecided, guess.note)


def oddities(X: np.ndarray, y: np.ndarray, owner: np.ndarray, names: Sequence[str]) -> list[str]:
    """Warnings: a column that gives the labels away, equal rows with contrary labels, few labels."""
    notes = []
    positive, normal = y == ANOMALY, y == NORMAL
    if positive.sum() >= 10 and normal.sum() >= 10:
        from sklearn.metrics import roc_auc_score

        labelled = positive | normal
        for j in range(X.shape[1]):
            auc = roc_auc_score(y[labelled], X[labelled, j])
            if max(auc, 1 - auc) > 0.99:
                notes.append(
                    f"The column {names[owner[j]]!r} alone tells the labels apart: is it a copy of them?"
                )
                break
    if positive.any() and normal.any():
        rows = {row.tobytes() for row in X[positive]}
        contrary = sum(row.tobytes() in rows for row in X[normal])
        if contrary:
            notes.append(f"{contrary:,} rows labelled normal equal rows labelled anomaly.")
    if 0 < positive.sum() < 10:
        notes.append(
            f"Only {positive.sum()} labelled anomalies: thresholds and figures are uncertain; label "
            "ten or more."
        )
    if positive.sum() > normal.sum() > 0:
        notes.append("More anomalies than normals are labelled: an anomaly detector expects them to be rare.")
    return notes
