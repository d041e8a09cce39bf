"""The program as straight-line x86-64 code, for CPUs with AVX2 but not AVX-512.

There a table entry's loads of its operands' addresses cost as much as its loads of planes. In a straight line
there are none, and a plane that is needed again soon stays in one of the 16 registers. The code is written as
assembly text, which LLVM only has to encode: a fraction of a second for a net, where compiling it takes many.
Gates are two-input ones here (an instruction each), in the order in which the classes need them.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from pipelines.logicgates.compile import Graph
from pipelines.logicgates.netlist import Netlist
from pipelines.logicgates.program import (
    FLIP,
    PART,
    Program,
    assemble,
    place_inputs,
    tallies,
    write_tally,
)

PLANE_BYTES = 32
COUNTERS = (15, 14, 13)
"""Registers that count outputs as they are made: ones, twos, fours. The others hold planes."""
_INSTRUCTION = {0b1000: "vpand", 0b1110: "vpor", 0b0110: "vpxor"}
_NEVER = 1 << 60


def straight_line(graph: Graph, netlist: Netlist) -> tuple[Program, list[str]]:
    """The program, and the assembly text of its parts: void part(state, counter), one per class and sign.

    `graph` holds two-input gates, as from `fold`.
    """
    lists, start = tallies(graph.outputs, netlist.classes)
    parts = [(label, nodes) for label, pair in enumerate(lists) for nodes in reversed(pair)]  # subtract first
    live = graph.live()
    windows, input_slot = place_inputs(np.flatnonzero(live[1 : 1 + netlist.n_inputs]), netlist)
    order = _order(graph, [nodes for _, nodes in parts], netlist.n_inputs)
    writer = _Writer(graph, order, [nodes for _, nodes in parts], input_slot)
    code: list[tuple[int, ...]] = []
    operands: list[int] = []
    texts = []

    for number, (label, nodes) in enumerate(parts):
        text, ones, eights = writer.write_part(order[number], nodes)
        if text:
            code.append((PART, len(texts), len(operands), label, 0))
            operands.extend([0, 0])  # for the part's address
            texts.append(text)
        write_tally(code, operands, eights, label, bit=3)
        write_tally(code, operands, [writer.slot[node] for node in ones], label, bit=0)
        if nodes and number % 2 == 0:
            code.append((FLIP, 1, 0, label, 0))
        writer.end_part(ones, eights)
    return assemble(code, operands, writer.n_slots, windows, start, netlist), texts


def _order(graph: Graph, parts: list[list[int]], n_inputs: int) -> list[list[int]]:
    """Gates per part, depth first from its outputs: each just before it is first needed.

    When a plane has one reader left that could run now, it does, so that the plane need not be kept.
    """
    inputs, tables = graph.inputs[:, :2].tolist(), (graph.table & 15).tolist()
    readers: list[list[int]] = [[] for _ in inputs]
    for gate in np.flatnonzero(graph.live() & (graph.layer > 0)).tolist():
        for source in inputs[gate]:
            readers[source].append(gate)
    done = [node <= n_inputs for node in range(len(inputs))]
    orders = []
    for nodes in parts:
        order: list[int] = []
        for root in dict.fromkeys(nodes):
            stack = [root]
            while stack:
                node = stack[-1]
                first, last = inputs[node]
                if tables[node] == 0b0100:  # the complemented operand last: it must be in a register
                    first, last = last, first
                if done[node]:
                    stack.pop()
                elif not done[first]:
                    stack.append(first)
                elif not done[last]:
                    stack.append(last)
                else:
                    done[node] = True
                    order.append(stack.pop())
                    for source in (first, last) if first > n_inputs or last > n_inputs else ():
                        readers[source].remove(node)
                        stack += _last_reader(source, readers, inputs, done)
        orders.append(order)
    return orders


def _last_reader(node: int, readers: list[list[int]], inputs: list[list[int]], done: list[bool]) -> list[int]:
    """The gate that reads `node` last, if it can run and is itself read."""
    if len(readers[node]) != 1:
        return []
    (reader,) = readers[node]
    return [reader] if readers[reader] and all(done[source] for source in inputs[reader]) else []


class _Writer:
    """Writes parts, and keeps track of where planes are: in registers, in slots, or both."""

    def __init__(
        self, graph: Graph, order: list[list[int]], parts: list[list[int]], input_slot: dict[int, int]
    ) -> None:
        self.inputs = graph.inputs[:, :2].tolist()
        self.tables = (graph.table & 15).tolist()
        self.uses: list[list[int]] = [[] for _ in self.tables]  # positions of coming reads, the next one last
        gates = [gate for part in order for gate in part]
        for position in range(len(gates) - 1, -1, -1):
            for source in self.inputs[gates[position]]:
                self.uses[source].append(position)
        self.votes = [0] * len(self.tables)  # tallies to come
        for nodes in parts:
            for node in nodes:
                self.votes[node] += 1
        self.slot = dict(input_slot)
        self.n_slots = 64 * (1 + max(input_slot.values(), default=-1) // 64)
        self.free = sorted(set(range(self.n_slots)) - set(input_slot.values()), reverse=True)
        self.held: list[int | None] = [None] * min(COUNTERS)  # node in each register
        self.register: dict[int, int] = {}
        self.lines: list[str] = []

    def write_part(self, order: list[int], nodes: list[int]) -> tuple[str, list[int], list[int]]:
        """Assembly of a part's gates, which counts those of its outputs that it makes.

        Left to be tallied are the nodes returned second, as ones, and the slots returned third, as eights.
        """
        self.lines = []
        self.eights: list[int] = []
        self.carries: list[list[int]] = [[] for _ in COUNTERS]
        entries = Counter(nodes)
        made_here = {node for node in order if entries[node] == 1}
        for node in order:
            self._write_gate(node)
            if node in made_here:
                self.votes[node] -= 1
                self._count(node if not self.uses[node] and not self.votes[node] else self._copy(node), 0)
            if not self.uses[node]:
                self._drop(node)
        for level, waiting in enumerate(self.carries):
            if waiting:
                self._count(None, level)
        for node in [node for node in self.held if node is not None]:
            self._drop(node)
        if made_here:
            places = [(f"{PLANE_BYTES * k}(%rsi)", f"%ymm{register}") for k, register in enumerate(COUNTERS)]
            into = [f"vmovdqa {memory}, {register}" for memory, register in places]
            back = [f"vmovdqa {register}, {memory}" for memory, register in places]
            self.lines = [*into, *self.lines, *back]
        text = "\n".join([*self.lines, "vzeroupper", "ret"]) if self.lines else ""
        return text, [node for node in nodes if node not in made_here], self.eights

    def end_part(self, ones: list[int], eights: list[int]) -> None:
        """After the tally: its planes' slots are free again, unless they are still read."""
        self.free.extend(eights)
        for node in ones:
            self.votes[node] -= 1
            self._release(node)

    def _count(self, node: int | None, level: int) -> None:
        """Count a plane, worth 2**level votes, together with the one that waits; None: that one alone.

        The carry replaces the plane in its register, and waits for another one or is stored.
        """
        waiting = self.carries[level]
        if node is not None:
            self.uses[node] = [-_NEVER]  # stays in its register
            waiting.append(node)
            if len(waiting) < 2:
                return
        self.carries[level] = []
        carry = waiting[-1]
        if node is None:
            self._half_add(carry, COUNTERS[level])
        else:
            self._add(*waiting, COUNTERS[level])
        if level + 1 < len(COUNTERS):
            self._count(carry, level + 1)
        else:
            self.eights.append(self._put(self.register[carry]))
            self._forget(carry)

    def _copy(self, node: int) -> int:
        """A second node for the same plane, in a register of its own."""
        register = self._free_register(keep=(node,))
        self.lines.append(f"vmovdqa %ymm{self.register[node]}, %ymm{register}")
        copy = len(self.uses)
        self.uses.append([])
        self.votes.append(0)
        self.held[register], self.register[copy] = copy, register
        return copy

    def _write_gate(self, node: int) -> None:
        a, b = self.inputs[node]
        self.uses[a].pop()
        self.uses[b].pop()
        table = self.tables[node]
        if table in _INSTRUCTION:
            instruction = _INSTRUCTION[table]
            if b in self.register and (a not in self.register):
                a, b = b, a
            elif a not in self.register and self._next(b) < self._next(a):
                a, b = b, a  # the one needed again sooner goes into a register
        else:  # a & ~b: the complemented operand must be in a register
            instruction = "vpandn"
            if table == 0b0010:
                a, b = b, a
        first = self._load(a, keep=(b,))
        second = f"%ymm{self.register[b]}" if b in self.register else self._memory(b)
        unneeded = [source for source in (a, b) if not self.uses[source]]
        for source in unneeded:
            if not self.votes[source] or source in self.slot:
                self._forget(source)
        target = self._free_register(keep=())
        self.lines.append(f"{instruction} {second}, %ymm{first}, %ymm{target}")
        for source in unneeded:
            self._release(source)
        self.held[target], self.register[node] = node, target

    def _add(self, a: int, b: int, counter: int) -> None:
        """Full adder: count two planes, both in registers; the carry is left in the place of `b`."""
        x, y, total = (f"%ymm{register}" for register in (self.register[a], self.register[b], counter))
        either = f"%ymm{self._free_register(keep=(a, b))}"
        self.lines += [
            f"vpxor {x}, {y}, {either}",
            f"vpand {x}, {y}, {x}",
            f"vpand {either}, {total}, {y}",
            f"vpxor {either}, {total}, {total}",
            f"vpor {x}, {y}, {y}",
        ]
        self._forget(a)

    def _half_add(self, node: int, counter: int) -> None:
        """Half adder: count one plane; the carry is left in its place."""
        y, total = f"%ymm{self.register[node]}", f"%ymm{counter}"
        old = f"%ymm{self._free_register(keep=(node,))}"
        self.lines += [
            f"vmovdqa {total}, {old}",
            f"vpxor {y}, {total}, {total}",
            f"vpand {y}, {old}, {y}",
        ]

    def _put(self, register: int) -> int:
        """Store a register in a new slot."""
        slot = self._new_slot()
        self.lines.append(f"vmovdqa %ymm{register}, {PLANE_BYTES * slot}(%rdi)")
        return slot

    def _next(self, node: int) -> int:
        return self.uses[node][-1] if self.uses[node] else _NEVER

    def _memory(self, node: int) -> str:
        return f"{PLANE_BYTES * self.slot[node]}(%rdi)"

    def _load(self, node: int, keep: tuple[int, ...]) -> int:
        """Register of a node, loaded if need be."""
        if node not in self.register:
            register = self._free_register(keep)
            self.lines.append(f"vmovdqa {self._memory(node)}, %ymm{register}")
            self.held[register], self.register[node] = node, register
        return self.register[node]

    def _free_register(self, keep: tuple[int, ...]) -> int:
        """An empty register; if there is none, the plane that is needed last has to make room."""
        if None not in self.held:
            self._drop(max((node for node in self.held if node not in keep), key=self._next))
        return self.held.index(None)

    def _drop(self, node: int) -> None:
        """Empty a node's register; its plane is stored first if it will be needed."""
        if self.uses[node] or self.votes[node]:
            self._store(node)
        self._forget(node)

    def _forget(self, node: int) -> None:
        if node in self.register:
            self.held[self.register.pop(node)] = None

    def _store(self, node: int) -> None:
        if node not in self.slot:
            self.slot[node] = self._put(self.register[node])

    def _new_slot(self) -> int:
        if self.free:
            return self.free.pop()
        self.n_slots += 1
        return self.n_slots - 1

    def _release(self, node: int) -> None:
        """Free the slot of a plane that nobody needs any more."""
        if not self.uses[node] and not self.votes[node] and node in self.slot:
            self.free.append(self.slot.pop(node))
