"""What the logic-gate tab draws: votes, firing gates, bars, curves. No result is made here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr
import numpy as np
import plotly.graph_objects as go
from PIL import Image

from pipelines.logicgates import GATE_NAMES, Netlist, Reading, Waterfall
from tabs.drawing import png_url
from tabs.plots import OFF, ON, SECOND, THIRD, figure

PALETTE = bytes((150, 143, 130, 38, 42, 154, 128, 255, 217, 104, 46, 255))
"""RGBA of a bit that is off, of one that is on, and of a marked one."""

VOTES_TEMPLATE = """
${!value ? `<p class="np-empty">Draw a digit: the gates answer after every stroke.</p>` : `
<div class="np-reading">
  <div class="np-answer" role="status"><span class="np-answer-label">reads</span>
    <span class="np-digit">${value.prediction}</span>
    <span class="np-answer-label">${!value.margin ? "a tie with" : value.margin === 1 ? "1 vote ahead of"
      : `${value.margin} votes ahead of`} ${value.second}</span></div>
  <ol class="np-votes" aria-label="Votes per digit">${value.votes.map((votes, digit) => `
    <li><button type="button" data-digit="${digit}" class="${digit === value.prediction ? "best" : ""}"
      title="Show the gates behind ${digit}"><b>${digit}</b>
      <span class="np-vote"><span style="width:${100 * votes / value.group_size}%"></span></span>
      <span class="np-count">${votes}</span><span class="np-more" aria-hidden="true">›</span></button></li>`
      ).join("")}
  </ol>
  <p class="np-hint">${value.doubtful ? "<b>This does not look much like one digit.</b> " : ""}
    Click a bar to see the gates behind it.</p></div>`}
