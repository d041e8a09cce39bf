"""Reading a delimited text file that forgives: encoding, delimiter, header, quotes, ragged rows.

Every automatic step is told in one line (`Table.notes`). What is no table raises InputError.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pandas as pd

from pipelines.errors import InputError

FIELD = "Table"
MOST_BYTES = 250_000_000
MOST_COLUMNS = 1000
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
NOT_TEXT = {
    b"PK\x03\x04": "a zip or Excel file",
    b"\xd0\xcf\x11\xe0": "an old Excel file",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"%PDF": "a PDF",
    b"PAR1": "a Parquet file",
    b"\x1f\x8b": "a gzip file",
}
SAMPLE_LINES = 100


@dataclass(frozen=True)
class Table:
    """A file as read: every cell is text, "" where blank."""

    name: str
    frame: pd.DataFrame
    notes: tuple[str, ...]


def read_table(source: Path | str | bytes, name: str = "") -> Table:
    """Read a CSV, TSV or similar file, by path or as bytes. Raises InputError."""
    if isinstance(source, bytes):
        data = source
    else:
        path = Path(source)
        name = name or path.name
        if path.stat().st_size > MOST_BYTES:
            raise InputError(
                f"The file has {path.stat().st_size / 1e6:,.0f} MB; at most {MOST_BYTES / 1e6:,.0f} "
                "are read.",
                "Send fewer rows.",
                FIELD,
            )
        data = path.read_bytes()
    text, notes = _decode(data)
    delimiter, quoting = _dialect(text, notes)
    text = _from_header(text, delimiter, quoting, notes)
    frame = _parse(text, delimiter, quoting, notes)
    return Table(name or "table.csv", frame, tuple(notes))


def _decode(data: bytes) -> tuple[str, list[str]]:
    for magic, what in NOT_TEXT.items():
        if data.startswith(magic):
            raise InputError(f"This is {what}, not a table as text.", "Save it as CSV first.", FIELD)
    if not data.strip(b" \t\r\n\x00\xef\xbb\xbf"):
        raise InputError("The file is empty.", "Send a CSV file with a header and rows.", FIELD)
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            return _decoded(data, encoding), [] if encoding == "utf-8-sig" else ["Read as UTF-16 text."]
    head = data[:4000]
    for encoding, nulls in (("utf-16-le", head[1::2]), ("utf-16-be", head[0::2])):
        if nulls and nulls.count(0) > 0.6 * len(nulls):
            return _decoded(data, encoding), ["Read as UTF-16 text."]
    if b"\x00" in data:
        raise InputError("The file holds NUL bytes: it is no text.", "Save the table as CSV.", FIELD)
    try:
        return data.decode("utf-8"), []
    except UnicodeDecodeError:
        pass
    if _looks_chinese(data):
        return data.decode("gb18030", errors="replace"), ["Read as Chinese text (GB 18030)."]
    return data.decode("cp1252", errors="replace"), ["Read as Western European text (Windows-1252)."]


def _looks_chinese(data: bytes) -> bool:
    """Whether bytes beyond ASCII come in GB 2312's pairs; Western letters stand alone between ASCII ones."""
    pairs = len(re.findall(rb"[\xb0-\xf7][\xa1-\xfe]", data))
    beyond = len(re.findall(rb"[\x80-\xff]", data))
    return pairs >= 3 and 2 * pairs > 0.9 * beyond


def _decoded(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        raise InputError("The file's text cannot be decoded.", "Save it as CSV in UTF-8.", FIELD) from None


def _dialect(text: str, notes: list[str]) -> tuple[str, int]:
    """The delimiter that cuts the first lines into the most even columns, and whether quotes are to be
    kept."""
    lines = text.splitlines()[: SAMPLE_LINES + 1]
    sample = "\n".join(lines[:SAMPLE_LINES])
    best, best_key = ",", (0.0, 0)
    for delimiter in DELIMITERS:
        widths = [len(row) for row in csv.reader(io.StringIO(sample), delimiter=delimiter) if row]
        if not widths:
            continue
        width, count = Counter(widths).most_common(1)[0]
        key = (count / len(widths), width) if width > 1 else (0.0, 0)
        if key > best_key:
            best, best_key = delimiter, key
    if best != ",":
        notes.append(f"Columns are separated by {DELIMITERS[best]}s.")
    quoting = csv.QUOTE_MINIMAL
    longest = max((cell.count("\n") for row in _rows(text, best, quoting) for cell in row), default=0)
    if longest > 20 or text.count('"') % 2:
        quoting = csv.QUOTE_NONE
        notes.append("Quotation marks do not close: they were read as plain characters.")
    return best, quoting


def _rows(text: str, delimiter: str, quoting: int) -> list[list[str]]:
    csv.field_size_limit(2**31 - 1)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting)
    return list(reader) if len(text) < 200_000 else [row for _, row in zip(range(2000), reader, strict=False)]


def _usual_width(rows: list[list[str]]) -> int:
    """Cells of most of the first rows."""
    widths = Counter(len(row) for row in rows[:SAMPLE_LINES])
    return widths.most_common(1)[0][0] if widths else 0


def _filled(row: list[str]) -> int:
    return sum(bool(cell.strip()) for cell in row)


