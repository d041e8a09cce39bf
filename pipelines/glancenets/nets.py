"""Shapes and recipes of the embedded networks, and their files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from pipelines.glancenets.method import Weights
from pipelines.glancenets.model import BottleneckNet, GlanceNet, Shape
from pipelines.glancenets.training import Recipe
from pipelines.glancenets.worlds import WORLDS

WIDTHS = {"faces": (16, 32, 64, 128), "digits": (16, 32), "sprites": (8, 16, 32, 64)}
HIDDEN = {"faces": 128, "digits": 64, "sprites": 64}
RECIPES = {
    "faces": Recipe(steps=3000, rate=4e-3, refit=True, weights=Weights(concepts=1000.0, noise=0.3)),
    "digits": Recipe(
        steps=1400, batch=100, rate=3e-3, concepts_alone=0.0, refit=True, weights=Weights(classes=0.0)
    ),
    "sprites": Recipe(steps=1200, rate=4e-3),
}
"""Of the GlanceNets."""
BOTTLENECK_STEPS = {"faces": 1000, "digits": 800, "sprites": 600}
SEEDS = {"faces": (0,), "digits": (0, 1, 2), "sprites": (0, 1, 2)}
"""Seeds that are embedded; the page shows the first."""
KINDS = {"glancenet": GlanceNet, "cbnm": BottleneckNet}


def shape_of(world: str) -> Shape:
    """Sizes of a world's networks."""
    known = WORLDS[world]
    return Shape(
        side=known.side,
        channels=known.channels,
        widths=WIDTHS[world],
        hidden=HIDDEN[world],
        concepts=len(known.concepts),
        opaque=known.opaque,
        classes=len(known.classes),
        prior_deviation=known.prior_deviation,
    )


def recipe_of(world: str, kind: str) -> Recipe:
    """How a world's "glancenet" or "cbnm" is trained: the latter with the same weights, for fewer steps."""
    recipe = RECIPES[world]
    return recipe if kind == "glancenet" else replace(recipe, steps=BOTTLENECK_STEPS[world])


def file_name(world: str, kind: str, seed: int) -> str:
    return f"{world}_{kind}_{seed}.safetensors"


def save(net: GlanceNet | BottleneckNet, path: Path) -> None:
    """Write the weights in half precision."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.half().contiguous() for name, tensor in net.state_dict().items()}, path)


def read(path: Path, world: str, kind: str) -> GlanceNet | BottleneckNet:
    """Read what `save` wrote."""
    net = KINDS[kind](shape_of(world))
    net.load_state_dict({name: tensor.float() for name, tensor in load_file(path).items()})
    return net.eval().requires_grad_(False).to(memory_format=torch.contiguous_format)
