"""The compositional generator: consensus statements from the group's own clauses, without a language model.

Every clause is rated for all members. A statement takes a core (the question answered with yes, with no,
or left open), gives the reasons that find most agreement, and adds conditions or concerns of those whom
the core does not serve: each the clause of theirs that the others mind least. The same group gives the
same statements, in whatever order people come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.consensus.clauses import Clause, clauses_of
from pipelines.consensus.gates import MOST_WORDS, words
from pipelines.consensus.groups import Group, Opinion
from pipelines.consensus.phrases import claim_of, negated, sentence, sentences

Rate = Callable[[Sequence[str]], np.ndarray]
"""Texts [K] -> agreement [K, n] of a group."""

MOST_CLAUSES = 24
MOST_CONDITIONS = 3
CLEARNESS = 1.2
"""Points of agreement that a clause that stands well on its own is worth."""

YES_NO = (
    "{C}. {conditions}{concerns}",
    "{C}, because {r}. {conditions}{concerns}",
    "{R}. This is why {c}. {conditions}{concerns}",
)
OPEN = (
    "We can agree that {r}. {conditions}{concerns}A trial on a small scale, reviewed after a year, "
    "would show what works.",
    "There are good reasons on both sides. {R}. {conditions}{concerns}What is decided should be "
    "reviewed after a year.",
)
CONDITIONS = ("One condition is clear: {0}. ", "Two things have to be ensured: {0}, and {1}. ")
CONCERNS = (
    "At the same time, {0}, and this has to be taken into account. ",
    "At the same time, {0}, and {1}; both have to be taken into account. ",
)


@dataclass(frozen=True)
class Rated:
    """Clauses and how far each of n people agrees with them, [m, n]; `yes`, `no` [n]: with the plain
    answers."""

    clauses: tuple[Clause, ...]
    agreement: np.ndarray
    claim: str
    yes: np.ndarray
    no: np.ndarray

    @property
    def sides(self) -> np.ndarray:
        """1 for people who rather say yes, -1 for the others, [n]; all 0 if the question has no plain yes."""
        return np.where(self.yes >= self.no, 1, -1) if self.claim else np.zeros(len(self.yes), int)


def compose(group: Group, rate: Rate) -> list[str]:
    """Statements of one group, the most promising forms first; empty if nothing can be said for a group."""
    rated = _rated(group, rate)
    if not rated.clauses:
        return []
    made: list[str] = []
    for side in (1, -1, 0) if rated.claim else (0,):
        reasons = _reasons(rated, side)
        if side and not (rated.sides == side).any():
            continue
        for form in YES_NO if side else OPEN:
            text = _filled(form, side, reasons[0], rated) if reasons else ""
            if text and text not in made:
                made.append(text)
    return made


def _rated(group: Group, rate: Rate) -> Rated:
    clauses = clauses_of(group)
    clauses = sorted(clauses, key=lambda c: -c.clear)[:MOST_CLAUSES]
    claim = claim_of(group.question)
    answers = [sentence(claim), sentence(negated(claim))] if claim else []
    agreement = rate([*answers, *(sentence(c.text) for c in clauses)])
    yes, no = (agreement[0], agreement[1]) if claim else (np.zeros(len(group.opinions)),) * 2
    return Rated(tuple(clauses), agreement[len(answers) :], claim, yes, no)


def _worth(rated: Rated) -> np.ndarray:
    """What clauses [m] are worth in a statement for all: mean agreement with care for the least, and
    clearness."""
    clear = np.array([c.clear for c in rated.clauses])
    sorted_agreement = np.sort(rated.agreement, axis=1)
    return sorted_agreement.mean(1) + 0.5 * sorted_agreement[:, 0] + CLEARNESS * clear


def _reasons(rated: Rated, side: int) -> list[int]:
    """Clauses that speak for a side, by worth; statements of fact before demands."""
    worth = _worth(rated) - np.array([0.5 * c.norm for c in rated.clauses])
    mine = [i for i, c in enumerate(rated.clauses) if not side or rated.sides[c.author] == side]
    return sorted(mine, key=lambda i: (-worth[i], rated.clauses[i].text))


def _filled(form: str, side: int, reason: int, rated: Rated) -> str:
    """A form filled with a reason and as many conditions and concerns as fit into MOST_WORDS; "" if none
    does."""
    given = reason if "{r}" in form or "{R}" in form else None
    if "{r}" in form and not rated.clauses[reason].clear:  # a quotation is a sentence of its own
        return ""
    answer = rated.claim if side >= 0 else negated(rated.claim)
    for count in range(MOST_CONDITIONS, -1, -1):
        wanted = _wanted(rated, side, given, count)
        if count and len(wanted) < count:
            continue
        norms = [rated.clauses[i].spoken for i in wanted if rated.clauses[i].norm]
        facts = [rated.clauses[i].spoken for i in wanted if not rated.clauses[i].norm]
        if max(len(norms), len(facts)) > 2:
            continue
        text = form.format(
            c=answer,
            C=sentence(answer).rstrip("."),
            r=rated.clauses[reason].spoken,
            R=sentence(rated.clauses[reason].spoken).rstrip("."),
            conditions=CONDITIONS[len(norms) - 1].format(*norms) if norms else "",
            concerns=CONCERNS[len(facts) - 1].format(*facts) if facts else "",
        ).strip()
        if len(words(text)) <= MOST_WORDS:
            return text
    return ""


def _wanted(rated: Rated, side: int, given: int | None, count: int) -> list[int]:
    """Up to `count` clauses, one a person, of those whom the core and the reason serve least."""
    worth = _worth(rated)
    served = np.where(rated.sides == side, 1.0, 0.0) if side else np.zeros(len(rated.yes))
    if given is not None:
        served = served + (np.arange(len(served)) == rated.clauses[given].author) * 2.0
    best: dict[int, int] = {}
    for i in sorted(range(len(worth)), key=lambda i: (-worth[i], rated.clauses[i].text)):
        if i != given:
            best.setdefault(rated.clauses[i].author, i)
    people = [p for p in best if given is None or p != rated.clauses[given].author]
    people.sort(key=lambda p: (served[p], -worth[best[p]], rated.clauses[best[p]].text))
    return [best[p] for p in people[:count]]


def revised(statement: str, critiques: Sequence[str]) -> list[str]:
    """A statement with the clauses of critiques worked in: all together, then one at a time; where words
    run short, its last sentences give way."""
    parts = [clause for text in critiques for clause in clauses_of(Group("", (Opinion("", text),)))]
    parts.sort(key=lambda c: (-c.clear, c.text))
    choices = ([parts[:2]] if len(parts) > 1 else []) + [[part] for part in parts[:4]]
    made = []
    for chosen in choices:
        norms = [c.spoken for c in chosen if c.norm]
        facts = [c.spoken for c in chosen if not c.norm]
        added = (CONDITIONS[len(norms) - 1].format(*norms) if norms else "") + (
            CONCERNS[len(facts) - 1].format(*facts) if facts else ""
        )
        kept = sentences(statement)
        while len(kept) > 1 and len(words(" ".join(kept) + added)) > MOST_WORDS:
            kept.pop()
        made.append(f"{' '.join(kept)} {added}".strip())
    return made
