"""The estimator on data whose score is known, and what surrounds it."""

from __future__ import annotations

import math

import pytest
import torch

from pipelines.backbones.diffusion import Denoiser, Text
from pipelines.sjc.method import (
    AnnealedSigma,
    CameraRange,
    Condition,
    UniformTicks,
    ViewDependentPrompt,
    centre_depth,
    emptiness,
    paas,
)
from pipelines.sjc.render import Views


class GaussianDenoiser(Denoiser):
    """The exact denoiser of data N(mean, spread²) per entry; remembers what it was asked."""

    image_size, channels, sigma_min, sigma_max = 4, 3, 0.01, 10.0
    mean, spread = 0.3, 0.4

    def encode_text(self, prompts):
        self.prompts = list(prompts)
        return Text(torch.arange(len(prompts)).float()[:, None, None])

    def encode(self, images):
        return images

    def decode(self, x):
        return x

    def _denoise(self, x, sigma, text, view):
        level, data = sigma[:, None, None, None] ** 2, self.spread**2
        return (data * x + level * self.mean) / (data + level)


@pytest.mark.parametrize("sigma", [0.8, 2.0])
def test_both_estimators_have_the_known_mean_and_eq16_less_variance(sigma):
    denoiser = GaussianDenoiser()
    count = 4000
    y = torch.full((count, 3, 4, 4), 0.9)
    condition = Condition(denoiser.encode_text(["x"]))
    estimates = {
        variant: paas(
            denoiser,
            y,
            torch.full((count,), sigma),
            condition,
            1.0,
            torch.Generator().manual_seed(1),
            variant,
        )
        for variant in ("eq15", "eq16")
    }
    true_score = (denoiser.mean - 0.9) / (denoiser.spread**2 + sigma**2)
    for estimate in estimates.values():
        error = estimate.std() / math.sqrt(estimate.numel())
        assert abs(estimate.mean() - true_score) < 5 * error
    ratio = (estimates["eq16"].var() / estimates["eq15"].var()).item()
    assert ratio == pytest.approx((denoiser.spread / sigma) ** 4, rel=0.05)
    assert ratio < 0.1


def test_without_perturbation_the_denoiser_is_asked_about_the_clean_picture(monkeypatch):
    denoiser = GaussianDenoiser()
    asked = []
    denoise = denoiser._denoise
    monkeypatch.setattr(denoiser, "_denoise", lambda x, *rest: asked.append(x) or denoise(x, *rest))
    y, sigma = torch.full((2, 3, 4, 4), 0.9), torch.full((2,), 0.8)
    condition = Condition(denoiser.encode_text(["x"]))
    score = paas(denoiser, y, sigma, condition, 1.0, torch.Generator().manual_seed(1), "off")
    assert torch.equal(asked[0], y)
    exact = (denoiser.mean - 0.9) / (denoiser.spread**2 + 0.8**2)
    assert torch.allclose(score, torch.full_like(score, exact), atol=1e-6)


def test_every_camera_gets_its_own_words():
    denoiser = GaussianDenoiser()
    views = Views(
        torch.tensor([0.0, 1.57, 3.14, 0.0]), torch.tensor([0.0, 0.0, 0.0, 1.2]), torch.full((4,), 40.0)
    )
    words = ViewDependentPrompt(denoiser, "a cat", "words")(views)
    assert denoiser.prompts[2] == "backside view of a cat"
    said = [denoiser.prompts[int(row)] for row in words.text.states.flatten()]
    assert [text.split()[0] for text in said] == ["front", "side", "backside", "overhead"]
    assert words.view is None
    assert ViewDependentPrompt(denoiser, "a cat", "continuous").mode == "words", "it knows no angles"
    denoiser.continuous_views = True
    continuous = ViewDependentPrompt(denoiser, "a cat", "continuous")(views)
    assert denoiser.prompts == ["a cat"]
    assert torch.equal(continuous.view, views.angles)
    assert ViewDependentPrompt(denoiser, "a cat", "none")(views).view is None


def test_sigma_and_cameras_stay_in_their_ranges():
    generator = torch.Generator().manual_seed(0)
    annealed = AnnealedSigma((0.5, 3.0), (0.1, 0.6))
    early, late = annealed.draw(500, 0.0, generator), annealed.draw(500, 1.0, generator)
    assert early.min() >= 0.5 and early.max() <= 3.0
    assert late.min() >= 0.1 and late.max() <= 0.6
    assert set(UniformTicks((0.5, 2.0)).draw(50, 0.0, generator).tolist()) == {0.5, 2.0}
    views = CameraRange((-0.1, 1.0), (40.0, 70.0)).draw(500, generator)
    assert views.elevation.min() >= -0.101 and views.elevation.max() <= 1.001
    assert views.fov_degrees.min() >= 40 and views.fov_degrees.max() <= 70


def test_emptiness_prefers_empty_space():
    assert emptiness(torch.zeros(2, 3, 4)) == 0
    assert emptiness(torch.full((2, 3, 4), 0.2)) > emptiness(torch.full((2, 3, 4), 0.1))


def test_centre_depth_is_finite_and_pulls_the_object_to_the_middle():
    depth = torch.full((1, 8, 8), 10.0)
    depth[:, 3:5, 3:5] = 1.5
    depth.requires_grad_()
    loss = centre_depth(depth)
    loss.backward()
    assert torch.isfinite(loss)
    assert (depth.grad[0, 2:6, 2:6] > 0).all(), "descent brings the centre nearer"
    assert (depth.grad[0, 0] < 0).all()
    assert torch.isfinite(centre_depth(torch.full((1, 8, 8), 10.0))), "an empty picture has no logarithm"
