"""Open-set recognition: accept a picture that is rebuilt well and whose code lies near a prototype.

The paper's rule: ||x - x̂|| < η_r, and for some class ||μ_y - z_J|| < η_y, both the 95th percentile over
training pictures (η_y: of the class's own). The extended rule, ours, adds ||z_opaque|| < η_o.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pipelines.glancenets.model import GlanceNet

PERCENTILE = 0.95
OPAQUE_PERCENTILE = 0.94
"""Of our own test, chosen on digits of MNIST's training part, so that 83 % of unseen 4s and 5s are kept:
`fit` prints that share of `datasets.validation`."""
BATCH = 256


@dataclass(frozen=True)
class Codes:
    """What a GlanceNet makes of n pictures, by mean codes."""

    mean: Tensor
    """float [n, k + opaque]."""
    error: Tensor
    """float [n], ||x - x̂||, pixels in [0, 1]."""
    distances: Tensor
    """float [n, classes], ||μ_y - z_J||."""
    opaque: Tensor
    """float [n], ||z_opaque||."""


@dataclass(frozen=True)
class Thresholds:
    """η_r, η_y per class [classes], η_o."""

    reconstruction: Tensor
    prototypes: Tensor
    opaque: Tensor


@torch.inference_mode()
def codes(net: GlanceNet, x: Tensor) -> Codes:
    """Encode and rebuild pictures uint8 [n, channels, side, side]."""
    means, errors = [], []
    for batch in x.split(BATCH):
        pixels = batch.float() / 255
        mean, _ = net.encode(pixels)
        means.append(mean)
        errors.append((torch.sigmoid(net.decode(mean)) - pixels).flatten(1).norm(dim=1))
    return judge(net, torch.cat(means), torch.cat(errors))


def judge(net: GlanceNet, mean: Tensor, error: Tensor) -> Codes:
    """The distances of mean codes, [n, k + opaque], whose pictures are rebuilt with these errors, [n]."""
    k = net.shape.concepts
    distances = torch.cdist(mean[:, :k], net.prototypes.detach(), compute_mode="donot_use_mm_for_euclid_dist")
    return Codes(mean, error, distances, mean[:, k:].norm(dim=1))


def fit(training: Codes, y: Tensor) -> Thresholds:
    """Thresholds from training pictures of classes y, int [n]."""
    classes = range(training.distances.shape[1])
    return Thresholds(
        training.error.quantile(PERCENTILE),
        torch.stack([training.distances[y == c, c].quantile(PERCENTILE) for c in classes]),
        training.opaque.quantile(OPAQUE_PERCENTILE),
    )


def ratios(seen: Codes, thresholds: Thresholds) -> Tensor:
    """float [n, 3]: reconstruction, nearest prototype, opaque norm, over their thresholds; below 1 passes."""
    return torch.stack(
        [
            seen.error / thresholds.reconstruction,
            (seen.distances / thresholds.prototypes).min(dim=1).values,
            seen.opaque / thresholds.opaque,
        ],
        dim=1,
    )


def score(seen: Codes, thresholds: Thresholds, extended: bool) -> Tensor:
    """float [n]: the worst ratio; accepted below 1. By the paper's rule, or by the extended one."""
    return ratios(seen, thresholds)[:, : 3 if extended else 2].max(dim=1).values
