"""Patches of pictures: densities that make heat-maps, and one row of features per picture for SPADE.

A patch is a cell of the encoder's 16 x 16 grid. Three maps say how odd it is: a Gaussian density over patches
less their own picture's mean, a Gaussian density that compares a patch with its place, and, where the encoder
learnt CutPaste by the cell, whether something looks pasted there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.ndimage import gaussian_filter, zoom
from sklearn.decomposition import PCA

from pipelines.spade.gaussian import GaussianDensity

GRID = 16
CELL = 8
"""Pixels of a cell, of 128."""
MOST_PATCHES = 40_000
"""Patches that a density is fitted to."""
PRIOR = 8
"""Pictures that the mean over all places counts as, where a place's own mean is estimated."""
REGION = 4
"""Regions are this many cells wide and high."""
CHUNK = 64


@dataclass(frozen=True)
class Embedding:
    """What an encoder sees in n pictures."""

    cells: np.ndarray
    """Features per cell, float32 [n, 256, d]."""
    pasted: np.ndarray | None
    """CutPaste's logit per cell, float32 [n, 256]; None from an encoder that learnt another task."""

    @classmethod
    def joined(cls, parts: Sequence[Embedding]) -> Embedding:
        """Several batches as one."""
        cells = np.concatenate([part.cells for part in parts])
        if any(part.pasted is None for part in parts):
            return cls(cells, None)
        return cls(cells, np.concatenate([part.pasted for part in parts]))


class PatchEncoder(Protocol):
    """Anything that looks at pictures cell by cell."""

    def embed(self, pictures: np.ndarray) -> Embedding:
        """Features of pictures uint8 [n, 128, 128, 3]."""
        ...


def centred(cells: np.ndarray) -> np.ndarray:
    """Patch features less their picture's mean, over its spread: a defect is odd within its own picture."""
    return (cells - cells.mean(axis=1, keepdims=True)) / (cells.std(axis=1, keepdims=True) + 0.05)


@dataclass(frozen=True)
class PatchDensity:
    """A Gaussian over patch features less the usual ones, of their place or of all; its score is heat."""

    usual: np.ndarray
    """float32 [256, d], or [1, d] wherever the patch lies."""
    deviation: np.ndarray
    density: GaussianDensity

    @classmethod
    def fit(cls, cells: np.ndarray, by_place: bool, generator: np.random.Generator) -> PatchDensity:
        """Fit to patches float [n, 256, d] of labelled normals and unlabelled pictures."""
        n, places, d = cells.shape
        mean, deviation = cells.mean(axis=(0, 1)), cells.std(axis=(0, 1)) + 1e-6
        usual = mean[None]
        if by_place:
            usual = (n * _smooth(cells.mean(axis=0), d) + PRIOR * mean) / (n + PRIOR)
        rows = np.arange(n * places)
        if len(rows) > MOST_PATCHES:
            rows = np.sort(generator.choice(rows, MOST_PATCHES, replace=False))
        among = usual[rows % places] if by_place else usual
        chosen = (cells.reshape(-1, d)[rows] - among) / deviation
        return cls(usual, deviation, GaussianDensity(floor=0.05).fit(chosen.astype(np.float64)))

    def heat(self, cells: np.ndarray) -> np.ndarray:
        """Root of the Mahalanobis distance per patch, float [n, 16, 16]."""
        mean, root = (part.astype(np.float32) for part in (self.density.mean, self.density.root))
        parts = []
        for chunk in np.split(cells, range(CHUNK, len(cells), CHUNK)):
            rows = ((chunk - self.usual) / self.deviation).reshape(-1, cells.shape[2])
            parts.append(np.sqrt(0.5 * np.square((rows - mean) @ root).sum(axis=1)))
        return np.concatenate(parts).reshape(len(cells), GRID, GRID)


def heat_maps(embedding: Embedding, good: np.ndarray, seed: int) -> np.ndarray:
    """How odd each cell is, float [maps, n, 16, 16]: odd in its picture, odd for its place, looks pasted.

    good: bool [n], the pictures that the densities are fitted to; labelled anomalies are not among them.
    """
    generator = np.random.default_rng(seed)
    own = centred(embedding.cells)
    maps = [PatchDensity.fit(own[good], False, generator).heat(own)]
    del own
    maps.append(PatchDensity.fit(embedding.cells[good], True, generator).heat(embedding.cells))
    if embedding.pasted is not None:
        maps.append(embedding.pasted.reshape(-1, GRID, GRID))
    return np.stack(maps)


