"""The cone of a gate: the gates and pixels that it depends on, with the values they had for one drawing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.logicgates.netlist import TRUTH_TABLES, Netlist

DRAWN_GATES = 20
"""Gates of a cone, the root among them, that make up `Cone.nodes`: what a plot shows legibly."""


@dataclass(frozen=True)
class ConeNode:
    """A gate of the cone, or an input bit."""

    layer: int
    """1 for the first layer of gates; 0 for an input bit."""
    index: int
    """Gate within its layer, or pixel within the cropped image, row-major."""
    op: int
    """Function id; 3 ("a") for an input bit."""
    value: bool
    inputs: tuple[int | None, ...]
    """Positions in `Cone.nodes` of what it reads, a before b; None if not there; ignored ones left out."""


@dataclass(frozen=True)
class Cone:
    """All that an output gate depends on. Gates that only hand on an input (wires) are passed through."""

    nodes: tuple[ConeNode, ...]
    """The root, the gates nearest to it, and the input bits that these read: breadth first."""
    n_gates: int
    """Gates of the whole cone, the root not counted."""
    pixels: tuple[int, ...]
    """Input bits of the whole cone, in order."""

    @property
    def n_drawn(self) -> int:
        """Gates among the nodes, the root not counted."""
        return sum(1 for node in self.nodes[1:] if node.layer)


def cone(
    netlist: Netlist,
    bits: np.ndarray,
    signals: Sequence[np.ndarray],
    output: int,
    drawn_gates: int = DRAWN_GATES,
) -> Cone:
    """The cone of output gate `output`; each gate stands in it once, however often it is read.

    `bits` bool [n_inputs] and `signals` bool [gates] per layer are the values for one image.
    """
    values = [bits.reshape(-1), *signals]
    root = (len(netlist.layers), output)
    below = {root: _read_by(netlist, *root)}  # grows while it is walked: the nearest come first
    queue = [root]
    for key in queue:
        for source in below[key]:
            if source not in below:
                below[source] = _read_by(netlist, *source)
                queue.append(source)
    gates = [key for key in queue if key[0]]
    shown = set(gates[:drawn_gates])
    shown |= {source for key in shown for source in below[key] if not source[0]}
    places = {key: place for place, key in enumerate(key for key in queue if key in shown)}
    nodes = tuple(
        ConeNode(
            layer=layer,
            index=index,
            op=int(netlist.layers[layer - 1].op[index]) if layer else 3,
            value=bool(values[layer][index]),
            inputs=tuple(places.get(source) for source in below[layer, index]),
        )
        for layer, index in places
    )
    return Cone(nodes, len(gates) - 1, tuple(sorted(index for layer, index in queue if not layer)))


def _read_by(netlist: Netlist, layer: int, index: int) -> list[tuple[int, int]]:
    """(layer, index) of the signals that a gate's function depends on; none for an input bit."""
    if not layer:
        return []
    gates = netlist.layers[layer - 1]
    f00, f01, f10, f11 = TRUTH_TABLES[gates.op[index]]
    inputs = []
    if f00 != f10 or f01 != f11:
        inputs.append(int(gates.a[index]))
    if f00 != f01 or f10 != f11:
        inputs.append(int(gates.b[index]))
    return [_through_wires(netlist, layer - 1, i) for i in inputs]


def _through_wires(netlist: Netlist, layer: int, index: int) -> tuple[int, int]:
    """Follow gates that only hand on one input ("a" or "b") down to what they hand on."""
    while layer and netlist.layers[layer - 1].op[index] in (3, 5):
        gates = netlist.layers[layer - 1]
        index = int(gates.a[index] if gates.op[index] == 3 else gates.b[index])
        layer -= 1
    return layer, index
