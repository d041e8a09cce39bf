"""From cells of text to numbers: what each column is, and how it becomes features.

Numbers stay numbers (with decimal commas, thousands marks, percent and currency signs understood), dates
become days, hours and weekdays, words become one feature per category or their frequency. Identifiers,
constants, duplicates and free text are left out. Each step is told in one line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from pipelines.errors import InputError

FIELD = "Table"
MISSING = {"", "na", "n/a", "nan", "null", "none", "?", "-", "--", ".", "#n/a", "missing"}
MOST_CATEGORIES = 50
PARSED = 0.95
"""Share of a column's filled cells that must parse for it to be numbers or dates."""
OWN = tuple(f"spade_{name}" for name in ("score", "rank", "pseudo_label", "votes_anomaly", "votes_normal"))
"""Columns that our own result adds to a table (see export.py): never features of a later run."""
HUGE = 1e30
"""Numbers beyond this count as missing: they are overflow marks, and their squares are not finite."""
ID_NAME = re.compile(r"(^|[_\s.-])(id|idx|index|uuid|guid|row|rownum|nr|no|key)$", re.IGNORECASE)
DATE_FORMATS = (
    "ISO8601",
    "%d.%m.%Y",
    "%d.%m.%Y %H:%M",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%m/%d/%Y %H:%M",
    "%Y/%m/%d",
    "%d %b %Y",
)

Kind = Literal["number", "category", "frequency", "date", "left out"]


@dataclass(frozen=True)
class Column:
    """One column: what it is and how its cells become features."""

    name: str
    kind: Kind
    note: str = ""
    decimal_comma: bool = False
    categories: tuple[str, ...] = ()
    frequencies: dict[str, float] = field(default_factory=dict)
    date_format: str = ""
    fill: float = 0.0
    """What a missing number is taken as: the median."""
    date_fill: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """What a date that can't be read is taken as: the medians of days, weekdays and hours."""
    marks_missing: bool = False
    """Whether one more feature says that the cell was missing."""


@dataclass(frozen=True)
class Features:
    """A table as numbers: X float [n, D], and which column each feature comes from, int [D]."""

    X: np.ndarray
    owner: np.ndarray
    names: tuple[str, ...]
    """Names of the columns that `owner` counts."""


class ColumnEncoder:
    """Decides on the columns of one table, and turns it and later tables into features."""

    def fit(self, frame: pd.DataFrame, leave: Sequence[str] = ()) -> ColumnEncoder:
        """frame: cells as text. leave: columns that are no features (labels, truth)."""
        columns: list[Column] = []
        seen: dict[int, str] = {}
        for name in frame.columns:
            if name in leave:
                continue
            cells = frame[name]
            if name in OWN:
                columns.append(Column(name, "left out", "a result of this page, no feature"))
                continue
            fingerprint = hash(tuple(cells.tolist()))
            if fingerprint in seen and cells.equals(frame[seen[fingerprint]]):
                columns.append(Column(name, "left out", f"the same as {seen[fingerprint]!r}"))
                continue
            seen.setdefault(fingerprint, name)
            columns.append(_describe(name, cells))
        self.columns = tuple(columns)
        self.used = tuple(column for column in columns if column.kind != "left out")
        if not self.used:
            why = "; ".join(f"{column.name!r} is {column.note}" for column in columns[:3])
            raise InputError(
                "No column can be used." + (f" {why[0].upper()}{why[1:]}." if why else ""),
                "Add columns of numbers, categories or dates.",
                FIELD,
            )
        return self

    def transform(self, frame: pd.DataFrame) -> Features:
        """Features of a table with the same columns, in any order. Raises InputError if some are missing."""
        absent = [column.name for column in self.used if column.name not in frame.columns]
        if absent:
            more = f" and {len(absent) - 3} more" if len(absent) > 3 else ""
            raise InputError(
                f"The table lacks {', '.join(map(repr, absent[:3]))}{more}.",
                "Send a table with the columns of the first one.",
                "Second table",
            )
        blocks = [_encode(column, frame[column.name]) for column in self.used]
        owner = np.concatenate([np.full(block.shape[1], i) for i, block in enumerate(blocks)])
        return Features(np.concatenate(blocks, axis=1), owner, tuple(column.name for column in self.used))

    @property
    def notes(self) -> list[str]:
        """One line per group of columns that was treated in some way."""
        groups: dict[str, list[str]] = {}
        for column in self.columns:
            if column.note:
                head = "Left out, " if column.kind == "left out" else ""
                groups.setdefault(head + column.note, []).append(column.name)
        return [f"{what[0].upper()}{what[1:]}: {_listed(names)}." for what, names in groups.items()]


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


def _describe(name: str, cells: pd.Series) -> Column:
    there = ~cells.str.lower().isin(MISSING).to_numpy()
    filled = cells[there]
    n, distinct = len(cells), filled.nunique()
    if not len(filled):
        return Column(name, "left out", "every cell is blank")
    if distinct == 1 and len(filled) == n:
        return Column(name, "left out", "every cell is the same")
    comma = _decimal_comma(filled)
    raw = _raw_numbers(cells, comma)
    if np.isfinite(_kept(raw)[there]).mean() >= PARSED:
        return _number(name, raw, there, comma)
    return _words(name, filled, n, distinct)