def joint_heat(maps: np.ndarray, good: np.ndarray) -> np.ndarray:
    """The maps as one, float [n, 16, 16]: the mean of their -log tail probabilities among good pictures."""
    total = np.zeros(maps.shape[1:])
    for heat in maps:
        ordered = np.sort(heat[good], axis=None)
        below = np.searchsorted(ordered, heat) / (len(ordered) + 1)
        total -= np.log1p(-below)
    return total / len(maps)


def pooled(images: np.ndarray, embedding: Embedding, maps: np.ndarray, fitted: np.ndarray) -> np.ndarray:
    """One row of features per picture: its patches as they are and beyond what is usual at their place, its
    regions, heat, light.

    images uint8 [n, h, w, 3], maps float [m, n, 16, 16]; fitted bool [n]: the pictures that the principal
    directions and usual patches come from. Returns float [n, at most 50 + 5 m + 6].
    """
    cells = embedding.cells
    n, _, d = cells.shape
    plain = np.concatenate([cells.max(axis=1), cells.mean(axis=1)], axis=1)
    side = GRID // REGION
    regions = cells.reshape(n, side, REGION, side, REGION, d).mean(axis=(2, 4)).reshape(n, -1)
    beyond = beyond_place(cells, fitted)
    main = [principal(values, count, fitted) for values, count in ((plain, 20), (regions, 10), (beyond, 20))]
    heat = [hottest(values) for values in maps]
    light = np.concatenate([images.mean(axis=(1, 2)), images.std(axis=(1, 2))], axis=1)
    return np.concatenate([*main, *heat, light], axis=1)


def beyond_place(cells: np.ndarray, fitted: np.ndarray) -> np.ndarray:
    """How far a picture's cells lie beyond what is usual at their place, float [n, 3 d].

    Per feature: the largest deviation from the place's mean, in units of its spread there, the mean of the
    eight largest, and the mean of all. cells float [n, 256, d].
    """
    among = cells[fitted]
    d = cells.shape[2]
    usual = _smooth(among.mean(axis=0), d)
    spread = np.sqrt(_smooth(among.var(axis=0), d)) + 0.3 * among.std(axis=(0, 1)) + 1e-6
    parts = []
    for chunk in np.split(cells, range(CHUNK, len(cells), CHUNK)):
        ordered = np.sort((chunk - usual) / spread, axis=1)
        parts.append(
            np.concatenate([ordered[:, -1], ordered[:, -8:].mean(axis=1), ordered.mean(axis=1)], axis=1)
        )
    return np.concatenate(parts)


def _smooth(values: np.ndarray, d: int) -> np.ndarray:
    """Values per place, float [256, d], averaged with those of neighbouring places."""
    grid = gaussian_filter(values.reshape(GRID, GRID, d), (1, 1, 0), mode="nearest")
    return grid.reshape(GRID * GRID, d)


def principal(values: np.ndarray, most: int, fitted: np.ndarray) -> np.ndarray:
    """Principal components of the fitted rows, float [n, at most `most`]: fewer where rows are few."""
    values = (values - values[fitted].mean(axis=0)) / (values[fitted].std(axis=0) + 1e-6)
    count = min(most, max(4, int(fitted.sum()) // 8))
    return PCA(count, random_state=0, svd_solver="full").fit(values[fitted]).transform(values)


def hottest(heat: np.ndarray) -> np.ndarray:
    """Means of a picture's hottest 1, 4, 16, 64 cells and of all, float [n, 5]."""
    ordered = np.sort(heat.reshape(len(heat), -1), axis=1)[:, ::-1]
    return np.stack([ordered[:, :count].mean(axis=1) for count in (1, 4, 16, 64, GRID * GRID)], axis=1)


def heat_pixels(heat: np.ndarray, low: float, high: float) -> np.ndarray:
    """Heat of patches [16, 16] as pixels [128, 128] in [0, 1]; each patch covers its own 8 x 8 pixels."""
    scaled = np.clip((heat - low) / max(high - low, 1e-9), 0, 1)
    return gaussian_filter(zoom(scaled, CELL, order=0), CELL / 2).astype(np.float32)
