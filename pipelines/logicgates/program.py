"""The program that the kernels run: gates in order of execution, bit planes assigned to slots, votes tallied.

A bit plane holds one signal for a block of images, one bit each. The program is plain numbers; the kernel
holds one loop per operation and walks through them, so that no code is generated per net.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import groupby, permutations
from typing import TYPE_CHECKING

import numpy as np

from pipelines.logicgates.netlist import Netlist

if TYPE_CHECKING:
    from pipelines.logicgates.compile import Graph

WINDOW = 64
"""Pixels that are thresholded into one word."""
TALLY_STEPS = (32, 8)
"""Planes that a tally takes at a time: in the main, and at the end of a list."""


def _canonical(table: int) -> tuple[int, int, tuple[int, int, int]]:
    """Arity, smallest equal table under a change of input order, and that order (new position -> old)."""
    needs = [i for i in range(3) if any((table >> m ^ table >> (m ^ 1 << i)) & 1 for m in range(8))]
    rest = [i for i in range(3) if i not in needs]
    candidates = []
    for first in permutations(needs):
        order = (*first, *rest)
        old_rows = [sum((m >> j & 1) << order[j] for j in range(3)) for m in range(8)]
        candidates.append((sum((table >> old & 1) << m for m, old in enumerate(old_rows)), order))
    return len(needs), *min(candidates)


_CANONICAL = {table: _canonical(table) for table in range(0, 256, 2)}
MIN_COUNTER_BITS = 8
"""So that a tally on any bit has a counter bit for each of its adders' levels."""
OPERATIONS = tuple(sorted({(arity, table) for arity, table, _ in _CANONICAL.values() if arity >= 2}))
"""(arity, truth table) of the functions of two or three inputs with f(0, 0, 0) = 0, up to input order."""
TALLY = len(OPERATIONS)
"""Add planes to a class's counter, TALLY_STEPS[0] at a time; TALLY + 1: TALLY_STEPS[1] at a time."""
FLIP = TALLY + 2
"""Complement a class's counter."""
PART = FLIP + 1
"""Run a part of straight-line code (straight.py); its operands are the address."""

_ARITY = np.array([arity for arity, _ in OPERATIONS])
_OPCODE = np.zeros(256, dtype=np.int64)
_ORDER = np.zeros((256, 3), dtype=np.int64)
for _table, (_arity, _form, _order) in _CANONICAL.items():
    if _arity >= 2:
        _OPCODE[_table], _ORDER[_table] = OPERATIONS.index((_arity, _form)), _order
    else:  # a copy is a AND a, the constant 0 is a AND NOT a
        _OPCODE[_table] = OPERATIONS.index((2, 0b10001000 if _arity else 0b00100010))
        _ORDER[_table] = _order[0]


@cache
def formulas() -> dict[int, tuple[str, int, int]]:
    """Truth table -> (operation, table, table) of its shortest formula; "andn" is a & ~b."""
    size = np.full(256, 99)
    made: dict[int, tuple[str, int, int]] = {}
    size[[0b10101010, 0b11001100, 0b11110000]] = 0
    tables = np.arange(256)
    for length in range(1, 6):
        new = {}
        for a in np.flatnonzero(size < 99).tolist():
            others = np.flatnonzero(size + size[a] == length - 1)
            for name, result in (
                ("and", tables & a), ("or", tables | a), ("xor", tables ^ a), ("andn", a & ~tables & 255)
            ):  # fmt: skip
                for b in others.tolist():
                    if size[result[b]] == 99:
                        new.setdefault(int(result[b]), (name, a, b))
        made |= new
        size[list(new)] = length
    return made


