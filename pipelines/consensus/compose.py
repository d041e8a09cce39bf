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
SameSide = Callable[[Sequence[tuple[str, str]]], np.ndarray]
"""Pairs of texts -> probability [n] that they take the same side."""

MOST_RATINGS = 72
"""Clauses times people that are rated; everybody keeps a clause."""
MOST_CONDITIONS = 3
CLEARNESS = 1.2
"""Points of agreement that a clause that stands well on its own is worth."""

SURE = 0.3
"""Log odds from which a person, and a clause, counts as speaking for a side when reasons for it are
sought."""
PLAIN_ANSWER = 3.0
"""Log odds that a "yes" or "no" at the beginning of an opinion is worth."""

YES_NO = (
    "{C}. {conditions}{concerns}",
    "{C}, because {r}. {conditions}{concerns}",
    "{R}. This is why {c}. {conditions}{concerns}",
)
OPEN = (
    "{R}. {conditions}{concerns}A trial on a small scale, reviewed after a year, would show what works.",
    "There are good reasons on both sides. {R}. {conditions}{concerns}What is decided should be reviewed "
    "after a year.",
)
CONDITIONS = ("One condition is clear: {0}. ", "Two things have to be ensured: {0}, and {1}. ")
CONCERNS = (
    "At the same time, {0}, and this has to be taken into account. ",
    "At the same time, {0}, and {1}; both have to be taken into account. ",
)


@dataclass(frozen=True)
class Rated:
    """Clauses and how far each of n people agrees with them, [m, n]. Of the question's plain yes,
    `claim`: the log odds that people stand on its side, `sides` [n], and that clauses speak for it,
    `leaning` [m]; all 0 without one."""

    clauses: tuple[Clause, ...]
    agreement: np.ndarray
    claim: str
    sides: np.ndarray
    leaning: np.ndarray


def compose(group: Group, rate: Rate, same_side: SameSide) -> list[str]:
    """Statements of one group; empty if nothing can be said for a group."""
    rated = _rated(group, rate, same_side)
    made: list[str] = []
    for side in (1, -1, 0) if rated.claim else (0,):
        if side and not (side * rated.sides > 0).any():
            continue
        reasons = _reasons(rated, side)
        for form in YES_NO if side else OPEN:
            text = _filled(form, side, reasons[0] if reasons else None, rated)
            if text and text not in made:
                made.append(text)
    return made


def _rated(group: Group, rate: Rate, same_side: SameSide) -> Rated:
    clauses = _kept(clauses_of(group), len(group.opinions))
    claim = claim_of(group.question)
    answers = [sentence(claim), sentence(negated(claim))] if claim else []
    agreement = rate([*answers, *(sentence(c.text) for c in clauses)])
    sides, leaning = np.zeros(len(group.opinions)), np.zeros(len(clauses))
    if claim:
        texts = [o.text for o in group.opinions] + [c.text for c in clauses]
        odds = _log_odds(same_side([(answers[0], text) for text in texts]))
        said = np.array([_answer(o.text) for o in group.opinions])
        sides = odds[: len(sides)] + agreement[0] - agreement[1] + PLAIN_ANSWER * said
        leaning = odds[len(sides) :]
    return Rated(tuple(clauses), agreement[len(answers) :], claim, sides, leaning)


def _kept(clauses: Sequence[Clause], people: int) -> list[Clause]:
    """The clearest clauses, the same number of each person."""
    each = max(1, MOST_RATINGS // people**2)
    kept: list[Clause] = []
    for clause in sorted(clauses, key=lambda c: -c.clear):
        if sum(other.author == clause.author for other in kept) < each:
            kept.append(clause)
    return kept


def _answer(opinion: str) -> int:
    """1 for an opinion that begins with "yes", -1 for "no", 0 for others."""
    first = words(opinion)[:1]
    return (first == ["yes"]) - (first == ["no"])


def _log_odds(p: np.ndarray) -> np.ndarray:
    p = np.clip(p, 1e-3, 1 - 1e-3)
    return np.log(p / (1 - p))


def _worth(rated: Rated) -> np.ndarray:
    """What clauses [m] are worth in a statement for all: mean agreement with care for the least, and
    clearness."""
    clear = np.array([c.clear for c in rated.clauses])
    sorted_agreement = np.sort(rated.agreement, axis=1)
    return sorted_agreement.mean(1) + 0.5 * sorted_agreement[:, 0] + CLEARNESS * clear


def _reasons(rated: Rated, side: int) -> list[int]:
    """Clauses that speak for a side, of people who stand on it (0: any), by worth and by how surely they do;
    facts before demands."""
    if not rated.clauses:
        return []
    worth = _worth(rated) - np.array([0.5 * c.norm for c in rated.clauses]) + 0.5 * side * rated.leaning
    authors = rated.sides[[c.author for c in rated.clauses]]
    mine = np.flatnonzero((side * rated.leaning >= SURE) & (side * authors >= SURE) | (side == 0)).tolist()
    return sorted(mine, key=lambda i: (-worth[i], rated.clauses[i].text))


def _filled(form: str, side: int, reason: int | None, rated: Rated) -> str:
    """A form filled with a reason, if it wants one, and with as many conditions and concerns as fit into
    MOST_WORDS; "" if that can't be done."""
    given = reason if "{r}" in form or "{R}" in form else None
    if given is None and form != YES_NO[0]:
        return ""
    if given is not None and "{r}" in form and not rated.clauses[given].clear:  # a quotation stands alone
        return ""
    answer = rated.claim if side >= 0 else negated(rated.claim)
    said = rated.clauses[given].spoken if given is not None else ""
    for count in range(MOST_CONDITIONS, 0 if side == 0 else -1, -1):
        wanted = _wanted(rated, side, given, count)
        norms = [rated.clauses[i].spoken for i in wanted if rated.clauses[i].norm]
        facts = [rated.clauses[i].spoken for i in wanted if not rated.clauses[i].norm]
        if len(wanted) < count or max(len(norms), len(facts)) > 2:
            continue
        text = form.format(
            c=answer,
            C=sentence(answer).rstrip("."),
            r=said,
            R=sentence(said).rstrip("."),
            conditions=CONDITIONS[len(norms) - 1].format(*norms) if norms else "",
            concerns=CONCERNS[len(facts) - 1].format(*facts) if facts else "",
        ).strip()
        if len(words(text)) <= MOST_WORDS:
            return text
    return ""


def _wanted(rated: Rated, side: int, given: int | None, count: int) -> list[int]:
    """Up to `count` clauses, one a person, of those whom the core and the reason serve least."""
    worth = _worth(rated)
    served = (side * rated.sides > 0).astype(float)
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
