"""Leak-proof concepts: a picture read as concepts to drag, by a net that refuses what it can't know."""

from __future__ import annotations

import functools
import random
import time
from typing import Any

import gradio as gr
import numpy as np
from gradio.components import Component

from pipelines import glancenets
from pipelines.errors import InputError
from pipelines.glancenets import RULES, WORLDS, Reading, Rule
from tabs import glancenets_about as about
from tabs import glancenets_examples as examples
from tabs import glancenets_inputs as inputs
from tabs import glancenets_layout as layout
from tabs import glancenets_panels as panels
from tabs import glancenets_views as views
from tabs.drawing import to_drawing, to_ink
from tabs.glancenets_measured import leak_meter
from tabs.picture import read_picture
from tabs.shell import Paper, how_it_works, paper_card, share_row
from tabs.sliders import panel
from tabs.status import answer, line

PAPER = Paper(
    name="glancenets",
    tab="Leak-proof concepts",
    title="GlanceNets: Interpretable, Leak-proof Concept-based Models",
    authors="Emanuele Marconato, Andrea Passerini, Stefano Teso (2022)",
    arxiv="2205.15612",
    pitch="Drag what the net saw in a robot's face and its answer follows; show it something new, and it "
    "refuses instead of guessing.",
)
ENDPOINTS = ("draw", "read", "write", "intervene", "traverse", "map", "export")
SHARED = "The link carries the picture as the nets see it, and the two switches, but no moved concepts."
AT_LOAD = "The first example, read when this page was made."


def build() -> None:
    """Lay out the tab inside the current gr.Tab."""
    paper_card(PAPER)
    start = glancenets.first("faces")
    with gr.Row(equal_height=False, elem_classes="np-workbench np-glance"):
        with gr.Column(scale=4, min_width=300):
            left = layout.inputs(start)
        with gr.Column(scale=6, min_width=320):
            right = layout.outputs(start, line(AT_LOAD, "done"))
    picture = gr.Textbox(
        inputs.to_url(start.picture), visible=False, max_length=inputs.LONGEST, label="Picture"
    )
    seed = gr.Number(examples.EXAMPLES["faces"][0].seed, precision=0, minimum=0, visible=False, label="Seed")
    opened = gr.Textbox("", visible=False, label="Open panel")
    right_answer = gr.State("", time_to_live=3600)
    with gr.Tabs():
        meter, refresh = panels.build(opened, [picture, right.concepts, right.rule])
    how_it_works(PAPER, about.STEPS, about.METRICS, about.LIMITS)
    carried = {"world": left.world, "picture": picture, "rule": right.rule, "anyway": right.anyway}
    opened_link = share_row(PAPER, carried, [f"glancenets_{name}" for name in ENDPOINTS], SHARED)
    stage = _connect(left, right, picture, seed, right_answer, meter, refresh)
    opened_link.success(
        reopen, list(carried.values()), stage, show_progress="hidden", api_visibility="private"
    ).success(**refresh, show_progress="hidden", api_visibility="private")


