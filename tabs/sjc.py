"""Prompt to 3D: a text-to-image model's score pulls a cloud of voxels into the thing that was asked for."""

from __future__ import annotations

import os
import random
import re
import shutil
from typing import Any

import gradio as gr
from gradio.components import Component

from pipelines.backbones import vocabulary
from pipelines.weights import ASSETS
from tabs import sjc_about as about
from tabs import sjc_views as parts
from tabs import unchecked
from tabs.chips import Chips, chip_group
from tabs.shell import Examples, Paper, RunBar, downloads, offer, paper_card, share_row
from tabs.sjc_run import OUTPUTS, Runs, generate, keep, warm_up
from tabs.status import answer, line
from tabs.turntable import Turntable

PAPER = Paper(
    name="sjc",
    tab="Prompt to 3D",
    title="Score Jacobian Chaining: Lifting Pretrained 2D Diffusion Models for 3D Generation",
    authors="Haochen Wang, Xiaodan Du, Jiahao Li, Raymond A. Yeh, Greg Shakhnarovich (2022)",
    arxiv="2212.00774",
    pitch="Name a thing: a model that only knows flat pictures shapes it in 3D. Take the mesh home.",
)

MODELS = [
    ("Embedded, ours: small, 32 pixels", "embedded"),
    ("Stable Diffusion 1.5: needs a GPU and minutes", "hub"),
]
VIEW_MODES = [
    ("Exact angles", "continuous"),
    ("The paper's four words", "words"),
    ("Not at all: expect two faces", "none"),
]
WHITE = (1.0, 1.0, 1.0, 1.0)
ESTIMATORS = [
    ("Eq. 16: less noise", "eq16"),
    ("Eq. 15", "eq15"),
    ("Off: ask about the clean picture", "off"),
]


def build() -> None:
    """Lay out the tab inside the current gr.Tab."""
    known = vocabulary.load(ASSETS / "backbones/diffusion")
    ready = parts.ready_made()
    turn_start, dreams_start, facts_start = ready[0].shown()
    latest, runs = gr.State(None), gr.State(Runs())
    paper_card(PAPER)
    with gr.Row(equal_height=False, elem_classes="np-workbench"):
        with gr.Column(scale=4, min_width=300):
            with gr.Column(elem_classes="np-input"):
                prompt = unchecked.Text(
                    ready[0].prompt, label="What shall it be?", placeholder="a red sofa", max_lines=2, lines=1
                )
                bar = RunBar(
                    "Shape it in 3D",
                    line("What you see was made before. Yours takes about half a minute."),
                    elem_id="sjc-run",
                )
                hint = Chips(label="Nearest known prompt, where this one is far from all")
            examples = Examples(
                [(entry.thumbnail, entry.prompt) for entry in ready],
                label="Ready-made: one click shows it",
                elem_classes="np-coloured",
            )
            words = Chips([chip_group("Colours", list(known.colours), "colour", known.colours)])
            with gr.Accordion("Everything it has seen", open=False):
                things = Chips(_things(known))
            quality = unchecked.Radio(
                [("Fast", "fast"), ("Normal, about twice as long", "normal")], value="fast", label="Quality"
            )
            with gr.Row(elem_classes="np-seed"):
                seed = unchecked.Number(0, precision=0, minimum=0, label="Seed", min_width=100)
                dice = gr.Button("Another seed", size="sm", min_width=100)
            mode, paas, depth, model = _experiments()
        with gr.Column(scale=6, min_width=320):
            with gr.Tabs(elem_classes="np-result"):
                with gr.Tab("Turn it") as turn_tab:
                    stage = Turntable(turn_start, label="Turntable")
                with gr.Tab("The mesh", elem_id="tab-sjc-mesh") as mesh_tab:
                    viewer = gr.Model3D(show_label=False, clear_color=WHITE, height=420)
                    facts = gr.HTML(facts_start, label="Mesh statistics")
            dreams = gr.HTML(dreams_start, label="2D samples", elem_classes="np-result")
            files = downloads(parts.FILES.values(), list(ready[0].files().values()))
    about.explain(PAPER, len(known.things))
    controls = {
        "prompt": prompt,
        "seed": seed,
        "quality": quality,
        "views": mode,
        "paas": paas,
        "depth": depth,
    }
    share_row(PAPER, controls, ["sjc_generate"]).success(None, js=bar.press)

    results = [stage, dreams, hint, facts, *files, latest]
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    bar.run.click(Runs.begin, runs, queue=False, **quiet)
    shaped = bar.connect(generate, [*controls.values(), model, runs], results, api_name="sjc_generate")
    shaped.success(offer, files, files, queue=False, **quiet)
    bar.stopped.then(
        keep, [latest, runs], [*results, bar.status], concurrency_id="sjc-keep", **quiet
    ).success(offer, files, files, queue=False, **quiet)
    prompt.submit(None, js=bar.press)
    prompt.focus(warm_up, queue=False, **quiet)
    dice.click(lambda: random.randrange(10_000), outputs=seed, queue=False, **quiet)
    shown = [prompt, seed, *results, bar.status]
    examples.select(show_ready, examples, shown, trigger_mode="always_last", **quiet).success(
        offer, files, files, queue=False, **quiet
    )
    # A viewer that is given a mesh while its tab was never open stays blank: it gets one when it is seen.
    seen = gr.State(False)
    turn_tab.select(lambda: False, outputs=seen, queue=False, **quiet)
    mesh_tab.select(lambda mesh: (mesh, True), files[0], [viewer, seen], queue=False, **quiet)
    files[0].change(
        lambda mesh, seen: mesh if seen else gr.skip(), [files[0], seen], viewer, queue=False, **quiet
    )
    for chips in (words, things, hint):
        chips.select(use_word, prompt, prompt, queue=False, **quiet)


