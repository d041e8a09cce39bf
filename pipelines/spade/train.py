"""Train the picture encoder with CutPaste on generated textures, and on magnetic tiles if there.

    python -m pipelines.spade.train [--minutes 9] [--data FOLDER] [--quick] [--out FILE]

FOLDER holds magnetic_tile_128.npz; only the training part that evaluate.py fixes is read, without labels.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from pipelines.runtime import use_threads
from pipelines.spade.cutpaste import paste
from pipelines.spade.encoder import GRID, SIDE, Encoder, save
from pipelines.spade.scenarios import tiles
from pipelines.spade.textures import any_texture
from pipelines.weights import ASSETS

TEXTURES = 500
BATCH = 16
RATE = 3e-3
MOST_PIECES = 3
COVERED = 0.08
"""Share of a cell that a piece covers at least where the cell counts as pasted."""
UNTOUCHED = 0.01
"""Share below which it counts as not pasted; between the two it is not asked."""
POSITIVE = 2.0
"""Weight of pasted cells, which are few."""


def gather(folder: Path | None, generator: np.random.Generator, count: int) -> list[Image.Image]:
    """Training pictures: `count` generated textures, and the unlabelled training part of the tiles."""
    pictures = [Image.fromarray(any_texture(generator)).convert("RGB") for _ in range(count)]
    if folder:
        source = tiles(folder)
        pictures += [Image.fromarray(image).convert("RGB") for image in source.images[~source.test]]
    return pictures


def augment(picture: Image.Image, generator: np.random.Generator) -> np.ndarray:
    """A random crop at a random scale, mirrored, with another light and now and then another tint, uint8."""
    side = max(32, round(generator.uniform(0.7, 1.0) * min(picture.size)))
    left = int(generator.integers(0, picture.width - side + 1))
    top = int(generator.integers(0, picture.height - side + 1))
    box = (left, top, left + side, top + side)
    pixels = np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BILINEAR, box), dtype=np.float32)
    pixels = pixels[:: generator.choice((-1, 1)), :: generator.choice((-1, 1))]
    if generator.random() < 0.3:
        pixels = pixels.swapaxes(0, 1)
    tint = generator.uniform(0.8, 1.2, 3) if generator.random() < 0.1 else np.ones(3)
    pixels = pixels * generator.uniform(0.7, 1.3) * tint + generator.normal(0, 10)
    return np.clip(pixels, 0, 255).astype(np.uint8)


def sample(pictures: list[Image.Image], generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A picture with up to three pieces pasted, uint8 [128, 128, 3], and its share of each cell."""
    picture, other = (augment(pictures[generator.integers(len(pictures))], generator) for _ in range(2))
    cover = np.zeros((SIDE, SIDE), dtype=np.float32)
    for _ in range(generator.integers(0, MOST_PIECES + 1)):
        source = other if generator.random() < 0.3 else picture
        picture, mask = paste(picture, source, generator)
        cover = np.maximum(cover, mask)
    cell = SIDE // GRID
    return picture, cover.reshape(GRID, cell, GRID, cell).mean(axis=(1, 3))


def dense_loss(logits: torch.Tensor, cover: torch.Tensor) -> torch.Tensor:
    """CutPaste's loss per cell: cross-entropy, without the cells that a piece hardly touches."""
    target = (cover >= COVERED).float()
    counted = (cover >= COVERED) | (cover < UNTOUCHED)
    weight = counted.float() * (1 + (POSITIVE - 1) * target)
    loss = functional.binary_cross_entropy_with_logits(logits, target, weight, reduction="sum")
    return loss / weight.sum()


def train(pictures: list[Image.Image], seconds: float, seed: int) -> tuple[Encoder, int, float]:
    """Train for some seconds with a cosine rate; returns the net, its steps and its last mean loss."""
    use_threads(1)
    torch.manual_seed(seed)
    generator = np.random.default_rng(seed)
    net = Encoder()
    optimiser = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=1e-3)
    start, steps, mean_loss = time.process_time(), 0, 0.7
    while (share := (time.process_time() - start) / seconds) < 1:
        for group in optimiser.param_groups:
            group["lr"] = RATE * min(1.0, share / 0.05) * (0.5 + 0.5 * np.cos(np.pi * share))
        images, covers = zip(*(sample(pictures, generator) for _ in range(BATCH)), strict=True)
        x = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255
        loss = dense_loss(net(x), torch.from_numpy(np.stack(covers)))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        mean_loss = 0.98 * mean_loss + 0.02 * loss.item()
        steps += 1
        if steps % 100 == 0:
            print(f"{time.process_time() - start:6.0f} s  step {steps}  loss {mean_loss:.4f}", flush=True)
    return net.eval(), steps, mean_loss


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=9.0, help="processor time")
    parser.add_argument("--data", type=Path, help="folder with magnetic_tile_128.npz")
    parser.add_argument("--quick", action="store_true", help="ten seconds on few textures; nothing is kept")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=ASSETS / "spade" / "encoder.safetensors")
    options = parser.parse_args()
    pictures = gather(options.data, np.random.default_rng(options.seed), 20 if options.quick else TEXTURES)
    seconds = 10.0 if options.quick else 60 * options.minutes
    net, steps, loss = train(pictures, seconds, options.seed)
    print(f"{len(pictures)} pictures, {steps} steps, loss per cell {loss:.4f}")
    if not options.quick:
        save(net, options.out)


if __name__ == "__main__":
    main()
