"""The measures of head3d_evaluate that need no judge: kernel distance, depth, consistency between views."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pipelines.backbones.head3d import Camera, HeadView
from pipelines.backbones.head3d_camera import FOCAL, pixel_directions

WARP_DEGREES = 15.0
SOLID = 0.95  # alpha from which on a pixel shows nothing of the background
SAME_SURFACE = 0.02  # world units; a view that lies farther off sees another surface, in front of this one


class Renders(Protocol):
    """Whatever shows a head from several cameras, as Head3D does."""

    def render_views(self, w: np.ndarray, cameras: Sequence[Camera]) -> list[HeadView]: ...


def psnr(squared_errors: Sequence[float]) -> float:
    """dB of the mean of squared errors, values in 0..1: a bad picture counts more than in the mean of dB."""
    return float(-10 * np.log10(max(np.mean(squared_errors), 1e-10)))


def to_tensor(images: Sequence[np.ndarray]) -> Tensor:
    """uint8 [s, s, 3] each -> float [n, 3, s, s] in 0..1."""
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255


def kid(a: Tensor, b: Tensor) -> float:
    """Kernel Inception Distance's estimator on features [n, d], [m, d]: unbiased MMD^2, kernel (x.y/d +
    1)^3. Rows must be independent of one another (two pictures of one person are not).
    """

    def kernel(x: Tensor, y: Tensor) -> Tensor:
        return (x.double() @ y.double().T / x.shape[1] + 1) ** 3

    n, m = len(a), len(b)
    within = (kernel(a, a).sum() - kernel(a, a).trace()) / (n * (n - 1))
    within = within + (kernel(b, b).sum() - kernel(b, b).trace()) / (m * (m - 1))
    return float(within - 2 * kernel(a, b).mean())


def depth_errors(depth: np.ndarray, true: np.ndarray) -> tuple[float, float, float]:
    """RMSE in world units of `depth` where `true` [s, s] is positive: after the best affine fit, of that fit
    without `depth` (a flat card), and as it is.

    A fit may not turn near into far: where the best slope is negative, it is the flat card's.
    """
    covered = true > 0
    found, wanted = depth[covered].astype(np.float64), true[covered].astype(np.float64)
    flat = float(wanted.std())
    slope = max(float(np.cov(found, wanted, bias=True)[0, 1]) / max(float(found.var()), 1e-12), 0.0)
    fitted = wanted.mean() + slope * (found - found.mean())
    return (
        float(np.sqrt(np.mean((fitted - wanted) ** 2))),
        flat,
        float(np.sqrt(np.mean((found - wanted) ** 2))),
    )


def warp_errors(head: Renders, w: np.ndarray) -> list[tuple[float, float, float]]:
    """For the views ±15° from the front: the squared error to the front view of that view warped onto it by
    the front's depth, of that view as it is, and the share of the front's solid pixels that both see, over
    which the errors are taken.

    Both see a surface where both are solid and the side's own depth agrees with the warped one. A view that
    shares nothing with the front counts as a squared error of 1.
    """
    turn = np.radians(WARP_DEGREES)
    cameras = [Camera(0.0, 0.0), Camera(turn, 0.0), Camera(-turn, 0.0)]
    front, *sides = head.render_views(w, cameras)
    solid, target = front.alpha > SOLID, to_tensor([front.image])[0].numpy()
    found = []
    for camera, side in zip(cameras[1:], sides, strict=True):
        places, distance = project(front.depth, cameras[0], camera)
        seen_from_there = to_tensor([side.image])
        maps = torch.cat([seen_from_there, torch.from_numpy(np.stack([side.depth, side.alpha]))[None]], 1)
        warped = functional.grid_sample(maps, torch.from_numpy(places)[None].float(), align_corners=False)[
            0
        ].numpy()
        seen = solid & (warped[4] > SOLID) & (np.abs(warped[3] - distance) < SAME_SURFACE)
        if not seen.any():
            found.append((1.0, 1.0, 0.0))
            continue
        errors = [((x - target) ** 2)[:, seen].mean() for x in (warped[:3], seen_from_there[0].numpy())]
        found.append((float(errors[0]), float(errors[1]), float(seen.sum() / solid.sum())))
    return found


def project(depth: np.ndarray, source: Camera, target: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Where the surface points of `source`'s depth [s, s] lie in `target`: grid_sample places [s, s, 2],
    distances [s, s].
    """
    matrix, other = source.matrix(), target.matrix()
    rays = pixel_directions(len(depth)).astype(np.float64) @ matrix[:3, :3].T
    points = (matrix[:3, 3] + rays * depth[..., None] - other[:3, 3]) @ other[:3, :3]
    return 2 * FOCAL * points[..., :2] / points[..., 2:], np.linalg.norm(points, axis=-1)
