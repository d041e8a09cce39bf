"""Train the embedded text-to-image model, in slices that can be stopped and taken up again.

    python -m pipelines.backbones.diffusion_train --data DIR --out DIR [--size 32|64] [--slice-minutes 10]
    [--quick]

Every slice loads --out/state.pt, trains until its time is over, saves, and writes --out/export/ (weights in
half precision), --out/log.jsonl and a sheet of samples. With a GPU it makes the 64-pixel model, else the
32-pixel one.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pipelines import runtime
from pipelines.backbones import objects, sentences, vocabulary
from pipelines.backbones.diffusion import (
    CONFIGS,
    ConditionedUNet,
    EmbeddedDenoiser,
    UNetConfig,
    load_network,
    loss_weight,
    sample,
    save_network,
)
from pipelines.backbones.diffusion_data import Block, CaptionTable, TrainingSet, caption_texts, load_encoder

SHEET_PROMPTS = (
    "a red sofa",
    "a zebra",
    "a blue chair with white legs",
    "a red mug",
    "a burger",
    "a yellow car",
    "a castle with red roof",
    "a green house",
    "a purple rocket",
    "a pink sports car",
    "a horse",
    "a blue tree",
)
# Half-life of the averaged weights: a share of the images seen, at most so many images.
EMA_SHARE, EMA_MOST = 0.05, 300_000
SAVE_SECONDS, LOG_SECONDS = 150.0, 30.0


@dataclass(frozen=True)
class Recipe:
    """How to train: images per step, peak learning rate, images in all, images rendered at a time, how often
    each rendered image is used, mean and spread of ln σ, rows and columns of the sample sheet, whether only
    the core objects are taught, steps of warm-up, share of the images over which the rate falls."""

    network: UNetConfig
    batch: int
    learning_rate: float
    images: int
    block: int
    reuse: int
    sigma_mean: float
    sigma_spread: float
    sheet: tuple[int, int]
    core: bool
    warm_up: int = 400
    cool_down: float = 0.25


RECIPES = {
    64: Recipe(CONFIGS[64], 512, 1e-3, 5_000_000, 16_384, 2, -0.2, 1.2, (12, 8), False),
    32: Recipe(CONFIGS[32], 32, 6e-4, 500_000, 32, 1, 0.2, 1.4, (12, 6), True),
}
QUICK = Recipe(UNetConfig(32, 2, (32, 64), (False, True)), 8, 5e-4, 10_000, 8, 1, -0.5, 1.2, (2, 2), True)
QUICK_SCENES = 20


class Trainer:
    """Network, averaged weights, optimiser and counters. Step k depends on the seed, k and the state
    alone."""

    def __init__(
        self, recipe: Recipe, data: TrainingSet, device: str, seed: int, compiled: bool = False
    ) -> None:
        torch.manual_seed(seed)
        self.recipe, self.data, self.device, self.seed = recipe, data, device, seed
        self.network = ConditionedUNet(recipe.network).to(device, memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.network).requires_grad_(False).eval()
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(),
            recipe.learning_rate,
            betas=(0.9, 0.99),
            weight_decay=1e-3,
            fused=device == "cuda",
        )
        self.table = data.table.to(device)
        self.forward = torch.compile(self.network) if compiled else self.network
        self.half = runtime.fast_bfloat16(device)
        self.step, self.first_step, self.seconds = 0, 0, 0.0

    @property
    def images(self) -> int:
        """Images seen so far."""
        return self.step * self.recipe.batch

    def save(self, file: Path) -> None:
        """Write everything that the next slice needs, atomically."""
        state = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "counters": {
                "step": self.step,
                "first_step": self.first_step,
                "seconds": self.seconds,
                "seed": self.seed,
            },
        }
        partial = file.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(file)

    def resume(self, file: Path) -> None:
        """Undo save."""
        state = torch.load(file, map_location=self.device, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        counters = state["counters"]
        self.step, self.first_step = counters["step"], counters["first_step"]
        self.seconds, self.seed = counters["seconds"], counters["seed"]
        self.data.seed = self.seed

    def start_from(self, directory: Path) -> None:
        """Go on from exported weights when the full state is lost; the optimiser warms up anew."""
        network, about = load_network(directory)
        self.network.load_state_dict(network.state_dict())
        self.average.load_state_dict(network.state_dict())
        self.step = self.first_step = int(about["images"]) // self.recipe.batch
        self.seconds = float(about["seconds"])

    def train(
        self, seconds: float = math.inf, steps: int | None = None, workers: int = 0, tick=None
    ) -> float:
        """Train until the time, the steps or the recipe's images are used up; returns the last mean loss.

        `tick(loss, images_per_second)` is called every LOG_SECONDS.
        """
        recipe = self.recipe
        per_block = recipe.block // recipe.batch * recipe.reuse
        blocks = self.data.blocks(self.step // per_block, recipe.block, workers)
        start = last = time.monotonic()
        stop_at = min(recipe.images // recipe.batch, math.inf if steps is None else self.step + steps)
        losses: list[Tensor] = []
        mean, before, spent = math.nan, self.step, self.seconds
        block = None
        self.network.train()
        while self.step < stop_at and time.monotonic() - start < seconds:
            if block is None or self.step % per_block == 0:
                block = next(blocks).to(self.device)
            losses.append(self._train_step(block, self.step % per_block))
            self.step += 1
            now = time.monotonic()
            self.seconds = spent + now - start
            if now - last > LOG_SECONDS and tick:
                mean = torch.stack(losses).mean().item()
                tick(mean, (self.step - before) * recipe.batch / (now - last))
                losses, last, before = [], now, self.step
        blocks.close()
        return torch.stack(losses).mean().item() if losses else mean

    def _train_step(self, block: Block, within: int) -> Tensor:
        recipe = self.recipe
        generator = torch.Generator(self.device).manual_seed(self.seed * 1_000_003 + self.step)
        batches = recipe.block // recipe.batch
        # Each pass over a block has its own order, which every step of the pass finds again.
        order = np.random.default_rng([self.seed, self.step // batches]).permutation(recipe.block)
        place = within % batches * recipe.batch
        part = block.rows(torch.from_numpy(order[place : place + recipe.batch]).to(self.device))
        for group in self.optimiser.param_groups:
            group["lr"] = recipe.learning_rate * self._learning_rate_factor()
        loss = diffusion_loss(self.forward, recipe, part, self.table, generator, self.half)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self._update_average()
        return loss.detach()

    def _learning_rate_factor(self) -> float:
        """Linear warm-up, a plateau, and a linear descent over the last part of the images."""
        left = 1 - self.images / self.recipe.images
        rise = (self.step - self.first_step + 1) / self.recipe.warm_up
        return max(min(1.0, rise, left / self.recipe.cool_down), 0.01)

    @torch.no_grad()
    def _update_average(self) -> None:
        half_life = max(min(EMA_MOST, EMA_SHARE * self.images), 1.0)
        weight = 1 - 0.5 ** (self.recipe.batch / half_life)
        torch._foreach_lerp_(list(self.average.parameters()), list(self.network.parameters()), weight)

    @torch.inference_mode()
    def validation_loss(self, block: Block) -> float:
        """Loss of the averaged weights on a fixed block with fixed noise."""
        generator = torch.Generator(self.device).manual_seed(self.seed)
        parts = torch.arange(len(block.images), device=self.device).split(128)
        losses = [
            diffusion_loss(self.average, self.recipe, block.rows(part), self.table, generator, self.half)
            * len(part)
            for part in parts
        ]
        return (torch.stack(losses).sum() / len(block.images)).item()


def diffusion_loss(
    network, recipe: Recipe, part: Block, table: CaptionTable, generator: torch.Generator, half: bool
) -> Tensor:
    """EDM's denoising loss, mean of λ(σ) ‖D(y + σn; σ) - y‖² per value, ln σ normally distributed."""
    device = part.images.device
    y = part.images.float() / 127.5 - 1
    noise = torch.randn(y.shape, generator=generator, device=device)
    spread = torch.randn(len(y), generator=generator, device=device)
    sigma = (recipe.sigma_mean + recipe.sigma_spread * spread).exp().clamp(0.01, 40.0)
    x = y + sigma[:, None, None, None] * noise
    with torch.autocast(device.type, torch.bfloat16, enabled=half):
        clean = network(x, sigma, table.text(part.captions), part.views)
    return (loss_weight(sigma) * (clean - y) ** 2).mean()


