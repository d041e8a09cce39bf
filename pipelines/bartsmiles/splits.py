"""Scaffold split as in DeepChem: no ring system of the test set is in the training set."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from rdkit.Chem.rdchem import Mol

from pipelines.bartsmiles.molecules import canonical, flat, largest_fragment, neutralised, parse, scaffold
from pipelines.bartsmiles.tasks import LEARNT, Task, rows
from pipelines.bartsmiles.tokenizer import ROOM, split


@dataclass(frozen=True, eq=False)
class TaskData:
    """The usable molecules of a task, as the model gets them, with values and split."""

    task: Task
    mols: list[Mol]
    keys: list[str]
    """Canonical SMILES without stereochemistry and charges, which say what is the same molecule."""
    values: np.ndarray
    """float [n], raw units"""
    parts: dict[str, np.ndarray]
    """Rows of "train", "valid" and "test"."""


def scaffold_split(scaffolds: list[str], train: float = 0.8, valid: float = 0.1) -> dict[str, np.ndarray]:
    """Largest scaffold groups first into the training set, then valid, then test (DeepChem's rule)."""
    groups: dict[str, list[int]] = defaultdict(list)
    for i, name in enumerate(scaffolds):
        groups[name].append(i)
    ordered = sorted(groups.values(), key=lambda group: (len(group), group[0]), reverse=True)
    n = len(scaffolds)
    parts: dict[str, list[int]] = {"train": [], "valid": [], "test": []}
    for group in ordered:
        if len(parts["train"]) + len(group) <= train * n:
            parts["train"] += group
        elif len(parts["train"]) + len(parts["valid"]) + len(group) <= (train + valid) * n:
            parts["valid"] += group
        else:
            parts["test"] += group
    return {name: np.array(rows) for name, rows in parts.items()}


def served(mol: Mol, task: Task) -> Mol:
    """The molecule as a task's head gets it: its largest part, without charges where the task says so.

    Its atoms stand in the order of its canonical string.
    """
    part = largest_fragment(mol)
    return parse(canonical(neutralised(part) if task.neutralised else part))


def key(mol: Mol) -> str:
    """What says that two molecules are the same, for keeping test molecules apart."""
    return flat(neutralised(mol))


def fits(mol: Mol) -> bool:
    """Whether the model can read the molecule's canonical string."""
    try:
        return len(split(canonical(mol))) <= ROOM
    except ValueError:
        return False


@cache
def task_data(task: Task, data: Path) -> TaskData:
    """Read a task's molecules; rows that RDKit cannot read, or too long for the model, are left out.

    The split is that of the molecules as the file has them, neutralised or not.
    """
    mols, values, scaffolds = [], [], []
    for row in rows(task, data):
        whole = parse(row.smiles)
        if whole is None or not whole.GetNumAtoms():
            continue
        mol = served(whole, task)
        # With and without charges, so that both ways of ClinTox have the same molecules.
        if mol is None or not (fits(mol) and fits(neutralised(mol)) and fits(largest_fragment(whole))):
            continue
        mols.append(mol)
        values.append(row.value)
        scaffolds.append(scaffold(whole))
    return TaskData(task, mols, [key(mol) for mol in mols], np.array(values), scaffold_split(scaffolds))


def kept_from_training(data: Path) -> frozenset[str]:
    """Keys of every molecule in the valid or test part of any task.

    One trunk learns all tasks, so that no head may be tested on a molecule that another task taught.
    """
    keys = set()
    for task in LEARNT:
        found = task_data(task, data)
        keys |= {found.keys[i] for part in ("valid", "test") for i in found.parts[part]}
    return frozenset(keys)
