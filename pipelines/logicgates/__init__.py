"""Deep Differentiable Logic Gate Networks (arXiv 2210.08277): nets of two-input gates that read digits.

net = load("fast")
net.read(ink).prediction
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pipelines.backbones.digits import ink_of
from pipelines.logicgates.compile import Waterfall
from pipelines.logicgates.cone import Cone, ConeNode
from pipelines.logicgates.data import mnist
from pipelines.logicgates.export import to_c, to_json, to_verilog
from pipelines.logicgates.netlist import GATE_NAMES, Netlist
from pipelines.logicgates.reader import LogicGates, Reading, TestResult
from pipelines.runtime import Progress, in_background, load_once
from pipelines.weights import weights_file

if TYPE_CHECKING:
    from pipelines.logicgates.live import LiveResult

NETS = ("fast", "small")
"""Embedded nets: "small" is the paper's (6 x 8,000 gates), "fast" one of ours with learned wiring."""

__all__ = [
    "GATE_NAMES",
    "NETS",
    "Cone",
    "ConeNode",
    "LogicGates",
    "Netlist",
    "Reading",
    "TestResult",
    "Waterfall",
    "ink_of",
    "load",
    "mnist",
    "to_c",
    "to_json",
    "to_verilog",
    "train_live",
]


@load_once
def load(name: str = "fast") -> LogicGates:
    """An embedded net, by its name in NETS."""
    return LogicGates(Netlist.load(weights_file("logicgates", f"{name}.safetensors")))


def train_live(**settings: Any) -> Iterator[Progress | LiveResult]:
    """`live.train_live`: train a net while the visitor watches. It imports torch, and reports meanwhile."""
    warming = Progress(0, 1, "warming up")
    yield warming
    live = yield from in_background(lambda: import_module("pipelines.logicgates.live"), warming)
    yield from live.train_live(**settings)
