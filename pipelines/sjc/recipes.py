"""The settings that belong together: ours for pixel models, the paper's for Stable Diffusion."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from pipelines.backbones.cameras import ELEVATION_RANGE, FOV_DEGREES
from pipelines.backbones.diffusion import Denoiser
from pipelines.sjc.field import LATENT_FIELD, PIXEL_FIELD, FieldConfig
from pipelines.sjc.method import AnnealedSigma, CameraRange, UniformTicks, Weights

PRESETS = ("fast", "normal")


@dataclass(frozen=True)
class Recipe:
    """How a field is optimised.

    `iterations` of `views` cameras each; `resolutions`: (progress, voxels per side), from coarse to fine;
    `learning_rate` of the optimiser, Adam for pixels and Adamax for latents; `guidance` s of classifier-free
    guidance.
    """

    field: FieldConfig
    iterations: int
    views: int
    resolutions: tuple[tuple[float, int], ...]
    sigma: AnnealedSigma | UniformTicks
    cameras: CameraRange
    learning_rate: float
    guidance: float
    weights: Weights


EMBEDDED = Recipe(
    field=PIXEL_FIELD,
    iterations=200,
    views=4,
    resolutions=((0.0, 32), (0.3, 48)),
    sigma=AnnealedSigma(),
    cameras=CameraRange(ELEVATION_RANGE, (FOV_DEGREES, FOV_DEGREES)),
    learning_rate=0.15,
    guidance=2.0,
    weights=Weights(emptiness=8.0, late=3.0),
)


def official(levels: tuple[float, ...], iterations: int = 10_000) -> Recipe:
    """The constants of the paper's Stable Diffusion experiments; `levels`: the model's noise levels."""
    return Recipe(
        field=LATENT_FIELD,
        iterations=iterations,
        views=1,
        resolutions=((0.0, 100),),
        # The 30 smallest and the 10 largest noise levels are left out.
        sigma=UniformTicks(levels[30:-10]),
        # cos(polar angle) = 1 - 2v/π with v uniform up to 100°: just below the horizon.
        cameras=CameraRange((math.asin(1 - 2 * 100 / 180), math.pi / 2), (40.0, 70.0)),
        learning_rate=0.05,
        guidance=100.0,
        weights=Weights(emptiness=1e4, late=20.0),
    )


def recipe_for(denoiser: Denoiser, preset: str) -> Recipe:
    """The recipe of a preset for what the denoiser speaks: pixels of its size, or latents."""
    if denoiser.channels != 3:
        return official(tuple(denoiser.ticks.tolist()), 2_000 if preset == "fast" else 10_000)
    if denoiser.image_size <= 32:
        return replace(EMBEDDED, iterations=120) if preset == "fast" else EMBEDDED
    # The score is summed over pixels, emptiness is a mean.
    larger = (denoiser.image_size / 32) ** 2
    weights = replace(EMBEDDED.weights, emptiness=EMBEDDED.weights.emptiness * larger)
    finer = replace(EMBEDDED, resolutions=((0.0, 32), (0.3, 64)), weights=weights, views=2)
    return replace(finer, iterations=150 if preset == "fast" else 300)