"""
VOTES_SCRIPT = """
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-digit]");
  if (!button) return;
  props.value = { ...props.value, clicked: Number(button.dataset.digit) };
  trigger("select");
});
"""


class VotesView(gr.HTML):
    """The class and its ten vote bars; the value is a dict, so that the API returns figures, not markup.

    Fires `select` when a bar was clicked; the value's "clicked" is its digit.
    """

    def __init__(self, value: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(value, html_template=VOTES_TEMPLATE, js_on_load=VOTES_SCRIPT, **kwargs)

    def api_info(self) -> dict[str, Any]:
        return {"type": "object", "description": "prediction, votes, group_size, margin, second, ..."}


def votes_value(reading: Reading, group_size: int) -> dict[str, Any]:
    """The value of a VotesView."""
    first, second = np.argsort(-reading.votes, kind="stable")[:2]
    return {
        "prediction": reading.prediction,
        "votes": reading.votes.tolist(),
        "group_size": group_size,
        "second": int(second),
        "margin": int(reading.votes[first] - reading.votes[second]),
        "doubtful": reading.doubtful,
        "milliseconds": round(reading.seconds * 1000, 3),
    }


def firing(reading: Reading, netlist: Netlist) -> str:
    """The bits that the circuit saw and, per layer, one pixel per gate: green where it fired."""
    tiles = [tile(reading.bits, f"The {netlist.side} × {netlist.side} bits the circuit sees", "input bits")]
    for i, signal in enumerate(reading.signals, 1):
        last = i == len(reading.signals)
        grid = _by_class(signal, netlist.classes) if last else _square(signal)
        share = f"{signal.mean():.0%} on"
        name = f"layer {i}, votes" if last else f"layer {i}"
        tiles.append(
            tile(
                grid,
                f"{name}: {int(signal.sum()):,} of {len(signal):,} gates fire",
                name if last else f"{name} · {share}",
            )
        )
    return f'<div class="np-firing">{"".join(tiles)}</div>'


def _square(signal: np.ndarray) -> np.ndarray:
    """Reshape n gates to a square, padded with gates that are off."""
    side = int(np.ceil(np.sqrt(len(signal))))
    return np.pad(signal, (0, side * side - len(signal))).reshape(side, side)


def _by_class(signal: np.ndarray, classes: int) -> np.ndarray:
    """Ten columns of votes side by side, 0 to 9, the firing gates of each sunk to the bottom like a bar."""
    groups = np.sort(signal.reshape(classes, -1), axis=1)
    width = max(1, round(np.sqrt(groups.shape[1] / classes)))
    height = -(-groups.shape[1] // width)
    padded = np.pad(groups, ((0, 0), (width * height - groups.shape[1], 0)))
    columns = padded.reshape(classes, height, width)
    gap = np.zeros((classes, height, 1), dtype=bool)
    return np.concatenate([columns, gap], axis=2).transpose(1, 0, 2).reshape(height, -1)[:, :-1]


def tile(grid: np.ndarray, alt: str, caption: str, marked: Sequence[int] = ()) -> str:
    """One pixel per bit of bool [height, width], green where set; those at the `marked` places orange."""
    codes = grid.astype(np.uint8)
    codes.reshape(-1)[list(marked)] = 2
    picture = Image.fromarray(codes, "P")
    picture.putpalette(PALETTE, "RGBA")
    url = png_url(picture)
    return f'<figure><img src="{url}" alt="{alt}" title="{alt}"><figcaption>{caption}</figcaption></figure>'


def curves(points: list[Any]) -> go.Figure:
    """Live training: accuracy of the relaxed net and of its discretisation over the seconds."""
    fig = figure(300, hovermode="x unified")
    seconds = [point.seconds for point in points]
    mode = "lines" if len(points) > 1 else "markers"
    for name, key, colour in (("soft", "accuracy_soft", SECOND), ("discretised", "accuracy_discrete", ON)):
        values = [getattr(point, key) for point in points]
        fig.add_scatter(x=seconds, y=values, name=name, mode=mode, line={"color": colour, "width": 2.5})
    low = min([0.9, *(point.accuracy_discrete for point in points[1:] or points)])
    fig.update_yaxes(tickformat=".0%", range=[max(0, low - 0.03), 1], title="validation accuracy")
    fig.update_xaxes(title="seconds", rangemode="tozero")
    return fig


def confusion(matrix: np.ndarray) -> str:
    """int [10, 10], rows the true digit: a table, the more mistakes in a cell the redder."""
    errors = matrix * ~np.eye(len(matrix), dtype=bool)
    shade = errors / max(1, errors.max())
    head = "".join(f"<th scope='col'>{digit}</th>" for digit in range(len(matrix)))
    rows = "".join(
        f"<tr><th scope='row'>{true}</th>"
        + "".join(
            f"<td class='{'right' * (true == read)}' style='--shade:{shade[true, read]:.2f}'>{count}</td>"
            for read, count in enumerate(matrix[true])
        )
        + "</tr>"
        for true in range(len(matrix))
    )
    return (
        "<table class='np-confusion'><caption>Rows: the true digit. Columns: what it was read as.</caption>"
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{rows}</tbody></table>"
    )


def mistakes(images: np.ndarray, labels: np.ndarray, predictions: np.ndarray) -> str:
    """A strip of misread digits, uint8 [n, 28, 28], with what they are and what they were read as."""
    tiles = []
    for image, label, prediction in zip(images, labels, predictions, strict=True):
        url = png_url(Image.fromarray(255 - image))
        tiles.append(
            f'<figure><img src="{url}" alt="a misread {label}">'
            f"<figcaption>{label}, read {prediction}</figcaption></figure>"
        )
    return f'<div class="np-mistakes">{"".join(tiles)}</div>'


def gate_histogram(before: np.ndarray, after: np.ndarray) -> go.Figure:
    """Gates per function, int [16] as trained and int [16] of those that matter for the output."""
    fig = figure(340, barmode="group")
    fig.add_bar(x=list(GATE_NAMES), y=before.tolist(), name="as trained", marker_color=OFF)
    fig.add_bar(x=list(GATE_NAMES), y=after.tolist(), name="live after optimising", marker_color=ON)
    fig.update_yaxes(title="gates")
    fig.update_xaxes(tickangle=-40)
    return fig


def waterfall(count: Waterfall) -> go.Figure:
    """From the trained gates down to the live ones, and to three-input operations."""
    merged = count.live - count.lut3
    steps = [
        ("gates", count.gates, "absolute"),
        ("constants", -count.constants, "relative"),
        ("wires", -count.wires, "relative"),
        ("duplicates", -count.duplicates, "relative"),
        ("dead", -count.dead, "relative"),
        ("live gates", count.live, "total"),
        ("merged", -merged, "relative"),
        ("LUT3 operations", count.lut3, "total"),
    ]
    fig = figure(340, showlegend=False)
    fig.add_waterfall(
        x=[label for label, _, _ in steps],
        y=[number for _, number, _ in steps],
        measure=[measure for _, _, measure in steps],
        text=[f"{number:,}" for _, number, _ in steps],
        decreasing={"marker": {"color": SECOND}},
        totals={"marker": {"color": ON}},
        connector={"line": {"color": OFF}},
    )
    fig.update_yaxes(title="gates")
    return fig


def race(rows: list[tuple[str, float, str]], paper_line: float) -> go.Figure:
    """Images per second per contender (name, figure, group) on a logarithmic axis, with the paper's claim."""
    colours = {"ours": ON, "difflogic": SECOND, "net": THIRD}
    fig = figure(100 + 54 * max(1, len(rows)), showlegend=False)
    fig.add_bar(
        orientation="h",
        y=[name for name, _, _ in rows],
        x=[speed for _, speed, _ in rows],
        width=0.46,
        marker_color=[colours[group] for _, _, group in rows],
        text=[_speed(speed) for _, speed, _ in rows],
        textposition="auto",
        hovertemplate="%{y}: %{x:,.0f} images per second<extra></extra>",
    )
    for name, _, _ in rows:  # above its bar, where it takes no width from it
        place = {"x": 0, "xref": "x domain", "xanchor": "left", "y": name, "yanchor": "bottom", "yshift": 10}
        fig.add_annotation(text=name, showarrow=False, **place)
    fig.add_vline(x=paper_line, line={"color": "#8a8475", "dash": "dash"})
    fig.add_annotation(
        x=np.log10(paper_line), y=1.0, yref="paper", yanchor="bottom", yshift=8, showarrow=False,
        text="a million a second (the paper's claim)",
    )  # fmt: skip
    title = {"text": "images per second, one core, measured now", "font": {"size": 14}}
    fig.update_xaxes(type="log", title=title, range=[3.7, 8.2], dtick=1)
    fig.update_yaxes(autorange="reversed", showticklabels=False)
    return fig


def _speed(per_second: float) -> str:
    return f"{per_second / 1e6:.1f} million" if per_second >= 1e6 else f"{per_second / 1e3:.0f} thousand"


def race_note(result: Any) -> str:
    """What was raced on which processor, below the bars."""
    machine = f"{result.cpu}, {result.vector_bits}-bit vectors, median of {result.rounds} rounds."
    return f'<p class="np-api">{machine}</p>'
