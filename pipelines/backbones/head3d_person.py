"""Made-up persons: a Gaussian code, what it says of a person, and arrays of persons with their pictures.

Needs nothing of the kit's meshes or of the renderer, so that heads can be sampled and measured without them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

IDENTITY_MODES = 60
STYLES = (
    "bald", "crop", "quiff", "sidepart", "fringe", "curls", "afro", "bob", "bobfringe", "long",
    "longwave", "bun",
    "pony",
)  # fmt: skip
MEN_STYLES = ("bald", "crop", "quiff", "sidepart", "fringe", "curls", "afro", "long")
WOMEN_STYLES = (
    "fringe",
    "curls",
    "bob",
    "bobfringe",
    "long",
    "longwave",
    "bun",
    "pony",
    "sidepart",
    "afro",
    "crop",
)
LONG_STYLES = ("bob", "bobfringe", "long", "longwave")
SHORT_STYLES = ("bald", "crop", "quiff")
SCALARS = (
    "masculine", "smile", "mouth_open", "brow_up", "brow_down", "frown", "pucker", "blink", "skin",
    "hair_light",
    "hair_red", "hair_grey", "hair_dye", "dye_hue", "beard", "makeup", "brow", "iris_light",
    "iris_hue", "cloth_hue",
    "cloth_saturation", "cloth_value", "neckline", "light_azimuth", "light_elevation",
    "light_warmth", "freckles",
    "hair_line", "strands",
)  # fmt: skip
Z_DIM = IDENTITY_MODES + len(STYLES) + len(SCALARS)
ATTRIBUTES = ("smile", "mouth_open", "beard", "hair_colour", "hair_length", "face_width", "skin_tone")


@dataclass(frozen=True)
class Person:
    """One made-up person. Amounts are in 0..1 unless said; every field is a ground-truth attribute.

    identity float32 [60], in standard deviations; skin 0 (pale) .. 7 (dark); hair_light 0 (black) .. 1
    (platinum); neckline 0 crew, 1 vee, 2 scoop; light_azimuth and light_elevation in radians; light_warmth
    in -1..1; hair_line -1..1 moves it down or up; strands: phase of the hair's pattern.
    """

    identity: np.ndarray
    style: str
    masculine: bool
    smile: float
    mouth_open: float
    brow_up: float
    brow_down: float
    frown: float
    pucker: float
    blink: float
    skin: float
    hair_light: float
    hair_red: float
    hair_grey: float
    hair_dye: float
    dye_hue: float
    beard: float
    makeup: float
    brow: float
    iris_light: float
    iris_hue: float
    cloth_hue: float
    cloth_saturation: float
    cloth_value: float
    neckline: int
    light_azimuth: float
    light_elevation: float
    light_warmth: float
    freckles: float
    hair_line: float
    strands: float


def person_from(z: np.ndarray) -> Person:
    """A standard normal code float [Z_DIM] -> the person. The only source of variety: same code, same
    person.
    """
    z = np.asarray(z, np.float64)
    if z.shape != (Z_DIM,):
        raise ValueError(f"a code has {Z_DIM} numbers, not {z.shape}")
    logits = z[IDENTITY_MODES : IDENTITY_MODES + len(STYLES)]
    s = dict(zip(SCALARS, z[IDENTITY_MODES + len(STYLES) :], strict=True))
    u = {name: float(ndtr(value)) for name, value in s.items()}  # uniform in 0..1
    masculine = s["masculine"] > 0
    allowed = MEN_STYLES if masculine else WOMEN_STYLES
    scores = [
        logit - 1.2 * (name == "bald") if name in allowed else -np.inf
        for name, logit in zip(STYLES, logits, strict=True)
    ]
    skin = 6.99 * u["skin"]
    darkness = np.clip((skin - 2.5) / 3, 0, 1)  # dark skin goes with dark hair, mostly
    return Person(
        identity=(1.7 * np.tanh(0.5 * z[:IDENTITY_MODES])).astype(np.float32),
        style=STYLES[int(np.argmax(scores))],
        masculine=bool(masculine),
        smile=_ramp(0.27 + 0.35 * s["smile"], 0.95),
        mouth_open=_ramp(0.22 * (s["mouth_open"] - 0.4), 0.32),
        brow_up=_ramp(0.3 * (s["brow_up"] - 0.6), 0.6),
        brow_down=_ramp(0.25 * (s["brow_down"] - 0.6), 0.5),
        frown=_ramp(0.25 * (s["frown"] - 1.0), 0.5),
        pucker=_ramp(0.2 * (s["pucker"] - 1.0), 0.4),
        blink=0.14 * u["blink"],
        skin=skin,
        hair_light=float(np.clip(u["hair_light"] ** 1.25 * (1 - 0.85 * darkness), 0, 1)),
        hair_red=_ramp(0.55 * (s["hair_red"] - 0.35), 1.0) * float(1 - 0.8 * darkness),
        hair_grey=_ramp(0.9 * (s["hair_grey"] - 0.9), 1.0),
        hair_dye=_ramp(2.5 * (s["hair_dye"] - 1.5), 1.0),
        dye_hue=u["dye_hue"],
        beard=_ramp(0.15 + 0.55 * s["beard"], 1.0) * masculine,
        makeup=u["makeup"] * (not masculine),
        brow=0.8 + 0.5 * u["brow"] + 0.2 * masculine,
        iris_light=u["iris_light"],
        iris_hue=u["iris_hue"],
        cloth_hue=u["cloth_hue"],
        cloth_saturation=u["cloth_saturation"],
        cloth_value=u["cloth_value"],
        neckline=int(3 * min(u["neckline"], 0.999)),
        light_azimuth=2 * u["light_azimuth"] - 1,
        light_elevation=0.25 + 0.6 * u["light_elevation"],
        light_warmth=2 * u["light_warmth"] - 1,
        freckles=_ramp(0.8 * (s["freckles"] - 0.9), 1.0) * float(1 - darkness),
        hair_line=2 * u["hair_line"] - 1,
        strands=u["strands"],
    )  # fmt: skip


def _ramp(value: float, most: float) -> float:
    return float(np.clip(value, 0, most))


def sample_views(rng: np.random.Generator, count: int) -> np.ndarray:
    """Yaw and pitch [count, 2] in radians: mostly as in portraits, a quarter from all over the front half."""
    portrait = rng.normal(0, (0.35, 0.13), (count, 2))
    wide = np.stack([rng.uniform(-1.6, 1.6, count), rng.normal(0, 0.2, count)], 1)
    views = np.where(rng.random((count, 1)) < 0.25, wide, portrait)
    return np.clip(views, (-1.6, -0.45), (1.6, 0.45))


@dataclass(frozen=True)
class Persons:
    """n persons from v views. z float32 [n, Z_DIM]; labels float32 [n, 7] of head3d_person.ATTRIBUTES; views
    float32 [n, v, 2], yaw and pitch in radians; rgba uint8 [n, v, 4, 128, 128]; depth float16 [n, v, 64,
    64], distance along the ray, 0 where a pixel is not wholly covered."""

    z: np.ndarray
    labels: np.ndarray
    views: np.ndarray
    rgba: np.ndarray
    depth: np.ndarray
