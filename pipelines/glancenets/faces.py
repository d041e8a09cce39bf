"""Robo-faces: robot heads drawn from nameable, independent, monotone concepts. Our own drawing.

Concepts g, float [n, 6] in [0, 1]: hue, head, eyes, mouth, antenna, glasses (0 or 1). Held out of training:
position in [-1, 1], background in [0, 1], hat in [0, 1]. A small jitter of the place is the opaque factor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.glancenets.paint import Array, arc, box, circle, column, cover, lay, oklch, plane
from pipelines.glancenets.worlds import FACE_RULE

SIDE = 64
JITTER = 1.5
"""Pixels, each way."""
REACH = 11.0
"""Pixels from the middle at position 1."""
BATCH = 64
INK = np.array([0.13, 0.15, 0.24], np.float32)
WHITE = np.array([1.0, 1.0, 1.0], np.float32)


@dataclass(frozen=True)
class Faces:
    """Everything that a picture depends on, n times."""

    concepts: np.ndarray
    jitter: np.ndarray
    """float [n, 2], in [-1, 1]."""
    position: np.ndarray
    background: np.ndarray
    hat: np.ndarray

    def __len__(self) -> int:
        return len(self.concepts)

    def part(self, chosen: slice) -> Faces:
        """Some of them."""
        return Faces(
            self.concepts[chosen],
            self.jitter[chosen],
            self.position[chosen],
            self.background[chosen],
            self.hat[chosen],
        )


def random_faces(count: int, generator: np.random.Generator) -> Faces:
    """Independent factors as in training: concepts uniform (glasses: every second), held-out ones fixed."""
    concepts = generator.random((count, 6), dtype=np.float32)
    concepts[:, 5] = concepts[:, 5] < 0.5
    jitter = generator.uniform(-1, 1, (count, 2)).astype(np.float32)
    zeros = np.zeros(count, np.float32)
    return Faces(concepts, jitter, zeros, zeros, zeros)


def label(concepts: np.ndarray) -> np.ndarray:
    """int [n]: the published rule's job."""
    return (concepts @ FACE_RULE[:, :-1].T + FACE_RULE[:, -1]).argmax(axis=1)


def draw(faces: Faces, side: int = SIDE) -> np.ndarray:
    """uint8 [n, side, side, 3]."""
    batches = range(0, len(faces), BATCH)
    return np.concatenate([_draw(faces.part(slice(start, start + BATCH)), side) for start in batches])


def _draw(faces: Faces, side: int) -> np.ndarray:
    head, eyes, mouth, antenna, glasses = (column(value) for value in faces.concepts.T[1:])
    soft = 64 / side
    x, y = plane(side)
    degrees = 15 + 315 * faces.concepts[:, 0]
    base, light, dark, deep = (
        oklch(lightness, chroma, degrees)
        for lightness, chroma in ((0.74, 0.135), (0.88, 0.07), (0.60, 0.125), (0.42, 0.09))
    )
    canvas = _sky(faces.background, y, side)
    x = x - column(32 + JITTER * faces.jitter[:, 0] + REACH * faces.position)
    y = y - column(37.5 + JITTER * faces.jitter[:, 1])
    half, height = 15 + 6.5 * head, 12.5 + 5.5 * head

    shadow = np.sqrt((x / (half[:, :, 0:1] * 1.15)) ** 2 + ((y - 23) / 4) ** 2)
    lay(canvas, INK, 0.28 * np.clip(1.25 - shadow, 0, 1)[..., None])
    _body(canvas, x, y, height, soft, (base, light, dark, deep))
    _antenna(canvas, x, y + height, antenna, soft, deep)
    _head(canvas, x, y, half, height, soft, (base, light, dark, deep))
    plate = box(x, y - 0.6, (half - 3.2)[:, 0, 0], (height - 3.0)[:, 0, 0], (0.36 * height)[:, 0, 0])
    lay(canvas, oklch(0.95, 0.025, degrees), cover(plate, soft))
    apart = 6.6 + 2.9 * head
    blush = np.minimum(
        circle(x - apart - 1.8, (y - 0.30 * height - 0.8) * 1.3, 2.2),
        circle(x + apart + 1.8, (y - 0.30 * height - 0.8) * 1.3, 2.2),
    )
    lay(canvas, np.array([1.0, 0.55, 0.52], np.float32), 0.55 * cover(blush, 2.2) * cover(plate, soft))
    _eyes(canvas, x, y + 0.20 * height, apart, 2.3 + 2.9 * eyes, glasses, soft)
    bend = 2.7 * (2 * mouth - 1)
    smile = arc(x, y - 0.51 * height, (0.40 * half)[:, 0, 0], bend[:, 0, 0]) - 0.85
    lay(canvas, INK, cover(smile, soft))
    _hat(canvas, x, y + height, half, faces.hat, soft)
    return np.round(np.clip(canvas, 0, 1) * 255).astype(np.uint8)


