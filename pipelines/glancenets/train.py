"""Train the embedded networks of a world.

python -m pipelines.glancenets.train faces
python -m pipelines.glancenets.train digits --data FOLDER   # of MNIST's four .gz files
python -m pipelines.glancenets.train sprites [--quick]

`fit` comes next: thresholds and probes belong to the weights. With --quick nothing is kept.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import torch

from pipelines.glancenets.datasets import training
from pipelines.glancenets.nets import KINDS, SEEDS, file_name, recipe_of, save, shape_of
from pipelines.glancenets.training import train
from pipelines.glancenets.worlds import WORLDS
from pipelines.runtime import use_threads
from pipelines.weights import ASSETS

QUICK_STEPS = 20


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("world", choices=WORLDS)
    parser.add_argument("--data", type=Path, help="folder of MNIST's .gz files, for digits")
    parser.add_argument("--out", type=Path, default=ASSETS / "glancenets", help="where the weights go")
    parser.add_argument("--kind", choices=KINDS, help="one of the two networks only")
    parser.add_argument("--quick", action="store_true", help="a few steps, to see that it runs")
    arguments = parser.parse_args()
    use_threads(1)
    if arguments.quick:
        with tempfile.TemporaryDirectory(prefix="nine-papers-") as folder:
            train_world(arguments, Path(folder))
    else:
        train_world(arguments, arguments.out)


def train_world(arguments: argparse.Namespace, folder: Path) -> None:
    """Train every seed of the networks that are asked for, and save them there."""
    pictures = training(arguments.world, arguments.data)
    print(f"{len(pictures.x):,} pictures", flush=True)
    for kind in [arguments.kind] if arguments.kind else KINDS:
        recipe = recipe_of(arguments.world, kind)
        if arguments.quick:
            recipe = replace(recipe, steps=QUICK_STEPS)
        for seed in SEEDS[arguments.world]:
            net = train(KINDS[kind], shape_of(arguments.world), pictures, recipe, seed, report)
            save(
                net.to(memory_format=torch.contiguous_format),
                folder / file_name(arguments.world, kind, seed),
            )


def report(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
