"""The cone of an output gate: what stands in it, and how it is laid out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.logicgates import GATE_NAMES, NETS, Cone, load, mnist
from pipelines.logicgates.cone import cone
from pipelines.logicgates.netlist import TRUTH_TABLES, GateLayer, Netlist
from tabs.logicgates_cone import drawing, layout, text
from tests.logicgates.nets import random_images, random_netlist


def cone_of(netlist: Netlist, image: np.ndarray, output: int, drawn_gates: int = 20) -> Cone:
    signals = [layer[0] for layer in netlist.signals(image[None])]
    return cone(netlist, netlist.input_bits(image[None])[0], signals, output, drawn_gates)


def layers(*layers: list[tuple[int, int, int]]) -> tuple[GateLayer, ...]:
    """Layers of (a, b, op)."""
    columns = [np.array(layer).T for layer in layers]
    return tuple(
        GateLayer(a.astype(np.int32), b.astype(np.int32), op.astype(np.uint8)) for a, b, op in columns
    )


WIRE, XOR, AND = 3, 6, 1
BLANK = np.zeros((28, 28), np.uint8)


@pytest.mark.parametrize("name", NETS)
def test_a_cone_computes_its_root(name: str) -> None:
    """Re-evaluating each gate from the inputs that the cone names gives the value shown."""
    netlist = load(name).netlist
    for output in range(0, len(netlist.layers[-1]), 997):
        nodes = cone_of(netlist, mnist("test")[0][1], output).nodes
        assert (nodes[0].layer, nodes[0].index) == (len(netlist.layers), output)
        for node in nodes:
            if node.layer and None not in node.inputs:
                read = [nodes[i].value for i in node.inputs]
                table = TRUTH_TABLES[node.op].reshape(2, 2)
                if len(read) == 2:
                    assert node.value == table[int(read[0]), int(read[1])]
                elif len(read) == 1:
                    reads_a = (table[0] != table[1]).any()
                    assert node.value == (table[:, 0] if reads_a else table[0])[int(read[0])]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), drawn=st.integers(1, 30))
def test_the_counts_are_of_the_whole_cone_and_the_nearest_gates_are_drawn(seed: int, drawn: int) -> None:
    """Against the plain definition: flipping what is outside of the cone never changes the root."""
    netlist, images = random_netlist(seed, (60, 50, 40, 30), crop=10), random_images(seed, 1)
    found = cone_of(netlist, images[0], seed % 30, drawn)
    assert found.n_drawn == min(drawn - 1, found.n_gates)
    whole = cone_of(netlist, images[0], seed % 30, 10_000)
    assert (whole.n_gates, whole.pixels) == (found.n_gates, found.pixels)
    assert whole.n_drawn == whole.n_gates
    assert all(None not in node.inputs for node in whole.nodes)
    assert {node.index for node in whole.nodes if not node.layer} == set(whole.pixels)
    distance = {0: 0}
    for i, node in enumerate(whole.nodes):
        for j in node.inputs:
            distance.setdefault(j, distance[i] + 1)
    gates = [(node.layer, node.index) for node in whole.nodes if node.layer]
    assert [(node.layer, node.index) for node in found.nodes if node.layer] == gates[:drawn]
    assert [distance[i] for i in range(len(whole.nodes))] == sorted(distance.values())
    outside = np.ones(netlist.n_inputs, dtype=bool)
    outside[list(whole.pixels)] = False
    bits = netlist.input_bits(images)
    for signals in (bits, bits ^ outside):
        for layer in netlist.layers:
            signals = layer(signals)  # noqa: PLW2901
        assert signals[0, seed % 30] == whole.nodes[0].value


def test_a_cone_passes_through_wires_and_shares_gates() -> None:
    net = Netlist(layers([(0, 1, XOR)] * 2, [(0, 1, WIRE), (1, 0, XOR)], [(0, 1, XOR)]), classes=1)
    found = cone_of(net, BLANK, 0)
    assert [(node.layer, node.index) for node in found.nodes] == [
        (3, 0),
        (1, 0),
        (2, 1),
        (0, 0),
        (0, 1),
        (1, 1),
    ]
    assert found.nodes[2].inputs == (5, 1), "a is gate 1, b is gate 0, which is shared"
    assert (found.n_gates, found.pixels) == (3, (0, 1))
    assert all(GATE_NAMES[node.op] == "a XOR b" for node in found.nodes if node.layer)


def test_a_constant_rests_on_nothing() -> None:
    found = cone_of(Netlist(layers([(0, 1, 15)]), classes=1), BLANK, 0)
    assert (len(found.nodes), found.n_gates, found.pixels) == (1, 0, ())
    assert layout(found.nodes) == ([0], [0])


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), drawn=st.integers(1, 40))
def test_no_two_nodes_stand_in_one_place(seed: int, drawn: int) -> None:
    netlist = random_netlist(seed, (12, 10, 8, 8, 10), crop=12)  # narrow: much is shared
    nodes = cone_of(netlist, random_images(seed, 1)[0], seed % 10, drawn).nodes
    column, row = layout(nodes)
    for i, node in enumerate(nodes):
        assert all(column[j] < column[i] for j in node.inputs if j is not None)
        assert all(column[i] != column[j] or abs(row[i] - row[j]) >= 1 for j in range(i))


def test_a_cut_drawing_says_so() -> None:
    net = load("small")
    reading = net.read(np.kron(mnist("test")[0][0], np.ones((10, 10), np.uint8)))
    cones = [net.cone(reading, output) for output in range(0, 8000, 400)]
    cut = next(each for each in cones if each.n_drawn < each.n_gates)
    said = f"rests on {cut.n_gates} gates and {len(cut.pixels)} pixels. The drawing shows the nearest 19 of"
    assert said in text(cut, 7, reading)
    whole = next(each for each in cones if each.n_drawn == each.n_gates)
    assert "nearest" not in text(whole, 7, reading)
    assert len(drawing(cut, net.netlist).data[-1].hovertext) == len(cut.nodes)
