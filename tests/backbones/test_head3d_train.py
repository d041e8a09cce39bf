"""Training goes down, and two slices are one run."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pipelines.backbones import head3d_checkpoint as checkpoint
from pipelines.backbones import head3d_train
from pipelines.backbones.head3d_camera import cam2world
from pipelines.backbones.head3d_data import TRAIN, Batch, HeadPool, load_kit, on_backgrounds, person_code
from pipelines.backbones.head3d_directions import fit_directions
from pipelines.backbones.head3d_judge import Judge, pencil
from pipelines.backbones.head3d_losses import inner, reconstruction_losses
from pipelines.backbones.head3d_measures import kid
from pipelines.backbones.head3d_model import (
    CONFIGS,
    RENDER_SIZE,
    W_DIM,
    Discriminator,
    MappingNetwork,
    Pictures,
)
from pipelines.backbones.head3d_person import ATTRIBUTES
from pipelines.backbones.head3d_points import _surface_pixels, point_losses
from pipelines.backbones.head3d_sheet import contact_sheet, random_heads
from pipelines.backbones.head3d_trainer import POINT_VIEWS, Schedule, Trainer
from pipelines.backbones.head3d_volume import camera_rays

from .head3d_dummies import TINY_SETTINGS, write_kit


@pytest.fixture(scope="module")
def kit_path(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("kit") / "heads.npz"
    write_kit(path)
    return path


@pytest.fixture(scope="module")
def pool(kit_path) -> HeadPool:
    return HeadPool(kit_path, "cpu", capacity=4, start=4, workers=0)


def trainer(steps: int = 8, warm_share: float = 0.5, small_share: float = 0.2) -> Trainer:
    return Trainer(TINY_SETTINGS, Schedule(1.0, steps, warm_share, small_share), "cpu", seed=0)


def run(trainer: Trainer, pool: HeadPool, steps: int) -> None:
    for _ in range(steps):
        trainer.train_step(pool)


def assert_same(a: Trainer, b: Trainer) -> None:
    for name in ("networks", "averaged", "discriminator"):
        for (key, x), y in zip(
            getattr(a, name).state_dict().items(), getattr(b, name).state_dict().values(), strict=True
        ):
            assert torch.equal(x, y), f"{name}.{key}"


def test_two_slices_are_one_run(pool, tmp_path):
    whole = trainer()
    run(whole, pool, 6)
    first = trainer()
    run(first, pool, 3)
    checkpoint.save_checkpoint(first, tmp_path)
    second = trainer()
    checkpoint.load_checkpoint(second, tmp_path)
    points = TINY_SETTINGS.point_steps * TINY_SETTINGS.point_persons * POINT_VIEWS
    assert (second.step, second.pictures) == (3, 3 * (4 + points))
    run(second, pool, 3)  # crosses from the warm start into the adversarial phase
    assert whole.adversarial
    assert_same(whole, second)


def test_compact_checkpoint_goes_on_from_nearly_the_same_networks(pool, tmp_path):
    first = trainer()
    run(first, pool, 2)
    checkpoint.save_compact(first, tmp_path)
    assert all(path.stat().st_size < 16 * 2**20 for path in tmp_path.iterdir())
    second = trainer()
    checkpoint.load_checkpoint(second, tmp_path)
    assert second.step == 2 and second.fresh_steps == 0
    for x, y in zip(first.networks.parameters(), second.networks.parameters(), strict=True):
        torch.testing.assert_close(x, y, atol=2e-3, rtol=2e-3)
    run(second, pool, 1)


def test_compact_checkpoint_is_cut_into_parts(monkeypatch, tmp_path):
    monkeypatch.setattr(checkpoint, "PART_BYTES", 2**20)
    first, second = trainer(), trainer()
    with torch.no_grad():
        first.networks.pose.head.bias.fill_(0.5)
    checkpoint.save_compact(first, tmp_path)
    assert len(list(tmp_path.glob("compact-*"))) > 1
    checkpoint.load_checkpoint(second, tmp_path)
    assert (second.networks.pose.head.bias == 0.5).all()


def test_resuming_from_nothing_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"state\.pt"):
        checkpoint.load_checkpoint(trainer(), tmp_path)


def test_a_run_can_begin_with_weights(tmp_path):
    old = trainer()
    directions = torch.zeros(len(ATTRIBUTES), W_DIM)
    checkpoint.save_weights(old.averaged, directions, tmp_path / "head3d.safetensors")
    new = Trainer(TINY_SETTINGS, Schedule(1.0, 8), "cpu", seed=1)
    checkpoint.start_from(new, tmp_path / "head3d.safetensors")
    for networks in (new.networks, new.averaged):
        for value, old_value in zip(networks.parameters(), old.averaged.parameters(), strict=True):
            torch.testing.assert_close(value.detach(), old_value.half().float())
    assert new.step == 0


def test_warm_start_learns_to_show_its_persons(pool):
    learner = trainer(steps=1000, warm_share=1.0, small_share=1.0)
    learner.fresh_steps = 100  # at full rate from the start
    batch = pool.batch(4, 2, torch.Generator().manual_seed(5))

    @torch.no_grad()
    def error() -> float:
        generator = learner.networks.generator
        w = generator.mapping(batch.z).repeat_interleave(2, 0)
        pictures = generator.pictures(generator.planes(w), w, batch.cam2world.flatten(0, 1))
        return float((pictures.rgba - batch.rgba.flatten(0, 1)).abs().mean())

    before = error()
    run(learner, pool, 40)
    assert error() < 0.6 * before


def test_script_ends_its_slice_with_everything_written(kit_path, pool, tmp_path):
    learner = trainer(steps=2)
    head3d_train.train(learner, pool, tmp_path, end=float("inf"), stop=[], grow_threads=False)
    head3d_train.finish(learner, kit_path, tmp_path, compact=True, people=2)
    written = {path.name for path in tmp_path.iterdir()}
    assert written == {"state.pt", "compact-0.safetensors", "head3d.safetensors", "sheet.png", "log.jsonl"}
    line = json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])
    assert line["step"] == 2 and line["progress"] == 1.0
    again = trainer(steps=4)
    checkpoint.load_checkpoint(again, tmp_path)
    head3d_train.train(again, pool, tmp_path, end=0.0, stop=[], grow_threads=False)  # no time left
    assert again.step == 2


def test_average_follows_the_networks(pool):
    learner = trainer()
    before = [p.clone() for p in learner.averaged.parameters()]
    run(learner, pool, 1)
    moved = [not torch.equal(a, b) for a, b in zip(before, learner.averaged.parameters(), strict=True)]
    assert np.mean(moved) > 0.9


def test_reconstruction_losses_vanish_on_the_truth():
    rgba, depth = torch.rand(2, 4, 128, 128), 2.5 + torch.rand(2, 64, 64)
    raw = torch.nn.functional.avg_pool2d(rgba, 2)
    losses = reconstruction_losses(Pictures(rgba, raw, depth), rgba, depth, None)
    assert all(float(loss) == 0 for loss in losses.values())
    window = (4, 6, 16)
    part = Pictures(rgba[..., 8:40, 12:44], raw[..., 4:20, 6:22], depth[..., 4:20, 6:22])
    assert all(float(loss) < 1e-6 for loss in reconstruction_losses(part, rgba, depth, window).values())


def test_backgrounds_show_only_behind_the_person():
    rgba = torch.zeros(3, 4, 8, 8)
    rgba[:, 3, :4] = 1.0
    pictures = on_backgrounds(rgba, torch.Generator().manual_seed(0))
    assert (pictures[:, :, :4] == 0).all() and (pictures[:, :, 4:] > 0).any()
    assert pictures.min() >= 0 and pictures.max() <= 1


def test_directions_are_the_mean_effects_of_edits_and_share_nothing(kit_path):
    learner = trainer()
    directions = fit_directions(learner.networks.generator.mapping, kit_path, people=6)
    assert directions.shape == (len(ATTRIBUTES), W_DIM)
    assert torch.isfinite(directions).all()
    kit, mapping = load_kit(str(kit_path)), learner.networks.generator.mapping
    codes = [kit.edit(person_code(TRAIN, i), "smile", side) for i in range(6) for side in (-1.0, 1.0)]
    w = mapping(torch.tensor(np.stack(codes), dtype=torch.float32)).view(6, 2, -1)
    torch.testing.assert_close(directions[0], (w[:, 1] - w[:, 0]).mean(0) / 2)
    assert (directions.norm(dim=1) > 0).all()
    shared = directions @ directions.T
    torch.testing.assert_close(shared, torch.diag(shared.diag()), atol=1e-4, rtol=0)
    assert torch.equal(directions, fit_directions(learner.networks.generator.mapping, kit_path, people=6))


def test_discriminator_judges_windows_and_views():
    discriminator = Discriminator((8, 12, 16))
    rgba, raw, views, places = (
        torch.rand(2, 4, 32, 32),
        torch.rand(2, 4, 16, 16),
        torch.rand(2, 2),
        torch.rand(2, 2, 32, 32),
    )
    logits = discriminator(rgba, raw, views, places)
    assert logits.shape == (2,)
    assert not torch.equal(logits, discriminator(rgba, raw, views + 1, places))


def test_kid_is_near_zero_for_one_distribution_and_grows_with_distance():
    random = torch.Generator().manual_seed(0)
    a, b = torch.randn(300, 16, generator=random), torch.randn(300, 16, generator=random)
    assert abs(kid(a, b)) < 0.05
    assert kid(a, b + 1) > 0.5


def test_judge_reads_pictures_and_pencil_takes_colour_away():
    judge = Judge()
    pictures = torch.rand(2, 3, 64, 64)
    features = judge.features(pictures)
    assert judge.attributes(features).shape == (2, len(ATTRIBUTES)) and judge.pose(features).shape == (2, 2)
    drawn = pencil(pictures)
    assert drawn.shape == pictures.shape and drawn.min() >= 0 and drawn.max() <= 1
    assert float((drawn[:, 0] / drawn[:, 2]).std()) < 1e-4


def test_contact_sheet_and_report_are_readable(pool, tmp_path):
    learner = trainer()
    losses = learner.train_step(pool)
    json.dumps(learner.report(losses))
    generator = learner.averaged.generator
    contact_sheet(generator, random_heads(generator.mapping, people=10), tmp_path / "sheet.png")
    from PIL import Image

    assert Image.open(tmp_path / "sheet.png").size == (1024, 768)


def test_windows_show_a_pictures_border_too() -> None:
    run = Trainer(replace(TINY_SETTINGS, window=32), Schedule(1.0, 10), "cpu", 0)
    seen = torch.zeros(2 * RENDER_SIZE, 2 * RENDER_SIZE)
    for _ in range(400):
        top, left, side = window = run._window()
        part = seen[2 * top : 2 * (top + side), 2 * left : 2 * (left + side)]
        part[inner(window)] += 1
    rows = seen.sum(1)
    assert rows.min() > 0.25 * rows.max()


def test_w_is_the_description_with_mean_0_and_spread_1() -> None:
    mapping = MappingNetwork(CONFIGS[64])
    mapping.measure()
    w = mapping(torch.randn(1000, mapping.z_dim, generator=torch.Generator().manual_seed(1)))
    assert w.mean(0).abs().max() < 0.15
    assert w.std(0).max() < 1.2 and w.std(0).median() > 0.8


def test_everything_is_trained_once() -> None:
    run = trainer()
    groups = [*run.optimizer.param_groups, *run.style_optimizer.param_groups]
    trained = [id(p) for group in groups for p in group["params"]]
    assert sorted(trained) == sorted(id(p) for p in run.networks.parameters())


def test_the_average_knows_what_w_is_measured_by() -> None:
    run = trainer()
    mean, averaged = (net.generator.mapping.mean for net in (run.networks, run.averaged))
    assert mean.any() and torch.equal(mean, averaged)


def test_the_encoder_does_not_see_what_is_drawn(pool, monkeypatch) -> None:
    run, batches, cameras = trainer(), [], []
    draw, generator = pool.batch, run.networks.generator
    show = generator.pictures
    monkeypatch.setattr(pool, "batch", lambda *args: batches.append(draw(*args)) or batches[-1])
    monkeypatch.setattr(generator, "pictures", lambda *args: cameras.append(args[2]) or show(*args))
    run.train_step(pool)
    assert torch.equal(cameras[0], batches[-1].cam2world[:, 1:].flatten(0, 1))


def test_a_discriminator_with_its_penalty_can_be_trained(pool) -> None:
    run = trainer(warm_share=0.0, small_share=0.0)
    assert all(torch.isfinite(loss) for loss in run.train_step(pool).values())
    assert run.step == 1


class Ball:
    """The field of a dense ball about the origin; its colour is what `planes` hold."""

    def field(
        self, planes: torch.Tensor, points: torch.Tensor, want_features: bool
    ) -> tuple[torch.Tensor, torch.Tensor]:
        density = 1000.0 * (points.norm(dim=-1) < 0.4)
        return density, planes[:, None].expand(-1, points.shape[1], -1)


def ball_batch(persons: int, views: int) -> Batch:
    """What cameras see of it, in the persons' colours; the second view is a haze that says nothing."""
    random = np.random.default_rng(0)
    angles = random.uniform(-0.8, 0.8, (persons * views, 2))
    cameras = torch.from_numpy(cam2world(angles[:, 0], angles[:, 1])).float()
    origins, directions = camera_rays(cameras, RENDER_SIZE)
    along = -(origins[:, None] * directions).sum(-1)
    inside = 0.4**2 - (origins[:, None] + directions * along[..., None]).square().sum(-1)
    depth = torch.where(inside > 0, along - inside.clamp_min(0).sqrt(), torch.zeros(()))
    depth = depth.view(persons, views, RENDER_SIZE, RENDER_SIZE)
    depth[:, 1] = 0
    alpha = (depth > 0).float().repeat_interleave(2, -1).repeat_interleave(2, -2)[:, :, None]
    alpha[:, 1] = 0.5
    colours = torch.rand(persons, 1, 3, 1, 1, generator=torch.Generator().manual_seed(0))
    colours = colours.expand(-1, views, -1, 2 * RENDER_SIZE, 2 * RENDER_SIZE)
    rgba = torch.cat([colours * alpha, alpha], 2)
    none = torch.zeros(persons, 0)
    return Batch(none, none, torch.from_numpy(angles), cameras.view(persons, views, 4, 4), rgba, depth)


