"""The optimisation of a field by score Jacobian chaining, step by step."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch

from pipelines.backbones.diffusion import Denoiser
from pipelines.runtime import Progress, use_threads
from pipelines.sjc.field import VoxelField
from pipelines.sjc.method import Paas, ViewDependentPrompt, ViewPrompts, chain, paas
from pipelines.sjc.recipes import Recipe
from pipelines.sjc.render import Views, render
from pipelines.sjc.turntable import ELEVATION, shown

REPORT_SECONDS, PREVIEW_SECONDS = 0.25, 1.2
PREVIEW_SIZE = 96
CULL_AFTER, CULL_EVERY = 50, 10  # steps before empty space is skipped at all, and between two looks at it


@dataclass(frozen=True)
class Preview:
    """The object so far: `image` uint8 [s, s, 3] sRGB, seen from `azimuth` (radians), and a copy of the
    `field`, from which `finish` makes a result when the run is stopped here."""

    image: np.ndarray
    azimuth: float
    field: VoxelField


def optimise(
    denoiser: Denoiser,
    prompt: str,
    recipe: Recipe,
    views: ViewPrompts,
    variant: Paas,
    seed: int,
) -> Iterator[Progress | VoxelField]:
    """Yield Progress, some with a Preview, and at last the field."""
    generator = torch.Generator().manual_seed(seed)
    yield Progress(0, recipe.iterations, "Reading the prompt")
    conditions = ViewDependentPrompt(denoiser, prompt, views)
    device = conditions.texts.states.device
    levels = list(recipe.resolutions)
    field = optimiser = occupied = None
    reported = previewed = -math.inf
    for step in range(recipe.iterations):
        # At these sizes a second thread costs as much as it brings. Set here, since the next step may be
        # asked for by another thread.
        use_threads(1)
        progress = step / recipe.iterations
        if levels and progress >= levels[0][0]:
            resolution = levels.pop(0)[1]
            field = (
                VoxelField.random(recipe.field, resolution, generator).to(device)
                if field is None
                else field.resampled(resolution)
            )
            optimiser, occupied = _optimiser(field, recipe), None
        if step >= CULL_AFTER and step % CULL_EVERY == 0 and not recipe.field.latent:
            occupied = field.occupied()

        cameras = recipe.cameras.draw(recipe.views, generator)
        offsets = torch.rand(recipe.views, generator=generator)
        rendering = render(field, cameras, denoiser.image_size, offsets, occupied)
        sigma = recipe.sigma.draw(recipe.views, progress, generator).to(device)
        y = rendering.images.detach()
        score = paas(denoiser, y, sigma, conditions(cameras), recipe.guidance, generator, variant)
        optimiser.zero_grad(set_to_none=True)
        chain(field, rendering, score * sigma[:, None, None, None], recipe.weights, progress)  # λ(σ) = σ
        optimiser.step()

        now = time.monotonic()
        if now - reported > REPORT_SECONDS or step == recipe.iterations - 1:
            preview = None
            if now - previewed > PREVIEW_SECONDS:
                preview, previewed = preview_of(field, denoiser, 2 * math.pi * progress), now
            yield Progress(step + 1, recipe.iterations, "Optimising the field", preview)
            reported = time.monotonic()
    yield field.snapshot()


def preview_of(field: VoxelField, denoiser: Denoiser, azimuth: float) -> Preview:
    """A rendering of the field as it is."""
    size = denoiser.image_size if field.config.latent else PREVIEW_SIZE
    cameras = Views.of([azimuth], ELEVATION, field.config.fov_degrees)
    with torch.no_grad():
        rendering = render(field, cameras, size, occupied=field.occupied())
    image = shown(denoiser, rendering.images)[0]
    return Preview(image, azimuth % (2 * math.pi), field.snapshot())


def _optimiser(field: VoxelField, recipe: Recipe) -> torch.optim.Optimizer:
    if not field.config.latent:
        return torch.optim.Adam([field.grid], lr=recipe.learning_rate, betas=(0.9, 0.99))
    background = {"params": [field.background], "lr": 1e-4}
    return torch.optim.Adamax([{"params": [field.grid, field.scale]}, background], lr=recipe.learning_rate)


def with_depth(recipe: Recipe, centre_depth: float) -> Recipe:
    """The recipe with a weight for the centre-depth loss."""
    return replace(recipe, weights=replace(recipe.weights, centre_depth=centre_depth))
