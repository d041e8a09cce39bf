"""The panels under the drawing: race, test set, live training, gate statistics, exports."""

from __future__ import annotations

import functools
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import plotly.graph_objects as go

from pipelines import logicgates
from pipelines.errors import InputError
from pipelines.logicgates import LogicGates
from pipelines.logicgates.benchmark import measure
from pipelines.runtime import Progress, in_background
from tabs import logicgates_views as views
from tabs.shell import RunBar, downloads
from tabs.status import answer, job, line

PAPER_CLAIM = 1e6
"""Images per second on one CPU core: the abstract's "beyond a million images of MNIST per second"."""

REDRAW_EVERY = 0.35
"""Seconds between two pictures of the race: its reports come faster than a browser draws."""

NAMES = {"fast": "Fast circuit", "small": "The paper's circuit", "own": "Your circuit"}
FILES = {"C source": "c", "Verilog": "v", "Netlist (JSON)": "json", "Weights (safetensors)": "safetensors"}


def circuit_choices(own: LogicGates | None) -> list[tuple[str, str]]:
    """(label, value) of the circuits that a visitor can pick."""
    nets = {name: logicgates.load(name) for name in logicgates.NETS}
    if own is not None:
        nets["own"] = own
    return [(f"{NAMES[name]} · {net.netlist.n_gates:,} gates", name) for name, net in nets.items()]


def pick(net: str, own: LogicGates | None) -> LogicGates:
    """The circuit that `net` names: one of logicgates.NETS, or "own" after training. Raises InputError."""
    if net == "own" and own is not None:
        return own
    if net not in logicgates.NETS:
        raise InputError("There is no such circuit.", "Choose fast or small, or train your own.", "Circuit")
    return logicgates.load(net)


def build(net: gr.Radio, own: gr.State) -> None:
    """Lay the panels out as tabs inside the current gr.Tabs."""
    with gr.Tab("Race it", elem_id="tab-logicgates-race"):
        _race()
    with gr.Tab("All 10,000 test digits", elem_id="tab-logicgates-test"):
        _test(net, own)
    with gr.Tab("Train your own", elem_id="tab-logicgates-train"):
        _train(net, own)
    with gr.Tab("Gate statistics", elem_id="tab-logicgates-statistics") as tab:
        _statistics(tab, net, own)
    with gr.Tab("Take it home", elem_id="tab-logicgates-export") as tab:
        _export(tab, net, own)


def _race() -> None:
    gr.Markdown(
        "How many images per second does one core of **this machine** read? Every bar is timed now, in "
        "turns, with the same test images; the median of the rounds is shown."
    )
    bar = RunBar("Race on this machine")
    plot = gr.Plot(show_label=False, container=False)
    note = gr.HTML()
    bar.connect(race, [], [plot, note], api_name="logicgates_race")


@job(outputs=2)
def race() -> Iterator[tuple[go.Figure, str, Progress | str]]:
    """Time the compiled circuits, difflogic's scheme, an MLP and a CNN on one core of this machine."""
    shown = 0.0
    for report in measure("small"):
        if isinstance(report, Progress):
            if time.monotonic() - shown < REDRAW_EVERY:
                continue
            shown = time.monotonic()
            rows = [row for row in report.preview or [] if row.images_per_second]
            yield (views.race(rows, PAPER_CLAIM) if rows else gr.skip()), "", report
        else:
            yield views.race(report.rows, PAPER_CLAIM), views.race_note(report), "Measured on this machine"


def _test(net: gr.Radio, own: gr.State) -> None:
    run = gr.Button("Read all 10,000 test digits", variant="primary")
    status = gr.HTML()
    with gr.Row(equal_height=False):
        with gr.Column(min_width=320):
            table = gr.HTML()
        with gr.Column(min_width=320):
            strip = gr.HTML()
    run.click(
        test,
        inputs=[net, own],
        outputs=[table, strip, status],
        api_name="logicgates_test",
        show_progress="hidden",
    )


@answer
def test(net: str, own: LogicGates | None = None) -> tuple[str, str, str]:
    """Classify MNIST's 10,000 test digits now with the compiled circuit; returns mistakes and accuracy."""
    result = pick(net, own).test()
    images, labels = logicgates.mnist("test")
    worst = result.mistakes[:24]
    strip = views.mistakes(images[worst], labels[worst], result.predictions[worst])
    text = (
        f"{result.accuracy:.2%} right, {len(result.mistakes)} misread; "
        f"10,000 digits in {result.seconds * 1000:.1f} ms, computed just now"
    )
    return views.confusion(result.confusion), strip, line(text, "done")


