"""Chemistry that the figures rest on."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.bartsmiles import EXAMPLES
from pipelines.bartsmiles.draw import colour, draw, hexadecimal
from pipelines.bartsmiles.molecules import (
    benzene_atoms,
    canonical,
    crippen_atoms,
    crippen_logp,
    fingerprint,
    neutralised,
    parse,
    scaffold,
    tanimoto,
)
from pipelines.bartsmiles.splits import scaffold_split, served
from pipelines.bartsmiles.tasks import AS_WRITTEN, TASKS


@pytest.mark.parametrize("smiles", EXAMPLES.values(), ids=EXAMPLES)
def test_crippen_parts_sum_to_the_logp(smiles: str) -> None:
    mol = parse(smiles)
    assert crippen_atoms(mol).sum() == pytest.approx(crippen_logp(mol), abs=1e-9)


def test_aspirin_is_as_published() -> None:
    assert crippen_logp(parse(EXAMPLES["Aspirin"])) == pytest.approx(1.3101)


def test_benzene_atoms_are_those_of_six_carbon_rings() -> None:
    assert benzene_atoms(parse("Cc1ccccc1")).tolist() == [False] + [True] * 6
    assert not benzene_atoms(parse("Cc1ccccn1")).any()
    assert benzene_atoms(parse("c1ccc2ccccc2c1")).all()


def test_clintox_loses_its_charges_and_only_there() -> None:
    mol = parse("C[NH2+]CC(=O)[O-].[Na+]")
    assert canonical(served(mol, TASKS[-1])) == "CNCC(=O)O"
    assert canonical(served(mol, AS_WRITTEN)) == "C[NH2+]CC(=O)[O-]"
    assert canonical(neutralised(parse("C[N+](C)(C)C"))) == "C[N+](C)(C)C"


def test_scaffold_split_is_deepchems() -> None:
    names = ["a"] * 5 + ["b"] * 3 + ["c", "d"]
    parts = scaffold_split(names)
    assert {name: rows.tolist() for name, rows in parts.items()} == {
        "train": [0, 1, 2, 3, 4, 5, 6, 7],
        "valid": [9],
        "test": [8],
    }
    assert scaffold(parse("CCc1ccccc1")) == "c1ccccc1"
    assert scaffold(parse("CCO")) == ""


def test_tanimoto_of_packed_fingerprints() -> None:
    ethanol, other = fingerprint(parse("CCO")), fingerprint(parse("c1ccccc1"))
    assert tanimoto(ethanol, np.stack([ethanol, other])).tolist() == [1.0, 0.0]


def test_drawing_colours_atoms_symmetrically() -> None:
    assert colour(0, 1) == (1, 1, 1)
    blue, orange = (hexadecimal(colour(value, 2.0)) for value in (-9.0, 9.0))
    assert blue == "#2b6bb8"
    assert orange == "#ed7d0f"
    mol = parse("CCO")
    svg = draw(mol, np.array([0.5, 0.0, -1.0]))
    assert svg.startswith("<svg")
    assert "atom-2" in svg
    assert hexadecimal(colour(-1, 1)).upper()[:5] in svg
    assert mol.GetNumConformers() == 0


def test_drawing_holds_no_markup_of_a_visitor() -> None:
    mol = parse("CCO")
    mol.GetAtomWithIdx(0).SetProp("atomNote", "<img src=x onerror=alert(1)>")
    assert "<img" not in draw(mol)
