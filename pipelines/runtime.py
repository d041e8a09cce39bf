"""Device, threads, seeds, load-once, and the progress report of long jobs. torch is imported late."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Progress:
    """One report of a running job: `step` of `total` done, a short `message`, a `preview` to show.

    A job of unequal stages counts shares: `step` in 0..1 of a `total` of 1; 0 of 0 where nobody knows."""

    step: float
    total: float
    message: str = ""
    preview: Any = None


def load_once(function: Callable[P, T]) -> Callable[P, T]:
    """Cache a loader per argument tuple, and let only one thread at a time run it."""
    lock = threading.Lock()
    cached = functools.cache(function)

    @functools.wraps(function)
    def locked(*args: P.args, **kwargs: P.kwargs) -> T:
        with lock:
            return cached(*args, **kwargs)

    return locked


REPORT_EVERY = 0.4
"""Seconds between the reports of `in_background`; a job owes one at least every half second."""


def in_background(work: Callable[[], T], report: R, lasting: bool = False) -> Generator[R, None, T]:
    """For steps of a job that last a second or two (an import, a compilation): run one in a thread.

    Yields `report` until it is done, and returns what it returns: `result = yield from in_background(...)`.
    Closing the generator waits for the step to end; not if its work is `lasting` (a model that stays loaded):
    then it ends by itself, and whoever wants the same next waits for it.
    """
    pool = ThreadPoolExecutor(1)
    try:
        result = pool.submit(work)
        while not wait([result], REPORT_EVERY).done:
            yield report
        return result.result()
    finally:
        pool.shutdown(wait=not lasting)


def cpu_count() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def device() -> str:
    """The torch device that models run on: "cuda" where there is one, else "cpu"."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def fast_bfloat16(device: str) -> bool:
    """Whether bfloat16 is faster than float32: on a GPU, and on CPUs that compute in it."""
    if device == "cuda":
        return True
    import torch

    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, check, lambda: False)() for check in checks)


def use_threads(count: int) -> None:
    """Set torch's threads within operators; one suits small nets, two cores' worth suits convolutions."""
    import torch

    torch.set_num_threads(max(1, min(count, cpu_count())))


def seed_everything(seed: int) -> None:
    """Seed Python, numpy and torch, for training scripts. Handlers pass generators instead."""
    import random

    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
