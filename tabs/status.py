"""The status line, and the wrappers that turn plain handlers into safe ones.

A handler raises InputError for the visitor's faults and otherwise knows nothing of messages: `answer` and
`job` show a toast that names the field and the way out, keep the last result, and let no traceback through.
"""

from __future__ import annotations

import bisect
import functools
import html
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import gradio as gr

from pipelines.errors import InputError
from pipelines.runtime import Progress

logger = logging.getLogger("nine_papers")

APOLOGY = "Something went wrong on our side. Your input and your last result are kept; please try again."


def line(text: str, kind: str = "") -> str:
    """One line of status; `kind` is "", "busy", "done", "warn"."""
    return f'<p class="np-status {kind}" role="status">{html.escape(text)}</p>'


WAITING = "Waiting for a free place"
"""How `waiting_line` begins."""
STOPPED = line("Stopped. What was done so far is kept.", "warn")
INTERRUPTED = "Not finished: "
"""How the status line of a failed job begins; the reason follows."""


class Unfinished(str):
    """A job's last sentence that gets no tick, since not all was done that was asked for."""


def waiting_line(ahead: int) -> str:
    """Before a job starts, while so many others come first."""
    first = {0: "", 1: ": one run comes first"}.get(ahead, f": {ahead} runs come first")
    return line(f"{WAITING}{first} …", "busy")


def progress_line(progress: Progress, elapsed: float, to_go: float | None = None) -> str:
    """Step of total, a bar, seconds gone and, where they are known, seconds to go."""
    share = min(1.0, progress.step / progress.total) if progress.total else 0.0
    parts = [progress.message] if progress.message else []
    if progress.total > 1:
        parts.append(f"{progress.step:,} of {progress.total:,}")
    parts.append(f"{elapsed:.0f} s gone")
    if to_go is not None:
        parts.append(f"about {to_go:.0f} s to go")
    bar = f'<span class="np-bar"><span style="width:{share:.1%}"></span></span>'
    return f'<div class="np-status busy" role="status">{bar}{html.escape(" · ".join(parts))}</div>'


class Pace:
    """How long a job will still take, by the later half of the steps done: the first ones are warming up."""

    FIRST = 4
    """Reports of a step before there is an estimate."""

    def __init__(self) -> None:
        self._total = 0.0
        self._steps: list[float] = []
        self._times: list[float] = []

    def to_go(self, progress: Progress, elapsed: float) -> float | None:
        """Seconds to go after this report; None while it is too early to tell, and at the end."""
        step = progress.step
        if progress.total != self._total or (self._steps and step < self._steps[-1]):  # another stretch
            self._total, self._steps, self._times = progress.total, [], []
        if not self._steps or step > self._steps[-1]:
            self._steps.append(step)
            self._times.append(elapsed)
        half = bisect.bisect_left(self._steps, step / 2)
        done = step - self._steps[half]
        if len(self._steps) <= self.FIRST or step >= self._total or not done:
            return None
        pace = (self._times[-1] - self._times[half]) / done
        left = pace * (self._total - step) - (elapsed - self._times[-1])
        return left if left >= 0.5 else None


def answer(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Make a quick handler safe: the visitor's fault becomes a toast, ours an apology and a log entry."""

    @functools.wraps(handler)
    def safe(*args: Any, **kwargs: Any) -> Any:
        try:
            return handler(*args, **kwargs)
        except Exception as error:
            _fail(error)

    return safe


Job = Callable[..., Iterator[tuple[Any, ...]]]


def job(outputs: int) -> Callable[[Job], Job]:
    """Make a long handler with that many outputs safe, and give it a status line.

    The handler yields tuples (*outputs, progress), where progress is a Progress while it works and a sentence
    at the end: a plain one is ticked, an Unfinished is not. After a fault the line keeps the reason. When the
    visitor stops or leaves, the generator is closed and its `finally` blocks run.
    """

    def decorate(handler: Job) -> Job:
        @functools.wraps(handler)
        def safe(*args: Any, **kwargs: Any) -> Iterator[tuple[Any, ...]]:
            start, pace = time.monotonic(), Pace()
            steps = handler(*args, **kwargs)
            try:
                for *values, progress in steps:
                    elapsed = time.monotonic() - start
                    if isinstance(progress, Progress):
                        yield (*values, progress_line(progress, elapsed, pace.to_go(progress, elapsed)))
                    else:
                        kind = "warn" if isinstance(progress, Unfinished) else "done"
                        yield (*values, line(f"{progress} · {elapsed:.1f} s", kind))
            except Exception as error:
                yield (*[gr.skip()] * outputs, line(f"{INTERRUPTED}{_reason(error)}", "warn"))
                _fail(error)
            finally:
                steps.close()

        return safe

    return decorate


def _reason(error: Exception) -> str:
    """What a visitor is told of a fault: of their own the message and the way out."""
    if isinstance(error, InputError):
        return f"{error.message} {error.hint}".strip()
    return str(error.message) if isinstance(error, gr.Error) else APOLOGY


def _fail(error: Exception) -> NoReturn:
    if isinstance(error, gr.Error):
        raise error
    if isinstance(error, InputError):
        message = _reason(error)
        field = f"<strong>{html.escape(error.field)}.</strong> " if error.field else ""
        gr.Warning(field + html.escape(message))  # Gradio's heading is always "Warning"
        # The warning is what the visitor sees; this ends the event and tells a caller of the API the same.
        raise gr.Error(message, visible=False, print_exception=False) from None
    logger.exception("A handler failed")
    raise gr.Error(APOLOGY, title="Sorry", print_exception=False) from None
