"""The library's molecules nearest to one, ready to be shown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from rdkit.Chem.Descriptors import MolWt

from pipelines.bartsmiles.check import Molecule
from pipelines.bartsmiles.draw import sketch
from pipelines.bartsmiles.heads import CLASSIFIED, HEADS
from pipelines.bartsmiles.molecules import parse
from pipelines.bartsmiles.nearest import Neighbour, load_library
from pipelines.bartsmiles.predictor import load

COUNT = 12


@dataclass(frozen=True)
class Shown:
    """A molecule of the library, drawn."""

    name: str
    smiles: str
    ink: str
    """The inside of an SVG of draw.SIZE."""
    cosine: float
    tanimoto: float
    values: dict[str, float]
    """Per head: raw units, or the probability of class 1."""
    weight: float
    """Molar mass, g/mol."""


def neighbours(molecule: Molecule, count: int = COUNT) -> tuple[Shown, ...]:
    """The `count` molecules of the most similar embedding, the molecule itself left out."""
    found = load().predict(molecule)
    near = load_library().nearest(found.embedding, found.fingerprint, count + 1)
    return tuple(_shown(one) for one in near if one.smiles != molecule.smiles)[:count]


def _shown(one: Neighbour) -> Shown:
    mol = parse(one.smiles)
    raw = np.array(one.values)
    values = np.where(CLASSIFIED, 1 / (1 + np.exp(-raw)), raw)
    return Shown(
        one.name,
        one.smiles,
        sketch(mol)[0],
        one.cosine,
        one.tanimoto,
        dict(zip(HEADS, map(float, values), strict=True)),
        float(MolWt(mol)),
    )
