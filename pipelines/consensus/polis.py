"""A visitor's own Polis conversation: the vote matrix of its export and, if given, its texts."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipelines.consensus.groups import clean
from pipelines.consensus.votes import Conversation
from pipelines.errors import InputError

FIELD = "Votes"
FORM = "Send participants-votes.csv of a Polis export: a row per person, a column per statement, 1, -1 or 0."
ABOUT_PEOPLE = ("participant", "group-id", "n-comments", "n-votes", "n-agree", "n-disagree", "xid")
LEAST_PEOPLE, LEAST_STATEMENTS = 4, 3
MOST_CELLS = 5_000_000


def read_votes(paths: Sequence[str | Path]) -> Conversation:
    """A conversation from participants-votes.csv and, optionally, comments.csv, told apart by their columns;
    what else an export holds is passed over.

    People and statements without a vote are left out; statements without a text are called by their id.
    Raises InputError.
    """
    texts: dict[str, str] = {}
    matrix: list[dict[str, str]] = []
    for path in paths:
        rows = _rows(Path(path))
        if "comment-body" in rows[0]:
            texts = {row["comment-id"]: clean(row["comment-body"]) for row in rows if row["comment-id"]}
        elif not _is_matrix(rows[0]):
            continue
        elif matrix:
            raise InputError("These are several vote matrices.", "Send one conversation at a time.", FIELD)
        else:
            matrix = rows
    if not matrix:
        raise InputError("There is no vote matrix.", FORM, FIELD)
    names = [name for name in matrix[0] if name and name not in ABOUT_PEOPLE]
    if len(names) * len(matrix) > MOST_CELLS:
        raise InputError("The conversation is too large.", f"At most {MOST_CELLS:,} votes are read.", FIELD)
    votes = np.array([[_vote(row[name]) for name in names] for row in matrix])
    seen = ~np.isnan(votes)
    people, statements = seen.any(axis=1), seen.any(axis=0)
    votes = votes[people][:, statements]
    if votes.shape[0] < LEAST_PEOPLE or votes.shape[1] < LEAST_STATEMENTS:
        raise InputError(
            f"Votes of {votes.shape[0]} people on {votes.shape[1]} statements are too few for a map.",
            f"At least {LEAST_PEOPLE} people and {LEAST_STATEMENTS} statements are needed.",
            FIELD,
        )
    kept = [name for name, some in zip(names, statements, strict=True) if some]
    return Conversation("upload", tuple(texts.get(name) or f"Statement {name}" for name in kept), votes)


def _is_matrix(row: dict[str, str]) -> bool:
    """Whether a file's columns are people and numbered statements; its summary and its time series aren't."""
    return "participant" in row or any(name and name.isdecimal() for name in row)


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(text), restval=""))
    except (UnicodeDecodeError, csv.Error):
        raise InputError(f"{path.name} can't be read as CSV.", FORM, FIELD) from None
    if not rows:
        raise InputError(f"{path.name} has no rows.", FORM, FIELD)
    return rows


def _vote(cell: str | None) -> float:
    """1, -1, 0, or NaN where a statement was not seen."""
    text = (cell or "").strip()
    if not text:
        return np.nan
    try:
        vote = float(text)
    except ValueError:
        vote = np.nan
    if vote not in (1.0, -1.0, 0.0):
        raise InputError(f"“{text[:30]}” is no vote.", FORM, FIELD)
    return vote
