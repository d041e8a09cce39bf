"""CutPaste (Li et al. 2021, arXiv 2104.04015), the paper's self-supervision for pictures, cell by cell.

A piece of a picture, its light and colours changed, is pasted over another place. Beside CutPaste's
rectangles and thin scars the pieces are blobs, threads and whole parts behind a wandering line; and the
encoder does not say once per picture what it sees, but for each cell of its feature map whether something
was pasted there.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

SHAPES = ("rectangle", "scar", "blob", "thread", "part")
CHANCES = (0.2, 0.15, 0.3, 0.2, 0.15)
SMALL = 0.02
"""Share of the picture below which a piece is small: only a marked change of its light makes it visible."""
FINE = 2
"""Shapes are drawn this many times larger and scaled down, for smooth edges."""


def shape(kind: str, size: int, generator: np.random.Generator) -> np.ndarray:
    """A shape of a kind in SHAPES at a random place, float32 [size, size]: how far it covers each pixel."""
    canvas = Image.new("L", (size * FINE, size * FINE))
    draw = ImageDraw.Draw(canvas)
    x, y = generator.uniform(0, size, 2)
    if kind == "thread":
        points = _walk(x, y, generator.uniform(12, size), generator)
        draw.line(_scaled(points), fill=255, width=max(1, round(FINE * generator.uniform(0.5, 2.5))))
    else:
        outline = _outline(kind, x, y, size, generator)
        draw.polygon(_scaled(outline), fill=255)
    mask = np.asarray(canvas.resize((size, size), Image.Resampling.BOX), dtype=np.float32) / 255
    return mask if mask.mean() <= 0.5 else 1 - mask  # what is pasted is less than what is there


def paste(
    picture: np.ndarray, other: np.ndarray, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Paste one piece of `other` (the picture itself, or another) into a picture, uint8 [size, size, 3] each.

    Returns the picture with the piece, and how far the piece covers each pixel, float32 [size, size].
    """
    size = len(picture)
    mask = shape(str(generator.choice(SHAPES, p=CHANCES)), size, generator)
    if generator.random() < 0.4:
        mask = gaussian_filter(mask, generator.uniform(0.4, 2.0))
    piece = np.roll(other, tuple(generator.integers(size // 8, size - size // 8, 2)), axis=(0, 1))
    if generator.random() < 0.5:
        piece = np.rot90(piece, generator.integers(1, 4))
    piece = relight(piece, float(mask.mean()) < SMALL, generator)
    cover = mask[..., None] * generator.uniform(0.6, 1.0)
    return np.clip(picture * (1 - cover) + piece * cover, 0, 255).astype(np.uint8), mask


def relight(piece: np.ndarray, small: bool, generator: np.random.Generator) -> np.ndarray:
    """CutPaste's jitter of brightness, contrast and colour, float32 of the same shape; more if small."""
    mean = piece.mean(axis=(0, 1))
    contrast, gain = generator.uniform(0.5, 1.5), generator.uniform(0.75, 1.25)
    tint = generator.uniform(0.8, 1.2, 3) if generator.random() < 0.2 else np.ones(3)
    shift = generator.choice((-1, 1), p=(0.6, 0.4)) * generator.uniform(12, 80) if small else 0
    return ((piece - mean) * contrast + mean * gain * tint + shift).astype(np.float32)


def _outline(
    kind: str, x: float, y: float, size: int, generator: np.random.Generator
) -> list[tuple[float, float]]:
    angle = generator.uniform(0, np.pi)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    if kind == "part":
        edge = np.linspace(-1.5 * size, 1.5 * size, 40)
        bend = gaussian_filter(generator.normal(0, 60, 40), generator.uniform(2, 10))
        corners = np.column_stack([edge, bend])
        corners = np.concatenate([corners, [[1.5 * size, 3 * size], [-1.5 * size, 3 * size]]])
    elif kind == "blob":
        around = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        radius = np.exp(generator.uniform(np.log(1.2), np.log(24))) * np.ones(40)
        for wave in (2, 3, 5):
            radius *= 1 + generator.uniform(0, 0.3) * np.cos(wave * around + generator.uniform(0, 6.3))
        stretch = generator.uniform(1, 2.2)
        corners = np.column_stack([radius * np.cos(around) * stretch, radius * np.sin(around)])
    else:
        if kind == "scar":
            w, h = generator.uniform(2, 12), generator.uniform(10, 40)
        else:
            area = generator.uniform(0.01, 0.15) * size**2
            ratio = np.exp(generator.uniform(-1.2, 1.2))
            w, h = np.sqrt(area * ratio), np.sqrt(area / ratio)
            turn = turn if generator.random() < 0.3 else np.eye(2)
        corners = np.array([[-w, -h], [w, -h], [w, h], [-w, h]]) / 2
    return [tuple(corner) for corner in corners @ turn + (x, y)]


def _walk(x: float, y: float, length: float, generator: np.random.Generator) -> list[tuple[float, float]]:
    """A path of steps of three pixels whose direction drifts."""
    steps = max(3, round(length / 3))
    angle = generator.uniform(0, 2 * np.pi) + np.cumsum(
        generator.normal(0, generator.uniform(0.02, 0.4), steps)
    )
    path = 3 * np.cumsum(np.column_stack([np.cos(angle), np.sin(angle)]), axis=0) + (x, y)
    return [tuple(point) for point in path]


def _scaled(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(FINE * x, FINE * y) for x, y in points]
