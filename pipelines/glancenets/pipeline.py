"""A world's embedded GlanceNet and CBNM at work."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pipelines.glancenets.readings import Reading
from pipelines.glancenets.worlds import World


class Pipeline:
    """Safe to call from several threads; same input, same bytes."""

    world: World

    @classmethod
    def load(cls, world: str) -> Pipeline:
        """Read the embedded weights."""
        raise NotImplementedError

    def read(self, picture: np.ndarray) -> Reading:
        """Read a picture, uint8 World.shape (`sample`, `picture_of` and `digit_of` give such).

        Raises InputError for another shape, and for an empty digit.
        """
        raise NotImplementedError

    def intervene(self, reading: Reading, concepts: Mapping[str, float]) -> Reading:
        """Set concepts, by name, in [0, 1], in both nets, starting from the given reading: the class is
        decided anew and the GlanceNet's code is decoded anew. Gates and leak stay: they judge the picture.

        Raises InputError for an unknown concept or a value outside [0, 1].
        """
        raise NotImplementedError

    def traverse(self, reading: Reading, dimension: str, steps: int = 7) -> np.ndarray:
        """Sweep one dimension (a name of World.dimensions), the others as read: concepts from 0.03 to 0.97
        in equal steps, opaque ones from -2 to 2. uint8 [steps, *World.shape].
        """
        raise NotImplementedError

    def grid(self, reading: Reading, across: str, down: str, steps: int = 7) -> np.ndarray:
        """Sweep two dimensions. uint8 [steps (down), steps (across), *World.shape]."""
        raise NotImplementedError
