"""`python -m pipelines.backbones.head3d_evaluate [--quick]`: measure the shipped 3D heads; the last line is
JSON.

Judged by head3d_judge's network, which trained nothing here, on held-out persons that neither it nor the
generator met. KID is on that network's features and scaled: 0 = held-out persons against other held-out
persons, 1 = held-out persons against pencil drawings of others. How well the judge itself reads held-out
persons stands beside what it says (judge_...), and beside each error what a trivial answer would get.
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

from pipelines.backbones.head3d import GREY, Camera, Head3D, HeadView, load
from pipelines.backbones.head3d_judge import Judge, load_judge, pencil
from pipelines.backbones.head3d_measures import depth_errors, kid, psnr, to_tensor, warp_errors
from pipelines.backbones.head3d_person import ATTRIBUTES, Persons, sample_views
from pipelines.runtime import cpu_count, use_threads
from pipelines.weights import ASSETS, read_card, write_card

NAME = "backbones/head3d"
EDIT_YAWS = (-0.5, -0.25, 0.0, 0.25, 0.5)

Measures = dict[str, float | dict[str, float]]


@dataclass(frozen=True)
class Sizes:
    """How much is measured: held-out persons, samples, persons whose w is edited, views of each edit,
    persons whose views are warped.
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


def features_of(judge: Judge, pictures: Tensor) -> Tensor:
    """The judge's features [n, 128] of pictures [n, 3, 128, 128]."""
    return judge.features(functional.avg_pool2d(pictures, 2))


def scaled_kid(judge: Judge, samples: Tensor, rgba: np.ndarray) -> Measures:
    """KID of samples [n, 3, 128, 128] against held-out persons uint8 [p, v, 4, 128, 128], and its two
    anchors, real against real and real against drawn, between one half of the persons and the other.

    Each is the mean over the v views: two pictures of one person are not independent.
    """
    views = [pictures_of(rgba[:, v]) for v in range(rgba.shape[1])]
    real = torch.stack([features_of(judge, view) for view in views])
    drawn = torch.stack([judge.features(pencil(functional.avg_pool2d(view, 2))) for view in views])
    mean, spread = real.flatten(0, 1).mean(0), real.flatten(0, 1).std(0) + 1e-6
    fake, real, drawn = ((x - mean) / spread for x in (features_of(judge, samples), real, drawn))
    half = real.shape[1] // 2
    own = float(np.mean([kid(fake, view) for view in real]))
    floor = float(np.mean([kid(view[:half], view[half:]) for view in real]))
    pairs = [
        pair
        for r, d in zip(real, drawn, strict=True)
        for pair in ((r[:half], d[half:]), (r[half:], d[:half]))
    ]
    ceiling = float(np.mean([kid(*pair) for pair in pairs]))
    return {
        "kid": own,
        "kid_floor": floor,
        "kid_ceiling": ceiling,
        "kid_scaled": (own - floor) / (ceiling - floor),
    }


def sampled(head: Head3D, judge: Judge, count: int) -> tuple[Tensor, Measures]:
    """Samples of full variety from the training's distribution of views [n, 3, 128, 128], and how far the
    judge's pose lies from the camera's: mean of yaw's and pitch's error, and each.
    """
    views = sample_views(np.random.default_rng(5), count)
    images = to_tensor(
        [head.render(head.sample(seed, 1.0), Camera(*view)).image for seed, view in enumerate(views)]
    )
    found = judge.pose(features_of(judge, images)).numpy()
    yaw, pitch = np.degrees(np.abs(found - views).mean(0))
    return images, {
        "pose_mae_deg": float((yaw + pitch) / 2),
        "pose_yaw_mae_deg": float(yaw),
        "pose_pitch_mae_deg": float(pitch),
    }


