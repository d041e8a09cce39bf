"""What forests reach on the same scaffold splits: the figures that stand beside each head's.

    python -m pipelines.bartsmiles.baselines --data FOLDER

prints JSON; with fingerprints (ECFP4) and with RDKit's descriptors.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from rdkit.Chem import Descriptors
from rdkit.Chem.rdchem import Mol
from rdkit.Chem.rdFingerprintGenerator import GetMorganGenerator
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from pipelines.bartsmiles.finetune import score
from pipelines.bartsmiles.splits import task_data
from pipelines.bartsmiles.tasks import LEARNT, Task

LARGEST = 1e6
"""Descriptors are cut here: some, such as Ipc, overflow."""


def fingerprints(mols: list[Mol]) -> np.ndarray:
    """ECFP4 of 2,048 bits, uint8 [n, 2048]."""
    generator = GetMorganGenerator(radius=2, fpSize=2048)
    return np.stack([generator.GetFingerprintAsNumPy(mol) for mol in mols])


def descriptors(mols: list[Mol]) -> np.ndarray:
    """All of RDKit's descriptors, float [n, 217]."""
    table = [[function(mol) for _, function in Descriptors.descList] for mol in mols]
    return np.clip(np.nan_to_num(np.array(table, dtype=float)), -LARGEST, LARGEST)


def forest_score(task: Task, data: Path, X: np.ndarray, seed: int = 0) -> float:
    """Test score of a forest that is trained on the training part."""
    found = task_data(task, data)
    train, test = found.parts["train"], found.parts["test"]
    if task.kind == "classification":
        forest = RandomForestClassifier(200, class_weight="balanced", random_state=seed, n_jobs=1)
        predicted = forest.fit(X[train], found.values[train]).predict_proba(X[test])[:, 1]
    else:
        forest = RandomForestRegressor(200, random_state=seed, n_jobs=1)
        predicted = forest.fit(X[train], found.values[train]).predict(X[test])
    return score(task, found.values[test], predicted)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    arguments = parser.parse_args()
    result: dict[str, dict[str, float]] = {}
    for task in LEARNT:
        mols = task_data(task, arguments.data).mols
        result[task.name] = {
            "fingerprints": round(forest_score(task, arguments.data, fingerprints(mols)), 4),
            "descriptors": round(forest_score(task, arguments.data, descriptors(mols)), 4),
        }
        print(task.name, result[task.name], flush=True)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
