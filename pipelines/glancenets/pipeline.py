"""A world's embedded GlanceNet and CBNM at work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from pipelines.errors import InputError
from pipelines.glancenets import nets, osr, stored
from pipelines.glancenets.model import BottleneckNet, Classifier, GlanceNet
from pipelines.glancenets.readings import Answer, Gate, Reading
from pipelines.glancenets.worlds import WORLDS, World
from pipelines.runtime import use_threads
from pipelines.weights import weights_file

OPAQUE_REACH = 2.0
"""Ends of a traversal of an opaque dimension, in standard deviations of its prior."""


@dataclass(frozen=True)
class Pipeline:
    """Safe to call from several threads; same input, same bytes."""

    world: World
    glancenet: GlanceNet
    bottleneck: BottleneckNet
    fitted: stored.Fitted

    @classmethod
    def load(cls, world: str, seed: int = 0) -> Pipeline:
        """Read the embedded weights. Raises FileNotFoundError or WeightsError for missing or other files."""
        use_threads(1)
        read = {
            kind: nets.read(weights_file("glancenets", nets.file_name(world, kind, seed)), world, kind)
            for kind in nets.KINDS
        }
        return cls(WORLDS[world], read["glancenet"], read["cbnm"], stored.fitted(world, seed))

    def read(self, picture: np.ndarray) -> Reading:
        """Read a picture, uint8 World.shape (`sample`, `picture_of` and `digit_of` give such).

        Raises InputError for another shape, and for an empty digit.
        """
        self._check(picture)
        with torch.inference_mode():
            x = self._tensor(picture)
            mean, log_variance = self.glancenet.encode(x)
            sigma = (0.5 * log_variance).exp()[0]
            rebuilt = torch.sigmoid(self.glancenet.decode(mean))
            seen = osr.judge(self.glancenet, mean, (rebuilt - x).flatten(1).norm(dim=1))
            z, k = mean[0], len(self.world.concepts)
            glancenet = _answer(self.glancenet.classifier, z[:k])
            bottleneck = _answer(self.bottleneck.classifier, self.bottleneck.encode(x)[0])
            return Reading(
                world=self.world.name,
                picture=picture,
                mu=_numpy(z),
                sigma=_numpy(sigma),
                glancenet=glancenet,
                bottleneck=bottleneck,
                low=_numpy(torch.sigmoid((z - sigma)[:k])),
                high=_numpy(torch.sigmoid((z + sigma)[:k])),
                reconstruction=self._pictures(rebuilt)[0],
                distances=_numpy(seen.distances[0]) / self.fitted.prototypes,
                gates=self._gates(seen),
                leaked=np.stack(
                    [
                        self._leaked("glancenet", glancenet.values),
                        self._leaked("cbnm", bottleneck.values),
                    ]
                ),
            )

    def intervene(self, reading: Reading, concepts: Mapping[str, float]) -> Reading:
        """Set concepts, by name, in [0, 1], in both nets, starting from the given reading: the class is
        decided anew and the GlanceNet's code is decoded anew. Gates and leak stay: they judge the picture.

        A value beyond what training pictures reach is decoded as their end of the scale.
        Raises InputError for an unknown concept or a value outside [0, 1].
        """
        names = [concept.name for concept in self.world.concepts]
        for name, value in concepts.items():
            if name not in names:
                raise InputError(f"There is no concept “{name}”.", f"There are {', '.join(names)}.")
            if not 0 <= value <= 1:
                raise InputError(f"{name} is out of range.", "Use a number from 0 to 1.", name)
        mu, bottleneck = reading.mu.copy(), logit(reading.bottleneck.values)
        for index, name in enumerate(names):
            if name in concepts:
                mu[index] = self.code("glancenet", index, concepts[name])
                bottleneck[index] = self.code("cbnm", index, concepts[name])
        with torch.inference_mode():
            z = torch.from_numpy(mu)
            return replace(
                reading,
                mu=mu,
                glancenet=_answer(self.glancenet.classifier, z[: len(names)]),
                bottleneck=_answer(
                    self.bottleneck.classifier, torch.from_numpy(bottleneck.astype(np.float32))
                ),
                reconstruction=self._decode(z[None])[0],
                corrected=tuple(n for n in names if n in concepts or n in reading.corrected),
            )

    def code(self, kind: str, index: int, value: float | np.ndarray) -> np.ndarray:
        """Concept values in [0, 1] -> z_j of the "glancenet" or "cbnm", within what training reached."""
        low, high = self.fitted.reach[kind][:, index]
        return np.clip(logit(value), low, high)

    def traverse(self, reading: Reading, dimension: str, steps: int = 7) -> np.ndarray:
        """Sweep one dimension (a name of World.dimensions), the others as read: concepts from 0 to 1 in
        equal steps, opaque ones from -2 to 2. uint8 [steps, *World.shape].
        """
        index, ends = self._sweep(dimension, steps)
        z = np.repeat(reading.mu[None], steps, axis=0)
        z[:, index] = ends
        return self._decode(torch.from_numpy(z))

    def grid(self, reading: Reading, across: str, down: str, steps: int = 7) -> np.ndarray:
        """Sweep two dimensions. uint8 [steps (down), steps (across), *World.shape]."""
        z = np.broadcast_to(reading.mu, (steps, steps, len(reading.mu))).copy()
        for dimension, turned in ((across, (1, -1)), (down, (-1, 1))):
            index, ends = self._sweep(dimension, steps)
            z[:, :, index] = ends.reshape(turned)
        pictures = self._decode(torch.from_numpy(z.reshape(steps * steps, -1)))
        return pictures.reshape(steps, steps, *self.world.shape)

    def _sweep(self, dimension: str, steps: int) -> tuple[int, np.ndarray]:
        names = self.world.dimensions
        if dimension not in names:
            raise InputError(f"There is no dimension “{dimension}”.", f"There are {', '.join(names)}.")
        index = names.index(dimension)
        if index < len(self.world.concepts):
            return index, self.code("glancenet", index, np.linspace(0, 1, steps)).astype(np.float32)
        return index, np.linspace(-OPAQUE_REACH, OPAQUE_REACH, steps, dtype=np.float32)

    def _check(self, picture: np.ndarray) -> None:
        if picture.shape != self.world.shape or picture.dtype != np.uint8:
            raise InputError(
                f"This picture does not have the form of {self.world.title}.",
                f"It must have {self.world.side} × {self.world.side} pixels; uploads are made to fit.",
                "Picture",
            )
        if self.world.name == "digits" and picture.max() == 0:
            raise InputError("There is nothing to read yet.", "Draw one digit, large and dark.", "Digit")

    def _tensor(self, picture: np.ndarray) -> Tensor:
        pixels = torch.from_numpy(picture.astype(np.float32)) / 255
        return pixels.permute(2, 0, 1)[None] if self.world.channels == 3 else pixels[None, None]

    @torch.inference_mode()
    def _decode(self, z: Tensor) -> np.ndarray:
        return self._pictures(torch.sigmoid(self.glancenet.decode(z)))

    def _pictures(self, x: Tensor) -> np.ndarray:
        pixels = (x * 255).round().to(torch.uint8).numpy()
        if self.world.channels == 1:
            return pixels[:, 0]
        return np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))

    def _gates(self, seen: osr.Codes) -> tuple[Gate, Gate, Gate]:
        nearest = float((_numpy(seen.distances[0]) / self.fitted.prototypes).min())
        return (
            Gate("reconstruction", float(seen.error[0]), self.fitted.reconstruction),
            Gate("prototype", nearest, 1.0),
            Gate("opaque", float(seen.opaque[0]), self.fitted.opaque),
        )

    def _leaked(self, kind: str, values: np.ndarray) -> np.ndarray:
        second = float(self.fitted.probes[kind].probability(values[None])[0])
        return np.array([1 - second, second])


def logit(value: float | np.ndarray) -> np.ndarray:
    """σ⁻¹, of values in [0, 1]; finite."""
    clipped = np.clip(np.asarray(value, np.float64), 1e-7, 1 - 1e-7)
    return np.log(clipped) - np.log1p(-clipped)


def _answer(classifier: Classifier, z: Tensor) -> Answer:
    """Of concept logits z_J, float [k]."""
    return Answer(
        values=_numpy(torch.sigmoid(z)),
        probabilities=_numpy(classifier(z[None]).softmax(dim=1)[0]),
        contributions=_numpy(classifier.contributions(z[None])[0]),
        bias=_numpy(classifier.dense.bias),
    )


def _numpy(values: Tensor) -> np.ndarray:
    return values.detach().numpy().copy()
