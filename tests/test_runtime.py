"""What all pipelines share: background steps that keep reporting."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator

import pytest

from pipelines.runtime import Progress, in_background

WAITING = Progress(0, 1, "loading")


def test_reports_go_on_while_a_step_blocks_and_its_result_comes_back() -> None:
    def job() -> Generator[Progress, None, str]:
        return (yield from in_background(lambda: time.sleep(1.1) or "done", WAITING))

    steps, reports, gap, last = job(), 0, 0.0, time.monotonic()
    while True:
        try:
            assert next(steps) == WAITING
        except StopIteration as end:
            assert end.value == "done"
            break
        reports, gap, last = reports + 1, max(gap, time.monotonic() - last), time.monotonic()
    assert reports == 2
    assert gap < 0.9  # half a second, with room for a busy machine


def test_an_error_in_the_step_comes_through() -> None:
    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        list(in_background(fail, WAITING))


def test_closing_waits_for_the_step_and_leaves_no_thread() -> None:
    before, ended = threading.active_count(), threading.Event()
    steps = in_background(lambda: time.sleep(0.8) or ended.set(), WAITING)
    next(steps)
    steps.close()
    assert ended.is_set()
    assert threading.active_count() == before


def test_closing_does_not_wait_for_a_model_that_loads() -> None:
    ended = threading.Event()
    steps = in_background(lambda: time.sleep(1.5) or ended.set(), WAITING, lasting=True)
    next(steps)
    started = time.monotonic()
    steps.close()
    assert time.monotonic() - started < 0.8
    assert ended.wait(10), "it is loaded all the same"
