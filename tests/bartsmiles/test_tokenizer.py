"""One token per atom, whatever the molecule."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem

from pipelines.bartsmiles.alignment import atom_shares
from pipelines.bartsmiles.molecules import canonical, parse, shuffled
from pipelines.bartsmiles.nearest import nci_molecules
from pipelines.bartsmiles.tokenizer import MASK, UNK, is_atom, load_tokenizer, split

# Holds every kind of token that the six MoleculeNet sets have.
TYPES = (Path(__file__).parent / "token_types.smi").read_text(encoding="utf-8").split()


@pytest.mark.parametrize("smiles", TYPES)
def test_tokens_are_atoms_on_every_moleculenet_type(smiles: str) -> None:
    assert "".join(split(smiles)) == smiles
    text = canonical(parse(smiles))
    if "->" in text:  # two complexes of cobalt, which RDKit writes with dative bonds
        text = smiles
    mol = parse(text)
    symbols = [token.strip("[]").lstrip("0123456789") for token in split(text) if is_atom(token)]
    assert len(symbols) == mol.GetNumAtoms()
    for symbol, atom in zip(symbols, mol.GetAtoms(), strict=True):
        assert symbol.lower().startswith(atom.GetSymbol().lower())


def test_the_nci_set_goes_through_the_ids_and_back() -> None:
    tokenizer = load_tokenizer()
    for _, smiles in nci_molecules()[::10]:
        ids = tokenizer.encode(smiles)
        if UNK not in ids:
            assert tokenizer.decode(ids) == smiles


def test_specials_and_unknown_tokens() -> None:
    tokenizer = load_tokenizer()
    assert tokenizer.tokens[:5] == ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
    assert len(set(tokenizer.tokens)) == len(tokenizer) < 256
    assert tokenizer.encode("C<mask>[Xe]") == [tokenizer.ids["C"], MASK, UNK]
    assert tokenizer.unknown("C[Xe][Xe]C") == ["[Xe]"]
    with pytest.raises(ValueError, match="x"):
        split("CxC")


@pytest.mark.parametrize(
    "smiles",
    [
        "C=1CCCCC1",
        "C1=CCCCC1",
        "CC(=O)OC",
        "C(=O)(C)C#N",
        "F/C=C/F",
        "C1CC1.C=O",
        "C%11=CC=CC%11",
        "N1C=CC2=C1C=CC2",
    ],
)
def test_a_bond_sign_belongs_to_the_two_atoms_of_its_bond(smiles: str) -> None:
    tokens = tuple(split(smiles))
    shares, mol = atom_shares(tokens), Chem.MolFromSmiles(smiles)
    orders = {"=": 2.0, "#": 3.0}
    for token, row in zip(tokens, shares, strict=True):
        if token in orders:
            first, second = np.flatnonzero(row)
            bond = mol.GetBondBetweenAtoms(int(first), int(second))
            Chem.Kekulize(mol)
            assert bond.GetBondTypeAsDouble() == orders[token]
        assert row.sum() == (0 if token in "()." else 1)


def test_a_shuffled_string_knows_its_atoms() -> None:
    mol = parse("CC(=O)Oc1ccccc1C(=O)N[C@@H](C)F")
    texts = set()
    for seed in range(10):
        text, order = shuffled(mol, seed)
        texts.add(text)
        other = parse(text)
        assert canonical(other) == canonical(mol)
        for place, atom in enumerate(order):
            assert other.GetAtomWithIdx(place).GetSymbol() == mol.GetAtomWithIdx(atom).GetSymbol()
            assert other.GetAtomWithIdx(place).GetDegree() == mol.GetAtomWithIdx(atom).GetDegree()
        assert shuffled(mol, seed) == (text, order)
    assert len(texts) > 5
