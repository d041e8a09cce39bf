"""EG3D's camera convention."""

import numpy as np
import pytest

from pipelines.backbones.head3d_camera import FOV_DEGREES, RADIUS, Camera, cam2world, label, pixel_directions


def test_front_camera_stands_on_positive_z_with_opencv_axes():
    matrix = Camera(0.0, 0.0).matrix()
    np.testing.assert_allclose(matrix[:3, 3], (0, 0, 2.7), atol=1e-12)
    np.testing.assert_allclose(matrix[:3, :3].T, ((1, 0, 0), (0, -1, 0), (0, 0, -1)), atol=1e-12)


@pytest.mark.parametrize(("yaw", "pitch"), [(0.4, 0.2), (-0.9, -0.3), (1.5, 0.4)])
def test_camera_follows_eg3d_look_at_angles(yaw, pitch):
    # EG3D's sampler, with h = pi/2 + yaw and v = pi/2 - pitch.
    h, v = np.pi / 2 + yaw, np.pi / 2 - pitch
    expected = RADIUS * np.array([np.sin(v) * np.cos(np.pi - h), np.cos(v), np.sin(v) * np.sin(np.pi - h)])
    matrix = Camera(yaw, pitch).matrix()
    np.testing.assert_allclose(matrix[:3, 3], expected, atol=1e-12)
    np.testing.assert_allclose(matrix[:3, :3].T @ matrix[:3, :3], np.eye(3), atol=1e-12)
    assert np.linalg.det(matrix[:3, :3]) == pytest.approx(1)
    np.testing.assert_allclose(matrix[:3, 2], -matrix[:3, 3] / RADIUS, atol=1e-12)


def test_many_cameras_equal_one_by_one():
    yaw, pitch = np.array([0.1, -0.7]), np.array([0.0, 0.3])
    for k, matrix in enumerate(cam2world(yaw, pitch)):
        np.testing.assert_array_equal(matrix, Camera(yaw[k], pitch[k]).matrix())


def test_pixel_directions_span_the_field_of_view():
    rays = pixel_directions(64)
    np.testing.assert_allclose(np.linalg.norm(rays, axis=-1), 1, atol=1e-6)
    edge = rays[32, -1]
    angle = np.degrees(
        np.arctan(edge[0] / edge[2] * 64 / 63)
    )  # from the last pixel's centre to the image's edge
    assert angle == pytest.approx(FOV_DEGREES / 2, abs=1e-3)
    assert rays[0, 0, 1] < 0 < rays[-1, 0, 1]


def test_label_has_eg3ds_25_numbers():
    numbers = label(Camera(0.2, 0.1))
    assert numbers.shape == (25,)
    np.testing.assert_allclose(numbers[:16].reshape(4, 4), Camera(0.2, 0.1).matrix(), atol=1e-6)
    np.testing.assert_array_equal(numbers[[16, 18, 20, 21]], numbers[[20, 21, 16, 18]])
