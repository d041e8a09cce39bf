"""The tab's handlers with the embedded models: the story, and bad input."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from pipelines import bartsmiles
from pipelines.bartsmiles import EXAMPLES, FIRST, METHODS, TASKS, map_key
from pipelines.bartsmiles.check import read_molecule
from pipelines.bartsmiles.predictor import load
from tabs import bartsmiles_batch as batch
from tabs import bartsmiles_infill as infill
from tabs import bartsmiles_lesson as lesson
from tabs import bartsmiles_panels as panels
from tabs.bartsmiles_run import Turns, run

PROPERTIES, PICTURE, CURRENT, DESK, STATUS = range(5)
CAFFEINE = EXAMPLES["Caffeine"]


def last(steps: Iterator[tuple[Any, ...]]) -> tuple[Any, ...]:
    *_, final = steps
    return final


def test_the_kept_first_reading_is_the_computed_one() -> None:
    kept, now = bartsmiles.first(), load().predict(read_molecule(EXAMPLES[FIRST]))
    assert kept.smiles == read_molecule(EXAMPLES[FIRST]).smiles
    for task in TASKS:
        assert kept.values[task.name] == pytest.approx(now.values[task.name], abs=2e-3)
        for method in METHODS:
            assert len(kept.maps[map_key(task.name, method)].atoms) == len(kept.sketches[kept.smiles].points)


def test_a_run_tells_first_and_explains_then() -> None:
    steps = list(run(CAFFEINE, "lipophilicity", "occlusion", 2, 0))
    pictures = [
        step[PICTURE] for step in steps if isinstance(step[PICTURE], dict) and "maps" in step[PICTURE]
    ]
    assert [len(picture["maps"]) for picture in pictures[:2]] == [0, 1]
    final = steps[-1]
    assert final[PICTURE]["name"] == "Caffeine"
    assert final[PICTURE]["maps"]["lipophilicity|occlusion"]["strings"] == 2
    assert final[PROPERTIES]["head"] == "lipophilicity"
    assert final[CURRENT] == read_molecule(CAFFEINE).smiles
    assert "Caffeine: lipophilicity" in final[STATUS]


def test_what_is_known_is_not_computed_again() -> None:
    desk = last(run(CAFFEINE, "esol", "occlusion", 1, 0))[DESK]
    again = list(run(CAFFEINE, "esol", "occlusion", 1, 0, desk))
    assert sum(isinstance(step[PICTURE], dict) and "maps" in step[PICTURE] for step in again) == 1
    more = last(run(CAFFEINE, "bbbp", "occlusion", 1, 0, desk))[DESK]
    assert set(more.maps) == {"esol|occlusion", "bbbp|occlusion"}
    assert set(last(run(EXAMPLES[FIRST]))[DESK].maps) == set(bartsmiles.first().maps)


def test_an_older_request_ends_when_another_begins() -> None:
    turns, told = Turns(), 0
    for step in run("CCCCO", "esol", "occlusion", 16, 0, None, turns):
        if isinstance(step[PICTURE], dict) and "maps" in step[PICTURE]:
            told += 1
            turns.begin()
    assert told == 1


def test_a_salt_is_told() -> None:
    final = last(run("CC(=O)[O-].[Na+]", "clintox", "occlusion", 1))
    assert any("[Na+]" in text for text in final[PICTURE]["warnings"])
    assert final[PICTURE]["maps"]["clintox|occlusion"]["smiles"] == "CC(=O)O"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("",), "no molecule yet"),
        (("C1CC",), "Ring 1"),
        (("C(" * 50_000,), "at most 500"),
        ((5,), "not a SMILES string"),
        (("CCO", "colour"), "no such property"),
        (("CCO", "esol", "magic"), "no such method"),
        (("CCO", "esol", "occlusion", 0), "out of range"),
        (("CCO", "esol", "occlusion", "many"), "whole number"),
        (("CCO", "esol", "occlusion", 1, -1), "out of range"),
        (("CCO", "esol", "occlusion", 1, float("nan")), "whole number"),
    ],
)
def test_bad_input_gets_its_sentence(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(gr.Error, match=message):
        last(run(*arguments))


def test_a_gap_is_filled() -> None:
    board = infill.start("CCO")
    assert infill.mask(board) == ""
    assert infill.mask({**board, "masked": [1]}) == "C<mask>O"
    cards, status = infill.fill("C<mask>O")
    assert "6 different molecules" in status
    assert len({read_molecule(card["smiles"]).smiles for card in cards}) == 6
    assert sum(bool(card["marked"]) for card in cards) >= 4, "atoms that were written are marked"
    board, text = infill.mask_random(infill.start(CAFFEINE))
    assert len(board["masked"]) == 3 and "<mask>" in text


@pytest.mark.parametrize(
    ("text", "model", "message"),
    [
        ("", "embedded", "no <mask>"),
        ("CCO", "embedded", "no <mask>"),
        ("<mask>", "embedded", "Every atom"),
        ("C<mask>" * 100, "embedded", "at most"),
        ("C<mask>é", "embedded", "not part of"),
        ("C1CC<mask>", "embedded", "ring 1 opens"),
        ("CC(<mask>", "embedded", "no partner"),
        ("CC(C)(C)(C)C<mask>", "embedded", "too many"),
        ("C<mask>", "nosuch", "no such model"),
        ("C<mask>", "hub", "needs a GPU"),
    ],
)
def test_a_bad_gap_gets_its_sentence(text: str, model: str, message: str) -> None:
    with pytest.raises(gr.Error, match=message):
        infill.fill(text, model)


def test_neighbours_are_others_and_named() -> None:
    cards = panels.nearest(CAFFEINE, "esol")
    assert len(cards) == 12
    assert all(card["title"].startswith("NSC ") and "Tanimoto" in card["lines"][0] for card in cards)
    assert read_molecule(CAFFEINE).smiles not in {card["smiles"] for card in cards}


def test_the_panels_of_a_molecule() -> None:
    assert len(panels.deletion("CCO", "esol", "occlusion").data) == 3
    space = panels.conformer("CCO", "esol", "occlusion")
    assert len(space["atoms"]) == 9 and space["atoms"][0][4].startswith("#") and space["atoms"][8][4] == ""
    files = [Path(button.value["path"] if isinstance(button.value, dict) else button.value) for button in
             panels.export("CCO", "esol", "occlusion")]  # fmt: skip
    assert [file.suffix for file in files] == [".svg", ".png", ".csv"]
    assert "Fluoxetine".lower() in lesson.teach("CCO")
    assert "Your molecule" in lesson.teach("CCCCN")
    with pytest.raises(gr.Error, match="no such property"):
        panels.deletion("CCO", "colour")


def test_a_table_comes_back_in_order(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text("name,smiles\n<b>one</b>,CCO\ntwo,C1CC\n")
    final = last(batch.predict_all(str(file)))
    assert "&lt;b&gt;one" in final[0] and "<b>one" not in final[0]
    assert "1 of 2 rows predicted" in final[-1]
    with pytest.raises(gr.Error, match="no file yet"):
        last(batch.predict_all(None))
