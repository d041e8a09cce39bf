"""The drawing of a cone: gates in the symbols of circuit diagrams, the pixels on the left, the vote right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from pipelines.logicgates import GATE_NAMES, Cone, ConeNode, Netlist, Reading
from tabs.logicgates_views import tile
from tabs.plots import OFF, ON, figure

W, H, RING = 13.0, 11.0, 3.5
"""Half a gate's width and height, and the radius of the ring that inverts, in pixels."""
PALE = "#e6e2d8"
ROW, TALL_ROW = 34, 46
"""Pixels between rows, and where there are few of them."""
STUB = 0.4
"""Part of a column that a line runs straight before it reaches a gate."""


def _ring(x: float, y: float, r: float) -> str:
    left, right, up, down = x - r, x + r, y + 4 / 3 * r, y - 4 / 3 * r
    return f"M{left},{y}C{left},{up} {right},{up} {right},{y}C{right},{down} {left},{down} {left},{y}Z"


# Paths in pixels around a gate's middle; plotly and SVG read the same.
AND = f"M{-W},{-H}L{W - H},{-H}C{W + H / 3},{-H} {W + H / 3},{H} {W - H},{H}L{-W},{H}Z"
OR = f"M{-W},{-H}Q{-W / 2},0 {-W},{H}Q{W / 3},{H} {W},0Q{W / 3},{-H} {-W},{-H}Z"
XOR_BACK = f"M{-W - 4},{-H}Q{-W / 2 - 4},0 {-W - 4},{H}"
NOT = f"M{-W},{-H}L{W},0L{-W},{H}Z"
OUTPUT_RING = _ring(W + RING, 0, RING)
PIXEL = "M-9,-9L9,-9L9,9L-9,9Z"
CONSTANT = _ring(0, 0, H)

BODIES = (CONSTANT, AND, AND, NOT, AND, NOT, OR, OR, OR, OR, NOT, OR, NOT, OR, AND, CONSTANT)
"""Outline per function id."""
EXCLUSIVE, INVERTED, CONSTANTS = (6, 9), (8, 9, 10, 12, 14), (0, 15)
INVERTED_INPUT = {2: 1, 4: 0, 11: 1, 13: 0}
"""Which input stands under a NOT: a AND NOT b, b AND NOT a, a OR NOT b, b OR NOT a."""


def text(cone: Cone, digit: int, reading: Reading) -> str:
    """What the cone shows, in words, beside the bits with the cone's pixels marked; then the legend."""
    root, is_cut = cone.nodes[0], cone.n_drawn < cone.n_gates
    if root.value:
        why = f"Of the gates now voting for {digit}, it is the most particular to {digit}."
    else:
        why = f"None of the gates for {digit} fired."
    cut = f" The drawing shows the nearest {cone.n_drawn} of these {cone.n_gates} gates." if is_cut else ""
    pixels = tile(reading.bits, "Bits, the cone marked", "orange: its pixels", cone.pixels)
    return (
        f'<div class="np-cone">{pixels}<p>Gate {root.index:,} of the last layer '
        f"{'votes' if root.value else 'does not vote'} for <b>{digit}</b>. {why} It computes "
        f"<b>{GATE_NAMES[root.op]}</b> and rests on {_count(cone)}.{cut}</p>{_legend(is_cut)}</div>"
    )


def _count(cone: Cone) -> str:
    parts = [(cone.n_gates, "gate"), (len(cone.pixels), "pixel")]
    counted = [f"{count} {name}{'s' * (count > 1)}" for count, name in parts if count]
    return " and ".join(counted) or "nothing: it is constant"


def _legend(is_cut: bool) -> str:
    signs = [
        ("AND", f'<path d="{AND}"/>'),
        ("OR", f'<path d="{OR}"/>'),
        ("XOR: one, not both", f'<path d="{OR}"/><path class="open" d="{XOR_BACK}"/>'),
        ("NOT", f'<path d="{NOT}"/><path d="{OUTPUT_RING}"/>'),
        ("a ring inverts", f'<path class="open" d="M-16,0L16,0"/><path d="{_ring(0, 0, RING + 1)}"/>'),
        ("pixel", f'<path d="{PIXEL}"/>'),
        ("carries a 1", f'<path class="on" d="{PIXEL}"/>'),
    ]
    if is_cut:
        signs.append(("from gates not drawn", '<path class="open cut" d="M-20,0L20,0"/>'))
    items = "".join(
        f'<li><svg viewBox="-22 -13 44 26" aria-hidden="true">{paths}</svg>{name}</li>'
        for name, paths in signs
    )
    return f'<ul class="np-gates" aria-label="Signs in the drawing">{items}</ul>'