def inverted(head: Head3D, persons: Persons) -> Measures:
    """The encoder on held-out persons, one view each, which it gives w and camera of.

    PSNR against that view over the same grey: of the whole picture, of the person alone (alpha >= 0.5), and
    of the mean head at the true camera. Depth at the true cameras of all views, over whole pixels of the
    person, in world units; the same where the render, too, shows something (Dr.3D's depth loss has such a
    mask), and the share of pixels where it does not; and all pixels again of the person's own code: the
    generator's part of that error.
    """
    squared, on_person, of_mean, depths, own_depths, pose = [], [], [], [], [], []
    shared_depths, lost = [], []
    codes = head.networks.generator.mapping(torch.from_numpy(persons.z).to(head.device)).cpu().numpy()
    for row, image in enumerate(_first_views(persons)):
        cameras = [Camera(*view) for view in persons.views[row].astype(float)]
        encoded = head.encode(image)
        seen, *at_truth = head.render_views(encoded.w, [encoded.camera, *cameras])
        error = (seen.image / 255.0 - image / 255.0) ** 2
        squared.append(error.mean())
        on_person.append(error[persons.rgba[row, 0, 3] >= 128].mean())
        mean_head = head.render(head.w_mean, cameras[0])
        of_mean.append(np.mean((mean_head.image / 255.0 - image / 255.0) ** 2))
        depths += _depth_errors_of(at_truth, persons.depth[row])
        shared = _shared(at_truth, persons.depth[row])
        shared_depths += _depth_errors_of(at_truth, _or_whole(shared, persons.depth[row]))
        lost.append(1 - (shared > 0).sum() / (persons.depth[row] > 0).sum())
        own_depths += _depth_errors_of(head.render_views(codes[row], cameras), persons.depth[row])
        pose.append(np.abs([encoded.camera.yaw - cameras[0].yaw, encoded.camera.pitch - cameras[0].pitch]))
    fitted, flat, direct = np.mean(depths, 0)
    return {
        "encode_psnr": psnr(squared),
        "encode_psnr_person": psnr(on_person),
        "mean_head_psnr": psnr(of_mean),
        "depth_rmse": float(fitted),
        "depth_rmse_shared": float(np.mean(shared_depths, 0)[0]),
        "depth_lost_share": float(np.mean(lost)),
        "depth_rmse_own_code": float(np.mean(own_depths, 0)[0]),
        "depth_rmse_unfitted": float(direct),
        "depth_rmse_flat": float(flat),
        "encoder_pose_mae_deg": float(np.degrees(np.mean(pose))),
    }


def refined(head: Head3D, persons: Persons) -> Measures:
    """PSNR and both depths of `inverted` after the steps that Head3D.refine takes by itself; and the seconds
    they take for one picture.
    """
    squared, depths, shared_depths, seconds = [], [], [], 0.0
    for row, image in enumerate(_first_views(persons)):
        encoded, begun = head.encode(image), time.perf_counter()
        *_, found = head.refine(image, encoded)
        seconds += time.perf_counter() - begun
        cameras = [Camera(*view) for view in persons.views[row].astype(float)]
        seen, *at_truth = head.render_views(found.w, [found.camera, *cameras])
        squared.append(np.mean((seen.image / 255.0 - image / 255.0) ** 2))
        depths += _depth_errors_of(at_truth, persons.depth[row])
        shared = _shared(at_truth, persons.depth[row])
        shared_depths += _depth_errors_of(at_truth, _or_whole(shared, persons.depth[row]))
    return {
        "refined_psnr": psnr(squared),
        "refined_depth_rmse": float(np.mean(depths, 0)[0]),
        "refined_depth_rmse_shared": float(np.mean(shared_depths, 0)[0]),
        "refine_seconds": seconds / len(persons.z),
    }


def _first_views(persons: Persons) -> list[np.ndarray]:
    """uint8 [128, 128, 3] each, over grey."""
    pictures = pictures_of(persons.rgba[:, 0]).permute(0, 2, 3, 1).numpy()
    return list((pictures * 255 + 0.5).astype(np.uint8))


def _depth_errors_of(views: list[HeadView], depth: np.ndarray) -> list[tuple[float, float, float]]:
    """depth_errors of each view against its true depth, [views, 64, 64]."""
    return [
        depth_errors(view.depth.reshape(64, 2, 64, 2).mean((1, 3)), true)
        for view, true in zip(views, depth, strict=True)
    ]


def _shared(views: list[HeadView], depth: np.ndarray) -> np.ndarray:
    """True depth [views, 64, 64], 0 also where the render's pixel is less than half covered."""
    alpha = np.stack([view.alpha.reshape(64, 2, 64, 2).mean((1, 3)) for view in views])
    return np.where(alpha >= 0.5, depth, 0)


