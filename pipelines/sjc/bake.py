"""Colours for a mesh whose field holds latents: decode views all round and lay them onto the vertices.

Latents have no colour of their own, only decoded pictures have. Each vertex takes the mean of the pictures
that see it, the more head-on the more.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
import trimesh
from scipy.spatial import cKDTree

from pipelines.backbones.cameras import camera
from pipelines.backbones.diffusion import Denoiser
from pipelines.sjc.field import VoxelField
from pipelines.sjc.render import Views, render
from pipelines.sjc.turntable import all_round, shown

RINGS = ((8, 0.0), (8, math.radians(30)), (4, math.radians(70)))  # cameras and their elevation
HIDDEN_BEHIND = 3.0  # voxels: a vertex further behind the picture's depth than this is not seen
GRAY = 0.5


def bake(field: VoxelField, denoiser: Denoiser, shape: trimesh.Trimesh) -> Iterator[np.ndarray]:
    """Yield the vertices' colours [v, 3] (sRGB 0..1) after each picture; the last ones are the result.

    Vertices that no picture sees take the colour of the nearest that one does see.
    """
    vertices, normals = np.asarray(shape.vertices), np.asarray(shape.vertex_normals)
    total = np.zeros((len(vertices), 3))
    weight = np.zeros(len(vertices))
    occupied = field.occupied()
    for count, elevation in RINGS:
        for azimuth in all_round(count):
            cameras = Views.of([azimuth], elevation, field.config.fov_degrees)
            with torch.no_grad():
                rendering = render(field, cameras, denoiser.image_size, occupied=occupied)
            picture = shown(denoiser, rendering.images)[0] / 255
            depth = rendering.depth[0].cpu().numpy()
            places, distance, facing = _seen_from(vertices, normals, azimuth, elevation, field)
            nearest = _pixels(depth, places)
            seen = facing * (distance < nearest + HIDDEN_BEHIND * field.voxel)
            total += seen[:, None] * _pixels(picture, places)
            weight += seen
            yield _filled(vertices, total, weight)


def _seen_from(
    vertices: np.ndarray, normals: np.ndarray, azimuth: float, elevation: float, field: VoxelField
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places [v, 2] in the picture (0..1, right and down), distances [v], and squared cosines [v] between
    normal and line of sight, 0 on the far side."""
    eye, rotation = camera(azimuth, elevation)
    to_eye = eye - vertices
    distance = np.linalg.norm(to_eye, axis=1)
    x, y, z = rotation @ -to_eye.T
    focal = 0.5 / math.tan(math.radians(field.config.fov_degrees) / 2)
    places = np.stack([0.5 - focal * x / z, 0.5 + focal * y / z], axis=1)
    facing = np.clip((normals * to_eye).sum(axis=1) / distance, 0, 1) ** 2
    return places, distance, facing * ((places > 0) & (places < 1)).all(axis=1)


def _pixels(picture: np.ndarray, places: np.ndarray) -> np.ndarray:
    side = picture.shape[0]
    column, row = np.clip((places * side).astype(int), 0, side - 1).T
    return picture[row, column]


def _filled(vertices: np.ndarray, total: np.ndarray, weight: np.ndarray) -> np.ndarray:
    seen = weight > 0
    if not seen.any():
        return np.full(total.shape, GRAY)
    colours = total / np.maximum(weight, 1e-12)[:, None]
    if not seen.all():
        _, nearest = cKDTree(vertices[seen]).query(vertices[~seen])
        colours[~seen] = colours[seen][nearest]
    return colours
