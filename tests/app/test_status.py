"""The wrappers around handlers: what a visitor is told, and what stopping does."""

from __future__ import annotations

import html
import inspect
from collections.abc import Iterator

import gradio as gr
import pytest

from pipelines.errors import InputError
from pipelines.runtime import Progress
from tabs.status import (
    APOLOGY,
    INTERRUPTED,
    Pace,
    Unfinished,
    answer,
    job,
    line,
    progress_line,
    waiting_line,
)


def test_the_status_line_says_step_time_and_rest() -> None:
    shown = progress_line(Progress(30, 120, "epoch 2"), elapsed=10, to_go=30)
    for part in ("epoch 2", "30 of 120", "10 s gone", "about 30 s to go", "width:25.0%"):
        assert part in shown


def test_time_to_go_leaves_the_warming_up_out() -> None:
    pace = Pace()
    assert pace.to_go(Progress(0, 27), 0.1) is None
    assert pace.to_go(Progress(1, 27), 5.0) is None, "a slow first step says nothing of the others"
    for step in (2, 3):
        assert pace.to_go(Progress(step, 27), 4.0 + step) is None
    assert pace.to_go(Progress(4, 27), 8.0) == pytest.approx(23)
    assert pace.to_go(Progress(4, 27), 8.5) == pytest.approx(22.5), "it runs down within a step"
    assert pace.to_go(Progress(27, 27), 31.0) is None


def test_time_to_go_starts_anew_with_another_stretch() -> None:
    pace = Pace()
    for step in range(9):
        known = pace.to_go(Progress(step, 10), step * 2.0)
    assert known == pytest.approx(4)
    assert pace.to_go(Progress(0, 10), 20.0) is None
    assert pace.to_go(Progress(9, 100), 21.0) is None


def test_a_job_of_unequal_stages_counts_shares() -> None:
    pace = Pace()
    for quarter in range(5):
        known = pace.to_go(Progress(quarter / 10, 1), quarter * 3.0)
    assert known == pytest.approx(18)
    shown = progress_line(Progress(0.4, 1, "meshing"), elapsed=12, to_go=18)
    assert "width:40.0%" in shown and " of " not in shown


def test_status_text_is_escaped() -> None:
    assert "<script>" not in line("<script>")
    assert "<script>" not in progress_line(Progress(1, 2, "<script>"), 1)


def test_an_input_error_tells_the_caller_message_and_hint() -> None:
    @answer
    def handler() -> None:
        raise InputError("It is too long.", "Shorten it.", "Prompt")

    with pytest.raises(gr.Error) as told:
        handler()
    assert told.value.message == "It is too long. Shorten it."


def test_our_own_faults_end_in_an_apology_without_details() -> None:
    @job(outputs=1)
    def handler() -> Iterator[tuple[str, Progress]]:
        yield "first", Progress(1, 2)
        raise RuntimeError("/secret/path")

    steps = handler()
    assert next(steps)[0] == "first"
    status = next(steps)[-1]
    assert INTERRUPTED in status
    assert APOLOGY in html.unescape(status)
    assert "secret" not in status
    with pytest.raises(gr.Error) as told:
        next(steps)
    assert told.value.message == APOLOGY


def test_the_status_line_keeps_the_reason_and_the_way_out() -> None:
    @job(outputs=2)
    def handler() -> Iterator[tuple[str, str, Progress]]:
        yield "kept", "kept", Progress(1, 2)
        raise InputError("It is <b>too long</b>.", "Shorten it.", "Prompt")

    steps = handler()
    next(steps)
    *values, status = next(steps)
    assert len(values) == 2
    assert "It is &lt;b&gt;too long&lt;/b&gt;. Shorten it." in status
    assert "done" not in status


def test_a_job_that_did_not_do_it_all_gets_no_tick() -> None:
    @job(outputs=1)
    def handler(sentence: str) -> Iterator[tuple[str, str]]:
        yield "x", sentence

    assert 'class="np-status done"' in next(handler("All of it"))[-1]
    assert 'class="np-status warn"' in next(handler(Unfinished("Only fog")))[-1]


def test_who_waits_reads_how_many_runs_come_first() -> None:
    assert "free place …" in waiting_line(0)
    assert "one run comes first" in waiting_line(1)
    assert "3 runs come first" in waiting_line(3)


def test_closing_a_job_closes_its_handler() -> None:
    closed = []

    @job(outputs=1)
    def handler() -> Iterator[tuple[str, Progress]]:
        try:
            for i in range(100):
                yield "working", Progress(i, 100)
        finally:
            closed.append(True)

    steps = handler()
    next(steps)
    steps.close()
    assert closed == [True]


def test_a_job_ends_with_its_sentence_and_the_time() -> None:
    @job(outputs=1)
    def handler() -> Iterator[tuple[str, Progress | str]]:
        yield "half", Progress(1, 2)
        yield "whole", "Done with seed 3"

    assert "Done with seed 3 · 0.0 s" in list(handler())[-1][-1]


def test_wrapped_handlers_keep_name_signature_and_docstring() -> None:
    @answer
    def handler(count: int, name: str = "x") -> str:
        """What it does."""
        return name * count

    assert handler.__name__ == "handler"
    assert handler.__doc__ == "What it does."
    assert list(inspect.signature(handler).parameters) == ["count", "name"]
