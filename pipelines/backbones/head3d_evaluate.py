"""`python -m pipelines.backbones.head3d_evaluate [--quick]`: measure the shipped 3D heads; the last line is
JSON.

Judged by head3d_judge's network, which trained nothing here, on held-out persons that neither it nor the
generator met. KID is on that network's features and scaled: 0 = held-out persons against other held-out
persons, 1 = held-out persons against pencil drawings of themselves.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pipelines.backbones.head3d import GREY, Camera, Head3D, load
from pipelines.backbones.head3d_camera import FOCAL, pixel_directions
from pipelines.backbones.head3d_data import Persons
from pipelines.backbones.head3d_judge import Judge, load_judge, pencil
from pipelines.backbones.head3d_kit import ATTRIBUTES, sample_views
from pipelines.backbones.head3d_model import OUTPUT_SIZE
from pipelines.runtime import cpu_count, use_threads
from pipelines.weights import ASSETS

WARP_DEGREES = 15.0
EDIT_YAWS = (-0.5, -0.25, 0.0, 0.25, 0.5)


@dataclass(frozen=True)
class Sizes:
    """How much is measured: held-out persons, samples, persons whose w is edited, views of each edit,
    warped pairs.
    """

    persons: int
    samples: int
    edited: int
    views: int
    warped: int


FULL, QUICK = Sizes(96, 192, 16, 5, 24), Sizes(24, 48, 3, 3, 4)


def pictures_of(rgba: np.ndarray) -> Tensor:
    """uint8 [n, 4, 128, 128] -> float [n, 3, 128, 128] in 0..1 over grey."""
    values = torch.from_numpy(rgba).float() / 255
    return values[:, :3] + torch.tensor(GREY).view(1, 3, 1, 1) * (1 - values[:, 3:])


def to_tensor(images: list[np.ndarray]) -> Tensor:
    """uint8 [128, 128, 3] each -> float [n, 3, 128, 128] in 0..1."""
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255


def kid(a: Tensor, b: Tensor) -> float:
    """Kernel Inception Distance's estimator on features [n, d], [m, d]: unbiased MMD^2, kernel (x.y/d +
    1)^3.
    """

    def kernel(x: Tensor, y: Tensor) -> Tensor:
        return (x @ y.T / x.shape[1] + 1) ** 3

    n, m = len(a), len(b)
    within = (kernel(a, a).sum() - kernel(a, a).trace()) / (n * (n - 1))
    within = within + (kernel(b, b).sum() - kernel(b, b).trace()) / (m * (m - 1))
    return float(within - 2 * kernel(a, b).mean())


def scaled_kid(judge: Judge, samples: Tensor, real: Tensor) -> dict[str, float]:
    """KID of pictures [n, 3, 128, 128] with its two anchors. `real`: persons in order, so that its halves
    share nobody.
    """
    features = [judge.features(functional.avg_pool2d(x, 2)) for x in (samples, real)]
    features.append(judge.features(pencil(functional.avg_pool2d(real, 2))))
    mean, spread = features[1].mean(0), features[1].std(0) + 1e-6
    fake, true, drawn = ((x - mean) / spread for x in features)
    half = len(true) // 2
    floor, ceiling, own = kid(true[:half], true[half:]), kid(true, drawn), kid(fake, true)
    return {
        "kid": own,
        "kid_floor": floor,
        "kid_ceiling": ceiling,
        "kid_scaled": (own - floor) / (ceiling - floor),
    }


def sampled(head: Head3D, judge: Judge, count: int) -> tuple[Tensor, dict[str, float]]:
    """Samples from random views [n, 3, 128, 128] and how far the judge's pose lies from the camera's."""
    views = sample_views(np.random.default_rng(5), count)
    images = to_tensor(
        [head.render(head.sample(seed, 1.0), Camera(*view)).image for seed, view in enumerate(views)]
    )
    small = functional.avg_pool2d(images, 2)
    error = (judge.pose(judge.features(small)) - torch.from_numpy(views).float()).abs()
    return images, {"pose_mae_deg": float(torch.rad2deg(error.mean()))}


def inverted(head: Head3D, judge: Judge, persons: Persons) -> dict[str, float]:
    """The encoder on held-out persons: PSNR at its own camera, depth from the true cameras, pose error."""
    squared, depth_errors, pose_errors = [], [], []
    pictures = pictures_of(persons.rgba[:, 0])
    for row, picture in enumerate(pictures):
        image = (picture.permute(1, 2, 0).numpy() * 255 + 0.5).astype(np.uint8)
        encoded = head.encode(image)
        cameras = [encoded.camera, *(Camera(*view) for view in persons.views[row].astype(float))]
        seen, *at_truth = head.render_views(encoded.w, cameras)
        squared.append(np.mean((seen.image / 255.0 - image / 255.0) ** 2))
        for view, true in zip(at_truth, persons.depth[row].astype(np.float64), strict=True):
            depth_errors.append(_depth_error(view.depth.reshape(64, 2, 64, 2).mean((1, 3)), true))
        estimate = np.array([encoded.camera.yaw, encoded.camera.pitch])
        pose_errors.append(np.abs(estimate - persons.views[row, 0]))
    judged = judge.pose(judge.features(functional.avg_pool2d(pictures, 2))).numpy()
    judge_errors = np.abs(judged - persons.views[:, 0])
    return {
        "encode_psnr": float(-10 * np.log10(np.mean(squared))),
        "depth_rmse": float(np.mean(depth_errors)),
        "encoder_pose_mae_deg": float(np.degrees(np.mean(pose_errors))),
        "judge_pose_mae_deg": float(np.degrees(np.mean(judge_errors))),
    }


def _depth_error(depth: np.ndarray, true: np.ndarray) -> float:
    """RMSE in world units over the true head after the best affine fit."""
    covered = true > 0
    a = np.stack([depth[covered], np.ones(covered.sum())], 1)
    fit, *_ = np.linalg.lstsq(a, true[covered], rcond=None)
    return float(np.sqrt(np.mean((a @ fit - true[covered]) ** 2)))


def consistency(head: Head3D, count: int) -> dict[str, float]:
    """PSNR between the front view and views ±15° warped onto it by the rendered depth, where both see the
    surface.
    """
    errors = []
    for seed in range(count):
        w = head.sample(1000 + seed, 1.0)
        turn = np.radians(WARP_DEGREES)
        cameras = [Camera(0.0, 0.0), Camera(turn, 0.0), Camera(-turn, 0.0)]
        front, *sides = head.render_views(w, cameras)
        for camera, side in zip(cameras[1:], sides, strict=True):
            places, distance = _project(front.depth, cameras[0], camera)
            side_image = to_tensor([side.image])
            maps = torch.cat([side_image, torch.from_numpy(np.stack([side.depth, side.alpha]))[None]], 1)
            warped = functional.grid_sample(
                maps, torch.from_numpy(places)[None].float(), align_corners=False
            )[0].numpy()
            seen = (front.alpha > 0.95) & (warped[4] > 0.95) & (np.abs(warped[3] - distance) < 0.02)
            errors.append(((warped[:3] - to_tensor([front.image])[0].numpy()) ** 2)[:, seen].mean())
    return {"consistency_psnr": float(-10 * np.log10(np.mean(errors)))}


def _project(depth: np.ndarray, source: Camera, target: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Where the surface points of `source`'s depth lie in `target`: grid_sample places [s, s, 2], distances
    [s, s].
    """
    matrix, other = source.matrix(), target.matrix()
    rays = pixel_directions(OUTPUT_SIZE).astype(np.float64) @ matrix[:3, :3].T
    points = (matrix[:3, 3] + rays * depth[..., None] - other[:3, 3]) @ other[:3, :3]
    return 2 * FOCAL * points[..., :2] / points[..., 2:], np.linalg.norm(points, axis=-1)


