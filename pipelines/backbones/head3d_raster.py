"""A z-buffer that keeps what a deferred shader needs: per pixel the vertex attributes, interpolated in
perspective.
"""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def rasterise(
    points: np.ndarray, triangles: np.ndarray, attributes: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nearest surface per pixel -> (depth, triangle, buffer).

    points float32 [V, 3]: pixel x, pixel y, depth along the camera's axis (> 0); triangles int32 [F, 3];
    attributes float32 [V, A]. depth float32 [size, size], inf where nothing is; triangle int32 [size,
    size], -1 there; buffer float32 [size, size, A].
    """
    depth = np.full((size, size), np.inf, np.float32)
    triangle = np.full((size, size), -1, np.int32)
    weights = np.zeros((size, size, 2), np.float32)
    for t in range(len(triangles)):
        _scan(points, triangles, t, depth, triangle, weights)
    count = attributes.shape[1]
    buffer = np.zeros((size, size, count), np.float32)
    for y in range(size):
        for x in range(size):
            t = triangle[y, x]
            if t >= 0:
                a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
                wa, wb = weights[y, x, 0], weights[y, x, 1]
                for k in range(count):
                    buffer[y, x, k] = (
                        wa * attributes[a, k] + wb * attributes[b, k] + (1 - wa - wb) * attributes[c, k]
                    )
    return depth, triangle, buffer


@numba.njit(cache=True, nogil=True)
def depth_map(points: np.ndarray, triangles: np.ndarray, size: int) -> np.ndarray:
    """Only the depth of `rasterise`, for shadows: float32 [size, size], inf where nothing is."""
    depth = np.full((size, size), np.inf, np.float32)
    triangle = np.full((size, size), -1, np.int32)
    weights = np.zeros((size, size, 2), np.float32)
    for t in range(len(triangles)):
        _scan(points, triangles, t, depth, triangle, weights)
    return depth


@numba.njit(cache=True, nogil=True, fastmath=True)
def _scan(points, triangles, t, depth, triangle, weights):
    size = depth.shape[0]
    a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
    x0, y0, z0 = points[a, 0], points[a, 1], points[a, 2]
    x1, y1, z1 = points[b, 0], points[b, 1], points[b, 2]
    x2, y2, z2 = points[c, 0], points[c, 1], points[c, 2]
    left = max(int(np.ceil(min(x0, x1, x2) - 0.5)), 0)
    right = min(int(np.floor(max(x0, x1, x2) - 0.5)), size - 1)
    top = max(int(np.ceil(min(y0, y1, y2) - 0.5)), 0)
    bottom = min(int(np.floor(max(y0, y1, y2) - 0.5)), size - 1)
    if left > right or top > bottom:
        return
    area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
    if abs(area) < 1e-9:
        return
    for y in range(top, bottom + 1):
        for x in range(left, right + 1):
            u, v = x + 0.5, y + 0.5
            w0 = ((x1 - u) * (y2 - v) - (x2 - u) * (y1 - v)) / area
            w1 = ((x2 - u) * (y0 - v) - (x0 - u) * (y2 - v)) / area
            w2 = 1 - w0 - w1
            if w0 < 0 or w1 < 0 or w2 < 0:
                continue
            z = 1 / (w0 / z0 + w1 / z1 + w2 / z2)
            if z < depth[y, x]:
                depth[y, x] = z
                triangle[y, x] = t
                weights[y, x, 0] = w0 / z0 * z
                weights[y, x, 1] = w1 / z1 * z


@numba.njit(cache=True, nogil=True, inline="always")
def cross(u, v):
    """Cross product of two vectors of three as a tuple."""
    return u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]


@numba.njit(cache=True, nogil=True)
def vertex_normals(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Area-weighted unit normals float32 [V, 3]."""
    normals = np.zeros_like(vertices)
    for t in range(len(triangles)):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        nx, ny, nz = cross(vertices[b] - vertices[a], vertices[c] - vertices[a])
        for i in (a, b, c):
            normals[i, 0] += nx
            normals[i, 1] += ny
            normals[i, 2] += nz
    for i in range(len(normals)):
        length = np.sqrt(normals[i, 0] ** 2 + normals[i, 1] ** 2 + normals[i, 2] ** 2) + 1e-12
        for k in range(3):
            normals[i, k] /= length
    return normals
