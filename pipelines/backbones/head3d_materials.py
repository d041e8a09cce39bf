"""What skin, hair, eyes and clothes of a made-up person look like: colours computed per point of the
texture space.
"""

from __future__ import annotations

import colorsys
from typing import NamedTuple

import numba
import numpy as np

from pipelines.backbones.head3d_kit import TORSO_REGION, Kit
from pipelines.backbones.head3d_person import Person

FAST = {
    "cache": True,
    "nogil": True,
    "fastmath": True,
    "error_model": "numpy",
}  # numba's settings for pixel loops
# Buffer columns of head3d_kit.Geometry.attributes.
TEXTURE, NORMAL, POSITION, AO, LIP, HEIGHT = 0, 3, 6, 9, 10, 11
SKIN_TONES = (
    np.array([[240, 204, 180], [232, 188, 160], [220, 170, 137], [205, 150, 115],
              [178, 122, 88], [146, 96, 66], [110, 72, 52], [84, 55, 41]]) / 255
)  # fmt: skip
HAIR_TONES = (
    np.array([[24, 21, 23], [50, 33, 25], [92, 60, 39], [150, 106, 62], [204, 164, 100], [226, 206, 168]])
    / 255
)
RED_TONE, GREY_TONE = np.array([176, 80, 36]) / 255, np.array([186, 186, 188]) / 255


class Look(NamedTuple):
    """A person's colours (linear light, float32 [3]) and pattern parameters, in the form the kernels take."""

    skin: np.ndarray
    lips: np.ndarray
    hair: np.ndarray
    brow: np.ndarray
    iris: np.ndarray
    cloth: np.ndarray
    tone: float
    makeup: float
    freckles: float
    beard: float
    brow_width: float
    masculine: bool
    bald: bool
    neckline: int
    hair_line: float
    strands: float
    eyes: np.ndarray
    brow_lines: np.ndarray
    eye_lines: np.ndarray


def look_of(kit: Kit, person: Person) -> Look:
    """The colours and patterns of a person."""
    skin = _palette(SKIN_TONES, person.skin / 7)
    lips = skin * np.array([0.80, 0.46, 0.46] if person.masculine else [0.76, 0.40, 0.42])
    lipstick = _linear(np.array([0.62, 0.16, 0.20])) * (0.45 + 0.55 * skin.mean() / 0.6)
    lips = lips + max(0.0, person.makeup - 0.4) * (0.3 * skin + 0.7 * lipstick - lips)
    hair = _palette(HAIR_TONES, person.hair_light)
    hair = hair + 0.75 * person.hair_red * (_linear(RED_TONE) * (0.25 + person.hair_light) - hair)
    hair = hair + person.hair_grey * (_linear(GREY_TONE) - hair)
    dye = _linear(np.array(colorsys.hsv_to_rgb(0.45 + 0.5 * person.dye_hue, 0.65, 0.7)))
    brow = np.minimum(hair * 0.75, _linear(np.array([0.42, 0.33, 0.26])))
    iris = colorsys.hsv_to_rgb(
        0.07 + 0.5 * person.iris_light * person.iris_hue, 0.6, 0.28 + 0.3 * person.iris_light
    )
    cloth = colorsys.hsv_to_rgb(
        person.cloth_hue, 0.65 * person.cloth_saturation, 0.16 + 0.66 * person.cloth_value
    )
    return Look(
        skin=_f(skin), lips=_f(lips), hair=_f(hair + person.hair_dye * (dye - hair)), brow=_f(brow),
        iris=_f(_linear(np.array(iris))), cloth=_f(_linear(np.array(cloth))),
        tone=person.skin, makeup=person.makeup, freckles=person.freckles, beard=person.beard,
        brow_width=person.brow,
        masculine=person.masculine, bald=person.style == "bald", neckline=person.neckline,
        hair_line=person.hair_line, strands=10 * person.strands,
        eyes=_f(kit.eyes), brow_lines=_f(kit.brow_lines), eye_lines=_f(kit.eye_lines),
    )  # fmt: skip


def _f(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, np.float32)


def _linear(srgb: np.ndarray) -> np.ndarray:
    return np.asarray(srgb) ** 2.2


def _palette(tones: np.ndarray, position: float) -> np.ndarray:
    """Colour at `position` in 0..1 along a row of sRGB tones, in linear light."""
    place = np.clip(position, 0, 1) * (len(tones) - 1)
    k = min(int(place), len(tones) - 2)
    return _linear(tones[k] + (place - k) * (tones[k + 1] - tones[k]))


@numba.njit(**FAST, inline="always")
def step(a, b, v):
    """Smoothstep from 0 at a to 1 at b (a may be the larger)."""
    t = min(max((v - a) / (b - a), 0.0), 1.0)
    return t * t * (3 - 2 * t)


@numba.njit(**FAST, inline="always")
def bell(v, width):
    """exp(-(v / width)^2)."""
    return np.exp(-((v / width) ** 2))


