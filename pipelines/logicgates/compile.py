"""Netlist optimiser: from a trained net's gates to few three-input bit-wise operations with the same votes.

Two thirds of a trained net's gates are constants, wires, duplicates or never reach an output. What is left
is merged into look-up tables of three inputs (LUT3) and put in the order in which one core runs them best.
A signal is a *literal*: 2 * node + 1 if complemented. Node 0 is the constant 0, then come the input bits,
then the gates. Every gate is stored with f(0, 0, 0) = 0; its complement lives in the literals that read it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

import numpy as np

from pipelines.logicgates.netlist import TRUTH_TABLES, Netlist
from pipelines.logicgates.program import Program, schedule


class Fate(IntEnum):
    """What becomes of a gate."""

    LIVE = 0
    DEAD = 1
    DUPLICATE = 2
    WIRE = 3
    CONSTANT = 4


@dataclass(frozen=True)
class Waterfall:
    """How many gates each step leaves: gates = constants + wires + duplicates + dead + live."""

    gates: int
    """Nominal gates of the net."""
    constants: int
    """Gates whose output never changes."""
    wires: int
    """Gates that hand on one input, or its complement."""
    duplicates: int
    """Gates that compute what another one computes, or its complement."""
    dead: int
    """Gates that no output depends on."""
    live: int
    """Two-input gates left."""
    lut3: int
    """Operations of up to three inputs after merging."""
    gate_types_before: np.ndarray
    """int [layers, 16], gates by function id."""
    gate_types_live: np.ndarray
    """int [layers, 16], live gates by function id."""


@dataclass(frozen=True)
class OptimisedCircuit:
    """What is left of a netlist, with the account of how it came about."""

    netlist: Netlist
    graph: Graph
    """The live two-input gates (and dead ones, which nothing reads)."""
    luts: Graph
    """The same, merged into operations of up to three inputs."""
    waterfall: Waterfall
    fates: tuple[np.ndarray, ...]
    """uint8 [gates] per layer, a Fate each."""

    @cached_property
    def program(self) -> Program:
        """The table-driven program of the merged operations; its slots are numbered and used again."""
        return schedule(self.luts, self.netlist)


@dataclass
class Graph:
    """Gates as flat arrays over nodes: node 0, the input bits, the gates layer by layer."""

    inputs: np.ndarray
    """int64 [nodes, 3], distinct nodes that each gate reads; 0 where it reads fewer than three."""
    table: np.ndarray
    """uint8 [nodes], truth table: bit u + 2v + 4w is f(u, v, w); bit 0 is 0."""
    layer: np.ndarray
    """int64 [nodes], 0 for the constant and the input bits, then 1, 2, ..."""
    outputs: np.ndarray
    """int64 [output gates], literals."""

    def live(self) -> np.ndarray:
        """bool [nodes]: whether any output depends on the node."""
        live = np.zeros(len(self.table), dtype=bool)
        live[self.outputs >> 1] = True
        for depth in range(int(self.layer.max()), 0, -1):
            live[self.inputs[live & (self.layer == depth)].ravel()] = True
        live[0] = False
        return live


def optimise(netlist: Netlist) -> OptimisedCircuit:
    """Fold constants and wires, normalise polarity, share duplicates, drop dead gates, merge into LUTs.

    The votes of what is left equal `netlist.votes` for every image, bit for bit.
    """
    graph, fates = fold(netlist)
    live_gates = sum(int((fate == Fate.LIVE).sum()) for fate in fates)
    luts = merge_luts(graph)
    count = np.bincount(np.concatenate(fates), minlength=len(Fate))
    layers = list(zip(netlist.layers, fates, strict=True))
    waterfall = Waterfall(
        gates=netlist.n_gates,
        constants=int(count[Fate.CONSTANT]),
        wires=int(count[Fate.WIRE]),
        duplicates=int(count[Fate.DUPLICATE]),
        dead=int(count[Fate.DEAD]),
        live=live_gates,
        lut3=int((luts.live() & (luts.layer > 0)).sum()),
        gate_types_before=np.stack([np.bincount(layer.op, minlength=16) for layer, _ in layers]),
        gate_types_live=np.stack(
            [np.bincount(layer.op[fate == Fate.LIVE], minlength=16) for layer, fate in layers]
        ),
    )
    return OptimisedCircuit(netlist, graph, luts, waterfall, tuple(fates))


def fold(netlist: Netlist) -> tuple[Graph, list[np.ndarray]]:
    """The distinct two-input gates of a net, and the fate of each original gate (uint8 per layer)."""
    known = _KnownGates(first_node=1 + netlist.n_inputs, max_nodes=1 + netlist.n_inputs + netlist.n_gates)
    literal = 2 * np.arange(1, 1 + netlist.n_inputs, dtype=np.int64)
    fates, made_by = [], []
    for depth, layer in enumerate(netlist.layers, 1):
        a, b, rows = _stored_function(literal[layer.a], literal[layer.b], layer.op)
        complemented = rows[:, 0].astype(np.int64)
        rows ^= rows[:, :1]
        needs_a = (rows[:, 2] | (rows[:, 1] ^ rows[:, 3])).astype(bool)
        needs_b = (rows[:, 1] | (rows[:, 2] ^ rows[:, 3])).astype(bool)
        node = np.where(needs_a, a, np.where(needs_b, b, 0))
        gates = np.flatnonzero(needs_a & needs_b)
        node[gates], is_new = known.nodes_of(a[gates], b[gates], rows[gates], depth)
        fate = np.where(needs_a | needs_b, Fate.WIRE, Fate.CONSTANT).astype(np.uint8)
        fate[gates] = np.where(is_new, Fate.LIVE, Fate.DUPLICATE)
        fates.append(fate)
        made_by.append(gates[is_new])
        literal = 2 * node + complemented
    graph = known.graph(literal)
    live = graph.live()
    for depth, (fate, gates) in enumerate(zip(fates, made_by, strict=True), 1):
        fate[gates[~live[graph.layer == depth]]] = Fate.DEAD
    return graph, fates


def _stored_function(
    a: np.ndarray, b: np.ndarray, op: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Literals and ids -> nodes a, nodes b, rows [n, 4] f(0,0) f(0,1) f(1,0) f(1,1) over those nodes.

    Where an input is constant, or both are the same node, the rows that can't occur repeat those that can.
    """
    columns = np.arange(4) ^ (2 * (a & 1) + (b & 1))[:, None]
    rows = TRUTH_TABLES[op[:, None], columns]
    a, b = a >> 1, b >> 1
    rows[a == 0, 2:] = rows[a == 0, :2]
    rows[b == 0, 1::2] = rows[b == 0, 0::2]
    same = a == b
    rows[same] = rows[same][:, [0, 3, 0, 3]]
    return a, b, rows


