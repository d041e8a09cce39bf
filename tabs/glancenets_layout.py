"""The two columns of the GlanceNet tab. page.css shows what belongs to the chosen world."""

from __future__ import annotations

from typing import NamedTuple

import gradio as gr

from pipelines.glancenets import WORLDS, Reading
from tabs import glancenets_views as views
from tabs.drawing import DrawingPad
from tabs.glancenets_examples import ExampleGallery, caption, drawn
from tabs.glancenets_inputs import factor_panels
from tabs.picture import PictureInput
from tabs.sliders import Sliders

WORLD_CHOICES = [(world.title, name) for name, world in WORLDS.items()]
RULE_CHOICES = [("The paper's rule", "paper"), ("Extended rule (ours)", "extended")]
LEGEND = "<i class='mark'></i> GlanceNet saw, ± σ &nbsp; <i class='other'></i> CBNM saw"
ANYWAY = "Make it answer what it rejects, and see what leaks"


class Inputs(NamedTuple):
    """The left column: where pictures come from."""

    world: gr.Radio
    pad: DrawingPad
    figure: gr.HTML
    galleries: list[ExampleGallery]
    dice: dict[bool, gr.Button]
    """Random pictures, by whether they are unlike those in training."""
    outside: Sliders
    inside: Sliders
    upload: PictureInput


class Outputs(NamedTuple):
    """The right column: what the nets make of the picture."""

    verdict: views.VerdictView
    status: gr.HTML
    mini: gr.HTML
    concepts: Sliders
    answers: views.AnswerView
    anyway: gr.Checkbox
    rule: gr.Radio


def inputs(start: Reading) -> Inputs:
    """Lay out the left column, with the first example's reading."""
    truth = drawn("faces", 0).truth
    concepts_start, outside_start = factor_panels("faces", truth)
    with gr.Group(elem_classes="np-input np-world"):
        world = gr.Radio(WORLD_CHOICES, value="faces", label="World", show_label=False)
    pad = DrawingPad(
        label="Draw a digit here", hint="A 4, a 5, or anything else", elem_classes="np-input np-of-digits"
    )
    figure = gr.HTML(views.input_figure(start, caption("faces", 0)), elem_classes="np-input")
    galleries = [ExampleGallery(name, elem_classes=f"np-input np-of-{name}") for name in WORLDS]
    with gr.Row(elem_classes="np-dice"):
        dice = {
            unlike: gr.Button(f"Random, {how} training", size="sm", min_width=100)
            for unlike, how in ((False, "as in"), (True, "unlike"))
        }
    with gr.Column(elem_classes="np-not-digits"):
        outside = Sliders(outside_start, heading="Push it out of its world")
        with gr.Accordion("Build your own picture", open=False):
            inside = Sliders(concepts_start)
    with gr.Accordion("Upload a picture of anything", open=False):
        upload = PictureInput(sources=["upload", "clipboard"], height=180, label="Picture")
    return Inputs(world, pad, figure, galleries, dice, outside, inside, upload)


def outputs(start: Reading, said: str) -> Outputs:
    """Lay out the right column; `said` is the status line."""
    verdict = views.VerdictView(views.verdict_value(start, "paper"), min_height=190, elem_classes="np-result")
    status = gr.HTML(said, elem_classes="np-result")
    with gr.Row(equal_height=False, elem_classes="np-result np-glance-parts"):
        mini = gr.HTML(views.mini(start, "paper", False), elem_classes="np-mini-bar")
        concepts = Sliders(
            views.concept_panel(start, "paper"),
            heading="Concepts",
            reset="Back to what it saw",
            legend=LEGEND,
            changes_only=True,
        )
        with gr.Column():
            answers = views.AnswerView(views.answer_value(start, "paper", False))
            with gr.Group():
                anyway = gr.Checkbox(False, label="Answer anyway", info=ANYWAY)
                rule = gr.Radio(RULE_CHOICES, value="paper", label="Reject by")
    return Outputs(verdict, status, mini, concepts, answers, anyway, rule)