@numba.njit(**FAST)
def noise(v):
    """Smooth one-dimensional value noise in 0..1."""
    i = np.floor(v)
    f = v - i
    f = f * f * (3 - 2 * f)
    a = abs(np.sin(i * 12.9898) * 43758.547) % 1.0
    b = abs(np.sin((i + 1) * 12.9898) * 43758.547) % 1.0
    return a + f * (b - a)


@numba.njit(**FAST)
def _mix(colour, other, amount):
    for k in range(3):
        colour[k] += amount * (other[k] - colour[k])


@numba.njit(**FAST)
def _tint(colour, r, g, b, amount):
    """Take the shares r, g, b of each channel away, times amount."""
    colour[0] *= 1 - r * amount
    colour[1] *= 1 - g * amount
    colour[2] *= 1 - b * amount


@numba.njit(**FAST)
def _distance_to_line(x, y, line):
    nearest = 1e9
    for k in range(len(line) - 1):
        ax, ay = line[k, 0], line[k, 1]
        bx, by = line[k + 1, 0] - ax, line[k + 1, 1] - ay
        t = min(max(((x - ax) * bx + (y - ay) * by) / (bx * bx + by * by), 0.0), 1.0)
        nearest = min(nearest, np.hypot(x - ax - t * bx, y - ay - t * by))
    return nearest


@numba.njit(**FAST)
def surface(look, buffer, region, colour):
    """Fill `colour` (albedo, linear light) of a body point; return its specular share and glossiness."""
    x, y, z = buffer[TEXTURE], buffer[TEXTURE + 1], buffer[TEXTURE + 2]
    if region in (4, 5):
        return _eye(look, x, y, z, look.eyes[region - 4], colour)
    if region == 2:
        colour[0], colour[1], colour[2] = 0.094, 0.006, 0.009
        return 0.04, 18.0
    if region == 3:
        colour[0], colour[1], colour[2] = 0.62, 0.58, 0.48
        return 0.1, 18.0
    if region == 6:
        colour[:] = 0.012
        return 0.0, 1.0
    lips = min(buffer[LIP] * 1.3, 1.0) * (region == 0)
    _skin(look, x, y, z, lips, buffer[HEIGHT], region, colour)
    specular, gloss = (0.12, 40.0) if lips > 0.4 else (0.04, 18.0)
    if y < -13 and region != 7:
        cloth = _cloth(look, x, y, z, colour)
        specular += cloth * (0.012 - specular)
    return specular, gloss


@numba.njit(**FAST)
def _skin(look, x, y, z, lips, near, region, colour):
    side = abs(x)
    face = region == 0
    for k in range(3):
        colour[k] = look.skin[k]
    blush = 0.35 * bell(x, 1.2) * bell(y - 0.4, 1.1) * (z > 10) + 0.5 * bell(side - 8.2, 1.1) * bell(
        y - 1.6, 2.6
    )
    blush += (0.35 + 0.5 * look.makeup) * bell(side - 4.3, 1.7) * bell(y + 0.2, 1.5) * (z > 4)
    _tint(colour, 0.03, 0.24, 0.22, blush * (1.15 - 0.1 * look.tone))
    if z > 7:  # eye shadow
        _tint(
            colour, 0.16, 0.24, 0.20, bell(side - 3.2, 1.7) * bell(y - 3.9, 0.8) * (0.5 + 0.8 * look.makeup)
        )
    mottle = 0.05 * (noise(x * 1.7 + look.strands) + noise(y * 1.9) - 1)
    _tint(colour, 1.0, 1.0, 1.0, -mottle)
    if look.freckles > 0 and z > 6:
        spot = abs(np.sin(np.floor(x * 4.5) * 17.1 + np.floor(y * 4.5) * 57.3) * 4375.85) % 1.0
        dots = (spot > 0.75) * bell(side - 2.5, 2.6) * bell(y - 0.6, 1.6)
        _tint(colour, 0.14, 0.25, 0.32, 1.2 * look.freckles * dots)
    _mix(colour, look.lips, lips)
    if face and z > 5:
        _brows(look, x, y, side, colour)
        if z > 7:
            nearest = _distance_to_line(x, y, look.eye_lines[0 if x * look.eye_lines[0, 0, 0] > 0 else 1])
            line = step(0.30 + 0.12 * look.makeup, 0.06, nearest) * (0.5 + 0.45 * look.makeup)
            _tint(colour, 0.97, 0.97, 0.97, line)
    if look.beard > 0 and region <= 1:
        _beard(look, x, y, z, side, face, lips, colour)
    if not look.bald and region <= 1:
        _scalp(look, x, y, z, side, near, colour)


@numba.njit(**FAST)
def _brows(look, x, y, side, colour):
    line = look.brow_lines[0] if x < 0 else look.brow_lines[1]
    nearest = _distance_to_line(x, y + 0.12, line)
    taper = min(max((5.8 - side) / 4.6, 0.0), 1.0)
    width = (0.12 + 0.30 * np.sqrt(taper)) * look.brow_width * (0.9 if look.masculine else 0.75)
    hairs = 0.8 + 0.2 * noise((x * 1.2 + y) * 9)
    _mix(colour, look.brow, 0.92 * step(1.25, 0.45, nearest / width) * hairs)


