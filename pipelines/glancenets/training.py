"""One loop for both networks of every world."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice

import torch
from torch import Tensor, nn

from pipelines.glancenets.method import Terms, Weights, bottleneck_terms, glancenet_terms
from pipelines.glancenets.model import BottleneckNet, GlanceNet, Shape
from pipelines.runtime import fast_bfloat16

LABELLED = 0.25
"""Least share of a batch whose concepts are labelled; a random batch would often hold none at 1 %."""


@dataclass(frozen=True)
class Pictures:
    """A training set."""

    x: Tensor
    """uint8 [n, channels, side, side]."""
    y: Tensor
    """int64 [n], classes."""
    concepts: Tensor
    """float [n, k] in [0, 1]."""

    def part(self, chosen: slice | Tensor) -> Pictures:
        return Pictures(self.x[chosen], self.y[chosen], self.concepts[chosen])


@dataclass(frozen=True)
class Recipe:
    """How a network is trained."""

    steps: int
    batch: int = 64
    rate: float = 2e-3
    """Peak of the one-cycle learning rate."""
    supervision: float = 1.0
    """Share of the pictures whose concepts are labelled."""
    concepts_alone: float = 0.15
    """Share of the steps, the first ones, in which the decoder sees no opaque dimension."""
    refit: bool = False
    """Whether the dense layer is fitted once more, alone, to the finished codes."""
    weights: Weights = field(default_factory=Weights)


def train(
    kind: type[GlanceNet] | type[BottleneckNet],
    shape: Shape,
    pictures: Pictures,
    recipe: Recipe,
    seed: int,
    say: Callable[[str], None] = print,
) -> GlanceNet | BottleneckNet:
    """Train a network from scratch with Adam; the labelled part is drawn from `seed`, the same for both."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    net = kind(shape).to(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(net.parameters(), recipe.rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.rate, recipe.steps, pct_start=0.1)
    labelled = labelled_part(len(pictures.x), recipe.supervision, seed)
    everyone, known = _shuffled(torch.arange(len(pictures.x)), generator), None
    if recipe.supervision < LABELLED:
        known = _shuffled(labelled.nonzero()[:, 0], generator)
    start = time.monotonic()
    for step in range(recipe.steps):
        batch = _take(everyone, known, recipe.batch)
        opaque = step >= recipe.concepts_alone * recipe.steps
        terms = _terms(net, pictures.part(batch), labelled[batch], recipe, generator, opaque)
        optimiser.zero_grad()
        terms.total(recipe.weights).backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1000.0)
        optimiser.step()
        schedule.step()
        if step % 500 == 0 or step == recipe.steps - 1:
            say(f"{kind.__name__} {step:6} {_report(terms)} {time.monotonic() - start:.0f} s")
    net.eval()
    if recipe.refit:
        fit_classifier(net, pictures)
    return net


def fit_classifier(net: GlanceNet | BottleneckNet, pictures: Pictures, steps: int = 600) -> None:
    """Fit the dense layer alone, to the labels, by fixed mean codes of all pictures."""
    with torch.inference_mode():
        codes = torch.cat([concept_codes(net, x) for x in pictures.x.split(256)])
    codes = codes.clone()
    optimiser = torch.optim.Adam(net.classifier.parameters(), 0.05)
    for _ in range(steps):
        optimiser.zero_grad()
        nn.functional.cross_entropy(net.classifier(codes), pictures.y).backward()
        optimiser.step()


def concept_codes(net: GlanceNet | BottleneckNet, x: Tensor) -> Tensor:
    """Mean z_J, float [n, k], of pictures uint8."""
    code = net.encode(x.float() / 255)
    return (code[0] if isinstance(net, GlanceNet) else code)[:, : net.shape.concepts]


def _shuffled(indices: Tensor, generator: torch.Generator) -> Iterator[int]:
    """Endlessly, in a new order each time round."""
    while True:
        yield from indices[torch.randperm(len(indices), generator=generator)].tolist()


def _take(everyone: Iterator[int], known: Iterator[int] | None, size: int) -> Tensor:
    """Indices of a batch; where labels are few, a LABELLED part of it has them."""
    few = round(LABELLED * size) if known else 0
    return torch.tensor([*islice(everyone, size - few), *islice(known or (), few)])


def labelled_part(count: int, share: float, seed: int) -> Tensor:
    """bool [count]: which pictures have concept labels, exactly round(share · count) of them."""
    chosen = torch.randperm(count, generator=torch.Generator().manual_seed(1000 + seed))
    mask = torch.zeros(count, dtype=torch.bool)
    mask[chosen[: round(share * count)]] = True
    return mask


def _terms(
    net: nn.Module,
    batch: Pictures,
    labelled: Tensor,
    recipe: Recipe,
    generator: torch.Generator,
    opaque: bool,
) -> Terms:
    x = batch.x.to(memory_format=torch.channels_last).float() / 255
    with torch.autocast("cpu", torch.bfloat16, enabled=fast_bfloat16("cpu")):
        if isinstance(net, GlanceNet):
            noise = recipe.weights.noise
            return glancenet_terms(net, x, batch.y, batch.concepts, labelled, noise, generator, opaque)
        return bottleneck_terms(net, x, batch.y, batch.concepts, labelled)


def _report(terms: Terms) -> str:
    return (
        f"rec {terms.reconstruction:.1f} kl {terms.divergence:.2f} "
        f"label {terms.label:.3f} concepts {terms.concepts:.3f}"
    )
