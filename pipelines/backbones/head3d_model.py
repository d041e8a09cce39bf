"""The networks of the 3D head generator: a small EG3D (arXiv 2112.07945) with transparency, an encoder, a
pose net.

code z [B, 102] -> MappingNetwork (its description) -> w [B, 109] -> TriPlaneBackbone -> planes
[B, 3, C, R, R] -> volume rendering at 64 x 64 -> SuperResolution -> RGBA 128 x 128. Colour is sRGB in 0..1
multiplied by alpha.
Unlike EG3D the mapping sees no camera: w is free of pose, so that latent edits are, too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipelines.backbones.head3d_description import DESCRIPTION_DIM, descriptions
from pipelines.backbones.head3d_volume import Rendering, camera_rays, volume_render

OUTPUT_SIZE = 128
RENDER_SIZE = 64
W_DIM = DESCRIPTION_DIM
BOX = 0.5  # the head's: [-BOX, BOX] in each axis
KNEE, REACH = 0.44, 0.66  # what lies between is pressed into the planes' rim: shoulders, the outermost hair
DENSITY_SCALE = 25.0
GAIN = math.sqrt(2)
LEAST_SPREAD = 0.2  # of a description's entry, where about one is usual; what hardly varies is not blown up


@dataclass(frozen=True)
class Config:
    """Sizes of the generator. `plane_size` must be 4 x 2^(len(channels) - 1); `coarse` and `fine` are
    samples per ray.
    """

    plane_size: int = 64
    plane_channels: int = 12
    channels: tuple[int, ...] = (192, 192, 128, 64, 32)
    features: int = 12
    super_channels: int = 24
    coarse: int = 20
    fine: int = 16
    z_dim: int = 102


CONFIGS = {
    64: Config(),
    128: Config(
        plane_size=128, plane_channels=16, channels=(256, 256, 192, 128, 96, 64), features=16,
        super_channels=48, coarse=28, fine=24,
    ),
}  # fmt: skip


class Linear(nn.Module):
    """Fully connected layer with equalised learning rate: weights ~ N(0, 1), scaled when used."""

    def __init__(self, inputs: int, outputs: int, bias: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs))
        self.bias = nn.Parameter(torch.full((outputs,), float(bias)))
        self.scale = 1 / math.sqrt(inputs)

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.weight * self.scale, self.bias)


class ModulatedConv(nn.Module):
    """StyleGAN2's modulated convolution, scaling activations in place of weights (no grouped convolution)."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, demodulate: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.affine = Linear(W_DIM, inputs, bias=1.0)
        self.scale = 1 / math.sqrt(inputs * kernel * kernel)
        self.demodulate = demodulate

    def forward(self, x: Tensor, w: Tensor, upsample: bool = False) -> Tensor:
        style, weight = self.affine(w), self.weight * self.scale
        x = functional.conv2d(
            x * style[:, :, None, None].to(x.dtype), weight.to(x.dtype), padding=weight.shape[-1] // 2
        )
        if self.demodulate:
            with torch.autocast(x.device.type, enabled=False):
                power = functional.linear(style.float().square(), weight.square().sum((2, 3)))
            x = x * torch.rsqrt(power + 1e-8)[:, :, None, None].to(x.dtype)
        if upsample:
            x = functional.interpolate(x, scale_factor=2, mode="bilinear")
        return x + self.bias[None, :, None, None].to(x.dtype)


def on_planes(points: Tensor) -> Tensor:
    """Points of the world [..., 3] in the planes' coordinates: evenly up to KNEE, and beyond it pressed
    together, so that REACH comes to lie on the border, at -1 and 1.
    """
    near = points.clamp(-KNEE, KNEE)
    return (near + (points - near) * (BOX - KNEE) / (REACH - KNEE)) / BOX


def activate(x: Tensor) -> Tensor:
    """Leaky ReLU that keeps the variance."""
    return functional.leaky_relu(x, 0.2) * GAIN


class MappingNetwork(nn.Module):
    """z [B, z_dim] standard normal -> w [B, W_DIM]: the description, each entry with mean 0 and spread 1
    (less where it hardly varies).

    Where EG3D learns a deep mapping, this learns nothing: the description is disentangled already. A learned
    one, even a linear one, mixes its entries, and then every weight that reads w has to tell from few
    pictures which part of the mixture it is after: the colours of clothes were not found so.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.z_dim = config.z_dim
        self.register_buffer("mean", torch.zeros(W_DIM))
        self.register_buffer("spread", torch.ones(W_DIM))

    def forward(self, z: Tensor, truncation: float = 1.0) -> Tensor:
        return truncation * (descriptions(z) - self.mean) / self.spread

    @torch.no_grad()
    def measure(self, codes: int = 4096) -> None:
        """Set the entries' mean and spread, over so many codes."""
        seen = descriptions(torch.randn(codes, self.z_dim, generator=torch.Generator().manual_seed(0)))
        self.mean.copy_(seen.mean(0))
        self.spread.copy_(seen.std(0).clamp_min(LEAST_SPREAD))


