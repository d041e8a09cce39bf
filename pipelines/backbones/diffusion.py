"""Text-to-image denoisers D(x; σ) behind one interface, and a sampler.

A denoiser returns the expected clean image given a noisy one, x = image + σ·noise, so that
(D(x; σ) - x) / σ² is the score of the noisy images (Karras et al. 2022, EDM, Eq. 3).
"""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from pipelines.backbones import sentences
from pipelines.runtime import fast_bfloat16, load_once
from pipelines.weights import ASSETS, weights_file

SIGMA_DATA = 0.5
WHITE = 1.0
VIEW_WIDTH = 10
# Beside 384 text entries of size 1, ten of the view would be learnt far too slowly.
VIEW_GAIN = 6.0
HEADS = 4
SHARD_BYTES = 15 * 2**20
NAME = "backbones/diffusion"


@dataclass(frozen=True)
class Text:
    """A text condition for n images: states [n, tokens, width]; mask bool [n, tokens] or None, False on
    padding; pooled [n, width] or None."""

    states: Tensor
    mask: Tensor | None = None
    pooled: Tensor | None = None

    def map(self, function: Callable[[Tensor], Tensor]) -> Text:
        """The condition with `function` applied to each of its tensors."""
        return Text(
            *(None if part is None else function(part) for part in (self.states, self.mask, self.pooled))
        )

    def expand(self, count: int) -> Text:
        """One text for `count` images; a condition that already has `count` rows stays as it is."""
        return self.map(lambda part: part.expand(count, *part.shape[1:]))


class Denoiser(ABC):
    """D(x; σ) of a text-to-image model. x is float32 [n, channels, image_size, image_size]: pixels in -1..1,
    or latents."""

    image_size: int
    channels: int
    sigma_min: float
    sigma_max: float
    continuous_views: bool = False  # whether `view` has an effect; if not, say the view in the prompt

    @abstractmethod
    def encode_text(self, prompts: Sequence[str]) -> Text:
        """The condition for n prompts; "" is the unconditional one."""

    @abstractmethod
    def encode(self, images: Tensor) -> Tensor:
        """Images [n, 3, H, W] in 0..1 -> x."""

    @abstractmethod
    def decode(self, x: Tensor) -> Tensor:
        """x -> images [n, 3, H, W] in 0..1."""

    @abstractmethod
    def _denoise(self, x: Tensor, sigma: Tensor, text: Text, view: Tensor | None) -> Tensor: ...

    @torch.inference_mode()
    def denoise(
        self, x: Tensor, sigma: Tensor, text: Text, view: Tensor | None = None, guidance: float = 1.0
    ) -> Tensor:
        """The expected clean x.

        sigma [n] > 0; text of n rows or one; view [n, 2]: azimuth and elevation in radians, or None for any
        view. guidance s > 1 moves along the text: D_∅ + s (D_text - D_∅), where ∅ is the empty prompt under
        the same view (classifier-free guidance); 1 is the plain conditional expectation.
        """
        count = len(x)
        text = text.expand(count)
        if guidance == 1.0:
            return self._denoise(x, sigma, text, view)
        empty = self._empty_text().expand(count)
        both = _stack(text, empty)
        twice = None if view is None else torch.cat([view, view])
        conditional, free = self._denoise(torch.cat([x, x]), torch.cat([sigma, sigma]), both, twice).chunk(2)
        return free + guidance * (conditional - free)

    def _empty_text(self) -> Text:
        if not hasattr(self, "_empty"):
            self._empty = self.encode_text([""])
        return self._empty


def _stack(first: Text, second: Text) -> Text:
    """Two conditions one after the other, padded to the same number of tokens."""
    tokens = max(first.states.shape[1], second.states.shape[1])

    def pad(part: Tensor) -> Tensor:
        shape = (part.shape[0], tokens - part.shape[1], *part.shape[2:])
        return torch.cat([part, part.new_zeros(shape)], dim=1)

    states = torch.cat([pad(first.states), pad(second.states)])
    mask = None if first.mask is None else torch.cat([pad(first.mask), pad(second.mask)])
    pooled = None if first.pooled is None else torch.cat([first.pooled, second.pooled])
    return Text(states, mask, pooled)


# Embedded model
# ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class UNetConfig:
    """Shape of the embedded network: picture side, pixel-unshuffle factor, channels per level, the levels
    that look at the text (coarsest last), residual blocks per level."""

    size: int
    patch: int
    channels: tuple[int, ...]
    attention: tuple[bool, ...]
    layers: int = 1
    text_width: int = sentences.WIDTH


# Chosen for what they cost on a CPU: two cores train the smaller one at about 70 images a second.
CONFIGS = {
    32: UNetConfig(32, 2, (64, 128, 192), (False, True, True)),
    64: UNetConfig(64, 2, (48, 96, 160, 224), (False, False, True, True)),
}


