"""Two experiments on a result: a person is left out, and a draft is revised after critiques."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

from pipelines import consensus
from pipelines.consensus import Table
from pipelines.errors import InputError
from pipelines.runtime import Progress
from tabs import consensus_views as views
from tabs.consensus_desk import Desk, aversion_of, desk_of, desk_or_first, pairs_of, patiently, winner_of
from tabs.consensus_verdict import START
from tabs.status import Unfinished, job

CRITIQUES = "Critiques"


@job(outputs=1)
def exclude(person: str, desk: Desk | None = None, alpha: float = START) -> Iterator[tuple[Any, ...]]:
    """Leave a person (by name) out, write statements for the others anew, and choose again.

    Returns what is chosen with and without the person, and what that does to everybody's agreement.
    """
    desk = desk_or_first(desk)
    table, alpha = desk.table, aversion_of(alpha)
    people = table.group.people
    if person not in people:
        raise InputError("Nobody here has that name.", f"Choose one of {', '.join(people)}.", "Leave out")
    pipeline = yield from patiently(lambda: consensus.load(desk.model), 1)
    for report in pipeline.exclude(table, people.index(person), table.seed, alpha):
        if isinstance(report, Progress):
            yield gr.skip(), report
        else:
            yield views.exclusion(report), f"Chosen again without {person}, seed {table.seed}"


@job(outputs=3)
def revise(critiques: Any, desk: Desk | None = None, alpha: float = START) -> Iterator[tuple[Any, ...]]:
    """Revise the chosen statement after critiques, [name, critique] pairs; blank ones are dropped.

    Returns the best revision with its changes marked, and the ranking of the next round: the draft and its
    revisions, rated by what people wrote and criticised.
    """
    desk = desk_or_first(desk)
    table = desk.table
    said = _critiques(critiques, table)
    winner = winner_of(table, alpha)
    pipeline = yield from patiently(lambda: consensus.load(desk.model), 3)
    for report in pipeline.revise(table, winner, said, table.seed):
        if isinstance(report, Progress):
            yield gr.skip(), gr.skip(), gr.skip(), report
            continue
        best = best_revision(report, alpha)
        if best is None:
            yield gr.skip(), gr.skip(), gr.skip(), Unfinished("No usable revision: the draft stands")
            return
        text = views.revision(report, best, ahead=winner_of(report, alpha) == best)
        desk = desk_of(report, desk.model, desk)
        critics = f"{len(said)} critique{'s' * (len(said) > 1)}"
        yield text, desk.shown, desk, f"Revised after {critics}, seed {table.seed}"


def best_revision(table: Table, alpha: float) -> int | None:
    """The best-ranked statement that is not the draft, which comes first; None if there is none."""
    return next((int(k) for k in consensus.ranking(table, aversion_of(alpha)) if k), None)


def _critiques(critiques: Any, table: Table) -> dict[int, str]:
    people = table.group.people
    said: dict[int, str] = {}
    for name, text in pairs_of(critiques, CRITIQUES):
        if not text.strip():
            continue
        if name not in people:
            raise InputError("Nobody here has that name.", f"Choose one of {', '.join(people)}.", CRITIQUES)
        said[people.index(name)] = text.strip()
    if not said:
        raise InputError("Nobody has said what should change.", "Write one critique or more.", CRITIQUES)
    return said
