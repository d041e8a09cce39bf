"""A CSV of molecules in, the same with predicted properties out."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipelines.bartsmiles.check import Molecule, read_molecule
from pipelines.bartsmiles.predictor import Predictor
from pipelines.bartsmiles.tasks import TASKS
from pipelines.errors import InputError
from pipelines.runtime import Progress

FIELD = "CSV file"
MOST_ROWS = 10_000
MOST_BYTES = 20_000_000
BATCH = 32
SHOWN_EVERY = 16
"""Batches between reports that carry the table so far, so that a stopped job leaves what it had done."""
PENDING = "Not predicted yet."
LOOKED_AT = 50
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, eq=False)
class BatchReport:
    """The rows of the file, in their order, with what was predicted."""

    frame: pd.DataFrame
    """The file's columns, then one per property, then "problem": why a row has no values."""
    smiles_column: str
    read: int
    failed: int
    notes: tuple[str, ...]

    @property
    def answered(self) -> pd.DataFrame:
        """The rows that need not be waited for any more."""
        return self.frame[~self.frame["problem"].str.startswith(PENDING)]

    def to_csv(self) -> bytes:
        """UTF-8 CSV; text that a spreadsheet would take for a formula gets a leading apostrophe."""
        safe = self.frame.map(_inert)
        safe.columns = [_inert(name) for name in safe.columns]
        return safe.to_csv(index=False, float_format="%.4g").encode()


def _inert(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def read_csv(content: bytes) -> tuple[pd.DataFrame, str, tuple[str, ...]]:
    """The table of a CSV file as text, the name of its SMILES column, and notes. Raises InputError."""
    if len(content) > MOST_BYTES:
        raise _wrong("The file is larger than 20 MB.", "Split it into several files.")
    text = _decode(content)
    if not text.strip():
        raise _wrong("The file is empty.", "It needs a column with SMILES strings.")
    notes = []
    lines = text.splitlines()
    try:
        delimiter = csv.Sniffer().sniff("\n".join(lines[:20]), ",;\t|").delimiter
    except csv.Error:
        delimiter = ","
    try:
        rows = list(csv.reader(io.StringIO(text), delimiter=delimiter))
    except csv.Error:
        raise _wrong("The file is no CSV.", "Export it as CSV with commas, semicolons or tabs.") from None
    if rows and len(rows[0]) == 1 and _is_molecule(rows[0][0]):
        rows.insert(0, ["smiles"])
        notes.append("The file has no header; its first column is read as SMILES.")
    header = _distinct([name.strip() or "column" for name in rows[0]])
    if header != [name.strip() for name in rows[0]]:
        notes.append("Columns without a name, or with the same one, got a number.")
    body = [(row + [""] * len(header))[: len(header)] for row in rows[1:]]
    if not body:
        raise _wrong("The file has a header and no rows.", "Give one molecule per row.")
    if len(body) > MOST_ROWS:
        notes.append(f"Only the first {MOST_ROWS:,} of {len(body):,} rows are read.")
        body = body[:MOST_ROWS]
    frame = pd.DataFrame(body, columns=header, dtype=str)
    return frame, _smiles_column(frame), tuple(notes)


def _wrong(message: str, hint: str) -> InputError:
    return InputError(message, hint, FIELD)


def _decode(content: bytes) -> str:
    """Text of UTF-8, UTF-16 with its mark, or else Windows-1252."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", errors="replace")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    if "\x00" in text:
        raise _wrong("This is no text file.", "Export the table as CSV.")
    return text


def _distinct(names: list[str]) -> list[str]:
    """The names, those that come again with a number."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name} {seen[name]}")
    return result


def _is_molecule(cell: str) -> bool:
    try:
        read_molecule(cell)
    except InputError:
        return False
    return True


def _smiles_column(frame: pd.DataFrame) -> str:
    """The column named so, or else the one in which most of the first cells are molecules."""
    for name in frame.columns:
        if "smiles" in name.lower():
            return name
    shares = {}
    for name in frame.columns:
        cells = [cell for cell in frame[name].head(LOOKED_AT) if cell.strip() and not cell.strip().isdigit()]
        shares[name] = sum(map(_is_molecule, cells)) / len(cells) if cells else 0.0
    best = max(shares, key=shares.get)
    if shares[best] < 0.5:
        raise _wrong("No column holds SMILES strings.", "Name the column with the molecules “smiles”.")
    return best


def run_batch(predictor: Predictor, content: bytes) -> Iterator[Progress | BatchReport]:
    """Predict every row of a CSV file; yields Progress, now and then with the BatchReport so far as preview,
    and finally the BatchReport."""
    frame, column, notes = read_csv(content)
    n = len(frame)
    values = np.full((n, len(TASKS)), np.nan)
    problems = [""] * n
    molecules: dict[int, Molecule] = {}
    for i, cell in enumerate(frame[column]):
        if i % 200 == 0:
            yield Progress(0, 1, f"Reading row {i + 1:,} of {n:,}")
        try:
            molecules[i] = read_molecule(cell)
            problems[i] = " ".join(molecules[i].notes)
        except InputError as error:
            problems[i] = error.message
    order = sorted(molecules, key=lambda i: len(molecules[i].tokens))
    failed = n - len(order)
    for start in range(0, len(order), BATCH):
        so_far = None
        if start and start // BATCH % SHOWN_EVERY == 0:
            told = [*problems]
            for i in order[start:]:
                told[i] = f"{PENDING} {problems[i]}".strip()
            note = f"Predicted so far: {start:,} of {len(order):,} molecules, short ones first."
            so_far = BatchReport(_filled(frame, values, told), column, start, failed, (*notes, note))
        yield Progress(start, len(order), "Predicting", so_far)
        part = order[start : start + BATCH]
        for i, found in zip(part, predictor.predict_many([molecules[i] for i in part]), strict=True):
            values[i] = [found.values[task.name] for task in TASKS]
    yield BatchReport(_filled(frame, values, problems), column, len(order), failed, notes)


def _filled(frame: pd.DataFrame, values: np.ndarray, problems: list[str]) -> pd.DataFrame:
    """The file's columns with predicted values [rows, tasks] and problems beside them."""
    frame = frame.copy()
    for k, task in enumerate(TASKS):
        unit = f"probability: {task.unit}" if task.kind == "classification" else task.unit
        frame[f"{task.title} ({unit})"] = values[:, k]
    frame["problem"] = problems
    return frame
