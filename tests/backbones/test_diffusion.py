"""Preconditioning, oracle, guidance, sampler, export."""

from __future__ import annotations

import math

import pytest
import torch

from pipelines.backbones.diffusion import (
    SIGMA_DATA,
    VIEW_GAIN,
    WHITE,
    ConditionedUNet,
    EmbeddedDenoiser,
    OracleDenoiser,
    Text,
    UNetConfig,
    load_network,
    loss_weight,
    preconditioning,
    sample,
    save_network,
    view_features,
)

TINY = UNetConfig(16, 2, (16, 32), (False, True))
SIGMAS = torch.tensor([0.02, 0.3, 1.0, 7.0])


def test_preconditioning_identities():
    c_skip, c_out, c_in, c_noise = (c.flatten() for c in preconditioning(SIGMAS))
    # Network input and target have unit variance when the data's variance is SIGMA_DATA² (EDM, B.6).
    assert torch.allclose(c_in**2 * (SIGMA_DATA**2 + SIGMAS**2), torch.ones(4))
    target = ((1 - c_skip) ** 2 * SIGMA_DATA**2 + c_skip**2 * SIGMAS**2) / c_out**2
    assert torch.allclose(target, torch.ones(4))
    assert torch.allclose(loss_weight(SIGMAS).flatten() * c_out**2, torch.ones(4))
    assert torch.allclose(c_noise, SIGMAS.log() / 4)


def test_untrained_network_returns_the_skip_and_ignores_nothing_it_is_told():
    torch.manual_seed(0)
    network = ConditionedUNet(TINY)
    x, sigma = torch.randn(4, 3, 16, 16), SIGMAS
    text = Text(torch.randn(4, 5, 384), torch.ones(4, 5, dtype=torch.bool), torch.randn(4, 384))
    view = torch.zeros(4, 2)
    skipped = WHITE + preconditioning(sigma)[0] * (x - WHITE)
    assert torch.allclose(network(x, sigma, text, view), skipped)
    torch.nn.init.normal_(network.unet.conv_out.weight, std=0.1)
    plain = network(x, sigma, text, view)
    assert not torch.allclose(plain, network(x, sigma, text, view + 1))
    assert not torch.allclose(plain, network(x, sigma, text, view * math.nan))
    assert not torch.allclose(plain, network(x, sigma, text.map(lambda part: part.flip(0)), view))
    # A masked token has no effect.
    mask = text.mask.clone()
    mask[:, -1] = False
    louder = text.states.clone()
    louder[:, -1] += 3
    masked = network(x, sigma, Text(text.states, mask, text.pooled), view)
    assert torch.allclose(masked, network(x, sigma, Text(louder, mask, text.pooled), view), atol=1e-6)


def test_unknown_views_have_no_features_and_azimuth_is_periodic():
    view = torch.tensor([[0.4, 0.2], [0.4 + 2 * math.pi, 0.2], [math.nan, math.nan]])
    features = view_features(view)
    assert torch.allclose(features[0], features[1], atol=1e-5)
    assert (features[2] == 0).all() and features[0, -1] == VIEW_GAIN


def test_oracle_is_the_posterior_mean():
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(6, 3, 4, 4, generator=generator) * 2 - 1
    views = torch.tensor([[0.0, 0.1], [0.3, 0.1], [1.6, 0.1], [3.1, 0.1], [-1.6, 0.1], [0.5, 0.1]])
    oracle = OracleDenoiser(images, views)
    x, sigma = torch.randn(2, 3, 4, 4, generator=generator), torch.tensor([1.5, 3.0])
    text = oracle.encode_text(["anything"])
    expected = []
    for noisy, s in zip(x, sigma, strict=True):
        weights = torch.stack([(-((noisy - y) ** 2).sum() / (2 * s**2)).exp() for y in images])
        expected.append((weights[:, None, None, None] * images).sum(0) / weights.sum())
    assert torch.allclose(oracle.denoise(x, sigma, text), torch.stack(expected), atol=1e-5)
    front = oracle.denoise(x, sigma * 100, text, torch.tensor([[0.1, 0.0], [2.0, 0.0]]))
    assert torch.allclose(front[0], images[[0, 1, 5]].mean(0), atol=1e-3)
    assert torch.allclose(front[1], images[2], atol=1e-3)


def test_score_of_the_oracle_is_the_gradient_of_the_log_density():
    images = torch.rand(5, 1, 3, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    oracle = OracleDenoiser(images, torch.zeros(5, 2))
    x = torch.zeros(1, 1, 3, 3, dtype=torch.float64, requires_grad=True)
    sigma = torch.tensor([0.4], dtype=torch.float64)
    log_density = torch.logsumexp(-((x - images) ** 2).flatten(1).sum(1) / (2 * sigma**2), dim=0)
    (gradient,) = torch.autograd.grad(log_density, x)
    clean = oracle.denoise(x.detach(), sigma, oracle.encode_text([""]))
    assert torch.allclose((clean - x.detach()) / sigma**2, gradient)


def test_sampler_reaches_a_data_point():
    images = torch.rand(4, 3, 4, 4, generator=torch.Generator().manual_seed(2)) * 2 - 1
    oracle = OracleDenoiser(images, torch.zeros(4, 2))
    *_, x = sample(oracle, oracle.encode_text([""]), None, count=8, seed=3, steps=24, guidance=1.0)
    nearest = torch.cdist(x.flatten(1), images.flatten(1)).min(dim=1).values
    assert nearest.max() < 0.05


def test_guidance_moves_from_the_empty_prompt_along_the_text(encoder):
    torch.manual_seed(0)
    network = ConditionedUNet(TINY)
    torch.nn.init.normal_(network.unet.conv_out.weight, std=0.1)
    denoiser = EmbeddedDenoiser(network, encoder)
    x, sigma, view = torch.randn(2, 3, 16, 16), torch.tensor([0.5, 1.0]), torch.zeros(2, 2)
    text, empty = denoiser.encode_text(["a red chair"]), denoiser.encode_text([""])
    conditional = denoiser.denoise(x, sigma, text, view)
    free = denoiser.denoise(x, sigma, empty, view)
    guided = denoiser.denoise(x, sigma, text, view, guidance=3.0)
    assert torch.allclose(guided, free + 3 * (conditional - free), atol=1e-4)
    assert not torch.allclose(conditional, free, atol=1e-4)


@pytest.mark.parametrize("shard_bytes", [40_000, 10**9])
def test_export_round_trip(tmp_path, monkeypatch, shard_bytes):
    monkeypatch.setattr("pipelines.backbones.diffusion.SHARD_BYTES", shard_bytes)
    torch.manual_seed(0)
    network = ConditionedUNet(TINY)
    written = save_network(network, tmp_path, {"images": 640})
    loaded, about = load_network(tmp_path)
    assert about == {"images": 640}
    assert written == 2 * sum(p.numel() for p in network.parameters())
    assert (len(list(tmp_path.glob("unet-*.safetensors"))) > 1) == (shard_bytes < 10**9)
    for name, value in network.state_dict().items():
        assert torch.allclose(value, loaded.state_dict()[name], atol=1e-3)