def _from_header(text: str, delimiter: str, quoting: int, notes: list[str]) -> str:
    """The text from its header on: a title or comments above it have far fewer cells than the rows below, or
    far fewer that are filled."""
    rows = [row for row in _rows(text, delimiter, quoting)[:SAMPLE_LINES] if any(map(str.strip, row))]
    usual = _usual_width(rows)
    usually_filled = median(map(_filled, rows)) if rows else 0
    stream = io.StringIO(text, newline="")
    start = skipped = 0
    for row in csv.reader(stream, delimiter=delimiter, quoting=quoting):
        told = _filled(row) > 0
        wide = len(row) >= max(2, usual / 2) and _filled(row) >= usually_filled / 2
        if usual < 2 or (told and wide):
            break
        start, skipped = stream.tell(), skipped + told
    if skipped:
        notes.append(f"{skipped:,} line{'s' * (skipped > 1)} above the header left out.")
    return text[start:]


def _parse(text: str, delimiter: str, quoting: int, notes: list[str]) -> pd.DataFrame:
    rows = [row for row in _rows(text, delimiter, quoting) if any(map(str.strip, row))]
    first = rows[0] if rows else []
    width = max(len(first), _usual_width(rows))
    if width < 2:
        raise InputError(
            "The table has only one column.", "Columns are cut at commas, semicolons, tabs or bars.", FIELD
        )
    if width > MOST_COLUMNS:
        raise InputError(
            f"The table has {width:,} columns; at most {MOST_COLUMNS:,} are read.", "Send fewer.", FIELD
        )
    options = {
        "sep": delimiter,
        "quoting": quoting,
        "header": None,
        "names": range(width),
        "index_col": False,
        "dtype": str,
        "keep_default_na": False,
        "na_values": [],
        "skip_blank_lines": True,
        "on_bad_lines": "skip",
        "engine": "c",
    }
    try:
        frame = pd.read_csv(io.StringIO(text, newline=""), **options)
    except (pd.errors.ParserError, ValueError):
        raise InputError("The table cannot be read.", "Check its quotation marks.", FIELD) from None
    frame = frame.fillna("")
    frame = frame.apply(lambda column: column.str.strip())
    header = _names(frame, notes)
    if header:
        frame = frame.iloc[1:]
    if header and len(first) == width - 1:
        frame, header = _one_short(frame, header, notes)
    frame = frame[(frame != "").any(axis=1)].reset_index(drop=True)
    frame.columns = _unique(header or [f"column {i}" for i in range(1, width + 1)], notes)
    _tell_ragged(text, delimiter, quoting, width, len(first), notes)
    if frame.empty:
        raise InputError("The table has a header but no rows.", "Add rows.", FIELD)
    return frame


def _one_short(frame: pd.DataFrame, header: list[str], notes: list[str]) -> tuple[pd.DataFrame, list[str]]:
    """A header with a cell less than its rows: each row ends with a delimiter, or begins with its name."""
    last = frame.columns[-1]
    if (frame[last] == "").all():
        notes.append("Every row ends with a delimiter: the empty last column was left out.")
        return frame.drop(columns=last), header[:-1]
    notes.append("The header is one cell short, as R writes it: the first column is called row.")
    return frame, ["row", *header[:-1]]


def _tell_ragged(text: str, delimiter: str, quoting: int, width: int, first: int, notes: list[str]) -> None:
    """Count the rows of more than `width` cells (pandas skips them) and those of fewer; the first row, of
    `first` cells, may be shorter without a word."""
    widths = Counter(
        len(row) for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting)
    )
    long = sum(count for cells, count in widths.items() if cells > width)
    short = sum(count for cells, count in widths.items() if 1 <= cells < width) - (first < width)
    if long:
        notes.append(f"{long:,} rows with too many cells were left out.")
    if short:
        notes.append(f"{short:,} rows end early: their last cells count as blank.")


def _names(frame: pd.DataFrame, notes: list[str]) -> list[str]:
    """The first row's cells if they are names, else []: a row of numbers over rows of numbers is data."""
    first = frame.iloc[0].tolist()
    counting = [str(i) for i in range(len(first))]
    if any(not _is_number(cell) and cell for cell in first) or first in (counting, ["", *counting[:-1]]):
        return first
    notes.append("There is no header: the columns are called column 1, column 2 and so on.")
    return []


def _is_number(cell: str) -> bool:
    return bool(re.fullmatch(r"[-+]?[\d.,]*\d[\d.,]*(e[-+]?\d+)?%?", cell, re.IGNORECASE))


def _unique(names: list[str], notes: list[str]) -> list[str]:
    """Name the nameless, and number the second and later columns of one name."""
    seen: Counter[str] = Counter()
    result = []
    for i, name in enumerate(names, 1):
        clean = " ".join(name.replace("\ufeff", "").split()) or f"column {i}"
        seen[clean] += 1
        result.append(clean if seen[clean] == 1 else f"{clean} ({seen[clean]})")
    doubled = [name for name, count in seen.items() if count > 1]
    if doubled:
        notes.append(f"Several columns are called {', '.join(map(repr, doubled[:3]))}: they were numbered.")
    return result
