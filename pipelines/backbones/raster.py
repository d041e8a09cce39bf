"""A z-buffer renderer for small coloured meshes, seen by the camera of cameras.py. Compiled with numba."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from pipelines.backbones import cameras
from pipelines.backbones.cameras import FOV_DEGREES

LIGHT = np.array([0.4, 0.8, 0.45]) / np.linalg.norm([0.4, 0.8, 0.45])
AMBIENT = 0.45
EXPOSURE = 0.95  # keeps the brightest white off the white background
OWN_COLOUR, PRIMARY, SECONDARY = 0, 1, 2


@dataclass(frozen=True)
class MeshBank:
    """Many meshes in one set of arrays, so that one compiled call can draw any of them.

    vertices float32 [V, 3]; faces int32 [F, 3], indices into all vertices; colours float32 [F, 3], sRGB in
    0..1; slots uint8 [F]: faces of slot PRIMARY or SECONDARY may be given another colour when drawn; tints
    float32 [F]: brightness of such a face relative to that colour; first_vertex, first_face int64 [M + 1]:
    where mesh m begins.
    """

    vertices: np.ndarray
    faces: np.ndarray
    colours: np.ndarray
    slots: np.ndarray
    tints: np.ndarray
    first_vertex: np.ndarray
    first_face: np.ndarray

    def __len__(self) -> int:
        return len(self.first_face) - 1


@dataclass(frozen=True)
class Mesh:
    """One mesh: vertices [v, 3], faces [f, 3], colours [f, 3] sRGB in 0..1, slots [f], tints [f] (see
    MeshBank)."""

    vertices: np.ndarray
    faces: np.ndarray
    colours: np.ndarray
    slots: np.ndarray
    tints: np.ndarray


def bank_of(meshes: list[Mesh]) -> MeshBank:
    """Lay meshes end to end."""
    first_vertex = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes)]).astype(np.int64)
    first_face = np.cumsum([0, *(len(mesh.faces) for mesh in meshes)]).astype(np.int64)
    shifted = [mesh.faces + start for mesh, start in zip(meshes, first_vertex[:-1], strict=True)]
    return MeshBank(
        np.concatenate([mesh.vertices for mesh in meshes]).astype(np.float32),
        np.concatenate(shifted).astype(np.int32),
        np.concatenate([mesh.colours for mesh in meshes]).astype(np.float32),
        np.concatenate([mesh.slots for mesh in meshes]).astype(np.uint8),
        np.concatenate([mesh.tints for mesh in meshes]).astype(np.float32),
        first_vertex,
        first_face,
    )


@dataclass(frozen=True)
class Lighting:
    """Per image: direction to the light float32 [n, 3], unit length, in the world; ambient share float32
    [n]."""

    direction: np.ndarray
    ambient: np.ndarray

    @classmethod
    def fixed(cls, count: int) -> Lighting:
        """The house's light, `count` times."""
        return cls(np.tile(LIGHT, (count, 1)).astype(np.float32), np.full(count, AMBIENT, np.float32))