@dataclass(frozen=True)
class Program:
    """Instructions over numbered slots, each of which holds one bit plane. The last slot is always 0."""

    code: np.ndarray
    """int32 [instructions, 5]: operation, how many of it, its first operand, class and lowest counter bit."""
    operands: np.ndarray
    """uint32, slots: target and two or three sources per gate; planes of a tally, zeros to fill up."""
    windows: np.ndarray
    """int64 [windows], pixel offsets: pixel windows[w] + i, thresholded, goes to slot 64w + i."""
    start: np.ndarray
    """int64 [classes], what the counters hold before the first tally, modulo 2**counter_bits."""
    n_slots: int
    counter_bits: int
    """Bits per class counter."""
    threshold: int

    @property
    def classes(self) -> int:
        return len(self.start)

    @property
    def n_luts(self) -> int:
        """Gate operations, of two or three inputs."""
        return int(self.code[self.code[:, 0] < TALLY, 1].sum())


def schedule(graph: Graph, netlist: Netlist) -> Program:
    """Order the live gates by level and operation; then per class its own output gates and its tally.

    A class's outputs are counted while they are still in the nearest cache, and their slots used again.
    """
    live = graph.live()
    windows, input_slot = place_inputs(np.flatnonzero(live[1 : 1 + netlist.n_inputs]), netlist)
    gates = np.flatnonzero(live & (graph.layer > 0))
    votes, start = tallies(graph.outputs, netlist.classes)
    stage = _stages(graph, gates, votes)
    opcode = _OPCODE[graph.table[gates]]
    sources = np.take_along_axis(graph.inputs[gates], _ORDER[graph.table[gates]], axis=1)
    sources[_ARITY[opcode] == 2, 2] = 0
    order = np.lexsort((sources[:, 1], sources[:, 0], opcode, stage[gates]))
    slots = _Slots(np.bincount(sources.ravel(), minlength=len(stage)), votes, input_slot)
    code: list[tuple[int, ...]] = []
    class_stage = int(stage.max()) + 1 - netlist.classes
    steps = zip(stage[gates][order].tolist(), opcode[order].tolist(), gates[order].tolist(), strict=True)
    steps = zip(steps, sources[order].tolist(), strict=True)
    by_stage = {key: list(group) for key, group in groupby(steps, key=lambda step: step[0][0])}
    for now in range(1, class_stage + netlist.classes):
        for operation, group in groupby(by_stage.get(now, []), key=lambda step: step[0][1]):
            arity = OPERATIONS[operation][0]
            first, count = len(slots.operands), 0
            for (_, _, gate), inputs in group:
                slots.run_gate(gate, inputs[:arity])
                count += 1
            code.append((operation, count, first, 0, 0))
        if now >= class_stage:
            label = now - class_stage
            added, subtracted = votes[label]
            if subtracted:  # c + n, complemented, + p: the constants in `start` make this bias + p - n
                slots.run_tally(subtracted, label, code)
                code.append((FLIP, 1, 0, label, 0))
            if added:
                slots.run_tally(added, label, code)
    return assemble(code, slots.operands, slots.count, windows, start, netlist)


def write_tally(
    code: list[tuple[int, ...]], operands: list[int], planes: list[int], label: int, bit: int
) -> None:
    """Append instructions that count the planes in these slots, each worth 2**bit votes of class `label`."""
    main, end = TALLY_STEPS
    steps = len(planes) // main, -(-(len(planes) % main) // end)
    for operation, count in enumerate(steps, TALLY):
        if count:
            code.append((operation, count, len(operands), label, bit))
            taken = planes[: count * TALLY_STEPS[operation - TALLY]]
            operands += taken + [-1] * (count * TALLY_STEPS[operation - TALLY] - len(taken))
            planes = planes[len(taken) :]


def assemble(
    code: list[tuple[int, ...]],
    operands: list[int],
    n_slots: int,
    windows: np.ndarray,
    start: np.ndarray,
    netlist: Netlist,
) -> Program:
    """A program from its lists; operand -1 is the zero plane, which gets the slot after the others."""
    slots = np.array(operands, dtype=np.int64)
    slots[slots < 0] = n_slots
    return Program(
        code=np.array(code, dtype=np.int32).reshape(-1, 5),
        operands=slots.astype(np.uint32),
        windows=windows,
        start=start,
        n_slots=n_slots + 1,
        counter_bits=max(MIN_COUNTER_BITS, netlist.group_size.bit_length()),
        threshold=netlist.threshold,
    )


