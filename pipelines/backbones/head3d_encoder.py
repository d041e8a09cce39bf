"""`python -m pipelines.backbones.head3d_encoder --data DIR --out DIR`: train the encoder of trained 3D heads.

Beside the generator (head3d_train) it meets too few persons to read a face's shape off one picture: that
takes tens of thousands, each from one side. The generator is done by then and is not asked: w is the person's
description, so a picture and its person are all there is to learn from.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from pipelines.backbones.head3d_checkpoint import load_weights, save_weights
from pipelines.backbones.head3d_data import ENCODER, HeadPool, load_kit, on_backgrounds
from pipelines.backbones.head3d_kit import Kit
from pipelines.backbones.head3d_model import W_DIM, Encoder, MappingNetwork
from pipelines.backbones.head3d_person import IDENTITY_MODES
from pipelines.runtime import cpu_count, device, use_threads

BATCH = 48
RATE, WEIGHT_DECAY, RAMP_STEPS = 1.2e-3, 0.05, 100
AVERAGED_STEPS = 400  # how far the moving average reaches back
REPORT_SECONDS = 20.0


def entry_weights(kit: Kit) -> Tensor:
    """What an error in each entry of w counts, float32 [W_DIM], 0 to 1.

    An identity mode counts by how far it moves the face; the others count as much as the largest mode. Most
    modes move it by less than a tenth of a pixel, and cannot be read off a picture.
    """
    face = kit.region <= 1
    moved = torch.from_numpy(kit.identity.reshape(IDENTITY_MODES, -1, 3)[:, face]).square().sum(2).mean(1)
    weights = torch.ones(W_DIM)
    weights[:IDENTITY_MODES] = (moved / moved.max()).sqrt()
    return weights


class EncoderTrainer:
    """An encoder from scratch, its moving average, and one step of its training."""

    def __init__(self, mapping: MappingNetwork, weights: Tensor, device: str, seed: int) -> None:
        torch.manual_seed(seed)
        self.mapping, self.weights, self.device = mapping.to(device), weights.to(device), device
        self.encoder = Encoder().to(device, memory_format=torch.channels_last)
        self.averaged = copy.deepcopy(self.encoder).requires_grad_(False)
        self.optimizer = torch.optim.AdamW(
            self.encoder.parameters(), lr=RATE, betas=(0.9, 0.98), weight_decay=WEIGHT_DECAY
        )
        self.random = torch.Generator().manual_seed(seed + 1)
        self.step = 0

    def train_step(self, pool: HeadPool, progress: float) -> Tensor:
        """One update on BATCH persons; `progress` 0..1 lowers the learning rate. Returns the loss."""
        batch = pool.batch(BATCH, 1, self.random)
        pictures = on_backgrounds(functional.avg_pool2d(batch.rgba[:, 0], 2), self.random)
        rate = RATE * min(1.0, (self.step + 1) / RAMP_STEPS) * 0.5 * (1 + math.cos(math.pi * progress))
        self.optimizer.param_groups[0]["lr"] = rate
        with torch.autocast(self.device, torch.bfloat16):
            found = self.encoder(pictures.contiguous(memory_format=torch.channels_last))
        error = (found.float() - self.mapping(batch.z)).square()
        loss = (error * self.weights).mean() / self.weights.mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.step += 1
        self._average()
        return loss.detach()

    @torch.no_grad()
    def _average(self) -> None:
        share = 1 / min(AVERAGED_STEPS, 1 + self.step / 10)
        for mean, value in zip(self.averaged.parameters(), self.encoder.parameters(), strict=True):
            mean.lerp_(value, share)


def train(trainer: EncoderTrainer, pool: HeadPool, minutes: float, steps: int | None) -> None:
    """Train for so many minutes, or for `steps`."""
    begun, reported = time.monotonic(), 0.0
    while (progress := trainer.step / steps if steps else (time.monotonic() - begun) / (60 * minutes)) < 1:
        loss = trainer.train_step(pool, progress)
        if time.monotonic() - reported > REPORT_SECONDS:
            reported = time.monotonic()
            line = {"step": trainer.step, "loss": round(loss.item(), 4), "pool": pool.filled}
            print(json.dumps(line | {"progress": round(progress, 3)}), flush=True)


def main(arguments: list[str] | None = None) -> None:
    """Put a new encoder into the weights in --out."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with heads.npz")
    parser.add_argument("--out", type=Path, required=True, help="folder with head3d.safetensors")
    parser.add_argument("--minutes", type=float, default=90)
    parser.add_argument("--persons", type=int, default=40_000, help="40,000 take 3 GB of memory")
    parser.add_argument("--workers", type=int, default=max(1, cpu_count() - 1))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="a smoke run of a few steps")
    args = parser.parse_args(arguments)
    use_threads(args.threads)
    kit_path, path = args.data / "heads.npz", args.out / "head3d.safetensors"
    networks, directions = load_weights(path)
    weights = entry_weights(load_kit(str(kit_path)))
    trainer = EncoderTrainer(networks.generator.mapping, weights, device(), args.seed)
    pool = HeadPool(
        kit_path, device(), args.persons, 4 if args.quick else 2_000, 0 if args.quick else args.workers,
        stream=ENCODER, views=1,
    )  # fmt: skip
    try:
        train(trainer, pool, args.minutes, steps=4 if args.quick else None)
    finally:
        pool.close()
    networks.encoder = trainer.averaged
    partial = path.with_suffix(".partial")
    save_weights(networks, torch.stack(list(directions.values())), partial)
    partial.replace(path)


if __name__ == "__main__":
    main()