def _or_whole(shared: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """The shared depth; the whole one for a view that shows nothing of the person, which is no excuse."""
    return np.where(shared.any((1, 2), keepdims=True), shared, depth)


def judged(judge: Judge, persons: Persons) -> Measures:
    """How well the judge reads held-out persons: its pose, and the correlation of its attributes with the
    truth.
    """
    features = features_of(judge, pictures_of(persons.rgba[:, 0]))
    pose = np.abs(judge.pose(features).numpy() - persons.views[:, 0]).mean()
    read, true = judge.attributes(features).numpy(), persons.labels
    return {
        "judge_pose_mae_deg": float(np.degrees(pose)),
        "judge_attribute_r": {
            name: _correlation(read[:, k], true[:, k]) for k, name in enumerate(ATTRIBUTES)
        },
    }


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's r; 0 where either never changes."""
    a, b = (a - a.mean()) / (a.std() or 1), (b - b.mean()) / (b.std() or 1)
    return float((a * b).mean())


def consistency(head: Head3D, count: int) -> Measures:
    """PSNR between the front view and views ±15° warped onto it by the rendered depth, where both see the
    surface; the same unwarped; and how much of the front that is.
    """
    found = [pair for seed in range(count) for pair in warp_errors(head, head.sample(1000 + seed, 1.0))]
    warped, unwarped, share = zip(*found, strict=True)
    return {
        "consistency_psnr": psnr(warped),
        "consistency_psnr_unwarped": psnr(unwarped),
        "consistency_share": float(np.mean(share)),
    }


def edits(head: Head3D, judge: Judge, persons: Persons, people: int, views: int) -> Measures:
    """Share of (person, view) in which the judge sees an attribute grow from its low (-1) to its high (+1)
    edit; chance is 0.5. And by how much it grows, in standard deviations of held-out persons, beside the
    largest mean change of another attribute.
    """
    offset = (len(EDIT_YAWS) - views) // 2
    cameras = [Camera(yaw) for yaw in EDIT_YAWS[offset : offset + views]]
    spread = persons.labels.std(0) + 1e-6
    shares, gains, others = {}, {}, {}
    for index, attribute in enumerate(ATTRIBUTES):
        grown = np.concatenate(
            [
                _growth(head, judge, head.sample(2000 + seed, 0.7), attribute, cameras)
                for seed in range(people)
            ]
        )
        means = grown.mean(0) / spread
        shares[attribute] = float((grown[:, index] > 0).mean())
        gains[attribute] = float(means[index])
        others[attribute] = float(np.abs(np.delete(means, index)).max())
    return {
        "attribute_sign_share": float(np.mean(list(shares.values()))),
        "attribute_sign_shares": shares,
        "attribute_gain_sd": gains,
        "attribute_side_effect_sd": others,
    }


def _growth(head: Head3D, judge: Judge, w: np.ndarray, attribute: str, cameras: list[Camera]) -> np.ndarray:
    """float [views, 7]: what the judge reads of the high edit less what it reads of the low one."""
    low, high = (
        judge.attributes(
            features_of(judge, to_tensor([view.image for view in head.render_views(edited, cameras)]))
        )
        for edited in (head.edit(w, attribute, amount) for amount in (-1.0, 1.0))
    )
    return (high - low).numpy()


def speed(head: Head3D) -> Measures:
    """Seconds for eight views of one head and for its mesh, each after one warm-up."""
    w = head.sample(0)
    cameras = [Camera(yaw) for yaw in np.linspace(-0.6, 0.6, 8)]
    head.render(w, cameras[0])
    head.mesh(w, 32)
    begun = time.perf_counter()
    head.render_views(w, cameras)
    seen = time.perf_counter()
    head.mesh(w)
    return {"views8_seconds": seen - begun, "mesh_seconds": time.perf_counter() - seen}


def read_persons(path: Path, count: int) -> Persons:
    """The first `count` persons of heldout.npz."""
    with np.load(path, allow_pickle=False) as file:
        return Persons(**{name: file[name][:count] for name in file.files})


@torch.no_grad()  # not inference mode: refining takes gradients
def evaluate(folder: Path, sizes: Sizes) -> Measures:
    """All measures of the weights, judge and held-out persons in `folder`."""
    head, judge = load(folder / "head3d.safetensors"), load_judge(folder / "judge.safetensors")
    persons = read_persons(folder / "heldout.npz", sizes.persons)
    images, pose = sampled(head, judge, sizes.samples)
    return {
        **pose,
        **inverted(head, persons),
        **refined(head, persons),
        **judged(judge, persons),
        **consistency(head, sizes.warped),
        **speed(head),
        **scaled_kid(judge, images, persons.rgba),
        **edits(head, judge, persons, sizes.edited, sizes.views),
        "params_mb": (folder / "head3d.safetensors").stat().st_size / 1e6,
    }


def rounded(measures: Measures) -> Measures:
    """Four places, three within groups."""
    return {
        k: round(v, 4) if isinstance(v, float) else {a: round(b, 3) for a, b in v.items()}
        for k, v in measures.items()
    }


def main() -> None:
    """Print the measures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--weights", type=Path, default=ASSETS / NAME, help="folder with the three files")
    parser.add_argument("--threads", type=int, default=cpu_count())
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--quick", action="store_true", help="fewer persons and samples")
    mode.add_argument("--write", action="store_true", help="put the figures into the shipped weights' card")
    args = parser.parse_args()
    if args.write and args.weights.resolve() != (ASSETS / NAME).resolve():
        parser.error("--write is for the shipped weights; leave --weights out")
    use_threads(args.threads)
    measures = rounded(evaluate(args.weights, QUICK if args.quick else FULL))
    if args.write:
        write_card(NAME, read_card(NAME) | {"metrics": measures})
    print(json.dumps(measures))


if __name__ == "__main__":
    main()
