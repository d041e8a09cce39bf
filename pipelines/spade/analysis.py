"""A table or a set of pictures from labels to result: fit, score, compare, explain, map."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import pandas as pd

from pipelines.errors import InputError
from pipelines.runtime import Progress, in_background
from pipelines.spade.check import OURS, Check, held_out, measure
from pipelines.spade.columns import ColumnEncoder, Features
from pipelines.spade.explain import Reasons, explain
from pipelines.spade.forests import reference_scores
from pipelines.spade.labels import (
    ANOMALY,
    UNKNOWN,
    Mapping,
    find_label_column,
    find_truth_column,
    guess_mapping,
    labels_of,
    oddities,
    values_of,
)
from pipelines.spade.layout import principal, sample
from pipelines.spade.method import Fit, Mode, fit
from pipelines.spade.summary import Reason, Summary, summarise
from pipelines.spade.table import Table

FEWEST_ROWS = 12
EXPLAINED = 30
"""Top rows that get reasons: unlabelled ones, for the others are known already."""
SCORED_AT_ONCE = 40_000
"""Between two chunks of rows a stop is noticed."""
WIDEST_SHARE = 0.25
LITTLE_TRUST = 0.75
"""Of Trust.weight: half its most."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What was found about n rows, whatever they are."""

    y: np.ndarray
    """Labels, int [n] in {1, 0, -1}."""
    fit: Fit
    scores: np.ndarray
    """Raw anomaly score, float [n]."""
    reference: np.ndarray
    """Sorted raw scores that percentiles refer to: the unlabelled rows' (all rows' if none is unlabelled)."""
    share: float
    """Share of the rows that is flagged at first."""
    share_why: str
    found_by: np.ndarray
    """Per row: what finds it odd by itself, str [n] in "labels", "density", "both", "together"."""
    check: Check | None
    truth: np.ndarray | None
    """int [n]: 1 or 0 where an unlabelled row's truth is known, else -1; None without a truth column."""
    missed: np.ndarray | None
    """bool [n]: anomalies of a type that no label names; None without a truth column."""
    map_rows: np.ndarray
    map: np.ndarray
    """First two principal components of whitened rows, float [len(map_rows), 2]."""
    notes: tuple[str, ...]
    seed: int
    seconds: float

    @property
    def percentile(self) -> np.ndarray:
        """Share of the reference rows that score lower, in percent, float [n]."""
        return percentile(self.scores, self.reference)

    @property
    def rank(self) -> np.ndarray:
        """1 = the oddest row, int [n]; equal scores keep the table's order."""
        order = np.argsort(-self.scores, kind="stable")
        rank = np.empty(len(order), dtype=int)
        rank[order] = np.arange(1, len(order) + 1)
        return rank

    @property
    def order(self) -> np.ndarray:
        """Row numbers, the oddest first."""
        return np.argsort(-self.scores, kind="stable")

    @property
    def pseudo_labels(self) -> np.ndarray:
        """v per row, int8 [n]; -1 too where a row is labelled or was not part of the fit."""
        v = np.full(len(self.y), UNKNOWN, dtype=np.int8)
        v[self.fit.fitted] = self.fit.v
        return v

    @property
    def votes(self) -> np.ndarray:
        """int [2, n]: votes for anomalous and for normal; -1 where a row was not put to the vote."""
        votes = np.full((2, len(self.y)), -1)
        votes[:, self.fit.fitted] = self.fit.votes
        return votes


@dataclass(frozen=True, eq=False)
class TableReport:
    """The result for a table."""

    table: Table
    encoder: ColumnEncoder
    features: Features
    mapping: Mapping
    truth_column: str | None
    outcome: Outcome
    reasons: Reasons
    thing: str = "row"
    row_names: tuple[str, ...] = ()

    @cached_property
    def summary(self) -> Summary:
        """What the page shows of it."""
        return summarise(self)

    @property
    def original(self) -> pd.DataFrame:
        """The table's cells, as text."""
        return self.table.frame

    @property
    def top(self) -> np.ndarray:
        """The rows that have reasons, the oddest first."""
        return self.reasons.rows

    @property
    def top_truth(self) -> tuple[str, ...]:
        """What the truth column says of each of them; empty without one."""
        return tuple(self.table.frame[self.truth_column].iloc[self.top]) if self.truth_column else ()

    @property
    def name(self) -> str:
        return self.table.name

    @property
    def column_facts(self) -> tuple[tuple[str, str, str], ...]:
        """Name, kind and note of each column."""
        return tuple((column.name, column.kind, column.note) for column in self.encoder.columns)

    def top_reasons(self, count: int) -> tuple[tuple[Reason, ...], ...]:
        """Per explained row its `count` foremost columns: by their part in the density and by occlusion."""
        reasons = self.reasons
        density = reasons.density / np.maximum(reasons.score, 1e-12)[:, None]
        fall = np.maximum(reasons.occlusion, 0)
        occlusion = fall / np.maximum(fall.sum(axis=1), 1e-12)[:, None]
        rows = []
        for i, row in enumerate(reasons.rows):
            best = np.argsort(-(density[i] + occlusion[i]), kind="stable")[:count]
            rows.append(
                tuple(
                    Reason(
                        self.features.names[j],
                        self.table.frame.iat[row, self.table.frame.columns.get_loc(self.features.names[j])],
                        self._usual(j),
                        float(density[i, j]),
                        float(occlusion[i, j]),
                    )
                    for j in best
                )
            )
        return tuple(rows)

    def _usual(self, j: int) -> str:
        """The usual value of column j if it is a number, else ""."""
        if self.encoder.used[j].kind != "number":
            return ""
        return f"{self.reasons.usual[np.flatnonzero(self.features.owner == j)[0]]:.4g}"


