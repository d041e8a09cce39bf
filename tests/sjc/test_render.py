"""The renderer: against finite differences, a closed form, and the rasteriser's camera."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from pipelines.sjc.field import LATENT_FIELD, PIXEL_FIELD, VoxelField
from pipelines.sjc.render import BACKGROUND_DEPTH, Views, render


def views(azimuth=0.3, elevation=0.2, fov=40.0) -> Views:
    return Views.of([azimuth], elevation, fov)


@pytest.mark.parametrize("config", [PIXEL_FIELD, LATENT_FIELD], ids=["pixels", "latents"])
def test_gradient_agrees_with_finite_differences(config):
    generator = torch.Generator().manual_seed(0)
    field = VoxelField.random(config, 5, generator).double()
    field.grid.data[:, :1] += -config.shift - 2
    score = torch.randn(1, config.channels, 4, 4, generator=generator, dtype=torch.float64)

    def value() -> torch.Tensor:
        rendering = render(field, views(), 4)
        return (rendering.images * score).sum() + rendering.depth.mean()

    value().backward()
    parameters = [part for part in field.parameters() if part.requires_grad]
    assert len(parameters) == (3 if config.latent else 1)
    step = 1e-4
    for part in parameters:
        flat, gradient = part.data.view(-1), part.grad.view(-1)
        chosen = gradient.abs().argsort(descending=True)[:6]
        for index in chosen.tolist():
            kept = flat[index].item()
            with torch.no_grad():
                flat[index] = kept + step
                more = value()
                flat[index] = kept - step
                less = value()
                flat[index] = kept
            assert ((more - less) / (2 * step)).item() == pytest.approx(
                gradient[index].item(), rel=2e-3, abs=1e-6
            )


def test_uniform_fog_obeys_beer_and_lambert():
    field = VoxelField(PIXEL_FIELD, torch.zeros(1, 4, 32, 32, 32))
    field.grid.data[:, 1:] = -50.0  # black
    density = 30 * math.log1p(math.exp(-5.0))
    with torch.no_grad():
        middle = render(field, views(), 33, steps_per_voxel=4).images[0, 0, 16, 16]
    opacity = 1 - math.exp(-density * 2 * PIXEL_FIELD.extent)
    assert middle.item() == pytest.approx(1 - 2 * opacity, abs=0.01)


def test_empty_fields_show_the_background():
    field = VoxelField(PIXEL_FIELD, torch.full((1, 4, 8, 8, 8), -60.0))
    with torch.no_grad():
        rendering = render(field, views(), 8)
    assert torch.allclose(rendering.images, torch.ones(1, 3, 8, 8))
    assert torch.allclose(rendering.depth, torch.full((1, 8, 8), BACKGROUND_DEPTH))


def test_skipping_empty_space_changes_nothing_visible(run):
    _, result = run
    with torch.no_grad():
        full = render(result.field, views(), 48)
        skipped = render(result.field, views(), 48, occupied=result.field.occupied())
    assert (full.images - skipped.images).abs().mean() < 0.02
    assert result.field.occupied().float().mean() < 0.5


def test_cameras_agree_with_the_rasteriser():
    """One opaque voxel to the right, above and in front must appear where a small box would."""
    from pipelines.backbones import raster
    from pipelines.backbones.shapes import box, moved

    x, y, z = 24, 20, 25
    place = ((np.array([x, y, z]) + 0.5) / 35 * 2 - 1) * PIXEL_FIELD.extent
    vertices, faces = moved(box((0.03, 0.03, 0.03)), *place)
    count = len(faces)
    bank = raster.bank_of(
        [raster.Mesh(vertices, faces, np.zeros((count, 3)), np.zeros(count), np.ones(count))]
    )
    grid = torch.full((1, 4, 35, 35, 35), -60.0)
    grid[0, 0, z, y, x] = 60.0
    for azimuth, elevation in ((0.0, 0.0), (1.0, 0.4), (4.0, -0.1)):
        with torch.no_grad():
            field = VoxelField(PIXEL_FIELD, grid)
            opacity = render(field, views(azimuth, elevation), 256, steps_per_voxel=4).opacity[0].numpy()
        _, alpha, _ = raster.render(bank, np.zeros(1, int), np.array([azimuth]), np.array([elevation]), 256)
        rows, columns = np.mgrid[:256, :256]
        for axis in (rows, columns):
            ours = (axis * opacity).sum() / opacity.sum()
            theirs = (axis * alpha[0].astype(float)).sum() / alpha[0].sum()
            assert ours == pytest.approx(theirs, abs=0.8)


def test_finer_grids_hold_the_same_field():
    field = VoxelField.random(PIXEL_FIELD, 16, torch.Generator().manual_seed(0))
    field.grid.data[:, :1] += 5
    with torch.no_grad():
        coarse = render(field, views(), 24, steps_per_voxel=4).images
        fine = render(field.resampled(32), views(), 24, steps_per_voxel=2).images
    assert (coarse - fine).abs().mean() < 0.05
