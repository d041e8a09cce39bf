"""From a prompt to a mesh: the run that a visitor starts."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np

from pipelines.backbones.diffusion import Denoiser
from pipelines.errors import InputError
from pipelines.runtime import Progress, in_background
from pipelines.sjc.bake import bake
from pipelines.sjc.denoisers import embedded_denoiser
from pipelines.sjc.export import Mesh, MeshStatistics
from pipelines.sjc.field import VoxelField
from pipelines.sjc.mesh import coloured, seen_from_outside, surface
from pipelines.sjc.method import Paas, ViewPrompts, usable
from pipelines.sjc.optimise import optimise, with_depth
from pipelines.sjc.prompts import KnownPrompts, checked, note_on
from pipelines.sjc.recipes import PRESETS, recipe_for
from pipelines.sjc.turntable import turn

FRAMES, FRAME_SIZE = 24, 160
REPORT_SECONDS = 0.25
MAX_SEED = 2**32 - 1
NOTHING = "The object came out empty: nothing in it has a surface. Try another seed or simpler words."


@dataclass(frozen=True)
class Settings:
    """A checked request; see `generate`. Raises InputError if it can't be met."""

    prompt: str
    seed: int = 0
    preset: str = "normal"
    views: ViewPrompts = "continuous"
    paas: Paas = "eq16"
    centre_depth: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "prompt", checked(self.prompt))
        object.__setattr__(self, "seed", _whole("Seed", self.seed))
        _number("Centre", self.centre_depth)
        _one_of("Quality", self.preset, PRESETS)
        _one_of("View prompts", self.views, get_args(ViewPrompts))
        _one_of("Estimator", self.paas, get_args(Paas))
        if not 0 <= self.seed <= MAX_SEED:
            raise InputError(f"The seed {self.seed} is out of range.", f"Use 0 to {MAX_SEED}.", "Seed")
        if not 0 <= self.centre_depth <= 1000:
            raise InputError("The weight of the centre is out of range.", "Use 0 to 1000.", "Centre")


def _number(field: str, value: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError(f"“{value}” is not a number.", "Give a number.", field)


def _whole(field: str, value: float) -> int:
    _number(field, value)
    if value != int(value):
        raise InputError(f"{value} is not a whole number.", "Give a whole number.", field)
    return int(value)


def _one_of(field: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InputError(f"“{value}” is not a choice.", f"Choose one of: {', '.join(known)}.", field)


@dataclass(frozen=True)
class Result:
    """What a run made.

    `settings` as they were used; `field`: the voxel field, on the CPU; `mesh`, `glb` and `statistics`: None
    if the field is empty, and then `note` says so; `frames` uint8 [n, S, S, 3]: the turntable, from the
    front on; `depth` float32 [n, s, s]: its depth (see turntable.depth_of); `seconds`: the whole run;
    `note`: what the visitor should know, or "".
    """

    settings: Settings
    field: VoxelField
    mesh: Mesh | None
    glb: bytes | None
    statistics: MeshStatistics | None
    frames: np.ndarray
    depth: np.ndarray
    seconds: float
    note: str


def generate(
    prompt: str,
    seed: int = 0,
    preset: str = "normal",
    views: ViewPrompts = "continuous",
    paas: Paas = "eq16",
    centre_depth: float = 0.0,
    denoiser: Denoiser | None = None,
    known: KnownPrompts | None = None,
) -> Iterator[Progress | Result]:
    """Optimise a 3D object for a prompt by score Jacobian chaining.

    Yields Progress at least twice a second where a step of the denoiser allows, about every 1.5 s with a
    Preview, and at last the Result. `preset`: one of PRESETS; `views`: how the denoiser learns of the
    camera, a model without continuous views is told in words; `paas`: the estimator of the score,
    Eq. 15 or 16; `centre_depth`: weight of the loss that pulls the object to the middle;
    `denoiser`: the embedded one by default; `known`: what it was taught, for a note on prompts far from that.
    Raises InputError at once for a prompt or setting that can't be used, and FileNotFoundError if the
    embedded model is not installed.
    """
    return _generate(Settings(prompt, seed, preset, views, paas, centre_depth), denoiser, known)


def _generate(
    settings: Settings, denoiser: Denoiser | None, known: KnownPrompts | None
) -> Iterator[Progress | Result]:
    started = time.monotonic()
    if denoiser is None:
        denoiser = yield from in_background(embedded_denoiser, Progress(0, 0, "Loading the model"))
    settings = replace(settings, views=usable(settings.views, denoiser))
    note = note_on(settings.prompt, known) if known else ""
    recipe = with_depth(recipe_for(denoiser, settings.preset), settings.centre_depth)
    for report in optimise(denoiser, settings.prompt, recipe, settings.views, settings.paas, settings.seed):
        if isinstance(report, Progress):
            yield report
        else:
            field = report
    yield from finish(field, settings, denoiser, note, time.monotonic() - started)


def finish(
    field: VoxelField, settings: Settings, denoiser: Denoiser, note: str = "", seconds: float = 0.0
) -> Iterator[Progress | Result]:
    """Make mesh, files and turntable of a field on the CPU: the second half of `generate`.

    For a run that was stopped early, with the field of its last Preview; `seconds` that it had taken.
    """
    started = time.monotonic()
    cutting = Progress(0, 0, "Cutting the mesh")
    yield cutting
    shape = yield from in_background(lambda: surface(field), cutting)
    mesh = None
    if shape is not None and field.config.latent:
        for colours in bake(field, denoiser, shape):
            yield Progress(0, 0, "Painting the mesh")
            mesh = coloured(shape, colours)
    elif shape is not None:
        colours = yield from in_background(lambda: seen_from_outside(field, shape), cutting)
        mesh = coloured(shape, colours)
    frames, depths = [], []
    reported = time.monotonic()
    for frame, depth in turn(field, denoiser, FRAMES, FRAME_SIZE):
        frames.append(frame)
        depths.append(depth)
        if time.monotonic() - reported > REPORT_SECONDS:
            reported = time.monotonic()
            yield Progress(len(frames), FRAMES, "Turning the object")
    glb = statistics = None
    if mesh:
        packing = Progress(0, 0, "Packing the mesh")
        glb, statistics = yield from in_background(lambda: (mesh.glb(), mesh.statistics()), packing)
    yield Result(
        settings=settings,
        field=field,
        mesh=mesh,
        glb=glb,
        statistics=statistics,
        frames=np.stack(frames),
        depth=np.stack(depths),
        seconds=seconds + time.monotonic() - started,
        note=note if mesh else NOTHING,
    )
