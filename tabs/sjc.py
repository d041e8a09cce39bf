"""Prompt to 3D: a text-to-image model's score pulls a cloud of voxels into the thing that was asked for."""

from __future__ import annotations

import os
import random
import re
from typing import Any

import gradio as gr
from gradio.components import Component

from pipelines.backbones import vocabulary
from pipelines.weights import ASSETS
from tabs import sjc_views as parts
from tabs import unchecked
from tabs.chips import Chips, chip_group
from tabs.shell import Examples, Metric, Paper, RunBar, downloads, how_it_works, offer, paper_card, share_row
from tabs.sjc_run import OUTPUTS, Runs, generate, keep
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

MODELS = [("Embedded, ours: small, 32 pixels", "embedded"), ("Stable Diffusion 1.5: needs a GPU", "hub")]
VIEW_MODES = [
    ("Exact angles", "continuous"),
    ("The paper's four words", "words"),
    ("Not at all: expect two faces", "none"),
]
WHITE = (1.0, 1.0, 1.0, 1.0)
ESTIMATORS = [("Eq. 16: less noise", "eq16"), ("Eq. 15", "eq15")]

STEPS = (
    r"A denoiser $D(x; \sigma)$ that was trained on captioned pictures gives their score: "
    r"$\nabla_x \log p_\sigma(x) = (D(x; \sigma) - x) / \sigma^2$.",
    r"The object is a grid of voxels $\theta$, each with a density and a colour; a camera $\pi$ sees the "
    r"picture $y = g(\theta, \pi)$. The chain rule lifts the score from pictures to voxels: "
    r"$\nabla_\theta \log p(\theta) = \mathbb{E}_\pi [ J_\pi^\top \nabla_y \log p(y) ]$.",
    r"The denoiser only understands noisy pictures, but $y$ is clean. So noise is added and the answers are "
    r"averaged (perturb-and-average): $\mathbb{E}_n [ (D(y + \sigma n; \sigma) - y) / \sigma^2 ]$ (Eq. 16).",
    "The prompt says where the camera stands. Without that, every side wants to be the front.",
    "Empty space is rewarded, noise levels fall from coarse to fine, and at the end the surface is cut out "
    "of the density as a closed, coloured mesh.",
)
METRICS = (
    Metric("Seconds for one object, fast, on two cores (one run)", "seconds_per_object", "{:.0f} s"),
    Metric(
        "Seconds to its first preview, model loaded, 2D samples not counted",
        "first_preview_seconds",
        "{:.1f} s",
    ),
    Metric("A known object with an exact score, against its true views", "oracle_psnr", "{:.1f} dB"),
    Metric("The same without view prompts", "oracle_no_view_psnr", "{:.1f} dB"),
    Metric("A judge finds an object's own prompt among 50 (true renders: 100 %)", "r_precision", "{:.0%}"),
    Metric("The same for the 3D meshes", "r_precision_mesh", "{:.0%}"),
    Metric("Pairs of object and colour never seen together: object right", "held_out_object_right", "{:.0%}"),
    Metric("the colour right", "held_out_colour_right", "{:.0%}"),
    Metric("Objects with a second front (Janus), of 20", "janus", "{:.0%}"),
    Metric("without view prompts, of 4", "janus_without_view_prompts", "{:.0%}"),
    Metric("Silhouettes' overlap with the true object", "silhouette_iou", "{:.2f}"),
)
LIMITS = (
    "The embedded model has seen 67 kinds of things, in pictures of 32 pixels drawn from public-domain "
    "meshes: other prompts give the nearest thing it knows, and fine detail is beyond it.",
    "Light is baked into the colours.",
    "It saw 234,000 pictures, trained without a GPU: simple and round things come out well, thin or lopsided "
    "ones are rough, and front and back are often alike.",
    "The authors' code names 25 minutes on a GPU for Stable Diffusion, a far larger model: the two times "
    "do not compare the methods.",
    "The ready-made objects are among the better ones: of eight that we made, the zebra was left out as too "
    "rough. A quarter of the objects that have a front show a second one.",
)


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
                label="Ready-made: one click shows it and fills the prompt",
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
    how_it_works(PAPER, STEPS, METRICS, LIMITS)
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
        preferred = "hub" if os.environ.get("NINE_PAPERS_MODELS") == "hub" else "embedded"
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
