"""The networks: one convolutional encoder, its mirrored decoder, one dense classifier.

k concepts z_J come first in a code z; the `opaque` dimensions follow, and only the decoder sees them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Shape:
    """Sizes of both networks of a world."""

    side: int
    channels: int
    widths: tuple[int, ...]
    """Channels after each convolution (kernel 4, stride 2), so the side is halved that often."""
    hidden: int
    concepts: int
    opaque: int
    classes: int
    prior_deviation: float = 1.0

    @property
    def small(self) -> tuple[int, int, int]:
        """Channels, height and width after the last convolution."""
        side = self.side >> len(self.widths)
        return self.widths[-1], side, side

    @property
    def flat(self) -> int:
        channels, height, width = self.small
        return channels * height * width


def _encoder(shape: Shape, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, width in zip((shape.channels, *shape.widths), shape.widths, strict=False):
        layers += [nn.Conv2d(inputs, width, 4, 2, 1), nn.BatchNorm2d(width), nn.ReLU()]
    layers += [nn.Flatten(), nn.Linear(shape.flat, shape.hidden), nn.ReLU(), nn.Linear(shape.hidden, outputs)]
    return nn.Sequential(*layers)


def _decoder(shape: Shape) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Linear(shape.concepts + shape.opaque, shape.hidden),
        nn.ReLU(),
        nn.Linear(shape.hidden, shape.flat),
        nn.ReLU(),
        nn.Unflatten(1, shape.small),
    ]
    widths = (*reversed(shape.widths), shape.channels)
    for inputs, width in pairwise(widths):
        layers += [nn.ConvTranspose2d(inputs, width, 4, 2, 1), nn.BatchNorm2d(width), nn.ReLU()]
    return nn.Sequential(*layers[:-2])


class Classifier(nn.Module):
    """p(y | z_J) = softmax(W tanh(z_J / 2) + b): one dense layer.

    The paper writes W z_J; tanh(z / 2) = 2 σ(z) - 1, as in the authors' code, keeps a concept that is
    all but certain from outvoting the others.
    """

    def __init__(self, concepts: int, classes: int) -> None:
        super().__init__()
        self.dense = nn.Linear(concepts, classes)

    def forward(self, z: Tensor) -> Tensor:
        """Logits float [n, classes] of codes whose first k dimensions are concepts."""
        return self.dense(torch.tanh(z[:, : self.dense.in_features] / 2))

    def contributions(self, z: Tensor) -> Tensor:
        """float [n, classes, k]: w_yj tanh(z_j / 2). With the bias they sum to the logits."""
        return self.dense.weight * torch.tanh(z[:, None, : self.dense.in_features] / 2)


class GlanceNet(nn.Module):
    """Encoder q(z | x), decoder p(x | z), classifier p(y | z_J), prior p(z | y) with learnt prototypes."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.encoder = _encoder(shape, 2 * (shape.concepts + shape.opaque))
        self.decoder = _decoder(shape)
        self.classifier = Classifier(shape.concepts, shape.classes)
        self.prototypes = nn.Parameter(torch.zeros(shape.classes, shape.concepts))

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures float [n, channels, side, side] in [0, 1] -> mean and log variance, [n, k + opaque]."""
        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        return mean, log_variance.clamp(-12, 6)

    def decode(self, z: Tensor) -> Tensor:
        """Codes -> logits of pictures, float [n, channels, side, side]; their sigmoid is the picture."""
        return self.decoder(z)

    def prior_mean(self, y: Tensor) -> Tensor:
        """Means of p(z | y), float [n, k + opaque]: the class's prototype, 0 for opaque dimensions."""
        return nn.functional.pad(self.prototypes[y], (0, self.shape.opaque))

    def prior_deviation(self) -> Tensor:
        """Standard deviations of p(z | y), float [k + opaque]."""
        deviation = torch.ones(self.shape.concepts + self.shape.opaque)
        deviation[: self.shape.concepts] = self.shape.prior_deviation
        return deviation


class BottleneckNet(nn.Module):
    """The concept-bottleneck network (CBNM): the same encoder and classifier, no prior and no decoder."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.encoder = _encoder(shape, shape.concepts)
        self.classifier = Classifier(shape.concepts, shape.classes)

    def encode(self, x: Tensor) -> Tensor:
        """Pictures float [n, channels, side, side] in [0, 1] -> concept logits z_J, [n, k]."""
        return self.encoder(x)
