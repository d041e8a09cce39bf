"""How a net is trained, and the augmented, binarised batches of MNIST that it sees. Needs numba."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numba
import numpy as np

from pipelines.logicgates.data import mnist
from pipelines.logicgates.model import LogicNetConfig
from pipelines.logicgates.netlist import Netlist

_jit = numba.njit(fastmath=True, cache=True, error_model="numpy")


@dataclass(frozen=True)
class Recipe:
    """How a net is trained: Adam with a cosine decay of the rates to 2 %, on augmented images."""

    config: LogicNetConfig
    epochs: int
    batch: int
    learning_rate: float
    wire_learning_rate: float = 0.0
    """For the choice among candidates, where wiring is learnt."""
    straight_through_from: float = 0.0
    """Share of the training after which the forward pass is that of the discretised net."""
    pruning: tuple[tuple[float, int], ...] = ()
    """(share of the training, candidates kept per gate input from then on): a settled choice costs less."""
    shift: float = 0.0
    """Pixels, uniform in ±shift in both directions."""
    slant: float = 0.0
    """Standard deviation of rotation and shear in degrees; scales vary by as many per cent."""
    elastic: float = 0.0
    """Standard deviation in pixels of a smooth displacement, independent at every seventh pixel."""
    threshold_spread: float = 0.0
    """Input bits are pixel > 127 ± up to this, which thins and thickens strokes."""
    fade_from: float = 0.65
    """Share of the training after which augmentation fades, to 30 % of its strength at the end."""


class Batches:
    """Binarised batches of MNIST's training images; training batch `step` depends on (seed, step) only."""

    def __init__(self, recipe: Recipe, chosen: np.ndarray) -> None:
        """`chosen` are the indices of the images to train on."""
        self.recipe, self.chosen = recipe, chosen
        self.images, labels = mnist("train")
        self.labels = labels.astype(np.int64)
        side = Netlist.SIDE - 2 * recipe.config.crop
        self.x = np.empty((side**2, recipe.batch), np.float32)
        self.per_epoch = len(chosen) // recipe.batch
        self._epoch, self._order = -1, chosen

    def training(self, step: int, strength: float) -> tuple[np.ndarray, np.ndarray]:
        """Augmented bits float32 [n_inputs, batch], overwritten by the next call, and labels [batch]."""
        recipe, n = self.recipe, self.recipe.batch
        epoch, within = divmod(step, self.per_epoch)
        if epoch != self._epoch:
            rng = np.random.default_rng((recipe.config.seed, 0, epoch))
            self._epoch, self._order = epoch, rng.permutation(self.chosen)
        rng = np.random.default_rng((recipe.config.seed, 1, step))
        field = rng.normal(0, strength * recipe.elastic, (n, 2, 5, 5)).astype(np.float32)
        spread = strength * recipe.threshold_spread
        threshold = (127 + rng.uniform(-spread, spread, n)).astype(np.float32)
        order = self._order[within * n : (within + 1) * n]
        return self._load(order, self._warps(rng, strength), field, threshold)

    def plain(self, indices: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The images as they are; those that do not fill a batch are left out."""
        n = self.recipe.batch
        warp, still = np.tile(np.eye(2, 3, dtype=np.float32), (n, 1, 1)), np.zeros((n, 2, 5, 5), np.float32)
        for start in range(0, len(indices) - n + 1, n):
            yield self._load(indices[start : start + n], warp, still, np.full(n, 127, np.float32))

    def _load(
        self, order: np.ndarray, warp: np.ndarray, field: np.ndarray, threshold: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        load_batch(self.images, order, warp, field, threshold, self.recipe.config.crop, self.x)
        return self.x, self.labels[order]

    def _warps(self, rng: np.random.Generator, strength: float) -> np.ndarray:
        """Random maps from output to image coordinates, float32 [batch, 2, 3]."""
        n, degrees, shift = self.recipe.batch, strength * self.recipe.slant, strength * self.recipe.shift
        turn, shear = np.deg2rad(rng.normal(0, degrees, (2, n)))
        scale = np.exp(rng.normal(0, degrees / 100, (n, 2)))
        warp = np.empty((n, 2, 3), np.float32)
        warp[:, 0, 0], warp[:, 0, 1] = scale[:, 0] * np.cos(turn), -scale[:, 0] * np.sin(turn)
        warp[:, 1, 0], warp[:, 1, 1] = scale[:, 1] * np.sin(turn + shear), scale[:, 1] * np.cos(turn + shear)
        warp[:, :, 2] = rng.uniform(-shift, shift, (n, 2))
        return warp


@_jit
def _bilinear(image, r, s):
    """Value of an image between its pixels; 0 outside."""
    i, k = int(np.floor(r)), int(np.floor(s))
    if i < 0 or k < 0 or i >= image.shape[0] - 1 or k >= image.shape[1] - 1:
        return np.float32(0)
    v, h = r - np.float32(i), s - np.float32(k)
    top = np.float32(image[i, k]) * (np.float32(1) - h) + np.float32(image[i, k + 1]) * h
    low = np.float32(image[i + 1, k]) * (np.float32(1) - h) + np.float32(image[i + 1, k + 1]) * h
    return top * (np.float32(1) - v) + low * v


@_jit
def load_batch(images, order, warp, field, threshold, crop, x):
    """Warp, crop and binarise images uint8 [m, 28, 28] into x float32 [n_inputs, batch].

    Column j is images[order[j]], read bilinearly at (row, column) = warp[j] · (row, column, 1) + field[j],
    counted from the image's centre. warp is float32 [batch, 2, 3]; field float32 [batch, 2, 5, 5] holds
    displacements in pixels at every seventh row and column, linear in between. An input bit is
    value > threshold[j] (0..255).
    """
    side = 28 - 2 * crop
    centre = np.float32(13.5)
    for j in range(len(order)):
        image, t, d = images[order[j]], warp[j], field[j]
        for r in range(side):
            row = np.float32(r + crop)
            i = int(row / np.float32(7))
            v = row / np.float32(7) - np.float32(i)
            dr = row - centre
            for s in range(side):
                column = np.float32(s + crop)
                k = int(column / np.float32(7))
                h = column / np.float32(7) - np.float32(k)
                ds = column - centre
                p00, p01 = (np.float32(1) - v) * (np.float32(1) - h), (np.float32(1) - v) * h
                p10, p11 = v * (np.float32(1) - h), v * h
                fr = t[0, 0] * dr + t[0, 1] * ds + t[0, 2] + centre
                fr += p00 * d[0, i, k] + p01 * d[0, i, k + 1]
                fr += p10 * d[0, i + 1, k] + p11 * d[0, i + 1, k + 1]
                fs = t[1, 0] * dr + t[1, 1] * ds + t[1, 2] + centre
                fs += p00 * d[1, i, k] + p01 * d[1, i, k + 1]
                fs += p10 * d[1, i + 1, k] + p11 * d[1, i + 1, k + 1]
                x[r * side + s, j] = np.float32(_bilinear(image, fr, fs) > threshold[j])
