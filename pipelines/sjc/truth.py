"""True pictures of what the prompts of the evaluation name, as far as the meshes are at hand."""

from __future__ import annotations

from functools import cache

import numpy as np
from torch import Tensor

from pipelines.backbones.families import FAMILIES
from pipelines.backbones.objects import CORE_BASES, ObjectSet, Scene
from pipelines.backbones.raster import render
from pipelines.sjc.judge import SIZE
from pipelines.sjc.prompt_set import prompt_of
from pipelines.sjc.scene import RING_ELEVATION
from pipelines.sjc.trial import TURN, signed
from pipelines.sjc.turntable import all_round


class Truth:
    """Renders of an object set under the house's light, from the cameras of a Trial."""

    def __init__(self, object_set: ObjectSet) -> None:
        self.objects = object_set
        self._scenes: dict[str, Scene] = {}
        for scene in object_set.scenes:
            self._scenes.setdefault(prompt_of(scene), scene)
        self._drawn = cache(self._draw)

    def knows(self, prompt: str) -> bool:
        """Whether an object of that caption is there."""
        return prompt in self._scenes

    def views(self, prompt: str) -> Tensor:
        """float32 [TURN, 3, SIZE, SIZE] in -1..1."""
        return signed(self._drawn_scene(prompt)[0])

    def opacity(self, prompt: str) -> np.ndarray:
        """[TURN, SIZE, SIZE] in 0..1."""
        return self._drawn_scene(prompt)[1]

    def shapes(self, name: str) -> list[np.ndarray]:
        """Opacity [8, SIZE, SIZE] of every mesh of that name."""
        drawable = {
            mesh: scene for scene in self.objects.scenes if scene.base == name for mesh in scene.meshes
        }
        return [self._drawn(scene, mesh)[1][::2] for mesh, scene in drawable.items()]

    def _drawn_scene(self, prompt: str) -> tuple[np.ndarray, np.ndarray]:
        scene = self._scenes[prompt]
        return self._drawn(scene, scene.meshes[0])

    def _draw(self, scene: Scene, mesh: int) -> tuple[np.ndarray, np.ndarray]:
        colours = np.repeat(self.objects.slot_colours(scene)[None], TURN, axis=0)
        azimuth, elevation = np.array(all_round(TURN)), np.full(TURN, RING_ELEVATION)
        rgb, alpha, _ = render(self.objects.bank, np.full(TURN, mesh), azimuth, elevation, SIZE, colours)
        return rgb, alpha / 255


def every_name() -> list[str]:
    """Names of all kinds of object that the small model is taught."""
    return sorted({" ".join(name.split()) for name in CORE_BASES.split(",")}) + [f.name for f in FAMILIES]
