"""One step of training the 3D head generator, and the state that goes from slice to slice."""

from __future__ import annotations

import copy
import math
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipelines.backbones import head3d_points
from pipelines.backbones.head3d_data import Batch, HeadPool, on_backgrounds
from pipelines.backbones.head3d_losses import (
    Window,
    halved,
    judge,
    r1_penalty,
    real_inputs,
    reconstruction_losses,
)
from pipelines.backbones.head3d_model import (
    CONFIGS,
    RENDER_SIZE,
    Config,
    Discriminator,
    Encoder,
    Generator,
    ModulatedConv,
    Pictures,
    PoseNetwork,
)

ENCODED_SHARE = 0.35  # of the persons, whose w comes from the encoder in place of the mapping
LATENT_WEIGHT, POSE_WEIGHT, ADVERSARIAL_WEIGHT = 0.1, 0.5, 0.03
ADVERSARIAL_RATE = 0.25  # of the generator's learning rate, beside a discriminator
STYLE_RATE = 0.25  # of Muon
LATE = 0.6  # share of the schedule after which one point step goes with each rendering
POINT_VIEWS = 3  # that points are taken from; the encoder sees one more
R1_EVERY, R1_GAMMA = 8, 0.5
VIEW_NOISE = 0.1  # radians, on what D is told, so that it cannot learn persons by their exact camera
EMA_HALF_LIFE = 25_000  # pictures, drawn or seen in points
RAMP_STEPS = 100  # of the learning rate after a start without optimiser state


@dataclass(frozen=True)
class TrainSettings:
    """Sizes of a run. `views` of each of `persons` are drawn per step; the encoder sees one more. `window`:
    side in render pixels of what is drawn per picture; 0 draws all of it. Each such step comes with
    `point_steps`, of `point_persons`; with one, late in the schedule.
    """

    config: Config
    discriminator: tuple[int, ...]
    persons: int
    views: int
    window: int
    capacity: int
    start: int
    closing_seconds: float
    point_steps: int = 2
    point_persons: int = 32
    generator_rate: float = 3e-3
    encoder_rate: float = 5e-4
    discriminator_rate: float = 1e-3

    @classmethod
    def for_device(cls, device: str, size: int, quick: bool = False) -> TrainSettings:
        """Whole pictures on a GPU; quarter windows on a CPU."""
        config = CONFIGS[size]
        if quick:
            return cls(
                config, (16, 24, 32), persons=2, views=2, window=16, capacity=4, start=4, closing_seconds=5,
                point_persons=2,
            )  # fmt: skip
        if device == "cuda":
            return cls(
                config, (48, 96, 128, 192, 256), 32, 2, 0, capacity=24_000, start=400, closing_seconds=40
            )
        # Eight persons seen once teach more than four seen twice.
        return cls(
            config, (16, 32, 64, 128), 8, 1, 32, capacity=6_000, start=64, closing_seconds=30,
            point_steps=6, point_persons=16,
        )  # fmt: skip


@dataclass(frozen=True)
class Schedule:
    """Length of training in seconds, or in steps where given.

    The first `small_share` of it draws whole pictures at half size; the first `warm_share` has no
    discriminator.
    """

    seconds: float
    steps: int | None = None
    warm_share: float = 0.5
    small_share: float = 0.0

    def progress(self, step: int, elapsed: float) -> float:
        """Share of the schedule that is done."""
        return min(1.0, step / self.steps if self.steps else elapsed / self.seconds)


def _group(parameters: list[nn.Parameter], rate: float) -> dict[str, Any]:
    return {"params": parameters, "lr": rate, "initial": rate}