def percentile(scores: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Share of the sorted reference scores below each score, in percent; ties count half."""
    below = np.searchsorted(reference, scores, "left") + np.searchsorted(reference, scores, "right")
    return 50.0 * below / len(reference)


def score_in_chunks(detector: object, X: np.ndarray) -> Iterator[Progress | np.ndarray]:
    """Scores of many rows, float [n], in chunks that bound the memory; yields Progress between them."""
    parts = []
    for start in range(0, len(X), SCORED_AT_ONCE):
        report = Progress(start, len(X), "scoring rows")
        chunk = X[start : start + SCORED_AT_ONCE]
        parts.append((yield from in_background(partial(detector.score, chunk), report)))
    yield np.concatenate(parts) if parts else np.zeros(0)


def analyse(
    table: Table,
    mapping: Mapping | None = None,
    truth_column: str | None = None,
    mode: Mode = "robust",
    seed: int = 0,
    check: bool = True,
) -> Iterator[Progress | TableReport]:
    """Find the anomalies of a table. mapping: what the label column's values mean (guessed if None).

    truth_column: a column with every row's true label, never fitted, only compared with (None: one called
    truth, "": none). check: without a truth, hold labels out to see whether pseudo-labels help. Yields
    Progress, finally a TableReport. Raises InputError.
    """
    yield Progress(0, 1, "reading the columns")
    frame = table.frame
    if mapping is None:
        mapping = guess_mapping(frame, find_label_column(frame))
    if len(frame) < FEWEST_ROWS:
        raise InputError(
            f"The table has {len(frame)} row{'s' * (len(frame) != 1)}; at least {FEWEST_ROWS} are needed.",
            "Add rows.",
            "Table",
        )
    truth_column = find_truth_column(frame) if truth_column is None else truth_column or None
    if truth_column is not None and truth_column not in frame.columns:
        raise InputError(
            f"There is no column {truth_column!r}.", "Choose one of the table's columns.", "Truth"
        )
    y = labels_of(frame, mapping)
    left = [column for column in (mapping.column, truth_column) if column]
    encoder = ColumnEncoder()
    features = yield from in_background(
        lambda: encoder.fit(frame, left).transform(frame), Progress(0, 1, "reading the columns")
    )
    notes = [*table.notes, *encoder.notes]
    if mapping.note and not mapping.undecided:
        notes.append(mapping.note)
    notes += oddities(features.X, y, features.owner, features.names)
    truth = missed = None
    if truth_column:
        truth, missed = _truth(frame, mapping, truth_column, y)
    types = values_of(frame[mapping.column]).to_numpy(str) if mapping.column else np.full(len(frame), "")
    for report in outcome(features.X, y, mode, seed, notes, truth, missed, types if check else None):
        if isinstance(report, Progress):
            yield report
        else:
            result = report
    unlabelled = result.order[y[result.order] == UNKNOWN]
    rows = (unlabelled if len(unlabelled) else result.order)[:EXPLAINED]
    reasons = yield from in_background(
        lambda: explain(result.fit.detector, features.X, y, features.owner, rows),
        Progress(9, 10, "reasons for the top rows"),
    )
    yield TableReport(table, encoder, features, mapping, truth_column, result, reasons)


def _truth(
    frame: object, mapping: Mapping, truth_column: str, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """truth int [n] of unlabelled rows (-1 for others), and which are of a type without labels."""
    guess = guess_mapping(frame, truth_column)
    if guess.undecided:
        raise InputError(
            f"What does {guess.undecided[0]!r} in {truth_column!r} mean?",
            "Use values such as normal and anomaly; a type may follow, as in 'anomaly scratch'.",
            "Truth",
        )
    full = labels_of(frame, guess)
    values = values_of(frame[truth_column]).to_numpy(str)
    given = set(values[y == ANOMALY])
    truth = np.where(y == UNKNOWN, full, -1)
    return truth, (truth == 1) & ~np.isin(values, list(given))


def outcome(
    X: np.ndarray,
    y: np.ndarray,
    mode: Mode,
    seed: int,
    notes: list[str],
    truth: np.ndarray | None = None,
    missed: np.ndarray | None = None,
    types: np.ndarray | None = None,
) -> Iterator[Progress | Outcome]:
    """Fit, score, compare and map rows X float [n, d] with labels y. types: label values, to hold labels out.

    Yields Progress, finally an Outcome.
    """
    start = time.monotonic()
    for report in fit(X, y, mode, seed):
        if isinstance(report, Fit):
            found = report
        else:
            yield report
    for report in score_in_chunks(found.detector, X):
        if isinstance(report, Progress):
            yield report
        else:
            scores = report
    shown = sample(scores, y, seed)
    rows = np.sort(np.concatenate([found.fitted, np.flatnonzero(y != UNKNOWN)]))
    Z = found.detector.whitening.transform(X)
    references = yield from in_background(
        lambda: reference_scores(Z[rows], y[rows], Z, seed, found.label_forest),
        Progress(7, 10, "reference detectors on the same rows"),
    )
    check = None
    if truth is not None and len(np.unique(truth[truth >= 0])) == 2 and references:
        how = "the unlabelled rows, against the truth column"
        check = measure({OURS: scores, **references}, truth, how, missed)
    elif types is not None and found.labels == "both":
        for report in held_out(X, y, types, mode, seed):
            if isinstance(report, Progress):
                yield report
            else:
                check = report
    share, why = _first_share(found, y, scores, references)
    yield Progress(8, 10, "map of the rows")
    yield Outcome(
        y=y,
        fit=found,
        scores=scores,
        reference=np.sort(scores[y == UNKNOWN] if (y == UNKNOWN).any() else scores),
        share=share,
        share_why=why,
        found_by=_found_by(found, references, Z, share),
        check=check,
        truth=truth,
        missed=missed,
        map_rows=shown,
        map=principal(Z[shown]),
        notes=tuple(notes),
        seed=seed,
        seconds=time.monotonic() - start,
    )


def _first_share(
    found: Fit, y: np.ndarray, scores: np.ndarray, references: dict[str, np.ndarray]
) -> tuple[float, str]:
    """How many rows to flag before the visitor moves the slider, and why.

    The densities estimate a share of the unlabelled rows; labelled rows that score as high come on top.
    Densities that are little trusted do not decide it.
    """
    if found.ensemble is None:
        return max(0.005, float((y == ANOMALY).mean())), "as many as are labelled anomalies"
    first = next(iter(references), "")
    if found.trust and found.trust.weight < LITTLE_TRUST and first.startswith("Forest"):
        likely = float((references[first] >= 0.5).mean())
        return max(likely, 1 / len(y)), "as many as the forest on the labels finds likely"
    high = float(np.mean([matching.share for matching in found.ensemble.high]))
    matched = found.ensemble.high[0].how == "matching"
    why = "as partial matching estimates" if matched else "the share beyond the upper threshold"
    cut = np.quantile(scores[y == UNKNOWN], 1 - min(max(high, 0.005), WIDEST_SHARE), method="higher")
    return float((scores >= cut).mean()), why


def _found_by(found: Fit, references: dict[str, np.ndarray], Z: np.ndarray, share: float) -> np.ndarray:
    """Which view alone flags a row: the labels' forest (P of 0.5 or more), the densities (top share)."""
    n = len(Z)
    count = max(1, round(share * n))

    def top(values: np.ndarray) -> np.ndarray:
        return values >= np.partition(values, n - count)[n - count]

    labels = np.zeros(n, dtype=bool)
    first = next(iter(references), "")
    if first.startswith("Forest"):
        labels = top(references[first]) & (references[first] >= 0.5)
    density = np.zeros(n, dtype=bool)
    if hasattr(found.detector, "density"):
        density = top(found.detector.density(Z))
    elif first and len(references) > 1:
        density = top(list(references.values())[1])
    return np.select([labels & density, labels, density], ["both", "labels", "density"], "together")


def score_table(report: TableReport, table: Table) -> Iterator[Progress | np.ndarray]:
    """Scores of a second table. Yields Progress, finally raw scores, float [n]. Raises InputError if columns
    are missing."""
    begun = Progress(0, 1, "reading the columns")
    yield begun
    features = yield from in_background(lambda: report.encoder.transform(table.frame), begun)
    yield from score_in_chunks(report.outcome.fit.detector, features.X)