def _train(net: gr.Radio, own: gr.State) -> None:
    gr.Markdown(
        "Gradient descent chooses which of the 16 functions each gate is. Watch the relaxed (soft) net and "
        "its discretisation meet, then draw on the pad with the circuit that you trained."
    )
    with gr.Row():
        seconds = gr.Slider(5, 120, value=60, step=5, label="Seconds")
        width = gr.Slider(500, 8000, value=4000, step=500, label="Gates per layer")
        depth = gr.Slider(2, 6, value=3, step=1, label="Layers")
        straight_through = gr.Checkbox(
            True, label="Straight-through", info="Hard gates forward, soft backward"
        )
    with gr.Accordion("Advanced", open=False), gr.Row():
        initialisation = gr.Radio(["gaussian", "residual"], value="gaussian", label="Initialisation")
        tau = gr.Slider(1, 40, value=10, step=1, label="Temperature τ")
        rate = gr.Slider(0.001, 0.1, value=0.05, step=0.001, label="Learning rate")
        seed = gr.Number(0, precision=0, label="Seed")
    bar = RunBar("Train")
    plot = gr.Plot(show_label=False, container=False)
    trained = bar.connect(
        train,
        [seconds, width, depth, straight_through, initialisation, tau, rate, seed],
        [plot, own],
        api_name="logicgates_train",
    )
    trained.success(
        lambda mine: gr.Radio(choices=circuit_choices(mine), value="own") if mine else gr.skip(),
        inputs=own,
        outputs=net,
        api_visibility="private",
        show_progress="hidden",
    )


@job(outputs=2)
def train(
    seconds: float = 60,
    width: int = 4000,
    depth: int = 3,
    straight_through: bool = True,
    initialisation: str = "gaussian",
    tau: float = 10,
    learning_rate: float = 0.05,
    seed: int = 0,
) -> Iterator[tuple[go.Figure, Any, Progress | str]]:
    """Train a net on MNIST for some seconds; returns its curve and keeps the circuit for this visit."""
    points = []
    for report in logicgates.train_live(
        width=width,
        depth=depth,
        seconds=seconds,
        initialisation=initialisation,
        straight_through=straight_through,
        tau=tau,
        learning_rate=learning_rate,
        seed=seed,
    ):
        if not isinstance(report, Progress):
            mine = LogicGates(report.netlist)
            for tick in in_background(
                functools.partial(getattr, mine, "circuit"), Progress(1, 1, "compiling the circuit")
            ):
                yield gr.skip(), gr.skip(), tick
            waterfall = mine.circuit.optimised.waterfall
            yield (
                views.curves(report.curve),
                mine,
                f"{report.accuracy:.2%} of the 10,000 test digits right, discretised; compiled to "
                f"{waterfall.live:,} live gates; seed {seed}. It is now the circuit of the drawing pad",
            )
            return
        if report.preview is not None:
            points.append(report.preview)
            yield views.curves(points), gr.skip(), report
        else:
            yield gr.skip(), gr.skip(), report


def _statistics(tab: gr.Tab, net: gr.Radio, own: gr.State) -> None:
    gr.Markdown(
        "What training left and what the compiler makes of it: constants, wires, duplicates and gates that "
        "no vote depends on fall away; pairs merge into three-input tables (LUT3) where it can."
    )
    fall = gr.Plot(show_label=False, container=False)
    histogram = gr.Plot(show_label=False, container=False)
    shown: dict[str, Any] = {"inputs": [net, own], "outputs": [fall, histogram], "show_progress": "hidden"}
    tab.select(statistics, api_name="logicgates_statistics", **shown)
    net.change(statistics, api_visibility="private", **shown)


@answer
def statistics(net: str, own: LogicGates | None = None) -> tuple[go.Figure, go.Figure]:
    """Gates before and after optimising, by step and by function."""
    waterfall = pick(net, own).circuit.optimised.waterfall
    return views.waterfall(waterfall), views.gate_histogram(
        waterfall.gate_types_before.sum(axis=0), waterfall.gate_types_live.sum(axis=0)
    )


def _export(tab: gr.Tab, net: gr.Radio, own: gr.State) -> None:
    gr.Markdown(
        "The circuit as code: C that any compiler takes, Verilog for an FPGA or simulator, the bare netlist, "
        "or the file this page loads."
    )
    status = gr.HTML()
    buttons = downloads(FILES)
    shown: dict[str, Any] = {"inputs": [net, own], "outputs": [*buttons, status], "show_progress": "hidden"}
    tab.select(export, api_name="logicgates_export", **shown)
    net.change(export, api_visibility="private", **shown)


@functools.lru_cache(maxsize=8)
def _written(circuit: LogicGates, net: str) -> tuple[tempfile.TemporaryDirectory[str], list[Path]]:
    """The files of a circuit, in a folder that goes when the circuit falls out of the cache."""
    folder = tempfile.TemporaryDirectory(prefix="nine-papers-")
    paths = [Path(folder.name) / f"logic_gates_{net}.{suffix}" for suffix in FILES.values()]
    paths[0].write_text(logicgates.to_c(circuit.netlist), encoding="utf-8")
    paths[1].write_text(logicgates.to_verilog(circuit.netlist), encoding="utf-8")
    paths[2].write_text(logicgates.to_json(circuit.netlist), encoding="utf-8")
    circuit.netlist.save(paths[3])
    return folder, paths


@answer
def export(net: str, own: LogicGates | None = None) -> tuple[Any, ...]:
    """Write the circuit as C, Verilog, JSON and safetensors; returns the four files and a status."""
    _, paths = _written(pick(net, own), net)
    files = [gr.DownloadButton(value=str(path), interactive=True) for path in paths]
    sizes = ", ".join(f"{path.suffix[1:]} {path.stat().st_size / 1e6:.1f} MB" for path in paths)
    return (*files, line(f"Files ready: {sizes}", "done"))