class TriPlaneBackbone(nn.Module):
    """w -> planes [B, 3, C, R, R]: StyleGAN2's skip generator, convolving before it enlarges."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        channels = config.channels
        if config.plane_size != 4 * 2 ** (len(channels) - 1):
            raise ValueError(f"{len(channels)} blocks make planes of {4 * 2 ** (len(channels) - 1)}")
        self.plane_channels = config.plane_channels
        self.constant = nn.Parameter(torch.randn(1, channels[0], 4, 4))
        self.up = nn.ModuleList(ModulatedConv(a, b) for a, b in pairwise(channels))
        self.conv = nn.ModuleList(ModulatedConv(c, c) for c in channels)
        self.to_planes = nn.ModuleList(
            ModulatedConv(c, 3 * config.plane_channels, kernel=1, demodulate=False) for c in channels
        )

    def forward(self, w: Tensor) -> Tensor:
        x = self.constant.expand(len(w), -1, -1, -1)
        planes = None
        for level, (conv, to_planes) in enumerate(zip(self.conv, self.to_planes, strict=True)):
            if level:
                x = activate(self.up[level - 1](x, w, upsample=True))
            x = activate(conv(x, w))
            own = to_planes(x, w)
            planes = (
                own
                if planes is None
                else functional.interpolate(planes, scale_factor=2, mode="bilinear") + own
            )
        return planes.view(len(w), 3, self.plane_channels, *planes.shape[-2:])


class Decoder(nn.Module):
    """Plane features at a point -> density and features; the first three features are the raw colour."""

    def __init__(self, config: Config, hidden: int = 32) -> None:
        super().__init__()
        self.hidden = Linear(config.plane_channels, hidden)
        self.density = Linear(hidden, 1, bias=-2.0)  # thin fog to begin with
        self.features = Linear(hidden, config.features)

    def forward(self, x: Tensor, want_features: bool) -> tuple[Tensor, Tensor | None]:
        x = activate(self.hidden(x))
        density = DENSITY_SCALE * functional.softplus(self.density(x)[..., 0] - 1)
        return density, torch.sigmoid(self.features(x)) * 1.002 - 0.001 if want_features else None


class SuperResolution(nn.Module):
    """Raw features [B, F, h, w] and alpha [B, 1, h, w] -> RGBA [B, 4, 2h, 2w], a residual on the enlarged
    raw picture.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        width = config.super_channels
        self.conv0 = ModulatedConv(config.features + 1, width)
        self.conv1 = ModulatedConv(width, width)
        self.to_rgba = ModulatedConv(width, 4, kernel=1, demodulate=False)

    def forward(self, features: Tensor, alpha: Tensor, w: Tensor) -> Tensor:
        raw = torch.cat([features[:, :3], alpha], 1)
        x = activate(self.conv0(torch.cat([features, alpha], 1), w, upsample=True))
        x = activate(self.conv1(x, w))
        return functional.interpolate(raw, scale_factor=2, mode="bilinear") + 0.1 * self.to_rgba(x, w)


@dataclass(frozen=True)
class Pictures:
    """rgba [B, 4, 2s, 2s]: colour times alpha, alpha, unclamped; raw [B, 4, s, s]; depth [B, s, s]; s = 64
    or the window's.
    """

    rgba: Tensor
    raw: Tensor
    depth: Tensor


