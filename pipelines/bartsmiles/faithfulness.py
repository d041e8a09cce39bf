"""Whether attributions find what is known to matter: tasks with a truth for every atom."""

from __future__ import annotations

import numpy as np
from scipy.stats import kendalltau, pearsonr
from sklearn.metrics import roc_auc_score

from pipelines.bartsmiles.attribution import Method, deletion_curve, last_attribution
from pipelines.bartsmiles.check import Molecule
from pipelines.bartsmiles.heads import PropertyModel
from pipelines.bartsmiles.molecules import benzene_atoms, crippen_atoms


def crippen_agreement(
    model: PropertyModel, molecules: list[Molecule], method: Method, strings: int = 1
) -> dict[str, float]:
    """Mean correlation of attributions of the Crippen head with Crippen's own parts, per molecule."""
    pearson, kendall = [], []
    for molecule in molecules:
        truth = crippen_atoms(molecule.mol)
        if len(truth) < 3 or np.ptp(truth) == 0:
            continue
        found = last_attribution(model, molecule, "crippen", method, strings).atoms
        if np.ptp(found) > 0:
            pearson.append(pearsonr(truth, found).statistic)
            kendall.append(kendalltau(truth, found).statistic)
    return {"pearson": float(np.mean(pearson)), "kendall": float(np.mean(kendall))}


def benzene_auc(model: PropertyModel, molecules: list[Molecule], method: Method, strings: int = 1) -> float:
    """Mean ROC-AUC per molecule of attributions of the benzene head for the atoms of benzene rings.

    Molecules without a benzene ring, or of nothing else, have no AUC and are left out.
    """
    aucs = []
    for molecule in molecules:
        truth = benzene_atoms(molecule.mol)
        if truth.any() and not truth.all():
            aucs.append(
                roc_auc_score(truth, last_attribution(model, molecule, "benzene", method, strings).atoms)
            )
    return float(np.mean(aucs))


def deletion_better(
    model: PropertyModel, molecules: list[Molecule], head: str, method: Method, strings: int = 1
) -> float:
    """Share of the molecules whose output moves faster in the order of the attribution than at random."""
    wins = []
    for molecule in molecules:
        found = last_attribution(model, molecule, head, method, strings)
        wins.append(deletion_curve(model, molecule, head, found.atoms).better)
    return float(np.mean(wins))
