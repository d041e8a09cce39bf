"""Camera and renderer conventions that the 3D field must share."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.backbones.cameras import CAMERA_RADIUS, FOV_DEGREES, camera
from pipelines.backbones.raster import OWN_COLOUR, PRIMARY, Lighting, Mesh, MeshBank, bank_of, render
from pipelines.backbones.shapes import box, ellipsoid, moved

SIZE = 48


def mesh_of(*parts: tuple) -> Mesh:
    """A mesh of (shape, colour) parts."""
    vertices, faces, colours, start = [], [], [], 0
    for (points, triangles), colour in parts:
        vertices.append(points)
        faces.append(triangles + start)
        colours.append(np.tile(colour, (len(triangles), 1)))
        start += len(points)
    count = sum(map(len, faces))
    return Mesh(
        np.concatenate(vertices),
        np.concatenate(faces),
        np.concatenate(colours),
        np.full(count, PRIMARY),
        np.ones(count),
    )


@pytest.fixture(scope="module")
def bank() -> MeshBank:
    red_nose = (moved(box((0.1, 0.1, 0.1)), z=0.3), (1.0, 0.0, 0.0))
    green_left = (moved(box((0.1, 0.1, 0.1)), x=0.3), (0.0, 1.0, 0.0))
    blue_hat = (moved(box((0.1, 0.1, 0.1)), y=0.3), (0.0, 0.0, 1.0))
    return bank_of(
        [mesh_of(red_nose, green_left, blue_hat), mesh_of((ellipsoid((0.4, 0.4, 0.4), 40, 60), (1, 1, 1)))]
    )


def centre_of(rgb: np.ndarray, channel: int) -> tuple[float, float]:
    """Mean row and column of the pixels in which one channel outweighs the others."""
    others = np.delete(rgb.astype(int), channel, axis=-1).max(axis=-1)
    rows, columns = np.nonzero(rgb[..., channel].astype(int) - others > 60)
    return rows.mean(), columns.mean()


def test_camera_is_right_handed_and_looks_at_the_origin():
    for azimuth, elevation in ((0.0, 0.0), (1.0, 0.5), (-2.0, -0.1)):
        eye, rotation = camera(azimuth, elevation)
        assert np.allclose(rotation @ rotation.T, np.eye(3))
        assert np.isclose(np.linalg.det(rotation), 1.0)
        assert np.allclose(rotation @ -eye, [0, 0, -CAMERA_RADIUS])
    assert np.allclose(camera(0.0, 0.0)[0], [0, 0, CAMERA_RADIUS])
    assert np.allclose(camera(np.pi / 2, 0.0)[0], [CAMERA_RADIUS, 0, 0])


def test_front_view_sees_plus_z_near_plus_x_right_and_plus_y_up(bank):
    rgb, _, depth = render(bank, [0], [0.0], [0.0], SIZE)
    nose, left, hat = (centre_of(rgb[0], channel) for channel in range(3))
    middle = (SIZE - 1) / 2
    assert nose == pytest.approx((middle, middle), abs=0.6)
    assert left[1] > middle + 5
    assert hat[0] < middle - 5
    assert depth[0, SIZE // 2, SIZE // 2] == pytest.approx(CAMERA_RADIUS - 0.35, abs=1e-4)


def test_from_plus_x_the_nose_points_left(bank):
    rgb, _, _ = render(bank, [0], [np.pi / 2], [0.0], SIZE)
    assert centre_of(rgb[0], 0)[1] < SIZE / 2 - 5


def test_sphere_has_the_analytic_outline_and_depth(bank):
    _, alpha, depth = render(bank, [1], [0.3], [0.2], 96)
    focal = 48 / np.tan(np.radians(FOV_DEGREES) / 2)
    radius = focal * 0.4 / np.sqrt(CAMERA_RADIUS**2 - 0.4**2)
    assert alpha[0].sum() / 255 == pytest.approx(np.pi * radius**2, rel=0.01)
    assert depth[0][alpha[0] > 0].min() == pytest.approx(CAMERA_RADIUS - 0.4, abs=2e-3)
    assert (depth[0][alpha[0] == 0] == 0).all()


def test_light_comes_from_above_and_the_world_turns_not_the_light(bank):
    rgb, _, _ = render(bank, [1], [0.0], [0.0], SIZE)
    assert rgb[0, 12, 24].mean() > rgb[0, 36, 24].mean() + 20
    behind, _, _ = render(bank, [1], [np.pi], [0.0], SIZE)
    assert rgb[0, 24, 24].mean() > behind[0, 24, 24].mean() + 20


def test_winding_does_not_matter(bank):
    mesh = mesh_of((ellipsoid((0.4, 0.3, 0.2)), (0.8, 0.5, 0.2)))
    flipped = Mesh(mesh.vertices, mesh.faces[:, ::-1], mesh.colours, mesh.slots, mesh.tints)
    rgb, _, _ = render(bank_of([mesh, flipped]), [0, 1], [0.4, 0.4], [0.3, 0.3], SIZE)
    assert np.abs(rgb[0].astype(int) - rgb[1]).max() <= 1


def test_slot_colour_replaces_primary_faces_only():
    own, other = (
        mesh_of((box((0.6, 0.6, 0.1)), (0.0, 1.0, 0.0))),
        mesh_of((box((0.6, 0.6, 0.1)), (0.0, 1.0, 0.0))),
    )
    kept = Mesh(own.vertices, own.faces, own.colours, np.full(len(own.faces), OWN_COLOUR), own.tints)
    colours = np.array([[[1.0, 0, 0], [0, 0, 1.0]]] * 2)
    rgb, _, _ = render(bank_of([other, kept]), [0, 1], [0.0, 0.0], [0.0, 0.0], SIZE, colours)
    red, green = rgb[0, SIZE // 2, SIZE // 2], rgb[1, SIZE // 2, SIZE // 2]
    assert red[0] > 100 and red[1] == 0
    assert green[1] > 100 and green[0] == 0


def test_same_call_same_bytes(bank):
    lighting = Lighting.fixed(2)
    first = render(bank, [0, 1], [0.1, 2.0], [0.2, 0.9], SIZE, lighting=lighting)
    second = render(bank, [0, 1], [0.1, 2.0], [0.2, 0.9], SIZE, lighting=lighting)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