class _KnownGates:
    """The distinct gates found so far, for sharing common subexpressions."""

    def __init__(self, first_node: int, max_nodes: int) -> None:
        self.next_node = first_node
        self.max_nodes = max_nodes
        self.keys = np.zeros(0, dtype=np.int64)  # sorted
        self.nodes = np.zeros(0, dtype=np.int64)  # node of each key
        self.inputs = [np.zeros((first_node, 3), dtype=np.int64)]
        self.tables = [np.zeros(first_node, dtype=np.uint8)]
        self.layers = [np.zeros(first_node, dtype=np.int64)]

    def nodes_of(
        self, a: np.ndarray, b: np.ndarray, rows: np.ndarray, depth: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Nodes of gates with a != b and rows f(0,0)=0 f(0,1) f(1,0) f(1,1), and which of them are new."""
        low, high = np.minimum(a, b), np.maximum(a, b)
        swap = a > b
        low_only = np.where(swap, rows[:, 1], rows[:, 2])
        high_only = np.where(swap, rows[:, 2], rows[:, 1])
        table = (low_only << 1 | high_only << 2 | rows[:, 3] << 3).astype(np.int64)
        keys, first, inverse = np.unique(
            (low * self.max_nodes + high) * 16 + table, return_index=True, return_inverse=True
        )
        at = np.searchsorted(self.keys, keys)
        hit = np.append(self.keys, -1)[at] == keys
        fresh = np.flatnonzero(~hit)
        fresh = fresh[np.argsort(first[fresh])]  # number new nodes in the order of the original gates
        node = np.append(self.nodes, 0)[at]
        node[fresh] = self.next_node + np.arange(len(fresh))
        self.next_node += len(fresh)
        made_by = first[fresh]
        self.inputs.append(np.stack([low[made_by], high[made_by], np.zeros_like(low[made_by])], axis=1))
        self.tables.append((table[made_by] * 17).astype(np.uint8))  # the third input does not matter
        self.layers.append(np.full(len(fresh), depth))
        self.keys = np.concatenate([self.keys, keys[fresh]])
        self.nodes = np.concatenate([self.nodes, node[fresh]])
        order = np.argsort(self.keys)
        self.keys, self.nodes = self.keys[order], self.nodes[order]
        is_new = np.zeros(len(a), dtype=bool)
        is_new[made_by] = True
        return node[inverse], is_new

    def graph(self, outputs: np.ndarray) -> Graph:
        join = np.concatenate
        return Graph(join(self.inputs), join(self.tables), join(self.layers), outputs)


def merge_luts(graph: Graph) -> Graph:
    """Merge a gate that only one other gate reads into its reader, while the reader has at most three inputs.

    From the inputs upwards, which for a tree of two-input gates merges as many as possible.
    """
    graph = Graph(graph.inputs.copy(), graph.table.copy(), graph.layer, graph.outputs)
    live = graph.live() & (graph.layer > 0)
    readers = np.bincount(graph.inputs[live].ravel(), minlength=len(live))
    mergeable = live & (readers == 1)
    mergeable[graph.outputs >> 1] = False
    for depth in range(2, int(graph.layer.max()) + 1):
        for position in (0, 1, 2, 0, 1):
            nodes = np.flatnonzero(live & (graph.layer == depth))
            nodes = nodes[mergeable[graph.inputs[nodes, position]]]
            inputs, table, fits = _absorb(graph, nodes, position)
            absorbed = graph.inputs[nodes[fits], position]
            live[absorbed] = mergeable[absorbed] = False
            graph.inputs[nodes[fits]] = inputs[fits]
            graph.table[nodes[fits]] = table[fits]
    return graph


def _absorb(graph: Graph, nodes: np.ndarray, position: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Write the input at `position` of each node out in its inputs: new inputs, table, whether they fit."""
    inner = graph.inputs[nodes, position]
    others = np.delete(graph.inputs[nodes], position, axis=1)
    signals = np.concatenate([others, graph.inputs[inner]], axis=1)  # [n, 5], with zeros and repeats
    union = np.sort(signals, axis=1)[:, ::-1]
    union[:, 1:][union[:, 1:] == union[:, :-1]] = 0
    union = np.sort(union, axis=1)[:, ::-1]
    fits = union[:, 3] == 0
    inputs = union[:, :3].copy()
    place = (signals[:, :, None] == inputs[:, None, :]).argmax(
        axis=2
    )  # of a zero: anywhere, it does not matter
    order = np.insert(np.arange(2), position, 2)

    def composed(bits: np.ndarray) -> np.ndarray:
        value = np.take_along_axis(bits[None, :].repeat(len(nodes), 0), place, axis=1)  # [n, 5]
        value[signals == 0] = 0
        inside = graph.table[inner] >> (value[:, 2:] @ [1, 2, 4]) & 1
        outside = np.concatenate([value[:, :2], inside[:, None]], axis=1)[:, order]
        return graph.table[nodes] >> (outside @ [1, 2, 4]) & 1

    return inputs, truth_table(composed, len(nodes)), fits


def truth_table(function: Callable[[np.ndarray], np.ndarray], count: int) -> np.ndarray:
    """uint8 [count]: the tables of `count` functions; `function` maps bits u v w to their values, 0 or 1."""
    table = np.zeros(count, dtype=np.uint8)
    for row in range(8):
        bits = np.array([row & 1, row >> 1 & 1, row >> 2 & 1])
        table |= (function(bits) << row).astype(np.uint8)
    return table
