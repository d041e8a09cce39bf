"""The Stable Diffusion path on a tiny random model: latent field, words for views, decoded pictures, baked
colours."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from pipelines.backbones.diffusion_hub import StableDiffusionDenoiser
from pipelines.sjc import generate
from pipelines.sjc.bake import bake
from pipelines.sjc.field import LATENT_FIELD, VoxelField
from pipelines.sjc.mesh import surface
from pipelines.sjc.recipes import official, recipe_for


class Tokenizer:
    model_max_length = 8

    def __call__(self, texts, **_):
        ids = [[ord(character) % 16 for character in text.ljust(8)[:8]] for text in texts]
        return SimpleNamespace(input_ids=torch.tensor(ids))


@pytest.fixture(scope="module")
def stable_diffusion() -> StableDiffusionDenoiser:
    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(8, 16),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=16,
        attention_head_dim=4,
        norm_num_groups=4,
    )
    autoencoder = AutoencoderKL(
        block_out_channels=(8, 16),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        norm_num_groups=4,
        latent_channels=4,
    )
    text_encoder = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=16,
            hidden_size=16,
            intermediate_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            max_position_embeddings=8,
        )
    )
    scheduler = DDPMScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012)
    return StableDiffusionDenoiser(unet, autoencoder, text_encoder, Tokenizer(), scheduler)


def test_the_papers_constants(stable_diffusion):
    recipe = recipe_for(stable_diffusion, "normal")
    assert recipe.iterations == 10_000 and recipe.guidance == 100 and recipe.resolutions == ((0.0, 100),)
    assert recipe.sigma.levels[0] == pytest.approx(0.17, abs=0.08)
    assert recipe.sigma.levels[-1] == pytest.approx(13, abs=1.5)
    assert np.degrees(recipe.cameras.elevation) == pytest.approx([-6.4, 90], abs=0.1)


def test_a_latent_field_is_optimised_decoded_and_painted(stable_diffusion, monkeypatch):
    def short(levels, iterations):
        return replace(official(levels, 4), resolutions=((0.0, 16),))

    monkeypatch.setattr("pipelines.sjc.recipes.official", short)
    *reports, result = generate("a dog", seed=1, denoiser=stable_diffusion)
    assert result.settings.views == "words", "Stable Diffusion knows views from words only"
    assert result.field.grid.shape == (1, 5, 16, 16, 16)
    assert torch.isfinite(result.field.grid).all()
    assert result.frames.shape[1:] == (32, 32, 3), "decoded, larger than the latents"
    assert any(report.preview is not None for report in reports)


class ColourfulDecoder(StableDiffusionDenoiser):
    """Decodes the first three latents as colours."""

    image_size, channels = 48, 4

    def __init__(self) -> None: ...

    def decode(self, x):
        return torch.nn.functional.interpolate((x[:, :3] / 2 + 0.5).clamp(0, 1), scale_factor=2)


def test_baked_colours_are_those_of_the_decoded_pictures():
    side = 32
    axis = (torch.arange(side) + 0.5) / side * 2 - 1
    z, y, x = torch.meshgrid(axis, axis, axis, indexing="ij")
    grid = torch.zeros(1, 5, side, side, side)
    grid[0, 0] = torch.where((x**2 + y**2 + z**2).sqrt() < 0.5, 200.0, -50.0)
    grid[0, 1] = torch.where(x < 0, 1.0, -1.0)  # red on the left
    grid[0, 2] = torch.where(z > 0, 1.0, -1.0)  # green in front
    field = VoxelField(LATENT_FIELD, grid).requires_grad_(False)
    shape = surface(field)
    *_, colours = bake(field, ColourfulDecoder(), shape)
    clear = (np.abs(shape.vertices[:, [0, 2]]) > 0.12).all(axis=1) & (shape.vertices[:, 1] > -0.3)
    places, painted = shape.vertices[clear], colours[clear]
    assert ((painted[:, 0] > 0.5) == (places[:, 0] < 0)).mean() > 0.97
    assert ((painted[:, 1] > 0.5) == (places[:, 2] > 0)).mean() > 0.97
    assert np.isfinite(colours).all()
