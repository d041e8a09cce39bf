"""Each measure says what its name says: on bodies whose answer is known, and on what must not pass."""

import json
import shutil
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from pipelines import weights
from pipelines.backbones import head3d_evaluate
from pipelines.backbones.head3d import Camera, Head3D, HeadView
from pipelines.backbones.head3d_camera import FAR, RADIUS, pixel_directions
from pipelines.backbones.head3d_checkpoint import save_weights
from pipelines.backbones.head3d_data import HELD_OUT, shoot
from pipelines.backbones.head3d_evaluate import (
    Sizes,
    _or_whole,
    _shared,
    edits,
    evaluate,
    rounded,
    scaled_kid,
)
from pipelines.backbones.head3d_judge import Judge
from pipelines.backbones.head3d_measures import depth_errors, kid, project, psnr, warp_errors
from pipelines.backbones.head3d_person import ATTRIBUTES

from .head3d_dummies import tiny_head, write_kit

SPHERE = 0.3


class Ball:
    """A ball with stripes. `flip` shows them as if the camera had gone the other way; `hollow` reports the
    depth of its inside.
    """

    def __init__(self, flip: bool = False, hollow: bool = False) -> None:
        self.flip, self.hollow = flip, hollow

    def render_views(self, w, cameras):
        return [self._view(camera) for camera in cameras]

    def _view(self, camera):
        matrix = camera.matrix()
        rays = pixel_directions(128).astype(np.float64) @ matrix[:3, :3].T
        middle = -(rays @ matrix[:3, 3])
        half = SPHERE**2 - (RADIUS**2 - middle**2)
        hit = half > 0
        depth = np.where(hit, middle - np.sqrt(half.clip(0)), FAR)
        points = matrix[:3, 3] + rays * depth[..., None]
        longitude = np.arctan2(points[..., 0], points[..., 2]) - 2 * camera.yaw * self.flip
        shade = 0.5 + 0.4 * np.sin(7 * longitude)
        image = np.where(hit, shade, 0.7)[..., None].repeat(3, -1)
        if self.hollow:
            depth = np.where(hit, middle + np.sqrt(half.clip(0)), FAR)
        return HeadView(
            (image * 255 + 0.5).astype(np.uint8),
            hit.astype(np.float32),
            depth.astype(np.float32),
            np.zeros((128, 128, 3), np.float32),
        )


def mean_psnr(head):
    warped, unwarped, share = np.mean(warp_errors(head, np.zeros(1)), 0)
    return psnr([warped]), psnr([unwarped]), share


def test_a_rigid_body_is_consistent_and_most_of_it_is_seen_from_both_sides():
    warped, unwarped, share = mean_psnr(Ball())
    assert warped > 30 and unwarped < 15
    assert share > 0.8


def test_paint_that_turns_with_the_camera_is_not_consistent():
    assert mean_psnr(Ball(flip=True))[0] < 15


def test_wrong_depth_is_not_consistent():
    warped, _, share = mean_psnr(Ball(hollow=True))
    assert warped < 20 or share < 0.5


def test_views_that_share_nothing_count_as_wrong():
    class Gone(Ball):
        def _view(self, camera):
            view = super()._view(camera)
            return HeadView(view.image, view.alpha * (camera.yaw == 0), view.depth, view.normals)

    assert warp_errors(Gone(), np.zeros(1)) == [(1.0, 1.0, 0.0)] * 2


def test_projection_onto_itself_is_the_identity():
    camera = Camera(0.3, -0.2)
    depth = np.random.default_rng(0).uniform(2.3, 3.2, (32, 32))
    places, distance = project(depth, camera, camera)
    line = (np.arange(32) + 0.5) / 16 - 1
    np.testing.assert_allclose(places, np.stack(np.meshgrid(line, line), -1), atol=1e-6)
    np.testing.assert_allclose(distance, depth, atol=1e-6)


def test_depth_is_fitted_but_never_turned_inside_out():
    true = np.random.default_rng(0).uniform(2.4, 2.9, (16, 16))
    true[:4] = 0
    flat = true[true > 0].std()
    assert depth_errors(0.5 * true + 1, true)[0] < 1e-6
    fitted, card, direct = depth_errors(true + 0.1, true)
    assert fitted < 1e-6 and card == pytest.approx(flat) and direct == pytest.approx(0.1)
    assert depth_errors(-true, true)[0] == pytest.approx(flat)  # a hollow face is worth a flat card
    assert depth_errors(np.full_like(true, 2.7), true)[0] == pytest.approx(flat)
    noisy = true + np.random.default_rng(1).normal(0, 0.3, true.shape)
    assert 0.5 * flat < depth_errors(noisy, true)[0] < flat


def test_shared_depth_leaves_out_what_the_render_does_not_show():
    depth = np.full((2, 64, 64), 2.5)
    alpha = np.zeros((128, 128), np.float32)
    empty = HeadView(alpha, alpha, alpha, alpha)
    alpha = alpha.copy()
    alpha[:, :65] = 1  # 32 pixels of 64, and half of another
    shared = _shared([HeadView(alpha, alpha, alpha, alpha), empty], depth)
    assert (shared[0, :, :33] == 2.5).all() and (shared[0, :, 33:] == 0).all()
    assert (shared[1] == 0).all()
    whole = _or_whole(shared, depth)
    np.testing.assert_array_equal(whole[0], shared[0])
    np.testing.assert_array_equal(whole[1], depth[1])


def test_psnr_is_of_the_mean_error():
    assert psnr([0.01, 0.01]) == pytest.approx(20)
    assert psnr([0.0, 0.02]) == pytest.approx(20)


