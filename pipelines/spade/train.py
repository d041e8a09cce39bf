"""Train the picture encoder with CutPaste on generated textures, and on magnetic tiles if there.

    python -m pipelines.spade.train [--minutes 9] [--data FOLDER] [--quick]

FOLDER holds magnetic_tile_128.npz; only the training part that evaluate.py fixes is read, without labels.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch.nn import functional

from pipelines.runtime import use_threads
from pipelines.spade.cutpaste import views
from pipelines.spade.encoder import SIDE, Encoder, save
from pipelines.spade.scenarios import tiles
from pipelines.spade.textures import any_texture
from pipelines.weights import ASSETS

TEXTURES = 500
BATCH = 16
"""Pictures a step, each in three views."""
RATE = 2e-3


def gather(folder: Path | None, generator: np.random.Generator, count: int) -> list[Image.Image]:
    """Training pictures: `count` generated textures, and the unlabelled training part of the tiles."""
    pictures = [Image.fromarray(any_texture(generator)).convert("RGB") for _ in range(count)]
    if folder:
        source = tiles(folder)
        pictures += [Image.fromarray(image).convert("RGB") for image in source.images[~source.test]]
    return pictures


def augment(picture: Image.Image, generator: np.random.Generator) -> Image.Image:
    """A random crop at a random scale, mirrored, with another light and now and then another tint."""
    scale = generator.uniform(0.6, 1.0)
    side = max(32, int(scale * min(picture.size)))
    left = int(generator.integers(0, picture.width - side + 1))
    top = int(generator.integers(0, picture.height - side + 1))
    piece = picture.crop((left, top, left + side, top + side)).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    if generator.random() < 0.5:
        piece = ImageOps.mirror(piece)
    if generator.random() < 0.5:
        piece = ImageOps.flip(piece)
    pixels = np.asarray(piece, dtype=np.float32)
    gain = generator.uniform(0.7, 1.3) * (
        generator.uniform(0.8, 1.2, 3) if generator.random() < 0.3 else np.ones(3)
    )
    return Image.fromarray(np.clip(pixels * gain + generator.normal(0, 10), 0, 255).astype(np.uint8))


def train(pictures: list[Image.Image], seconds: float, seed: int) -> tuple[Encoder, int, float]:
    """Train for some seconds with a cosine rate; returns the net, its steps and its last mean accuracy."""
    use_threads(1)
    torch.manual_seed(seed)
    generator = np.random.default_rng(seed)
    net = Encoder()
    optimiser = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=1e-3)
    target = torch.arange(Encoder.CLASSES).repeat(BATCH)
    start, steps, accuracy = time.monotonic(), 0, 1 / 3
    while (share := (time.monotonic() - start) / seconds) < 1:
        for group in optimiser.param_groups:
            group["lr"] = RATE * min(1.0, share / 0.05) * (0.5 + 0.5 * np.cos(np.pi * share))
        chosen = generator.integers(0, len(pictures), BATCH)
        batch = [
            np.asarray(view) for i in chosen for view in views(augment(pictures[i], generator), generator)
        ]
        x = torch.from_numpy(np.stack(batch)).permute(0, 3, 1, 2).float() / 255
        logits = net(x)
        loss = functional.cross_entropy(logits, target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        accuracy = 0.98 * accuracy + 0.02 * float((logits.argmax(1) == target).float().mean())
        steps += 1
        if steps % 100 == 0:
            print(
                f"{time.monotonic() - start:6.0f} s  step {steps}  loss {loss.item():.3f}  right "
                f"{accuracy:.3f}",
                flush=True,
            )
    return net.eval(), steps, accuracy


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument("--data", type=Path, help="folder with magnetic_tile_128.npz")
    parser.add_argument("--quick", action="store_true", help="ten seconds on few textures; nothing is kept")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    pictures = gather(options.data, np.random.default_rng(options.seed), 20 if options.quick else TEXTURES)
    seconds = 10.0 if options.quick else 60 * options.minutes
    net, steps, accuracy = train(pictures, seconds, options.seed)
    print(f"{len(pictures)} pictures, {steps} steps, {accuracy:.3f} of the CutPaste views told apart")
    if not options.quick:
        save(net, ASSETS / "spade" / "encoder.safetensors")


if __name__ == "__main__":
    main()
