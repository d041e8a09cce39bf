"""The choice behind the robust mode, made anew: when do densities and pseudo-labels count?

`Trust.sure` is varied, between pseudo-labels that never count and such that always do, all on one and the
same fit. The rows are validation folds inside the training parts; no test row is touched.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from pipelines.spade.forests import probability
from pipelines.spade.method import Fit, fit
from pipelines.spade.robust import SURE, Trust
from pipelines.spade.scenarios import Source, Split, split

FOLDS = 4
LOWER_ENDS = (0.9, 1.1, 1.2, 1.3, 1.35)
"""Of `Trust.sure`, beside the one in use."""


class Task(NamedTuple):
    """A table in one scenario; see scenarios.split."""

    source: Source
    scenario: str
    share: float


def rules(trust: Trust) -> dict[str, Trust]:
    """The same facts about a fit under each rule; "trust" is the one in use."""
    ends = {f"from {low}": replace(trust, sure=(low, SURE[1])) for low in LOWER_ENDS}
    return {"never": Trust(0, 0), **ends, "trust": trust, "always": Trust(1, 1)}


def fold_aucs(task: Split, seed: int) -> dict[str, float]:
    """One fold: AUCs by rule and of the plain forest on the labels, as "trust", "trust, missed", "rf" and so
    on, and what trust is founded on."""
    found = next(report for report in fit(task.X, task.y, seed=seed) if isinstance(report, Fit))
    detector = found.detector
    Z = detector.whitening.transform(task.X_test)
    parts = detector.parts(Z, detector.density(Z))
    scores = {"rf": probability(found.label_forest, Z)}
    for name, rule in rules(detector.trust).items():
        scores[name] = replace(detector, trust=rule).combine(parts)
    aucs = {}
    for name, values in scores.items():
        measured = task.auc(values)
        aucs[name] = measured["overall"]
        if "missed" in measured:
            aucs[f"{name}, missed"] = measured["missed"]
    trust = found.trust
    return aucs | {"sum": trust.ranks_labelled + trust.agreement, "weight": trust.weight}


def validate(tasks: Iterable[tuple[str, Task]]) -> dict[str, Any]:
    """Per task the means of `fold_aucs` over the folds; over all tasks each rule's mean AUC, and its worst
    gap to the plain forest."""
    tables = {}
    for name, task in tasks:
        folds = [
            fold_aucs(split(task.source, fold, task.scenario, task.share, validation=True), fold)
            for fold in range(FOLDS)
        ]
        tables[name] = {key: round(float(np.mean([fold[key] for fold in folds])), 4) for key in folds[0]}
        print(name, tables[name], flush=True)
    names = ("rf", *rules(Trust(0, 0)))
    overall = {rule: np.array([row[rule] for row in tables.values()]) for rule in names}
    gaps = {rule: aucs - overall["rf"] for rule, aucs in overall.items() if rule != "rf"}
    return {
        "means": {rule: round(float(aucs.mean()), 4) for rule, aucs in overall.items()},
        "worst_gaps": {rule: round(float(gap.min()), 4) for rule, gap in gaps.items()},
        "worst_gaps_on": {rule: list(tables)[int(gap.argmin())] for rule, gap in gaps.items()},
        "tables": tables,
    }
