"""Inversion by optimisation: gradient steps from the encoder's w on, towards a render that is the picture.

The encoder guesses all of w at once from what it has learnt; the generator itself says how well w fits.
Together they are the usual hybrid inversion of GANs.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional

from pipelines.backbones.head3d_model import Generator

RATE, LEAST_RATE = 0.15, 0.0075  # of Adam, in w's own spread of one: it falls by RATE, towards LEAST_RATE
BETAS = (0.8, 0.95)
PRIOR_WEIGHT = 0.05  # of the squared distance to the encoder's w, which keeps what the picture does not show
SOFT = 1e-2  # below it, an error counts squared
CLEAR = 0.05  # alpha below which a pixel shows the picture's own background


def refine(
    generator: Generator, w: Tensor, cam2world: Tensor, picture: Tensor, steps: int
) -> Iterator[Tensor]:
    """Yield w [1, W_DIM] after each of `steps` gradient steps.

    w [1, W_DIM] is the encoder's, cam2world [1, 4, 4] stays, picture [1, 3, 64, 64] in 0..1. Compared is the
    raw colour over the background that `backdrop` finds; the generator's weights are left alone.
    """
    with torch.inference_mode(False):  # the caller may be in it
        start, cam2world, picture = (given.detach().clone() for given in (w, cam2world, picture))
        w, ground = start.clone().requires_grad_(True), None
        optimizer = torch.optim.Adam([w], lr=RATE, betas=BETAS)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = RATE * (1 - step / steps) + LEAST_RATE
        with torch.inference_mode(False), torch.enable_grad():
            rendering = generator.raw(generator.planes(w), cam2world)
            alpha = rendering.alpha.view_as(picture[:, :1])
            if ground is None:
                ground = backdrop(picture, alpha.detach())
            colour = rendering.features[..., :3].transpose(1, 2).reshape(picture.shape)
            error = colour + ground * (1 - alpha) - picture
            loss = (error.square() + SOFT**2).sqrt().mean()
            loss = loss + PRIOR_WEIGHT * (w - start).square().mean()
            (w.grad,) = torch.autograd.grad(loss, w)
            optimizer.step()
        yield w.detach().clone()


def backdrop(picture: Tensor, alpha: Tensor) -> Tensor:
    """What would be seen without the head, [n, 3, s, s]: the picture where alpha [n, 1, s, s] and its
    neighbours' are low, and elsewhere the mean of the nearest such pixels; the picture's mean if there are
    none.
    """
    known = (functional.max_pool2d(alpha, 5, 1, 2) < CLEAR).to(picture)
    kept, found, filled = picture * known, known, picture * known
    side = 3
    while side < 2 * picture.shape[-1]:
        share = functional.avg_pool2d(known, side, 1, side // 2)
        new = (share > 0.5 / side**2) & (found == 0)
        mean = functional.avg_pool2d(kept, side, 1, side // 2) / share.clamp_min(1e-6)
        filled, found = torch.where(new, mean, filled), torch.where(new, 1.0, found)
        side = 2 * side + 1
    return torch.where(found == 1, filled, picture.mean((2, 3), keepdim=True))
