"""Training data by seed, and slices that continue each other."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from pipelines.backbones.diffusion import UNetConfig, save_network
from pipelines.backbones.diffusion_data import CaptionTable, TrainingSet
from pipelines.backbones.diffusion_train import Recipe, Trainer

RECIPE = Recipe(
    UNetConfig(16, 2, (16, 32), (False, True)), 4, 1e-3, 10_000, 16, 2, -0.8, 1.3, (2, 2), False, 5
)


@pytest.fixture
def data(object_set, table) -> TrainingSet:
    return TrainingSet(object_set, table, 16, seed=7)


def trainer_on(data: TrainingSet) -> Trainer:
    return Trainer(RECIPE, TrainingSet(data.objects, data.table, 16, 7), "cpu", seed=7)


def test_blocks_depend_on_seed_and_number_not_on_threads(data):
    inline = data.block(3, 600)
    threaded = next(data.blocks(3, 600, workers=2))
    assert torch.equal(inline.images, threaded.images)
    assert torch.equal(inline.captions, threaded.captions)
    assert torch.equal(inline.views.nan_to_num(9), threaded.views.nan_to_num(9))
    assert not torch.equal(inline.images, data.block(4, 600).images)


def test_conditions_are_dropped_as_often_as_said(data):
    block = data.block(0, 4000)
    dropped_text = (block.captions == 0).float().mean().item()
    dropped_view = block.views[:, 0].isnan().float().mean().item()
    assert dropped_text == pytest.approx(0.10, abs=0.02)
    assert dropped_view == pytest.approx(0.15, abs=0.02)
    texts = [data.table.texts[row] for row in block.captions.tolist()]
    said = np.array([" view of " in text for text in texts])
    assert 0.2 < said.mean() < 0.4


def test_view_words_in_captions_are_true(data):
    block = data.block(1, 2000)
    for row, (azimuth, elevation) in zip(block.captions.tolist(), block.views.tolist(), strict=True):
        text = data.table.texts[row]
        if text.startswith("front view") and not math.isnan(azimuth):
            assert abs(math.degrees(azimuth)) <= 45.01 and math.degrees(elevation) <= 42.01


def test_captions_survive_their_file(table, tmp_path):
    file = tmp_path / "captions.safetensors"
    table.save(file)
    texts = table.texts
    loaded = CaptionTable.load(texts, file)
    assert torch.equal(loaded.states, table.states) and torch.equal(loaded.mask, table.mask)
    assert CaptionTable.load(texts[:-1], file) is None


def test_two_slices_of_ten_steps_are_one_of_twenty(data, tmp_path):
    whole = trainer_on(data)
    whole.train(steps=20)
    first = trainer_on(data)
    first.train(steps=10)
    first.save(tmp_path / "state.pt")
    second = trainer_on(data)
    second.resume(tmp_path / "state.pt")
    assert second.step == 10
    second.train(steps=10)
    assert second.step == 20 and second.images == 80
    for name in ("network", "average"):
        ours, theirs = getattr(second, name).state_dict(), getattr(whole, name).state_dict()
        assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    moments = second.optimiser.state_dict()["state"], whole.optimiser.state_dict()["state"]
    assert all(int(entry["step"]) == 20 for entry in moments[0].values())
    assert all(torch.equal(moments[0][k]["exp_avg_sq"], moments[1][k]["exp_avg_sq"]) for k in moments[0])


def test_training_lowers_the_loss(data):
    trainer = trainer_on(data)
    block = trainer.data.block(-1, 64)
    before = trainer.validation_loss(block)
    trainer.train(steps=60)
    assert trainer.validation_loss(block) < 0.9 * before


def test_start_from_exported_weights_when_the_state_is_lost(data, tmp_path):
    trainer = trainer_on(data)
    trainer.train(steps=3)
    save_network(trainer.average, tmp_path, {"images": trainer.images, "seconds": trainer.seconds})
    other = trainer_on(data)
    other.start_from(tmp_path)
    assert other.step == 3
    for key, value in other.network.state_dict().items():
        assert torch.allclose(value, trainer.average.state_dict()[key], atol=2e-3)
