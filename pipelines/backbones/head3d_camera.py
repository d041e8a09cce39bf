"""EG3D's camera: on a sphere around the origin, looking at it (arXiv 2112.07945, appendix; its look-at
sampler). One thing differs: here 18.837 degrees span the picture's width (focal length 3.01 widths), while
EG3D's code divides by a further sqrt 2, so that they span the diagonal (focal length 4.26).

World: right-handed, y up, a face looks along +z, the head lies in the box [-0.5, 0.5]^3, the shoulders
reach out of it. Camera axes: x
right, y down, z forward (OpenCV). EG3D's angles are horizontal = pi/2 + yaw and vertical = pi/2 - pitch, so
yaw 0, pitch 0 stands at (0, 0, 2.7), positive yaw moves the camera towards +x and positive pitch moves it
up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RADIUS = 2.7
FOV_DEGREES = 18.837
FOCAL = 0.5 / np.tan(
    np.radians(FOV_DEGREES) / 2
)  # in image widths; the field of view spans the image's width
FAR = 3.3  # the depth of what is not there: behind everything but a far shoulder
MAX_PITCH = np.radians(80.0)


@dataclass(frozen=True)
class Camera:
    """Where the camera stands: `yaw` and `pitch` in radians."""

    yaw: float = 0.0
    pitch: float = 0.0

    def matrix(self) -> np.ndarray:
        """cam2world float64 [4, 4]."""
        return cam2world(np.array([self.yaw]), np.array([self.pitch]))[0]


def cam2world(yaw: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """Angles [n] in radians -> cam2world matrices float64 [n, 4, 4]. Pitch is kept within ±80°."""
    yaw, pitch = np.asarray(yaw, np.float64), np.clip(np.asarray(pitch, np.float64), -MAX_PITCH, MAX_PITCH)
    toward = np.stack([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)], -1)
    right = np.stack([np.cos(yaw), np.zeros_like(yaw), -np.sin(yaw)], -1)
    matrix = np.tile(np.eye(4), (len(yaw), 1, 1))
    matrix[:, :3, 0] = right
    matrix[:, :3, 1] = np.cross(-toward, right)
    matrix[:, :3, 2] = -toward
    matrix[:, :3, 3] = RADIUS * toward
    return matrix


def label(camera: Camera) -> np.ndarray:
    """A camera in EG3D's layout of 25 numbers: cam2world row by row (16), then the normalised intrinsics (9),
    with this module's FOCAL. float32 [25]. Models trained by EG3D's own code want their own focal length.
    """
    intrinsics = np.array([[FOCAL, 0, 0.5], [0, FOCAL, 0.5], [0, 0, 1]])
    return np.concatenate([camera.matrix().ravel(), intrinsics.ravel()]).astype(np.float32)


def pixel_directions(size: int) -> np.ndarray:
    """Unit ray directions in camera axes through the pixel centres of a size x size image, float32 [size,
    size, 3].
    """
    grid = (np.arange(size) + 0.5) / size - 0.5
    x, y = np.meshgrid(grid / FOCAL, grid / FOCAL)
    directions = np.stack([x, y, np.ones_like(x)], -1)
    return (directions / np.linalg.norm(directions, axis=-1, keepdims=True)).astype(np.float32)
