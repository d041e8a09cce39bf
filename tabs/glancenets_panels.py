"""The panels under the reading: leakage, alignment, traversals, latent map, files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import plotly.graph_objects as go
from gradio.components import Component
from PIL import Image

from pipelines import glancenets
from pipelines.errors import InputError
from pipelines.glancenets import RULES, WORLDS, Reading, Rule
from tabs import glancenets_inputs as inputs
from tabs import glancenets_plots as plots
from tabs.drawing import png_url
from tabs.glancenets_examples import shown
from tabs.glancenets_measured import hinton_pair, leak_meter, levels, tie
from tabs.shell import downloads, new_file
from tabs.status import answer

STEPS = 9
"""Pictures in a traversal."""
SCALE = 3
"""Of pixels in the files to take home."""


FILES = ("Reading (JSON)", "Redrawn picture (PNG)", "Traversals (PNG)")


def build(opened: gr.Textbox, current: Sequence[Component]) -> tuple[gr.HTML, dict[str, Any]]:
    """Lay the panels out as tabs inside the current gr.Tabs. `current`: picture, concepts, rule;
    `opened` is told the open panel's name.

    Returns the leakage meter, and the arguments of an event that computes the open panel anew.
    """
    with gr.Tab("Leakage") as leakage:
        meter = gr.HTML(leak_meter("faces"))
    with gr.Tab("Alignment") as alignment:
        _alignment()
    with gr.Tab("Traversals") as strips_tab:
        gr.Markdown(
            "Each row sweeps one number of the code and redraws the picture: concepts first, then the hidden "
            "numbers that only the decoder uses."
        )
        strips = gr.HTML()
    with gr.Tab("Latent map") as map_tab:
        gr.Markdown(
            "Small points are training pictures, diamonds the prototypes that the net learnt, circles the "
            "borders within which the paper's rule accepts. Solid circles are exact. Dotted ones are a "
            "projection: outside is outside, but a point inside may still lie outside its ball. Its plane is "
            "the one in which the prototypes lie farthest apart."
        )
        plot = gr.Plot(show_label=False, container=False)
    with gr.Tab("Take it home") as files_tab:
        buttons = downloads(FILES)
    quiet: dict[str, Any] = {"show_progress": "hidden", "trigger_mode": "always_last"}
    computed = (
        ("traverse", strips_tab, traverse, current[:2], [strips]),
        ("map", map_tab, latent_map, current[:2], [plot]),
        ("export", files_tab, export, current, buttons),
    )
    for name, tab, handler, given, outputs in computed:
        tab.select(handler, list(given), outputs, api_name=f"glancenets_{name}", **quiet)
        tab.select(None, outputs=opened, js=f"() => '{name}'", api_visibility="private")
    for tab in (leakage, alignment):
        tab.select(None, outputs=opened, js="() => ''", api_visibility="private")
    return meter, {"fn": _refresh, "inputs": [opened, *current], "outputs": [strips, plot, *buttons]}


def _refresh(opened: str, picture: str, concepts: dict[str, float], rule: Rule) -> tuple[Any, ...]:
    """Compute the open panel anew, and none of the others."""
    if not picture:
        return "", None, *[gr.DownloadButton(value=None, interactive=False)] * len(FILES)
    idle = gr.skip()
    return (
        traverse(picture, concepts) if opened == "traverse" else idle,
        latent_map(picture, concepts) if opened == "map" else idle,
        *(export(picture, concepts, rule) if opened == "export" else [idle] * len(FILES)),
    )


def _alignment() -> None:
    gr.Markdown(
        "How far does each concept of the code (rows) tell each true factor (columns), and nothing else? "
        "Squares are the weights of a linear probe: only green ones, on the diagonal, would be perfect. "
        "Alignment is 1 then, and 0 if every concept tells every factor alike. The paper reports better "
        "alignment than the CBNM in 13 of 15 comparisons, on other data, as plots without figures.\n\n"
        f"{tie()} These are nets of the Robo-faces, whichever world is chosen above."
    )
    level = gr.Radio(levels(), value=levels()[0], label="Nets")
    pair = gr.HTML(hinton_pair(levels()[0]))
    level.change(hinton_pair, level, pair, show_progress="hidden", api_visibility="private")


@answer
def traverse(picture: str, concepts: dict[str, float] | None = None) -> str:
    """Sweep each number of a picture's code (PNG data URL) and redraw it; returns strips as HTML."""
    _, reading = inputs.reading_of(picture, concepts)
    return traversals(reading)


