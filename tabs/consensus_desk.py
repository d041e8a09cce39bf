"""What lies before a visitor of the consensus tab, and how handlers read what they are sent."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np

from pipelines import consensus
from pipelines.consensus import Table
from pipelines.errors import InputError
from pipelines.runtime import Progress, in_background
from tabs.consensus_verdict import verdict_value

RAWLS = 1000.0
"""From this inequality aversion on (JSON knows no infinity) only the least satisfied counts."""


@dataclass(frozen=True, eq=False)
class Desk:
    """The table as predicted, people's own ratings float [K, n] (NaN where none), the model asked for, and
    after a critique the desk of the round before."""

    predicted: Table
    own: np.ndarray
    model: str = "embedded"
    former: Desk | None = None

    @property
    def critiques(self) -> int:
        """How many rounds of critique went before."""
        return self.former.critiques + 1 if self.former else 0

    @property
    def table(self) -> Table:
        """The table with own ratings in place of predictions."""
        return consensus.overridden(self.predicted, self.own)

    @property
    def shown(self) -> dict[str, Any]:
        """The value of the Verdict."""
        return verdict_value(self.table, ~np.isnan(self.own), self.critiques)


def desk_of(table: Table, model: str = "embedded", former: Desk | None = None) -> Desk:
    """A desk without own ratings."""
    return Desk(table, np.full(table.ratings.shape, np.nan), model, former)


def desk_or_first(desk: Desk | None) -> Desk:
    """The desk; where there is none, one with the first example's result."""
    return desk_of(consensus.first()) if desk is None else desk


def aversion_of(alpha: float | None) -> float:
    """Inequality aversion as the pipeline takes it."""
    if alpha is None or not math.isfinite(alpha) or alpha < 0:
        raise InputError("Inequality aversion is a number from 0 on.", "Move the slider.", "Alpha")
    return math.inf if alpha >= RAWLS else float(alpha)


def winner_of(table: Table, alpha: float | None) -> int:
    """Index of the statement chosen at this inequality aversion."""
    return int(consensus.ranking(table, aversion_of(alpha))[0])


def pairs_of(people: Any, field: str = "People") -> list[tuple[str, str]]:
    """[name, text] pairs as the page sends them. Raises InputError for anything else."""
    if not isinstance(people, list) or not all(
        isinstance(pair, list | tuple) and len(pair) == 2 and all(isinstance(cell, str) for cell in pair)
        for pair in people
    ):
        raise InputError("People are given as pairs of name and text.", 'Send [["Ana", "Yes, …"], …].', field)
    return [(name, text) for name, text in people]


def patiently(
    function: Callable[[], Any], outputs: int, message: str = "Loading the models"
) -> Generator[tuple[Any, ...], None, Any]:
    """The function's value, with reports of a job with so many outputs while it works. What it loads stays:
    stopping doesn't wait."""
    steps = in_background(function, Progress(0, 0, message), lasting=True)
    try:
        while True:
            yield *[gr.skip()] * outputs, next(steps)
    except StopIteration as end:
        return end.value
    finally:
        steps.close()
