"""What visitors type and upload."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from pipelines.consensus import EXAMPLES, Table, as_json, group_of, read_group
from pipelines.consensus.groups import FILE, MOST_CHARACTERS, OPINIONS, QUESTION, USED_CHARACTERS
from pipelines.errors import InputError

ASKED = "Should we ban cars?"


def test_blank_rows_and_missing_names() -> None:
    rows = [("Ana", "Yes, ban them."), ("", "  "), (None, None), (math.nan, "No, never do it."), ("Cy", "")]
    group = group_of(f"  {ASKED}\n", rows)
    assert group.question == ASKED
    assert group.people == ["Ana", "Person 4"]
    assert group.notes == ("Cy has written nothing and was left out.",)


def test_equal_names_are_numbered() -> None:
    group = group_of(ASKED, [("Sam", "Yes, of course."), ("sam", "No, of course not."), ("Sam", "Perhaps.")])
    assert group.people == ["Sam", "sam (2)", "Sam (3)"]


@pytest.mark.parametrize(
    ("question", "rows", "message", "field"),
    [
        ("", [("A", "Yes."), ("B", "No.")], "no question", QUESTION),
        ("???", [("A", "Yes."), ("B", "No.")], "no question", QUESTION),
        ("Why? " * 100, [("A", "Yes."), ("B", "No.")], "at most 300", QUESTION),
        (ASKED, [], "Nobody", OPINIONS),
        (ASKED, [("A", " "), ("B", "")], "Nobody", OPINIONS),
        (ASKED, [("A", "Yes.")], "One person", OPINIONS),
        (ASKED, [(str(i), f"I say {i} times yes.") for i in range(13)], "at most 12", OPINIONS),
        (ASKED, [("A", "🚗🚗"), ("B", "No.")], "A's opinion has no words", OPINIONS),
        (ASKED, [("A", "x" * (MOST_CHARACTERS + 1)), ("B", "No.")], "at most 10,000", OPINIONS),
    ],
)
def test_what_is_no_group_is_told(question: str, rows: list, message: str, field: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        group_of(question, rows)
    assert caught.value.field == field
    assert caught.value.hint


def test_ten_thousand_characters_are_read_and_the_first_sentences_used() -> None:
    group = group_of(ASKED, [("A", ("This is a sentence. " * 500)[:MOST_CHARACTERS]), ("B", "No.")])
    assert len(group.opinions[0].text) <= USED_CHARACTERS
    assert group.opinions[0].text.endswith(".")
    assert "are used" in group.notes[0]


def test_markup_and_control_characters_go() -> None:
    text = "<script>alert(1)</script><b>No</b>\x00 cars\u202e, 2 < 3 🚗"
    group = group_of(ASKED, [("<i>A</i>", text), ("B", "No cars.")])
    assert group.opinions[0].person == "A"
    assert group.opinions[0].text == "alert(1) No cars , 2 < 3 🚗"


def test_csv_and_json_come_back_as_groups(tmp_path: Path) -> None:
    csv_file = tmp_path / "group.csv"
    csv_file.write_text(
        '\ufeffquestion;name;opinion\nShould we?;Ana;"Yes; now."\n;Bo;No.\n', encoding="utf-8"
    )
    group = read_group(csv_file)
    assert (group.question, group.people) == ("Should we?", ["Ana", "Bo"])
    assert group.opinions[0].text == "Yes; now."
    json_file = tmp_path / "group.json"
    json_file.write_text(json.dumps([["Ana", "Yes."], {"who": "Bo", "text": "No."}]), encoding="utf-8")
    with pytest.raises(InputError, match="no question"):
        read_group(json_file)


def test_an_export_can_be_read_again(tmp_path: Path, stub) -> None:
    table: Table = stub.compose(EXAMPLES[1].group, 3)
    path = tmp_path / "table.json"
    path.write_text(as_json(table, 1.0), encoding="utf-8")
    again = read_group(path)
    assert (again.question, again.opinions) == (table.group.question, table.group.opinions)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"{nonsense", "JSON"),
        (b'{"opinions": 3}', "opinions"),
        (b"a,b\n1,2\n", "column opinion"),
        (b"[" * 5000, "JSON"),
    ],
)
def test_files_that_are_none(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_group(path)
    assert caught.value.field == FILE


def test_smaller_and_greater_signs_are_no_markup() -> None:
    text = "If income <Medium and rent >half, help them."
    group = group_of("Should we help?", [("A", text), ("B", "<i>No</i> help is needed here.")])
    assert group.opinions[0].text == text
    assert group.notes == ("Markup in the opinion of B was taken out.",)


def test_other_languages_are_noted() -> None:
    people = [("Jan", "Ja, es rettet Leben und spart Benzin, das ist klar."), ("Eva", "No, never.")]
    assert group_of("Soll das Tempo sinken?", people).notes == (
        "Jan: not English, it seems. Our models read English only.",
    )
