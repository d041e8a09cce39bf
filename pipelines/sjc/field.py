"""The 3D asset θ that score chaining optimises: a voxel radiance field without any network."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import grid_sample, interpolate, max_pool3d, softplus

from pipelines.backbones.cameras import CAMERA_RADIUS, FOV_DEGREES, OBJECT_RADIUS

OCCUPIED_ALPHA = 0.01


@dataclass(frozen=True)
class FieldConfig:
    """What does not change while a field is optimised.

    `channels` of a rendered image: 3 pixels in -1..1 over white, or the latents of an autoencoder over a
    learnt background. The field fills the sphere of radius `extent` (world units) in the cube of the same
    half side. Density per world unit is gain · softplus(e^scale · raw + shift); `learn_scale` says whether
    scale is optimised. `fov_degrees`: the lens of the views that are shown.
    """

    channels: int
    extent: float
    gain: float
    shift: float
    learn_scale: bool
    fov_degrees: float

    @property
    def latent(self) -> bool:
        """Whether images are latents that must be decoded."""
        return self.channels != 3


# Nearly empty at first: a denser fog over white looks white, and nothing would clear it away.
PIXEL_FIELD = FieldConfig(3, OBJECT_RADIUS + 0.02, 30.0, -5.0, False, FOV_DEGREES)
# The paper's own: cube [-1, 1]³, softplus(raw · e^scale - 1), four latent channels, shown at 60°.
LATENT_FIELD = FieldConfig(4, 1.0, 1.0, -1.0, True, 60.0)
INITIAL_SPREAD = {3: (0.1, 0.3), 4: (0.0, 1.0)}  # standard deviations of density and colour by channels
assert LATENT_FIELD.extent < CAMERA_RADIUS  # no camera stands in its own field


class VoxelField(nn.Module):
    """Density and colour on a dense grid [1, 1 + channels, G, G, G], axes z, y, x, read trilinearly.

    Pixel colours pass through a sigmoid to -1..1; latents are stored as they are. Neither depends on the
    viewing direction.
    """

    def __init__(self, config: FieldConfig, grid: Tensor) -> None:
        super().__init__()
        self.config = config
        self.grid = nn.Parameter(grid)
        self.scale = nn.Parameter(torch.zeros(()), requires_grad=config.learn_scale)
        self.background = (
            nn.Parameter(torch.zeros(1, config.channels, 4, 4)) if config.latent else None
        )  # over azimuth and elevation of a ray

    @classmethod
    def random(cls, config: FieldConfig, resolution: int, generator: torch.Generator) -> VoxelField:
        """A thin fog of random colours; `resolution` voxels per side."""
        side = (1, 1 + config.channels, *(resolution,) * 3)
        grid = torch.randn(side, generator=generator)
        density, colour = INITIAL_SPREAD[config.channels]
        grid[:, :1] *= density
        grid[:, 1:] *= colour
        field = cls(config, grid)
        if field.background is not None:
            field.background.data.normal_(generator=generator)
        return field

    @property
    def resolution(self) -> int:
        """Voxels per side."""
        return self.grid.shape[-1]

    @property
    def voxel(self) -> float:
        """Side of a voxel in world units."""
        return 2 * self.config.extent / self.resolution

    def resampled(self, resolution: int) -> VoxelField:
        """The same field on a finer grid (trilinear): from coarse to fine."""
        grid = interpolate(self.grid.detach(), size=(resolution,) * 3, mode="trilinear", align_corners=False)
        finer = VoxelField(self.config, grid)
        finer.scale.data.copy_(self.scale.data)
        if self.background is not None:
            finer.background.data.copy_(self.background.data)
        return finer.to(self.grid.device)

    def snapshot(self) -> VoxelField:
        """A copy on the CPU that later steps do not change."""
        return copy.deepcopy(self).cpu().requires_grad_(False)

    def at(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Points [m, 3] in world units (x, y, z) -> density [m] per world unit, colours [m, channels]."""
        places = (points / self.config.extent).view(1, 1, 1, -1, 3)
        raw = grid_sample(self.grid, places, align_corners=False)[0, :, 0, 0]
        colours = raw[1:].T
        return self._density(raw[0]), colours if self.config.latent else torch.sigmoid(colours) * 2 - 1

    def _density(self, raw: Tensor) -> Tensor:
        if self.config.learn_scale:
            raw = raw * self.scale.exp()
        return self.config.gain * softplus(raw + self.config.shift)

    @torch.no_grad()
    def alpha(self) -> Tensor:
        """[G, G, G]: what each voxel hides of what is behind it, 0..1."""
        return 1 - torch.exp(-self._density(self.grid[0, 0]) * self.voxel)

    def occupied(self) -> Tensor:
        """bool [G, G, G]: voxels that hide at least OCCUPIED_ALPHA, and their neighbours."""
        return max_pool3d(self.alpha()[None, None], 3, stride=1, padding=1)[0, 0] > OCCUPIED_ALPHA

    def background_at(self, directions: Tensor) -> Tensor | float:
        """What rays [m, 3] (unit length) see behind the object: [m, channels], or white."""
        if self.background is None:
            return 1.0
        x, y, z = directions.unbind(-1)
        places = torch.stack([torch.atan2(x, z) / math.pi, torch.asin(y.clamp(-1, 1)) * 2 / math.pi], dim=-1)
        colours = grid_sample(
            self.background, places.view(1, 1, -1, 2), align_corners=False, padding_mode="border"
        )
        return colours[0, :, 0].T
