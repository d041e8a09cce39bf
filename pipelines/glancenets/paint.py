"""Painting by signed distances: shapes as distances in pixels, edges softened over one pixel. Batched.

Arrays are float32; a distance is [n, side, side], negative inside; a canvas is [n, side, side, 3] in [0, 1].
"""

from __future__ import annotations

import numpy as np

Array = np.ndarray


def plane(side: int, extent: float = 64.0) -> tuple[Array, Array]:
    """Coordinates x, y, float32 [1, side, side], of pixel centres on a field of `extent` units; y is down."""
    steps = (np.arange(side, dtype=np.float32) + 0.5) * np.float32(extent / side)
    return np.broadcast_to(steps[None, None, :], (1, side, side)), np.broadcast_to(
        steps[None, :, None], (1, side, side)
    )


def column(values: Array | float) -> Array:
    """[n] -> [n, 1, 1], to meet a plane; a number stays one."""
    values = np.asarray(values, np.float32)
    return values[:, None, None] if values.ndim else values


def circle(x: Array, y: Array, radius: Array | float) -> Array:
    """Distance to a circle around 0."""
    return np.sqrt(x * x + y * y) - column(radius)


def box(x: Array, y: Array, half: Array | float, height: Array | float, corner: Array | float) -> Array:
    """Distance to a rounded rectangle around 0, of half width, half height and corner radius."""
    corner = column(corner)
    dx = np.abs(x) - column(half) + corner
    dy = np.abs(y) - column(height) + corner
    outside = np.sqrt(np.maximum(dx, 0) ** 2 + np.maximum(dy, 0) ** 2)
    return outside + np.minimum(np.maximum(dx, dy), 0) - corner


def arc(x: Array, y: Array, half: Array, bend: Array) -> Array:
    """Distance, to first order, to the parabola y = bend (1 - 2 (x / half)²); `bend` > 0 smiles."""
    half, bend = column(half), column(bend)
    t = np.clip(x / half, -1, 1)
    slope = -4 * bend * t / half
    across = np.abs(y - bend * (1 - 2 * t * t)) / np.sqrt(1 + slope * slope)
    beyond = np.maximum(np.abs(x) - half, 0)
    return np.sqrt(across * across + beyond * beyond)


def cover(distance: Array, softness: float = 1.0) -> Array:
    """Share of a pixel inside a shape, [n, side, side, 1], for an edge that is `softness` units wide."""
    return np.clip(0.5 - distance / softness, 0, 1)[..., None]


def lay(canvas: Array, colour: Array, share: Array) -> None:
    """Lay a colour, [3], [n, 3] or [n, side, side, 3], over a canvas in place."""
    colour = np.asarray(colour, np.float32)
    if colour.ndim == 2:
        colour = colour[:, None, None, :]
    canvas += (colour - canvas) * share


def oklch(lightness: Array | float, chroma: Array | float, degrees: Array) -> Array:
    """Colours of even lightness: OKLCH -> sRGB float32 [n, 3] in [0, 1] (Ottosson's OKLab matrices)."""
    degrees = np.asarray(degrees, np.float64)
    a, b = chroma * np.cos(np.radians(degrees)), chroma * np.sin(np.radians(degrees))
    lms = np.stack(
        [
            lightness + 0.3963377774 * a + 0.2158037573 * b,
            lightness - 0.1055613458 * a - 0.0638541728 * b,
            lightness - 0.0894841775 * a - 1.2914855480 * b,
        ],
        axis=-1,
    )
    linear = lms**3 @ np.array(
        [
            [4.0767416621, -1.2684380046, -0.0041960863],
            [-3.3077115913, 2.6097574011, -0.7034186147],
            [0.2309699292, -0.3413193965, 1.7076147010],
        ]
    )
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055).astype(
        np.float32
    )
