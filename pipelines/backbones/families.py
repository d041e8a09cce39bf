"""Procedural families of objects: exact combinations of shape, attribute, colour and part colour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipelines.backbones.cameras import OBJECT_RADIUS
from pipelines.backbones.raster import OWN_COLOUR, PRIMARY, SECONDARY, Mesh
from pipelines.backbones.shapes import (
    Shape,
    box,
    cylinder,
    ellipsoid,
    join,
    lathe,
    moved,
    prism,
    rod,
    tube,
    turned,
)

PALETTE: dict[str, tuple[int, int, int]] = {
    "red": (206, 44, 42),
    "orange": (240, 136, 36),
    "yellow": (246, 208, 52),
    "green": (66, 158, 66),
    "teal": (40, 160, 156),
    "blue": (48, 96, 204),
    "purple": (130, 68, 176),
    "pink": (240, 132, 178),
    "brown": (136, 86, 48),
    "black": (42, 42, 46),
    "gray": (136, 140, 146),
    "white": (240, 240, 238),
}
GLASS, DARK, METAL, WOOD = (150, 200, 226), (48, 48, 54), (176, 180, 188), (150, 100, 60)
CREAM, CARROT, LIGHT = (250, 240, 206), (238, 128, 40), (252, 236, 150)


@dataclass(frozen=True)
class Part:
    """A shape and how it is coloured: a fixed `colour` (sRGB 0..255), or the object's or its part's
    colour."""

    shape: Shape
    slot: int = PRIMARY
    colour: tuple[int, int, int] = WOOD
    tint: float = 1.0


@dataclass(frozen=True)
class Family:
    """One kind of object.

    `build(vary, attribute)` makes its parts, front to +z, y up, any scale; `vary(low, high)` draws a
    proportion. `attributes` are the words it may carry ("" = none); `part` names what takes the second
    colour, and `part_default` is that part's colour when the caption doesn't say: a palette name, or "" for
    the object's own.
    """

    name: str
    build: Callable[[Callable[[float, float], float], str], list[Part]]
    attributes: tuple[str, ...]
    part: str
    part_default: str


def family_mesh(family: Family, attribute: str, variant: int) -> Mesh:
    """Variant `variant` (0, 1, ...) of a family's shape, centred, touching the sphere of OBJECT_RADIUS."""
    seed = [FAMILIES.index(family), family.attributes.index(attribute), variant]
    parts = family.build(np.random.default_rng(seed).uniform, attribute)
    vertices, faces = join([part.shape for part in parts])
    vertices = vertices - (vertices.min(axis=0) + vertices.max(axis=0)) / 2
    vertices *= 0.995 * OBJECT_RADIUS / np.linalg.norm(vertices, axis=1).max()
    counts = [len(part.shape[1]) for part in parts]
    return Mesh(
        vertices,
        faces,
        np.repeat(np.array([part.colour for part in parts]) / 255, counts, axis=0),
        np.repeat([part.slot for part in parts], counts),
        np.repeat([part.tint for part in parts], counts),
    )


def _fixed(shape: Shape, colour: tuple[int, int, int]) -> Part:
    return Part(shape, OWN_COLOUR, colour)


def _chair(vary, attribute: str) -> list[Part]:
    seat_height, width = (0.72 if attribute == "tall" else 0.46), vary(0.44, 0.52)
    back = vary(0.42, 0.52)
    if attribute == "round":
        seat = moved(cylinder(width / 2 + 0.03, 0.09, bevel=0.035), y=seat_height)
        rest = moved(
            turned(cylinder(width / 2, 0.07, bevel=0.03), "x", 90), y=seat_height + back * 0.72, z=-width / 2
        )
    else:
        seat = moved(box((width, 0.09, width), 0.035), y=seat_height + 0.045)
        rest = moved(box((width, back, 0.07), 0.03), y=seat_height + 0.09 + back / 2, z=-width / 2 + 0.035)
    parts = [Part(seat), Part(rest, tint=0.95)]
    spread, foot = width / 2 - 0.06, width / 2 - 0.02
    for x in (-1, 1):
        for z in (-1, 1):
            leg = rod((x * foot, 0, z * foot), (x * spread, seat_height + 0.02, z * spread), 0.035)
            parts.append(Part(leg, SECONDARY))
    if attribute == "tall":
        ring = [rod((x, 0.24, z), (u, 0.24, w), 0.02) for x, z, u, w in _square(width / 2 - 0.04)]
        parts += [Part(bar, SECONDARY, tint=0.9) for bar in ring]
    return parts


