"""Volume rendering of a radiance field along camera rays (NeRF's quadrature; EG3D, arXiv 2112.07945,
section 4).

t is the distance from the camera along a unit ray. Samples are intervals: [t_i, t_{i+1}] with the field
taken at the middle, alpha_i = 1 - exp(-sigma_i (t_{i+1} - t_i)), weight_i = alpha_i prod_{j<i} (1 -
alpha_j).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pipelines.backbones.head3d_camera import FAR, pixel_directions

Field = Callable[[Tensor, bool], tuple[Tensor, Tensor | None]]
"""(points [B, n, 3], whether features are wanted) -> (density >= 0 [B, n], features [B, n, C] or None)."""

LOWEST, HIGHEST = (-0.66, -0.66, -0.46), (0.66, 0.5, 0.35)
"""Corners of what is drawn: head and shoulders, which are wider than the head's box."""
PADDING = 0.02  # share of the fine samples that is spread evenly, so that empty space keeps a gradient


@dataclass(frozen=True)
class Rendering:
    """Per ray: features [B, n, C] weighted (premultiplied by alpha), alpha [B, n], depth [B, n]: the mean
    of t.
    """

    features: Tensor
    alpha: Tensor
    depth: Tensor


def camera_rays(
    cam2world: Tensor, size: int, window: tuple[int, int, int] | None = None
) -> tuple[Tensor, Tensor]:
    """Origins [B, 3] and unit directions [B, n, 3] of a size x size image, row by row.

    cam2world [B, 4, 4]. `window` (top, left, side) takes a square part of the image.
    """
    local = torch.from_numpy(pixel_directions(size)).to(cam2world)
    if window:
        top, left, side = window
        local = local[top : top + side, left : left + side]
    with torch.autocast(cam2world.device.type, enabled=False):  # half precision is too coarse for rays
        directions = torch.einsum("bij,nj->bni", cam2world[:, :3, :3], local.reshape(-1, 3))
    return cam2world[:, :3, 3], directions


def spans(origins: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
    """Where rays of origins [B, 3] and directions [B, n, 3] enter and leave the box from LOWEST to HIGHEST:
    distances [B, n], both the same for a ray that misses it.
    """
    steady = torch.where(directions.abs() < 1e-9, torch.full_like(directions, 1e-9), directions)
    low, high = ((origins.new_tensor(corner) - origins)[:, None] / steady for corner in (LOWEST, HIGHEST))
    near, far = torch.minimum(low, high).amax(-1).clamp_min(0), torch.maximum(low, high).amin(-1)
    return torch.minimum(near, far), far


def volume_render(
    field: Field,
    origins: Tensor,
    directions: Tensor,
    coarse: int,
    fine: int,
    generator: torch.Generator | None = None,
) -> Rendering:
    """Integrate `field` along rays, where they cross the box from LOWEST to HIGHEST: `coarse` even intervals
    tell where `fine` ones are laid; the fine ones are summed.

    Without a `generator` the samples are placed evenly and the result is deterministic; with one they are
    jittered.
    """
    batch, count = directions.shape[:2]
    near, far = (length[..., None] for length in spans(origins, directions))
    edges = near + (far - near) * torch.linspace(0, 1, coarse + 1, device=directions.device)
    with torch.no_grad():
        middles = (edges[..., 1:] + edges[..., :-1]) / 2
        if generator is not None:
            middles = middles + (_random(middles.shape, generator, middles) - 0.5) * (far - near) / coarse
        density, _ = field(_points(origins, directions, middles), False)
        weights, _ = _weights(density.view(batch, count, -1).float(), edges)
        edges = _resample(edges, weights, fine, generator)
    middles = (edges[..., 1:] + edges[..., :-1]) / 2
    density, features = field(_points(origins, directions, middles), True)
    weights, alpha = _weights(density.view(batch, count, -1).float(), edges)
    summed = (weights[..., None] * features.view(batch, count, fine, -1).float()).sum(2)
    depth = (weights * middles).sum(-1) / alpha.clamp_min(1e-4)
    return Rendering(summed, alpha, torch.where(alpha > 1e-3, depth, torch.full_like(depth, FAR)))


def depth_normals(depth: Tensor, alpha: Tensor, cam2world: Tensor) -> Tensor:
    """Surface normals in the world, unit length, [B, 3, size, size], from depth and alpha [B, size, size].

    Zero where alpha < 0.5. Cross product of the central differences of the surface points.
    """
    size = depth.shape[-1]
    origins, directions = camera_rays(cam2world, size)
    points = (
        (origins[:, None] + directions * depth.flatten(1)[..., None])
        .view(-1, size, size, 3)
        .permute(0, 3, 1, 2)
    )
    padded = torch.nn.functional.pad(points, (1, 1, 1, 1), mode="replicate")
    along_x = padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]
    along_y = padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]
    normals = torch.linalg.cross(along_y, along_x, dim=1)
    normals = torch.nn.functional.normalize(normals, dim=1, eps=1e-12)
    return normals * (alpha[:, None] >= 0.5)


def _points(origins: Tensor, directions: Tensor, t: Tensor) -> Tensor:
    return (origins[:, None, None] + directions[:, :, None] * t[..., None]).flatten(1, 2)


def _weights(density: Tensor, edges: Tensor) -> tuple[Tensor, Tensor]:
    """Quadrature weights [B, n, s] and their sum [B, n] from densities at the middles of `edges` [B, n, s +
    1].
    """
    optical = torch.cumsum(density * (edges[..., 1:] - edges[..., :-1]), -1)
    transmitted = torch.exp(-torch.cat([torch.zeros_like(optical[..., :1]), optical], -1))
    return transmitted[..., :-1] - transmitted[..., 1:], 1 - transmitted[..., -1]


def _resample(edges: Tensor, weights: Tensor, count: int, generator: torch.Generator | None) -> Tensor:
    """Edges [B, n, count + 1] that hold equal shares of the (slightly widened, padded) weights."""
    neighbour = torch.nn.functional.max_pool1d(weights.flatten(0, 1)[:, None], 3, 1, 1)[:, 0].view_as(weights)
    share = neighbour / neighbour.sum(-1, keepdim=True).clamp_min(1e-6)
    share = (1 - PADDING) * share + PADDING / share.shape[-1]
    cumulative = torch.cumsum(share / share.sum(-1, keepdim=True), -1)
    cumulative = torch.cat([torch.zeros_like(cumulative[..., :1]), cumulative], -1)
    u = torch.linspace(0, 1, count + 1, device=edges.device).expand(*weights.shape[:-1], -1)
    if generator is not None:
        u = u.clone()
        u[..., 1:-1] += (_random(u[..., 1:-1].shape, generator, u) - 0.5) * 0.9 / count
    place = torch.searchsorted(cumulative, u.contiguous(), right=True).clamp(1, edges.shape[-1] - 1)
    low, high = cumulative.gather(-1, place - 1), cumulative.gather(-1, place)
    start, end = edges.gather(-1, place - 1), edges.gather(-1, place)
    return start + (end - start) * ((u - low) / (high - low).clamp_min(1e-8)).clamp(0, 1)


def _random(shape: torch.Size, generator: torch.Generator, like: Tensor) -> Tensor:
    return torch.rand(shape, generator=generator, device=generator.device, dtype=torch.float32).to(like)
