"""Pictures to read: drawn by a world's generator, an embedded test digit, or the visitor's own."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PIL import Image

from pipelines.backbones.digits import ink_of, normalise_digit
from pipelines.errors import InputError
from pipelines.glancenets import faces, sprites
from pipelines.glancenets.readings import Sample
from pipelines.glancenets.worlds import WORLDS, World
from pipelines.picture import as_seen
from pipelines.runtime import load_once
from pipelines.weights import asset

MAX_PIXELS = 4096 * 4096
DIGITS_PER_CLASS = 300
SHEET = 60
"""Digits in a row of digits.png, which holds DIGITS_PER_CLASS test digits of each kind, 0 first."""
SEEDS = 2**31


def sample(world: str, seed: int, factors: Mapping[str, float]) -> Sample:
    """See `pipelines.glancenets.sample`."""
    known = WORLDS[world]
    _check(known, seed, factors)
    return _SAMPLERS[world](np.random.default_rng([seed, 7]), factors)


def _check(world: World, seed: int, factors: Mapping[str, float]) -> None:
    limits = {factor.name: factor for factor in (*world.concepts, *world.held_out)}
    if not 0 <= seed < SEEDS:
        raise InputError("The seed is out of range.", "Use a whole number from 0 to 2,147,483,647.", "Seed")
    for name, value in factors.items():
        if name not in limits:
            raise InputError(f"{world.title} have no factor “{name}”.", f"There are {', '.join(limits)}.")
        factor = limits[name]
        if not factor.low <= value <= factor.high:
            raise InputError(
                f"{factor.label} is out of range.",
                f"Use a number from {factor.low:g} to {factor.high:g}.",
                factor.label,
            )


def _face(generator: np.random.Generator, factors: Mapping[str, float]) -> Sample:
    drawn = faces.random_faces(1, generator)
    names = [concept.name for concept in WORLDS["faces"].concepts]
    concepts = drawn.concepts.copy()
    for index, name in enumerate(names):
        concepts[0, index] = factors.get(name, concepts[0, index])
    concepts[:, 5] = concepts[:, 5] >= 0.5
    held_out = {name: float(factors.get(name, 0.0)) for name in ("position", "background", "hat")}
    held_out["hat"] = float(held_out["hat"] >= 0.5)
    extra = {name: np.array([value], np.float32) for name, value in held_out.items()}
    picture = faces.draw(faces.Faces(concepts, drawn.jitter, **extra))[0]
    truth = dict(zip(names, concepts[0].tolist(), strict=True)) | held_out
    return Sample(picture, truth, int(faces.label(concepts)[0]))


def _sprite(generator: np.random.Generator, factors: Mapping[str, float]) -> Sample:
    drawn = sprites.random_sprites(1, generator)
    given = [factors.get(name, 0.0) for name in ("square", "ellipse", "heart")]
    shape = np.array([np.argmax(given)]) if max(given) > 0 else drawn.shape
    size, x, y = (
        np.array([factors.get(name, known[0])])
        for name, known in (("size", drawn.size), ("x", drawn.x), ("y", drawn.y))
    )
    chosen = sprites.Sprites(shape, size, x, y)
    truth = dict(zip(("square", "ellipse", "heart", "size"), chosen.concepts[0].tolist(), strict=True))
    return Sample(sprites.draw(chosen)[0], truth | {"x": float(x[0]), "y": float(y[0])}, int(shape[0]))


def _digit(generator: np.random.Generator, factors: Mapping[str, float]) -> Sample:
    digit = round(factors["digit"] if "digit" in factors else _four_or_five(factors, generator))
    images, _ = digits()
    picture = images[digit * DIGITS_PER_CLASS + generator.integers(DIGITS_PER_CLASS)]
    truth = {"four": float(digit == 4), "five": float(digit == 5), "digit": float(digit)}
    return Sample(picture, truth, {4: 0, 5: 1}.get(digit, -1))


def _four_or_five(factors: Mapping[str, float], generator: np.random.Generator) -> float:
    if "five" in factors:
        return 4 + factors["five"]
    return 5 - factors["four"] if "four" in factors else generator.integers(4, 6)


_SAMPLERS = {"faces": _face, "sprites": _sprite, "digits": _digit}


@load_once
def digits() -> tuple[np.ndarray, np.ndarray]:
    """The embedded test digits: uint8 [3000, 28, 28], labels uint8 [3000]."""
    with Image.open(asset("glancenets", "digits.png")) as sheet:
        pixels = np.asarray(sheet.convert("L"))
    rows = pixels.shape[0] // 28
    images = pixels.reshape(rows, 28, SHEET, 28).swapaxes(1, 2).reshape(-1, 28, 28)
    return images, np.repeat(np.arange(10, dtype=np.uint8), DIGITS_PER_CLASS)


def picture_of(world: str, picture: Image.Image) -> np.ndarray:
    """See `pipelines.glancenets.picture_of`."""
    if world == "digits":
        return normalise_digit(ink_of(picture))
    if picture.width * picture.height > MAX_PIXELS:
        raise InputError("The picture is too large.", "Use one of at most 4096 × 4096 pixels.", "Picture")
    known = WORLDS[world]
    picture = as_seen(picture).convert("RGB" if known.channels == 3 else "L")
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    square = picture.crop((left, top, left + side, top + side))
    return np.asarray(square.resize((known.side, known.side), Image.Resampling.LANCZOS))
