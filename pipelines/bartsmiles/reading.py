"""Read a molecule for a page: predictions, drawings, maps of its atoms.

    python -m pipelines.bartsmiles.reading

makes assets/bartsmiles/first.json anew: the reading that the page shows at load.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from rdkit.Chem.Descriptors import MolWt

from pipelines.bartsmiles import EXAMPLES, FIRST, METHODS, STRINGS
from pipelines.bartsmiles.alignment import atom_shares
from pipelines.bartsmiles.attribution import Attribution, Method, attribute
from pipelines.bartsmiles.check import Molecule, read_molecule
from pipelines.bartsmiles.draw import bond_length, sketch
from pipelines.bartsmiles.nearest import load_library
from pipelines.bartsmiles.predictor import Predictor, load, molecule_for
from pipelines.bartsmiles.summary import AtomMap, Reading, Sketch
from pipelines.bartsmiles.tasks import TASKS
from pipelines.runtime import Progress
from pipelines.weights import ASSETS


def sketch_of(molecule: Molecule) -> Sketch:
    """A molecule to draw, with its tokens."""
    ink, points = sketch(molecule.mol)
    atoms_of = tuple(tuple(map(int, np.flatnonzero(row))) for row in atom_shares(molecule.tokens))
    reach = bond_length(molecule.mol, points)
    return Sketch(molecule.smiles, ink, tuple(points), reach, molecule.tokens, atoms_of)


def read(predictor: Predictor, molecule: Molecule) -> Reading:
    """All predictions of a molecule, without maps."""
    found = predictor.predict(molecule)
    return Reading(
        molecule.smiles,
        molecule.notes,
        found.values,
        float(MolWt(molecule.mol)),
        load_library().familiarity(found.fingerprint),
        {molecule.smiles: sketch_of(molecule)},
    )


def explain(
    predictor: Predictor,
    molecule: Molecule,
    head: str,
    method: Method,
    strings: int = STRINGS,
    seed: int = 0,
) -> Iterator[Progress | AtomMap]:
    """A head's map, better with every string: Progress with the map so far as preview, then the map.

    The preview is None while there is no map yet, and nothing new since the last one.
    """
    told, last = molecule_for(head, molecule), None
    for report in attribute(predictor.properties, told, head, method, strings, seed):
        if not isinstance(report, Progress):
            yield _map(told, report, seed)
            continue
        news = report.preview is not None and report is not last
        found = _map(told, report.preview, seed) if news else None
        yield Progress(report.step, report.total, report.message, found)
        last = report


def _map(molecule: Molecule, found: Attribution, seed: int) -> AtomMap:
    canonical = found.canonical
    return AtomMap(
        found.head,
        found.method,
        molecule.smiles,
        tuple(found.atoms.tolist()),
        tuple(found.spread.tolist()),
        tuple(canonical.values.tolist()),
        found.syntax,
        canonical.output,
        canonical.baseline,
        canonical.completeness_error,
        len(found.outputs),
        seed,
        tuple(found.outputs.tolist()),
    )


def main() -> None:
    predictor, molecule = load(), read_molecule(EXAMPLES[FIRST])
    result = read(predictor, molecule)
    for task in TASKS:
        for method in METHODS:
            *_, found = explain(predictor, molecule, task.name, method)
            result = result.with_map(found, sketch_of(molecule_for(task.name, molecule)))
    (ASSETS / "bartsmiles" / "first.json").write_text(result.to_json() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
