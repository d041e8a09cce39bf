"""Score Jacobian Chaining (arXiv 2212.00774): lift the score of images to a score of 3D assets.

    ∇_θ log p(θ) = E_π[ J_π(θ)ᵀ · ∇_y log p(y) ],   y = g(θ, π)

y is a rendering, the Jacobian J of the renderer comes from automatic differentiation, and the image score is
estimated by perturb-and-average (PAAS), since the denoiser knows noisy images only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from pipelines.backbones.captions import VIEW_TEMPLATES, VIEWS, view_word
from pipelines.backbones.diffusion import Denoiser, Text
from pipelines.sjc.field import VoxelField
from pipelines.sjc.render import Rendering, Views

Paas = Literal["eq16", "eq15", "off"]
ViewPrompts = Literal["continuous", "words", "none"]
SAID = {"front": "front", "side": "side", "back": "backside", "overhead": "overhead"}
"""Our captions' words for a view, and the four that the paper's code puts before the prompt."""


# The score of an image
# ------------------------------------------------------------------------------------------------------


def paas(
    denoiser: Denoiser,
    y: Tensor,
    sigma: Tensor,
    condition: Condition,
    guidance: float,
    generator: torch.Generator,
    variant: Paas = "eq16",
) -> Tensor:
    """One sample of the perturb-and-average score of y [n, channels, s, s] at noise σ [n].

    "eq15": (D(y + σn; σ) - (y + σn)) / σ², the score at the perturbed image. "eq16": (D(y + σn; σ) - y) / σ²,
    the same without the term -n/σ, whose mean is zero: unbiased too, and of smaller variance wherever σ
    exceeds the spread of the data (for data N(m, s²) the ratio of variances is (s/σ)⁴). n ~ N(0, I).
    "off" perturbs nothing: (D(y; σ) - y) / σ², what the paper warns of, since a clean y is none of the noisy
    images that the denoiser knows.
    """
    noise = torch.randn(y.shape, generator=generator).to(y)
    level = sigma[:, None, None, None]
    asked = y if variant == "off" else y + level * noise
    clean = denoiser.denoise(asked, sigma, condition.text, condition.view, guidance)
    return (clean - (asked if variant == "eq15" else y)) / level**2


# What the denoiser is told about the view
# ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Condition:
    """The text, n rows or one, and the views [n, 2] in radians or None, as Denoiser.denoise takes them."""

    text: Text
    view: Tensor | None = None


def usable(views: ViewPrompts, denoiser: Denoiser) -> ViewPrompts:
    """`views`, but words for a denoiser to which angles say nothing."""
    return "words" if views == "continuous" and not denoiser.continuous_views else views


class ViewDependentPrompt:
    """The prompt as each camera needs it; the paper names the view in words.

    "continuous": azimuth and elevation as numbers, or words where the denoiser knows no numbers; "words":
    "front view of ...", side, backside, overhead, as in the paper; "none": the same prompt for all views,
    which invites an object with several fronts.
    """

    def __init__(self, denoiser: Denoiser, prompt: str, mode: ViewPrompts) -> None:
        self.mode = usable(mode, denoiser)
        # One call, so that all texts are padded alike.
        said = [VIEW_TEMPLATES[0].format(view=SAID[word], a=prompt) for word in VIEWS]
        prompts = said if self.mode == "words" else [prompt]
        self.texts = denoiser.encode_text(prompts)

    def __call__(self, views: Views) -> Condition:
        """The condition for n cameras."""
        if self.mode == "words":
            rows = [VIEWS.index(view_word(a, e)) for a, e in views.angles.tolist()]
            return Condition(self.texts.map(lambda part: part[rows]))
        if self.mode == "continuous":
            return Condition(self.texts, views.angles.to(self.texts.states.device))
        return Condition(self.texts)


# What is drawn at random in every step
# ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AnnealedSigma:
    """σ log-uniform in a band that moves linearly from (low, high) = `first` to `last`."""

    first: tuple[float, float] = (1.5, 10.0)
    last: tuple[float, float] = (0.15, 1.0)

    def draw(self, count: int, progress: float, generator: torch.Generator) -> Tensor:
        """σ [count] at `progress` in 0..1."""
        low, high = (a + (b - a) * progress for a, b in zip(self.first, self.last, strict=True))
        share = torch.rand(count, generator=generator)
        return torch.exp(math.log(low) + share * math.log(high / low))


@dataclass(frozen=True)
class UniformTicks:
    """σ uniform over a discrete model's own noise levels, not annealed: the paper's choice for Stable
    Diffusion."""

    levels: tuple[float, ...]

    def draw(self, count: int, progress: float, generator: torch.Generator) -> Tensor:
        """σ [count]; the same at any `progress`."""
        return torch.tensor(self.levels)[torch.randint(len(self.levels), (count,), generator=generator)]


@dataclass(frozen=True)
class CameraRange:
    """Cameras are uniform over the part of their sphere between two elevations (radians); the field of view
    is uniform between two angles (degrees)."""

    elevation: tuple[float, float]
    fov_degrees: tuple[float, float]

    def draw(self, count: int, generator: torch.Generator) -> Views:
        """`count` cameras, evenly around the object from a random first azimuth."""
        first, height, lens = torch.rand(3, count, generator=generator)
        azimuth = (first[0] + torch.arange(count)) / count * (2 * math.pi)
        low, high = (math.sin(e) for e in self.elevation)
        narrow, wide = self.fov_degrees
        return Views(azimuth, torch.asin(low + height * (high - low)), narrow + lens * (wide - narrow))


# Regularisers
# ------------------------------------------------------------------------------------------------------


def emptiness(weights: Tensor) -> Tensor:
    """L_emptiness = mean log(1 + 10 w) over the samples of all rays: space wants to be empty."""
    return torch.log1p(10 * weights).mean()


def centre_depth(depth: Tensor) -> Tensor:
    """L_depth = -log(border's mean depth - centre's mean depth) of depth [n, s, s]: the object
    wants to be in the middle.

    The centre is the middle quarter of the picture. Where the centre is not nearer than the border there is
    nothing to take the logarithm of, and no gradient.
    """
    size = depth.shape[-1]
    edge = size // 4
    inner = torch.zeros(size, size, dtype=torch.bool, device=depth.device)
    inner[edge : size - edge, edge : size - edge] = True
    nearer = depth[:, ~inner].mean(1) - depth[:, inner].mean(1)
    return -torch.log(nearer.clamp(min=1e-3)).mean()


# The chain rule
# ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Weights:
    """How much the regularisers weigh against the score. `late` multiplies emptiness in the second half."""

    emptiness: float
    late: float
    centre_depth: float = 0.0


def chain(field: VoxelField, rendering: Rendering, score: Tensor, weights: Weights, progress: float) -> None:
    """Add to the gradients of θ, for descent: -J_π(θ)ᵀ score / n + those of the regularisers.

    `score` [n, channels, s, s] already carries its weight λ(σ). The denoiser's Jacobian plays no part.
    """
    factor = weights.late if progress >= 0.5 else 1.0
    loss = factor * weights.emptiness * emptiness(rendering.weights)
    if weights.centre_depth:
        loss = loss + weights.centre_depth * centre_depth(rendering.depth)
    torch.autograd.backward([rendering.images, loss], [-score / len(score), None])
