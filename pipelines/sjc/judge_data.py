"""Pictures for the judge: the objects under any light, through other lenses, and worn as optimised fields
look."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, interpolate

from pipelines.backbones.cameras import ELEVATION_RANGE
from pipelines.backbones.captions import Subject, wordings
from pipelines.backbones.objects import ObjectSet, Scene
from pipelines.backbones.raster import Lighting, render
from pipelines.sjc.judge import SIZE

FAMILY_SHARE = 0.45
NOISE = 0.025  # standard deviation of the base colours
WHITE = 1.0

# Objects whose front, sides and back differ, so that "where is its front" has an answer.
DIRECTIONAL = frozenset(
    name.strip()
    for name in """
    sofa, office chair, lounge chair, double bed, bookcase, television, zebra, horse, cow, pig, sheep,
    shiba inu dog, cat, shark, whale, chick, tyrannosaurus, fox, sedan car, race car, school bus, fire truck,
    police car, tractor, bicycle, sailing ship, passenger airplane, steam locomotive, igloo,
    treasure chest, chair, car, house, snowman, tower
""".replace("\n", " ").split(",")
)


@dataclass(frozen=True)
class Pictures:
    """n views: images uint8 [n, 3, SIZE, SIZE]; subjects [n], rows of PictureSource.subjects; quadrants int64
    [n], -1 where the object has no front (see judge.QUADRANTS)."""

    images: Tensor
    subjects: np.ndarray
    quadrants: Tensor


class PictureSource:
    """Draws views of everything in an object set, also of what the text-to-image model is not shown.

    Pictures come in pairs of the same kind of object, mostly in other colours: what is alike but not the same
    teaches most.
    """

    def __init__(self, object_set: ObjectSet) -> None:
        self.objects = object_set
        self.subjects: list[Subject] = list(dict.fromkeys(scene.subject for scene in object_set.scenes))
        self.captions = [wordings(subject) for subject in self.subjects]
        self._row = {subject: row for row, subject in enumerate(self.subjects)}
        kinds: dict[str, list[Scene]] = {}
        for scene in object_set.scenes:
            kinds.setdefault(scene.base, []).append(scene)
        self._kinds = list(kinds.values())
        family = np.array([scenes[0].category == "family" for scenes in self._kinds])
        shares = np.where(family, FAMILY_SHARE / family.sum(), (1 - FAMILY_SHARE) / max((~family).sum(), 1))
        self._shares = shares / shares.sum()

    def draw(self, count: int, rng: np.random.Generator) -> Pictures:
        """`count` views, an even number."""
        kinds = np.repeat(rng.choice(len(self._kinds), count // 2, p=self._shares), 2)
        scenes = [self._scene(self._kinds[kind], rng) for kind in kinds]
        meshes = np.array([scene.meshes[rng.integers(len(scene.meshes))] for scene in scenes])
        azimuth, elevation = rng.uniform(-np.pi, np.pi, count), rng.uniform(*ELEVATION_RANGE, count)
        colours = np.stack([self.objects.slot_colours(scene) for scene in scenes])
        colours = np.clip(colours + rng.normal(0, NOISE, colours.shape), 0, 1)
        images, _, _ = render(
            self.objects.bank, meshes, azimuth, elevation, SIZE, colours, any_light(count, rng), supersample=2
        )
        quadrants = (np.degrees(azimuth) + 45) % 360 // 90
        known = np.array([scene.base in DIRECTIONAL for scene in scenes])
        return Pictures(
            torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(),
            np.array([self._row[scene.subject] for scene in scenes]),
            torch.from_numpy(np.where(known, quadrants, -1).astype(np.int64)),
        )

    @staticmethod
    def _scene(scenes: list[Scene], rng: np.random.Generator) -> Scene:
        own = [scene for scene in scenes if scene.colours == ("", "")]
        # An asset in its own colours is one scene among twelve or more, but what most prompts mean.
        few = own if own and rng.random() < 0.5 else scenes
        return few[rng.integers(len(few))]


def any_light(count: int, rng: np.random.Generator) -> Lighting:
    """Light from anywhere above, soft or hard."""
    direction = rng.normal(0, 1, (count, 3))
    direction[:, 1] = np.abs(direction[:, 1]) + 0.1
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return Lighting(direction.astype(np.float32), rng.uniform(0.35, 0.75, count).astype(np.float32))


# Wear
# ------------------------------------------------------------------------------------------------------


def worn(images: Tensor, generator: torch.Generator) -> Tensor:
    """Images uint8 [n, 3, s, s] -> float32 in -1..1, each as another lens and a rough field would show it:
    nearer or farther, tilted, off centre; blurred or in blocks; thin, blotched, with crumbs around it."""
    ink = framed(images.float() / 127.5 - 1 - WHITE, generator)  # 0 where the background is
    ink = softened(ink, generator)
    count = len(ink)

    def some(share: float, most: float) -> Tensor:
        chosen = torch.rand(count, generator=generator) < share
        return (chosen * torch.rand(count, generator=generator) * most)[:, None, None, None]

    there = ink.abs().amax(1, keepdim=True).clamp(max=0.3) / 0.3
    thin = clouds(count, 1, ink.shape[-1], generator).sigmoid()
    ink = ink * (1 - some(0.4, 0.8) * thin)
    ink = ink + there * some(0.4, 0.22) * clouds(count, 3, ink.shape[-1], generator)
    crumbs = (clouds(count, 1, ink.shape[-1], generator) - 1.6).clamp(0, 1)
    tint = torch.rand(count, 3, 1, 1, generator=generator) * -2
    ink = ink + (1 - there) * some(0.35, 1.5) * crumbs * tint
    gain = 1 + 0.1 * torch.randn(count, 1, 1, 1, generator=generator)
    gain = gain + 0.03 * torch.randn(count, 3, 1, 1, generator=generator)
    ink = ink * gain + some(0.5, 0.08) * torch.randn(ink.shape, generator=generator)
    return (ink + WHITE).clamp(-1, 1)


def framed(ink: Tensor, generator: torch.Generator) -> Tensor:
    """Zoomed (at a fixed distance: another field of view, about 35° to 50°), rolled and shifted."""
    zoom, roll, right, down = torch.rand(4, len(ink), generator=generator)
    zoom, roll = 0.86 + 0.4 * zoom, math.radians(14) * (roll - 0.5)
    shift = 0.16 * (torch.stack([right, down], dim=1) - 0.5)
    cos, sin = zoom * roll.cos(), zoom * roll.sin()
    rows = [torch.stack([cos, -sin, shift[:, 0]], 1), torch.stack([sin, cos, shift[:, 1]], 1)]
    places = affine_grid(torch.stack(rows, 1), list(ink.shape), align_corners=False)
    return grid_sample(ink, places, align_corners=False)


def softened(ink: Tensor, generator: torch.Generator) -> Tensor:
    """A third as it is, a third blurred, a third of that blocky; one strength each per call."""
    size = ink.shape[-1]
    order = torch.randperm(len(ink), generator=generator)
    blur, blocks = order[: len(ink) * 2 // 5], order[len(ink) * 2 // 5 : len(ink) * 3 // 5]
    result = ink.clone()
    for part, mode, lowest in ((blur, "bilinear", 12), (blocks, "nearest", 18)):
        if len(part):
            low = int(torch.randint(lowest, 34, (), generator=generator))
            small = interpolate(ink[part], size=(low, low), mode="area")
            result[part] = interpolate(small, size=(size, size), mode=mode)
    return result


def clouds(count: int, channels: int, size: int, generator: torch.Generator) -> Tensor:
    """Smooth noise of about unit variance, [count, channels, size, size]."""
    coarse = torch.randn(count, channels, 7, 7, generator=generator)
    return 1.5 * interpolate(coarse, size=(size, size), mode="bilinear", align_corners=True)