def render(
    bank: MeshBank,
    index: np.ndarray,
    azimuth: np.ndarray,
    elevation: np.ndarray,
    size: int,
    slot_colours: np.ndarray | None = None,
    lighting: Lighting | None = None,
    supersample: int = 3,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw mesh index[i] seen from (azimuth[i], elevation[i]), radians -> (rgb, alpha, depth).

    `slot_colours` float [n, 2, 3] recolours the PRIMARY and SECONDARY faces of each image; NaN keeps their
    own. rgb uint8 [n, size, size, 3] over white; alpha uint8 [n, size, size], the covered share; depth
    float32 [n, size, size]: distance of the nearest surface along the camera's axis, 0 where there is none.
    Releases the interpreter lock, so threads render side by side.
    """
    count = len(index)
    if slot_colours is None:
        slot_colours = np.full((count, 2, 3), np.nan)
    lighting = lighting or Lighting.fixed(count)
    rgb = np.empty((count, size, size, 3), np.uint8)
    alpha = np.empty((count, size, size), np.uint8)
    depth = np.empty((count, size, size), np.float32)
    _render(
        bank.vertices, bank.faces, bank.colours, bank.slots, bank.tints, bank.first_vertex, bank.first_face,
        np.asarray(index, np.int64), np.asarray(azimuth, np.float64), np.asarray(elevation, np.float64),
        np.asarray(slot_colours, np.float32), lighting.direction, lighting.ambient,
        supersample, rgb, alpha, depth,
    )  # fmt: skip
    return rgb, alpha, depth


_camera = numba.njit(cache=True, nogil=True)(cameras.camera)


@numba.njit(cache=True, nogil=True)
def _render(
    vertices, faces, colours, slots, tints, first_vertex, first_face,
    index, azimuth, elevation, slot_colours, light, ambient, supersample, rgb, alpha, depth,
):  # fmt: skip
    size = rgb.shape[1]
    side = size * supersample
    image = np.empty((side, side, 3), np.float32)
    nearness = np.empty((side, side), np.float32)  # 1 / depth: linear in the image plane, larger is nearer
    longest = 0
    for m in range(len(first_vertex) - 1):
        longest = max(longest, first_vertex[m + 1] - first_vertex[m])
    points = np.empty((longest, 3), np.float32)
    for i in range(len(index)):
        m = index[i]
        eye, rotation = _camera(azimuth[i], elevation[i])
        image[:] = 1.0
        nearness[:] = 0.0
        _project(vertices[first_vertex[m] : first_vertex[m + 1]], eye, rotation, side, points)
        for f in range(first_face[m], first_face[m + 1]):
            a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
            shade = _shade(vertices[a], vertices[b], vertices[c], eye, light[i], ambient[i])
            red, green, blue = colours[f, 0], colours[f, 1], colours[f, 2]
            if slots[f] > 0 and not np.isnan(slot_colours[i, slots[f] - 1, 0]):
                tint = tints[f]
                red = min(slot_colours[i, slots[f] - 1, 0] * tint, 1.0)
                green = min(slot_colours[i, slots[f] - 1, 1] * tint, 1.0)
                blue = min(slot_colours[i, slots[f] - 1, 2] * tint, 1.0)
            start = first_vertex[m]
            _fill(points[a - start], points[b - start], points[c - start],
                  red * shade, green * shade, blue * shade, image, nearness)  # fmt: skip
        _shrink(image, nearness, supersample, rgb[i], alpha[i], depth[i])


@numba.njit(cache=True, nogil=True)
def _project(vertices, eye, rotation, side, points):
    focal = side / 2 / np.tan(np.radians(FOV_DEGREES) / 2)
    for v in range(len(vertices)):
        x, y, z = vertices[v, 0] - eye[0], vertices[v, 1] - eye[1], vertices[v, 2] - eye[2]
        inverse = -1.0 / (rotation[2, 0] * x + rotation[2, 1] * y + rotation[2, 2] * z)
        points[v, 0] = side / 2 + focal * inverse * (
            rotation[0, 0] * x + rotation[0, 1] * y + rotation[0, 2] * z
        )
        points[v, 1] = side / 2 - focal * inverse * (
            rotation[1, 0] * x + rotation[1, 1] * y + rotation[1, 2] * z
        )
        points[v, 2] = inverse


@numba.njit(cache=True, nogil=True)
def _shade(a, b, c, eye, light, ambient):
    ux, uy, uz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    vx, vy, vz = c[0] - a[0], c[1] - a[1], c[2] - a[2]
    nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    length = np.sqrt(nx * nx + ny * ny + nz * nz) + 1e-12
    lambert = (nx * light[0] + ny * light[1] + nz * light[2]) / length
    # Winding differs between sources: whatever is seen is seen from outside.
    if nx * (eye[0] - a[0]) + ny * (eye[1] - a[1]) + nz * (eye[2] - a[2]) < 0:
        lambert = -lambert
    return EXPOSURE * (ambient + (1 - ambient) * (0.5 + 0.5 * lambert))


@numba.njit(cache=True, nogil=True)
def _fill(p, q, r, red, green, blue, image, nearness):
    area = (q[0] - p[0]) * (r[1] - p[1]) - (r[0] - p[0]) * (q[1] - p[1])
    if abs(area) < 1e-9:
        return
    side = image.shape[0]
    left = int(max(0.0, np.floor(min(p[0], q[0], r[0]) - 0.5)))
    right = int(min(side - 1.0, np.ceil(max(p[0], q[0], r[0]))))
    top = int(max(0.0, np.floor(min(p[1], q[1], r[1]) - 0.5)))
    bottom = int(min(side - 1.0, np.ceil(max(p[1], q[1], r[1]))))
    for y in range(top, bottom + 1):
        for x in range(left, right + 1):
            px, py = x + 0.5, y + 0.5
            weight_q = ((px - p[0]) * (r[1] - p[1]) - (r[0] - p[0]) * (py - p[1])) / area
            weight_r = ((q[0] - p[0]) * (py - p[1]) - (px - p[0]) * (q[1] - p[1])) / area
            weight_p = 1 - weight_q - weight_r
            if weight_p < 0 or weight_q < 0 or weight_r < 0:
                continue
            near = weight_p * p[2] + weight_q * q[2] + weight_r * r[2]
            if near > nearness[y, x]:
                nearness[y, x] = near
                image[y, x, 0] = red
                image[y, x, 1] = green
                image[y, x, 2] = blue


@numba.njit(cache=True, nogil=True)
def _shrink(image, nearness, factor, rgb, alpha, depth):
    samples = factor * factor
    for y in range(rgb.shape[0]):
        for x in range(rgb.shape[1]):
            red, green, blue, covered, near = 0.0, 0.0, 0.0, 0, 0.0
            for v in range(y * factor, (y + 1) * factor):
                for u in range(x * factor, (x + 1) * factor):
                    red += image[v, u, 0]
                    green += image[v, u, 1]
                    blue += image[v, u, 2]
                    covered += nearness[v, u] > 0
                    near = max(near, nearness[v, u])
            rgb[y, x, 0] = int(red / samples * 255 + 0.5)
            rgb[y, x, 1] = int(green / samples * 255 + 0.5)
            rgb[y, x, 2] = int(blue / samples * 255 + 0.5)
            alpha[y, x] = int(covered / samples * 255 + 0.5)
            depth[y, x] = 1 / near if near > 0 else 0.0