def _square(half: float) -> list[tuple[float, float, float, float]]:
    corners = [(-half, -half), (half, -half), (half, half), (-half, half)]
    return [(*corners[i], *corners[(i + 1) % 4]) for i in range(4)]


def _table(vary, attribute: str) -> list[Part]:
    height = 0.3 if attribute == "low" else vary(0.52, 0.6)
    if attribute == "round":
        radius = vary(0.42, 0.48)
        return [
            Part(moved(cylinder(radius, 0.07, bevel=0.03, segments=36), y=height)),
            Part(cylinder(0.05, height + 0.01, segments=16), SECONDARY),
            Part(lathe([(0, 0), (0.25, 0), (0.24, 0.035), (0.08, 0.08), (0.05, 0.16), (0, 0.16)]), SECONDARY),
        ]
    width, depth = vary(0.9, 1.05), vary(0.55, 0.65)
    parts = [Part(moved(box((width, 0.08, depth), 0.03), y=height + 0.03))]
    for x in (-1, 1):
        for z in (-1, 1):
            top = (x * (width / 2 - 0.08), height, z * (depth / 2 - 0.08))
            parts.append(Part(rod((top[0] + x * 0.02, 0, top[2] + z * 0.02), top, 0.04), SECONDARY))
    return parts


def _mug(vary, attribute: str) -> list[Part]:
    radius, height = {"": (0.3, 0.62), "tall": (0.25, 0.8), "wide": (0.42, 0.5)}[attribute]
    radius *= vary(0.95, 1.05)
    profile = [
        (0, 0), (radius - 0.05, 0), (radius - 0.01, 0.02), (radius, 0.06), (radius, height - 0.02),
        (radius - 0.015, height), (radius - 0.045, height), (radius - 0.06, height - 0.02),
        (radius - 0.06, height * 0.8),
    ]  # fmt: skip
    angle = np.linspace(-0.5 * np.pi, 0.5 * np.pi, 13)
    bow, rise = vary(0.19, 0.23), height * 0.29
    path = np.stack(
        [radius - 0.03 + bow * np.cos(angle), height / 2 + rise * np.sin(angle), 0 * angle], axis=1
    )
    coffee = moved(cylinder(radius - 0.055, 0.01), y=height * 0.8)
    return [Part(lathe(profile, 36)), Part(tube(path, 0.045), SECONDARY), _fixed(coffee, (92, 56, 32))]


def _lamp(vary, attribute: str) -> list[Part]:
    height = {"": 0.5, "tall": 1.25, "round": 0.5}[attribute]
    foot = lathe([(0, 0), (0.2, 0), (0.2, 0.025), (0.17, 0.05), (0.05, 0.075), (0, 0.075)])
    parts = [Part(foot, SECONDARY)]
    if attribute == "tall":
        parts.append(Part(cylinder(0.025, height, segments=12), SECONDARY))
    else:
        belly = vary(0.1, 0.14)
        stem = [(0.05, 0.05), (belly, 0.16), (belly * 0.9, 0.24), (0.035, 0.34), (0.03, height)]
        parts.append(Part(lathe(stem, 24), SECONDARY))
    if attribute == "round":
        return [*parts, Part(moved(ellipsoid((0.27, 0.25, 0.27)), y=height + 0.18))]
    low, high = vary(0.27, 0.31), vary(0.15, 0.19)
    shade = [
        (low, height - 0.08),
        (low + 0.008, height - 0.06),
        (high + 0.008, height + 0.28),
        (high, height + 0.3),
    ]
    bulb = moved(ellipsoid((0.09, 0.1, 0.09), 8, 12), y=height + 0.08)
    return [*parts, Part(lathe(shade, 32)), _fixed(bulb, LIGHT)]


