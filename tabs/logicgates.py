"""Logic-gate digits: draw a digit, and a circuit of AND, OR and XOR gates reads it."""

from __future__ import annotations

from typing import Any

import gradio as gr
import plotly.graph_objects as go
from PIL import Image

from pipelines import logicgates
from pipelines.errors import InputError
from pipelines.logicgates import LogicGates
from tabs import logicgates_cone as cones
from tabs import logicgates_panels as panels
from tabs import logicgates_views as views
from tabs.drawing import DrawingPad, png_url, to_drawing, to_ink
from tabs.picture import PictureInput, read_picture
from tabs.shell import Examples, Metric, Paper, how_it_works, paper_card, share_row
from tabs.status import answer, line

PAPER = Paper(
    name="logicgates",
    tab="Logic-gate digits",
    title="Deep Differentiable Logic Gate Networks",
    authors="Felix Petersen, Christian Borgelt, Hilde Kuehne, Oliver Deussen (2022)",
    arxiv="2210.08277",
    pitch="Draw a digit: a circuit of AND, OR and XOR gates, learnt by gradient descent, reads it and shows "
    "its work.",
)
EXAMPLES = (0, 1, 2, 3, 4, 8, 11, 61, 18, 9)
"""Test images: a 7 first, then one of each other digit."""

DIGITS = [str(digit) for digit in range(10)]

BLANK = (None, "", "", "", None)
"""Votes, firing gates, status, and the cone's text and drawing while nothing is drawn."""
SCROLL_TO_CONE = """() => document.getElementById("logicgates-cone")
    .scrollIntoView({ block: "nearest", behavior: "smooth" })"""

STEPS = (
    "Every neuron is one logic gate with two inputs. Each of the 16 Boolean functions is relaxed to "
    r"real $a, b \in [0, 1]$: AND is $ab$, OR is $a + b - ab$, XOR is $a + b - 2ab$ (section 3).",
    r"A gate's output is the mixture $\sum_i p_i f_i(a, b)$ with $p = \mathrm{softmax}(w)$; gradient descent "
    "learns $w$, that is, which gate it shall be.",
    "The last layer is cut into ten groups. A class's score is the number of its gates that fire, divided by "
    r"$\tau$.",
    "After training every gate becomes its most probable function: what is left is a plain circuit on bits.",
    "We compile it: dead gates go, pairs merge where the processor has three-input instructions, and up to "
    "512 images run at once in the bits of wide registers.",
)
METRICS = (
    Metric("Test accuracy, the paper's small net (48,000 gates)", "accuracy_small", "{:.2%}", "97.69 %"),
    Metric("Test accuracy, our fast net", "accuracy_fast", "{:.2%}"),
    Metric("Images per second on one core, fast net", "images_per_second.fast", "{:,.0f}"),
    Metric(
        "Images per second on one core, small net", "images_per_second.small", "{:,.0f}", "beyond a million"
    ),
    Metric("Faster than difflogic's scheme, same net and core", "speedup_vs_difflogic_scheme", "{:.1f}×"),
    Metric("Optimise and compile the small net", "compile_seconds", "{:.2f} s"),
)
LIMITS = (
    "The circuits know MNIST digits only: a letter or a doodle is read as a digit too. The page doubts a "
    "reading whose lead is as small as that of one training digit in twenty, or with more or less ink than "
    "they have: that finds most scribbles, and misses many letters.",
    "They see 1-bit pixels after the drawing was centred and scaled as MNIST does it.",
    "difflogic's scheme in the race is our own program of the same structure, not its code.",
    "Speeds depend on the processor; only the race on this page says what yours does.",
)


