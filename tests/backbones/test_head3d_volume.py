"""The volume renderer against bodies whose pictures are known."""

import numpy as np
import pytest
import torch

from pipelines.backbones.head3d_camera import FAR, Camera
from pipelines.backbones.head3d_volume import (
    HIGHEST,
    LOWEST,
    camera_rays,
    depth_normals,
    spans,
    volume_render,
)

SPHERE = 0.3


def matrix(camera: Camera) -> torch.Tensor:
    return torch.from_numpy(camera.matrix()).float()[None]


def test_rays_are_exact_under_autocast():
    exact = camera_rays(matrix(Camera(0.4, 0.1)), 16)
    with torch.autocast("cpu", torch.bfloat16):
        rays = camera_rays(matrix(Camera(0.4, 0.1)), 16)
    assert all(torch.equal(one, other) for one, other in zip(exact, rays, strict=True))


def sphere(points, want_features):
    density = 2000.0 * (points.norm(dim=-1) < SPHERE)
    return density, torch.ones(*points.shape[:2], 3) if want_features else None


@pytest.mark.parametrize("camera", [Camera(0, 0), Camera(0.6, -0.3)])
def test_hard_sphere_has_the_analytic_silhouette_depth_and_normals(camera):
    origins, directions = camera_rays(matrix(camera), 64)
    rendering = volume_render(sphere, origins, directions, 64, 64)
    middle = -(directions @ origins[0])[0]  # distance along the ray to the point nearest the centre
    gap = (origins[0].square().sum() - middle.square()).clamp_min(0).sqrt()
    inside, outside = gap < 0.95 * SPHERE, gap > 1.05 * SPHERE
    alpha, depth = rendering.alpha[0], rendering.depth[0]
    assert alpha[inside].min() > 0.99
    assert alpha[outside].max() < 0.01
    assert (depth[outside] == FAR).all()
    true = middle - (SPHERE**2 - gap.square()).clamp_min(0).sqrt()
    assert (depth - true)[inside].abs().max() < 0.012
    torch.testing.assert_close(rendering.features[0, :, 0], alpha)

    exact = torch.where(gap < SPHERE, true, torch.full_like(true, FAR)).view(1, 64, 64)
    normals = depth_normals(exact, (gap < SPHERE).float().view(1, 64, 64), matrix(camera))[0].permute(1, 2, 0)
    points = (origins[0] + directions[0] * true[:, None]).view(64, 64, 3)
    core = (gap < 0.8 * SPHERE).view(64, 64)
    cosine = (normals * points / SPHERE).sum(-1)[core]
    assert cosine.min() > 0.97
    assert (normals[(gap > SPHERE).view(64, 64)] == 0).all()


def test_even_fog_absorbs_by_beer_lambert():
    def fog(points, want_features):
        return torch.full(points.shape[:2], 0.7), torch.ones(*points.shape[:2], 1) if want_features else None

    origins, directions = camera_rays(matrix(Camera()), 8)
    rendering = volume_render(fog, origins, directions, 5, 9)
    # From the front, all these rays enter and leave the box through its front and back.
    lengths = (HIGHEST[2] - LOWEST[2]) / -directions[..., 2]
    torch.testing.assert_close(rendering.alpha, 1 - torch.exp(-0.7 * lengths))


@pytest.mark.parametrize("camera", [Camera(0, 0), Camera(1.4, 0.3), Camera(np.pi, -0.2)])
def test_a_ray_is_sampled_from_where_it_enters_the_box_to_where_it_leaves(camera):
    origins, directions = camera_rays(matrix(camera), 16)
    near, far = spans(origins, directions)
    t = torch.linspace(1.5, 4, 251)
    points = origins[:, None, None] + directions[:, :, None] * t[:, None]
    inside = ((points > torch.tensor(LOWEST)) & (points < torch.tensor(HIGHEST))).all(-1)
    assert torch.equal(inside, (t > near[..., None]) & (t < far[..., None]))


def test_a_ray_past_the_box_meets_nothing():
    def fog(points, want_features):
        return torch.full(points.shape[:2], 0.7), torch.ones(*points.shape[:2], 1) if want_features else None

    origins = torch.tensor([[0.0, 0.0, 2.7]])
    directions = torch.tensor([[[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, -1.0]]])
    rendering = volume_render(fog, origins, directions, 4, 4)
    assert rendering.alpha[0, :2].tolist() == [0, 0]
    assert (rendering.depth[0, :2] == FAR).all()
    assert rendering.alpha[0, 2] > 0.4
    assert rendering.features.isfinite().all()


def test_samples_are_fixed_without_a_generator_and_repeat_with_one():
    origins, directions = camera_rays(matrix(Camera(0.2, 0.1)), 16)

    def depth(seed):
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        return volume_render(sphere, origins, directions, 8, 8, generator).depth

    assert torch.equal(depth(None), depth(None))
    assert torch.equal(depth(3), depth(3))
    assert not torch.equal(depth(3), depth(4))


def test_a_window_is_that_part_of_the_whole():
    _, whole = camera_rays(matrix(Camera(0.2, 0.1)), 16)
    _, part = camera_rays(matrix(Camera(0.2, 0.1)), 16, (3, 5, 4))
    assert torch.equal(part.view(4, 4, 3), whole.view(16, 16, 3)[3:7, 5:9])