def _tree(vary, attribute: str) -> list[Part]:
    stem = {"": 0.42, "pointed": 0.2, "tall": 0.8}[attribute]
    trunk = Part(
        lathe([(0.0, 0), (0.12, 0), (0.08, 0.1), (0.065, stem + 0.15), (0, stem + 0.15)], 16), SECONDARY
    )
    if attribute == "pointed":
        tiers = [(0.42, 0.0, 0.4), (0.34, 0.24, 0.38), (0.24, 0.46, 0.36)]
        wide = vary(0.92, 1.08)
        cones = [cylinder(r * wide, h, top=0.02, bevel=0.02, segments=24) for r, _, h in tiers]
        return [trunk, *(Part(moved(c, y=stem + t[1]), tint=0.9 + 0.1 * t[1] / 0.4)
                         for c, t in zip(cones, tiers, strict=True))]  # fmt: skip
    radius = 0.27 if attribute == "tall" else 0.36
    blobs = [(0, radius * 0.95, 0, 1.0)]
    turn = vary(0, 2 * np.pi)
    for k in range(4):
        angle = turn + k * np.pi / 2
        blobs.append(
            (np.sin(angle) * radius * 0.62, radius * vary(0.5, 0.8), np.cos(angle) * radius * 0.62, 0.66)
        )
    leaves = [
        moved(ellipsoid((radius * s, radius * s * 0.95, radius * s)), x, stem + y, z) for x, y, z, s in blobs
    ]
    return [trunk, *(Part(leaf, tint=1.0 if i == 0 else 0.94) for i, leaf in enumerate(leaves))]


def _house(vary, attribute: str) -> list[Part]:
    width, height, depth = {"": (0.8, 0.5, 0.7), "tall": (0.62, 0.95, 0.6), "wide": (1.15, 0.45, 0.6)}[
        attribute
    ]
    width *= vary(0.95, 1.05)
    peak = vary(0.32, 0.4)
    gable = prism([(-width / 2, 0), (width / 2, 0), (0, peak * 0.96)], depth)
    slope = np.degrees(np.arctan2(peak, width / 2))
    run = float(np.hypot(peak, width / 2)) + 0.1
    parts = [Part(moved(box((width, height, depth)), y=height / 2)), Part(moved(gable, y=height))]
    for side in (-1, 1):
        slab = turned(
            moved(box((run, 0.06, depth + 0.14), 0.02), x=side * (run / 2 - 0.01)), "z", -side * slope
        )
        parts.append(Part(moved(slab, y=height + peak + 0.01), SECONDARY))
    parts.append(
        Part(
            moved(box((0.1, 0.26, 0.1)), x=width * 0.28, y=height + peak * 0.75, z=-depth * 0.2),
            SECONDARY,
            tint=0.8,
        )
    )
    front = depth / 2
    parts.append(_fixed(moved(box((0.16, 0.3, 0.04), 0.01), y=0.15, z=front), (110, 68, 40)))
    storeys = [0.72, 0.3] if attribute == "tall" else [height * 0.58]
    places = [0.36, -0.36] if attribute == "wide" else [0.3, -0.3]
    for level in storeys:
        for place in places:
            for z in (front, -front):
                parts += _window(place * width, level, z)
        for x in (-width / 2, width / 2):
            parts += [
                _fixed(moved(box((0.03, 0.19, 0.19)), x, level), CREAM),
                _fixed(moved(box((0.04, 0.14, 0.14)), x, level), GLASS),
            ]
    return parts


def _window(x: float, y: float, z: float) -> list[Part]:
    frame, glass = box((0.18, 0.19, 0.03)), box((0.13, 0.14, 0.04))
    return [_fixed(moved(frame, x, y, z), CREAM), _fixed(moved(glass, x, y, z), GLASS)]


def _car(vary, attribute: str) -> list[Part]:
    length = {"": 1.15, "small": 0.86, "long": 1.5}[attribute] * vary(0.97, 1.03)
    width, cabin = 0.52, length * vary(0.46, 0.52)
    back = -length * 0.06
    parts = [
        Part(moved(box((width, 0.2, length), 0.08), y=0.24)),
        _fixed(moved(box((width * 0.84, 0.17, cabin), 0.06), y=0.4, z=back), GLASS),
        Part(moved(box((width * 0.86, 0.06, cabin * 0.86), 0.03), y=0.49, z=back), SECONDARY),
    ]
    for x in (-1, 1):
        for z in (-cabin * 0.4, 0.0, cabin * 0.4):
            parts.append(Part(moved(box((0.03, 0.16, 0.05)), x * width * 0.41, 0.41, back + z), tint=0.95))
        for z in (-0.3, 0.3):
            tyre = turned(moved(cylinder(0.135, 0.1, bevel=0.03, segments=24), y=-0.05), "z", 90)
            hub = turned(moved(cylinder(0.07, 0.112, segments=16), y=-0.056), "z", 90)
            parts.append(_fixed(moved(tyre, x * (width / 2 - 0.03), 0.135, z * length), DARK))
            parts.append(_fixed(moved(hub, x * (width / 2 - 0.03), 0.135, z * length), METAL))
        lamp, tail = box((0.11, 0.07, 0.04), 0.015), box((0.11, 0.06, 0.04), 0.015)
        parts.append(_fixed(moved(lamp, x * 0.17, 0.27, length / 2 - 0.01), LIGHT))
        parts.append(_fixed(moved(tail, x * 0.17, 0.27, -length / 2 + 0.01), (170, 30, 34)))
    parts.append(_fixed(moved(box((width * 0.94, 0.06, 0.05), 0.02), y=0.17, z=length / 2), DARK))
    return parts


