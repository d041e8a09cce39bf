"""A group: a question and what each person thinks of it; checked once, here.

Whatever a visitor types or uploads becomes a `Group` or an InputError. Every automatic mend is told in
one line (`Group.notes`). Texts stay texts: nothing in them is ever run, followed or rendered."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.consensus.phrases import english
from pipelines.errors import InputError

LEAST_PEOPLE, MOST_PEOPLE = 2, 12
MOST_CHARACTERS = 10_000
USED_CHARACTERS = 800
MOST_QUESTION = 300
MOST_NAME = 40
MOST_BYTES = 1_000_000
QUESTION, OPINIONS, FILE = "Question", "Opinions", "File"

_TAG = re.compile(
    r"</?(?:a|abbr|b|blockquote|body|br|code|div|em|font|form|h[1-6]|head|hr|html|i|iframe|img|input|li|link|"
    r"meta|object|ol|p|pre|s|script|span|strong|style|svg|table|td|textarea|th|tr|u|ul|video)\b[^<>]*>|<!--.*?-->",
    re.IGNORECASE | re.DOTALL,
)
_PERSON_COLUMNS = ("person", "name", "who", "participant", "author")
_OPINION_COLUMNS = ("opinion", "text", "comment", "statement", "answer", "view")


@dataclass(frozen=True)
class Opinion:
    """What one person thinks; `person` is unique in a group."""

    person: str
    text: str


@dataclass(frozen=True)
class Group:
    """A question, 2 to 12 opinions on it, and what was mended when they were read."""

    question: str
    opinions: tuple[Opinion, ...]
    notes: tuple[str, ...] = ()

    @property
    def people(self) -> list[str]:
        """The names, in order."""
        return [opinion.person for opinion in self.opinions]

    def without(self, index: int) -> Group:
        """The group as it is when one person is not asked; may be smaller than LEAST_PEOPLE."""
        return Group(self.question, self.opinions[:index] + self.opinions[index + 1 :])


def group_of(question: str, rows: Iterable[Sequence[Any]]) -> Group:
    """A group from a question and rows of (person, opinion).

    Blank rows are dropped, missing names filled in, equal names numbered, markup and control characters
    removed. Of an opinion up to MOST_CHARACTERS are read and the first USED_CHARACTERS (to the end of a
    sentence) used. Raises InputError where that leaves no question or no group.
    """
    notes: list[str] = []
    asked = clean(question)
    if not _has_words(asked):
        raise InputError("There is no question.", "Write the question that the group answers.", QUESTION)
    if len(asked) > MOST_QUESTION:
        raise InputError(
            f"The question has {len(asked):,} characters; at most {MOST_QUESTION} are read.",
            "Ask it in one sentence.",
            QUESTION,
        )
    opinions: list[Opinion] = []
    taken: set[str] = set()
    for number, row in enumerate(rows, 1):
        cells = [clean(cell) for cell in (*row, "", "")[:2]]
        if not cells[1]:
            if cells[0]:
                notes.append(f"{cells[0]} has written nothing and was left out.")
            continue
        if _TAG.search(str(row[1])):
            notes.append(f"Markup in the opinion of {cells[0] or f'person {number}'} was taken out.")
        person = _unique(cells[0][:MOST_NAME].strip() or f"Person {number}", taken, notes)
        opinions.append(Opinion(person, _checked(person, cells[1], notes)))
    _check_size(len(opinions))
    foreign = [opinion.person for opinion in opinions if not english(opinion.text)]
    if foreign:
        notes.append(f"{_listed(foreign)}: not English, it seems. Our models read English only.")
    return Group(asked, tuple(opinions), tuple(notes))


def read_group(path: str | Path) -> Group:
    """A group from a file: JSON ({"question", "opinions": [{"person", "opinion"}]}, as `as_json` writes
    it too) or CSV with the columns person and opinion and, if it likes, question. Raises InputError."""
    file = Path(path)
    if file.stat().st_size > MOST_BYTES:
        raise InputError("The file is larger than 1 MB.", "Send only the question and the opinions.", FILE)
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError("The file is no UTF-8 text.", "Save it as CSV or JSON in UTF-8.", FILE) from None
    if not text.strip():
        raise InputError("The file is empty.", "Send a CSV or JSON file with opinions.", FILE)
    question, rows = _from_json(text) if text.lstrip()[0] in "{[" else _from_csv(text)
    return group_of(question, rows)


def clean(value: Any) -> str:
    """Plain text of a cell: NFC, without markup, control characters or runs of spaces."""
    if value is None or (isinstance(value, float) and math.isnan(value)):  # empty cells of data frames
        return ""
    text = unicodedata.normalize("NFC", str(value))
    text = _TAG.sub(" ", text)
    kept = "".join(c if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co") else " " for c in text)
    return " ".join(kept.split())


def used_part(text: str) -> str:
    """The part of an opinion that is used: its first USED_CHARACTERS, to the end of a sentence if there
    is one."""
    if len(text) <= USED_CHARACTERS:
        return text
    head = text[:USED_CHARACTERS]
    ends = [match.end() for match in re.finditer(r"[.!?](?=\s)", head)]
    return head[: ends[-1]] if ends else head.rsplit(" ", 1)[0]


def _checked(person: str, text: str, notes: list[str]) -> str:
    if not _has_words(text):
        raise InputError(
            f"{person}'s opinion has no words.", "Write it as a sentence, or empty it.", OPINIONS
        )
    if len(text) > MOST_CHARACTERS:
        raise InputError(
            f"{person}'s opinion has {len(text):,} characters; at most {MOST_CHARACTERS:,} are read.",
            "Shorten it.",
            OPINIONS,
        )
    used = used_part(text)
    if len(used) < len(text):
        notes.append(f"{person}'s opinion is long: its first {len(used):,} characters are used.")
    return used


def _check_size(count: int) -> None:
    if count == 0:
        raise InputError(
            "Nobody has written an opinion.", "Write at least two, or choose an example.", OPINIONS
        )
    if count < LEAST_PEOPLE:
        raise InputError("One person is not a group yet.", "Add the opinion of a second person.", OPINIONS)
    if count > MOST_PEOPLE:
        raise InputError(
            f"There are {count} people; at most {MOST_PEOPLE} can take part.",
            "Remove some rows, or run the group in parts.",
            OPINIONS,
        )


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if names[1:] else names[0]


def _unique(name: str, taken: set[str], notes: list[str]) -> str:
    number, unique = 1, name
    while unique.casefold() in taken:
        number += 1
        unique = f"{name} ({number})"
    if number > 1:
        notes.append(f"Two people are called {name}: one is {unique} now.")
    taken.add(unique.casefold())
    return unique


def _has_words(text: str) -> bool:
    return any(c.isalpha() for c in text)


def _from_json(text: str) -> tuple[str, list[tuple[Any, Any]]]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise InputError("The file is no valid JSON.", "Export a group here to see the form.", FILE) from None
    question = data.get("question", "") if isinstance(data, dict) else ""
    entries = data.get("opinions", []) if isinstance(data, dict) else data
    if not isinstance(entries, list) or not all(isinstance(entry, (dict, list, str)) for entry in entries):
        raise InputError(
            'The JSON file has no list "opinions".', "Export a group here to see the form.", FILE
        )
    return question if isinstance(question, str) else "", [_entry(entry) for entry in entries]


def _entry(entry: dict[str, Any] | list[Any] | str) -> tuple[Any, Any]:
    if isinstance(entry, str):
        return "", entry
    if isinstance(entry, list):
        return tuple([*entry, "", ""][:2])
    lower = {str(key).casefold(): value for key, value in entry.items()}
    return _first(lower, _PERSON_COLUMNS), _first(lower, _OPINION_COLUMNS)


def _first(row: dict[str, Any], names: Sequence[str]) -> Any:
    return next((row[name] for name in names if name in row), "")


def _from_csv(text: str) -> tuple[str, list[tuple[Any, Any]]]:
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    try:
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if any(row)]
    except csv.Error:
        raise InputError("The file can't be read as CSV.", "Save it as CSV in UTF-8.", FILE) from None
    if not rows:
        raise InputError("The file is empty.", "Send a CSV or JSON file with opinions.", FILE)
    header = [cell.strip().casefold() for cell in rows[0]]
    who = next((i for i, name in enumerate(header) if name in _PERSON_COLUMNS), None)
    what = next((i for i, name in enumerate(header) if name in _OPINION_COLUMNS), None)
    if what is None:
        raise InputError(
            "The CSV file has no column opinion.", "Name the columns question, person and opinion.", FILE
        )
    body = [[*row, *[""] * len(header)] for row in rows[1:]]
    column = header.index("question") if "question" in header else None
    question = next((row[column] for row in body if row[column].strip()), "") if column is not None else ""
    return question, [(row[who] if who is not None else "", row[what]) for row in body]
