"""From the field to a closed, coloured mesh, and to glTF."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from pipelines.backbones.head3d_model import BOX, Generator
from pipelines.errors import InputError

if TYPE_CHECKING:
    import trimesh

SURFACE_DENSITY = 25.0  # where the field counts as solid, in 1 / world unit
COLOUR_DEPTH = (
    0.006  # world units under the surface: outside it the field's colour was never seen in training
)
RESOLUTIONS = 16, 256
AT_ONCE = 2**17  # points whose density is asked for in one go


def extract(generator: Generator, planes: Tensor, resolution: int) -> trimesh.Trimesh:
    """The surface of one head's field from marching cubes on a grid of `resolution`^3 over the head's box.

    Closed, faces outward, sRGB vertex colours; only the largest solid, without what is hollow inside it.
    ValueError for a resolution outside 16..256, InputError where the field is nowhere solid.
    """
    import trimesh
    from skimage.measure import marching_cubes

    if not RESOLUTIONS[0] <= resolution <= RESOLUTIONS[1]:
        raise ValueError(f"the resolution must lie in {RESOLUTIONS[0]}..{RESOLUTIONS[1]}, not {resolution}")
    solid = _largest_solid(_density(generator, planes, resolution))
    vertices, faces, _, _ = marching_cubes(solid, SURFACE_DENSITY)
    vertices = (vertices / (resolution - 1) * 2 * BOX - BOX).astype(np.float32)
    mesh = trimesh.Trimesh(vertices, faces[:, ::-1], process=False)
    inside = torch.tensor(vertices - COLOUR_DEPTH * mesh.vertex_normals, dtype=torch.float32)
    colours = generator.field(planes, inside.to(planes.device)[None])[1][0, :, :3].clamp(0, 1)
    mesh.visual = trimesh.visual.ColorVisuals(mesh, vertex_colors=(colours * 255 + 0.5).byte().cpu().numpy())
    return mesh


def _density(generator: Generator, planes: Tensor, resolution: int) -> np.ndarray:
    """float32 [resolution, resolution, resolution], axes x, y, z."""
    line = torch.linspace(-BOX, BOX, resolution, device=planes.device)
    grid = torch.stack(torch.meshgrid(line, line, line, indexing="ij"), -1).view(1, -1, 3)
    density = torch.cat([generator.field(planes, part, False)[0] for part in grid.split(AT_ONCE, 1)], 1)
    return density.view(resolution, resolution, resolution).float().cpu().numpy()


def _largest_solid(density: np.ndarray) -> np.ndarray:
    """The density with an empty shell, which closes the surface where the box cuts it, without the smaller
    solids, and full inside.
    """
    from scipy import ndimage

    density = density.copy()
    for axis in range(3):
        density[(slice(None),) * axis + ([0, -1],)] = 0
    parts, count = ndimage.label(density > SURFACE_DENSITY)
    if not count:
        raise InputError("This code shows no head.", "Take a random head, or undo the last edits.", "head")
    largest = parts == np.bincount(parts.ravel())[1:].argmax() + 1
    density[~ndimage.binary_dilation(largest)] = 0
    hollow = ndimage.binary_fill_holes(largest) & ~largest
    density[hollow] = 2 * SURFACE_DENSITY
    return density


def to_glb(mesh: trimesh.Trimesh) -> bytes:
    """Binary glTF of a vertex-coloured mesh. glTF's vertex colours are linear light, so sRGB is converted."""
    linear = mesh.copy()
    srgb = linear.visual.vertex_colors.astype(np.float32) / 255
    srgb[:, :3] = np.where(
        srgb[:, :3] <= 0.04045, srgb[:, :3] / 12.92, ((srgb[:, :3] + 0.055) / 1.055) ** 2.4
    )
    linear.visual.vertex_colors = (srgb * 255 + 0.5).astype(np.uint8)
    return linear.export(file_type="glb")
