"""Training sets of the three worlds, and the pictures outside them that leakage is measured on."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from pipelines.glancenets import faces, sprites
from pipelines.glancenets.training import Pictures

SIZES = {"faces": 24_000, "sprites": 12_000}
"""Training pictures that are drawn; digits: all 4s and 5s of MNIST's training part but VALIDATION."""
VALIDATION = 1500
"""Pictures kept out of training for choices."""
TEST_SEED = 3
"""Training pictures are drawn from seed 0; 1 and 2 served for choices; figures are of this one."""


@dataclass(frozen=True)
class Outside:
    """Pictures outside the training world, and the answer, int [n], to the world's leak question."""

    x: torch.Tensor
    """uint8 [n, channels, side, side]."""
    answers: np.ndarray
    digits: np.ndarray | None = None
    """int [n], which digits the pictures are, where they are digits."""


def training(world: str, data: Path | None = None) -> Pictures:
    """A world's training pictures; digits need the folder of MNIST's four .gz files."""
    if world == "digits":
        return digits(*mnist(data, "train"), slice(VALIDATION, None))
    return drawn(world, SIZES[world], seed=0)


def validation(world: str, data: Path | None = None) -> Pictures:
    """Pictures of the same world for choices."""
    if world == "digits":
        return digits(*mnist(data, "train"), slice(VALIDATION))
    return drawn(world, VALIDATION, seed=1)


def drawn(world: str, count: int, seed: int, first: int | None = None) -> Pictures:
    """Robo-faces or sprites with the training world's factors; `seed` as with TEST_SEED.

    Of `count` pictures only the `first` ones are drawn, where that is given.
    """
    generator = np.random.default_rng(seed)
    if world == "faces":
        chosen = faces.random_faces(count, generator).part(slice(first))
        x = torch.from_numpy(faces.draw(chosen)).permute(0, 3, 1, 2).contiguous()
        return Pictures(x, torch.from_numpy(faces.label(chosen.concepts)), torch.from_numpy(chosen.concepts))
    chosen = sprites.random_sprites(count, generator).part(slice(first))
    x = torch.from_numpy(sprites.draw(chosen))[:, None]
    return Pictures(x, torch.from_numpy(chosen.shape), torch.from_numpy(chosen.concepts))


def outside(world: str, count: int, seed: int) -> Outside:
    """Sprites in two corners, or faces to the left and right, both far from the middle."""
    generator = np.random.default_rng(seed)
    if world == "sprites":
        chosen, answers = sprites.corner_sprites(count, generator)
        return Outside(torch.from_numpy(sprites.draw(chosen))[:, None], answers)
    return shifted_faces("position", count, generator)


def shifted_faces(factor: str, count: int, generator: np.random.Generator) -> Outside:
    """Faces of which one held-out factor varies: position (-1 to -0.5, or 0.5 to 1), background (0.2 to
    0.6, or 0.6 to 1) or hat (none, or worn)."""
    chosen = faces.random_faces(count, generator)
    answers = generator.integers(0, 2, count)
    values = {
        "position": generator.uniform(0.5, 1, count) * (2 * answers - 1),
        "background": 0.2 + 0.4 * (answers + generator.random(count)),
        "hat": answers,
    }[factor].astype(np.float32)
    held_out = {"position": chosen.position, "background": chosen.background, "hat": chosen.hat}
    moved = faces.Faces(chosen.concepts, chosen.jitter, **{**held_out, factor: values})
    return Outside(torch.from_numpy(faces.draw(moved)).permute(0, 3, 1, 2).contiguous(), answers)


def digits(images: np.ndarray, labels: np.ndarray, part: slice = slice(None)) -> Pictures:
    """The 4s and 5s among digits uint8 [n, 28, 28]; a `part` of them in a fixed random order."""
    chosen = _shuffled(np.flatnonzero((labels == 4) | (labels == 5)))[part]
    five = torch.from_numpy((labels[chosen] == 5).astype(np.int64))
    x = torch.from_numpy(images[chosen][:, None])
    return Pictures(x, five, torch.nn.functional.one_hot(five, 2).float())


def other_digits(images: np.ndarray, labels: np.ndarray, part: slice = slice(None)) -> Outside:
    """The eight other digits, and whether they are odd."""
    chosen = _shuffled(np.flatnonzero((labels != 4) & (labels != 5)))[part]
    digits = labels[chosen].astype(np.int64)
    return Outside(torch.from_numpy(images[chosen][:, None]), digits % 2, digits)


def mnist(data: Path | None, split: str) -> tuple[np.ndarray, np.ndarray]:
    """MNIST's `split` "train" or "test" -> images uint8 [n, 28, 28], labels uint8 [n]."""
    if data is None:
        raise SystemExit("digits: --data must name the folder of MNIST's four .gz files")
    prefix = {"train": "train", "test": "t10k"}[split]
    read = [
        np.frombuffer(gzip.decompress((data / f"{prefix}-{kind}-ubyte.gz").read_bytes()), np.uint8)
        for kind in ("images-idx3", "labels-idx1")
    ]
    return read[0][16:].reshape(-1, 28, 28), read[1][8:]


def _shuffled(indices: np.ndarray) -> np.ndarray:
    return np.random.default_rng(0).permutation(indices)