def place_inputs(live: np.ndarray, netlist: Netlist) -> tuple[np.ndarray, dict[int, int]]:
    """Windows that cover the live input bits, and the slot of each input's node."""
    rows, columns = np.divmod(live, netlist.side)
    pixels = (rows + netlist.crop) * netlist.SIDE + columns + netlist.crop
    windows: list[int] = []
    slot = {}
    for node, pixel in zip((live + 1).tolist(), pixels.tolist(), strict=True):
        if not windows or pixel >= windows[-1] + WINDOW:
            windows.append(min(pixel, netlist.SIDE**2 - WINDOW))  # never read beyond the image
        slot[node] = (len(windows) - 1) * WINDOW + pixel - windows[-1]
    return np.array(windows, dtype=np.int64), slot


def tallies(outputs: np.ndarray, classes: int) -> tuple[list[tuple[list[int], list[int]]], np.ndarray]:
    """Per class the nodes to add and those to subtract (a complemented x is 1 - x); the counters' start."""
    lists, start = [], []
    for group in outputs.reshape(classes, -1):
        bias = int((group & 1).sum())
        nodes, at = np.unique(group >> 1, return_inverse=True)
        weight = np.bincount(at, weights=1 - 2 * (group & 1)).astype(np.int64)
        weight[nodes == 0] = 0
        added, subtracted = (np.repeat(nodes, np.maximum(w, 0)).tolist() for w in (weight, -weight))
        lists.append((added, subtracted))
        start.append(~bias if subtracted else bias)
    return lists, np.array(start, dtype=np.int64)


def _stages(graph: Graph, gates: np.ndarray, votes: list[tuple[list[int], list[int]]]) -> np.ndarray:
    """int64 [nodes]: levels 1, 2, ... from the inputs, then one stage per class, for its own output gates."""
    stage = np.zeros(len(graph.table), dtype=np.int64)
    for depth in range(1, int(graph.layer.max()) + 1):
        nodes = gates[graph.layer[gates] == depth]
        stage[nodes] = 1 + stage[graph.inputs[nodes]].max(axis=1)
    levels = int(stage.max())
    users = np.bincount(graph.inputs[gates].ravel(), minlength=len(stage))
    voters = [np.unique(added + subtracted).astype(np.int64) for added, subtracted in votes]
    for nodes in voters:
        users[nodes] += 1
    users[np.setdiff1d(np.arange(len(stage)), gates)] = 0
    for label, nodes in enumerate(voters):
        own = nodes[users[nodes] == 1]
        stage[own] = levels + 1 + label
    stage[0] = levels + len(votes)  # so that every class has its stage, even one without gates
    return stage


class _Slots:
    """Assigns slots while the program is written down; a slot is free again after its plane's last use."""

    def __init__(
        self,
        uses: np.ndarray,
        votes: list[tuple[list[int], list[int]]],
        input_slot: dict[int, int],
    ) -> None:
        for nodes in (nodes for pair in votes for nodes in pair):
            uses += np.bincount(np.array(nodes, dtype=np.int64), minlength=len(uses))
        self.uses = uses.tolist()
        self.slot = {0: -1} | input_slot
        self.count = WINDOW * (1 + max(input_slot.values(), default=-1) // WINDOW)
        self.free = sorted(set(range(self.count)) - set(input_slot.values()), reverse=True)
        self.operands: list[int] = []

    def run_gate(self, gate: int, inputs: list[int]) -> None:
        sources = [self.slot[node] for node in inputs]
        self._release(inputs)
        if self.free:  # the slot freed last is the one nearest in the cache
            target = self.free.pop()
        else:
            target = self.count
            self.count += 1
        self.slot[gate] = target
        self.operands.append(target)
        self.operands.extend(sources)

    def run_tally(self, nodes: list[int], label: int, code: list[tuple[int, ...]]) -> None:
        write_tally(code, self.operands, [self.slot[node] for node in nodes], label, bit=0)
        self._release(nodes)

    def _release(self, nodes: list[int]) -> None:
        for node in nodes:
            self.uses[node] -= 1
            if self.uses[node] == 0 and node:
                self.free.append(self.slot[node])
