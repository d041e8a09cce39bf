"""GlanceNets (arXiv 2205.15612): concepts that do not leak, beside a concept-bottleneck network (CBNM).

    net = load("faces")
    reading = net.read(sample("faces", seed=1).picture)
    reading.glancenet.probabilities, reading.verdict("paper").accepted
    net.intervene(reading, {"mouth": 0.9}).reconstruction

Nothing here imports torch before load.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from pipelines.backbones.digits import normalise_digit
from pipelines.glancenets import sampling, stored
from pipelines.glancenets.readings import (
    RULES,
    Answer,
    Gate,
    LatentMap,
    LeakMeter,
    Matrix,
    Reading,
    Rule,
    Sample,
    Verdict,
)
from pipelines.glancenets.worlds import WORLDS, Factor, LeakQuestion, World, WorldName
from pipelines.runtime import load_once

if TYPE_CHECKING:
    from pipelines.glancenets.pipeline import Pipeline

__all__ = [
    "RULES",
    "WORLDS",
    "Answer",
    "Factor",
    "Gate",
    "LatentMap",
    "LeakMeter",
    "LeakQuestion",
    "Matrix",
    "Reading",
    "Rule",
    "Sample",
    "Verdict",
    "World",
    "WorldName",
    "alignment",
    "digit_of",
    "first",
    "latent_map",
    "leakage",
    "load",
    "picture_of",
    "sample",
]


@load_once
def load(world: WorldName) -> Pipeline:
    """A world's embedded GlanceNet and CBNM. Imports torch; safe to call from several threads."""
    from pipelines.glancenets.pipeline import Pipeline

    return Pipeline.load(world)


def sample(world: WorldName, seed: int, **factors: float) -> Sample:
    """Draw a picture; factors not given are random (concepts) or at their defaults (held out).

    digits: picks an embedded test digit; give `digit` (0 to 9), or it is a 4 or a 5.
    sprites: of `square`, `ellipse`, `heart` the one given as 1 is drawn.
    Raises InputError for an unknown factor or one beyond its limits.
    """
    return sampling.sample(world, seed, factors)


def picture_of(world: WorldName, picture: Image.Image) -> np.ndarray:
    """Bring an uploaded picture into the world's form, uint8 World.shape: the middle square, made small.
    A photo is allowed (it will be rejected). digits: as `digit_of`.

    Raises InputError for a picture that is too large, or (digits) shows no writing.
    """
    return sampling.picture_of(world, picture)


def digit_of(ink: np.ndarray) -> np.ndarray:
    """A drawing, uint8 [height, width], 0 = paper, 255 = ink -> uint8 [28, 28] as MNIST has it.

    Raises InputError when nothing is drawn.
    """
    return normalise_digit(ink)


def first(world: WorldName = "faces") -> Reading:
    """The first example's reading, computed when the project was made; needs no torch."""
    return stored.first(world)


def latent_map(world: WorldName) -> LatentMap:
    """Training codes, prototypes and acceptance balls; needs no torch."""
    return stored.latent_map(world)


def alignment() -> tuple[Matrix, ...]:
    """Hinton matrices on Robo-faces of both models: the embedded ones, and the study's at 1, 10, 100 % of
    the concepts labelled; needs no torch."""
    return stored.alignment()


def leakage(world: WorldName) -> LeakMeter:
    """The measured leakage of a world's embedded models, from card.json; needs no torch."""
    return stored.leakage(world)
