"""The jobs of the prompt-to-3D tab: shape an object, and keep what is there when the visitor stops."""

from __future__ import annotations

import importlib
import re
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import gradio as gr

from pipelines.runtime import Progress, in_background
from pipelines.sjc.prompts import checked
from tabs import sjc_views as parts
from tabs.chips import chip_group
from tabs.status import Unfinished, job
from tabs.turntable import live_value, turntable_value, webp_url

OUTPUTS = ("stage", "dreams", "hint", "facts", *parts.FILES, "latest")
"""What a run fills, in the order of its outputs."""
DREAMING, OPTIMISING, FINISHING = 0.1, 0.76, 0.14
"""Shares of a run's time."""
UNKNOWN = "The model has learnt nothing quite like this, and it reads English only. The nearest it knows:"
LOADING_METHOD, LOADING_MODEL = Progress(0, 1, "Loading the method"), Progress(0, 1, "Loading the model")


class Runs:
    """Counts a visitor's runs, so that one that was stopped knows when another has begun."""

    def __init__(self) -> None:
        self.begun = 0

    def begin(self) -> None:
        """Another run was asked for."""
        self.begun += 1


@dataclass(frozen=True)
class SoFar:
    """An object in the making, for the visitor who stops: its field, the request, how far it is, and the
    number of its run."""

    field: Any
    settings: Any
    model: str
    seconds: float
    step: int
    run: int


class Whole:
    """One bar over all stages of a job, which take these shares of its time.

    The stages are told apart by their number of steps; a report without steps leaves the bar where it is.
    """

    def __init__(self, *shares: float) -> None:
        self._shares = list(shares)
        self._from, self._width, self._total, self._at = 0.0, 0.0, 0.0, 0.0

    def __call__(self, report: Progress) -> Progress:
        """The report as one of the whole job."""
        message = report.message
        if report.total > 1:
            if report.total != self._total:
                self._from, self._width = self._from + self._width, self._shares.pop(0)
                self._total = report.total
            self._at = self._from + self._width * report.step / report.total
            message = f"{message}, {report.step:,} of {report.total:,}"
        return Progress(self._at, 1, message)


@job(outputs=len(OUTPUTS))
def generate(
    prompt: str,
    seed: int = 0,
    quality: str = "fast",
    views: str = "continuous",
    paas: str = "eq16",
    centre_depth: float = 0.0,
    model: str = "embedded",
    runs: Runs | None = None,
) -> Iterator[tuple[Any, ...]]:
    """Shape a 3D object for a prompt by score Jacobian chaining.

    prompt: one object, in English, at most 300 characters. seed: 0 or more; on one computer the same one
    gives the same object. quality: "fast" or "normal". views, how the model is told where the camera stands:
    "continuous", "words" or "none". paas, the estimator: "eq16", "eq15" or "off". centre_depth: 0 to 1000.
    model: "embedded" or "hub". Returns the turntable, the 2D samples, the nearest known prompt if this one is
    far from all, the mesh's statistics, and the files GLB, OBJ, PLY, MP4, GIF.
    """
    checked(prompt)  # before anything is loaded
    number = runs.begun if runs else 0
    yield _report(LOADING_METHOD, latest=None)
    sjc = yield from _meanwhile(LOADING_METHOD, lambda: importlib.import_module("pipelines.sjc.run"))
    settings = sjc.Settings(prompt, 0 if seed is None else seed, quality, views, paas, centre_depth)
    sjc = importlib.import_module("pipelines.sjc")
    denoiser = yield from _meanwhile(LOADING_MODEL, lambda: sjc.load_denoiser(model))
    known = None
    if denoiser.channels == 3:
        known = yield from _meanwhile(LOADING_MODEL, sjc.known_prompts)
    hint = _hint(known, settings.prompt)
    bar = Whole(DREAMING, OPTIMISING, FINISHING)
    yield _report(bar(Progress(0, 0, "Dreaming in 2D")), hint=hint)

    for report in sjc.dream(denoiser, settings.prompt, settings.views, settings.seed):
        done = not isinstance(report, Progress)
        dreamt = report if done else report.preview
        dreams = parts.dreams_strip(webp_url(sjc.webp(dreamt.images, 95)), dreamt.names)
        yield _report(bar(Progress(0, 0, "Starting from a thin fog") if done else report), dreams=dreams)

    started = time.monotonic()
    for report in sjc.generate(**asdict(settings), denoiser=denoiser, known=known):
        if not isinstance(report, Progress):
            yield from _finished(sjc, report, "Done", report.note, dreams=dreams, hint=hint)
        elif report.preview is None:
            yield _report(bar(report))
        else:
            picture = live_value(
                webp_url(sjc.webp([report.preview.image])),
                settings.prompt,
                f"{settings.prompt} · step {report.step:,} of {report.total:,}",
            )
            gone = time.monotonic() - started
            so_far = SoFar(report.preview.field, settings, model, gone, report.step, number)
            # What can be downloaded is what is shown.
            nothing = dict.fromkeys(parts.FILES, gr.DownloadButton(value=None, interactive=False))
            yield _report(bar(report), stage=picture, latest=so_far, facts=parts.MESH_LATER, **nothing)


