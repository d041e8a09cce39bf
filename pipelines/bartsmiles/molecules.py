"""RDKit, quiet, and with one meaning of each thing that is done to molecules here."""

from __future__ import annotations

import numpy as np
from rdkit import Chem, RDLogger
from rdkit.Chem.MolStandardize import rdMolStandardize
from rdkit.Chem.rdchem import Mol

RDLogger.DisableLog("rdApp.*")
_LARGEST = rdMolStandardize.LargestFragmentChooser(preferOrganic=True)
_UNCHARGER = rdMolStandardize.Uncharger()


def parse(smiles: str) -> Mol | None:
    """The molecule of a SMILES string, None if RDKit does not accept it."""
    return Chem.MolFromSmiles(smiles)


def canonical(mol: Mol) -> str:
    """RDKit's canonical SMILES."""
    return Chem.MolToSmiles(mol)


def flat(mol: Mol) -> str:
    """Canonical SMILES without stereochemistry: two strings are the same molecule here if this agrees."""
    return Chem.MolToSmiles(mol, isomericSmiles=False)


def largest_fragment(mol: Mol) -> Mol:
    """The largest organic part of a mixture or salt."""
    return _LARGEST.choose(mol) if len(Chem.GetMolFrags(mol)) > 1 else mol


def neutralised(mol: Mol) -> Mol:
    """The same molecule with as few charges as protons can take away."""
    return _UNCHARGER.uncharge(mol)


_AMINE = Chem.MolFromSmarts("[NX3;H0,H1,H2;+0;!$(N-[#6]=[O,N,S]);!$(N-S=O);!$(N-a);!$(N-[!#6;!#1])]([CX4])")
_ACID = Chem.MolFromSmarts("[OX2H1;+0]-C=O")


def ionised(mol: Mol) -> Mol:
    """The same molecule with a proton on each aliphatic amine and none on a carboxylic acid, as in blood."""
    result = Chem.RWMol(mol)
    for pattern, charge in ((_AMINE, 1), (_ACID, -1)):
        for atom in {match[0] for match in mol.GetSubstructMatches(pattern)}:
            result.GetAtomWithIdx(atom).SetFormalCharge(charge)
            if charge > 0:
                result.GetAtomWithIdx(atom).SetNumExplicitHs(mol.GetAtomWithIdx(atom).GetTotalNumHs() + 1)
    Chem.SanitizeMol(result)
    return result.GetMol()


def conformer(mol: Mol, seed: int = 0) -> tuple[np.ndarray, list[str], list[tuple[int, int, float]]]:
    """A shape in space by ETKDG, relaxed with MMFF94 (UFF where that has no parameters).

    Returns positions in ångström, float [atoms and hydrogens, 3], the heavy atoms first and in their order,
    around the centre and with the longest extent along x; symbols; bonds (atom, atom, order). Raises
    ValueError if no shape is found.
    """
    from rdkit.Chem import rdDistGeom, rdForceFieldHelpers

    full = Chem.AddHs(mol)
    how = rdDistGeom.ETKDGv3()
    how.randomSeed = seed + 1
    how.timeout = 5
    if rdDistGeom.EmbedMolecule(full, how) < 0:
        how.useRandomCoords = True
        if rdDistGeom.EmbedMolecule(full, how) < 0:
            raise ValueError("no shape found")
    if rdForceFieldHelpers.MMFFHasAllMoleculeParams(full):
        rdForceFieldHelpers.MMFFOptimizeMolecule(full)
    elif rdForceFieldHelpers.UFFHasAllMoleculeParams(full):
        rdForceFieldHelpers.UFFOptimizeMolecule(full)
    places = full.GetConformer().GetPositions()
    places = places - places.mean(axis=0)
    axes = np.linalg.svd(places, full_matrices=True)[2]
    axes[2] *= np.sign(np.linalg.det(axes))  # a turn, no mirror image
    bonds = [
        (bond.GetBeginAtomIdx(), bond.GetEndAtomIdx(), bond.GetBondTypeAsDouble()) for bond in full.GetBonds()
    ]
    return places @ axes.T, [atom.GetSymbol() for atom in full.GetAtoms()], bonds


def shuffled(mol: Mol, seed: int) -> tuple[str, list[int]]:
    """A SMILES string in a random atom order, and which atom of `mol` each atom token of it is."""
    order = np.random.default_rng(seed).permutation(mol.GetNumAtoms()).tolist()
    renumbered = Chem.RenumberAtoms(mol, order)
    smiles = Chem.MolToSmiles(renumbered, canonical=False)
    written = renumbered.GetProp("_smilesAtomOutputOrder", autoConvert=False)
    return smiles, [order[int(i)] for i in written.strip("[],").split(",")]


def scaffold(mol: Mol) -> str:
    """The Bemis-Murcko scaffold without chirality, as in DeepChem's splitter; "" without rings."""
    from rdkit.Chem.Scaffolds.MurckoScaffold import MurckoScaffoldSmiles

    return MurckoScaffoldSmiles(mol=mol, includeChirality=False)


def crippen_logp(mol: Mol) -> float:
    """Wildman and Crippen's logP."""
    from rdkit.Chem.Crippen import MolLogP

    return MolLogP(mol)


def crippen_atoms(mol: Mol) -> np.ndarray:
    """Each heavy atom's part of the Crippen logP, hydrogens counted to their atom: float [atoms].

    The parts sum to the logP exactly; without the hydrogens they do not.
    """
    from rdkit.Chem.rdMolDescriptors import _CalcCrippenContribs

    full = Chem.AddHs(mol)
    parts = np.array([part for part, _ in _CalcCrippenContribs(full)])
    n = mol.GetNumAtoms()
    result = parts[:n].copy()
    for atom in list(full.GetAtoms())[n:]:
        result[atom.GetNeighbors()[0].GetIdx()] += parts[atom.GetIdx()]
    return result


_BENZENE = Chem.MolFromSmarts("c1ccccc1")


def benzene_atoms(mol: Mol) -> np.ndarray:
    """Which atoms are in a benzene ring: bool [atoms]."""
    result = np.zeros(mol.GetNumAtoms(), dtype=bool)
    for match in mol.GetSubstructMatches(_BENZENE):
        result[list(match)] = True
    return result


def fingerprint(mol: Mol) -> np.ndarray:
    """ECFP4 of 1,024 bits, packed: uint8 [128]."""
    from rdkit.Chem.rdFingerprintGenerator import GetMorganGenerator

    return np.packbits(GetMorganGenerator(radius=2, fpSize=1024).GetFingerprintAsNumPy(mol))


def tanimoto(one: np.ndarray, many: np.ndarray) -> np.ndarray:
    """Tanimoto similarity of one packed fingerprint uint8 [128] to many [n, 128]: float [n]."""
    both = np.bitwise_count(one & many).sum(axis=-1, dtype=np.int64)
    either = np.bitwise_count(one | many).sum(axis=-1, dtype=np.int64)
    return both / np.maximum(either, 1)
