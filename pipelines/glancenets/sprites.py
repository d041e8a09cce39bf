"""dSprites-style sprites, regenerated: white on black, continuous size and place, not rotated.

Geometry as fitted to published dSprites pictures (centre 15.5 + 32 p pixels, scale 0.5 to 1); edges are
smooth here, so that a place between two pixels shows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SIDE = 64
FINE = 4
"""Samples per pixel and direction."""
JITTER = 1 / 16
"""Of the way from the middle to the border, each way, in training: one pixel."""
SQUARE, ELLIPSE, HEART = 9.65, (12.87, 7.17), 8.0
"""Half side, half axes, unit of the heart's curve, in pixels at scale 1."""
BATCH = 64


@dataclass(frozen=True)
class Sprites:
    """Everything that a picture depends on, n times."""

    shape: np.ndarray
    """int [n]: 0 square, 1 ellipse, 2 heart."""
    size: np.ndarray
    """float [n] in [0, 1]."""
    x: np.ndarray
    """float [n] in [-1, 1], left to right."""
    y: np.ndarray
    """float [n] in [-1, 1], down to up."""

    def __len__(self) -> int:
        return len(self.shape)

    def part(self, chosen: slice) -> Sprites:
        """Some of them."""
        return Sprites(self.shape[chosen], self.size[chosen], self.x[chosen], self.y[chosen])

    @property
    def concepts(self) -> np.ndarray:
        """float32 [n, 4]: one-hot shape, size."""
        return np.concatenate([np.eye(3)[self.shape], self.size[:, None]], axis=1).astype(np.float32)


def random_sprites(count: int, generator: np.random.Generator) -> Sprites:
    """Independent factors as in training: central, but for JITTER."""
    place = generator.uniform(-JITTER, JITTER, (2, count))
    return Sprites(generator.integers(0, 3, count), generator.random(count), *place)


def corner_sprites(count: int, generator: np.random.Generator) -> tuple[Sprites, np.ndarray]:
    """Sprites in the bottom left or the top right quarter, and which, int [count] (1: top right)."""
    top = generator.integers(0, 2, count)
    place = generator.uniform(0.5, 1, (2, count)) * (2 * top - 1)
    return Sprites(generator.integers(0, 3, count), generator.random(count), *place), top


def draw(sprites: Sprites) -> np.ndarray:
    """uint8 [n, 64, 64]."""
    parts = []
    for start in range(0, len(sprites), BATCH):
        inside = _inside(sprites.part(slice(start, start + BATCH)))
        fine = inside.reshape(-1, SIDE, FINE, SIDE, FINE)
        parts.append(np.round(fine.mean(axis=(2, 4), dtype=np.float32) * 255).astype(np.uint8))
    return np.concatenate(parts)


def _inside(sprites: Sprites) -> np.ndarray:
    """bool [n, 256, 256], finely sampled."""
    steps = (np.arange(SIDE * FINE, dtype=np.float32) + 0.5) / FINE - 0.5
    shape, x, y = sprites.shape, sprites.x, sprites.y
    scale = (0.5 + 0.5 * sprites.size).astype(np.float32)[:, None]
    u = ((steps[None, :] - (31.5 + 16 * x[:, None])) / scale).astype(np.float32)[:, None, :]
    v = ((steps[None, :] - (31.5 - 16 * y[:, None])) / scale).astype(np.float32)[:, :, None]
    inside = np.empty((len(shape), SIDE * FINE, SIDE * FINE), bool)
    square, ellipse, heart = (shape == index for index in range(3))
    inside[square] = np.maximum(np.abs(u[square]), np.abs(v[square])) < SQUARE
    inside[ellipse] = (u[ellipse] / ELLIPSE[0]) ** 2 + (v[ellipse] / ELLIPSE[1]) ** 2 < 1
    a, b = u[heart] / HEART, -v[heart] / HEART
    inside[heart] = (a**2 + b**2 - 1) ** 3 < a**2 * b**3
    return inside