@answer
def latent_map(picture: str, concepts: dict[str, float] | None = None) -> go.Figure:
    """Where a picture (PNG data URL) lies among training pictures, prototypes and acceptance balls."""
    original, changed = inputs.reading_of(picture, concepts)
    return plots.latent_map(glancenets.latent_map(original.world), original, changed)


@answer
def export(
    picture: str, concepts: dict[str, float] | None = None, rule: Rule = "paper"
) -> list[gr.DownloadButton]:
    """The reading of a picture (PNG data URL) as JSON, the redrawn picture and the traversals as PNG."""
    if rule not in RULES:
        raise InputError("There is no such rule.", f"Choose one of {', '.join(RULES)}.", "Reject by")
    _, reading = inputs.reading_of(picture, concepts)
    paths = write_files(reading, rule, new_file("reading.json").parent)
    return [gr.DownloadButton(value=path, interactive=True) for path in paths]


def traversals(reading: Reading) -> str:
    """One strip per dimension of the code: the picture as one concept, or hidden number, is swept."""
    world = WORLDS[reading.world]
    net = glancenets.load(world.name)
    words = {concept.name: concept for concept in world.concepts}
    rows = []
    for name in world.dimensions:
        strip = _strip(reading, net.traverse(reading, name, STEPS))
        concept = words.get(name)
        low, high = concept.words if concept else ("-2", "+2")
        label = concept.label if concept else name.capitalize()
        rows.append(
            f"<li class='{'' if concept else 'opaque'}'><b>{label}</b><span>{low}</span>"
            f"<img src='{strip}' alt='{label}, swept from {low} to {high}'><span>{high}</span></li>"
        )
    ink = "ink" if world.name == "digits" else ""
    return f"<ul class='np-strips {ink}'>{''.join(rows)}</ul>"


def _strip(reading: Reading, pictures: np.ndarray) -> str:
    return png_url(shown(reading.world, np.concatenate(list(pictures), axis=1)))


def as_json(reading: Reading, rule: Rule) -> dict[str, Any]:
    """A reading as plain numbers, for a file."""
    world = WORLDS[reading.world]
    verdict = reading.verdict(rule)
    return {
        "world": reading.world,
        "rule": rule,
        "accepted": verdict.accepted,
        "tests": [
            {
                "name": gate.name,
                "value": float(gate.value),
                "limit": float(gate.limit),
                "asked": gate in verdict.gates,
            }
            for gate in reading.gates
        ],
        "set_by_hand": list(reading.corrected),
        "code": {
            name: {"mean": float(mean), "deviation": float(deviation)}
            for name, mean, deviation in zip(world.dimensions, reading.mu, reading.sigma, strict=True)
        },
        "answers": {
            model: {
                "concepts": {c.name: float(v) for c, v in zip(world.concepts, answer.values, strict=True)},
                "probabilities": dict(zip(world.classes, map(float, answer.probabilities), strict=True)),
                "contributions": answer.contributions.tolist(),
                "bias": answer.bias.tolist(),
            }
            for model, answer in (("GlanceNet", reading.glancenet), ("CBNM", reading.bottleneck))
        },
    }  # fmt: skip


def write_files(reading: Reading, rule: Rule, folder: Path) -> list[str]:
    """Write the reading (JSON), the redrawn picture and the traversals (PNG); returns their paths."""
    world = WORLDS[reading.world]
    net = glancenets.load(world.name)
    sheet = np.concatenate(
        [np.concatenate(list(net.traverse(reading, name, STEPS)), axis=1) for name in world.dimensions]
    )
    pictures = {"redrawn": reading.reconstruction, "traversals": sheet}
    (folder / "reading.json").write_text(json.dumps(as_json(reading, rule), indent=2), encoding="utf-8")
    for name, picture in pictures.items():
        image = shown(reading.world, picture)
        image.resize((image.width * SCALE, image.height * SCALE), Image.Resampling.LANCZOS).save(
            folder / f"{name}.png"
        )
    return [str(folder / name) for name in ("reading.json", "redrawn.png", "traversals.png")]
