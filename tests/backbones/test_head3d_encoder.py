"""The encoder's own training: what counts in w, and that it learns and is put into the weights."""

import numpy as np
import torch

from pipelines.backbones.head3d_checkpoint import load_weights, save_weights
from pipelines.backbones.head3d_data import HeadPool, load_kit
from pipelines.backbones.head3d_encoder import EncoderTrainer, entry_weights, main
from pipelines.backbones.head3d_model import W_DIM, MappingNetwork
from pipelines.backbones.head3d_person import ATTRIBUTES, IDENTITY_MODES

from .head3d_dummies import TINY, tiny_head, write_kit


def test_a_mode_counts_by_how_far_it_moves_the_face(tmp_path):
    write_kit(tmp_path / "heads.npz")
    kit = load_kit(str(tmp_path / "heads.npz"))
    weights = entry_weights(kit).numpy()
    moved = np.linalg.norm(kit.identity[:, : 3 * int((kit.region <= 1).sum())], axis=1)
    assert weights.shape == (W_DIM,)
    assert (weights[IDENTITY_MODES:] == 1).all()
    assert weights.max() == 1
    assert weights[:IDENTITY_MODES].min() < 0.5
    assert np.argmax(weights[:IDENTITY_MODES]) == np.argmax(moved)


def test_the_encoder_learns_its_persons(tmp_path):
    write_kit(tmp_path / "heads.npz")
    pool = HeadPool(tmp_path / "heads.npz", "cpu", capacity=4, start=4, workers=0, views=1)
    mapping = MappingNetwork(TINY)
    mapping.measure(64)
    trainer = EncoderTrainer(mapping, torch.ones(W_DIM), "cpu", seed=0)
    before = [value.clone() for value in trainer.averaged.parameters()]
    losses = [float(trainer.train_step(pool, 0.0)) for _ in range(30)]
    assert np.mean(losses[-5:]) < 0.7 * losses[0]
    share = [
        ((mean - old).norm() / (new - old).norm()).item()
        for old, mean, new in zip(
            before, trainer.averaged.parameters(), trainer.encoder.parameters(), strict=True
        )
    ]
    assert 0.3 < np.median(share) < 1  # the average follows, and lies behind


def test_the_command_changes_the_encoder_and_nothing_else(tmp_path):
    write_kit(tmp_path / "heads.npz")
    head = tiny_head()
    directions = torch.from_numpy(np.stack([head.directions[name] for name in ATTRIBUTES]))
    path = tmp_path / "head3d.safetensors"
    save_weights(head.networks, directions, path)
    before, _ = load_weights(path)
    main(["--data", str(tmp_path), "--out", str(tmp_path), "--quick"])
    after, kept = load_weights(path)
    changed = {
        key.split(".")[0]
        for (key, x), y in zip(before.state_dict().items(), after.state_dict().values(), strict=True)
        if not torch.equal(x, y)
    }
    assert changed == {"encoder"}
    np.testing.assert_allclose(kept["smile"].numpy(), head.directions["smile"], atol=2e-3)