def test_points_lie_on_the_surface_before_it_and_behind_it() -> None:
    batch, random = ball_batch(persons=3, views=3), torch.Generator().manual_seed(0)
    colours = batch.rgba[:, 2, :3, RENDER_SIZE, RENDER_SIZE]
    right = point_losses(Ball(), colours, batch, random)
    assert right["colour"] == 0 and right["empty"] == 0
    assert right["full"] < 2e-3  # rays that graze the ball leave it soon
    assert float(point_losses(Ball(), 1 - colours, batch, random)["colour"]) > 0.05
    batch.depth[:, 2] += 0.2 * (batch.depth[:, 2] > 0)
    assert float(point_losses(Ball(), colours, batch, random)["empty"]) > 0.02
    batch.depth[:, 2] -= 0.4 * (batch.depth[:, 2] > 0)
    assert float(point_losses(Ball(), colours, batch, random)["full"]) > 0.02


def test_points_keep_off_steps_in_depth() -> None:
    depth = torch.full((1, 32, 32), 2.5)
    depth[..., 16:] = 2.9
    rgba = torch.rand(1, 4, 32, 32, generator=torch.Generator().manual_seed(0))
    rgba[:, 3] = 1
    pixels, shown = _surface_pixels(rgba, depth, torch.Generator().manual_seed(0))
    columns = pixels % 32
    assert shown.all() and not ((columns == 15) | (columns == 16)).any()
