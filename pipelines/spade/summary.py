"""What the page shows of a result: plain arrays and words, small enough for JSON."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

TOP_REASONS = 3
MOST_BINNED = 20_000


@dataclass(frozen=True)
class Reason:
    """One column's part in a row's oddness."""

    column: str
    value: str
    usual: str
    """The column's median among normal rows; "" for what is no number."""
    density: float
    """Its exact share of the row's Gaussian score, in [.., 1]; a column can also speak for a row."""
    occlusion: float
    """Its share of the score's fall when columns are put to their usual values, one at a time, in [0, 1]."""


@dataclass(frozen=True)
class Curves:
    """One detector in the comparison."""

    name: str
    auc: float
    low: float
    high: float
    missed: float | None
    roc: np.ndarray
    """float [2, m]: false and true positive rates."""
    precision_recall: np.ndarray
    """float [2, m]: recall and precision."""


@dataclass(frozen=True)
class Threshold:
    """One side of the pseudo-labeller, averaged over its classifiers."""

    eta: float
    share: float
    how: str
    shares: np.ndarray
    distances: np.ndarray


@dataclass(frozen=True)
class Summary:
    """A result as shown: see Outcome in analysis.py for the meaning of the arrays."""

    name: str
    thing: str
    """What a row is called: "row" or "picture"."""
    mode: str
    labels: str
    seed: int
    seconds: float
    y: np.ndarray
    percentile: np.ndarray
    order: np.ndarray
    truth: np.ndarray
    """int [n], 1 or 0 where a truth is known for an unlabelled row, else -1; empty if none is."""
    missed: np.ndarray
    pseudo: np.ndarray
    votes: np.ndarray
    found_by: np.ndarray
    density: np.ndarray
    """Mean o_k of the fitted unlabelled rows, then of nothing: float [m], on a log scale."""
    density_labelled: np.ndarray
    """Mean o_k of the labelled rows, float [labelled]."""
    high: Threshold | None
    low: Threshold | None
    share: float
    share_why: str
    map_rows: np.ndarray
    map: np.ndarray
    top: np.ndarray
    """The rows to show, the oddest first, int [top]."""
    top_truth: tuple[str, ...]
    """What the truth column says of each of them; empty without one."""
    reasons: tuple[tuple[Reason, ...], ...]
    """Per top row; empty for pictures."""
    columns: tuple[tuple[str, str, str], ...]
    """Name, kind and note of each column."""
    notes: tuple[str, ...]
    trust: tuple[float, float, float] | None
    """How the densities rank labelled anomalies, agreement with the labels' forest, weight."""
    check_how: str
    verdict: str
    curves: tuple[Curves, ...]
    rows: tuple[str, ...] = ()
    """Names of all rows where they are no numbers (pictures)."""

    def to_json(self) -> dict[str, Any]:
        """A dict of JSON types; arrays are rounded to what a plot shows."""
        return _plain(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Summary:
        """The inverse of `to_json`."""
        whole = {"y", "order", "top", "truth", "pseudo", "votes", "map_rows"}
        fields = dict(data)
        for key in whole:
            fields[key] = np.array(data[key], dtype=int)
        for key in ("percentile", "density", "density_labelled", "map"):
            fields[key] = np.array(data[key], dtype=float)
        fields["missed"] = np.array(data["missed"], dtype=bool)
        fields["found_by"] = np.array(data["found_by"], dtype=str)
        for key in ("high", "low"):
            part = data[key]
            fields[key] = part and Threshold(
                part["eta"], part["share"], part["how"], np.array(part["shares"]), np.array(part["distances"])
            )
        fields["reasons"] = tuple(tuple(Reason(**reason) for reason in row) for row in data["reasons"])
        fields["columns"] = tuple(tuple(column) for column in data["columns"])
        for key in ("notes", "rows", "top_truth"):
            fields[key] = tuple(data[key])
        fields["trust"] = tuple(data["trust"]) if data["trust"] else None
        fields["curves"] = tuple(
            Curves(
                **{**row, "roc": np.array(row["roc"]), "precision_recall": np.array(row["precision_recall"])}
            )
            for row in data["curves"]
        )
        return cls(**fields)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, np.ndarray):
        if value.dtype.kind == "f":
            return np.round(value, 4).tolist()
        return value.astype(int).tolist() if value.dtype.kind == "b" else value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float | np.floating):
        return round(float(value), 4)
    return value.item() if isinstance(value, np.generic) else value