@job(outputs=len(OUTPUTS))
def keep(so_far: SoFar | None, runs: Runs) -> Iterator[tuple[Any, ...]]:
    """Make mesh and files of what was there when the visitor pressed Stop, unless another run has begun."""
    if so_far is None:
        yield _report(Unfinished("Stopped before there was anything to see"))
        return
    sjc = importlib.import_module("pipelines.sjc")
    denoiser = sjc.load_denoiser(so_far.model)
    bar = Whole(1.0)
    for report in sjc.finish(so_far.field, so_far.settings, denoiser, seconds=so_far.seconds):
        if so_far.run != runs.begun:
            return
        if isinstance(report, Progress):
            yield _report(bar(report))
        else:
            stopped = f"Stopped at step {so_far.step:,}"
            yield from _finished(
                sjc,
                report,
                f"{stopped}; this is the object so far",
                f"{stopped}: only fog so far, so there is no mesh yet. A few seconds more give it a surface.",
                whole=False,
            )


def _finished(
    sjc: ModuleType, result: Any, word: str, without_mesh: str, whole: bool = True, **shown: Any
) -> Iterator[tuple[Any, ...]]:
    """The last report of a run: `word` begins its status, or `without_mesh` is all of it; `shown`: outputs
    that were filled before. It gets a tick if it is the `whole` object, with a mesh.

    `latest` stays: who presses Stop just when a run ends, on a slow line, still gets the object. The files
    are gone from the folder once the page has its own copies.
    """
    settings = result.settings
    caption = f"{settings.prompt} · seed {settings.seed}, {settings.preset}"
    depth = webp_url(sjc.webp(sjc.depth_picture(result.depth), 80))
    stage = turntable_value(
        webp_url(sjc.webp(result.frames)), len(result.frames), settings.prompt, caption, depth
    )
    facts = parts.mesh_facts(asdict(result.statistics) if result.statistics else None)
    status = without_mesh if result.mesh is None else f"{word}: “{settings.prompt}”, seed {settings.seed}"
    if result.mesh is None or not whole:
        status = Unfinished(status)
    with tempfile.TemporaryDirectory(prefix="nine-papers-") as folder:
        files = yield from _meanwhile(
            Progress(1, 1, "Writing the files"),
            lambda: parts.write_files(slug(settings.prompt), result.frames, result.mesh, Path(folder)),
            lasting=False,
        )
        yield _report(status, stage=stage, facts=facts, **files, **shown)


def warm_up() -> None:
    """Load what a run needs while the visitor still types."""
    sjc = importlib.import_module("pipelines.sjc")
    sjc.load_denoiser("embedded")
    sjc.known_prompts()
    importlib.import_module("pipelines.sjc.run")


def slug(prompt: str) -> str:
    """A file's name from a prompt."""
    return "-".join(re.findall(r"[a-z0-9]+", prompt.lower()))[:60] or "object"


def _meanwhile(
    report: Progress, function: Callable[[], Any], lasting: bool = True
) -> Generator[tuple[Any, ...], None, Any]:
    """The function's value, with reports while it works. What is `lasting`, since it is loaded once for all,
    goes on by itself when the run is stopped."""
    steps = in_background(function, report, lasting)
    try:
        while True:
            yield _report(next(steps))
    except StopIteration as end:
        return end.value
    finally:
        steps.close()


def _hint(known: Any, prompt: str) -> list[dict[str, Any]]:
    """Chips with what the model knows that is nearest to a prompt that it does not know, if so."""
    nearest = known.nearest(prompt) if known else None
    if nearest is None or nearest.familiar:
        return []
    return [chip_group(UNKNOWN, [nearest.prompt], "prompt")]


def _report(progress: Progress | str, **values: Any) -> tuple[Any, ...]:
    """One yield of a job: the outputs that change, by name, and the progress."""
    return (*(values.get(name, gr.skip()) for name in OUTPUTS), progress)