def _snowman(vary, attribute: str) -> list[Part]:
    radii = {"": (0.36, 0.26, 0.19), "tall": (0.34, 0.27, 0.18), "round": (0.44, 0.3, 0.2)}[attribute]
    middle = 0.3 if attribute == "tall" else 0.0
    belly, head = radii[0] * 1.62 + middle * 0.2, radii[0] * 1.62 + radii[1] * 1.35 + middle * 0.5
    spheres = [(radii[0], radii[0] * 0.92), (radii[1], belly), (radii[2], head)]
    parts = [Part(moved(ellipsoid((r, r, r), 14, 24), y=y)) for r, y in spheres]
    if attribute == "tall":
        parts.append(Part(moved(ellipsoid((0.22, 0.2, 0.22), 12, 20), y=(belly + head) / 2)))
    size = radii[2]
    parts += [
        Part(moved(cylinder(size * 1.35, 0.04, bevel=0.015), y=head + size * 0.72), SECONDARY),
        Part(moved(cylinder(size * 0.85, vary(0.2, 0.26), bevel=0.02), y=head + size * 0.74), SECONDARY),
        _fixed(
            moved(turned(cylinder(0.05, 0.24, top=0.008, segments=12), "x", 90), y=head, z=size * 0.85),
            CARROT,
        ),
    ]
    for x in (-1, 1):
        eye = moved(ellipsoid((0.032, 0.032, 0.032), 6, 8), x * 0.075, head + 0.06, size * 0.88)
        tip = (x * (radii[1] + 0.24), belly + 0.14, 0.05)
        arm = rod((x * radii[1] * 0.85, belly, 0), tip, 0.022)
        twig = rod((x * (radii[1] + 0.12), belly + 0.08, 0.03), (x * (radii[1] + 0.2), belly, 0.1), 0.016)
        parts += [_fixed(eye, DARK), _fixed(arm, (110, 72, 44)), _fixed(twig, (110, 72, 44))]
    for height in (-0.08, 0.06):
        depth = np.sqrt(radii[1] ** 2 - height**2)
        parts.append(_fixed(moved(ellipsoid((0.03, 0.03, 0.03), 6, 8), 0, belly + height, depth), DARK))
    return parts


def _vase(vary, attribute: str) -> list[Part]:
    belly, height, neck = {"": (0.27, 0.8, 0.12), "tall": (0.19, 1.0, 0.1), "round": (0.4, 0.7, 0.13)}[
        attribute
    ]
    belly, place = belly * vary(0.94, 1.06), vary(0.36, 0.46)
    t = np.linspace(0, 1, 25)
    swell = np.exp(-(((t - place) / 0.26) ** 2))
    radius = neck + (belly - neck) * swell
    lip = np.clip((t - 0.86) / 0.14, 0, 1) ** 2 * 0.08
    outside = list(zip(radius + lip, t * height, strict=True))
    inside = [(r - 0.025, y) for r, y in outside[:-8:-1]]
    band = [(r + 0.012, y) for r, y in outside if abs(y / height - place) < 0.125]
    band = [(band[0][0] - 0.02, band[0][1]), *band, (band[-1][0] - 0.02, band[-1][1])]
    foot = [(0, 0), (outside[0][0] * 0.9, 0)]
    return [Part(lathe([*foot, *outside, *inside], 32)), Part(lathe(band, 32), SECONDARY)]