def test_kid_is_unbiased_around_zero():
    random = torch.Generator().manual_seed(0)
    found = [kid(*torch.randn(2, 40, 16, generator=random)) for _ in range(200)]
    assert abs(np.mean(found)) < 3 * np.std(found) / 200**0.5 + 1e-3


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    write_kit(folder / "heads.npz")
    head = tiny_head()
    save_weights(
        head.networks,
        torch.stack([torch.from_numpy(d) for d in head.directions.values()]),
        folder / "head3d.safetensors",
    )
    torch.manual_seed(0)
    save_file({k: v.half() for k, v in Judge().state_dict().items()}, folder / "judge.safetensors")
    persons = shoot(str(folder / "heads.npz"), HELD_OUT, list(range(8)), 2)
    np.savez_compressed(folder / "heldout.npz", **vars(persons))
    return folder


@pytest.fixture(scope="module")
def persons(folder):
    return head3d_evaluate.read_persons(folder / "heldout.npz", 8)


def test_kid_is_scaled_between_real_persons_and_drawings(persons):
    torch.manual_seed(1)
    judge = Judge().eval().requires_grad_(False)
    real = head3d_evaluate.pictures_of(persons.rgba[:, 0])
    found = scaled_kid(judge, real, persons.rgba)
    assert found["kid_floor"] < found["kid_ceiling"]
    noise = torch.rand(real.shape, generator=torch.Generator().manual_seed(0))
    assert scaled_kid(judge, noise, persons.rgba)["kid"] > found["kid"]


def test_an_edit_the_wrong_way_round_is_seen(persons):
    class Brightness(torch.nn.Module):
        """Reads it as every attribute."""

        def features(self, pictures):
            return pictures.mean((1, 2, 3))[:, None]

        def attributes(self, features):
            return features.expand(-1, len(ATTRIBUTES))

    class Lamp:
        def __init__(self, sign):
            self.sign = sign

        def sample(self, seed, truncation):
            return np.zeros(1)

        def edit(self, w, attribute, amount):
            return w + self.sign * amount

        def render_views(self, w, cameras):
            grey = np.full((128, 128, 3), 128 + 50 * w[0], np.uint8)
            return [HeadView(grey, grey[..., 0], grey[..., 0], grey) for _ in cameras]

    right, wrong = (edits(Lamp(sign), Brightness(), persons, 1, 3) for sign in (1, -1))
    assert right["attribute_sign_share"] == 1 and wrong["attribute_sign_share"] == 0
    assert all(value > 0 for value in right["attribute_gain_sd"].values())


def test_evaluation_gives_every_figure(folder, monkeypatch, capsys):
    monkeypatch.setattr(head3d_evaluate, "QUICK", Sizes(4, 3, 1, 3, 1))
    monkeypatch.setattr(Head3D, "mesh", lambda *_: None)
    arguments = ["evaluate", "--quick", "--threads", "1", "--weights", str(folder)]
    monkeypatch.setattr(sys, "argv", arguments)
    head3d_evaluate.main()
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    wanted = (
        "pose_mae_deg", "depth_rmse", "consistency_psnr", "encode_psnr", "views8_seconds", "mesh_seconds",
        "params_mb", "kid_scaled", "attribute_sign_share", "consistency_share", "mean_head_psnr",
        "encode_psnr_person", "depth_rmse_flat", "depth_rmse_own_code", "judge_pose_mae_deg",
        "refined_psnr", "refined_depth_rmse", "refined_depth_rmse_shared", "refine_seconds",
        "depth_rmse_shared", "depth_lost_share",
    )  # fmt: skip
    assert all(np.isfinite(found[name]) for name in wanted)
    assert found["pose_mae_deg"] == pytest.approx(
        (found["pose_yaw_mae_deg"] + found["pose_pitch_mae_deg"]) / 2, abs=1e-3
    )
    assert set(found["judge_attribute_r"]) == set(ATTRIBUTES)


def test_same_weights_same_figures(folder, monkeypatch):
    monkeypatch.setattr(Head3D, "mesh", lambda *_: None)
    first, second = (rounded(evaluate(folder, Sizes(4, 2, 1, 3, 1))) for _ in range(2))
    timed = ("views8_seconds", "mesh_seconds", "refine_seconds")
    assert {k: v for k, v in first.items() if k not in timed} == {
        k: v for k, v in second.items() if k not in timed
    }


def test_figures_go_into_the_card(folder, tmp_path, monkeypatch, capsys):
    shipped = tmp_path / head3d_evaluate.NAME
    shutil.copytree(folder, shipped)
    (shipped / "card.json").write_text(json.dumps({"hardware": "an abacus", "files": {"heldout.npz": {}}}))
    for module in (weights, head3d_evaluate):
        monkeypatch.setattr(module, "ASSETS", tmp_path)
    monkeypatch.setattr(head3d_evaluate, "FULL", Sizes(4, 2, 1, 3, 1))
    monkeypatch.setattr(Head3D, "mesh", lambda *_: None)
    arguments = ["evaluate", "--write", "--threads", "1", "--weights", str(shipped)]
    monkeypatch.setattr(sys, "argv", arguments)
    head3d_evaluate.main()
    card = weights.read_card(head3d_evaluate.NAME)
    assert card["metrics"] == json.loads(capsys.readouterr().out.splitlines()[-1])
    assert card["hardware"] == "an abacus" and "sha256" in card["files"]["heldout.npz"]


@pytest.mark.parametrize("arguments", [["--write", "--quick"], ["--write", "--weights", "elsewhere"]])
def test_only_full_figures_of_the_shipped_weights_are_written(monkeypatch, arguments):
    monkeypatch.setattr(sys, "argv", ["evaluate", *arguments])
    with pytest.raises(SystemExit):
        head3d_evaluate.main()