@numba.njit(**FAST)
def _beard(look, x, y, z, side, face, lips, colour):
    jaw = step(-0.6, -2.0, y + 0.18 * (side - 3)) * step(-11.5, -8.5, y) * step(2.2, 4.2, z)
    jaw *= (1 - min(lips * 2.5, 1.0)) * (1 - bell(side - 3.6, 1.5) * bell(y + 1.4, 1.3))
    moustache = bell(y + 1.75, 0.55) * step(3.2, 2.2, side) * (z > 9) * face
    sideburn = 0.9 * step(5.2, 6.6, side) * step(3.5, 1.5, y) * step(-8.0, -5.0, y) * step(2.0, 3.4, z)
    place = min(max(jaw, moustache, sideburn), 1.0)
    density = min(0.2 + 0.8 * look.beard, 0.93) * step(0.0, 0.12, look.beard)
    _mix(colour, look.brow, place * density * (0.75 + 0.25 * noise(x * 11 + y * 3)))


@numba.njit(**FAST)
def _scalp(look, x, y, z, side, near, colour):
    """Roots: a soft, uneven hair line around the hair mesh, so that it does not look like a helmet."""
    ragged = 0.55 * (noise(x * 3.1 + z * 2.3 + look.strands) - 0.5) + 0.35 * (noise(x * 9.7 + z * 8.1) - 0.5)
    place = max(step(5.0, 9.0, y), step(4.5, 3.0, z) * step(-4.5, -2.0, y) * step(8.6, 7.6, side))
    _mix(colour, look.hair, 0.9 * place * step(0.95, 0.15, near + ragged - 0.2 * look.hair_line))


@numba.njit(**FAST)
def _cloth(look, x, y, z, colour):
    """Skin inside the neckline, a ribbed collar along it, cloth outside; returns the share of cloth."""
    side = abs(x)
    if look.neckline == 0:
        edge = -13.4 - 2.4 * step(-4.0, 4.0, z) * bell(x, 5.0)
    elif look.neckline == 1:
        edge = -13.4 - 7.5 * step(-2.0, 2.0, z) * max(1 - side / 7.5, 0.0)
    else:
        edge = -13.8 - 4.8 * step(-2.0, 2.0, z) * np.sqrt(max(1 - (x / 9) ** 2, 0.0))
    inside = edge - y  # cm below the edge
    share = step(-0.15, 0.15, inside)
    if side > 9.5 or y < -24:
        share, inside = 1.0, 9.0
    # Shadow of the cloth on the skin just above its edge, then the collar.
    _tint(colour, 0.35, 0.42, 0.42, (1 - share) * step(-0.9, 0.0, inside))
    rib = 0.88 + 0.12 * np.sin(9 * np.arctan2(x, z + 3) * 3) if inside < 1.1 else 1.0
    fold = 1 + 0.08 * (noise(x * 0.55 + 0.2 * y) - 0.5) + 0.05 * (noise(x * 3 + y) - 0.5)
    dark = 1 - 0.35 * bell(inside - 1.15, 0.16)
    for k in range(3):
        colour[k] += share * (look.cloth[k] * rib * fold * dark - colour[k])
    return share


@numba.njit(**FAST)
def _eye(look, x, y, z, centre, colour):
    dx, dy, dz = x - centre[0], y - centre[1], z - centre[2]
    length = np.sqrt(dx * dx + dy * dy + dz * dz)
    dx, dy = dx / length, dy / length
    r = np.hypot(dx, dy) * 1.5 if dz > 0 else 9.0
    white = 0.70 * (1 - 0.25 * step(0.8, 1.4, r))
    colour[0], colour[1], colour[2] = white, 0.92 * white, 0.89 * white
    ring = step(0.72, 0.63, r)
    shade = (0.7 + 0.4 * noise(np.arctan2(dy, dx) * 9)) * (1 - 0.75 * step(0.46, 0.66, r))
    pupil = step(0.33, 0.26, r)
    for k in range(3):
        colour[k] += ring * (look.iris[k] * shade - colour[k])
        colour[k] += pupil * (0.005 - colour[k])
    return 0.3, 220.0


@numba.njit(**FAST)
def hair_surface(look, buffer, colour):
    """Fill `colour` of a hair point; return (strand phase 0..1, cover 0..1). Cover thins out towards the
    mesh's rim.
    """
    x, y, z = buffer[TEXTURE], buffer[TEXTURE + 1], buffer[TEXTURE + 2]
    along = x * 1.1 + 0.4 * z if y > 11.5 else np.arctan2(x, z + 1) * 7.0
    strand = 0.5 * noise(along * 3.5 + look.strands) + 0.3 * noise(along * 9.0 + y * 0.35)
    strand += 0.2 * noise(along * 21.0 + y * 0.8)
    for k in range(3):
        colour[k] = look.hair[k] * (0.5 + 1.0 * strand)
    cover = step(0.03, 0.22, buffer[HEIGHT] - 0.45 * (strand - 0.4) + 0.05 * look.hair_line)
    return strand, cover


@numba.njit(**FAST, inline="always")
def is_skin(region):
    """Whether light scatters below the surface here."""
    return region <= 1 or region in (7, TORSO_REGION)
