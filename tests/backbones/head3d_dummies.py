"""Small stand-ins: a kit of spheres in the layout of heads.npz, and networks with random weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import trimesh

from pipelines.backbones.head3d import Head3D
from pipelines.backbones.head3d_model import W_DIM, Config
from pipelines.backbones.head3d_person import ATTRIBUTES, IDENTITY_MODES, STYLES
from pipelines.backbones.head3d_trainer import Networks, TrainSettings

TINY = Config(
    plane_size=16,
    plane_channels=4,
    channels=(16, 16, 16),
    features=4,
    super_channels=8,
    coarse=6,
    fine=6,
)
TINY_SETTINGS = TrainSettings(
    TINY,
    (8, 12, 16),
    persons=2,
    views=2,
    window=16,
    capacity=4,
    start=4,
    closing_seconds=0,
    point_persons=2,
    generator_rate=1e-2,
)
EXPRESSIONS = ("mouthSmile_L", "mouthSmile_R", "jawOpen", "eyeBlink_L", "eyeBlink_R")
SCALE, CENTRE = 0.0265, np.array([0.0, -0.4, 1.0])


def write_kit(path: Path) -> None:
    """A ball of a head, a box of a torso, shells for hair."""
    rng = np.random.default_rng(0)
    ball = trimesh.creation.icosphere(subdivisions=3, radius=9.0)
    texture = ball.vertices + np.array([0.0, 3.0, 2.0])
    region = np.where(texture[:, 2] > 2, 0, 1).astype(np.uint8)
    for number, place in ((4, (3.2, 3.6, 10.0)), (5, (-3.2, 3.6, 10.0)), (6, (3.2, 4.4, 9.9))):
        region[np.argsort(np.linalg.norm(texture - place, axis=1))[:4]] = number
    marks = np.concatenate([np.linspace((-8, 3, 4), (8, 3, 4), 17), np.linspace((-6, 6, 9), (6, 6, 9), 10)])
    marks = np.concatenate([marks, rng.uniform((-5, -4, 8), (5, 4, 10), (41, 3))])
    marks[8] = (0, -6, 6)
    landmarks = np.array([np.linalg.norm(texture - mark, axis=1).argmin() for mark in marks], np.int32)
    modes = (
        np.linspace(0.5, 1.5, IDENTITY_MODES)[:, None, None] * (ball.vertices[None] * (1.0, 0.4, 0.8)) * 2e-4
    )
    modes = modes * rng.choice([-1, 1], (IDENTITY_MODES, 1, 1))
    data = {
        "V": _world(texture), "tri": ball.faces, "reg": region, "lip": np.zeros(len(texture)),
        "ao": np.ones(len(texture)), "ids": modes, "ex": 0.01 * rng.standard_normal((5, len(texture), 3)),
        "exn": np.array(EXPRESSIONS), "lm": landmarks, "center": CENTRE, "scale": SCALE,
        "hair": np.array(STYLES[1:]),
    }  # fmt: skip
    torso = trimesh.creation.box((30, 12, 12)).subdivide().subdivide()
    data |= _bound("torso", torso.vertices + np.array([0, -16, 0]), torso.faces, texture)
    for style in STYLES[1:]:
        cap = trimesh.creation.icosphere(subdivisions=2, radius=10.0)
        data |= _bound(f"h_{style}", cap.vertices + np.array([0, 7.0, -1.0]), cap.faces, texture)
    np.savez_compressed(path, **data)


def _world(texture: np.ndarray) -> np.ndarray:
    return ((texture - CENTRE) * SCALE).astype(np.float32)


def _bound(name: str, texture: np.ndarray, faces: np.ndarray, template: np.ndarray) -> dict[str, np.ndarray]:
    nearest = np.linalg.norm(texture[:, None] - template[None], axis=2).argsort(1)[:, :6]
    weights = np.full(nearest.shape, 1 / 6, np.float16)
    return {f"{name}_v": _world(texture), f"{name}_t": faces, f"{name}_i": nearest, f"{name}_w": weights}


def tiny_head(seed: int = 0) -> Head3D:
    """Random networks; the attribute directions are random, too."""
    torch.manual_seed(seed)
    networks = Networks(TINY)
    return Head3D(networks, {name: torch.randn(W_DIM) for name in ATTRIBUTES})