def summarise(report: Any) -> Summary:
    """The summary of a TableReport or a PicturesReport."""
    outcome = report.outcome
    found = outcome.fit
    n = len(outcome.y)
    labelled = outcome.y != -1
    density_labelled = np.zeros(0)
    if found.ensemble is not None and labelled.any():
        density_labelled = found.ensemble_scores(report.features.X[labelled]).mean(axis=0)
    trust = found.trust
    check = outcome.check
    return Summary(
        name=report.name,
        thing=report.thing,
        mode=found.mode,
        labels=found.labels,
        seed=outcome.seed,
        seconds=outcome.seconds,
        y=outcome.y,
        percentile=outcome.percentile,
        order=outcome.order,
        truth=outcome.truth if outcome.truth is not None else np.zeros(0, dtype=int),
        missed=outcome.missed if outcome.missed is not None else np.zeros(n, dtype=bool),
        pseudo=outcome.pseudo_labels,
        votes=outcome.votes,
        found_by=outcome.found_by,
        density=found.densities.mean(axis=0)[:MOST_BINNED],
        density_labelled=density_labelled,
        high=_threshold(found.ensemble.high) if found.ensemble else None,
        low=_threshold(found.ensemble.low) if found.ensemble else None,
        share=outcome.share,
        share_why=outcome.share_why,
        map_rows=outcome.map_rows,
        map=outcome.map,
        top=report.top,
        top_truth=report.top_truth,
        reasons=report.top_reasons(TOP_REASONS),
        columns=report.column_facts,
        notes=outcome.notes,
        trust=(trust.ranks_labelled, trust.agreement, trust.weight) if trust else None,
        check_how=f"{check.how}: {check.anomalies:,} anomalies, {check.normals:,} normals" if check else "",
        verdict=check.verdict if check else _no_verdict(found.labels, int((outcome.y == 1).sum())),
        curves=tuple(
            Curves(
                row.name,
                row.auc,
                row.low,
                row.high,
                row.missed,
                np.stack(row.roc),
                np.stack(row.precision_recall),
            )
            for row in (check.rows if check else ())
        ),
        rows=report.row_names,
    )


def _threshold(matchings: tuple[Any, ...]) -> Threshold:
    how = matchings[0].how
    return Threshold(
        eta=float(np.mean([matching.eta for matching in matchings])),
        share=float(np.mean([matching.share for matching in matchings])),
        how=how,
        shares=matchings[0].shares if how == "matching" else np.zeros(0),
        distances=_mean_curve(matchings) if how == "matching" else np.zeros(0),
    )


def _mean_curve(matchings: tuple[Any, ...]) -> np.ndarray:
    """W over the first classifier's candidate shares, averaged over the classifiers."""
    shares = matchings[0].shares
    return np.mean([np.interp(shares, one.shares, one.distances) for one in matchings], axis=0)


def _no_verdict(labels: str, anomalies: int) -> str:
    """Why nothing could be compared, in one sentence."""
    return {
        "both": f"With {anomalies} labelled anomalies none can be held out, so nobody can say here whether "
        "pseudo-labels helped; label at least six of each class, or add a truth column.",
        "positive": "Without labelled normals nothing can be held out; a truth column would tell whether "
        "pseudo-labels helped.",
        "normal": "Without labelled anomalies nothing can be compared; a truth column would help.",
        "none": "Without labels this is plain density-based anomaly detection: nothing to compare.",
        "all": "Every row has a label, so no pseudo-labels were used: this is a plain forest on the labels.",
    }[labels]
