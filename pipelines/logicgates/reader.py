"""A trained net at work: one drawing read and explained, or the whole test set."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pipelines.backbones.digits import normalise_digit
from pipelines.logicgates.cone import Cone, cone
from pipelines.logicgates.data import mnist
from pipelines.logicgates.kernel import CompiledCircuit
from pipelines.logicgates.netlist import TRUTH_TABLES, Netlist

PROBE_IMAGES = 2000
"""Training images from which a net's `Habits` are taken."""
DOUBTED = 0.05
"""Share of the training digits whose lead is called small; most scribbles have so small a one."""


@dataclass(frozen=True)
class Reading:
    """What a net made of one drawing."""

    digit: np.ndarray
    """uint8 [28, 28], the drawing in MNIST's form."""
    bits: np.ndarray
    """bool [side, side], the thresholded pixels: all that the circuit saw."""
    signals: list[np.ndarray]
    """bool [gates] per layer: which gates fired."""
    votes: np.ndarray
    """int32 [classes], firing gates in each class's group."""
    prediction: int
    """The class with most votes (the lowest one on a tie)."""
    doubtful: bool
    """Whether it is unlike one digit: a lead, or an amount of ink, that training digits seldom have."""
    seconds: float
    """Time from drawing to class."""


@dataclass(frozen=True)
class TestResult:
    """The 10,000 test images, classified by the compiled circuit."""

    __test__ = False  # not a pytest class

    accuracy: float
    confusion: np.ndarray
    """int [classes, classes], rows the true class, columns the predicted one."""
    mistakes: np.ndarray
    """Indices of the wrongly read images, those outvoted by most first."""
    predictions: np.ndarray
    seconds: float
    """Time of the classification alone."""


@dataclass(frozen=True)
class Habits:
    """What a net does with training digits."""

    odds: np.ndarray
    """float [output gates]: log-odds that the gate fires for its own class against the other classes."""
    small_lead: int
    """Votes between the first and the second class: the share DOUBTED of the digits has no more."""
    ink: tuple[int, int]
    """Fewest and most input bits that are set."""


class LogicGates:
    """A discretised net with its compiled circuit. Safe to call from several threads."""

    def __init__(self, netlist: Netlist) -> None:
        self.netlist = netlist

    @cached_property
    def circuit(self) -> CompiledCircuit:
        """Compiled on first use."""
        return CompiledCircuit(self.netlist)

    def read(self, ink: np.ndarray) -> Reading:
        """Read one drawing, uint8 [height, width], 0 = paper, 255 = ink. Raises InputError if it is empty."""
        start = time.perf_counter()
        digit = normalise_digit(ink)
        signals = [layer[0] for layer in self.netlist.signals(digit[None])]
        votes = signals[-1].reshape(self.netlist.classes, -1).sum(axis=1, dtype=np.int32)
        seconds = time.perf_counter() - start
        bits = self.netlist.input_bits(digit[None]).reshape(self.netlist.side, self.netlist.side)
        few, many = self.habits.ink
        doubtful = _leads(votes[None])[0] <= self.habits.small_lead or not few <= bits.sum() <= many
        return Reading(digit, bits, signals, votes, int(votes.argmax()), bool(doubtful), seconds)

    def test(self) -> TestResult:
        """Classify all test images now, and compare."""
        images, labels = mnist("test")
        start = time.perf_counter()
        votes = self.circuit.votes(images)
        predictions = votes.argmax(axis=1)
        seconds = time.perf_counter() - start
        classes = self.netlist.classes
        confusion = np.bincount(labels * classes + predictions, minlength=classes**2).reshape(
            classes, classes
        )
        wrong = np.flatnonzero(predictions != labels)
        outvoted_by = votes[wrong].max(axis=1) - votes[wrong, labels[wrong]]
        mistakes = wrong[np.argsort(-outvoted_by, kind="stable")]
        return TestResult(float((predictions == labels).mean()), confusion, mistakes, predictions, seconds)

    @cached_property
    def habits(self) -> Habits:
        """Measured on first use."""
        images, labels = mnist("train")
        images, labels = images[:PROBE_IMAGES], labels[:PROBE_IMAGES]
        fired = _outputs(self.netlist, images)
        own = np.arange(fired.shape[1]) // self.netlist.group_size
        mine = labels[:, None] == own[None, :]
        rate_own = ((fired & mine).sum(axis=0) + 1) / (mine.sum(axis=0) + 2)
        rate_other = ((fired & ~mine).sum(axis=0) + 1) / ((~mine).sum(axis=0) + 2)
        odds = np.log(rate_own / (1 - rate_own)) - np.log(rate_other / (1 - rate_other))
        leads = _leads(fired.reshape(len(fired), self.netlist.classes, -1).sum(axis=2))
        ink = self.netlist.input_bits(images).sum(axis=1)
        return Habits(odds, int(np.quantile(leads, DOUBTED)), (int(ink.min()), int(ink.max())))

    def telling_output(self, reading: Reading, digit: int) -> int:
        """Index of the output gate that says most for `digit`: it fired, and fires for few other digits."""
        start = digit * self.netlist.group_size
        group = slice(start, start + self.netlist.group_size)
        odds = np.where(reading.signals[-1][group], self.habits.odds[group], -np.inf)
        if not np.isfinite(odds).any():
            odds = self.habits.odds[group]
        return start + int(odds.argmax())

    def cone(self, reading: Reading, output: int) -> Cone:
        """The gates and pixels that output gate `output` depends on."""
        return cone(self.netlist, reading.bits, reading.signals, output)


def _leads(votes: np.ndarray) -> np.ndarray:
    """int [n, classes] -> int [n], votes between the first and the second class."""
    ranked = np.sort(votes, axis=1)
    return ranked[:, -1] - ranked[:, -2]


def _outputs(netlist: Netlist, images: np.ndarray) -> np.ndarray:
    """uint8 [n, 28, 28] -> bool [n, output gates], eight images to a byte, which is fast."""
    planes = np.packbits(netlist.input_bits(images), axis=0).T
    for layer in netlist.layers:
        a, b = planes[layer.a], planes[layer.b]
        t00, t01, t10, t11 = (TRUTH_TABLES[layer.op] * np.uint8(255)).T[:, :, None]
        planes = t00 & ~a & ~b | t01 & ~a & b | t10 & a & ~b | t11 & a & b
    return np.unpackbits(planes, axis=1, count=len(images)).T.astype(bool)
