"""What the page is given: readings, maps, the lesson, shapes, files; on a tiny random model."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest

from pipelines.bartsmiles import EXAMPLES, TASKS, Reading, map_key
from pipelines.bartsmiles.check import read_molecule
from pipelines.bartsmiles.draw import SIZE, draw_png, sketch
from pipelines.bartsmiles.export import atoms_csv, picture_png, picture_svg
from pipelines.bartsmiles.lesson import both_ways
from pipelines.bartsmiles.molecules import canonical, conformer, ionised, neutralised, parse
from pipelines.bartsmiles.predictor import Predictor
from pipelines.bartsmiles.reading import explain, sketch_of
from pipelines.runtime import Progress

ASPIRIN = read_molecule(EXAMPLES["Aspirin"])


def reading(tiny: Predictor) -> Reading:
    result = Reading(
        ASPIRIN.smiles,
        (),
        tiny.predict(ASPIRIN).values,
        180.16,
        0.5,
        {ASPIRIN.smiles: sketch_of(ASPIRIN)},
    )
    *_, found = explain(tiny, ASPIRIN, "esol", "occlusion", strings=3)
    return result.with_map(found, sketch_of(ASPIRIN))


def test_a_map_gets_better_with_every_string(tiny: Predictor) -> None:
    *reports, found = explain(tiny, ASPIRIN, "esol", "integrated gradients", strings=3, seed=2)
    assert all(isinstance(report, Progress) for report in reports)
    maps = [report.preview for report in reports if report.preview]
    assert [each.strings for each in maps] == [1, 2], "none comes twice"
    assert (found.strings, found.seed, found.key) == (3, 2, map_key("esol", "integrated gradients"))
    assert len(found.atoms) == len(found.spread) == 13
    assert found.shakiness > 0
    assert maps[0].shakiness == 0


def test_the_map_of_a_neutralised_head_explains_the_neutral_string(tiny: Predictor) -> None:
    salt = read_molecule("CC[NH3+].[Cl-]")
    *_, found = explain(tiny, salt, "clintox", "occlusion", strings=1)
    assert found.smiles == "CCN"


def test_json_keeps_a_reading(tiny: Predictor) -> None:
    kept = reading(tiny)
    again = Reading.from_json(kept.to_json())
    assert again.to_json() == kept.to_json()
    assert again.maps["esol|occlusion"].atoms == pytest.approx(kept.maps["esol|occlusion"].atoms, rel=1e-4)
    assert again.sketches[ASPIRIN.smiles].atoms_of[0] == (0,)
    assert json.loads(kept.to_json())["values"].keys() >= {task.name for task in TASKS}


def test_a_sketch_has_one_ink_and_a_place_for_every_atom() -> None:
    found = sketch_of(ASPIRIN)
    assert "currentColor" in found.ink and "#" not in found.ink and "<svg" not in found.ink
    assert len(found.points) == 13
    assert all(0 < x < SIZE[0] and 0 < y < SIZE[1] for x, y in found.points)
    assert 10 < found.reach < 120
    assert len(found.tokens) == len(found.atoms_of) == len(ASPIRIN.tokens)
    assert len(sketch(parse("C"))[1]) == 1
    assert sketch_of(read_molecule("C")).reach > 0


@pytest.mark.parametrize(
    ("smiles", "charged"),
    [
        ("CCN", "CC[NH3+]"),
        ("CN(C)C", "C[NH+](C)C"),
        ("CC(=O)O", "CC(=O)[O-]"),
        ("NCC(=O)O", "[NH3+]CC(=O)[O-]"),
        ("CC(N)=O", "CC(N)=O"),
        ("Nc1ccccc1", "Nc1ccccc1"),
        ("CS(=O)(=O)NC", "CNS(C)(=O)=O"),
        (EXAMPLES["Caffeine"], canonical(parse(EXAMPLES["Caffeine"]))),
    ],
)
def test_charges_in_blood(smiles: str, charged: str) -> None:
    mol = ionised(parse(smiles))
    assert canonical(mol) == charged
    assert canonical(neutralised(mol)) == canonical(parse(smiles))


def test_the_lesson_writes_one_substance_in_two_ways(tiny: Predictor) -> None:
    plain, charged = both_ways(tiny, read_molecule(EXAMPLES["Fluoxetine"]))
    assert "+" not in plain.smiles and "[NH2+]" in charged.smiles
    assert plain.neutral == pytest.approx(charged.neutral)
    assert plain.as_written != charged.as_written
    assert len(charged.atoms) == len(charged.points) == parse(charged.smiles).GetNumAtoms()
    assert both_ways(tiny, read_molecule(EXAMPLES["Caffeine"])) is None


def test_a_shape_in_space_has_the_bonds_of_the_molecule_and_no_mirror_image() -> None:
    places, symbols, bonds = conformer(parse(EXAMPLES["Aspirin"]))
    assert places.shape == (21, 3)
    assert symbols[:13] == [atom.GetSymbol() for atom in ASPIRIN.mol.GetAtoms()]
    lengths = [np.linalg.norm(places[a] - places[b]) for a, b, _ in bonds]
    assert 0.8 < min(lengths) < max(lengths) < 1.8
    assert np.allclose(places.mean(axis=0), 0, atol=1e-6)
    assert np.ptp(places[:, 0]) > np.ptp(places[:, 2])


def test_a_shape_is_no_mirror_image() -> None:
    handed = []
    for smiles in ("F[C@](Cl)(Br)I", "F[C@@](Cl)(Br)I"):
        places = conformer(parse(smiles))[0]
        handed.append(np.sign(np.linalg.det([places[i] - places[1] for i in (0, 2, 3)])))
    # "@": seen from F, chlorine, bromine and iodine go anticlockwise.
    assert handed == [1, -1]


def test_files_of_a_map(tiny: Predictor) -> None:
    found = reading(tiny).maps["esol|occlusion"]
    assert picture_svg(found, "Solubility").startswith("<svg")
    assert picture_png(found, "Solubility").startswith(b"\x89PNG")
    rows = list(csv.DictReader(io.StringIO(atoms_csv(found))))
    assert [row["symbol"] for row in rows] == [atom.GetSymbol() for atom in ASPIRIN.mol.GetAtoms()]
    assert float(rows[0]["value"]) == pytest.approx(found.atoms[0], rel=1e-4)
    assert draw_png(ASPIRIN.mol).startswith(b"\x89PNG")
