"""What training sees of single points in space: the kit's depth tells which lie on a surface, before it and
behind it.

A ray of volume rendering costs some thirty points; here one point gives a pixel's colour and three its
density. So each step can show many persons whole, from several sides, where rendering affords a quarter of
a picture, and the gradients are far less noisy. Rendering still trains what points cannot: the outlines,
how samples add up along a ray, and the super-resolution.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from pipelines.backbones.head3d_data import Batch
from pipelines.backbones.head3d_model import RENDER_SIZE, Generator
from pipelines.backbones.head3d_volume import camera_rays, spans

SURFACE_PIXELS, BACKGROUND_PIXELS = 360, 90  # per picture
DETAIL_SHARE = 0.5  # of the pixels, drawn where a picture changes most: eyes, mouth, seams
DEPTH_STEP = 0.1  # between neighbours; beyond it a pixel's depth is a mean of near and far, where nothing is
BEFORE = (0.015, 0.365)  # distances before the surface that are empty
BEHIND = (0.012, 0.042)  # and behind it that are full
EMPTY_LENGTH, FULL_LENGTH = 0.06, 0.05  # of the way through a density that its opacity is told of
EMPTY_WEIGHT, BACKGROUND_WEIGHT, FULL_WEIGHT = 0.15, 0.075, 0.15


def point_losses(
    generator: Generator, planes: Tensor, batch: Batch, random: torch.Generator
) -> dict[str, Tensor]:
    """L1 of the colours on the surfaces of all views of `batch` but the first, and of the opacity before and
    behind them; weighted. `planes` [persons, ...] are the persons' own; `random` lives where the batch does.
    """
    persons = len(planes)
    rgba = functional.avg_pool2d(batch.rgba[:, 1:].flatten(0, 1), 2)
    depth = batch.depth[:, 1:].flatten(0, 1)
    origins, directions = camera_rays(batch.cam2world[:, 1:].flatten(0, 1), RENDER_SIZE)
    pixels, on_surface = _surface_pixels(rgba, depth, random)
    beside, on_background = _draw(_shares(rgba[:, 3] < 0.01), BACKGROUND_PIXELS, random)
    rays, surface = _at(directions, pixels), depth.flatten(1).gather(1, pixels)
    facing = _at(directions, beside)
    near, far = spans(origins, facing)
    lengths = (
        surface[:, ::2] - _between(*BEFORE, _random(surface[:, ::2], random).square()),
        surface[:, 1::2] + _between(*BEHIND, _random(surface[:, 1::2], random)),
        _between(near, far, _random(beside, random)),
    )

    def field(rays: Tensor, lengths: Tensor, want_features: bool) -> tuple[Tensor, Tensor | None]:
        points = (origins[:, None] + rays * lengths[..., None]).reshape(persons, -1, 3)
        return generator.field(planes, points, want_features)

    _, features = field(rays, surface, want_features=True)
    wanted = _at(rgba[:, :3].flatten(2).transpose(1, 2), pixels).reshape(persons, -1, 3)
    error = (features[..., :3] - wanted).abs() * on_surface.view(persons, -1, 1)
    rays = torch.cat([rays[:, ::2], rays[:, 1::2], facing], 1)
    density, _ = field(rays, torch.cat(lengths, 1), want_features=False)
    before, behind, background = density.view(len(rgba), -1).split([part.shape[1] for part in lengths], 1)
    return {
        "colour": error.mean(),
        "empty": EMPTY_WEIGHT * (_opacity(before, EMPTY_LENGTH) * on_surface[:, ::2]).mean(),
        "background": BACKGROUND_WEIGHT * (_opacity(background, EMPTY_LENGTH) * on_background).mean(),
        "full": FULL_WEIGHT * ((1 - _opacity(behind, FULL_LENGTH)) * on_surface[:, 1::2]).mean(),
    }


def _surface_pixels(rgba: Tensor, depth: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Pixels [n, SURFACE_PIXELS] of pictures [n, 4, s, s] whose depth is true, and which of them are such."""
    true = (rgba[:, 3] > 0.99) & (depth > 0) & (_contrast(depth[:, None]) < DEPTH_STEP)
    detail = _shares(_contrast(rgba[:, :3]) * true)
    return _draw((1 - DETAIL_SHARE) * _shares(true) + DETAIL_SHARE * detail, SURFACE_PIXELS, random)


def _contrast(pictures: Tensor) -> Tensor:
    """[n, c, s, s] -> [n, s, s]: how far the highest and the lowest of nine neighbours are apart."""
    highest = functional.max_pool2d(pictures, 3, 1, 1)
    lowest = -functional.max_pool2d(-pictures, 3, 1, 1)
    return (highest - lowest).mean(1)


def _shares(weights: Tensor) -> Tensor:
    """[n, s, s] -> [n, s * s] that sum to one, or are all zero."""
    flat = weights.flatten(1).float()
    return flat / flat.sum(1, keepdim=True).clamp_min(1e-6)


def _draw(shares: Tensor, count: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Pixels [n, count], none twice, and which of them have a share: a picture may hold too few."""
    pixels = torch.multinomial(shares + 1e-9, count, generator=random)
    return pixels, shares.gather(1, pixels) > 0


def _at(values: Tensor, pixels: Tensor) -> Tensor:
    """values [n, s * s, 3] at pixels [n, count]."""
    return values.gather(1, pixels[..., None].expand(-1, -1, 3))


def _random(like: Tensor, random: torch.Generator) -> Tensor:
    return torch.rand(like.shape, generator=random, device=like.device)


def _between(low: Tensor | float, high: Tensor | float, share: Tensor) -> Tensor:
    return low + (high - low) * share


def _opacity(density: Tensor, length: float) -> Tensor:
    """What a way of that length through that density hides, 0 to 1."""
    return 1 - torch.exp(-length * density)
