"""The ClinTox lesson: the same molecule written with and without charges, to two heads.

One head learnt the set as it is written, where next to no toxic molecule has a charge and most others do;
the other learnt it with all charges taken out.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.bartsmiles.attribution import last_attribution
from pipelines.bartsmiles.check import Molecule, read_molecule
from pipelines.bartsmiles.draw import sketch
from pipelines.bartsmiles.molecules import canonical, ionised, neutralised
from pipelines.bartsmiles.predictor import Predictor
from pipelines.bartsmiles.tasks import AS_WRITTEN, TASKS

STRINGS = 2


@dataclass(frozen=True)
class Written:
    """One way to write the molecule, and what both heads make of it."""

    smiles: str
    as_written: float
    """Probability of toxicity by the head that learnt from charged strings."""
    neutral: float
    """By the head that gets every molecule without charges."""
    atoms: tuple[float, ...]
    """What the first head looks at: occlusion, logits."""
    ink: str
    points: tuple[tuple[float, float], ...]


def both_ways(predictor: Predictor, molecule: Molecule) -> tuple[Written, Written] | None:
    """A molecule without charges and with those it has in blood; None if it has none there."""
    plain = neutralised(molecule.mol)
    charged = canonical(ionised(plain))
    if charged == canonical(plain):
        return None
    return _written(predictor, canonical(plain)), _written(predictor, charged)


def _written(predictor: Predictor, smiles: str) -> Written:
    molecule = read_molecule(smiles)
    values = predictor.predict(molecule).values
    found = last_attribution(predictor.properties, molecule, AS_WRITTEN.name, "occlusion", STRINGS)
    ink, points = sketch(molecule.mol)
    return Written(
        smiles,
        values[AS_WRITTEN.name],
        values[TASKS[-1].name],
        tuple(found.atoms.tolist()),
        ink,
        tuple(points),
    )
