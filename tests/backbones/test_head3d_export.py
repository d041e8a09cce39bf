"""The card says what is known, and nothing else."""

import json

import pytest
import torch

from pipelines import weights
from pipelines.backbones import head3d_export
from pipelines.backbones.head3d import load
from pipelines.backbones.head3d_checkpoint import save_weights
from pipelines.backbones.head3d_model import W_DIM
from pipelines.weights import weights_file

from .head3d_dummies import tiny_head

TOLD = {"train_command": "python -m pipelines.backbones.head3d_train", "hardware": "an abacus, 3 hours"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "ASSETS", tmp_path)
    monkeypatch.setattr(head3d_export, "ASSETS", tmp_path)
    monkeypatch.setattr(head3d_export, "SHEET_SEEDS", range(2))
    folder = tmp_path / head3d_export.NAME
    folder.mkdir(parents=True)
    head = tiny_head()
    save_weights(
        head.networks,
        torch.stack([torch.from_numpy(d) for d in head.directions.values()]),
        folder / "head3d.safetensors",
    )
    for name in ("judge.safetensors", "heldout.npz"):
        (folder / name).write_bytes(name.encode())
    return folder


def card(folder):
    return json.loads((folder / "card.json").read_text(encoding="utf-8"))


def test_card_describes_every_file_of_the_folder(folder):
    head3d_export.export(TOLD)
    written = card(folder)
    assert set(written["files"]) == {path.name for path in folder.iterdir()} - {"card.json"}
    for name, entry in written["files"].items():
        assert entry == {
            "sha256": weights.sha256(folder / name),
            "bytes": (folder / name).stat().st_size,
        }
    for field in ("name", "model", "parameters", "licence", "data", "train_command", "hardware", "limits"):
        assert written[field]
    assert "ICT-FaceKit" in written["licence"] and "16 x 16 x 4" in written["model"]
    path = weights_file(head3d_export.NAME, "head3d.safetensors")
    assert load(path).sample(0).shape == (W_DIM,)


def test_what_is_not_known_is_asked_for(folder):
    with pytest.raises(ValueError, match="hardware"):
        head3d_export.export({"train_command": "make"})
    assert not (folder / "card.json").exists()


def test_what_was_told_stays_and_figures_stay_with_their_weights(folder):
    head3d_export.export(TOLD)
    weights.write_card(head3d_export.NAME, card(folder) | {"metrics": {"pose_mae_deg": 2.0}})
    head3d_export.export({"limits": "many"})
    written = card(folder)
    assert (written["hardware"], written["limits"]) == (TOLD["hardware"], "many")
    assert written["metrics"] == {"pose_mae_deg": 2.0}
    (folder / "judge.safetensors").write_bytes(b"another")
    head3d_export.export({})
    assert "metrics" not in card(folder)