def _connect(
    left: layout.Inputs,
    right: layout.Outputs,
    picture: gr.Textbox,
    seed: gr.Number,
    truth: gr.State,
    meter: gr.HTML,
    refresh: dict[str, Any],
) -> list[Component]:
    """Wire the columns. Returns what changes with the world. `truth`: the leak question's right answer."""
    quick: dict[str, Any] = {"show_progress": "hidden", "concurrency_limit": 4, "trigger_mode": "always_last"}
    private: dict[str, Any] = {**quick, "api_visibility": "private"}
    how, shown = [right.rule, right.anyway], [right.verdict, right.answers, right.mini]
    result = [picture, left.figure, left.pad, right.concepts, *shown, right.status, truth]
    drawn = [*result, left.inside, left.outside, seed]
    stage = [*drawn, *left.galleries, meter]
    factors = [left.world, seed, left.inside, left.outside, *how]
    uploaded = left.upload.upload(
        read_upload, [left.upload, left.world, *how], result, api_name="glancenets_read", **quick
    )
    uploaded.failure(lambda: None, outputs=left.upload, **private)
    uploaded.success(foreign, left.world, [left.inside, left.outside, seed], **private)
    unchosen = {"js": f"() => {[-1] * len(WORLDS)}", "outputs": left.galleries, "api_visibility": "private"}
    reads = [
        uploaded,
        *(g.select(take_example, [left.world, g, *how], drawn, **private) for g in left.galleries),
        *(
            button.click(functools.partial(draw_random, unlike), [left.world, *how], drawn, **private)
            for unlike, button in left.dice.items()
        ),
        left.pad.input(write, [left.pad, *how], result, api_name="glancenets_write", **quick),
        left.inside.input(draw, factors, result, api_name="glancenets_draw", **quick),
        left.outside.input(draw, factors, result, **private),
        left.world.input(enter, [left.world, *how], stage, **private),
    ]
    for event in reads:
        event.success(**refresh, **private)
    for event in (left.upload.upload, left.pad.input, left.inside.input, left.outside.input):
        event(None, **unchosen)
    for button in left.dice.values():
        button.click(None, **unchosen)
    current = [picture, right.concepts, *how, truth]
    right.concepts.input(intervene, current, shown, api_name="glancenets_intervene", queue=False, **quick)
    right.concepts.release(**refresh, **private)
    for control in how:
        control.input(judge, current, [right.concepts, *shown], **private).success(**refresh, **private)
    left.pad.clear(
        lambda: ("", "", panel([]), None, None, "", ""),
        outputs=[picture, left.figure, right.concepts, *shown, right.status],
        **private,
    ).success(**refresh, **private)
    left.pad.clear(None, **unchosen)
    right.verdict.ready(warm, **private)
    return stage


Result = tuple[Any, ...]
"""Picture (PNG data URL), its figure, the pad, concept sliders, verdict, answer, status; and, kept on the
page, the right answer to the leak question as `views.answer_value` takes it."""


def _show(
    world: str,
    picture: np.ndarray,
    caption: str,
    rule: Rule,
    anyway: bool,
    said: str = "",
    right: str | None = None,
) -> Result:
    """Read a picture and fill the page with it."""
    net = glancenets.load(inputs.world_of(world).name)
    _check(rule)
    start = time.perf_counter()
    reading = net.read(picture)
    text = f"Read by both nets in {(time.perf_counter() - start) * 1000:.0f} ms{said}"
    return (
        inputs.to_url(picture),
        views.input_figure(reading, caption),
        to_drawing(picture) if world == "digits" else gr.skip(),
        views.concept_panel(reading, rule),
        *_shown(reading, rule, anyway, right),
        line(text, "done"),
        right,
    )


def _shown(
    reading: Reading, rule: Rule, anyway: bool, right: str | None
) -> tuple[dict[str, Any], dict[str, Any], str]:
    """Verdict, answer, and both in one line for phones."""
    return (
        views.verdict_value(reading, rule),
        views.answer_value(reading, rule, anyway, right),
        views.mini(reading, rule, anyway),
    )


def _check(rule: str) -> None:
    if rule not in RULES:
        raise InputError("There is no such rule.", f"Choose one of {', '.join(RULES)}.", "Reject by")


@answer
def take_example(world: str, index: int, rule: Rule, anyway: bool) -> Result:
    """Read the example of that index; returns also the factors' sliders and the seed that drew it."""
    if index == -1:  # none is chosen any more: the page has gone on
        return (gr.skip(),) * 12
    if index not in range(len(examples.EXAMPLES[inputs.world_of(world).name])):
        raise InputError("There is no such example.", "Choose one from the page.", "Example")
    sample = examples.drawn(world, index)
    right = examples.leak_truth(world, sample)
    shown = _show(world, sample.picture, examples.caption(world, index), rule, anyway, right=right)
    return *shown, *inputs.factor_panels(world, sample.truth), examples.EXAMPLES[world][index].seed


@answer
def draw_random(unlike: bool, world: str, rule: Rule, anyway: bool) -> Result:
    """Draw a random picture, as in training or unlike it, and read it."""
    seed = random.randrange(1_000_000)
    sample = glancenets.sample(world, seed, **inputs.random_factors(world, unlike, random.Random(seed)))
    shown = _show_sample(world, sample, seed, rule, anyway)
    return *shown, *inputs.factor_panels(world, sample.truth), seed