def _experiments() -> tuple[Component, Component, Component, Component]:
    """What changes the method: view prompts, estimator, centre loss, model."""
    with gr.Accordion("Experiments", open=False):
        mode = unchecked.Radio(VIEW_MODES, value="continuous", label="Tell the model where the camera stands")
        paas = unchecked.Radio(ESTIMATORS, value="eq16", label="Estimator of the score (perturb-and-average)")
        depth = unchecked.Slider(0, 100, value=0, step=5, label="Pull the object to the middle")
        wanted = os.environ.get("NINE_PAPERS_MODELS") == "hub" and shutil.which("nvidia-smi")
        preferred = "hub" if wanted else "embedded"
        model = unchecked.Radio(MODELS, value=preferred, label="Text-to-image model")
    return mode, paas, depth, model


def _things(known: vocabulary.Vocabulary) -> list[dict[str, Any]]:
    """A row of chips per kind of thing."""
    rows = []
    for kind, label in vocabulary.KINDS.items():
        rows.append(chip_group(label, [thing.name for thing in known.things if thing.kind == kind], "thing"))
    return rows


def use_word(prompt: str, event: gr.EventData) -> str:
    """The prompt with a clicked word in it: a colour takes the place of the colour, a thing that of all else
    but the colour, a whole prompt that of everything."""
    colours = vocabulary.load(ASSETS / "backbones/diffusion").colours
    return with_word(prompt, event.value, event.kind, list(colours))


def with_word(prompt: str, word: str, kind: str, colours: list[str]) -> str:
    """See use_word; `kind` is "colour", "thing" or "prompt"."""
    if kind == "prompt":
        return word
    words = re.sub(r"^(an?|the)\s+", "", prompt.strip(), flags=re.IGNORECASE).split()
    colour = words[0] if words and words[0].lower() in colours else ""
    rest = words[1:] if colour else words
    if kind == "colour":
        said = [word, *rest]
    elif any(part in colours for part in word.split()):
        said = [word]
    else:
        said = [*filter(None, [colour]), word]
    text = " ".join(said)
    return f"{'an' if text[0] in 'aeiou' else 'a'} {text}"


@answer
def show_ready(index: int) -> tuple[Any, ...]:
    """Show the ready-made object of that index, with all its files, and put its prompt and seed into the
    form."""
    entry = parts.ready_made()[index]
    stage, dreams, facts = entry.shown()
    values = {"stage": stage, "dreams": dreams, "hint": [], "facts": facts, **entry.files()}
    outputs = [values.get(name) for name in OUTPUTS]
    return entry.prompt, entry.seed, *outputs, line("Ready-made. Press the button to shape your own.")
