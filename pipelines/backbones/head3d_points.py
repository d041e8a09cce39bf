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

from pipelines.backbones.head3d_camera import FAR, NEAR
from pipelines.backbones.head3d_data import Batch
from pipelines.backbones.head3d_model import RENDER_SIZE, Generator
from pipelines.backbones.head3d_volume import camera_rays

PIXELS = 360  # per picture; a quarter as many of the background
DETAIL_SHARE = 0.5  # of the pixels, drawn where a picture changes most: eyes, mouth, seams
EMPTY_WEIGHT, FULL_WEIGHT = 0.15, 0.15
EMPTY_LENGTH, FULL_LENGTH = 0.06, 0.05  # of the way through such density by which it is judged
BEFORE = (0.015, 0.365)  # distances before the surface that are empty
BEHIND = (0.012, 0.042)  # and behind it that are full


def point_losses(
    generator: Generator, planes: Tensor, batch: Batch, random: torch.Generator
) -> dict[str, Tensor]:
    """L1 of the colours on the surfaces of all views of `batch` but the first, and of the opacity before and
    behind them; weighted. `planes` [persons, ...] are the persons' own; `random` lives on the CPU.
    """
    persons = len(planes)
    rgba = functional.avg_pool2d(batch.rgba[:, 1:].flatten(0, 1), 2)
    depth = batch.depth[:, 1:].flatten(0, 1)
    origins, directions = camera_rays(batch.cam2world[:, 1:].flatten(0, 1), RENDER_SIZE)
    solid = (rgba[:, 3] > 0.99) & (depth > 0)
    clear = rgba[:, 3] < 0.01
    detail = _shares(_contrast(rgba[:, :3]) * solid)
    pixels = _draw((1 - DETAIL_SHARE) * _shares(solid) + DETAIL_SHARE * detail, PIXELS, random)
    rays = _at(directions, pixels)
    surface = depth.flatten(1).gather(1, pixels)[..., None]
    shown = solid.flatten(1).gather(1, pixels).view(persons, -1)  # False only where a picture holds too few

    def field(rays: Tensor, lengths: Tensor, want_features: bool) -> tuple[Tensor, Tensor | None]:
        points = origins[:, None] + rays * lengths
        return generator.field(planes, points.reshape(persons, -1, 3), want_features)

    _, features = field(rays, surface, want_features=True)
    wanted = _at(rgba[:, :3].flatten(2).transpose(1, 2), pixels).reshape(persons, -1, 3)
    background = _draw(_shares(clear), PIXELS // 4, random)
    beside = clear.flatten(1).gather(1, background).view(persons, -1)
    half = PIXELS // 2
    before = surface[:, :half] - _between(*BEFORE, _random(surface[:, :half], random).square())
    behind = surface[:, half:] + _between(*BEHIND, _random(surface[:, half:], random))
    outside = _between(NEAR, FAR, _random(background[..., None].float(), random))
    front, _ = field(rays[:, :half], before, want_features=False)
    inside, _ = field(rays[:, half:], behind, want_features=False)
    away, _ = field(_at(directions, background), outside, want_features=False)
    first, second = (part.reshape(persons, -1) for part in shown.view(len(rgba), -1).split(half, 1))
    in_the_way, at_the_side = _opacity(front, EMPTY_LENGTH) * first, _opacity(away, EMPTY_LENGTH) * beside
    return {
        "colour": ((features[..., :3] - wanted).abs() * shown[..., None]).mean(),
        "empty": EMPTY_WEIGHT * (in_the_way.mean() + 0.5 * at_the_side.mean()),
        "full": FULL_WEIGHT * ((1 - _opacity(inside, FULL_LENGTH)) * second).mean(),
    }


def _contrast(pictures: Tensor) -> Tensor:
    """[n, 3, s, s] -> [n, s, s]: how far the lightest and the darkest of nine neighbours are apart."""
    lightest = functional.max_pool2d(pictures, 3, 1, 1)
    darkest = -functional.max_pool2d(-pictures, 3, 1, 1)
    return (lightest - darkest).mean(1)


def _shares(weights: Tensor) -> Tensor:
    """[n, s, s] -> [n, s * s] that sum to one, or are all zero."""
    flat = weights.flatten(1).float()
    return flat / flat.sum(1, keepdim=True).clamp_min(1e-6)


def _draw(shares: Tensor, count: int, random: torch.Generator) -> Tensor:
    """Pixels [n, count], none twice."""
    return torch.multinomial((shares + 1e-9).cpu(), count, generator=random).to(shares.device)


def _at(values: Tensor, pixels: Tensor) -> Tensor:
    """values [n, s * s, 3] at pixels [n, count]."""
    return values.gather(1, pixels[..., None].expand(-1, -1, 3))


def _random(like: Tensor, random: torch.Generator) -> Tensor:
    return torch.rand(like.shape, generator=random).to(like)


def _between(low: float, high: float, share: Tensor) -> Tensor:
    return low + (high - low) * share


def _opacity(density: Tensor, length: float) -> Tensor:
    """What a way of that length through that density hides, 0 to 1."""
    return 1 - torch.exp(-length * density)
