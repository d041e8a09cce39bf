"""Train the logic gate networks that ship, on MNIST.

    python -m pipelines.logicgates.train --net {small,fast,large} [--quick] [--minutes M] [--resume DIR]

makes assets/logicgates/<net>.safetensors anew, on one CPU thread, with the fused kernels (needs numba).
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from pipelines.logicgates.augment import Batches, Recipe
from pipelines.logicgates.data import mnist
from pipelines.logicgates.fused import FusedTrainer
from pipelines.logicgates.model import LogicNet, LogicNetConfig
from pipelines.runtime import use_threads
from pipelines.weights import ASSETS, refresh_card

VALIDATION = 5_000
"""Training images held out: recipes are chosen by these, never by the test set."""
REPORT_EVERY = 60.0
"""Seconds between reports and checkpoints."""


RECIPES = {
    # Widths, crop and tau of "small" and "large" are those of the paper's MNIST nets.
    "small": Recipe(
        LogicNetConfig((8_000,) * 6, crop=4, tau=10.0),
        epochs=62, batch=256, learning_rate=0.015, straight_through_from=0.75,
        shift=0.5, slant=2.0, threshold_spread=30.0,
    ),
    "fast": Recipe(
        LogicNetConfig((2_000, 8_000), crop=3, tau=14.0, candidates=(32, 16), seed=1),
        epochs=125, batch=128, learning_rate=0.03, wire_learning_rate=0.1,
        pruning=((0.1, 16), (0.25, 8), (0.5, 4), (0.75, 2)),
        shift=0.7, slant=5.0, elastic=1.0, threshold_spread=40.0,
    ),
    "large": Recipe(
        LogicNetConfig((64_000,) * 6, tau=30.0),
        epochs=62, batch=256, learning_rate=0.015, straight_through_from=0.75,
        shift=0.5, slant=2.0, threshold_spread=30.0,
    ),
}  # fmt: skip


def train(recipe: Recipe, minutes: float | None = None, checkpoint: Path | None = None) -> LogicNet:
    """Train one net and print how it does on the training images held out.

    The schedule runs over `recipe.epochs`, or over `minutes` of wall time when given. `checkpoint` is a
    directory to save to every minute and to go on from.
    """
    order = np.random.default_rng(1234).permutation(60_000)
    held_out, chosen = order[:VALIDATION], order[VALIDATION:]
    net = LogicNet(recipe.config)
    trainer, batches = FusedTrainer(net), Batches(recipe, chosen)
    spent = _resume(trainer, checkpoint) if checkpoint else 0.0
    start = time.monotonic() - spent
    reported = time.monotonic()
    done, counts = 0.0, []
    while done < 1:
        counts.append(_step(recipe, trainer, batches, done))
        elapsed = time.monotonic() - start
        done = elapsed / (60 * minutes) if minutes else trainer.steps / (recipe.epochs * batches.per_epoch)
        if time.monotonic() - reported > REPORT_EVERY or done >= 1:
            loss, right = np.mean(counts, axis=0)
            soft, hard = (_accuracy(trainer, batches, held_out, hard) for hard in (False, True))
            print(
                f"{elapsed:6.0f} s, epoch {trainer.steps / batches.per_epoch:5.1f}: loss {loss:.4f}, "
                f"augmented {right:.4f}, held out {soft:.4f} soft, {hard:.4f} discretised",
                flush=True,
            )
            if checkpoint:
                _save(trainer, checkpoint, elapsed)
            reported, counts = time.monotonic(), []
    return net


def _step(recipe: Recipe, trainer: FusedTrainer, batches: Batches, done: float) -> tuple[float, float]:
    """One step when a share `done` of the training is behind; returns loss and accuracy on the batch."""
    for share, kept in recipe.pruning:
        if done >= share:
            trainer.prune(kept)
    decay = 0.02 + 0.98 * (1 + math.cos(math.pi * done)) / 2
    fade = 1 - 0.7 * max(0.0, done - recipe.fade_from) / (1 - recipe.fade_from)
    x, labels = batches.training(trainer.steps, fade)
    hard = done >= recipe.straight_through_from
    return trainer.step(
        x, labels, decay * recipe.learning_rate, hard=hard, wire_lr=decay * recipe.wire_learning_rate
    )


def _accuracy(trainer: FusedTrainer, batches: Batches, indices: np.ndarray, hard: bool) -> float:
    right = [(trainer.scores(x, hard).argmax(0) == y).mean() for x, y in batches.plain(indices)]
    return float(np.mean(right))


def _save(trainer: FusedTrainer, directory: Path, elapsed: float) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    meta = {"steps": str(trainer.steps), "elapsed": str(elapsed)}
    partial = directory / "partial.safetensors"
    save_file(trainer.state(), partial, metadata=meta)
    partial.replace(directory / "state.safetensors")


def _resume(trainer: FusedTrainer, directory: Path) -> float:
    """Put back what `_save` wrote, if anything; returns the seconds spent so far."""
    path = directory / "state.safetensors"
    if not path.is_file():
        return 0.0
    with safe_open(path, framework="numpy") as file:
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        trainer.restore(state, int(file.metadata()["steps"]))
        return float(file.metadata()["elapsed"])


def main() -> None:
    """The command line of the module's docstring."""
    parser = argparse.ArgumentParser(description="Train a logic gate network on MNIST.")
    parser.add_argument("--net", choices=sorted(RECIPES), required=True)
    parser.add_argument("--quick", action="store_true", help="20 s of training, into a scratch file")
    parser.add_argument("--minutes", type=float, help="wall time, in place of the recipe's epochs")
    parser.add_argument("--resume", type=Path, metavar="DIR", help="save to, and go on from, this directory")
    arguments = parser.parse_args()
    use_threads(1)
    path = ASSETS / "logicgates" / f"{arguments.net}.safetensors"
    minutes = arguments.minutes
    if arguments.quick:
        path, minutes = Path(tempfile.mkdtemp()) / path.name, 1 / 3
    netlist = train(RECIPES[arguments.net], minutes, arguments.resume).to_netlist()
    netlist.save(path)
    if not arguments.quick:
        refresh_card("logicgates")
    images, labels = mnist("test")
    accuracy = (netlist.votes(images).argmax(1) == labels).mean()
    print(f"{path}: {netlist.n_gates:,} gates, {accuracy:.2%} of the 10,000 test images read right")


if __name__ == "__main__":
    main()
