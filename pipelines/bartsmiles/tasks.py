"""The six property sets from MoleculeNet, in raw units."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Task:
    """One measured property: where its values stand, and how they are named on the page."""

    name: str
    file: str
    smiles_column: str
    value_column: str
    kind: Literal["regression", "classification"]
    title: str
    unit: str
    """The unit of a regression value; what class 1 means for a classification."""
    neutralised: bool = False
    """Whether charges are taken out first: in ClinTox they give the label away."""


@dataclass(frozen=True)
class Row:
    """A molecule as the file writes it, with its value."""

    smiles: str
    value: float


TASKS = (
    Task(
        "esol",
        "ESOL_delaney-processed.csv",
        "smiles",
        "measured log solubility in mols per litre",
        "regression",
        "Solubility in water",
        "log mol/l",
    ),
    Task(
        "freesolv",
        "FreeSolv_SAMPL.csv",
        "smiles",
        "expt",
        "regression",
        "Hydration free energy",
        "kcal/mol",
    ),
    Task("lipophilicity", "Lipophilicity.csv", "smiles", "exp", "regression", "Lipophilicity", "logD"),
    Task("bbbp", "BBBP.csv", "smiles", "p_np", "classification", "Blood-brain barrier", "passes"),
    Task("bace", "bace.csv", "smiles", "Class", "classification", "BACE-1", "inhibits"),
    Task(
        "clintox",
        "clintox.csv",
        "smiles",
        "CT_TOX",
        "classification",
        "Clinical toxicity",
        "failed a trial for toxicity",
        neutralised=True,
    ),
)
AS_WRITTEN = replace(
    TASKS[-1], name="clintox_as_written", title="Clinical toxicity, charges left in", neutralised=False
)
"""ClinTox as most papers use it: a lesson, not a score. Next to no toxic molecule there is written with a
charge and most of the others are, so that the notation gives the label away."""
LEARNT = (*TASKS, AS_WRITTEN)


def rows(task: Task, data: Path) -> list[Row]:
    """Every row of a task's file, in its order. `data` is the folder that holds moleculenet/."""
    with (data / "moleculenet" / task.file).open(encoding="utf-8", newline="") as stream:
        return [
            Row(row[task.smiles_column].strip(), float(row[task.value_column]))
            for row in csv.DictReader(stream)
        ]
