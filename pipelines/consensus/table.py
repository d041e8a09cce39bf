"""Statements with everybody's predicted agreement, their ranking, and what a visitor takes home."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from pipelines.consensus.groups import Group, Opinion
from pipelines.consensus.method import borda, order_of, schulze, welfare

Source = Literal["composed", "model", "person", "prompted", "revised"]
SOURCES: dict[str, str] = {
    "composed": "composed from the group's own clauses",
    "model": "written by the fine-tuned language model",
    "person": "somebody's own opinion",
    "prompted": "written by the prompted language model",
    "revised": "revised after critiques",
}
LOWEST, HIGHEST = 1.0, 7.0
DISSENT = 3.0
"""Below this predicted agreement a person counts as dissenting."""
UNSURE = 0.5
"""A prediction so near to 4, or nearer, tells neither agreement nor disagreement."""
CAUTION = (
    "Agreement is predicted by a small model from what people wrote: it is not their consent. "
    "Statements that are not somebody's own opinion are written by a machine."
)


@dataclass(frozen=True)
class Statement:
    """A candidate. `author` names the person whose opinion it is (source "person")."""

    text: str
    source: Source
    author: str = ""


@dataclass(frozen=True)
class Table:
    """K statements and their predicted agreement, `ratings` float64 [K, n] in 1..7, for the n people of
    `group`.

    `note` says in one sentence what could not be done, if anything.
    """

    group: Group
    statements: tuple[Statement, ...]
    ratings: np.ndarray
    seed: int
    note: str = ""

    def extended(self, statements: list[Statement], ratings: np.ndarray) -> Table:
        """The table with more statements at its end; texts that it already holds are not taken again."""
        known = {_key(statement.text) for statement in self.statements}
        fresh: list[int] = []
        for index, statement in enumerate(statements):
            if _key(statement.text) not in known:
                known.add(_key(statement.text))
                fresh.append(index)
        return replace(
            self,
            statements=(*self.statements, *(statements[i] for i in fresh)),
            ratings=np.concatenate([self.ratings, np.asarray(ratings, float)[fresh]]),
        )


@dataclass(frozen=True)
class Exclusion:
    """What leaving one person out does. `table_without` is rated and ranked for the others only; its
    ratings have n - 1 columns. `winner_before` and `winner_after` are the statements chosen for all and
    for the others. `excluded_before/after` is the excluded person's agreement with them (1..7),
    `included_before/after` the others' mean."""

    person: str
    table_without: Table
    winner_before: Statement
    winner_after: Statement
    excluded_before: float
    excluded_after: float
    included_before: float
    included_after: float


def ranking(table: Table, alpha: float) -> np.ndarray:
    """Indices [K] of the statements, the best first, by welfare at inequality aversion `alpha`."""
    return order_of(welfare(table.ratings, alpha), table.ratings)


def left_out(table: Table, person: int, alpha: float) -> Exclusion:
    """What one person (by index) left out does to the choice among the same statements, ranked for the
    others alone; the person's own opinion is no candidate."""
    name = table.group.people[person]
    kept = [k for k, statement in enumerate(table.statements) if statement.author != name]
    without = replace(
        table,
        group=table.group.without(person),
        statements=tuple(table.statements[k] for k in kept),
        ratings=np.delete(table.ratings[kept], person, axis=1),
    )
    return exclusion(table, person, alpha, without, table.ratings[kept[ranking(without, alpha)[0]]])


def exclusion(table: Table, person: int, alpha: float, without: Table, after: np.ndarray) -> Exclusion:
    """An Exclusion; `after` [n]: everybody's agreement with what is chosen from `without`."""
    best = ranking(table, alpha)[0]
    before = table.ratings[best]
    return Exclusion(
        person=table.group.people[person],
        table_without=without,
        winner_before=table.statements[best],
        winner_after=without.statements[ranking(without, alpha)[0]],
        excluded_before=float(before[person]),
        excluded_after=float(after[person]),
        included_before=float(np.sort(np.delete(before, person)).mean()),
        included_after=float(np.sort(np.delete(after, person)).mean()),
    )


