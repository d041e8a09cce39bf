"""From a field to a closed mesh with coloured vertices."""

from __future__ import annotations

import fast_simplification
import numpy as np
import torch
import trimesh
from scipy.ndimage import binary_closing, binary_fill_holes, gaussian_filter, generate_binary_structure
from skimage.measure import marching_cubes

from pipelines.sjc.export import Mesh
from pipelines.sjc.field import VoxelField
from pipelines.sjc.render import Views, render
from pipelines.sjc.turntable import ELEVATION, all_round

SURFACE_ALPHAS = (0.22, 0.16, 0.11, 0.07, 0.04)  # what one voxel must hide to be inside
BETTER = 0.02  # of silhouette agreement, for which a lower one is taken
SILHOUETTE_SIZE, SOLID = 48, 500.0
SMOOTHING = 0.6  # voxels
FOAM = ((3, 0.6), (3, 0.75), (3, 1.0))  # gaps to fill and smoothing, voxels
AGGRESSIVENESS = 3  # of the decimation, 0..10: the lower, the seldomer it pinches
SMALLEST_COMPONENT = 0.05  # of the largest one's area
MAX_FACES = 12_000
COLOUR_DEPTH, COLOUR_HEIGHT = 4.0, 2.0  # voxels below and above the surface whose colours a vertex sums up
COLOUR_SAMPLES = 24


def surface(field: VoxelField) -> trimesh.Trimesh | None:
    """The closed surface where a voxel hides a certain share of what is behind it, without hollows and
    specks, at most MAX_FACES faces; None where the field is empty.

    Of SURFACE_ALPHAS, the share is taken whose silhouettes agree best with the field's: a solid object may be
    thin everywhere. A surface of foam has too many holes to stay closed with few faces: they are filled, as
    many as need be.
    """
    alpha = gaussian_filter(field.alpha().cpu().numpy(), SMOOTHING)
    level = _surface_alpha(field, alpha)
    if level is None:
        return None
    inside = alpha > level
    # Nobody sees the hollows that an optimised shell leaves.
    alpha[binary_fill_holes(inside) & ~inside] = 1
    shapes = [_cut(field, alpha, level)]
    for closing, smoothing in FOAM:
        fewer = _simplified(shapes[-1])
        if fewer is not None:
            return fewer
        shapes.append(_cut(field, _filled(inside, closing, smoothing), 0.5))
    return _simplified(shapes[-1]) or min(shapes, key=lambda shape: len(shape.faces))


def _filled(inside: np.ndarray, closing: int, smoothing: float) -> np.ndarray:
    """Solid where gaps of up to `closing` voxels either way are filled, smoothed by so many voxels."""
    border = closing + 1  # what is outside the cube is no wall to close a gap against
    cross = generate_binary_structure(3, 1)
    solid = binary_fill_holes(binary_closing(np.pad(inside, border), cross, iterations=closing))
    return gaussian_filter(solid.astype(np.float32), smoothing)[(slice(border, -border),) * 3]


def _cut(field: VoxelField, values: np.ndarray, level: float) -> trimesh.Trimesh:
    """The surface of the field's grid where the values pass the level, without specks."""
    # A border of empty space closes what touches the cube's sides.
    corners, faces, _, _ = marching_cubes(np.pad(values, 1), level, gradient_direction="ascent")
    # With the border, grid index i lies at (i - 1/2) voxels; axes are z, y, x.
    places = (corners[:, ::-1] - 0.5) * field.voxel - field.config.extent
    mesh = _largest(trimesh.Trimesh(places, faces, process=True))
    if mesh.volume < 0:
        mesh.invert()
    return mesh


def _surface_alpha(field: VoxelField, alpha: np.ndarray) -> float | None:
    cameras = Views.of(all_round(4), ELEVATION, field.config.fov_degrees)
    truth = render(field, cameras, SILHOUETTE_SIZE).opacity > 0.5
    best, agreement = None, 0.0
    for level in SURFACE_ALPHAS:
        inside = torch.from_numpy(alpha > level)
        solid = VoxelField(field.config, torch.zeros_like(field.grid))
        solid.grid.data[0, 0] = torch.where(inside, SOLID, -SOLID)
        opacity = render(solid, cameras, SILHOUETTE_SIZE, occupied=solid.occupied()).opacity > 0.5
        union = (opacity | truth).sum().item()
        iou = (opacity & truth).sum().item() / union if union else 0.0
        if inside.any() and iou > agreement + BETTER:
            best, agreement = level, iou
    return best


def _largest(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    parts = trimesh.graph.connected_components(mesh.face_adjacency, nodes=np.arange(len(mesh.faces)))
    areas = np.array([mesh.area_faces[part].sum() for part in parts])
    kept = [part for part, area in zip(parts, areas, strict=True) if area >= SMALLEST_COMPONENT * areas.max()]
    mesh.update_faces(np.sort(np.concatenate(kept)))
    mesh.remove_unreferenced_vertices()
    return mesh


def _simplified(mesh: trimesh.Trimesh) -> trimesh.Trimesh | None:
    """At most MAX_FACES faces, by quadric decimation; None if that would open the mesh."""
    if len(mesh.faces) <= MAX_FACES:
        return mesh
    for share in (1, 0.9, 0.8):
        points, faces = fast_simplification.simplify(
            mesh.vertices.astype(np.float32),
            mesh.faces.astype(np.int32),
            target_count=int(share * MAX_FACES),
            agg=AGGRESSIVENESS,
        )
        fewer = trimesh.Trimesh(points, faces, process=True)
        if len(fewer.faces) <= MAX_FACES and fewer.is_watertight and fewer.is_winding_consistent:
            return fewer
    return None


@torch.no_grad()
def seen_from_outside(field: VoxelField, shape: trimesh.Trimesh) -> np.ndarray:
    """Colours [v, 3] in 0..1 of the vertices: what a short ray through the surface, along the inward normal,
    sees of a pixel field, by the renderer's own sum."""
    device = field.grid.device
    points = torch.tensor(np.asarray(shape.vertices), dtype=torch.float32, device=device)
    normals = torch.tensor(np.asarray(shape.vertex_normals), dtype=torch.float32, device=device)
    depth = torch.linspace(-COLOUR_HEIGHT, COLOUR_DEPTH, COLOUR_SAMPLES, device=device) * field.voxel
    along = points[:, None] - normals[:, None] * depth[:, None]
    density, colours = field.at(along.reshape(-1, 3))
    thickness = (density * (depth[1] - depth[0])).view(len(points), -1)
    weights = torch.exp(thickness - thickness.cumsum(1)) * -torch.expm1(-thickness)
    mixed = (weights[..., None] * colours.view(len(points), -1, 3)).sum(1) / weights.sum(1, keepdim=True)
    return ((mixed.cpu().numpy() + 1) / 2).clip(0, 1)


def coloured(shape: trimesh.Trimesh, colours: np.ndarray) -> Mesh:
    """Shape and colours [v, 3] (sRGB 0..1) together."""
    return Mesh(
        np.asarray(shape.vertices, np.float32),
        np.asarray(shape.faces, np.int32),
        np.asarray(shape.vertex_normals, np.float32),
        np.asarray(colours, np.float32),
    )
