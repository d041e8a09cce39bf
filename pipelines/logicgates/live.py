"""Train a small logic gate network on MNIST while the visitor watches. Plain torch, one thread."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from pipelines.errors import InputError
from pipelines.logicgates.data import mnist
from pipelines.logicgates.model import INITIALISATIONS, LogicNet, LogicNetConfig
from pipelines.logicgates.netlist import Netlist
from pipelines.runtime import REPORT_EVERY, Progress, in_background, use_threads


@dataclass(frozen=True)
class TrainPoint:
    """Where live training stands, measured on 500 training images held out."""

    seconds: float
    step: int
    epoch: float
    loss: float
    """Cross-entropy in nats, mean over the training batches since the last point."""
    accuracy_soft: float
    """Of the relaxed net, 0..1."""
    accuracy_discrete: float
    """Of the net with every gate set to its most probable function, 0..1."""


@dataclass(frozen=True)
class LiveResult:
    """What live training leaves."""

    netlist: Netlist
    curve: tuple[TrainPoint, ...]
    accuracy: float
    """Of the netlist on MNIST's 10,000 test images, 0..1."""


BATCH = 64
HELD_OUT = 500
MEASURING = 0.2
"""Share of the time that measuring points may take."""
DECAY_AFTER = 400
"""Steps for which the learning rate is constant; then it falls with 1 / √step."""
CHUNK = 500
"""Images evaluated between two reports."""


def train_live(
    width: int = 4_000,
    depth: int = 3,
    seconds: float = 60.0,
    initialisation: str = "gaussian",
    straight_through: bool = True,
    tau: float = 10.0,
    learning_rate: float = 0.05,
    seed: int = 0,
) -> Iterator[Progress | LiveResult]:
    """Train a net of `depth` layers of `width` gates on MNIST from scratch, on one thread, for `seconds`.

    `width` 100..16,000 and a multiple of 10; `depth` 1..8; `seconds` 1..600; `initialisation` "gaussian" or
    "residual"; `straight_through` trains the discretised forward pass; `tau` 0.5..200; `learning_rate`
    0.0001..0.5. Yields Progress in whole seconds at least every half second, with a TrainPoint as preview
    while training, and finally a LiveResult. What a step does depends on `seed` and the step alone; how many
    steps fit into the time depends on the machine.
    Raises InputError at the first `next`, before any work. Closing the generator stops it.
    """
    _check(width, depth, seconds, initialisation, tau, learning_rate, seed)
    total = math.ceil(seconds)
    config = LogicNetConfig((int(width),) * int(depth), 4, tau, initialisation=initialisation, seed=int(seed))

    def prepare() -> _Training:
        training = _Training(LogicNet(config), straight_through, learning_rate)
        training.step()  # torch's first takes a second
        return training

    preparing = Progress(0, total, "reading MNIST, laying the wires")
    yield preparing
    use_threads(1)
    training = yield from in_background(prepare, preparing)
    start = reported = time.monotonic()
    curve: list[TrainPoint] = []
    message, next_point = preparing.message, 0.0
    while (elapsed := time.monotonic() - start) < seconds:
        if elapsed >= next_point:
            curve.append(training.point(elapsed))
            soft, discrete = curve[-1].accuracy_soft, curve[-1].accuracy_discrete
            message = f"epoch {curve[-1].epoch:.1f}: {soft:.1%} soft, {discrete:.1%} discretised"
            yield Progress(int(elapsed), total, message, curve[-1])
            reported = time.monotonic()
            taken = reported - start - elapsed
            next_point = elapsed + max(REPORT_EVERY, taken / MEASURING)
        elif time.monotonic() - reported >= REPORT_EVERY / 2:
            yield Progress(int(elapsed), total, message)
            reported = time.monotonic()
        training.step()
    netlist = training.net.to_netlist()
    images, labels = mnist("test")
    right = 0
    for i in range(0, len(images), CHUNK):
        yield Progress(total, total, f"{i:,} of {len(images):,} test images read")
        right += int((netlist.votes(images[i : i + CHUNK]).argmax(1) == labels[i : i + CHUNK]).sum())
    yield LiveResult(netlist, tuple(curve), right / len(images))


class _Training:
    """A net in training on all but the held-out images."""

    def __init__(self, net: LogicNet, straight_through: bool, learning_rate: float) -> None:
        self.net, self.straight_through = net, straight_through
        self.images, labels = mnist("train")
        self.labels = torch.from_numpy(labels.astype(np.int64))
        self.rng = np.random.default_rng((net.config.seed, 1))
        order = self.rng.permutation(len(labels))
        self.held_out, self.chosen = order[:HELD_OUT], order[HELD_OUT:]
        self.optimiser = torch.optim.Adam(net.parameters(), lr=learning_rate, fused=True)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimiser, lambda step: min(1.0, (DECAY_AFTER / (step + 1)) ** 0.5)
        )
        self.steps, self.losses = 0, []

    def step(self) -> None:
        """Adam on the next batch."""
        per_epoch = len(self.chosen) // BATCH
        start = self.steps % per_epoch * BATCH
        if start == 0:
            self.rng.shuffle(self.chosen)
        batch = self.chosen[start : start + BATCH]
        scores = self.net(self._bits(batch), self.straight_through)
        loss = functional.cross_entropy(scores, self.labels[batch])
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        self.schedule.step()
        self.steps += 1
        self.losses.append(loss.item())

    @torch.no_grad()
    def point(self, seconds: float) -> TrainPoint:
        """Measure, and forget the losses so far."""
        x, labels = self._bits(self.held_out), self.labels[self.held_out]
        soft, discrete = (
            float((self.net(x, hard).argmax(1) == labels).double().mean()) for hard in (False, True)
        )
        loss, self.losses = float(np.mean(self.losses)), []
        return TrainPoint(seconds, self.steps, self.steps * BATCH / len(self.chosen), loss, soft, discrete)

    def _bits(self, indices: np.ndarray) -> torch.Tensor:
        """Input bits of training images, float32 [n_inputs, images]."""
        bits = Netlist((), crop=self.net.config.crop).input_bits(self.images[indices])
        return torch.from_numpy(bits.T.astype(np.float32))


def _check(
    width: int,
    depth: int,
    seconds: float,
    initialisation: str,
    tau: float,
    learning_rate: float,
    seed: int,
) -> None:
    ranges = (
        ("Gates per layer", width, 100, 16_000),
        ("Layers", depth, 1, 8),
        ("Seconds", seconds, 1, 600),
        ("Temperature", tau, 0.5, 200),
        ("Learning rate", learning_rate, 0.0001, 0.5),
        ("Seed", seed, 0, 2**31 - 1),
    )
    for field, value, low, high in ranges:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
            raise InputError(f"{field} is out of range.", f"Choose {low:,} to {high:,}.", field)
    for field, value in (("Gates per layer", width), ("Layers", depth), ("Seed", seed)):
        if value != int(value):
            raise InputError(f"{field} is not a whole number.", f"Choose {int(value):,}.", field)
    if width % 10:
        raise InputError(
            "Width does not split into ten classes.", f"Choose {width - width % 10:,}, say.", "Width"
        )
    if initialisation not in INITIALISATIONS:
        raise InputError(
            "This initialisation is unknown.", f"Choose {' or '.join(INITIALISATIONS)}.", "Initialisation"
        )
