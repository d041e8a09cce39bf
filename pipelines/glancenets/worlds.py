"""The three worlds: what a picture shows, which of it are concepts, and what stays fixed in training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

WorldName = Literal["faces", "digits", "sprites"]


@dataclass(frozen=True)
class Factor:
    """One thing that a generator varies. `words` name its two ends."""

    name: str
    label: str
    words: tuple[str, str]
    low: float = 0.0
    high: float = 1.0
    binary: bool = False
    default: float = 0.0
    """What a held-out factor is in training; concepts are drawn at random."""


@dataclass(frozen=True)
class LeakQuestion:
    """What a probe tries to read from the concepts though it is none of their business."""

    text: str
    answers: tuple[str, str]
    factor: str
    """The held-out factor that it is about."""


@dataclass(frozen=True)
class World:
    """One world. Concepts come first in a code z, in this order; opaque dimensions follow."""

    name: WorldName
    title: str
    side: int
    channels: int
    concepts: tuple[Factor, ...]
    held_out: tuple[Factor, ...]
    """Fixed in training at their defaults (digits: only 4 and 5 are shown); free to move at the visitor's."""
    classes: tuple[str, ...]
    opaque: int
    """Latent dimensions that only the decoder uses."""
    prior_deviation: float
    """Standard deviation of the concepts' prior around a class's prototype."""
    leak: LeakQuestion
    rule: np.ndarray | None = None
    """float [classes, concepts + 1]: class = argmax of rule[:, :-1] @ g + rule[:, -1] for concepts g in
    [0, 1]; None where the class is the concept that is on."""

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Names of the code's dimensions: concepts, then "opaque 1", "opaque 2", ..."""
        opaque = (f"opaque {index + 1}" for index in range(self.opaque))
        return (*(concept.name for concept in self.concepts), *opaque)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a picture, uint8: [side, side, 3] in colour, [side, side] in grey."""
        return (self.side, self.side, 3) if self.channels == 3 else (self.side, self.side)

    def label(self, concepts: np.ndarray) -> np.ndarray:
        """int [n], the classes of concepts float [n, k] in [0, 1]."""
        if self.rule is None:
            return concepts[:, : len(self.classes)].argmax(axis=1)
        return (concepts @ self.rule[:, :-1].T + self.rule[:, -1]).argmax(axis=1)


FACE_RULE = np.array(
    [
        # hue, head, eyes, mouth, antenna, glasses, constant
        [0.0, -1.0, 0.0, 0.0, 2.0, 1.0, -1.00],  # Pilot: long antenna, glasses, small head
        [1.0, 0.0, 0.0, 2.0, -1.0, 0.0, -1.00],  # Medic: smiles, blue side of the hues, short antenna
        [0.0, 0.0, -2.0, -1.0, 0.0, 1.0, 1.00],  # Engineer: narrow eyes, earnest, glasses
        [-1.0, 2.0, 1.0, 0.0, 0.0, -1.0, -0.50],  # Chef: big head, wide eyes, red side, no glasses
    ]
)
"""The published linear rule of the faces' jobs."""

WORLDS: dict[str, World] = {
    "faces": World(
        name="faces",
        title="Robo-faces",
        side=64,
        channels=3,
        concepts=(
            Factor("hue", "Hue", ("red", "violet")),
            Factor("head", "Head size", ("small", "big")),
            Factor("eyes", "Eye size", ("small", "big")),
            Factor("mouth", "Mouth", ("sad", "smiling")),
            Factor("antenna", "Antenna", ("short", "long")),
            Factor("glasses", "Glasses", ("none", "worn"), binary=True),
        ),
        held_out=(
            Factor("position", "Position", ("left", "right"), low=-1.0, high=1.0),
            Factor("background", "Background", ("day", "night")),
            Factor("hat", "Hat", ("none", "worn"), binary=True),
        ),
        classes=("Pilot", "Medic", "Engineer", "Chef"),
        opaque=2,
        prior_deviation=1.0,
        leak=LeakQuestion("Does it stand left or right?", ("left", "right"), "position"),
        rule=FACE_RULE,
    ),
    "digits": World(
        name="digits",
        title="Digits 4 and 5",
        side=28,
        channels=1,
        concepts=(
            Factor("four", "Is a 4", ("no", "yes"), binary=True),
            Factor("five", "Is a 5", ("no", "yes"), binary=True),
        ),
        held_out=(Factor("digit", "Digit", ("0", "9"), high=9.0, default=4.0),),
        classes=("4", "5"),
        opaque=8,
        prior_deviation=float(np.exp(-1)),
        leak=LeakQuestion("Is the digit even or odd?", ("even", "odd"), "digit"),
    ),
    "sprites": World(
        name="sprites",
        title="Sprites",
        side=64,
        channels=1,
        concepts=(
            Factor("square", "Is a square", ("no", "yes"), binary=True),
            Factor("ellipse", "Is an ellipse", ("no", "yes"), binary=True),
            Factor("heart", "Is a heart", ("no", "yes"), binary=True),
            Factor("size", "Size", ("small", "big")),
        ),
        held_out=(
            Factor("x", "Left to right", ("left", "right"), low=-1.0, high=1.0),
            Factor("y", "Down to up", ("down", "up"), low=-1.0, high=1.0),
        ),
        classes=("Square", "Ellipse", "Heart"),
        opaque=2,
        prior_deviation=1.0,
        leak=LeakQuestion("Bottom left or top right?", ("bottom left", "top right"), "x"),
    ),
}
