"""The cone of a gate: the gates and pixels that it depends on, with the values they had for one drawing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.logicgates.netlist import TRUTH_TABLES, Netlist

MAX_LEVELS = 4
"""Gates from the root down that a cone follows; what lies deeper ends in a leaf."""


@dataclass(frozen=True)
class ConeNode:
    """A gate of the cone, or the input bit or deeper gate at which it ends."""

    layer: int
    """1 for the first layer of gates; 0 for an input bit."""
    index: int
    """Gate within its layer, or pixel within the cropped image, row-major."""
    op: int
    """Function id; 3 ("a") for an input bit."""
    value: bool
    inputs: tuple[int, ...]
    """Positions in the cone of the nodes that it reads, those it ignores left out."""


def cone(
    netlist: Netlist, bits: np.ndarray, signals: Sequence[np.ndarray], output: int
) -> tuple[ConeNode, ...]:
    """Nodes below output gate `output`, the root first; wires are passed through, each gate stands once.

    `bits` bool [n_inputs] and `signals` bool [gates] per layer are the values for one image.
    """
    values = [bits.reshape(-1), *signals]
    nodes: list[ConeNode] = []
    places: dict[tuple[int, int], int] = {}

    def visit(layer: int, index: int, level: int) -> int:
        if (layer, index) in places:
            return places[layer, index]
        place = places[layer, index] = len(nodes)
        op = int(netlist.layers[layer - 1].op[index]) if layer else 3
        value = bool(values[layer][index])
        nodes.append(ConeNode(layer, index, op, value, ()))
        if layer and level < MAX_LEVELS:
            below = [_through_wires(netlist, layer - 1, i) for i in _read_by(netlist, layer, index)]
            inputs = tuple(dict.fromkeys(visit(*key, level + 1) for key in below))
            nodes[place] = ConeNode(layer, index, op, value, inputs)
        return place

    visit(len(netlist.layers), output, 0)
    return tuple(nodes)


def _read_by(netlist: Netlist, layer: int, index: int) -> list[int]:
    """The inputs that a gate's function depends on."""
    gates = netlist.layers[layer - 1]
    f00, f01, f10, f11 = TRUTH_TABLES[gates.op[index]]
    inputs = []
    if f00 != f10 or f01 != f11:
        inputs.append(int(gates.a[index]))
    if f00 != f01 or f10 != f11:
        inputs.append(int(gates.b[index]))
    return inputs


def _through_wires(netlist: Netlist, layer: int, index: int) -> tuple[int, int]:
    """Follow gates that only hand on one input ("a" or "b") down to what they hand on."""
    while layer and netlist.layers[layer - 1].op[index] in (3, 5):
        gates = netlist.layers[layer - 1]
        index = int(gates.a[index] if gates.op[index] == 3 else gates.b[index])
        layer -= 1
    return layer, index
