"""SPADE (arXiv 2212.00173): anomalies from partly labelled data whose unlabelled part holds other kinds.

    from pipelines.spade.table import read_table
    from pipelines.spade.analysis import analyse

    for report in analyse(read_table("table.csv")): ...   # Progress, finally TableReport
    report.outcome.percentile

What is imported here needs no scikit-learn and no torch, so that a page can be built in no time.
"""

from __future__ import annotations

import json

from pipelines.runtime import load_once
from pipelines.spade.examples import EXAMPLES, Example
from pipelines.spade.summary import Curves, Reason, Summary, Threshold, summarise
from pipelines.weights import asset

__all__ = ["EXAMPLES", "Curves", "Example", "Reason", "Summary", "Threshold", "first", "summarise"]


@load_once
def first() -> Summary:
    """The first example's result, computed when the project was made (`python -m
    pipelines.spade.examples`)."""
    return Summary.from_json(json.loads(asset("spade", "first.json").read_text(encoding="utf-8")))
