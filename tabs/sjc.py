"""Prompt to 3D: a text-to-image model's score pulls a cloud of voxels into the thing that was asked for."""

from __future__ import annotations

import importlib
import random
import re
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import gradio as gr

from pipelines.backbones import vocabulary
from pipelines.runtime import Progress, in_background
from pipelines.weights import ASSETS
from tabs import sjc_views as parts
from tabs.chips import Chips, chip_group
from tabs.shell import Examples, Metric, Paper, RunBar, downloads, how_it_works, offer, paper_card, share_row
from tabs.status import answer, job, line
from tabs.turntable import Turntable, live_value, turntable_value, webp_url

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
FILES = {"glb": "Mesh (GLB)", "obj": "OBJ", "ply": "PLY", "mp4": "Film (MP4)", "gif": "GIF"}
OUTPUTS = ("stage", "dreams", "hint", "facts", *FILES, "latest")
"""What a run fills, in the order of its outputs."""

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
    "rough. How often a prompt succeeds has not been measured yet.",
)


def build() -> None:
    """Lay out the tab inside the current gr.Tab."""
    known = vocabulary.load(ASSETS / "backbones/diffusion")
    ready = parts.ready_made()
    turn_start, dreams_start, mesh_start, facts_start = ready[0].shown()
    latest = gr.State(None)
    paper_card(PAPER)
    with gr.Row(equal_height=False, elem_classes="np-workbench"):
        with gr.Column(scale=4, min_width=300):
            with gr.Column(elem_classes="np-input"):
                prompt = gr.Textbox(
                    ready[0].prompt, label="What shall it be?", placeholder="a red sofa", max_lines=2, lines=1
                )
                bar = RunBar(
                    "Shape it in 3D",
                    line("What you see was made before. Yours takes about half a minute."),
                    elem_id="sjc-run",
                )
                hint = Chips()
            examples = Examples(
                [(entry.thumbnail, entry.prompt) for entry in ready],
                label="Ready-made: one click shows it and fills the prompt",
                elem_classes="np-coloured",
            )
            words = Chips([chip_group("Colours", list(known.colours), "colour", known.colours)])
            with gr.Accordion("Everything it has seen", open=False):
                things = Chips(_things(known))
            quality = gr.Radio(
                [("Fast", "fast"), ("Normal, about twice as long", "normal")], value="fast", label="Quality"
            )
            with gr.Row(elem_classes="np-seed"):
                seed = gr.Number(0, precision=0, minimum=0, label="Seed", min_width=100)
                dice = gr.Button("Another seed", size="sm", min_width=100)
            with gr.Accordion("Experiments", open=False):
                mode = gr.Radio(
                    VIEW_MODES, value="continuous", label="Tell the model where the camera stands"
                )
                paas = gr.Radio(
                    ESTIMATORS, value="eq16", label="Estimator of the score (perturb-and-average)"
                )
                depth = gr.Slider(0, 100, value=0, step=5, label="Pull the object to the middle")
                model = gr.Radio(MODELS, value="embedded", label="Text-to-image model")
        with gr.Column(scale=6, min_width=320):
            with gr.Tabs(elem_classes="np-result"):
                with gr.Tab("Turn it") as turn_tab:
                    stage = Turntable(turn_start)
                with gr.Tab("The mesh", elem_id="tab-sjc-mesh") as mesh_tab:
                    viewer = gr.Model3D(show_label=False, clear_color=WHITE, height=420)
                    facts = gr.HTML(facts_start)
            dreams = gr.HTML(dreams_start, elem_classes="np-result")
            files = downloads(FILES.values(), [mesh_start])
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
    shaped = bar.connect(generate, [*controls.values(), model], results, api_name="sjc_generate")
    shaped.success(offer, files, files, queue=False, **quiet)
    bar.stopped.then(keep, latest, [*results, bar.status], concurrency_id="sjc-keep", **quiet).success(
        offer, files, files, queue=False, **quiet
    )
    prompt.submit(None, js=bar.press)
    dice.click(lambda: random.randrange(10_000), outputs=seed, queue=False, **quiet)
    examples.select(show_ready, None, [prompt, seed, *results, bar.status], queue=False, **quiet).success(
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


@job(outputs=len(OUTPUTS))
def generate(
    prompt: str,
    seed: int = 0,
    quality: str = "fast",
    views: str = "continuous",
    paas: str = "eq16",
    centre_depth: float = 0.0,
    model: str = "embedded",
) -> Iterator[tuple[Any, ...]]:
    """Shape a 3D object for a prompt by score Jacobian chaining.

    Returns its turntable, the 2D samples, hints, the mesh (GLB), its statistics, and the files GLB, OBJ, PLY,
    MP4, GIF."""
    sjc = yield from _patiently(lambda: importlib.import_module("pipelines.sjc"))
    settings = sjc.Settings(prompt, int(seed or 0), quality, views, paas, centre_depth)
    denoiser = yield from _patiently(lambda: sjc.load_denoiser(model))
    known = None if denoiser.channels != 3 else (yield from _patiently(sjc.known_prompts))
    yield _report(Progress(0, 0, "Dreaming in 2D"), hint=_hint(known, settings.prompt))

    for report in sjc.dream(denoiser, settings.prompt, settings.views, settings.seed):
        done = not isinstance(report, Progress)
        dreams = report if done else report.preview
        strip = parts.dreams_strip(webp_url(sjc.webp(dreams.images, 95)), dreams.names)
        yield _report(Progress(0, 0, "Starting from a thin fog") if done else report, dreams=strip)

    started = time.monotonic()
    for report in sjc.generate(**asdict(settings), denoiser=denoiser, known=known):
        if not isinstance(report, Progress):
            yield from _finished(sjc, report, "Done", report.note)
        elif report.preview is None:
            yield _report(report)
        else:
            picture = live_value(
                webp_url(sjc.webp([report.preview.image])),
                settings.prompt,
                f"{settings.prompt} · step {report.step:,} of {report.total:,}",
            )
            so_far = SoFar(report.preview.field, settings, model, time.monotonic() - started, report.step)
            yield _report(report, stage=picture, latest=so_far)


@dataclass(frozen=True)
class SoFar:
    """An object in the making, for the visitor who stops: its field, the request, and how far it is."""

    field: Any
    settings: Any
    model: str
    seconds: float
    step: int


@job(outputs=len(OUTPUTS))
def keep(so_far: SoFar | None) -> Iterator[tuple[Any, ...]]:
    """Make mesh and files of what was there when the visitor pressed Stop."""
    if so_far is None:
        yield _report("Stopped before there was anything to see")
        return
    sjc = importlib.import_module("pipelines.sjc")
    denoiser = sjc.load_denoiser(so_far.model)
    for report in sjc.finish(so_far.field, so_far.settings, denoiser, seconds=so_far.seconds):
        if isinstance(report, Progress):
            yield _report(report)
        else:
            stopped = f"Stopped at step {so_far.step:,}"
            yield from _finished(
                sjc,
                report,
                f"{stopped}; this is the object so far",
                f"{stopped}: only fog so far, so there is no mesh yet. A few seconds more give it a surface.",
            )


def _finished(sjc: ModuleType, result: Any, word: str, without_mesh: str) -> Iterator[tuple[Any, ...]]:
    """The last report of a run: `word` begins its status, or `without_mesh` is all of it.

    The files are gone from the folder once the page has its own copies.
    """
    settings = result.settings
    caption = f"{settings.prompt} · seed {settings.seed}, {settings.preset}, {result.seconds:.0f} s"
    frames = webp_url(sjc.webp(result.frames))
    depth = webp_url(sjc.webp(sjc.depth_picture(result.depth, result.field.config.extent), 80))
    stage = turntable_value(frames, len(result.frames), settings.prompt, caption, depth)
    facts = parts.mesh_facts(asdict(result.statistics) if result.statistics else None)
    status = without_mesh if result.mesh is None else f"{word}: “{settings.prompt}”, seed {settings.seed}"
    with tempfile.TemporaryDirectory(prefix="nine-papers-") as folder:
        files = _write(sjc, result, Path(folder))
        yield _report(status, stage=stage, facts=facts, latest=None, **files)


def _write(sjc: ModuleType, result: Any, folder: Path) -> dict[str, str | None]:
    """The download files of a result, None for those it has not."""
    contents = {"mp4": sjc.mp4(result.frames), "gif": sjc.gif(result.frames)}
    if result.mesh is not None:
        contents |= {"glb": result.glb, "obj": result.mesh.obj().encode(), "ply": result.mesh.ply()}
    name = "-".join(re.findall(r"[a-z0-9]+", result.settings.prompt.lower()))[:60] or "object"
    files: dict[str, str | None] = dict.fromkeys(FILES)
    for suffix, content in contents.items():
        path = folder / f"{name}.{suffix}"
        path.write_bytes(content)
        files[suffix] = str(path)
    return files


def _patiently(function: Callable[[], Any]) -> Generator[tuple[Any, ...], None, Any]:
    """The function's value, with reports while it works."""
    steps = in_background(function, Progress(0, 0, "Loading the model"))
    try:
        while True:
            yield _report(next(steps))
    except StopIteration as end:
        return end.value


def _hint(known: Any, prompt: str) -> list[dict[str, Any]]:
    """Chips with what the model knows that is nearest to a prompt that it does not know, if so."""
    nearest = known.nearest(prompt) if known else None
    if nearest is None or nearest.familiar:
        return []
    return [
        chip_group("The model has seen nothing like this. The nearest it knows:", [nearest.prompt], "prompt")
    ]


def _report(progress: Progress | str, **values: Any) -> tuple[Any, ...]:
    """One yield of a job: the outputs that change, by name, and the progress."""
    return (*(values.get(name, gr.skip()) for name in OUTPUTS), progress)


@answer
def show_ready(event: gr.EventData) -> tuple[Any, ...]:
    """Show a ready-made object and put its prompt and seed into the form."""
    entry = parts.ready_made()[event.index]
    stage, dreams, mesh, facts = entry.shown()
    values = {"stage": stage, "dreams": dreams, "hint": [], "facts": facts, "glb": mesh}
    outputs = [values.get(name) for name in OUTPUTS]
    return entry.prompt, entry.seed, *outputs, line("Ready-made. Press the button to shape your own.", "done")
