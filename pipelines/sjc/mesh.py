"""From a field to a closed mesh with coloured vertices, and to files."""

from __future__ import annotations

from dataclasses import dataclass

import fast_simplification
import numpy as np
import torch
import trimesh
from scipy.ndimage import binary_fill_holes, gaussian_filter
from skimage.measure import marching_cubes

from pipelines.sjc.field import VoxelField
from pipelines.sjc.render import Views, render
from pipelines.sjc.turntable import ELEVATION, all_round

SURFACE_ALPHAS = (0.22, 0.16, 0.11, 0.07, 0.04)  # what one voxel must hide to be inside
BETTER = 0.02  # of silhouette agreement, for which a lower one is taken
SILHOUETTE_SIZE, SOLID = 48, 500.0
SMOOTHING = 0.6  # voxels
SMALLEST_COMPONENT = 0.05  # of the largest one's area
MAX_FACES = 12_000
COLOUR_DEPTH, COLOUR_HEIGHT = 4.0, 2.0  # voxels below and above the surface whose colours a vertex sums up
COLOUR_SAMPLES = 24


@dataclass(frozen=True)
class Mesh:
    """A triangle mesh: vertices float32 [v, 3] in the world of backbones/cameras.py, faces int32 [f, 3]
    counter-clockwise from outside, normals float32 [v, 3], colours float32 [v, 3] sRGB in 0..1."""

    vertices: np.ndarray
    faces: np.ndarray
    normals: np.ndarray
    colours: np.ndarray

    def glb(self) -> bytes:
        """Binary glTF; COLOR_0 is linear light, as glTF demands. The light is already in the colours, hence
        the unlit material."""
        shape = trimesh.Trimesh(self.vertices, self.faces, vertex_normals=self.normals, process=False)
        # 8 bits of linear light are too few for dark colours: written as floats under a name of our own.
        shape.vertex_attributes["_LINEAR"] = srgb_to_linear(self.colours).astype(np.float32)
        return shape.export(file_type="glb", include_normals=True, tree_postprocessor=_colour_as_standard)

    def obj(self) -> str:
        """Wavefront OBJ with sRGB vertex colours after the coordinates."""
        return self._coloured().export(file_type="obj", include_color=True)

    def ply(self) -> bytes:
        """Binary PLY with sRGB vertex colours."""
        return self._coloured().export(file_type="ply")

    def _coloured(self) -> trimesh.Trimesh:
        colours = (self.colours * 255).round().astype(np.uint8)
        return trimesh.Trimesh(self.vertices, self.faces, vertex_colors=colours, process=False)

    def statistics(self) -> MeshStatistics:
        """Counts and sizes."""
        shape = trimesh.Trimesh(self.vertices, self.faces, process=False)
        return MeshStatistics(
            vertices=len(self.vertices),
            faces=len(self.faces),
            components=len(trimesh.graph.connected_components(shape.face_adjacency)),
            watertight=bool(shape.is_watertight and shape.is_winding_consistent),
            volume=float(shape.volume),
            area=float(shape.area),
            size=tuple(float(side) for side in shape.extents),
        )


@dataclass(frozen=True)
class MeshStatistics:
    """Of a mesh: counts; whether it is closed; volume, area and size (x, y, z) in world units."""

    vertices: int
    faces: int
    components: int
    watertight: bool
    volume: float
    area: float
    size: tuple[float, float, float]


def _colour_as_standard(tree: dict) -> None:
    for mesh in tree["meshes"]:
        for primitive in mesh["primitives"]:
            primitive["attributes"]["COLOR_0"] = primitive["attributes"].pop("_LINEAR")
            primitive["material"] = 0
    surface = {"metallicFactor": 0.0, "roughnessFactor": 1.0}
    tree["materials"] = [{"pbrMetallicRoughness": surface, "extensions": {"KHR_materials_unlit": {}}}]
    tree["extensionsUsed"] = [*tree.get("extensionsUsed", []), "KHR_materials_unlit"]


def srgb_to_linear(colours: np.ndarray) -> np.ndarray:
    """sRGB 0..1 -> linear light 0..1 (IEC 61966-2-1)."""
    return np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(light: np.ndarray) -> np.ndarray:
    """Undo srgb_to_linear."""
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * np.maximum(light, 0) ** (1 / 2.4) - 0.055)


def surface(field: VoxelField) -> trimesh.Trimesh | None:
    """The closed surface where a voxel hides a certain share of what is behind it, without hollows and
    specks, at most about MAX_FACES faces; None where the field is empty.

    Of SURFACE_ALPHAS, the share is taken whose silhouettes agree best with the field's: a solid object may be
    thin everywhere.
    """
    alpha = gaussian_filter(field.alpha().cpu().numpy(), SMOOTHING)
    level = _surface_alpha(field, alpha)
    if level is None:
        return None
    inside = alpha > level
    # Nobody sees the hollows that an optimised shell leaves.
    alpha[binary_fill_holes(inside) & ~inside] = 1
    # A border of empty space closes what touches the cube's sides.
    corners, faces, _, _ = marching_cubes(np.pad(alpha, 1), level, gradient_direction="ascent")
    # With the border, grid index i lies at (i - 1/2) voxels; axes are z, y, x.
    places = (corners[:, ::-1] - 0.5) * field.voxel - field.config.extent
    mesh = _largest(trimesh.Trimesh(places, faces, process=True))
    if mesh.volume < 0:
        mesh.invert()
    return _simplified(mesh)


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


def _simplified(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    """Fewer faces by quadric decimation, as few as leave the mesh closed."""
    if len(mesh.faces) <= MAX_FACES:
        return mesh
    for target in (MAX_FACES, (MAX_FACES + len(mesh.faces)) // 2):
        points, faces = fast_simplification.simplify(
            mesh.vertices.astype(np.float32), mesh.faces.astype(np.int32), target_count=target
        )
        fewer = trimesh.Trimesh(points, faces, process=True)
        if fewer.is_watertight and fewer.is_winding_consistent:
            return fewer
    return mesh


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
