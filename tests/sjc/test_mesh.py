"""Export: closed, in the right place, in the right colours, also when there is nothing to export."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
import trimesh
from skimage.color import deltaE_ciede2000, rgb2lab

from pipelines.sjc.export import linear_to_srgb, srgb_to_linear
from pipelines.sjc.field import PIXEL_FIELD, VoxelField
from pipelines.sjc.mesh import coloured, seen_from_outside, surface

SIDE = 40
DARK, BRIGHT = np.array([0.16, 0.03, 0.10]), np.array([0.95, 0.60, 0.15])


@pytest.fixture(scope="module")
def ball() -> VoxelField:
    """A ball of radius 0.3 at height 0.1: dark on the left, bright on the right, and a speck."""
    axis = (torch.arange(SIDE) + 0.5) / SIDE * 2 * PIXEL_FIELD.extent - PIXEL_FIELD.extent
    z, y, x = torch.meshgrid(axis, axis, axis, indexing="ij")
    distance = (x**2 + (y - 0.1) ** 2 + z**2).sqrt()
    grid = torch.empty(1, 4, SIDE, SIDE, SIDE)
    # A hollow shell, as optimised fields often are.
    grid[0, 0] = torch.where((distance < 0.3) & (distance > 0.2), 20.0, -20.0)
    grid[0, 0, 4:6, 4:6, 20:22] = 20.0
    for channel in range(3):
        colour = torch.where(x < 0, float(DARK[channel]), float(BRIGHT[channel]))
        grid[0, 1 + channel] = torch.logit(colour)
    return VoxelField(PIXEL_FIELD, grid).requires_grad_(False)


@pytest.fixture(scope="module")
def mesh(ball):
    shape = surface(ball)
    return coloured(shape, seen_from_outside(ball, shape))


def test_surface_is_closed_and_in_place(mesh):
    statistics = mesh.statistics()
    assert statistics.watertight
    assert statistics.components == 1, "neither the speck nor the hollow inside"
    centre = (mesh.vertices.max(axis=0) + mesh.vertices.min(axis=0)) / 2
    assert centre == pytest.approx([0, 0.1, 0], abs=0.02)
    assert statistics.size == pytest.approx((0.6, 0.6, 0.6), abs=0.04)
    assert statistics.volume == pytest.approx(4 / 3 * np.pi * 0.3**3, rel=0.15)


def distance_to_truth(vertices: np.ndarray, colours: np.ndarray) -> float:
    side = np.abs(vertices[:, 0]) > 0.05
    truth = np.where(vertices[:, :1] < 0, DARK, BRIGHT)
    return float(deltaE_ciede2000(rgb2lab(colours[side]), rgb2lab(truth[side])).max())


def test_colours_survive_every_format(mesh):
    assert distance_to_truth(mesh.vertices, mesh.colours) < 6
    (glb,) = trimesh.load_scene(io.BytesIO(mesh.glb()), file_type="glb", process=False).geometry.values()
    light = glb.visual.vertex_attributes["color"]
    assert glb.is_watertight
    assert distance_to_truth(glb.vertices, linear_to_srgb(light[:, :3])) < 6
    ply = trimesh.load_mesh(io.BytesIO(mesh.ply()), file_type="ply", process=False)
    assert ply.is_watertight
    assert distance_to_truth(ply.vertices, ply.visual.vertex_colors[:, :3] / 255) < 6
    obj = trimesh.load_mesh(io.StringIO(mesh.obj()), file_type="obj", process=False)
    assert obj.is_watertight
    assert distance_to_truth(obj.vertices, obj.visual.vertex_colors[:, :3] / 255) < 6


def test_large_surfaces_are_simplified(monkeypatch, ball):
    monkeypatch.setattr("pipelines.sjc.mesh.MAX_FACES", 2000)
    shape = surface(ball)
    assert len(shape.faces) < 2600
    assert shape.is_watertight


def test_an_object_that_touches_the_cube_is_closed():
    field = VoxelField(PIXEL_FIELD, torch.full((1, 4, 12, 12, 12), 10.0))
    assert surface(field).is_watertight


def test_an_empty_field_has_no_surface():
    assert surface(VoxelField(PIXEL_FIELD, torch.full((1, 4, 12, 12, 12), -20.0))) is None


def test_light_and_srgb_are_inverse():
    colours = np.linspace(0, 1, 64)
    assert linear_to_srgb(srgb_to_linear(colours)) == pytest.approx(colours, abs=1e-6)
    assert srgb_to_linear(np.array([0.5])) == pytest.approx([0.2140], abs=1e-3)