def edits(head: Head3D, judge: Judge, people: int, views: int) -> dict[str, float | dict[str, float]]:
    """Share of (person, view) in which the judge sees an attribute grow from its low to its high edit."""
    offset = (len(EDIT_YAWS) - views) // 2
    cameras = [Camera(yaw) for yaw in EDIT_YAWS[offset : offset + views]]
    shares = {}
    for index, attribute in enumerate(ATTRIBUTES):
        grown = []
        for seed in range(people):
            w = head.sample(2000 + seed, 0.7)
            low, high = (
                judge.attributes(
                    judge.features(functional.avg_pool2d(to_tensor([v.image for v in seen]), 2))
                )[:, index]
                for seen in (
                    head.render_views(head.edit(w, attribute, amount), cameras) for amount in (-1.0, 1.0)
                )
            )
            grown += (high > low).tolist()
        shares[attribute] = float(np.mean(grown))
    return {"attribute_sign_share": float(np.mean(list(shares.values()))), "attribute_sign_shares": shares}


def speed(head: Head3D) -> dict[str, float]:
    """Seconds for eight views of one head and for its mesh, after one warm-up."""
    w = head.sample(0)
    cameras = [Camera(yaw) for yaw in np.linspace(-0.6, 0.6, 8)]
    head.render(w, cameras[0])
    begun = time.perf_counter()
    head.render_views(w, cameras)
    seen = time.perf_counter()
    head.mesh(w)
    return {"views8_seconds": seen - begun, "mesh_seconds": time.perf_counter() - seen}


@torch.inference_mode()
def evaluate(folder: Path, sizes: Sizes) -> dict[str, float | dict[str, float]]:
    """All measures of the weights, judge and held-out persons in `folder`."""
    head, judge = load(folder / "head3d.safetensors"), load_judge(folder / "judge.safetensors")
    with np.load(folder / "heldout.npz", allow_pickle=False) as file:
        persons = Persons(**{name: file[name][: sizes.persons] for name in file.files})
    images, result = sampled(head, judge, sizes.samples)
    result |= inverted(head, judge, persons)
    result |= consistency(head, sizes.warped)
    result |= speed(head)
    real = pictures_of(persons.rgba.reshape(-1, *persons.rgba.shape[2:]))
    result |= scaled_kid(judge, images, real)
    return {
        **result,
        **edits(head, judge, sizes.edited, sizes.views),
        "params_mb": (folder / "head3d.safetensors").stat().st_size / 1e6,
    }


def main() -> None:
    """Print the measures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument(
        "--weights", type=Path, default=ASSETS / "backbones/head3d", help="folder with the three files"
    )
    parser.add_argument("--threads", type=int, default=cpu_count())
    parser.add_argument("--quick", action="store_true", help="fewer persons and samples")
    args = parser.parse_args()
    use_threads(args.threads)
    result = evaluate(args.weights, QUICK if args.quick else FULL)
    rounded = {
        k: round(v, 4) if isinstance(v, float) else {a: round(b, 3) for a, b in v.items()}
        for k, v in result.items()
    }
    print(json.dumps(rounded))


if __name__ == "__main__":
    main()
