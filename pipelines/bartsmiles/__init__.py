"""BARTSmiles (arXiv 2211.16349): a BART for molecules, its property heads, and why it predicts what it does.

    from pipelines.bartsmiles.check import read_molecule
    from pipelines.bartsmiles.predictor import load
    from pipelines.bartsmiles.attribution import attribute

    model, molecule = load(), read_molecule("CC(=O)Oc1ccccc1C(=O)O")
    model.predict(molecule).values["esol"]
    for report in attribute(model.properties, molecule, "esol", "integrated gradients", strings=8): ...

What is imported here needs no torch and no RDKit, so that a page can be built in no time.
"""

from __future__ import annotations

from pipelines.bartsmiles.summary import FAR, AtomMap, Reading, Sketch, first, map_key
from pipelines.bartsmiles.tasks import AS_WRITTEN, LEARNT, TASKS, Task

EXAMPLES = {
    "Aspirin": "CC(=O)Oc1ccccc1C(=O)O",
    "Caffeine": "Cn1c(=O)c2c(ncn2C)n(C)c1=O",
    "Paracetamol": "CC(=O)Nc1ccc(O)cc1",
    "Ibuprofen": "CC(C)Cc1ccc(cc1)C(C)C(=O)O",
    "Diazepam": "CN1C(=O)CN=C(c2ccccc2)c2cc(Cl)ccc21",
    "Morphine": "CN1CC[C@]23c4c5ccc(O)c4O[C@H]2[C@@H](O)C=C[C@H]3[C@H]1C5",
    "Fluoxetine": "CNCCC(Oc1ccc(cc1)C(F)(F)F)c1ccccc1",
    "DDT": "Clc1ccc(cc1)C(c1ccc(Cl)cc1)C(Cl)(Cl)Cl",
    "Glucose": "OC[C@H]1OC(O)[C@H](O)[C@@H](O)[C@@H]1O",
    "Testosterone": "C[C@]12CC[C@H]3[C@@H](CCC4=CC(=O)CC[C@@]43C)[C@@H]1CC[C@@H]2O",
}
"""Well-known molecules by name."""

FIRST = "Ibuprofen"
"""The one that the page shows at load."""
METHODS = ("integrated gradients", "occlusion")
STRINGS = 8
"""Ways to write a molecule that an attribution is averaged over."""

__all__ = [
    "AS_WRITTEN",
    "EXAMPLES",
    "FAR",
    "FIRST",
    "LEARNT",
    "METHODS",
    "STRINGS",
    "TASKS",
    "AtomMap",
    "Reading",
    "Sketch",
    "Task",
    "first",
    "map_key",
]