def _tower(vary, attribute: str) -> list[Part]:
    height = 1.35 if attribute == "tall" else 0.9
    wide = vary(0.24, 0.28)
    parts = []
    if attribute == "square":
        parts += [
            Part(moved(box((wide * 2, height, wide * 2), 0.02), y=height / 2)),
            Part(moved(box((wide * 2.5, 0.14, wide * 2.5), 0.02), y=height), tint=0.88),
            Part(
                moved(turned(cylinder(wide * 1.9, 0.42, top=0.01, segments=4), "y", 45), y=height + 0.07),
                SECONDARY,
            ),
        ]
        face = wide
    else:
        wall = [
            (0, 0),
            (wide * 1.25, 0),
            (wide * 1.05, 0.12),
            (wide, 0.2),
            (wide * 0.95, height),
            (0, height),
        ]
        parts += [
            Part(lathe(wall)),
            Part(moved(cylinder(wide * 1.22, 0.15, bevel=0.03), y=height - 0.06), tint=0.88),
            Part(moved(cylinder(wide * 1.4, 0.46, top=0.012, bevel=0.01), y=height + 0.08), SECONDARY),
        ]
        face = wide * 0.97
    parts.append(_fixed(moved(box((0.16, 0.26, 0.12), 0.03), y=0.13, z=face + 0.0), (104, 66, 40)))
    for level in np.arange(0.42, height - 0.12, 0.28):
        for x, z in ((0, 1), (1, 0), (0, -1), (-1, 0)):
            slit = box((0.09, 0.14, 0.05) if z else (0.05, 0.14, 0.09), 0.02)
            parts.append(_fixed(moved(slit, x * face, float(level), z * face), DARK))
    return parts


def _rocket(vary, attribute: str) -> list[Part]:
    radius, height = {"": (0.22, 1.0), "tall": (0.17, 1.3), "round": (0.32, 0.9)}[attribute]
    radius *= vary(0.95, 1.05)
    t = np.linspace(0, 1, 21)
    outline = radius * np.where(
        t < 0.45, 0.72 + 0.28 * np.sin(t / 0.45 * np.pi / 2), np.cos((t - 0.45) / 0.55 * np.pi / 2) ** 0.8
    )
    body = [(r, 0.16 + y * height) for r, y in zip(outline, t, strict=True)]
    cut = 16
    nose = [(r + 0.004, y) for r, y in body[cut:]]
    nozzle = [(0, 0.06), (radius * 0.6, 0.06), (radius * 0.45, 0.17), (0, 0.17)]
    parts = [
        Part(lathe([(0, 0.16), *body[: cut + 1]])),
        Part(lathe([(0, nose[0][1]), *nose]), SECONDARY),
        _fixed(lathe(nozzle, 20), DARK),
    ]
    reach = vary(0.2, 0.26)
    fin = [(radius * 0.7, 0.16), (radius + reach, 0.0), (radius + reach, 0.14), (radius * 0.9, 0.46)]
    for k in range(4):
        parts.append(Part(turned(prism(fin, 0.045), "y", 45 + 90 * k), SECONDARY))
    for place, size in ((0.5, 0.42), (0.28, 0.3)):
        y = 0.16 + place * height
        z = float(np.interp(place, t, outline))
        frame = moved(
            turned(cylinder(radius * size, 0.06, bevel=0.02, segments=20), "x", 90), y=y, z=z - 0.04
        )
        glass = moved(
            turned(cylinder(radius * size * 0.72, 0.075, bevel=0.02, segments=20), "x", 90), y=y, z=z - 0.04
        )
        parts += [_fixed(frame, METAL), _fixed(glass, GLASS)]
    return parts


FAMILIES = (
    Family("chair", _chair, ("", "round", "tall"), "legs", "brown"),
    Family("table", _table, ("", "round", "low"), "legs", "brown"),
    Family("mug", _mug, ("", "tall", "wide"), "handle", ""),
    Family("lamp", _lamp, ("", "tall", "round"), "base", "gray"),
    Family("tree", _tree, ("", "pointed", "tall"), "trunk", "brown"),
    Family("house", _house, ("", "tall", "wide"), "roof", "brown"),
    Family("car", _car, ("", "small", "long"), "roof", ""),
    Family("snowman", _snowman, ("", "tall", "round"), "hat", "black"),
    Family("vase", _vase, ("", "tall", "round"), "band", ""),
    Family("tower", _tower, ("", "square", "tall"), "roof", "gray"),
    Family("rocket", _rocket, ("", "tall", "round"), "fins", "gray"),
)