def build() -> None:
    """Lay out the tab inside the current gr.Tab."""
    paper_card(PAPER)
    images, labels = logicgates.mnist("test")
    drawing = to_drawing(images[EXAMPLES[0]])
    votes_start, firing_start, _ = read_drawing(drawing, "fast")
    own = gr.State(None)
    with gr.Row(equal_height=False, elem_classes="np-workbench"):
        with gr.Column(scale=4, min_width=300):
            pad = DrawingPad(
                drawing,
                label="Draw a digit here",
                hint="Draw with mouse, pen or finger",
                elem_classes="np-input",
            )
            pictures = [(png_url(Image.fromarray(255 - images[i])), f"a {labels[i]}") for i in EXAMPLES]
            examples = Examples(pictures, label="Or take one from MNIST's test set")
            net = gr.Radio(panels.circuit_choices(None), value="fast", label="Circuit")
            with gr.Accordion("Or upload a picture of one digit", open=False):
                picture = PictureInput(sources=["upload", "clipboard"], height=180, label="Picture")
        with gr.Column(scale=6, min_width=320):
            votes = views.VotesView(votes_start, min_height=240, elem_classes="np-result")
            status = gr.HTML(
                line("The first example, read when this page started.", "done"), elem_classes="np-result"
            )
            firing = gr.HTML(firing_start, elem_classes="np-result")
    with gr.Tabs() as tabs:
        with gr.Tab("Inside the circuit", id="inside"):
            digit = gr.Radio(DIGITS, value=str(votes_start["prediction"]), label="Gates behind")
            text, figure = show_cone(drawing, "fast", digit.value)
            cone_text = gr.HTML(text)
            cone = gr.Plot(figure, show_label=False, container=False, elem_id="logicgates-cone")
        panels.build(net, own)
    how_it_works(PAPER, STEPS, METRICS, LIMITS)
    opened = share_row(
        PAPER,
        {"drawing": pad, "net": net},
        [f"logicgates_{name}" for name in ("read", "cone", "race", "test", "train", "statistics", "export")],
        "The link carries the drawing and the circuit, not one that you trained.",
    )

    reading, cone_out, cone_in = [votes, firing, status], [cone_text, cone], [pad, net, digit, own]
    quick: dict[str, Any] = {"show_progress": "hidden", "concurrency_limit": 4, "trigger_mode": "always_last"}
    private: dict[str, Any] = {**quick, "api_visibility": "private"}
    reads = [
        pad.input(read_drawing, [pad, net, own], reading, **private),
        net.change(_reread, [pad, net, own], reading, **private),
        opened.success(_reread, [pad, net, own], reading, **private),
        examples.select(read_example, [examples, net, own], [pad, *reading], **private),
        picture.upload(
            read_upload, [picture, net, own], [pad, *reading], api_name="logicgates_read", **quick
        ),
    ]
    reads[-1].failure(lambda: None, outputs=picture, **private)
    shown = [*reading, *cone_out]
    follow: dict[str, Any] = {"fn": _follow, "inputs": cone_in, "outputs": shown, **private}
    cones = [event.success(_winner, votes, digit, **private).then(**follow) for event in reads]
    cones.append(votes.select(_clicked, votes, [digit, tabs], **private).then(**follow))
    cones[-1].then(None, js=SCROLL_TO_CONE, **private)
    cones.append(digit.input(show_cone, cone_in, cone_out, api_name="logicgates_cone", **quick))
    pad.clear(lambda: BLANK, outputs=shown, cancels=[*reads, *cones], **private)


@answer
def read_drawing(drawing: str, net: str, own: LogicGates | None = None) -> tuple[dict[str, Any], str, str]:
    """Read the pad's drawing (PNG data URL); returns votes, pictures of the firing gates, status."""
    circuit = panels.pick(net, own)
    reading = circuit.read(to_ink(drawing))
    text = f"Read in {reading.seconds * 1000:.1f} ms by {circuit.netlist.n_gates:,} gates"
    value = views.votes_value(reading, circuit.netlist.group_size)
    return value, views.firing(reading, circuit.netlist), line(text, "done")


@answer
def read_example(index: int, net: str, own: LogicGates | None) -> tuple[str, dict[str, Any], str, str]:
    """Put the example of that index on the pad and read it."""
    images, _ = logicgates.mnist("test")
    drawing = to_drawing(images[EXAMPLES[index]])
    return drawing, *read_drawing(drawing, net, own)


@answer
def read_upload(
    picture: str | None, net: str = "fast", own: LogicGates | None = None
) -> tuple[str, dict[str, Any], str, str]:
    """Read a photo or scan of one digit; returns the cleaned drawing, votes, firing gates, status."""
    drawing = to_drawing(logicgates.ink_of(read_picture(picture)))
    return drawing, *read_drawing(drawing, net, own)


@answer
def show_cone(drawing: str, net: str, digit: str, own: LogicGates | None = None) -> tuple[str, go.Figure]:
    """The gates behind the most telling vote for `digit` ("0".."9"), with their live values."""
    circuit = panels.pick(net, own)
    if digit not in DIGITS:
        raise InputError("There is no such class.", "Choose a digit from 0 to 9.", "Gates behind")
    reading = circuit.read(to_ink(drawing))
    output = circuit.telling_output(reading, int(digit))
    cone = circuit.cone(reading, output)
    return cones.text(cone, int(digit), reading), cones.drawing(cone, circuit.netlist)


def _reread(drawing: str, net: str, own: LogicGates | None) -> Any:
    return read_drawing(drawing, net, own) if drawing else (gr.skip(), gr.skip(), gr.skip())


def _follow(drawing: str, net: str, digit: str, own: LogicGates | None) -> Any:
    """The cone after a reading; on a slow line the pad may be blank again by then, and so shall the page."""
    return (*[gr.skip()] * 3, *show_cone(drawing, net, digit, own)) if drawing else BLANK


def _winner(votes: dict[str, Any] | None) -> Any:
    return str(votes["prediction"]) if votes else gr.skip()


def _clicked(votes: dict[str, Any]) -> tuple[str, gr.Tabs]:
    return str(votes["clicked"]), gr.Tabs(selected="inside")
