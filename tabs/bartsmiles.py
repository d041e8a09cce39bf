"""Molecule attribution: a molecule in, six predicted properties out, and the atoms that each comes from."""

from __future__ import annotations

from typing import Any

import gradio as gr

from pipelines import bartsmiles
from pipelines.bartsmiles import EXAMPLES, FIRST, METHODS, STRINGS
from pipelines.weights import read_card
from tabs import bartsmiles_about as about
from tabs import bartsmiles_panels as panels
from tabs import bartsmiles_views as views
from tabs import bartsmiles_words as say
from tabs import unchecked
from tabs.bartsmiles_board import Board
from tabs.bartsmiles_run import MOST_STRINGS, Turns, run, warm
from tabs.chips import Chips, chip_group
from tabs.shell import HEAVY, Paper, RunBar, how_it_works, paper_card, share_row
from tabs.status import line

PAPER = Paper(
    name="bartsmiles",
    tab="Molecule attribution",
    title="BARTSmiles: Generative Masked Language Models for Molecular Representations",
    authors="Gayane Chilingaryan, Hovhannes Tamoyan, Ani Tevosyan et al. (2022)",
    arxiv="2211.16349",
    pitch="Type or draw a molecule: a language model predicts six properties, and each atom shows its part.",
)
ENDPOINTS = ("run", "deletion", "mask", "infill", "nearest", "lesson", "conformer", "batch", "export")
SHARED = "The link carries the molecule, property, method and seed."
TO_HEAD = """(picked, picture) => [picked.head, picture && { ...picture, head: picked.head }]"""
TO_METHOD = """(method, picture) => [picture && { ...picture, method }]"""
TO_RESULT = """() => window.innerWidth <= 640 && document.getElementById("bartsmiles-molecule")
    .scrollIntoView({ block: "start", behavior: "smooth" })"""
"""On a phone the molecule stands above the field: Run brings it into view."""


def build() -> None:
    """Lay out the tab inside the current gr.Tab."""
    paper_card(PAPER)
    start, card = bartsmiles.first(), read_card(PAPER.name)
    head = unchecked.Radio(list(say.WORDS), value="esol", visible=False, label="Property")
    current = gr.Textbox(start.smiles, visible=False, label="Molecule shown")
    desk = gr.State(None, time_to_live=3600)
    turns = gr.State(Turns())
    with gr.Row(equal_height=False, elem_classes="np-workbench np-molecule-tab"):
        with gr.Column(scale=4, min_width=300):
            examples = Chips(
                [chip_group("One click explains a molecule", list(EXAMPLES))], elem_classes="np-input"
            )
            with gr.Column():
                smiles = unchecked.Text(
                    EXAMPLES[FIRST],
                    label="Or your own, as SMILES",
                    placeholder="CC(=O)Oc1ccccc1C(=O)O",
                    max_lines=5,
                    lines=1,
                    elem_classes="np-molecule-field",
                )
                board = Board("Draw a molecule")
                bar = RunBar(
                    "Explain it",
                    line(f"{FIRST}, computed when this page was made.", "done"),
                    elem_id="bartsmiles-run",
                )
            properties = views.Properties(views.properties_value(start, "esol", card))
            with gr.Accordion("Advanced", open=False):
                strings = unchecked.Slider(
                    1, MOST_STRINGS, value=STRINGS, step=1, label="Ways to write it that are averaged"
                )
                seed = unchecked.Number(0, precision=0, minimum=0, label="Seed of the random ways")
        with gr.Column(scale=6, min_width=320):
            method = unchecked.Radio(
                list(say.METHODS),
                value=METHODS[0],
                label="Method",
                container=False,
                elem_classes="np-result np-molecule-method",
            )
            picture = views.Picture(
                views.picture_value(start, FIRST, "esol", METHODS[0], card),
                elem_id="bartsmiles-molecule",
                elem_classes="np-result",
            )
    shown = [current, head, method]
    opened = gr.Textbox("mask", visible=False, label="Open panel")
    with gr.Tabs():
        refresh = panels.build(opened, shown, desk, smiles, bar)
    measured = card["metrics"]
    how_it_works(
        PAPER,
        about.STEPS,
        [metric for metric in about.METRICS if measured.get(metric.key) is not None],
        about.LIMITS,
    )
    carried = {"smiles": smiles, "property": head, "method": method, "ways": strings, "seed": seed}
    share_row(PAPER, carried, [f"bartsmiles_{name}" for name in ENDPOINTS], SHARED).success(
        None, js=bar.press
    )

    quiet: dict[str, Any] = panels.QUIET
    outputs = [properties, picture, current, desk]
    settings = [head, method, strings, seed, desk, turns]
    bar.run.click(Turns.begin, turns, queue=False, **quiet)
    bar.run.click(None, js=TO_RESULT, **quiet)
    running = bar.connect(run, [smiles, *settings], outputs, api_name="bartsmiles_run")
    running.success(**refresh, **quiet)
    switched = (
        properties.select(None, [properties, picture], [head, picture], js=TO_HEAD, queue=False, **quiet),
        method.input(None, [method, picture], picture, js=TO_METHOD, queue=False, **quiet),
    )
    for event in switched:
        event.then(Turns.begin, turns, queue=False, **quiet).then(
            run,
            [current, *settings],
            [*outputs, bar.status],
            concurrency_id=HEAVY,
            concurrency_limit=1,
            trigger_mode="always_last",
            **quiet,
        ).success(**refresh, **quiet)
    examples.select(_example, None, smiles, queue=False, **quiet).success(None, js=bar.press, **quiet)
    smiles.submit(None, js=bar.press)
    board.open(None, smiles, board, js="(text) => [text]", queue=False, **quiet)
    board.input(None, board, smiles, js="(text) => [text]", queue=False, **quiet)
    picture.ready(warm, **quiet)


def _example(event: gr.EventData) -> str:
    return EXAMPLES[event.value]