def _words(name: str, filled: pd.Series, n: int, distinct: int) -> Column:
    """A column of dates, categories or text: n cells, of which `filled` are not blank."""
    if distinct == n and ID_NAME.search(name):
        return Column(name, "left out", "an identifier: every row has its own")
    date_format = _date_format(filled)
    if date_format:
        usual = tuple(np.nanmedian(_dates(filled, date_format), axis=0).tolist())
        return Column(
            name, "date", "read as dates: day, weekday and hour", date_format=date_format, date_fill=usual
        )
    if distinct <= min(MOST_CATEGORIES, max(2, n // 2)):
        values = tuple(sorted(filled.unique()))
        return Column(name, "category", "read as categories", categories=values)
    if distinct > 0.5 * n:
        return Column(name, "left out", "free text: nearly every row has its own")
    shares = (filled.value_counts() / n).to_dict()
    return Column(
        name, "frequency", f"over {MOST_CATEGORIES} categories, each replaced by its frequency",
        frequencies=shares
    )  # fmt: skip


def _number(name: str, raw: np.ndarray, there: np.ndarray, comma: bool) -> Column:
    """A column of numbers as parsed, float [n]; there: bool [n], which cells are not blank."""
    values, n = _kept(raw), len(raw)
    known = np.isfinite(values)
    numbers = values[known]
    distinct = len(np.unique(numbers))
    if distinct == 1 and known.all():
        return Column(name, "left out", "every cell is the same")
    whole = np.all(numbers == np.round(numbers))
    if whole and distinct == n > 2:
        counts_rows = numbers.max() - numbers.min() + 1 == n
        if counts_rows or ID_NAME.search(name):
            return Column(name, "left out", "an identifier: every row has its own")
    lost = int((~known).sum())
    parts = ["read with decimal commas"] if comma else []
    overflow = int((np.abs(raw[there]) > HUGE).sum())
    odd = int((~known[there]).sum()) - overflow
    if overflow:
        parts.append("infinite or huge numbers count as missing")
    if odd:
        parts.append("some cells are no numbers and count as missing")
    if lost:
        parts.append("missing cells take the median")
    return Column(
        name,
        "number",
        ", ".join(parts),
        decimal_comma=comma,
        fill=float(np.median(numbers)),
        marks_missing=lost > 0.01 * n,
    )


def _decimal_comma(filled: pd.Series) -> bool:
    """Whether the column's commas are decimal: "1,5" is, "1,234" beside "12,345" is not."""
    sample = filled.head(2000)
    commas = sample[sample.str.contains(",", regex=False)]
    if commas.empty:
        return False
    thousands = commas.str.fullmatch(r"\D*\d{1,3}(,\d{3})+(\.\d+)?\D*")
    return not thousands.mean() > 0.9


def parse_numbers(cells: pd.Series, decimal_comma: bool = False) -> np.ndarray:
    """Cells as float [n]; NaN where missing, no number, infinite or huge."""
    return _kept(_raw_numbers(cells, decimal_comma))


def _kept(values: np.ndarray) -> np.ndarray:
    return np.where(np.abs(values) <= HUGE, values, np.nan)


def _raw_numbers(cells: pd.Series, decimal_comma: bool) -> np.ndarray:
    values = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=float, copy=True)
    odd = np.isnan(values)
    if odd.any():
        rest = cells[odd]
        rest = rest.str.replace(r"[\s%$€£¥'\u00a0\u202f]|USD|EUR|CNY|GBP|RMB", "", regex=True)
        if decimal_comma:
            rest = rest.str.replace(".", "", regex=False).str.replace(",", ".", regex=False)
        else:
            rest = rest.str.replace(",", "", regex=False)
        values[odd] = pd.to_numeric(rest, errors="coerce").to_numpy(dtype=float)
    return values


def _date_format(filled: pd.Series) -> str:
    sample = filled.head(500)
    if not sample.str.contains(r"\d{1,4}[-/.\s]", regex=True).mean() > PARSED:
        return ""
    for form in DATE_FORMATS:
        parsed = pd.to_datetime(sample, format=form, errors="coerce", utc=True)
        if parsed.notna().mean() >= PARSED:
            return form
    return ""


def _encode(column: Column, cells: pd.Series) -> np.ndarray:
    """Features of one column, float [n, m]."""
    if column.kind == "number":
        values = parse_numbers(cells, column.decimal_comma)
        missing = np.isnan(values)
        block = [np.where(missing, column.fill, values)]
        return np.column_stack([*block, missing.astype(float)] if column.marks_missing else block)
    if column.kind == "category":
        return np.column_stack([(cells == value).to_numpy(dtype=float) for value in column.categories])
    if column.kind == "frequency":
        return cells.map(column.frequencies).fillna(0.0).to_numpy(dtype=float)[:, None]
    block = _dates(cells, column.date_format)
    return np.where(np.isnan(block), column.date_fill, block)


def _dates(cells: pd.Series, date_format: str) -> np.ndarray:
    """Days since 2000, weekday and hour, float [n, 3]; NaN where a cell is no date."""
    dates = pd.to_datetime(cells, format=date_format, errors="coerce", utc=True)
    days = ((dates - pd.Timestamp("2000-01-01", tz="UTC")) / pd.Timedelta(days=1)).to_numpy(dtype=float)
    hours = (dates.dt.hour + dates.dt.minute / 60).to_numpy(dtype=float)
    return np.column_stack([days, dates.dt.weekday.to_numpy(dtype=float), hours])
