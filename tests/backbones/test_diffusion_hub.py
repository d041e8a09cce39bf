"""The Stable Diffusion path, on a tiny random model saved in the published layout."""

from __future__ import annotations

import json

import pytest
import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from pipelines.backbones import diffusion_hub
from pipelines.backbones.diffusion import sample


@pytest.fixture(scope="module", params=["epsilon", "v_prediction"])
def denoiser(request, tmp_path_factory) -> diffusion_hub.StableDiffusionDenoiser:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("stable-diffusion")
    UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(8, 16),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=16,
        attention_head_dim=4,
        norm_num_groups=4,
    ).save_pretrained(folder / "unet")
    AutoencoderKL(
        block_out_channels=(8, 16),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        norm_num_groups=4,
        latent_channels=4,
    ).save_pretrained(folder / "vae")
    words = ["<|startoftext|>", "<|endoftext|>", "a</w>", "d", "o", "g</w>", "do", "dog</w>", "!"]
    (folder / "tokenizer").mkdir()
    (folder / "tokenizer/vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}))
    (folder / "tokenizer/merges.txt").write_text("#version: 0.2\nd o\ndo g</w>\n")
    settings = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 12, "pad_token": "<|endoftext|>"}
    (folder / "tokenizer/tokenizer_config.json").write_text(json.dumps(settings))
    CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(words),
            hidden_size=16,
            intermediate_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            max_position_embeddings=12,
            bos_token_id=0,
            eos_token_id=1,
        )
    ).save_pretrained(folder / "text_encoder")
    DDPMScheduler(
        beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, prediction_type=request.param
    ).save_pretrained(folder / "scheduler")
    return diffusion_hub.load(folder, device="cpu")


def test_noise_levels_are_the_papers(denoiser):
    assert denoiser.sigma_max == pytest.approx(14.6, abs=0.1)
    assert denoiser.ticks[30].item() == pytest.approx(0.173, abs=0.02)
    level, step = denoiser.snap(denoiser.ticks[[0, 500, 999]] * 1.0001)
    assert step.tolist() == [0, 500, 999]
    assert torch.equal(level, denoiser.ticks[[0, 500, 999]])


def test_denoised_latent_is_the_models_own_clean_estimate(denoiser):
    text = denoiser.encode_text(["a dog"])
    step = torch.tensor([500])
    sigma = denoiser.ticks[step]
    x = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    scheduler = DDPMScheduler(
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        prediction_type=denoiser.prediction,
        clip_sample=False,
    )
    scaled = x / (1 + sigma**2).sqrt()
    raw = denoiser.unet(scaled, 500, text.states).sample
    expected = scheduler.step(raw, 500, scaled).pred_original_sample
    assert torch.allclose(denoiser.denoise(x, sigma, text), expected, atol=1e-4)


def test_guidance_sampling_and_decoding_run(denoiser):
    text = denoiser.encode_text(["a dog"])
    *_, x = sample(denoiser, text, None, count=2, seed=0, steps=3, guidance=7.5)
    images = denoiser.decode(x)
    assert images.shape == (2, 3, 16, 16)
    assert images.min() >= 0 and images.max() <= 1
    assert denoiser.encode(images).shape == x.shape
    *_, again = sample(denoiser, text, None, count=2, seed=0, steps=3, guidance=7.5)
    assert torch.equal(x, again)
