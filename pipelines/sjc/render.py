"""g(θ, π): emission-absorption rendering of a voxel field, differentiable in the field."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pipelines.backbones.cameras import CAMERA_RADIUS, camera
from pipelines.sjc.field import VoxelField

BACKGROUND_DEPTH = 10.0
STEPS_PER_VOXEL = 1.0


@dataclass(frozen=True)
class Views:
    """n cameras π: azimuth and elevation float32 [n] in radians, field of view [n] in degrees (see
    backbones/cameras.py)."""

    azimuth: Tensor
    elevation: Tensor
    fov_degrees: Tensor

    @classmethod
    def of(cls, azimuth: list[float], elevation: float, fov_degrees: float) -> Views:
        """Cameras at one height with one lens."""
        return cls(
            torch.tensor(azimuth),
            torch.full((len(azimuth),), elevation),
            torch.full((len(azimuth),), fov_degrees),
        )

    def __len__(self) -> int:
        return len(self.azimuth)

    @property
    def angles(self) -> Tensor:
        """[n, 2]: azimuth, elevation."""
        return torch.stack([self.azimuth, self.elevation], dim=1)


@dataclass(frozen=True)
class Rays:
    """Of n cameras with p = size² pixels, row by row: origins [n, 3], unit directions [n, p, 3]."""

    origins: Tensor
    directions: Tensor


def rays(views: Views, size: int) -> Rays:
    """One ray through the centre of every pixel."""
    centre = torch.arange(size) + 0.5 - size / 2
    down, right = torch.meshgrid(centre, centre, indexing="ij")
    poses = [camera(a, e) for a, e in views.angles.double().tolist()]
    eyes, rotations = (torch.from_numpy(np.stack(part)).float() for part in zip(*poses, strict=True))
    focal = size / 2 / torch.tan(torch.deg2rad(views.fov_degrees) / 2)
    local = (
        torch.stack([right, -down, torch.zeros_like(right)], dim=-1).view(1, -1, 3).repeat(len(views), 1, 1)
    )
    local[..., 2] = -focal[:, None]
    directions = torch.nn.functional.normalize(local, dim=-1) @ rotations
    return Rays(eyes, directions)


@dataclass(frozen=True)
class Rendering:
    """images [n, channels, size, size] in the denoiser's range; opacity and depth [n, size, size], depth
    along the ray in world units, BACKGROUND_DEPTH where nothing is; weights [n, p, k] of the k samples of
    each ray."""

    images: Tensor
    opacity: Tensor
    depth: Tensor
    weights: Tensor


def render(
    field: VoxelField,
    views: Views,
    size: int,
    offsets: Tensor | None = None,
    occupied: Tensor | None = None,
    steps_per_voxel: float = STEPS_PER_VOXEL,
) -> Rendering:
    """Draw a field: y = Σ w_i c_i + (1 - Σ w_i) background, w_i = (1 - e^(-σ_i δ)) Π_{j<i} e^(-σ_j δ).

    Samples lie δ apart on every ray, between the near and far end of the field's sphere; `offsets` [n] in
    0..1 moves them along the ray (default: the middle). Samples outside the sphere, or where `occupied`
    (bool [G, G, G], see VoxelField.occupied) is False, are never computed.
    """
    extent = field.config.extent
    beams = rays(views, size)
    origins, directions = beams.origins.to(field.grid), beams.directions.to(field.grid)
    count, pixels = directions.shape[:2]
    samples = math.ceil(field.resolution * steps_per_voxel)
    step = 2 * extent / samples
    offsets = torch.full((count,), 0.5) if offsets is None else offsets
    ticks = (torch.arange(samples) + offsets[:, None]).to(field.grid)
    distance = CAMERA_RADIUS - extent + step * ticks  # [n, k]

    # |o + t d|² = |o|² + 2 t (o·d) + t², without making the points that will not be needed.
    along = (directions * origins[:, None]).sum(-1)
    square = CAMERA_RADIUS**2 + distance[:, None] * (2 * along[..., None] + distance[:, None])
    kept = (square < extent**2).flatten().nonzero()[:, 0]
    ray = kept // samples
    view = ray // pixels
    points = origins[view] + directions.flatten(0, 1)[ray] * distance[view, kept % samples, None]
    if occupied is not None:
        full = _lookup(occupied, points, extent)
        kept, points = kept[full], points[full]

    density, colours = field.at(points)
    shape = (count, pixels, samples)
    thickness = _spread(density * step, kept, shape)
    # The light that gets as far as a sample.
    passed = torch.exp(thickness - thickness.cumsum(-1))
    weights = passed * -torch.expm1(-thickness)
    opacity = weights.sum(-1)
    inside = [(weights * _spread(part, kept, shape)).sum(-1) for part in colours.unbind(1)]
    behind = field.background_at(directions.flatten(0, 1))
    if isinstance(behind, Tensor):
        behind = behind.view(count, pixels, -1).permute(0, 2, 1)
    images = torch.stack(inside, dim=1) + (1 - opacity)[:, None] * behind
    depth = (weights * distance[:, None]).sum(-1) + (1 - opacity) * BACKGROUND_DEPTH
    square_shape = (count, size, size)
    return Rendering(
        images.reshape(count, -1, size, size),
        opacity.reshape(square_shape),
        depth.reshape(square_shape),
        weights,
    )


def _lookup(occupied: Tensor, points: Tensor, extent: float) -> Tensor:
    side = occupied.shape[-1]
    x, y, z = ((points / extent + 1) * (side / 2)).long().clamp_(0, side - 1).unbind(-1)
    return occupied.view(-1)[(z * side + y) * side + x]


def _spread(values: Tensor, kept: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """Put the values of the kept samples where they belong; zeros elsewhere."""
    return values.new_zeros(math.prod(shape)).index_copy(0, kept, values).view(shape)
