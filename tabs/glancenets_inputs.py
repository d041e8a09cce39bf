"""The GlanceNet tab's input: a picture as the nets see it, and the factors that draw one."""

from __future__ import annotations

import base64
import io
import math
import random
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from pipelines import glancenets
from pipelines.errors import InputError
from pipelines.glancenets import WORLDS, Factor, Reading
from tabs.drawing import PREFIX, png_url
from tabs.sliders import Slider, panel

LONGEST = 40_000
"""Characters of a picture's data URL: 64 × 64 pixels in colour take 17,000 at most."""
FORMS = {
    (world.side, world.side, "RGB" if world.channels == 3 else "L"): world.name for world in WORLDS.values()
}
"""Width, height and Pillow's mode of a picture -> its world."""
SHAPE = "shape"
"""The one slider that stands for a one-hot group of factors."""


def world_of(world: str) -> glancenets.World:
    """A world by its name. Raises InputError for another one."""
    if world not in WORLDS:
        raise InputError("There is no such world.", f"Choose one of {', '.join(WORLDS)}.", "World")
    return WORLDS[world]


def to_url(picture: np.ndarray) -> str:
    """A picture, uint8 World.shape, as a PNG data URL."""
    return png_url(Image.fromarray(picture))


def from_url(url: str) -> tuple[glancenets.WorldName, np.ndarray]:
    """A PNG data URL -> its world, told by size and colour, and uint8 World.shape.

    The picture alone says which world it is of, so that a late answer never mixes two. Raises InputError if
    it is no world's picture.
    """
    if not url:
        raise InputError("There is no picture yet.", "Take an example, or draw a digit.", "Picture")
    try:
        if not url.startswith(PREFIX) or len(url) > LONGEST:
            raise ValueError
        data = base64.b64decode(url[len(PREFIX) :], validate=True)
        with Image.open(io.BytesIO(data), formats=["PNG"]) as picture:
            form = picture.width, picture.height, picture.mode
            return FORMS[form], np.array(picture)
    except (ValueError, KeyError, AttributeError, OSError, SyntaxError, Image.DecompressionBombError):
        hint = "Send a PNG data URL: 64 × 64 in RGB (faces) or grey (sprites), 28 × 28 in grey (digits)."
        raise InputError("This is no world's picture.", hint, "Picture") from None


def reading_of(url: str, concepts: Mapping[str, float] | None) -> tuple[Reading, Reading]:
    """A picture's reading, and the same after the concepts that the visitor set."""
    world, picture = from_url(url)
    net = glancenets.load(world)
    original = net.read(picture)
    if not concepts:
        return original, original
    return original, net.intervene(original, numbers(concepts, "Concepts"))


def numbers(given: Any, field: str) -> dict[str, float]:
    """Names with numbers, as sliders give them. Raises InputError for anything else."""
    if not isinstance(given, Mapping) or not all(
        isinstance(value, int | float) and math.isfinite(value) for value in given.values()
    ):
        raise InputError(f"{field} are names with numbers.", 'Send a dictionary like {"size": 0.9}.', field)
    return dict(given)


def factor_panels(world: str, truth: Mapping[str, float]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The sliders that draw a picture: concepts, and what is fixed in training. Digits have none."""
    known = WORLDS[world]
    if world == "digits":
        return panel([]), panel([])
    inside = [_slider(concept, truth) for concept in known.concepts]
    if world == "sprites":
        shape = max(range(len(known.classes)), key=lambda i: truth[known.concepts[i].name])
        inside[: len(known.classes)] = [Slider(SHAPE, "Shape", shape, options=known.classes)]
    return panel(inside), panel([_slider(factor, truth) for factor in known.held_out])


def _slider(factor: Factor, truth: Mapping[str, float]) -> Slider:
    value = float(truth[factor.name])
    if factor.binary:
        return Slider(factor.name, factor.label, round(value), options=factor.words)
    return Slider(factor.name, factor.label, value, factor.words, factor.low, factor.high)


def factors_of(world: str, chosen: Mapping[str, float]) -> dict[str, float]:
    """What the sliders say, as `pipelines.glancenets.sample` takes it."""
    chosen = numbers(chosen, "Factors")
    factors = dict(chosen)
    if SHAPE in chosen and world == "sprites":
        del factors[SHAPE]
        concepts = world_of(world).concepts
        if chosen[SHAPE] not in range(len(WORLDS[world].classes)):
            raise InputError("There is no such shape.", "Choose 0, 1 or 2.", "Shape")
        factors[concepts[int(chosen[SHAPE])].name] = 1.0
    return factors


def random_factors(world: str, outside: bool, dice: random.Random) -> dict[str, float]:
    """Held-out factors for a random picture unlike those in training; none for one as in training."""
    if not outside:
        return {}
    if world == "digits":
        return {"digit": dice.choice([0, 1, 2, 3, 6, 7, 8, 9])}
    if world == "sprites":
        return {axis: dice.choice([-1, 1]) * dice.uniform(0.25, 0.9) for axis in ("x", "y")}
    kind = dice.choice(["hat", "position", "background"])
    values = {
        "hat": 1,
        "position": dice.choice([-1, 1]) * dice.uniform(0.4, 1),
        "background": dice.uniform(0.4, 1),
    }
    return {kind: values[kind]}
