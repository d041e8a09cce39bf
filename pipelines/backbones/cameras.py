"""The camera that training images and 3D fields share.

World: right-handed, y up, an object's front looks along +z, and every object lies in the sphere of radius
OBJECT_RADIUS around the origin. Camera: on a sphere of radius CAMERA_RADIUS, looking at the origin; azimuth 0
sees the front, azimuth 90° stands at +x, elevation 90° stands at +y. Images: row 0 is the top, white
background.
"""

from __future__ import annotations

import numpy as np

FOV_DEGREES = 40.0
CAMERA_RADIUS = 1.5
OBJECT_RADIUS = 0.5
ELEVATION_RANGE = (np.radians(-10.0), np.radians(60.0))


def camera(azimuth: float, elevation: float) -> tuple[np.ndarray, np.ndarray]:
    """Eye position [3] and rotation [3, 3] whose rows are the camera's right, up and backward axes in the
    world.

    Angles in radians. A world point p has camera coordinates rotation @ (p - eye); the camera looks along its
    -z. A pixel (u, v) of an image of side s, v downward, looks along (u - s/2, s/2 - v, -f) in the camera,
    with f = s / 2 / tan(FOV_DEGREES / 2).
    """
    sin_a, cos_a, sin_e, cos_e = np.sin(azimuth), np.cos(azimuth), np.sin(elevation), np.cos(elevation)
    rotation = np.array(
        [[cos_a, 0.0, -sin_a], [-sin_e * sin_a, cos_e, -sin_e * cos_a], [cos_e * sin_a, sin_e, cos_e * cos_a]]
    )
    return CAMERA_RADIUS * rotation[2], rotation
