"""A pool of made-up persons seen from several sides, rendered by worker processes while training runs.

Persons are numbered within a stream; a stream's number is part of the seed, so training, held-out, judge and
encoder persons never mix. Person, views and pictures follow from (stream, index) alone.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pipelines.backbones.head3d_camera import Camera, cam2world
from pipelines.backbones.head3d_kit import Kit
from pipelines.backbones.head3d_person import ATTRIBUTES, Z_DIM, Persons, sample_views
from pipelines.backbones.head3d_portrait import Sitter
from pipelines.runtime import load_once

TRAIN, HELD_OUT, JUDGE, ENCODER = 0, 1, 2, 3  # streams
SIZE = 128
VIEWS = 4
CHUNK = 4  # persons per task of a worker


@load_once
def load_kit(path: str) -> Kit:
    """The kit of a path, once per process."""
    return Kit(Path(path))


def person_code(stream: int, index: int) -> np.ndarray:
    """The Gaussian code of a person, float64 [Z_DIM]."""
    return np.random.default_rng([stream, index]).standard_normal(Z_DIM)


def shoot(kit_path: str, stream: int, indices: list[int], views: int = VIEWS) -> Persons:
    """Render persons of a stream, each from `views` sides."""
    kit = load_kit(kit_path)
    result = _empty(len(indices), views)
    for row, index in enumerate(indices):
        z = person_code(stream, index)
        sitter = Sitter(kit, z)
        result.z[row], result.labels[row] = z, sitter.labels
        result.views[row] = sample_views(np.random.default_rng([stream, index, 1]), views)
        for v, (yaw, pitch) in enumerate(result.views[row]):
            portrait = sitter.portrait(Camera(float(yaw), float(pitch)), SIZE)
            result.rgba[row, v] = portrait.rgba.transpose(2, 0, 1)
            result.depth[row, v] = halve_depth(portrait.depth)
    return result


def halve_depth(depth: np.ndarray) -> np.ndarray:
    """Depth [2s, 2s] -> [s, s]: the mean of four pixels, 0 unless all four are covered."""
    fours = depth.reshape(depth.shape[0] // 2, 2, -1, 2)
    return np.where((fours > 0).all((1, 3)), fours.mean((1, 3)), 0).astype(np.float16)


def _empty(count: int, views: int) -> Persons:
    return Persons(
        z=np.zeros((count, Z_DIM), np.float32),
        labels=np.zeros((count, len(ATTRIBUTES)), np.float32),
        views=np.zeros((count, views, 2), np.float32),
        rgba=np.zeros((count, views, 4, SIZE, SIZE), np.uint8),
        depth=np.zeros((count, views, SIZE // 2, SIZE // 2), np.float16),
    )


@dataclass(frozen=True)
class Batch:
    """b persons from v views on the training device. z [b, Z_DIM]; labels [b, 7]; views [b, v, 2];
    cam2world [b, v, 4, 4]; rgba float [b, v, 4, 128, 128] in 0..1, colour times alpha; depth float [b, v,
    64, 64]."""

    z: Tensor
    labels: Tensor
    views: Tensor
    cam2world: Tensor
    rgba: Tensor
    depth: Tensor


class HeadPool:
    """Up to `capacity` persons in memory, each from `views` sides. `start` of them are rendered before
    training begins, the rest beside it.

    Without workers the pool holds its first `start` persons only, and batches are the same in every run.
    """

    def __init__(
        self,
        kit_path: Path,
        device: str,
        capacity: int,
        start: int,
        workers: int,
        stream: int = TRAIN,
        first: int = 0,
        views: int = VIEWS,
    ) -> None:
        capacity = capacity if workers else start
        self._kit, self._stream, self._device, self._views = str(kit_path), stream, device, views
        self._next, self._end = first, first + capacity
        self._store = [torch.from_numpy(a).to(device) for a in vars(_empty(capacity, views)).values()]
        self.filled = 0
        self._pending: list[Future[Persons]] = []
        shoot(self._kit, stream, [first], 1)  # compiles the kernels once, before the workers look for them
        self._executor = None
        if workers:
            context = multiprocessing.get_context("spawn")
            # Ctrl-C is the trainer's to handle.
            self._executor = ProcessPoolExecutor(
                workers, context, initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN)
            )
            self._ahead = 3 * workers
        while self.filled < start:
            self.refill(wait=True)

    def _tasks(self) -> Iterator[list[int]]:
        while self._next < self._end:
            indices = list(range(self._next, min(self._next + CHUNK, self._end)))
            self._next += len(indices)
            yield indices

    def refill(self, wait: bool = False) -> None:
        """Take in what the workers have finished and keep them busy; with `wait`, wait for something."""
        tasks = self._tasks()
        if self._executor is None:
            self._take(shoot(self._kit, self._stream, next(tasks), self._views))
            return
        while len(self._pending) < self._ahead and (indices := next(tasks, None)):
            self._pending.append(self._executor.submit(shoot, self._kit, self._stream, indices, self._views))
        if wait and self._pending:
            self._pending[0].result()
        done = [future for future in self._pending if future.done()]
        self._pending = [future for future in self._pending if not future.done()]
        for future in done:
            self._take(future.result())
        if not self._pending and self._next >= self._end:
            self.close()

    def _take(self, persons: Persons) -> None:
        rows = slice(self.filled, self.filled + len(persons.z))
        for store, part in zip(self._store, vars(persons).values(), strict=True):
            store[rows] = torch.from_numpy(part).to(store.device)
        self.filled += len(persons.z)

    @property
    def growing(self) -> bool:
        """Whether workers are still rendering."""
        return self._executor is not None

    def batch(self, persons: int, views: int, generator: torch.Generator) -> Batch:
        """Random persons from random views of theirs; `generator` lives on the CPU."""
        if self.growing:
            self.refill()
        rows = torch.randint(self.filled, (persons,), generator=generator).to(self._device)
        sides = torch.rand(persons, self._views, generator=generator).argsort(1)[:, :views].to(self._device)
        z, labels, angles, rgba, depth = self._store
        angles = angles[rows[:, None], sides]
        flat = angles.flatten(0, 1).cpu().numpy()
        matrices = torch.from_numpy(cam2world(flat[:, 0], flat[:, 1])).float().to(self._device)
        return Batch(
            z=z[rows],
            labels=labels[rows],
            views=angles,
            cam2world=matrices.view(persons, views, 4, 4),
            rgba=rgba[rows[:, None], sides].float() / 255,
            depth=depth[rows[:, None], sides].float(),
        )

    def close(self) -> None:
        """End the workers."""
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None


def on_backgrounds(rgba: Tensor, generator: torch.Generator) -> Tensor:
    """Lay pictures [n, 4, s, s] over random plain or two-tone backgrounds -> [n, 3, s, s] in 0..1."""
    count, size = len(rgba), rgba.shape[-1]
    random = torch.rand(count, 9, generator=generator).to(rgba)
    ramp = torch.linspace(0, 1, size, device=rgba.device)
    mix = (
        random[:, 6, None, None] * ramp[None, :, None] + (1 - random[:, 6, None, None]) * ramp[None, None, :]
    )
    mix = mix * (random[:, 7, None, None] > 0.4)
    first, second = random[:, 0:3, None, None], random[:, 3:6, None, None]
    background = first + (second - first) * mix[:, None]
    return rgba[:, :3] + background * (1 - rgba[:, 3:])
