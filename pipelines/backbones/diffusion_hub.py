"""Stable Diffusion behind the denoiser interface: its published weights, read with diffusers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer

from pipelines.backbones.diffusion import Denoiser, Text
from pipelines.runtime import load_once

REPOSITORY = "stable-diffusion-v1-5/stable-diffusion-v1-5"
REVISION = "451f4fe16113bff5a5d2269ed5ad43b0592e9a14"


class StableDiffusionDenoiser(Denoiser):
    """A latent ε- or v-predicting model in the variance-exploding form: x = latent + σ·noise.

    σ is snapped to the nearest of the model's own noise levels u_t = √((1 - ᾱ_t) / ᾱ_t). Views go into the
    prompt.
    """

    def __init__(
        self,
        unet: UNet2DConditionModel,
        autoencoder: AutoencoderKL,
        text_encoder: CLIPTextModel,
        tokenizer: CLIPTokenizer,
        scheduler: DDPMScheduler,
    ) -> None:
        for part in (unet, autoencoder, text_encoder):
            part.eval().requires_grad_(False)
        self.unet, self.autoencoder = unet, autoencoder
        self.text_encoder, self.tokenizer = text_encoder, tokenizer
        self.prediction = scheduler.config.prediction_type
        cumulative = scheduler.alphas_cumprod.double()
        self.ticks = ((1 - cumulative) / cumulative).sqrt().float()
        self.sigma_min, self.sigma_max = self.ticks[0].item(), self.ticks[-1].item()
        self.image_size, self.channels = unet.config.sample_size, unet.config.in_channels

    @property
    def device(self) -> torch.device:
        """Where the U-Net is."""
        return self.unet.device

    def encode_text(self, prompts: Sequence[str]) -> Text:
        length = self.tokenizer.model_max_length
        batch = self.tokenizer(
            list(prompts), padding="max_length", max_length=length, truncation=True, return_tensors="pt"
        )
        with torch.inference_mode():
            return Text(self.text_encoder(batch.input_ids.to(self.device)).last_hidden_state.float())

    def encode(self, images: Tensor) -> Tensor:
        """Images [n, 3, H, W] in 0..1 -> mean latents [n, 4, H/8, W/8] at unit variance."""
        pixels = (images * 2 - 1).to(self.device, self.autoencoder.dtype)
        with torch.inference_mode():
            latents = self.autoencoder.encode(pixels).latent_dist.mean
        return latents.float() * self.autoencoder.config.scaling_factor

    def decode(self, x: Tensor) -> Tensor:
        latents = (x / self.autoencoder.config.scaling_factor).to(self.device, self.autoencoder.dtype)
        with torch.inference_mode():
            return (self.autoencoder.decode(latents).sample.float() / 2 + 0.5).clamp(0, 1)

    def snap(self, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """The nearest noise levels the model knows [n], and their steps [n]."""
        step = (self.ticks[None].to(sigma) - sigma[:, None]).abs().argmin(dim=1)
        return self.ticks.to(sigma)[step], step

    def _denoise(self, x: Tensor, sigma: Tensor, text: Text, view: Tensor | None) -> Tensor:
        level, step = self.snap(sigma)
        level = level[:, None, None, None]
        scale = (1 + level**2).rsqrt()  # √ᾱ: the model's input has unit variance
        states = text.states.to(self.unet.dtype)
        raw = self.unet((x * scale).to(self.unet.dtype), step, states).sample.to(x)
        if self.prediction == "v_prediction":
            return scale**2 * x - scale * level * raw
        return x - level * raw


@load_once
def load(
    source: str | Path = REPOSITORY, revision: str | None = REVISION, device: str = "cuda"
) -> StableDiffusionDenoiser:
    """Stable Diffusion from the hub or from a directory in diffusers' layout; half precision on a GPU.

    Downloads if it must. Raises OSError if the weights can't be had.
    """
    dtype = torch.float16 if device == "cuda" else torch.float32
    pinned = {"revision": revision if source == REPOSITORY else None}

    def part(kind, folder: str, **options):
        return kind.from_pretrained(source, subfolder=folder, **pinned, **options)

    unet = part(UNet2DConditionModel, "unet", torch_dtype=dtype, use_safetensors=True)
    # The autoencoder overflows in half precision.
    autoencoder = part(AutoencoderKL, "vae", torch_dtype=torch.float32, use_safetensors=True)
    text_encoder = part(CLIPTextModel, "text_encoder", torch_dtype=dtype, use_safetensors=True)
    tokenizer = part(CLIPTokenizer, "tokenizer")
    scheduler = part(DDPMScheduler, "scheduler")
    return StableDiffusionDenoiser(
        unet.to(device), autoencoder.to(device), text_encoder.to(device), tokenizer, scheduler
    )