def sample_sheet(trainer: Trainer, encoder: sentences.SentenceEncoder, seed: int = 0) -> Image.Image:
    """Samples of the averaged weights: a prompt per row, azimuths from the front round to the right."""
    rows, columns = trainer.recipe.sheet
    denoiser = EmbeddedDenoiser(copy.deepcopy(trainer.average), encoder)
    text = denoiser.encode_text([prompt for prompt in SHEET_PROMPTS[:rows] for _ in range(columns)])
    azimuth = torch.arange(columns).repeat(rows) * (2 * math.pi / columns)
    view = torch.stack([azimuth, torch.full_like(azimuth, 0.35)], dim=1).to(trainer.device)
    steps = 18 if trainer.device == "cuda" else 10
    *_, x = sample(denoiser, text, view, rows * columns, seed, steps)
    pixels = (denoiser.decode(x).cpu() * 255).round().byte().permute(0, 2, 3, 1).numpy()
    size = denoiser.image_size
    sheet = (
        pixels.reshape(rows, columns, size, size, 3)
        .transpose(0, 2, 1, 3, 4)
        .reshape(rows * size, columns * size, 3)
    )
    image = Image.fromarray(np.ascontiguousarray(sheet))
    return image.resize((image.width * 2, image.height * 2), Image.Resampling.NEAREST)