class Networks(nn.Module):
    """What is trained and shipped: generator, encoder, pose network."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.generator = Generator(config)
        self.encoder = Encoder()
        self.pose = PoseNetwork()


class Trainer:
    """Networks, their moving average, the discriminator, optimisers, and where in the schedule they are."""

    def __init__(self, settings: TrainSettings, schedule: Schedule, device: str, seed: int) -> None:
        torch.manual_seed(seed)
        self.settings, self.schedule, self.device = settings, schedule, device
        self.networks = Networks(settings.config).to(device)
        self.networks.generator.mapping.measure()
        self.networks.to(memory_format=torch.channels_last)
        self.discriminator = Discriminator(settings.discriminator).to(device)
        self.discriminator.to(memory_format=torch.channels_last)
        self.averaged = copy.deepcopy(self.networks).requires_grad_(False)
        generator = self.networks.generator
        styles = [m.affine.weight for m in generator.modules() if isinstance(m, ModulatedConv)]
        rest = [p for p in generator.parameters() if not any(p is style for style in styles)]
        readers = [*self.networks.encoder.parameters(), *self.networks.pose.parameters()]
        self.optimizer = torch.optim.Adam(
            [_group(rest, settings.generator_rate), _group(readers, settings.encoder_rate)], betas=(0.9, 0.99)
        )
        # What reads w turns in all directions at one pace: those that few pixels hang on, too.
        self.style_optimizer = torch.optim.Muon([_group(styles, STYLE_RATE)], weight_decay=0.0)
        self.discriminator_optimizer = torch.optim.Adam(
            [_group(list(self.discriminator.parameters()), settings.discriminator_rate)], betas=(0.0, 0.99)
        )
        self.step, self.pictures, self.elapsed = 0, 0, 0.0
        self.fresh_steps = 0  # steps since the optimisers were last empty
        self.random = torch.Generator().manual_seed(seed + 1)
        self._timed = (time.monotonic(), 0)

    @property
    def progress(self) -> float:
        """Share of the schedule that is done."""
        return self.schedule.progress(self.step, self.elapsed)

    @property
    def finished(self) -> bool:
        """Whether the schedule has ended."""
        return self.progress >= 1

    @property
    def adversarial(self) -> bool:
        """Whether the discriminator takes part by now."""
        return self.progress >= self.schedule.warm_share

    def train_step(self, pool: HeadPool) -> dict[str, Tensor]:
        """Updates from points, and then one of everything from renderings; returns the losses."""
        begun = time.monotonic()
        self._set_rates()
        for _ in range(1 if self.progress >= LATE else self.settings.point_steps):
            losses_of_points = self._point_step(pool)
        losses = self._render_step(pool)
        self.step += 1
        self.fresh_steps += 1
        self.elapsed += time.monotonic() - begun
        return losses | {f"point_{name}": loss for name, loss in losses_of_points.items()}

    def _render_step(self, pool: HeadPool) -> dict[str, Tensor]:
        """One update of everything from renderings."""
        batch = pool.batch(self.settings.persons, 1 + self.settings.views, self.random)
        small = self.progress < self.schedule.small_share
        window = None if small else self._window()
        with self._autocast():
            pictures, losses = self._reconstruct(batch, window, RENDER_SIZE // 2 if small else RENDER_SIZE)
        views = batch.views[:, 1:].flatten(0, 1)
        views = views + VIEW_NOISE * torch.randn(views.shape, generator=self.random).to(views)
        if self.adversarial:
            losses |= self._train_discriminator(pool, pictures, views, window)
            with self._autocast():
                logits = judge(
                    self.discriminator.requires_grad_(False), pictures.rgba, pictures.raw, views, window
                )
            self.discriminator.requires_grad_(True)
            losses["adversarial"] = ADVERSARIAL_WEIGHT * functional.softplus(-logits).mean()
        self._update(sum(loss for name, loss in losses.items() if not name.startswith("d_")), len(views))
        return losses

    def _point_step(self, pool: HeadPool) -> dict[str, Tensor]:
        """One update of generator and encoder from points of POINT_VIEWS views."""
        batch = pool.batch(self.settings.point_persons, 1 + POINT_VIEWS, self.random)
        with self._autocast():
            seen = on_backgrounds(functional.avg_pool2d(batch.rgba[:, 0], 2), self.random)
            w, losses = self._latents(batch, seen)
            planes = self._planes(w)
            losses |= head3d_points.point_losses(self.networks.generator, planes, batch, self._jitter())
        self._update(sum(losses.values()), len(w) * POINT_VIEWS)
        return losses

    def _update(self, loss: Tensor, pictures: int) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        self.style_optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.networks.parameters(), 1.0)
        self.optimizer.step()
        self.style_optimizer.step()
        self._average(pictures)
        self.pictures += pictures

    def _planes(self, w: Tensor) -> Tensor:
        """In half precision on any device: on a CPU, too, that is where the time goes."""
        with torch.autocast(self.device, torch.bfloat16):
            return self.networks.generator.planes(w).float().contiguous()

    def _latents(self, batch: Batch, seen: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """w [persons, W_DIM], of some persons by their code z, of others as the encoder reads `seen`
        [persons, 3, 64, 64]; and the loss of the encoder's readings.
        """
        mapped = self.networks.generator.mapping(batch.z)
        encoded = self.networks.encoder(seen)
        chosen = torch.rand(len(mapped), 1, generator=self.random).to(mapped.device) < ENCODED_SHARE
        losses = {"latent": LATENT_WEIGHT * functional.mse_loss(encoded.float(), mapped.float())}
        return torch.where(chosen, encoded.to(mapped.dtype), mapped), losses

    def _reconstruct(self, batch: Batch, window: Window, size: int) -> tuple[Pictures, dict[str, Tensor]]:
        """Render the batch's persons from all its views but the first; some from the code z, some from the
        encoder's reading of that first view.
        """
        networks, persons = self.networks, len(batch.z)
        photos = on_backgrounds(functional.avg_pool2d(batch.rgba.flatten(0, 1), 2), self.random)
        w, losses = self._latents(batch, photos.unflatten(0, (persons, -1))[:, 0])
        views = self.settings.views
        planes = self._planes(w).repeat_interleave(views, 0)
        cameras = batch.cam2world[:, 1:].flatten(0, 1)
        pictures = networks.generator.pictures(
            planes, w.repeat_interleave(views, 0), cameras, window, self._jitter(), size
        )
        flat, depth = batch.rgba[:, 1:].flatten(0, 1), batch.depth[:, 1:].flatten(0, 1)
        target = (flat, depth) if size == RENDER_SIZE else (functional.avg_pool2d(flat, 2), halved(depth))
        losses |= reconstruction_losses(pictures, *target, window)
        losses["pose"] = POSE_WEIGHT * functional.l1_loss(
            networks.pose(photos).float(), batch.views.flatten(0, 1)
        )
        return pictures, losses

    def _train_discriminator(
        self, pool: HeadPool, pictures: Pictures, views: Tensor, window: Window
    ) -> dict[str, Tensor]:
        real = pool.batch(self.settings.persons, self.settings.views, self.random)
        real_views = real.views.flatten(0, 1)
        real_views = real_views + VIEW_NOISE * torch.randn(real_views.shape, generator=self.random).to(
            real_views
        )
        rgba = real.rgba.flatten(0, 1)
        with self._autocast():
            fake_logits = judge(
                self.discriminator, pictures.rgba.detach(), pictures.raw.detach(), views, window
            )
            real_logits = judge(self.discriminator, *real_inputs(rgba, window), real_views, window)
        losses = {
            "d_fake": functional.softplus(fake_logits).mean(),
            "d_real": functional.softplus(-real_logits).mean(),
        }
        if self.step % R1_EVERY == 0:
            losses["d_r1"] = (
                R1_GAMMA / 2 * R1_EVERY * r1_penalty(self.discriminator, rgba, real_views, window)
            )
        self.discriminator_optimizer.zero_grad(set_to_none=True)
        sum(losses.values()).backward()
        self.discriminator_optimizer.step()
        return {name: loss.detach() for name, loss in losses.items()}

    def _window(self) -> Window:
        """A random window. Places past the border are moved back to it: a place drawn evenly from those that
        fit would show the picture's border, with its hair and clothes, a tenth as often as its middle.
        """
        side = self.settings.window
        if not side:
            return None
        places = torch.randint(-side // 2, RENDER_SIZE - side // 2 + 1, (2,), generator=self.random)
        top, left = places.clamp(0, RENDER_SIZE - side).tolist()
        return top, left, side

    def _jitter(self) -> torch.Generator:
        """Random numbers for the samples along rays, drawn where they are used, seeded from the run's own."""
        seed = int(torch.randint(2**31, (1,), generator=self.random))
        return torch.Generator(self.device).manual_seed(seed)

    def _autocast(self) -> AbstractContextManager:
        return torch.autocast("cuda", torch.bfloat16) if self.device == "cuda" else nullcontext()

    def _set_rates(self) -> None:
        decay = 0.04 + 0.96 * 0.5 * (1 + math.cos(math.pi * self.progress))
        ramp = min(1.0, (self.fresh_steps + 1) / RAMP_STEPS)
        share = (ADVERSARIAL_RATE if self.adversarial else 1.0) * decay
        for optimizer, factor in (
            (self.optimizer, share),
            (self.style_optimizer, share),
            (self.discriminator_optimizer, 1.0),  # begun late, it has all to learn when the rest slows down
        ):
            for group in optimizer.param_groups:
                group["lr"] = group["initial"] * factor * ramp

    @torch.no_grad()
    def _average(self, pictures: int) -> None:
        half_life = min(EMA_HALF_LIFE, 0.05 * (self.pictures + pictures))
        share = 1 - 0.5 ** (pictures / half_life)
        for mean, value in zip(self.averaged.parameters(), self.networks.parameters(), strict=True):
            mean.lerp_(value, share)

    def report(self, losses: dict[str, Tensor]) -> dict[str, float]:
        """Where training is, how fast since the last report, and the losses."""
        now, (then, before) = time.monotonic(), self._timed
        self._timed = (now, self.pictures)
        return {
            "step": self.step,
            "pictures": self.pictures,
            "minutes": round(self.elapsed / 60, 2),
            "progress": round(self.progress, 4),
            "pictures_per_second": round((self.pictures - before) / max(now - then, 1e-6), 2),
            **{name: round(float(loss.detach()), 4) for name, loss in losses.items()},
        }
