"""The optimiser keeps every vote and accounts for every gate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.logicgates.compile import Fate, fold, merge_luts, optimise
from pipelines.logicgates.kernel import CompiledCircuit
from pipelines.logicgates.netlist import GateLayer, Netlist
from pipelines.logicgates.program import OPERATIONS, TALLY, formulas
from tests.logicgates.nets import netlists, random_images, random_netlist


def compiled_votes(netlist: Netlist, images: np.ndarray) -> np.ndarray:
    return CompiledCircuit(netlist, lanes=0).votes(images)


@settings(max_examples=60, deadline=None)
@given(netlists(), st.integers(1, 70))
def test_votes_are_kept_bit_for_bit(netlist: Netlist, n: int) -> None:
    images = random_images(n, n)
    assert np.array_equal(compiled_votes(netlist, images), netlist.votes(images))


@settings(max_examples=25, deadline=None)
@given(netlists())
def test_waterfall_adds_up(netlist: Netlist) -> None:
    circuit = optimise(netlist)
    w = circuit.waterfall
    assert w.gates == netlist.n_gates == w.constants + w.wires + w.duplicates + w.dead + w.live
    assert w.lut3 <= w.live
    assert w.gate_types_before.sum() == w.gates
    assert w.gate_types_live.sum() == w.live
    assert [len(fate) for fate in circuit.fates] == [len(layer) for layer in netlist.layers]
    assert not w.gate_types_live[:, [0, 3, 5, 10, 12, 15]].any()


@pytest.mark.parametrize("op", range(16))
@pytest.mark.parametrize("same_input", [False, True])
def test_every_function_and_both_polarities(op: int, same_input: bool) -> None:
    """One gate, read plainly and through a NOT, over all four rows."""
    wires = np.array([0], dtype=np.int32)
    gate = GateLayer(wires, wires if same_input else wires + 1, np.array([op], dtype=np.uint8))
    both = GateLayer(np.zeros(2, np.int32), np.zeros(2, np.int32), np.array([3, 12], dtype=np.uint8))
    netlist = Netlist((gate, both), classes=2)
    images = np.zeros((4, 28, 28), dtype=np.uint8)
    images[[2, 3], 0, 0] = images[[1, 3], 0, 1] = 255
    assert np.array_equal(compiled_votes(netlist, images), netlist.votes(images))


def test_duplicates_are_shared_whatever_their_polarity_and_input_order() -> None:
    a, b = np.array([0, 1, 0, 1], dtype=np.int32), np.array([1, 0, 1, 0], dtype=np.int32)
    layer = GateLayer(a, b, np.array([1, 1, 14, 14], dtype=np.uint8))  # AND, AND, NAND, NAND
    circuit = optimise(Netlist((layer,), classes=2))
    assert circuit.fates[0].tolist() == [Fate.LIVE, Fate.DUPLICATE, Fate.DUPLICATE, Fate.DUPLICATE]
    assert circuit.waterfall.lut3 == 1


def test_gates_without_an_output_are_dead() -> None:
    first = GateLayer(np.array([0, 2], np.int32), np.array([1, 3], np.int32), np.array([1, 1], np.uint8))
    last = GateLayer(np.array([0], np.int32), np.array([1], np.int32), np.array([3], np.uint8))
    circuit = optimise(Netlist((first, last), classes=1))
    assert circuit.fates[0].tolist() == [Fate.LIVE, Fate.DEAD]
    assert circuit.fates[1].tolist() == [Fate.WIRE]


def test_single_reader_gates_are_merged_into_luts() -> None:
    """(x0 and x1) xor x2 is one operation."""
    first = GateLayer(np.array([0, 2], np.int32), np.array([1, 2], np.int32), np.array([1, 3], np.uint8))
    last = GateLayer(np.array([0], np.int32), np.array([1], np.int32), np.array([6], np.uint8))
    waterfall = optimise(Netlist((first, last), classes=1)).waterfall
    assert (waterfall.live, waterfall.lut3) == (2, 1)


def test_merging_keeps_gates_that_others_read() -> None:
    gates, _ = fold(random_netlist(3, (400, 300, 200)))
    graph = merge_luts(gates)
    assert graph.live().sum() < gates.live().sum()
    assert not (graph.table & 1).any()
    assert (graph.layer[graph.inputs].max(axis=1) < np.maximum(graph.layer, 1)).all()


def test_slots_are_used_again() -> None:
    program = optimise(random_netlist(1, (500,) * 12, ops=(1, 6, 7), crop=4)).program
    assert program.n_slots < program.n_luts


def test_a_slot_is_never_overwritten_before_its_last_use() -> None:
    """Every source of every gate was written by the gate the program meant: replayed with unique values."""
    program = optimise(random_netlist(2, (300, 300, 200))).program
    targets = set(range(64 * len(program.windows)))
    for operation, count, first, *_ in program.code.tolist():
        if operation < TALLY:
            arity = OPERATIONS[operation][0]
            rows = program.operands[first : first + count * (1 + arity)].reshape(count, 1 + arity)
            assert set(rows[:, 1:].ravel().tolist()) <= targets
            assert len(set(rows[:, 0].tolist())) == count
            targets |= set(rows[:, 0].tolist())
    assert program.n_slots - 1 not in targets


def test_formulas_compute_their_tables() -> None:
    masks = {0b10101010, 0b11001100, 0b11110000}

    def value(table: int) -> int:
        if table in masks:
            return table
        operation, a, b = formulas()[table]
        x, y = value(a), value(b)
        return {"and": x & y, "or": x | y, "xor": x ^ y, "andn": x & ~y}[operation]

    assert all(value(table) == table for _, table in OPERATIONS)


def test_optimising_is_deterministic() -> None:
    first, second = (optimise(random_netlist(5)).program for _ in range(2))
    assert np.array_equal(first.operands, second.operands)
    assert np.array_equal(first.code, second.code)