def caption_table(
    texts: list[str], encoder: sentences.SentenceEncoder, file: Path, device: str
) -> CaptionTable:
    """The encoded captions, from the file if they are there."""
    table = CaptionTable.load(texts, file)
    if table is None:
        encoder.model.to(device)
        table = CaptionTable.encode(texts, encoder)
        encoder.model.to("cpu")
        table.save(file)
    return table


def run_slice(arguments: argparse.Namespace, started: float) -> None:
    """One slice: take up, train, save, show."""
    device = runtime.device()
    size = arguments.size or (64 if device == "cuda" else 32)
    recipe = QUICK if arguments.quick else RECIPES[size]
    if arguments.images:
        recipe = Recipe(**{**recipe.__dict__, "images": arguments.images})
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    object_set = objects.load(arguments.data, recipe.core)
    encoder = load_encoder(arguments.data)
    texts = caption_texts(object_set, QUICK_SCENES if arguments.quick else None)
    table = caption_table(texts, encoder, out / "captions.safetensors", device)
    trainer = Trainer(
        recipe, TrainingSet(object_set, table, recipe.network.size, arguments.seed), device, arguments.seed,
        arguments.compile,
    )  # fmt: skip
    if (out / "state.pt").is_file():
        trainer.resume(out / "state.pt")
    elif arguments.start:
        trainer.start_from(arguments.start)
    parameters = sum(p.numel() for p in trainer.network.parameters())
    kind = "bfloat16" if trainer.half else "float32"
    print(
        f"{size} px, {parameters / 1e6:.1f} M parameters, {device} {kind}, {len(texts)} captions, "
        f"step {trainer.step}, {trainer.images} images; ready in {time.monotonic() - started:.0f} s",
        flush=True,
    )
    saved = time.monotonic()

    def tick(loss: float, speed: float) -> None:
        nonlocal saved
        print(f"step {trainer.step} images {trainer.images} loss {loss:.4f} {speed:.1f} images/s", flush=True)
        if time.monotonic() - saved > SAVE_SECONDS:
            trainer.save(out / "state.pt")
            saved = time.monotonic()

    closing = 5.0 if arguments.quick else 20.0 if device == "cuda" else 60.0
    left = (0.3 if arguments.quick else arguments.slice_minutes) * 60 - closing - (time.monotonic() - started)
    steps_before, begun = trainer.step, time.monotonic()
    loss = trainer.train(left, workers=arguments.workers if device == "cuda" else 0, tick=tick)
    speed = (trainer.step - steps_before) * recipe.batch / (time.monotonic() - begun)
    trainer.save(out / "state.pt")
    report = {
        "size": size,
        "device": device,
        "step": trainer.step,
        "images": trainer.images,
        "seconds": round(trainer.seconds, 1),
        "images_per_second": round(speed, 1),
        "loss": loss,
        "validation_loss": trainer.validation_loss(
            trainer.data.block(-1, 8 if arguments.quick else 256).to(device)
        ),
    }
    exported = save_network(trainer.average, out / "export", report)
    vocabulary.of(object_set).save(out / "export")
    sample_sheet(trainer, encoder).save(out / f"sheet-{trainer.images:08d}.png")
    report |= {
        "megabytes": round(exported / 1e6, 2),
        "finished": trainer.images >= recipe.images - recipe.batch,
    }
    with (out / "log.jsonl").open("a", encoding="utf-8") as log:
        log.write(json.dumps(report) + "\n")
    print(json.dumps(report), flush=True)


def main() -> None:
    started = time.monotonic()
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--data", type=Path, required=True, help="meshes: captions.csv and glb/, or a pack of them"
    )
    parser.add_argument("--out", type=Path, required=True, help="state, exported weights, log, sample sheets")
    parser.add_argument("--size", type=int, choices=sorted(RECIPES), help="picture side; default by device")
    parser.add_argument(
        "--slice-minutes", type=float, default=10.0, help="stop in time for this, all included"
    )
    parser.add_argument("--images", type=int, help="images in all, instead of the recipe's")
    parser.add_argument("--start", type=Path, help="exported weights to go on from if --out has no state")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=runtime.cpu_count(), help="torch's threads on a CPU")
    parser.add_argument(
        "--workers", type=int, default=max(1, (os.cpu_count() or 2) - 1), help="render threads, GPU"
    )
    parser.add_argument("--compile", action="store_true", help="torch.compile the network")
    parser.add_argument("--quick", action="store_true", help="a tiny network for half a minute")
    arguments = parser.parse_args()
    runtime.use_threads(arguments.threads)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    run_slice(arguments, started)


if __name__ == "__main__":
    main()
