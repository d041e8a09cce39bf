"""Views all round a field, and their depth."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from pipelines.backbones.diffusion import Denoiser
from pipelines.sjc.field import VoxelField
from pipelines.sjc.render import BACKGROUND_DEPTH, Rendering, Views, render

ELEVATION = math.radians(20)
HIDES = 0.35  # share of what is behind, from which something counts as seen
FARTHEST = 60  # grey of 255


def shown(denoiser: Denoiser, images: Tensor) -> np.ndarray:
    """Renderings [n, channels, s, s] -> uint8 [n, S, S, 3]: pixels as they are, latents decoded."""
    pixels = denoiser.decode(images).cpu()
    return (pixels * 255).round().byte().permute(0, 2, 3, 1).contiguous().numpy()


def turn(
    field: VoxelField, denoiser: Denoiser, frames: int, size: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Frame by frame round the object: image uint8 [S, S, 3], depth float32 [s, s] (see depth_of).

    Latents are rendered at the size that the denoiser knows and decoded; pixels at `size`.
    """
    size = denoiser.image_size if field.config.latent else size
    occupied = field.occupied()
    for azimuth in all_round(frames):
        cameras = Views.of([azimuth], ELEVATION, field.config.fov_degrees)
        with torch.no_grad():
            rendering = render(field, cameras, size, occupied=occupied)
        yield shown(denoiser, rendering.images)[0], depth_of(rendering)[0]


def depth_of(rendering: Rendering) -> np.ndarray:
    """How far away what is seen lies, float32 [n, s, s], in world units along the ray: the mean over what the
    object itself adds; infinite where it hides less than HIDES of what is behind."""
    hidden = rendering.opacity
    own = rendering.depth - (1 - hidden) * BACKGROUND_DEPTH
    depth = torch.where(hidden >= HIDES, own / hidden.clamp(min=HIDES), math.inf)
    return depth.cpu().numpy()


def all_round(count: int) -> list[float]:
    """`count` azimuths (radians), evenly from the front."""
    return [2 * math.pi * k / count for k in range(count)]


def depth_picture(depth: np.ndarray) -> np.ndarray:
    """Depth [..., s, s] as of depth_of -> uint8: white is the nearest of all, FARTHEST the farthest, black is
    where nothing is."""
    seen = depth[np.isfinite(depth)]
    if not len(seen):
        return np.zeros(depth.shape, np.uint8)
    near, far = np.quantile(seen, [0.005, 0.995])
    share = np.clip((far - depth) / max(far - near, 1e-6), 0, 1)
    return np.where(np.isfinite(depth), FARTHEST + share * (255 - FARTHEST), 0).round().astype(np.uint8)
