"""Rounded building blocks of the procedural objects: each returns (vertices [v, 3], faces [f, 3])."""

from __future__ import annotations

import numpy as np

Shape = tuple[np.ndarray, np.ndarray]


def lathe(profile: list[tuple[float, float]], segments: int = 28) -> Shape:
    """Turn a profile of (radius, y) points, bottom to top, round the y axis."""
    points = np.asarray(profile, float)
    angle = np.linspace(0, 2 * np.pi, segments, endpoint=False)
    rings = np.stack(
        [
            points[:, :1] * np.sin(angle),
            np.repeat(points[:, 1:], segments, axis=1),
            points[:, :1] * np.cos(angle),
        ],
        axis=-1,
    )
    return rings.reshape(-1, 3), _grid_faces(len(points), segments, wrap=True)


def cylinder(
    radius: float, height: float, top: float | None = None, bevel: float = 0.0, segments: int = 28
) -> Shape:
    """A capped cylinder or cone (`top`: its upper radius) standing on y = 0, edges rounded by `bevel`."""
    top = radius if top is None else top
    bend = np.linspace(0, np.pi / 2, 4) if bevel else np.array([0.0])
    lower = [(radius - bevel + bevel * np.sin(t), bevel - bevel * np.cos(t)) for t in bend]
    upper = [(top - bevel + bevel * np.cos(t), height - bevel + bevel * np.sin(t)) for t in bend]
    return lathe([(0.0, 0.0), *lower, *[(max(r, 0.0), y) for r, y in upper], (0.0, height)], segments)


def ellipsoid(radii: tuple[float, float, float], rings: int = 12, segments: int = 20) -> Shape:
    """An ellipsoid round the origin."""
    angle = np.linspace(-np.pi / 2, np.pi / 2, rings + 1)
    vertices, faces = lathe(list(zip(np.cos(angle), np.sin(angle), strict=True)), segments)
    return vertices * np.asarray(radii), faces


def box(size: tuple[float, float, float], round_by: float = 0.0) -> Shape:
    """A box round the origin, its edges rounded by `round_by` (at most half its shortest side)."""
    half = np.asarray(size, float) / 2
    if round_by == 0:
        corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * half
        quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
        return corners, np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))])
    radius = min(round_by, half.min())
    bend = np.tan(np.linspace(-np.pi / 4, np.pi / 4, 5))
    # A cube of half side 2 whose sides beyond 1 become the rounding: each point keeps its nearest inner
    # corner.
    steps = np.concatenate([bend[:3] - 1, bend[2:] + 1])
    u, v = np.meshgrid(steps, steps, indexing="ij")
    shapes = []
    for axis in range(3):
        for sign in (-1, 1):
            cube = np.empty((len(steps), len(steps), 3))
            cube[..., axis] = 2 * sign
            cube[..., (axis + 1) % 3], cube[..., (axis + 2) % 3] = u, v
            inner = np.clip(cube, -1, 1)
            outward = (cube - inner) / np.linalg.norm(cube - inner, axis=-1, keepdims=True)
            vertices = inner * (half - radius) + outward * radius
            shapes.append((vertices.reshape(-1, 3), _grid_faces(len(steps), len(steps), wrap=False)))
    return join(shapes)


def tube(path: np.ndarray, radius: float, segments: int = 10) -> Shape:
    """A round tube along a path [n, 3] that bends in one plane."""
    path = np.asarray(path, float)
    along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    centred = path - path.mean(axis=0)
    _, _, axes = np.linalg.svd(centred)
    side = np.tile(axes[2], (len(path), 1))
    up = np.cross(along, side)
    angle = np.linspace(0, 2 * np.pi, segments, endpoint=False)
    rings = path[:, None] + radius * (
        np.cos(angle)[:, None] * side[:, None] + np.sin(angle)[:, None] * up[:, None]
    )
    return rings.reshape(-1, 3), _grid_faces(len(path), segments, wrap=True)


def rod(start: tuple[float, float, float], end: tuple[float, float, float], radius: float) -> Shape:
    """A straight round rod from `start` to `end`, closed at both ends."""
    start, end = np.asarray(start, float), np.asarray(end, float)
    length = float(np.linalg.norm(end - start))
    vertices, faces = cylinder(radius, length, bevel=radius * 0.4, segments=12)
    up = (end - start) / length
    helper = np.array([1.0, 0, 0]) if abs(up[0]) < 0.9 else np.array([0, 0, 1.0])
    right = np.cross(helper, up)
    right /= np.linalg.norm(right)
    return start + vertices @ np.stack([right, up, np.cross(right, up)]), faces


def prism(outline: list[tuple[float, float]], depth: float) -> Shape:
    """A convex outline of (x, y) points, extruded along z by `depth`, round the plane z = 0."""
    points = np.asarray(outline, float)
    count = len(points)
    vertices = np.concatenate([np.column_stack([points, np.full(count, z)]) for z in (-depth / 2, depth / 2)])
    caps = [(s, s + i, s + i + 1) for s in (0, count) for i in range(1, count - 1)]
    sides = [t for i in range(count) for t in _quad(i, (i + 1) % count, count)]
    return vertices, np.array(caps + sides)


def moved(shape: Shape, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Shape:
    """The shape, shifted."""
    return shape[0] + np.array([x, y, z]), shape[1]


def turned(shape: Shape, axis: str, degrees: float) -> Shape:
    """The shape, rotated about the world axis "x", "y" or "z"."""
    k = "xyz".index(axis)
    i, j = (k + 1) % 3, (k + 2) % 3
    rotation = np.eye(3)
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    rotation[i, i], rotation[i, j], rotation[j, i], rotation[j, j] = cos, -sin, sin, cos
    return shape[0] @ rotation.T, shape[1]


def join(shapes: list[Shape]) -> Shape:
    """Several shapes as one."""
    starts = np.cumsum([0, *(len(vertices) for vertices, _ in shapes)])
    faces = [faces + start for (_, faces), start in zip(shapes, starts[:-1], strict=True)]
    return np.concatenate([vertices for vertices, _ in shapes]), np.concatenate(faces)


def _quad(a: int, b: int, step: int) -> list[tuple[int, int, int]]:
    return [(a, b, b + step), (a, b + step, a + step)]


def _grid_faces(rows: int, columns: int, wrap: bool) -> np.ndarray:
    row, column = np.meshgrid(np.arange(rows - 1), np.arange(columns - (not wrap)), indexing="ij")
    following = (column + 1) % columns
    a, b = row * columns + column, row * columns + following
    c, d = a + columns, b + columns
    return np.concatenate([np.stack([a, b, d], -1).reshape(-1, 3), np.stack([a, d, c], -1).reshape(-1, 3)])