def overridden(table: Table, own: np.ndarray) -> Table:
    """The table with people's own ratings [K, n] (1..7) in place of predictions wherever they are not NaN.

    Values beyond the scale are brought to its ends. Raises ValueError for another shape.
    """
    given = np.asarray(own, float)
    if given.shape != table.ratings.shape:
        raise ValueError(f"own ratings are {given.shape}, the table is {table.ratings.shape}")
    ratings = np.where(np.isnan(given), table.ratings, np.clip(given, LOWEST, HIGHEST))
    return replace(table, ratings=ratings)


def as_json(table: Table, alpha: float) -> str:
    """Everything that is needed to see and to repeat the ranking, as JSON; `read_group` reads it back."""
    scores, ranks, counts = welfare(table.ratings, alpha), schulze(table.ratings), borda(table.ratings)
    ranked = [
        {
            "rank": rank,
            "text": table.statements[k].text,
            "source": table.statements[k].source,
            "author": table.statements[k].author,
            "welfare": round(float(scores[k]), 3),
            "schulze_rank": int(ranks[k]) + 1,
            "borda": round(float(counts[k]), 3),
            "predicted_agreement": {
                person: round(float(value), 2)
                for person, value in zip(table.group.people, table.ratings[k], strict=True)
            },
        }
        for rank, k in enumerate(ranking(table, alpha), 1)
    ]
    data = {
        "caution": CAUTION,
        "question": table.group.question,
        "opinions": [{"person": o.person, "opinion": o.text} for o in table.group.opinions],
        "alpha": "infinity" if math.isinf(alpha) else alpha,
        "seed": table.seed,
        "note": table.note,
        "statements": ranked,
    }
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def as_markdown(table: Table, alpha: float) -> str:
    """A report to read: the winner, everybody's predicted agreement, the whole ranking, the opinions."""
    order, scores, people = ranking(table, alpha), welfare(table.ratings, alpha), table.group.people
    best = order[0]
    lines = [
        f"# {_md(table.group.question)}",
        "",
        f"> {_md(table.statements[best].text)}",
        "",
        f"Source: {SOURCES[table.statements[best].source]}{_by(table.statements[best])}. {CAUTION}",
        "",
        "| person | predicted agreement (1 to 7) | |",
        "|---|---|---|",
    ]
    for person, value in zip(people, table.ratings[best], strict=True):
        lines.append(f"| {_md(person)} | {value:.1f} | {'dissents' if value < DISSENT else ''} |")
    aversion = "infinity" if math.isinf(alpha) else f"{alpha:g}"
    lines += ["", f"## All statements (welfare with inequality aversion {aversion}, seed {table.seed})", ""]
    lines += [
        f"{rank}. **{scores[k]:.2f}** ({SOURCES[table.statements[k].source]}{_by(table.statements[k])}) "
        f"{_md(table.statements[k].text)}"
        for rank, k in enumerate(order, 1)
    ]
    lines += ["", "## What people wrote", ""]
    lines += [f"- **{_md(o.person)}**: {_md(o.text)}" for o in table.group.opinions]
    if table.note:
        lines += ["", table.note]
    return "\n".join(lines) + "\n"


def table_to_dict(table: Table) -> dict[str, Any]:
    """JSON form of a table, exact; `table_from_dict` undoes it."""
    return {
        "question": table.group.question,
        "opinions": [[o.person, o.text] for o in table.group.opinions],
        "statements": [[s.text, s.source, s.author] for s in table.statements],
        "ratings": [[round(float(value), 4) for value in row] for row in table.ratings],
        "seed": table.seed,
        "note": table.note,
    }


def table_from_dict(stored: Mapping[str, Any]) -> Table:
    """Undo `table_to_dict`."""
    opinions = tuple(Opinion(person, text) for person, text in stored["opinions"])
    return Table(
        Group(stored["question"], opinions),
        tuple(Statement(text, source, author) for text, source, author in stored["statements"]),
        np.array(stored["ratings"], float),
        stored["seed"],
        stored["note"],
    )


def _by(statement: Statement) -> str:
    return f", {_md(statement.author)}" if statement.author else ""


def _md(text: str) -> str:
    """Text that Markdown shows as it is."""
    return "".join(f"\\{c}" if c in r"\`*_[]<>|#~" else c for c in text)


def _key(text: str) -> str:
    return " ".join(text.casefold().split())
