"""Made-up persons: codes, labels, edits, and their pictures, on a kit of spheres."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from pipelines.backbones.head3d_camera import RADIUS, Camera, pixel_directions
from pipelines.backbones.head3d_data import ENCODER, HELD_OUT, JUDGE, TRAIN, halve_depth, person_code, shoot
from pipelines.backbones.head3d_kit import Kit
from pipelines.backbones.head3d_person import (
    ATTRIBUTES,
    MEN_STYLES,
    WOMEN_STYLES,
    Z_DIM,
    person_from,
    sample_views,
)
from pipelines.backbones.head3d_portrait import Sitter
from pipelines.backbones.head3d_raster import rasterise

from .head3d_dummies import write_kit


@pytest.fixture(scope="module")
def kit_path(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("kit") / "heads.npz"
    write_kit(path)
    return path


@pytest.fixture(scope="module")
def kit(kit_path) -> Kit:
    return Kit(kit_path)


def test_persons_follow_from_their_code_and_stay_in_range():
    for index in range(200):
        person = person_from(person_code(TRAIN, index))
        assert 0 <= person.skin < 7 and 0 <= person.hair_light <= 1 and 0 <= person.beard <= 1
        assert person.style in (MEN_STYLES if person.masculine else WOMEN_STYLES)
        assert np.abs(person.identity).max() <= 1.7
    first, again = (person_from(person_code(TRAIN, 3)) for _ in range(2))
    np.testing.assert_array_equal(first.identity, again.identity)
    assert dataclasses.replace(first, identity=None) == dataclasses.replace(again, identity=None)


def test_streams_share_nobody():
    codes = [
        person_code(stream, index) for stream in (TRAIN, HELD_OUT, JUDGE, ENCODER) for index in range(300)
    ]
    assert len({code.tobytes() for code in codes}) == len(codes)
    nearest = np.corrcoef(codes) - np.eye(len(codes))
    assert nearest.max() < 0.6


def test_code_of_wrong_length_is_refused():
    with pytest.raises(ValueError, match=str(Z_DIM)):
        person_from(np.zeros(3))


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_edits_raise_their_own_label_only(kit, attribute):
    place = ATTRIBUTES.index(attribute)
    grown = []
    for index in range(20):
        z = person_code(TRAIN, index)
        low, high = (kit.labels_of(kit.edit(z, attribute, amount)) for amount in (-1.0, 1.0))
        grown.append(high[place] - low[place])
        if attribute in ("smile", "mouth_open", "beard"):
            others = [k for k in range(len(ATTRIBUTES)) if k != place and ATTRIBUTES[k] != "face_width"]
            np.testing.assert_allclose(high[others], low[others], atol=1e-6)
    assert min(grown) >= -1e-6
    assert max(grown) > 0.15 or attribute in (
        "hair_length",
        "face_width",
    )  # the spheres' hair is all of one length


def test_rasteriser_interpolates_in_perspective():
    # A quad that recedes: its left edge at depth 1, its right edge at depth 3.
    points = np.array([[0, 0, 1], [64, 0, 3], [64, 64, 3], [0, 64, 1]], np.float32)
    triangles = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    depth, triangle, buffer = rasterise(points, triangles, points[:, 2:].copy(), 64)
    x = (np.arange(64) + 0.5) / 64
    expected = 1 / ((1 - x) / 1 + x / 3)
    np.testing.assert_allclose(depth, np.broadcast_to(expected, (64, 64)), rtol=1e-4)
    np.testing.assert_allclose(buffer[..., 0], depth, rtol=1e-4)
    assert (triangle >= 0).all()


def test_nearer_triangle_wins():
    points = np.array([[0, 0, 2], [9, 0, 2], [0, 9, 2], [0, 0, 1], [9, 0, 1], [0, 9, 1]], np.float32)
    for order in ([0, 1], [1, 0]):
        triangles = np.array([[0, 1, 2], [3, 4, 5]], np.int32)[order]
        depth, _, _ = rasterise(points, triangles, points, 8)
        assert depth[1, 1] == 1


def test_portrait_has_premultiplied_colour_and_ray_depth(kit):
    sitter = Sitter(kit, person_code(TRAIN, 1))
    portrait = sitter.portrait(Camera(0.2, 0.1), 64)
    assert portrait.rgba.shape == (64, 64, 4)
    colour, alpha = portrait.rgba[..., :3].astype(int), portrait.rgba[..., 3].astype(int)
    assert (colour <= alpha[..., None] + 1).all()
    assert ((portrait.depth > 0) == (alpha >= 128)).all()
    covered = portrait.depth > 0
    assert 0.2 < covered.mean() < 0.9
    # Ray depth times the rays are the surface points: they lie within the kit's box.
    matrix = Camera(0.2, 0.1).matrix()
    points = matrix[:3, 3] + (pixel_directions(64) @ matrix[:3, :3].T) * portrait.depth[..., None]
    assert np.abs(points[covered]).max() < 0.75
    assert abs(portrait.depth[28:36, 28:36].mean() - RADIUS) < 0.5


def test_a_person_turned_left_shows_the_other_side(kit):
    sitter = Sitter(kit, person_code(TRAIN, 2))
    left, right = (sitter.portrait(Camera(yaw), 32).rgba for yaw in (-0.8, 0.8))
    assert not np.array_equal(left, right)


def test_shoot_repeats_and_fits_its_layout(kit_path):
    first, second = (shoot(str(kit_path), TRAIN, [4, 5], views=2) for _ in range(2))
    for name, array in vars(first).items():
        np.testing.assert_array_equal(array, getattr(second, name))
    assert first.rgba.shape == (2, 2, 4, 128, 128) and first.depth.shape == (2, 2, 64, 64)
    np.testing.assert_allclose(first.z[0], person_code(TRAIN, 4), rtol=1e-6)


def test_halved_depth_is_of_whole_pixels_only():
    depth = np.full((4, 4), 2.5, np.float32)
    depth[0, 0] = 0
    np.testing.assert_array_equal(halve_depth(depth), [[0, 2.5], [2.5, 2.5]])


def test_views_stay_in_the_front_half():
    views = sample_views(np.random.default_rng(0), 500)
    assert np.abs(views[:, 0]).max() <= 1.6 and np.abs(views[:, 1]).max() <= 0.45
    assert np.abs(views[:, 0]).mean() < 0.6
