"""What training minimises: reconstruction with transparency, gradients and depth; and the adversarial
terms.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from pipelines.backbones.head3d_model import RENDER_SIZE, Discriminator, Pictures

Window = tuple[int, int, int] | None

RAW_WEIGHT = 0.5
GRADIENT_WEIGHT = 1.0
DEPTH_WEIGHT = 2.0
MARGIN = 4  # output pixels that lack neighbours, at a border of a window that is none of the picture's


def crop(images: Tensor, window: Window, factor: int) -> Tensor:
    """The part of images [..., factor * 64, factor * 64] that `window` (top, left, side, in render pixels)
    shows.
    """
    if window is None:
        return images
    top, left, side = (factor * value for value in window)
    return images[..., top : top + side, left : left + side]


def inner(window: Window) -> tuple[slice, slice]:
    """Rows and columns of a window's output pixels whose neighbours were drawn, too."""
    if window is None:
        return slice(None), slice(None)
    *places, side = window
    rows, columns = (
        slice(MARGIN if place else 0, None if place + side == RENDER_SIZE else -MARGIN) for place in places
    )
    return rows, columns


def reconstruction_losses(
    pictures: Pictures, rgba: Tensor, depth: Tensor, window: Window
) -> dict[str, Tensor]:
    """L1 of RGBA, raw RGBA, RGBA's differences, and depth where the target is covered; each already weighted.

    rgba [n, 4, 128, 128], depth [n, 64, 64] are whole targets.
    """
    target = crop(rgba, window, 2)
    error = (pictures.rgba - target)[..., *inner(window)]
    steps = error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()
    target_depth = crop(depth, window, 1)
    covered = target_depth > 0
    depth_error = ((pictures.depth - target_depth).abs() * covered).sum() / covered.sum().clamp_min(1)
    return {
        "rgba": error.abs().mean(),
        "raw": RAW_WEIGHT * (pictures.raw - functional.avg_pool2d(target, 2)).abs().mean(),
        "gradient": GRADIENT_WEIGHT * steps,
        "depth": DEPTH_WEIGHT * depth_error,
    }


def halved(depth: Tensor) -> Tensor:
    """Depth [n, s, s] at half size: the mean of four pixels, 0 unless all four are covered."""
    covered = functional.avg_pool2d((depth > 0).float(), 2)
    return functional.avg_pool2d(depth, 2) * (covered == 1)


def places(window: Window, count: int, like: Tensor) -> Tensor:
    """Picture coordinates in -1..1 of a window's output pixels, [count, 2, s, s]."""
    line = torch.linspace(-1, 1, 2 * RENDER_SIZE, device=like.device)
    grid = torch.stack(torch.meshgrid(line, line, indexing="ij"))
    return crop(grid, window, 2).expand(count, -1, -1, -1)


def judge(discriminator: Discriminator, rgba: Tensor, raw: Tensor, views: Tensor, window: Window) -> Tensor:
    """Logits of D for pictures that are already cropped to the window."""
    return discriminator(rgba, raw, views, places(window, len(rgba), rgba)).float()


def real_inputs(rgba: Tensor, window: Window) -> tuple[Tensor, Tensor]:
    """What D sees of whole real pictures [n, 4, 128, 128]: the window, and its halved version as raw."""
    part = crop(rgba, window, 2)
    return part, functional.avg_pool2d(part, 2)


def r1_penalty(discriminator: Discriminator, rgba: Tensor, views: Tensor, window: Window) -> Tensor:
    """E ||grad D(real)||^2 (R1)."""
    rgba = rgba.detach().requires_grad_(True)
    part, raw = real_inputs(rgba, window)
    logits = judge(discriminator, part, raw, views, window)
    (gradient,) = torch.autograd.grad(logits.sum(), rgba, create_graph=True)
    return gradient.square().sum((1, 2, 3)).mean()