def _sky(background: Array, y: Array, side: int) -> Array:
    """A soft gradient from day to night."""
    share = column(background)[..., None]
    height = (y / 64)[..., None]
    day = np.array([0.86, 0.93, 0.99], np.float32) * (1 - height) + height * np.array(
        [0.99, 0.965, 0.92], np.float32
    )
    night = np.array([0.10, 0.12, 0.28], np.float32) * (1 - height) + height * np.array(
        [0.36, 0.27, 0.48], np.float32
    )
    sky = day * (1 - share) + night * share
    return np.broadcast_to(sky, (len(background), side, side, 3)).astype(np.float32)


def _shaded(x: Array, y: Array, half: Array, height: Array, colours: tuple[Array, ...]) -> Array:
    """Colours [n, side, side, 3] lit from the upper left."""
    base, light, dark = (colour[:, None, None, :] for colour in colours[:3])
    tilt = np.clip(-0.45 * x / half - 0.75 * y / height, -1, 1)[..., None]
    return base + (light - base) * np.maximum(tilt, 0) * 0.75 + (dark - base) * np.maximum(-tilt, 0) * 0.8


def _body(canvas: Array, x: Array, y: Array, height: Array, soft: float, colours: tuple[Array, ...]) -> None:
    """Neck and shoulders, behind the head; they do not vary but in colour."""
    below = y - height
    neck = box(x, below - 1.5, 4.0, 3.5, 1.0)
    lay(canvas, colours[3], cover(neck - 0.6, soft))
    lay(canvas, colours[2], cover(neck + 0.6, soft))
    body = box(x, below - 11.5, 12.5, 8.5, 6.0)
    lay(canvas, colours[3], cover(body - 0.6, soft))
    lay(canvas, _shaded(x, below - 8, np.float32(14), np.float32(8), colours), cover(body + 0.6, soft))


def _antenna(canvas: Array, x: Array, y: Array, length: Array, soft: float, deep: Array) -> None:
    """A stalk with a lamp on top of the head (y = 0): 2.5 to 13 pixels."""
    reach = 2.5 + 10.5 * length
    stalk = box(x, y + reach / 2, 0.8, (reach / 2 + 1)[:, 0, 0], 0.5)
    lay(canvas, deep, cover(stalk, soft))
    lamp = circle(x, y + reach, 2.6)
    lay(canvas, deep, cover(lamp - 0.5, soft))
    lay(canvas, np.array([1.0, 0.72, 0.22], np.float32), cover(lamp + 0.5, soft))
    lay(canvas, WHITE, 0.8 * cover(circle(x + 0.8, y + reach + 0.8, 0.6), 1.0))


def _head(
    canvas: Array, x: Array, y: Array, half: Array, height: Array, soft: float, colours: tuple[Array, ...]
) -> None:
    """Ears, then the head with its outline and shading."""
    for side in (-1, 1):
        ear = box(x - side * (half + 1.2), y - 0.5, 2.2, (0.30 * height)[:, 0, 0], 1.4)
        lay(canvas, colours[3], cover(ear - 0.6, soft))
        lay(canvas, colours[2], cover(ear + 0.6, soft))
    shape = box(x, y, half[:, 0, 0], height[:, 0, 0], (0.52 * height)[:, 0, 0])
    lay(canvas, colours[3], cover(shape - 0.6, soft))
    lay(canvas, _shaded(x, y, half, height, colours), cover(shape + 0.6, soft))


def _eyes(
    canvas: Array, x: Array, y: Array, apart: Array, radius: Array, glasses: Array, soft: float
) -> None:
    """White eyes with a pupil and a gleam; round glasses where they are worn."""
    worn = glasses[..., None]
    for side in (-1, 1):
        across = x - side * apart
        eye = circle(across, y, radius[:, 0, 0])
        lens = eye - 1.5
        lay(canvas, np.array([0.62, 0.82, 0.96], np.float32), 0.6 * worn * cover(lens, soft))
        lay(canvas, INK, cover(eye, soft))
        lay(canvas, WHITE, cover(eye + 0.9, soft))
        lay(canvas, INK, cover(circle(across, y, (0.58 * radius)[:, 0, 0]), soft))
        gleam = circle(across + 0.24 * radius, y + 0.26 * radius, (0.20 * radius)[:, 0, 0])
        lay(canvas, WHITE, cover(gleam, soft))
        lay(canvas, INK, worn * cover(np.abs(lens) - 0.65, soft))
    bridge = np.maximum(np.abs(x) - (apart - radius - 1.5), np.abs(y + 0.3) - 0.6)
    lay(canvas, INK, worn * cover(bridge, soft))


def _hat(canvas: Array, x: Array, y: Array, half: Array, hat: Array, soft: float) -> None:
    """A bowler with a ribbon on top of the head (y = 0)."""
    worn = column(hat)[..., None]
    felt, ribbon = np.array([0.28, 0.22, 0.30], np.float32), np.array([0.87, 0.30, 0.30], np.float32)
    crown = box(x, y + 4.5, (0.62 * half)[:, 0, 0], 6.5, 5.0)
    brim = box(x, y - 1.0, (0.98 * half)[:, 0, 0], 1.5, 1.4)
    lay(canvas, INK, worn * cover(np.minimum(crown, brim) - 0.7, soft))
    lay(canvas, felt, worn * cover(np.minimum(crown, brim) + 0.4, soft))
    band = np.maximum(crown + 0.4, np.abs(y + 1.6) - 1.3)
    lay(canvas, ribbon, worn * cover(band, soft))
