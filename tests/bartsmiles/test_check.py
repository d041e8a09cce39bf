"""Every bad input gets its sentence."""

from __future__ import annotations

import time

import pytest

from pipelines.bartsmiles.check import read_molecule
from pipelines.errors import InputError

BAD = {
    "": "no molecule yet",
    "  \n": "no molecule yet",
    "C1CC": "Ring 1 opens",
    "CC(C": "no partner",
    "CCO>>CC=O": "a reaction",
    "CC>O>CO": "a reaction",
    "cco": "no aromatic ring",
    "c1cccc1": "no aromatic ring",
    "InChI=1S/CH4/h1H4": "an InChI",
    "ССО": "cyrillic",
    "CC–O": "en dash",
    "CC\x00O": "character number 0",
    "<b>C</b>": "“<” is not part",
    "<img": "“<” is not part",
    "C(C)(C)(C)(C)C": "has 5 bonds",
    "CCO ethanol": "after the SMILES string: “ethanol”",
    "CCO |c:1|": "after the SMILES string",
    "C C O": "after the SMILES string",
    "CCO\nCCC": "more than one line",
    "[#6]": "search patterns",
    "C~C": "search patterns",
    "*CC*": "stands for any atom",
    "C$C": "search patterns",
    "[H+]": "nothing but hydrogen",
    "[H][H]": "nothing but hydrogen",
    "N->[Cu]": "dative bonds",
    "[Na+].[Cl-]": "no organic part",
    "C" * 200: "takes 200 tokens",
    "C" * 1000: "1,000 characters",
    "Hello": "looks like a name",
    "paracetamol-500": "looks like a name",
    "C9H8O4": "is a formula",
    "CHCl3": "is a formula",
    "50-78-2": "a CAS number",
    "Cx=O": "is not part of a SMILES string",
    "CC==O": "is not a SMILES string",
    ")C(": "is not a SMILES string",
}


@pytest.mark.parametrize("text", BAD)
def test_bad_input_gets_its_sentence(text: str) -> None:
    with pytest.raises(InputError) as caught:
        read_molecule(text)
    assert BAD[text].lower() in caught.value.message.lower()
    assert caught.value.hint
    assert caught.value.field == "Molecule"


def test_none_is_bad_input_too() -> None:
    with pytest.raises(InputError):
        read_molecule(None)


def test_deep_nesting_is_refused_at_once() -> None:
    start = time.process_time()
    with pytest.raises(InputError):
        read_molecule("C(" * 50_000 + "C" + ")" * 50_000)
    with pytest.raises(InputError):
        read_molecule("C(" * 160 + "C" + ")" * 160)
    assert time.process_time() - start < 1.0


def test_an_inchi_is_told_as_smiles() -> None:
    with pytest.raises(InputError) as caught:
        read_molecule("InChI=1S/C2H6O/c1-2-3/h3H,2H2,1H3")
    assert "CCO" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "smiles", "note"),
    [
        ("c1ccc1", "C1=CC=C1", "No ring here is aromatic"),
        ("[13CH4]", "[13CH4]", "[13CH4]"),
        ("CC(=O)[O-].[Na+]", "CC(=O)[O-]", "[Na+]"),
        ("C[Hg]C", "[CH3][Hg][CH3]", "metals"),
        ("O", "O", "without carbon"),
        ("F[Xe]F", "F[Xe]F", "[Xe]"),
    ],
)
def test_odd_molecules_are_read_with_a_note(text: str, smiles: str, note: str) -> None:
    molecule = read_molecule(text)
    assert molecule.smiles == smiles
    assert note in " ".join(molecule.notes)


def test_an_ordinary_molecule_needs_no_note() -> None:
    molecule = read_molecule(" OC(=O)c1ccccc1OC(C)=O ")
    assert molecule.smiles == "CC(=O)Oc1ccccc1C(=O)O"
    assert molecule.notes == molecule.dropped == ()
    assert len(molecule.atom_tokens) == molecule.mol.GetNumAtoms() == 13


@pytest.mark.parametrize("text", ["aspirin", "Aspirin ", '"CC(=O)Oc1ccccc1C(=O)O"', "CC(=O)Oc1ccccc1C(=O)O,"])
def test_names_of_examples_and_quotes_around_are_understood(text: str) -> None:
    assert read_molecule(text).smiles == "CC(=O)Oc1ccccc1C(=O)O"


def test_explicit_hydrogens_leave_tokens_and_atoms_equal() -> None:
    molecule = read_molecule("[H]C([H])([H])[H]")
    assert len(molecule.atom_tokens) == molecule.mol.GetNumAtoms() == 1