def drawing(cone: Cone, netlist: Netlist) -> go.Figure:
    """The cone from its pixels on the left to the vote on the right."""
    nodes = cone.nodes
    column, row = layout(nodes)
    height = TALL_ROW if max(row) < 6 else ROW
    top, bottom = -0.7, max(row) + 0.7
    fig = figure(round((bottom - top) * height), showlegend=False, hovermode="closest")
    fig.update_layout(margin={"l": 4, "r": 4, "t": 0, "b": 0})
    ends = [_pins(node, row) for node in nodes]
    for value, colour in ((False, OFF), (True, ON)):
        x, y = [], []
        for i, node in enumerate(nodes):
            for source, pin in zip(node.inputs, ends[i], strict=True):
                if source is not None and nodes[source].value == value:
                    end = row[i] - pin / height
                    x += [column[source], column[source] + STUB, column[i] - STUB, column[i], None]
                    y += [row[source], row[source], end, end, None]
        fig.add_scatter(x=x, y=y, mode="lines", line={"color": colour, "width": 2}, hoverinfo="skip")
    fig.update_layout(
        shapes=[
            {**shape, "type": "path", "xref": "x", "yref": "y", "xsizemode": "pixel", "ysizemode": "pixel"}
            | {"xanchor": column[i], "yanchor": row[i]}
            for i, node in enumerate(nodes)
            for shape in _shapes(node, ends[i])
        ]
    )
    fig.add_scatter(
        x=column,
        y=row,
        mode="markers+text",
        marker={"size": 2 * W, "opacity": 0},
        text=[str(int(node.value)) if node.layer and node.op in CONSTANTS else "" for node in nodes],
        hovertext=[_describe(node, nodes, netlist) for node in nodes],
        hoverinfo="text",
    )
    fig.update_xaxes(visible=False, range=[-0.5, max(column) + 0.5])
    fig.update_yaxes(visible=False, range=[bottom, top])
    return fig


def _pins(node: ConeNode, row: Sequence[float]) -> list[float]:
    """Pixels above the gate's middle at which each input enters, the upper source at the upper pin."""
    if len(node.inputs) < 2:
        return [0.0] * len(node.inputs)
    first, second = (float("inf") if source is None else row[source] for source in node.inputs)
    return [H / 2, -H / 2] if first <= second else [-H / 2, H / 2]


def _shapes(node: ConeNode, pins: Sequence[float]) -> list[dict[str, Any]]:
    """Plotly shapes of a node, around its place: outline, rings, and stubs of lines that are not drawn."""
    fill = {
        "fillcolor": ON if node.value else PALE,
        "line": {"color": ON if node.value else OFF, "width": 1.5},
    }
    if not node.layer:
        return [{"path": PIXEL, **fill}]
    ring = {**fill, "fillcolor": "white"}
    shapes = [
        {"path": f"M{-W - 20},{pin}L{-W},{pin}", "line": {"color": OFF, "width": 2, "dash": "dot"}}
        for source, pin in zip(node.inputs, pins, strict=True)
        if source is None
    ]
    shapes.append({"path": BODIES[node.op], **fill})
    if node.op in EXCLUSIVE:
        shapes.append({"path": XOR_BACK, "line": fill["line"]})
    if node.op in INVERTED:
        shapes.append({"path": OUTPUT_RING, **ring})
    if node.op in INVERTED_INPUT and len(pins) == 2:
        shapes.append({"path": _ring(-W - RING, pins[INVERTED_INPUT[node.op]], RING), **ring})
    return shapes


def _describe(node: ConeNode, nodes: Sequence[ConeNode], netlist: Netlist) -> str:
    lines = [f"{_name(node, netlist)}{f': {GATE_NAMES[node.op]}' if node.layer else ''} = {int(node.value)}"]
    letters = "ab" if len(node.inputs) == 2 else "b" if node.op in (5, 10) else "a"
    for letter, source in zip(letters, node.inputs, strict=False):
        what = (
            "not drawn" if source is None else f"{_name(nodes[source], netlist)} = {int(nodes[source].value)}"
        )
        lines.append(f"{letter}: {what}")
    return "<br>".join(lines)


def _name(node: ConeNode, netlist: Netlist) -> str:
    if node.layer:
        return f"layer {node.layer}, gate {node.index:,}"
    y, x = divmod(node.index, netlist.side)
    return f"pixel in row {y + netlist.crop}, column {x + netlist.crop}"


def layout(nodes: Sequence[ConeNode]) -> tuple[list[int], list[float]]:
    """Column and row per node, no two in one place: every node stands left of all that read it.

    Columns follow the longest way to the root. In the tree of first visits a node without branches takes a
    row of its own and any other lies between its branches: nodes of one column are a row or more apart.
    """
    depth = [0] * len(nodes)
    for i in sorted(range(len(nodes)), key=lambda i: -nodes[i].layer):  # a gate reads lower layers only
        for j in nodes[i].inputs:
            if j is not None:
                depth[j] = max(depth[j], depth[i] + 1)
    row: dict[int, float] = {}
    leaves = 0

    def place(i: int) -> None:
        nonlocal leaves
        row[i] = leaves  # marks it as visited
        branches = []
        for j in nodes[i].inputs:
            if j is not None and j not in row:
                branches.append(j)
                place(j)
        if branches:
            row[i] = sum(row[j] for j in branches) / len(branches)
        else:
            leaves += 1

    place(0)
    return [max(depth) - d for d in depth], [row[i] for i in range(len(nodes))]