@answer
def draw(
    world: str,
    seed: int,
    concepts: dict[str, float],
    held_out: dict[str, float],
    rule: Rule = "paper",
    anyway: bool = False,
) -> Result:
    """Draw a picture from its factors, and read it.

    world: "faces" or "sprites". concepts, held_out: name -> value from 0 to 1; position, x and y from -1
    to 1; a sprite's shape is 0, 1 or 2. Concepts not given are random, held-out factors as in training.
    """
    factors = inputs.factors_of(world, {**(concepts or {}), **(held_out or {})})
    sample = glancenets.sample(inputs.world_of(world).name, int(seed or 0), **factors)
    return _show_sample(world, sample, int(seed or 0), rule, anyway)


def _show_sample(world: str, sample: glancenets.Sample, seed: int, rule: Rule, anyway: bool) -> Result:
    caption, right = examples.sample_caption(world, sample), examples.leak_truth(world, sample)
    return _show(world, sample.picture, caption, rule, anyway, f", seed {seed}", right)


@answer
def write(drawing: str, rule: Rule = "paper", anyway: bool = False) -> Result:
    """Read a drawn digit (PNG data URL, black on white), centred as MNIST does it."""
    url, figure, _, *shown = _show(
        "digits", glancenets.digit_of(to_ink(drawing)), "Your drawing", rule, anyway
    )
    return url, figure, gr.skip(), *shown


@answer
def read_upload(
    picture: str | None, world: str = "faces", rule: Rule = "paper", anyway: bool = False
) -> Result:
    """Read a photo or drawing: its middle square, made as small as the world's pictures."""
    small = glancenets.picture_of(inputs.world_of(world).name, read_picture(picture))
    return _show(world, small, "Your picture, as the nets get it", rule, anyway)


def foreign(world: str) -> Result:
    """The factors' sliders and the seed where the picture is none that they drew."""
    truth, seed = examples.drawn(world, 0).truth, examples.EXAMPLES[world][0].seed
    panels_of = inputs.factor_panels(world, truth)
    note = "These draw a new picture in place of yours."
    return *(value | {"note": note if value["rows"] else ""} for value in panels_of), seed


@answer
def intervene(
    picture: str,
    concepts: dict[str, float],
    rule: Rule = "paper",
    anyway: bool = False,
    right: str | None = None,
) -> tuple[dict[str, Any], dict[str, Any], str]:
    """Set concepts, name -> value from 0 to 1, in both nets; returns verdict (with the redrawn picture) and
    answer. The verdict stays: it judges the picture (PNG data URL), not what was set."""
    _check(rule)
    _, changed = inputs.reading_of(picture, concepts)
    return _shown(changed, rule, anyway, right)


@answer
def judge(
    picture: str, concepts: dict[str, float], rule: Rule, anyway: bool, right: str | None = None
) -> Result:
    """The page by another rule, or with the switch turned."""
    if not picture:
        return (gr.skip(),) * 4
    _check(rule)
    original, changed = inputs.reading_of(picture, concepts)
    return (
        views.concept_panel(changed, rule, original),
        *_shown(changed, rule, anyway, right),
    )


@answer
def enter(world: str, rule: Rule, anyway: bool) -> Result:
    """Another world with its first example, read when this page was made."""
    first, digits = glancenets.first(inputs.world_of(world).name), world == "digits"
    result = (
        inputs.to_url(first.picture),
        views.input_figure(first, examples.caption(world, 0)),
        to_drawing(first.picture) if digits else "",
        views.concept_panel(first, rule),
        *_shown(first, rule, anyway, ""),
        line(AT_LOAD, "done"),
        "",
    )
    return *result, *_stage(world, inputs.factor_panels(world, examples.drawn(world, 0).truth), 0)


@answer
def reopen(world: str, picture: str, rule: Rule, anyway: bool) -> Result:
    """Read the picture of a shared link."""
    told, pixels = inputs.from_url(picture)
    if told != world:
        raise InputError("This link's picture is of another world.", "Take an example.", "Link")
    shown = _show(world, pixels, "The picture of the link", rule, anyway)
    return *shown, *_stage(world, foreign(world)[:2], -1)


def _stage(world: str, factors: tuple[Any, ...], chosen: int) -> Result:
    """What belongs to a world beside a reading: the factors' sliders, seed, chosen example, meter."""
    return (
        *factors,
        examples.EXAMPLES[world][0].seed,
        *[chosen] * len(WORLDS),
        leak_meter(world),
    )


def warm() -> None:
    """Load the nets as soon as somebody looks at the tab: the first drag shall not wait for that."""
    for world in WORLDS:
        glancenets.load(world)
