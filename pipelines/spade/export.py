"""The result as a CSV file that a spreadsheet may open safely."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd

from pipelines.spade.analysis import TableReport, percentile
from pipelines.spade.columns import OWN, parse_numbers
from pipelines.spade.labels import WORDS
from pipelines.spade.picture_analysis import PicturesReport

RISKY = ("=", "+", "-", "@", "\t", "\r")
"""First characters that make a spreadsheet run a cell as a formula."""


def defuse(cells: pd.Series) -> pd.Series:
    """Cells with an apostrophe before whatever a spreadsheet would run; numbers stay as they are."""
    risky = cells.str.startswith(RISKY) & np.isnan(parse_numbers(cells))
    return cells.where(~risky, "'" + cells)


def result_frame(report: TableReport | PicturesReport) -> pd.DataFrame:
    """The original columns (of pictures: file, label, truth) and SPADE's, in the upload's order."""
    outcome = report.outcome
    votes = outcome.votes
    frame = _defused(report.original)
    added = {
        "score": [f"{value:.4f}" for value in outcome.percentile],
        "rank": [str(value) for value in outcome.rank],
        "pseudo_label": [WORDS[int(value)] for value in outcome.pseudo_labels],
        "votes_anomaly": ["" if value < 0 else str(value) for value in votes[0]],
        "votes_normal": ["" if value < 0 else str(value) for value in votes[1]],
    }
    return _with(frame, added)


def scored_frame(report: TableReport, frame: pd.DataFrame, scores: np.ndarray) -> pd.DataFrame:
    """A second table's columns with its scores and ranks; percentiles refer to the first table."""
    order = np.argsort(-scores, kind="stable")
    rank = np.empty(len(order), dtype=int)
    rank[order] = np.arange(1, len(order) + 1)
    values = percentile(scores, report.outcome.reference)
    return _with(
        _defused(frame), {"score": [f"{v:.4f}" for v in values], "rank": [str(v) for v in rank]}
    )  # fmt: skip


def to_csv(frame: pd.DataFrame) -> bytes:
    """UTF-8 with "\\n" line ends, the same bytes for the same frame."""
    buffer = io.StringIO(newline="")
    frame.to_csv(buffer, index=False, lineterminator="\n")
    return buffer.getvalue().encode("utf-8")


def _defused(frame: pd.DataFrame) -> pd.DataFrame:
    safe = frame.apply(defuse)
    safe.columns = [f"'{name}" if str(name).startswith(RISKY) else name for name in frame.columns]
    return safe


def _with(frame: pd.DataFrame, added: dict[str, list[str]]) -> pd.DataFrame:
    columns = {
        f"spade_{name}": pd.Series(values, index=frame.index, dtype=str) for name, values in added.items()
    }
    return pd.concat([frame.drop(columns=list(OWN), errors="ignore"), pd.DataFrame(columns)], axis=1)
