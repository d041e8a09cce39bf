"""Training: the fused kernels against torch, checkpoints, live training, and the nets that ship."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from pipelines.errors import InputError
from pipelines.logicgates.data import mnist
from pipelines.logicgates.live import LiveResult, TrainPoint, train_live
from pipelines.logicgates.model import LogicNet, LogicNetConfig
from pipelines.logicgates.netlist import Netlist
from pipelines.runtime import Progress
from pipelines.weights import asset

pytest.importorskip("numba")

from pipelines.logicgates.augment import Batches, Recipe, load_batch
from pipelines.logicgates.fused import FusedTrainer
from pipelines.logicgates.train import train

FIXED = LogicNetConfig((50, 60, 40), crop=8)
LEARNT = LogicNetConfig((50, 60, 40), crop=8, candidates=(5, 4, 1))


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def batch(net: LogicNet, n: int = 16) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    side = 28 - 2 * net.config.crop
    return (rng.random((side**2, n)) > 0.5).astype(np.float32), rng.integers(0, 10, n)


@pytest.mark.parametrize("hard", [False, True])
@pytest.mark.parametrize("config", [FIXED, LEARNT], ids=["fixed", "learnt"])
def test_fused_steps_are_those_of_torch(config: LogicNetConfig, hard: bool) -> None:
    fused, plain = LogicNet(config), LogicNet(config)
    trainer = FusedTrainer(fused)
    optimiser = torch.optim.Adam(plain.parameters(), lr=0.05)
    x, labels = batch(fused)
    for _ in range(3):
        loss, accuracy = trainer.step(x, labels, 0.05, hard)
        scores = plain(torch.from_numpy(x), hard)
        expected = torch.nn.functional.cross_entropy(scores, torch.from_numpy(labels))
        assert loss == pytest.approx(expected.item(), rel=1e-3)
        assert accuracy == pytest.approx((scores.argmax(1).numpy() == labels).mean())
        optimiser.zero_grad()
        expected.backward()
        optimiser.step()
    for ours, theirs in zip(fused.parameters(), plain.parameters(), strict=True):
        # Adam's first steps have the rate's size however small the gradient, so noise shows in a few.
        assert (ours - theirs).abs().median() < 1e-4
        assert ((ours - theirs).abs() > 0.01).float().mean() < 0.01


def test_fused_scores_are_the_netlists_votes() -> None:
    net = LogicNet(LEARNT)
    images = np.random.default_rng(1).integers(0, 256, (30, 28, 28)).astype(np.uint8)
    netlist = net.to_netlist()
    x = netlist.input_bits(images).T.astype(np.float32)
    assert np.array_equal(FusedTrainer(net).scores(x, hard=True).T, netlist.votes(images))


def test_training_goes_on_from_its_state() -> None:
    whole, resumed = LogicNet(LEARNT), LogicNet(LEARNT)
    x, labels = batch(whole)
    first, second = FusedTrainer(whole), FusedTrainer(resumed)
    first.step(x, labels, 0.05)
    first.prune(3)
    second.restore({name: tensor.copy() for name, tensor in first.state().items()}, first.steps)
    for trainer in (first, second):
        trainer.step(x, labels, 0.05, hard=True)
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(a, b)


def test_plain_batches_are_the_netlists_bits() -> None:
    recipe = Recipe(
        LogicNetConfig((40,), crop=3), epochs=1, batch=32, learning_rate=0.1, shift=1, slant=3, elastic=1
    )
    batches = Batches(recipe, np.arange(64))
    images, labels = mnist("train")
    for start, (x, y) in zip((0, 32), batches.plain(np.arange(64)), strict=True):
        chosen = slice(start, start + 32)
        assert np.array_equal(x.T, Netlist((), crop=3).input_bits(images[chosen]))
        assert np.array_equal(y, labels[chosen])
    first, again = (batches.training(5, 1.0)[0].copy() for _ in range(2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, batches.training(6, 1.0)[0])


def test_warp_shifts_by_whole_pixels() -> None:
    images, _ = mnist("train")
    n = 4
    warp = np.tile(np.float32([[1, 0, 1], [0, 1, -2]]), (n, 1, 1))
    x = np.empty((400, n), np.float32)
    load_batch(
        images, np.arange(n), warp, np.zeros((n, 2, 5, 5), np.float32), np.full(n, 127, np.float32), 4, x
    )
    assert np.array_equal(x.T.reshape(n, 20, 20), images[:n, 5:25, 2:22] > 127)


def test_a_short_training_learns(tmp_path: Path) -> None:
    recipe = Recipe(
        LogicNetConfig((300, 600), crop=4, candidates=(8, 8)),
        epochs=1, batch=128, learning_rate=0.05, wire_learning_rate=0.1,
        pruning=((0.5, 4),), shift=0.5, slant=2,
    )  # fmt: skip
    netlist = train(recipe, minutes=0.05, checkpoint=tmp_path).to_netlist()
    images, labels = mnist("test")
    assert (netlist.votes(images[:1000]).argmax(1) == labels[:1000]).mean() > 0.6
    assert (tmp_path / "state.safetensors").is_file()


def test_live_training_beats_chance_and_reports_often() -> None:
    curve, result, gap, last = [], None, 0.0, time.monotonic()
    for report in train_live(width=600, depth=2, seconds=5, seed=1):
        now = time.monotonic()
        gap, last = max(gap, now - last), now
        if isinstance(report, LiveResult):
            result = report
        else:
            assert isinstance(report, Progress) and 0 <= report.step <= report.total == 5
            if report.preview is not None:
                curve.append(report.preview)
    assert result is not None and result.curve == tuple(curve)
    assert len(curve) >= 4 and all(isinstance(point, TrainPoint) for point in curve)
    assert gap < 2.0  # half a second, with room for a busy machine
    assert curve[-1].loss < curve[0].loss and curve[-1].step > curve[0].step
    assert result.accuracy > 0.5
    images, labels = mnist("test")
    assert (result.netlist.votes(images).argmax(1) == labels).mean() == pytest.approx(result.accuracy)


def test_live_training_is_the_same_per_step() -> None:
    losses = []
    for _ in range(2):
        run = train_live(width=100, depth=2, seconds=5, seed=7)
        points = (report.preview for report in run if report.preview is not None)
        first = next(points)
        run.close()
        losses.append((first.step, first.loss, first.accuracy_soft, first.accuracy_discrete))
    assert losses[0] == losses[1] and losses[0][0] == 1


def test_live_training_stops_on_close() -> None:
    run = train_live(width=500, depth=2, seconds=300)
    while next(run).preview is None:
        pass
    start = time.monotonic()
    run.close()
    assert time.monotonic() - start < 1


@pytest.mark.parametrize(
    "bad",
    [
        {"width": 55},
        {"width": 1_000_000},
        {"width": 100.5},
        {"depth": 0},
        {"seconds": 0},
        {"seconds": float("nan")},
        {"initialisation": "zeros"},
        {"tau": -1},
        {"tau": None},
        {"learning_rate": 7},
        {"seed": -1},
        {"seed": "1"},
    ],
    ids=str,
)
def test_bad_settings_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(InputError) as error:
        next(train_live(**bad))
    assert error.value.hint and error.value.field


@pytest.mark.parametrize(("name", "accuracy", "gates"), [("small", 0.976, 48_000), ("fast", 0.98, 10_000)])
def test_shipped_nets_reach_what_they_promise(name: str, accuracy: float, gates: int) -> None:
    netlist = Netlist.load(asset("logicgates", f"{name}.safetensors"))
    images, labels = mnist("test")
    assert netlist.n_gates <= gates
    assert (netlist.votes(images).argmax(1) == labels).mean() >= accuracy
