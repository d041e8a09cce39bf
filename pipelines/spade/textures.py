"""Generated woven textures and four kinds of defect, for the example and for training the encoder."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

SIZE = 128
DEFECTS = ("scratch", "spot", "hole", "smear")


def weave(generator: np.random.Generator, size: int = SIZE) -> np.ndarray:
    """A woven cloth, uint8 [size, size]: two sets of threads, uneven light, grain."""
    y, x = np.mgrid[:size, :size].astype(float)
    turn = generator.normal(0, 0.03)
    u, v = x + turn * y, y - turn * x
    u = u + gaussian_filter(generator.normal(0, 18, (size, size)), 9)
    v = v + gaussian_filter(generator.normal(0, 18, (size, size)), 9)
    period = 8 + generator.normal(0, 0.15)
    warp, weft = np.sin(2 * np.pi * u / period), np.sin(2 * np.pi * v / period)
    cloth = np.where(warp * weft > 0, np.abs(warp), np.abs(weft))
    light = gaussian_filter(generator.normal(0, 60, (size, size)), 24)
    picture = 118 + 52 * (cloth - 0.6) + 3 * light + generator.normal(0, 5, (size, size))
    return np.clip(picture, 0, 255).astype(np.uint8)


def damage(picture: np.ndarray, kind: str, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A copy with one defect of a kind in DEFECTS, and where it is, bool of the same shape."""
    size = picture.shape[0]
    y, x = np.mgrid[:size, :size].astype(float)
    cy, cx = generator.uniform(0.25, 0.75, 2) * size
    angle = generator.uniform(0, np.pi)
    along = (x - cx) * np.cos(angle) + (y - cy) * np.sin(angle)
    across = -(x - cx) * np.sin(angle) + (y - cy) * np.cos(angle)
    grain = generator.normal(0, 5, picture.shape)
    image = picture.astype(float)
    if kind == "scratch":
        bend = 3 * np.sin(along / 9)
        mask = np.exp(-(((across + bend) / 1.8) ** 2)) * (np.abs(along) < generator.uniform(18, 30))
        image = image + 75 * mask
    elif kind == "spot":
        radius = generator.uniform(5, 9)
        mask = 1 / (1 + np.exp((np.hypot(along, 1.3 * across) - radius) / 1.2))
        image = image * (1 - 0.75 * mask) + 25 * mask
    elif kind == "hole":
        radius = generator.uniform(6, 10)
        mask = 1 / (1 + np.exp((np.maximum(np.abs(along), np.abs(across)) - radius) / 0.8))
        image = image * (1 - mask) + (205 + grain) * mask
    elif kind == "smear":
        mask = np.exp(-((along / 22) ** 2) - (across / 9) ** 2)
        image = image * (1 - mask) + gaussian_filter(image, 4) * mask + 6 * mask
    else:
        raise ValueError(f"no such defect: {kind}")
    return np.clip(image, 0, 255).astype(np.uint8), mask > 0.35


def any_texture(generator: np.random.Generator, size: int = SIZE) -> np.ndarray:
    """A texture of a random family, for training: weave, stripes, grain, tiles, brushed metal, plain."""
    family = generator.integers(6)
    if family == 0:
        return weave(generator, size)
    y, x = np.mgrid[:size, :size].astype(float)
    angle = generator.uniform(0, np.pi)
    u = x * np.cos(angle) + y * np.sin(angle)
    v = -x * np.sin(angle) + y * np.cos(angle)
    light = gaussian_filter(generator.normal(0, 60, (size, size)), 24) * generator.uniform(1, 6)
    grain = generator.normal(0, generator.uniform(2, 8), (size, size))
    white = generator.normal(0, 1, (size, size))
    if family == 1:
        pattern = np.sin(2 * np.pi * u / generator.uniform(5, 20)) * generator.uniform(10, 45)
    elif family == 2:
        blurred = gaussian_filter(white, generator.uniform(1, 5))
        pattern = blurred / blurred.std() * generator.uniform(8, 40)
    elif family == 3:
        period = generator.uniform(14, 40)
        seam = np.minimum(np.abs(u % period), np.abs(v % period)) < 1.5
        pattern = -1.0 * seam * generator.uniform(20, 70)
    elif family == 4:
        blurred = gaussian_filter(white, (0.5, generator.uniform(6, 20)))
        blurred = blurred if generator.random() < 0.5 else blurred.T
        pattern = blurred / blurred.std() * generator.uniform(6, 25)
    else:
        pattern = np.zeros_like(u)
    return np.clip(generator.uniform(60, 190) + pattern + light + grain, 0, 255).astype(np.uint8)
