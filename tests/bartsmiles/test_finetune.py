"""Fine-tuning and measuring on a small folder of the real layout."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest
import torch

from pipelines.bartsmiles.baselines import descriptors, fingerprints, forest_score
from pipelines.bartsmiles.corpus import LISTS
from pipelines.bartsmiles.evaluate import HELD_OUT, Sizes, measure, molecules_from
from pipelines.bartsmiles.finetune import (
    TrainingSet,
    finetune,
    head_losses,
    rate_factor,
    symmetric_divergence,
    training_set,
)
from pipelines.bartsmiles.heads import HEADS, PropertyModel
from pipelines.bartsmiles.model import new_model
from pipelines.bartsmiles.molecules import canonical, crippen_logp, parse
from pipelines.bartsmiles.nearest import nci_molecules
from pipelines.bartsmiles.predictor import Predictor
from pipelines.bartsmiles.splits import kept_from_training, key, task_data
from pipelines.bartsmiles.tasks import TASKS
from pipelines.bartsmiles.tokenizer import load_tokenizer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty molecules of the NCI set in every file; all but the last ten are shared by the sets."""
    data = tmp_path_factory.mktemp("molecules")
    (data / "moleculenet").mkdir()
    (data / "moses").mkdir()
    smiles = [text for _, text in nci_molecules() if 6 < len(text) < 40][:120]
    for k, task in enumerate(TASKS):
        with (data / "moleculenet" / task.file).open("w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow([task.smiles_column, task.value_column])
            for i, text in enumerate([*smiles[:50], *smiles[50 + 10 * k : 60 + 10 * k]]):
                logp = crippen_logp(parse(text))
                writer.writerow([text, i % 2 if task.kind == "classification" else -logp])
    for files in LISTS.values():
        for file in (*files, HELD_OUT):
            (data / file).write_bytes(gzip.compress(("SMILES\n" + "\n".join(smiles[110:])).encode()))
    return data


def test_no_tested_molecule_is_trained_on_by_any_task(folder: Path) -> None:
    tested = kept_from_training(folder)
    data = training_set(folder, extra=5)
    assert tested
    assert not {key(mol) for mol in data.mols} & tested
    row = next(i for i in range(len(data.mols)) if not np.isnan(data.values[i, 0]))
    assert data.values[row, 0] == pytest.approx(-data.values[row, HEADS.index("crippen")], abs=1e-5)


def test_parts_share_no_scaffold_and_cover_all(folder: Path) -> None:
    found = task_data(TASKS[0], folder)
    rows = np.concatenate(list(found.parts.values()))
    assert sorted(rows.tolist()) == list(range(len(found.mols)))


def test_losses_count_known_values_only() -> None:
    output = torch.zeros(1, len(HEADS))
    target = torch.full((1, len(HEADS)), torch.nan)
    target[0, 0], target[0, 3] = 2.0, 1.0
    loss = head_losses(output, target)[0]
    assert loss[0] == 4.0
    assert loss[3] == pytest.approx(np.log(2))
    assert loss.count_nonzero() == 2


def test_r3f_divergence_is_that_of_the_definition() -> None:
    a, b = torch.tensor(0.3), torch.tensor(-1.1)
    p, q = a.sigmoid(), b.sigmoid()

    def divergence(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
        return p * (p / q).log() + (1 - p) * ((1 - p) / (1 - q)).log()

    assert symmetric_divergence(a, b) == pytest.approx(float(divergence(p, q) + divergence(q, p)), rel=1e-5)


def test_rate_warms_up_and_decays() -> None:
    assert [rate_factor(share) for share in (0, 0.16, 0.58, 1)] == pytest.approx([0, 1, 0.5, 0])


def test_a_head_learns_and_the_average_is_kept() -> None:
    torch.manual_seed(0)
    mols = [parse("C" * n) for n in range(2, 12)]
    values = np.full((10, len(HEADS)), np.nan, dtype=np.float32)
    values[:, HEADS.index("esol")] = [mol.GetNumAtoms() for mol in mols]
    values[:, HEADS.index("bbbp")] = [mol.GetNumAtoms() % 2 for mol in mols]
    values[:, HEADS.index("crippen")] = [crippen_logp(mol) for mol in mols]
    values[:, HEADS.index("benzene")] = 0
    values[:, [i for i in range(len(HEADS)) if np.isnan(values[:, i]).all()]] = 0
    model = PropertyModel(new_model(len(load_tokenizer()), width=32, layers=1).model)
    lines = list(finetune(model, TrainingSet(mols, values), 2.0, 1e-2, 0.1, 0, half=False))
    if len(lines) > 1:  # a busy machine takes few steps
        assert lines[-1]["loss"] < lines[0]["loss"]
    assert model.mean[HEADS.index("esol")] == pytest.approx(6.5)
    assert not model.training


def test_every_figure_is_measured(tiny: Predictor, folder: Path) -> None:
    result = measure(tiny, folder, Sizes(molecules=2, strings=1, calls=3, controls=True))
    wanted = (
        "esol_scaffold_rmse lipophilicity_scaffold_rmse freesolv_scaffold_rmse bbbp_scaffold_auc "
        "bace_scaffold_auc clintox_neutralised_auc pretraining_wins_of_6 infill_validity crippen_pearson "
        "benzene_auc completeness_median predict_ms_p95 ig_seconds csv_molecules_per_second"
    )
    assert set(wanted.split()) <= set(result)
    assert result["esol_scaffold_rmse"] > 0
    assert 0 <= result["clintox_neutralised_auc"] <= 1


def test_without_data_the_nci_set_is_measured_on() -> None:
    assert len(molecules_from(None, 5)) == 5


def test_forests_are_scored_on_the_same_split(folder: Path) -> None:
    task = TASKS[0]
    mols = task_data(task, folder).mols
    assert descriptors(mols[:2]).shape == (2, len(descriptors(mols[:1])[0]))
    assert 0 < forest_score(task, folder, fingerprints(mols)) < 10
    assert canonical(mols[0])