class Generator(nn.Module):
    """z or w to pictures from any camera."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.mapping = MappingNetwork(config)
        self.backbone = TriPlaneBackbone(config)
        self.decoder = Decoder(config)
        self.super_resolution = SuperResolution(config)

    def planes(self, w: Tensor) -> Tensor:
        """w [B, W_DIM] -> planes [B, 3, C, R, R]."""
        return self.backbone(w)

    def field(
        self, planes: Tensor, points: Tensor, want_features: bool = True
    ) -> tuple[Tensor, Tensor | None]:
        """Density [B, n] and features [B, n, F] at points [B, n, 3] of the world; a plane is 0 for
        what lies beyond REACH in one of its two axes.

        Planes are (x, y), (x, z), (z, y); their features are averaged.
        """
        scaled = on_planes(points)  # in float32, also under autocast: half precision is too coarse here
        places = torch.stack([scaled[..., [0, 1]], scaled[..., [0, 2]], scaled[..., [2, 1]]], 1)
        sampled = functional.grid_sample(
            planes.flatten(0, 1).float(), places.flatten(0, 1)[:, None], align_corners=False
        )
        mean = sampled.view(len(planes), 3, planes.shape[2], -1).mean(1).transpose(1, 2)
        return self.decoder(mean, want_features)

    def raw(
        self, planes: Tensor, cam2world: Tensor, window: tuple[int, int, int] | None = None,
        generator: torch.Generator | None = None, size: int = RENDER_SIZE,
    ) -> Rendering:  # fmt: skip
        """Volume rendering at `size` x `size`, or of its `window` (top, left, side)."""
        origins, directions = camera_rays(cam2world, size, window)

        def field(points: Tensor, want_features: bool) -> tuple[Tensor, Tensor | None]:
            return self.field(planes, points, want_features)

        return volume_render(field, origins, directions, self.config.coarse, self.config.fine, generator)

    def pictures(
        self, planes: Tensor, w: Tensor, cam2world: Tensor, window: tuple[int, int, int] | None = None,
        generator: torch.Generator | None = None, size: int = RENDER_SIZE,
    ) -> Pictures:  # fmt: skip
        """Render planes [B, ...] of w [B, W_DIM] from cam2world [B, 4, 4]."""
        rendering = self.raw(planes, cam2world, window, generator, size)
        side = window[2] if window else size
        features = rendering.features.transpose(1, 2).reshape(len(w), -1, side, side)
        alpha = rendering.alpha.view(len(w), 1, side, side)
        rgba = self.super_resolution(features.to(planes.dtype), alpha.to(planes.dtype), w).float()
        return Pictures(
            rgba, torch.cat([features[:, :3], alpha], 1), rendering.depth.view(len(w), side, side)
        )


class _Tower(nn.Sequential):
    """64 x 64 pictures [B, 3, 64, 64] in 0..1 -> a flat vector."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        layers: list[nn.Module] = []
        for a, b in zip((3, *widths), widths, strict=False):
            layers += [nn.Conv2d(a, b, 3, stride=2, padding=1), nn.GroupNorm(8, b), nn.LeakyReLU(0.2)]
            layers += [nn.Conv2d(b, b, 3, padding=1), nn.LeakyReLU(0.2)]
        side = RENDER_SIZE // 2 ** len(widths)
        super().__init__(*layers, nn.Flatten(), nn.Linear(widths[-1] * side * side, 256), nn.LeakyReLU(0.2))

    def forward(self, image: Tensor) -> Tensor:
        return super().forward(2 * image - 1)


class Encoder(nn.Module):
    """Picture [B, 3, 64, 64] on any background -> w [B, W_DIM]."""

    def __init__(self) -> None:
        super().__init__()
        self.tower = _Tower((48, 96, 144, 192))
        self.head = nn.Linear(256, W_DIM)

    def forward(self, image: Tensor) -> Tensor:
        return self.head(self.tower(image))


class PoseNetwork(nn.Module):
    """P: picture [B, 3, 64, 64] -> yaw and pitch [B, 2] in radians."""

    def __init__(self) -> None:
        super().__init__()
        self.tower = _Tower((16, 32, 48, 64))
        self.head = nn.Linear(256, 2)

    def forward(self, image: Tensor) -> Tensor:
        return 0.5 * self.head(self.tower(image))


class Discriminator(nn.Module):
    """D: RGBA and enlarged raw RGBA [B, 8, s, s], views [B, 2], places [B, 2, s, s] -> logits [B] (dual
    discrimination).

    `views` are yaw and pitch in radians, taken in by projection. `places` are the picture coordinates, so
    that windows of a picture can be judged.
    """

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.stem = nn.Conv2d(10, widths[0], 3, padding=1)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(a, a, 3, padding=1), nn.LeakyReLU(0.2),
                nn.Conv2d(a, b, 3, padding=1), nn.LeakyReLU(0.2),
            )
            for a, b in pairwise(widths)
        )  # fmt: skip
        self.skips = nn.ModuleList(nn.Conv2d(a, b, 1, bias=False) for a, b in pairwise(widths))
        self.last = nn.Conv2d(widths[-1] + 1, widths[-1], 3, padding=1)
        self.out = nn.Linear(widths[-1], 1)
        self.view = nn.Sequential(nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, widths[-1]))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, a=0.2)  # PyTorch's own would dim layer after layer

    def forward(self, rgba: Tensor, raw: Tensor, views: Tensor, places: Tensor) -> Tensor:
        enlarged = functional.interpolate(raw, size=rgba.shape[-2:], mode="bilinear")
        x = functional.leaky_relu(self.stem(torch.cat([rgba, enlarged, places], 1)), 0.2)
        for block, skip in zip(self.blocks, self.skips, strict=True):
            x = functional.avg_pool2d(block(x) + skip(x), 2) / GAIN
        # Not std: where a batch shows the same everywhere, R1 would differentiate the root of zero.
        spread = (x.float().var(0, correction=0) + 1e-8).sqrt().mean().to(x.dtype)
        spread = spread.expand(len(x), 1, *x.shape[-2:])
        x = functional.leaky_relu(self.last(torch.cat([x, spread], 1)), 0.2).mean((2, 3))
        return self.out(x)[:, 0] + (self.view(views) * x).sum(1) / math.sqrt(x.shape[1])
