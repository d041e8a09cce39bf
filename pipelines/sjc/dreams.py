"""What the text-to-image model itself imagines: plain 2D samples, view by view."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from pipelines.backbones.diffusion import Denoiser, sample
from pipelines.runtime import Progress, use_threads
from pipelines.sjc.method import ViewDependentPrompt, ViewPrompts
from pipelines.sjc.render import Views
from pipelines.sjc.turntable import shown

VIEWPOINTS = (
    ("front", 0, 20), ("right", 90, 20), ("back", 180, 20), ("left", 270, 20), ("from above", 30, 55)
)  # fmt: skip
"""Names, azimuths and elevations in degrees."""
STEPS, GUIDANCE = 10, {3: 2.0, 4: 7.5}  # the scale by channels: pixels of the small model, latents


@dataclass(frozen=True)
class Dreams:
    """names [n] of the viewpoints and images uint8 [n, s, s, 3]. They are drawn one by one: nothing makes
    them views of the same object."""

    names: tuple[str, ...]
    images: np.ndarray


def dream(denoiser: Denoiser, prompt: str, views: ViewPrompts, seed: int) -> Iterator[Progress | Dreams]:
    """Sample one image per viewpoint; yields Progress with the Dreams so far after every
    step, and at last the Dreams."""
    names, azimuth, elevation = zip(*VIEWPOINTS, strict=True)
    cameras = Views(
        torch.tensor([math.radians(a) for a in azimuth]),
        torch.tensor([math.radians(e) for e in elevation]),
        torch.zeros(len(names)),
    )
    condition = ViewDependentPrompt(denoiser, prompt, views)(cameras)
    samples = sample(
        denoiser, condition.text, condition.view, len(names), seed, STEPS, GUIDANCE[denoiser.channels]
    )
    use_threads(1)  # as in optimise
    for step, x in enumerate(samples, 1):
        dreams = Dreams(names, shown(denoiser, x))
        yield Progress(step, STEPS, "Dreaming in 2D", dreams)
    yield dreams
