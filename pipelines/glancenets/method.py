"""The paper's method: the objective (section 3 of the paper), term by term."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from pipelines.glancenets.model import BottleneckNet, GlanceNet


@dataclass(frozen=True)
class Weights:
    """Weights of the objective's terms, and the noise of p(x | z)."""

    beta: float = 1.0
    """Of the KL divergence."""
    classes: float = 100.0
    """λ, of the label's log likelihood."""
    concepts: float = 100.0
    """γ, of concept supervision."""
    noise: float = 0.0
    """Standard deviation of a Gaussian p(x | z); 0: Bernoulli pixels."""


@dataclass(frozen=True)
class Terms:
    """Means over a batch, each to be minimised; nats."""

    reconstruction: Tensor
    divergence: Tensor
    label: Tensor
    concepts: Tensor

    def total(self, weights: Weights) -> Tensor:
        """-L: what training minimises."""
        return (
            self.reconstruction
            + weights.beta * self.divergence
            + weights.classes * self.label
            + weights.concepts * self.concepts
        )


def divergence(mean: Tensor, log_variance: Tensor, prior_mean: Tensor, prior_deviation: Tensor) -> Tensor:
    """KL(N(mean, exp(log_variance)) || N(prior_mean, prior_deviation²)) per example, float [n], in nats."""
    log_ratio = log_variance - 2 * prior_deviation.log()
    distance = (mean - prior_mean) / prior_deviation
    return 0.5 * (log_ratio.exp() + distance.square() - 1 - log_ratio).sum(dim=1)


def reconstruction(logits: Tensor, x: Tensor, noise: float) -> Tensor:
    """-log p(x | z) per example, float [n], without constants: Bernoulli pixels, or Gaussian ones around
    the logits' sigmoid."""
    if noise:
        return (torch.sigmoid(logits) - x).square().flatten(1).sum(dim=1) / (2 * noise**2)
    return functional.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(dim=1)


def supervision(z: Tensor, concepts: Tensor, labelled: Tensor) -> Tensor:
    """Ω: cross-entropy of σ(z_J) to the concepts in [0, 1], summed over concepts, mean over the labelled.

    z [n, >= k], concepts [n, k], labelled bool [n]. 0 if nothing is labelled.
    """
    loss = functional.binary_cross_entropy_with_logits(
        z[:, : concepts.shape[1]], concepts, reduction="none"
    ).sum(dim=1)
    return (loss * labelled).sum() / labelled.sum().clamp(min=1)


def sample_code(mean: Tensor, log_variance: Tensor, generator: torch.Generator) -> Tensor:
    """z ~ q(z | x), reparametrised."""
    noise = torch.randn(mean.shape, generator=generator)
    return mean + noise * (0.5 * log_variance).exp()


def glancenet_terms(
    net: GlanceNet,
    x: Tensor,
    y: Tensor,
    concepts: Tensor,
    labelled: Tensor,
    noise: float,
    generator: torch.Generator,
    opaque: bool = True,
) -> Terms:
    """The GlanceNet's objective on a batch: x [n, channels, side, side], y int [n], concepts [n, k].

    Without `opaque` the decoder sees concepts alone: so training starts, lest opaque dimensions take over
    what concepts can say.
    """
    mean, log_variance = (part.float() for part in net.encode(x))
    z = sample_code(mean, log_variance, generator)
    k = net.shape.concepts
    seen = z if opaque else functional.pad(z[:, :k], (0, net.shape.opaque))
    return Terms(
        reconstruction(net.decode(seen).float(), x, noise).mean(),
        divergence(mean, log_variance, net.prior_mean(y), net.prior_deviation()).mean(),
        functional.cross_entropy(net.classifier(z).float(), y),
        supervision(z, concepts, labelled),
    )


def bottleneck_terms(net: BottleneckNet, x: Tensor, y: Tensor, concepts: Tensor, labelled: Tensor) -> Terms:
    """The CBNM's: label and concepts alone, by the same weights as the GlanceNet's."""
    z = net.encode(x).float()
    nothing = torch.zeros(())
    return Terms(
        nothing,
        nothing,
        functional.cross_entropy(net.classifier(z).float(), y),
        supervision(z, concepts, labelled),
    )