class ConditionedUNet(nn.Module):
    """U-Net under EDM preconditioning. Text enters by cross-attention at the coarse levels and, pooled,
    together with the view through the time embedding."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        channels = 3 * config.patch**2
        self.unet = UNet2DConditionModel(
            sample_size=config.size // config.patch,
            in_channels=channels,
            out_channels=channels,
            block_out_channels=config.channels,
            layers_per_block=config.layers,
            down_block_types=["CrossAttnDownBlock2D" if a else "DownBlock2D" for a in config.attention],
            up_block_types=["CrossAttnUpBlock2D" if a else "UpBlock2D" for a in reversed(config.attention)],
            cross_attention_dim=config.text_width,
            attention_head_dim=HEADS,  # in this class the number of heads, in spite of its name
            norm_num_groups=16,
            resnet_time_scale_shift="scale_shift",
            class_embed_type="projection",
            projection_class_embeddings_input_dim=config.text_width + VIEW_WIDTH,
        )
        # At these sizes the fused attention is slower on a CPU.
        self.unet.set_attn_processor(AttnProcessor())
        nn.init.zeros_(self.unet.conv_out.weight)
        nn.init.zeros_(self.unet.conv_out.bias)

    def forward(self, x: Tensor, sigma: Tensor, text: Text, view: Tensor) -> Tensor:
        """x [n, 3, size, size], sigma [n], text of n rows, view [n, 2] with NaN rows where unknown -> D(x;
        σ)."""
        c_skip, c_out, c_in, c_noise = preconditioning(sigma)
        # Unit-length vectors of width w have entries of size 1/√w.
        pooled = text.pooled * math.sqrt(self.config.text_width)
        labels = torch.cat([pooled, view_features(view)], dim=1)
        # With white as the origin, pictures have about the second moment σ_data², and padding is background.
        x = x - WHITE
        inner = pixel_unshuffle(c_in * x, self.config.patch).contiguous(memory_format=torch.channels_last)
        # The time embedding's frequencies are made for steps 0..1000.
        raw = self.unet(inner, 1000 * c_noise, text.states, labels, encoder_attention_mask=text.mask).sample
        return WHITE + c_skip * x + c_out * pixel_shuffle(raw.float(), self.config.patch)


def preconditioning(sigma: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """EDM Table 1: c_skip, c_out, c_in, each [n, 1, 1, 1], and c_noise [n]."""
    s = sigma[:, None, None, None]
    total = s**2 + SIGMA_DATA**2
    return SIGMA_DATA**2 / total, s * SIGMA_DATA * total.rsqrt(), total.rsqrt(), sigma.log() / 4


def loss_weight(sigma: Tensor) -> Tensor:
    """EDM Table 1: λ(σ) = (σ² + σ_data²) / (σ σ_data)², [n, 1, 1, 1]; then the network's own target has unit
    variance."""
    return ((sigma**2 + SIGMA_DATA**2) / (sigma * SIGMA_DATA) ** 2)[:, None, None, None]


def view_features(view: Tensor) -> Tensor:
    """View [n, 2], azimuth and elevation in radians -> [n, VIEW_WIDTH]: three harmonics of the azimuth,
    three of the elevation, and 1 for "known", all times VIEW_GAIN. A NaN row is an unknown view: zeros."""
    azimuth, elevation = torch.nan_to_num(view).unbind(dim=1)
    parts = [wave(k * azimuth) for k in (1, 2, 4) for wave in (torch.sin, torch.cos)]
    parts += [torch.sin(k * elevation) for k in (1, 2, 4)]
    features = VIEW_GAIN * torch.stack([*parts, torch.ones_like(azimuth)], dim=1)
    return features * (~view.isnan().any(dim=1, keepdim=True))


class EmbeddedDenoiser(Denoiser):
    """Our own small model: pixels, MiniLM text states, continuous views."""

    continuous_views = True
    sigma_min, sigma_max = 0.03, 20.0

    def __init__(self, network: ConditionedUNet, encoder: sentences.SentenceEncoder | None = None) -> None:
        self.network = network.eval().requires_grad_(False).to(memory_format=torch.channels_last)
        self.image_size, self.channels = network.config.size, 3
        self._encoder = encoder

    def encode_text(self, prompts: Sequence[str]) -> Text:
        encoder = self._encoder or sentences.load()
        encoded = encoder.encode(prompts)
        device = next(self.network.parameters()).device
        return Text(encoded.states, encoded.mask, encoded.pooled).map(lambda part: part.to(device))

    def encode(self, images: Tensor) -> Tensor:
        return images * 2 - 1

    def decode(self, x: Tensor) -> Tensor:
        return ((x + 1) / 2).clamp(0, 1)

    def _denoise(self, x: Tensor, sigma: Tensor, text: Text, view: Tensor | None) -> Tensor:
        if view is None:
            view = x.new_full((len(x), 2), math.nan)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=fast_bfloat16(x.device.type)):
            return self.network(x, sigma, text, view)


@load_once
def load(device: str = "cpu") -> EmbeddedDenoiser:
    """The embedded model that ships in assets/backbones/diffusion/."""
    network, _ = load_network(ASSETS / NAME)
    return EmbeddedDenoiser(network.to(device))


def save_network(network: ConditionedUNet, directory: Path, about: dict[str, object]) -> int:
    """Write config.json (the network's shape and `about`) and half-precision weights in shards of at most
    SHARD_BYTES, unet-00.safetensors, ...; returns the weights' bytes."""
    directory.mkdir(parents=True, exist_ok=True)
    for old in directory.glob("unet-*.safetensors"):
        old.unlink()
    shards: list[dict[str, Tensor]] = [{}]
    filled = 0
    for key, value in network.state_dict().items():
        half = value.detach().to("cpu", torch.float16).contiguous()
        if filled + half.nbytes > SHARD_BYTES:
            shards.append({})
            filled = 0
        shards[-1][key] = half
        filled += half.nbytes
    for index, shard in enumerate(shards):
        save_file(shard, directory / f"unet-{index:02d}.safetensors")
    text = json.dumps({"network": asdict(network.config), **about}, indent=2) + "\n"
    (directory / "config.json").write_text(text, encoding="utf-8")
    return sum(value.nbytes for shard in shards for value in shard.values())


def load_network(directory: Path) -> tuple[ConditionedUNet, dict[str, object]]:
    """Undo save_network: the network in float32 and what `about` said."""
    about = json.loads((directory / "config.json").read_text(encoding="utf-8"))
    shape = about.pop("network")
    network = ConditionedUNet(
        UNetConfig(**shape | {key: tuple(shape[key]) for key in ("channels", "attention")})
    )
    weights: dict[str, Tensor] = {}
    for shard in sorted(directory.glob("unet-*.safetensors")):
        checked = weights_file(NAME, shard.name) if directory == ASSETS / NAME else shard
        weights |= load_file(checked)
    network.load_state_dict({key: value.float() for key, value in weights.items()})
    return network, about


# Closed form
# ---------------------------------------------------------------------------------------------------------


class OracleDenoiser(Denoiser):
    """The exact posterior mean when the data are `images` [m, 3, s, s] in -1..1, all equally likely, for
    tests.

    D(x; σ) = Σ w_i y_i with w = softmax(-‖x - y_i‖² / 2σ²) (EDM Eq. 57). Given a view, only the images in
    the same quadrant of azimuth count, as if the prompt named it. Texts have no effect.
    """

    continuous_views = True
    sigma_min, sigma_max = 0.03, 20.0

    def __init__(self, images: Tensor, views: Tensor) -> None:
        self.images, self.quadrants = images, _quadrant(views[:, 0])
        self.channels, self.image_size = images.shape[1], images.shape[-1]

    def encode_text(self, prompts: Sequence[str]) -> Text:
        return Text(self.images.new_zeros(len(prompts), 1, 1))

    def encode(self, images: Tensor) -> Tensor:
        return images * 2 - 1

    def decode(self, x: Tensor) -> Tensor:
        return ((x + 1) / 2).clamp(0, 1)

    def _denoise(self, x: Tensor, sigma: Tensor, text: Text, view: Tensor | None) -> Tensor:
        flat, data = x.flatten(1), self.images.flatten(1)
        distance = (flat**2).sum(1, keepdim=True) - 2 * flat @ data.T + (data**2).sum(1)
        logits = -distance / (2 * sigma[:, None] ** 2)
        if view is not None:
            logits = logits.masked_fill(_quadrant(view[:, 0])[:, None] != self.quadrants, -math.inf)
        return (logits.softmax(dim=1) @ data).reshape(x.shape)


def _quadrant(azimuth: Tensor) -> Tensor:
    return torch.floor((torch.rad2deg(azimuth) + 45) % 360 / 90)


# Sampling
# ------------------------------------------------------------------------------------------------------------


def sample(
    denoiser: Denoiser,
    text: Text,
    view: Tensor | None,
    count: int,
    seed: int,
    steps: int = 18,
    guidance: float = 2.0,
) -> Iterator[Tensor]:
    """Draw `count` images by Heun's method on the probability-flow ODE (EDM Algorithm 1, ρ = 7).

    Yields x's present clean estimate after each of the `steps` steps; the last one is the sample.
    """
    device = text.states.device
    generator = torch.Generator().manual_seed(seed)
    shape = (count, denoiser.channels, denoiser.image_size, denoiser.image_size)
    ramp = torch.linspace(denoiser.sigma_max ** (1 / 7), denoiser.sigma_min ** (1 / 7), steps) ** 7
    sigmas = [*ramp.tolist(), 0.0]
    x = torch.randn(shape, generator=generator).to(device) * sigmas[0]
    for now, after in pairwise(sigmas):
        clean = denoiser.denoise(x, x.new_full((count,), now), text, view, guidance)
        slope = (x - clean) / now
        moved = x + (after - now) * slope
        if after > 0:
            again = denoiser.denoise(moved, x.new_full((count,), after), text, view, guidance)
            moved = x + (after - now) * 0.5 * (slope + (moved - again) / after)
        x = moved
        yield clean if after > 0 else x
