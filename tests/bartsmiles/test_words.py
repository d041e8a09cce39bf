"""How the tab speaks of values and scores; no model is needed."""

from __future__ import annotations

import html
import re

import pytest

from pipelines.bartsmiles import EXAMPLES, TASKS, Reading
from pipelines.bartsmiles.check import read_molecule
from pipelines.bartsmiles.reading import sketch_of
from tabs import bartsmiles_lesson as lesson
from tabs import bartsmiles_views as views
from tabs import bartsmiles_words as say
from tabs.bartsmiles_gallery import mask_value

ESOL, BBBP, CLINTOX = TASKS[0], TASKS[3], TASKS[5]
CARD = {
    "metrics": {"esol_scaffold_rmse": 0.91, "bbbp_scaffold_auc": 0.66, "clintox_neutralised_auc": 0.74},
    "baselines": {"esol": {"fingerprints": 1.61, "descriptors": 0.98}, "bbbp": {"fingerprints": 0.69}},
}


def reading(similarity: float = 0.8, notes: tuple[str, ...] = ()) -> Reading:
    molecule = read_molecule(EXAMPLES["Aspirin"])
    values = {task.name: 0.25 for task in TASKS} | {"esol": -2.0}
    return Reading(molecule.smiles, notes, values, 180.16, similarity, {molecule.smiles: sketch_of(molecule)})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-2.0, "−2.00 log mol/l, about 1.8 g/l"),
        (-5.0, "−5.00 log mol/l, about 1.8 mg/l"),
        (-8.0, "−8.00 log mol/l, about 1.8 µg/l"),
        (-12.0, "−12.00 log mol/l, next to nothing"),
        (1.0, "1.00 log mol/l, very soluble"),
        (-0.5, "−0.50 log mol/l, about 57 g/l"),
        (-0.001, "0.00 log mol/l, about 180 g/l"),
    ],
)
def test_a_solubility_is_told_in_grams_too(value: float, text: str) -> None:
    assert say.value_says(ESOL, value, 180.16) == text


def test_values_of_the_others() -> None:
    assert say.value_says(TASKS[1], -5.5, 100) == "−5.50 kcal/mol"
    assert say.value_says(BBBP, 0.934, 100) == "93 %"
    assert say.value_says(BBBP, 0.003, 100) == "< 1 %"
    assert say.value_says(BBBP, 0.997, 100) == "> 99 %"
    assert say.signed(0.5) == "+0.50"
    assert say.signed(-0.001) == "0.00"


def test_badges_hold_what_is_measured_and_no_more() -> None:
    assert say.badge(ESOL, CARD) == "RMSE 0.91, trees 0.98"
    assert say.badge(BBBP, CARD) == "AUC 0.66, trees 0.69"
    assert say.badge(CLINTOX, CARD) == "AUC 0.74"
    assert say.badge(TASKS[1], CARD) == ""
    assert say.badge(ESOL, {"metrics": {}}) == ""
    assert say.is_weak(BBBP, CARD)
    assert not say.is_weak(CLINTOX, CARD)
    assert not say.is_weak(ESOL, CARD)


def test_values_stand_on_their_scale() -> None:
    for task in TASKS:
        words = say.WORDS[task.name]
        assert say.position(task, words.low - 5) == 0
        assert say.position(task, words.high + 5) == 1
        assert 0 < say.position(task, (words.low + words.high) / 2) < 1


def test_what_is_unlike_all_training_molecules_is_warned_of() -> None:
    assert say.is_far(reading(0.8)) == ""
    assert "0.12" in say.is_far(reading(0.12))
    value = views.picture_value(reading(0.12, ("A note.",)), "Aspirin", "esol", "occlusion", CARD)
    assert len(value["warnings"]) == 2
    assert value["words"]["bbbp"]["warning"]
    assert not value["words"]["esol"]["warning"]


def test_properties_have_six_rows_and_a_note_only_with_scores() -> None:
    value = views.properties_value(reading(), "esol", CARD)
    assert [row["head"] for row in value["rows"]] == [task.name for task in TASKS]
    assert value["rows"][3]["weak"]
    assert "trees" in value["note"]
    assert views.properties_value(reading(), "esol", {"metrics": {}})["note"] == ""


def test_names_of_molecules() -> None:
    assert views.name_of(read_molecule(EXAMPLES["Morphine"]).smiles) == "Morphine"
    assert views.name_of("CCO") == "Your molecule"


def test_a_mask_board_names_its_atoms() -> None:
    value = mask_value(sketch_of(read_molecule("CC(=O)[NH3+]")), (1,))
    assert sorted(value["symbols"]) == ["C", "C", "O", "[NH3+]"]
    assert len(value["points"]) == 4
    assert value["masked"] == [1]


def test_the_lesson_tells_figures_only_if_there_are_some() -> None:
    assert "<table" not in lesson.story({})
    text = lesson.story({"clintox_no_charge_rule_auc": 0.809, "clintox_as_written_auc": 0.95})
    assert "0.809" in text and "0.950" in text
    assert re.search("rule without any chemistry", html.unescape(text))
