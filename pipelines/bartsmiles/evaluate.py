"""Measure what the card states: scores on scaffold splits, attributions against known truths, speed.

    python -m pipelines.bartsmiles.evaluate [--quick] [--data FOLDER]

FOLDER holds moleculenet/ and moses/; without it only what needs no measured values is computed, on molecules
of the NCI set that comes with RDKit (some of which were in pre-training). The last line is JSON; a full run
with --data updates card.json. Only `pretraining_wins_of_6` reads stored test predictions, those of the two
trainings that it compares.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from pipelines.bartsmiles.attribution import attribute_string, last_attribution
from pipelines.bartsmiles.batch import run_batch
from pipelines.bartsmiles.check import Molecule, read_molecule
from pipelines.bartsmiles.corpus import shuffled_lines
from pipelines.bartsmiles.faithfulness import benzene_auc, crippen_agreement, deletion_better
from pipelines.bartsmiles.finetune import score, scores, test_predictions
from pipelines.bartsmiles.heads import PropertyModel
from pipelines.bartsmiles.infill import Way, infill, mask_atoms
from pipelines.bartsmiles.model import new_model
from pipelines.bartsmiles.nearest import nci_molecules
from pipelines.bartsmiles.predictor import Predictor, load
from pipelines.bartsmiles.splits import task_data
from pipelines.bartsmiles.tasks import AS_WRITTEN, TASKS
from pipelines.errors import InputError
from pipelines.weights import asset, read_card, write_card

METHOD = "integrated gradients"
HELD_OUT = "moses/test.csv.gz"


def molecules_from(data: Path | None, count: int, seed: int = 0) -> list[Molecule]:
    """Molecules that pre-training has not seen (of MOSES' test list), or else of the NCI set."""
    generator = np.random.default_rng(seed)
    if data:
        texts = shuffled_lines(data / HELD_OUT, seed)[: 3 * count]
    else:
        texts = [smiles for _, smiles in nci_molecules()]
        texts = [texts[i] for i in generator.permutation(len(texts))[: 3 * count]]
    found = []
    for text in texts:
        try:
            molecule = read_molecule(text)
        except InputError:
            continue
        if molecule.mol.GetNumAtoms() > 5:
            found.append(molecule)
    return found[:count]


def infilling(
    predictor: Predictor, molecules: list[Molecule], way: Way = "checked", seed: int = 0
) -> tuple[float, float]:
    """Mask 30 % of the atoms in runs of three and ask for five answers.

    Returns how many of the five are molecules, and how often the true one is among them. "checked" finds
    molecules only, so that there it is how many different ones come; see `infill` for the other ways.
    """
    generator = np.random.default_rng(seed)
    valid, hits = [], []
    for molecule in molecules:
        n = molecule.mol.GetNumAtoms()
        starts = generator.permutation(n)[: max(1, round(0.1 * n))]
        atoms = sorted({int(a) for start in starts for a in range(start, min(start + 3, n))})
        found = infill(predictor.trunk, mask_atoms(molecule, atoms), 5, way)
        valid.append(len(found.candidates) / 5 if way == "checked" else found.valid_share)
        hits.append(any(candidate.smiles == molecule.smiles for candidate in found.candidates))
    return float(np.mean(valid)), float(np.mean(hits))


def speeds(predictor: Predictor, molecules: list[Molecule], runs: int) -> dict[str, float]:
    """Seconds of what a visitor waits for."""
    predictor.predict(molecules[0])
    predict, explain = [], []
    for molecule in molecules[:runs]:
        start = time.perf_counter()
        predictor.predict(molecule)
        predict.append(time.perf_counter() - start)
    for molecule in molecules[: max(3, runs // 10)]:
        start = time.perf_counter()
        attribute_string(predictor.properties, molecule.smiles, "esol", METHOD)
        explain.append(time.perf_counter() - start)
    rows = "smiles\n" + "\n".join((molecules[i % len(molecules)]).smiles for i in range(10 * runs))
    start = time.perf_counter()
    *_, _report = run_batch(predictor, rows.encode())
    return {
        "predict_ms_p95": 1000 * float(np.percentile(predict, 95)),
        "ig_seconds": float(np.median(explain)),
        "csv_molecules_per_second": 10 * runs / (time.perf_counter() - start),
    }


def property_scores(predictor: Predictor, data: Path) -> dict[str, float]:
    """Scores on the scaffold test parts, raw units, and what the charges alone give away in ClinTox."""
    found = scores(test_predictions(predictor.properties, data))
    result = {
        f"{task.name}_{'scaffold_rmse' if task.kind == 'regression' else 'scaffold_auc'}": found[task.name]
        for task in TASKS
        if not task.neutralised
    }
    result["clintox_neutralised_auc"] = found[TASKS[-1].name]
    result["clintox_as_written_auc"] = found[AS_WRITTEN.name]
    written = task_data(AS_WRITTEN, data)
    plain = [all(atom.GetFormalCharge() == 0 for atom in mol.GetAtoms()) for mol in written.mols]
    result["clintox_no_charge_rule_auc"] = float(roc_auc_score(written.values, plain))
    return result


def pretraining_wins() -> int:
    """Of how many of the six tasks pre-training improves the test score, from the stored predictions."""
    stored = json.loads(asset("bartsmiles", "ablation.json").read_text(encoding="utf-8"))
    wins = 0
    for task in TASKS:
        with_, without = (
            score(task, *(np.array(stored[name][task.name][k]) for k in ("truth", "predicted")))
            for name in ("pretrained", "scratch")
        )
        wins += with_ > without if task.kind == "classification" else with_ < without
    return wins


def completeness(predictor: Predictor, molecules: list[Molecule]) -> np.ndarray:
    """Completeness errors over molecules and measured properties."""
    heads = [task.name for task in TASKS]
    return np.array(
        [
            attribute_string(
                predictor.properties, molecule.smiles, heads[i % len(heads)], METHOD
            ).completeness_error
            for i, molecule in enumerate(molecules)
        ]
    )


@dataclass(frozen=True)
class Sizes:
    """How much is measured: molecules per figure, SMILES strings per attribution, timed calls."""

    molecules: int
    strings: int
    calls: int
    controls: bool
    """Whether the comparisons of the attributions with cruder ones are made too."""


FULL, QUICK = Sizes(60, 4, 60, True), Sizes(16, 1, 30, False)


def measure(predictor: Predictor, data: Path | None, sizes: Sizes) -> dict[str, Any]:
    """All figures."""
    few, strings = sizes.molecules, sizes.strings
    molecules = molecules_from(data, 4 * few)
    result: dict[str, Any] = property_scores(predictor, data) if data else {}
    try:
        result["pretraining_wins_of_6"] = pretraining_wins()
    except FileNotFoundError:
        result["pretraining_wins_of_6"] = None
    result["infill_validity"], result["infill_true_in_5"] = infilling(predictor, molecules[:few])
    properties, part = predictor.properties, molecules[few : 2 * few]
    agreement = crippen_agreement(properties, part, METHOD, strings)
    result["crippen_pearson"], result["crippen_kendall"] = agreement["pearson"], agreement["kendall"]
    if sizes.controls:
        result["infill_validity_held"], _ = infilling(predictor, molecules[:few], "held")
        result["infill_validity_free"], _ = infilling(predictor, molecules[:few], "free")
        crude = crippen_agreement(properties, part, "gradient x input", strings)
        result["crippen_pearson_gradient"] = crude["pearson"]
        result["deletion_better"] = deletion_better(properties, part, "esol", METHOD, strings)
        result |= sanity(predictor, part[:30], strings)
    result["benzene_auc"] = benzene_auc(properties, molecules[2 * few : 3 * few], METHOD, strings)
    errors = completeness(predictor, molecules[3 * few :])
    result["completeness_median"] = float(np.median(errors))
    result["completeness_p95"] = float(np.percentile(errors, 95))
    result |= speeds(predictor, molecules, sizes.calls)
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in result.items()}


def sanity(predictor: Predictor, molecules: list[Molecule], strings: int) -> dict[str, float]:
    """Mean |correlation| of attributions with those of a model with random weights, and with shuffled ones.

    The second is what chance gives for so few atoms; the first should not be larger (Adebayo et al. 2018).
    """
    config = predictor.properties.trunk.config
    other = PropertyModel(new_model(config.vocab_size, config.d_model, config.encoder_layers).model).eval()
    generator = np.random.default_rng(0)
    values, chance = [], []
    for molecule in molecules:
        own, random = (
            last_attribution(model, molecule, "esol", METHOD, strings).atoms
            for model in (predictor.properties, other)
        )
        values.append(abs(np.corrcoef(own, random)[0, 1]))
        chance += [abs(np.corrcoef(own, generator.permutation(random))[0, 1]) for _ in range(20)]
    return {
        "sanity_correlation": float(np.nanmean(values)),
        "sanity_correlation_by_chance": float(np.nanmean(chance)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--data", type=Path)
    arguments = parser.parse_args()
    result = measure(load(), arguments.data, QUICK if arguments.quick else FULL)
    if arguments.data and not arguments.quick:
        card = read_card("bartsmiles")
        card["metrics"] = result
        write_card("bartsmiles", card)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
