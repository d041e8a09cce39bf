"""Graded statements: how far a person with an opinion may be expected to agree with a statement, by rule.

Nobody's ratings of consensus statements are publicly at hand, so the reward models learn the cardinal
scale from a rule over what a statement grants a person. On a question with two sides, a person of one
side made some points. A statement has a core (a side it takes, or none), gives reasons, and may concede
points to the other side.

| the statement's core | grants no point of theirs | a point of their side | a point they made |
|---|---|---|---|
| their side, conceding nothing | - | 5.7 | 6.5 |
| their side, with a concession to the others | - | 5.3 | 6.1 |
| no side, points of both | 3.2 | 4.3 | 4.9 |
| the other side, conceding to theirs | - | 3.1 | 3.8 |
| the other side | 1.5 | - | - |
| their own words | - | - | 6.8 |
| another subject | 2.6 | | |

Why so: disagreement with the core outweighs everything else; being granted the core and asked for a
compromise still is agreement (5 to 6); having one's own point taken up by the other side softens a
refusal (3 to 4) but is no agreement; and a statement that takes nobody's side is met with lukewarm
agreement if it takes up one's point. What is conceded costs less (0.4) than what is gained by being
heard (0.7 to 2.3), which is why compromises can win. Both reward models learn this rule, so that they
can't judge the rule itself; they judge whether a text follows it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.consensus.data import Topic, opposite
from pipelines.consensus.phrases import clause, sentence, sentences

OWN_WORDS, OFF_TOPIC, REFUSED = 6.8, 2.6, 1.5
SAME = {"side": 5.7, "own": 6.5}
SAME_CONCEDING = {"side": 5.3, "own": 6.1}
BALANCED = {"none": 3.2, "side": 4.3, "own": 4.9}
OTHER_CONCEDING = {"side": 3.1, "own": 3.8}

PLAIN = (
    "{C}. {R}.",
    "{C}, because {r}.",
    "{R}. This is why {c}.",
    "{R}. Therefore {c}. {R2}.",
    "We believe that {c}, since {r}. {R2}.",
    "{C}. We say this because {r}, and because {r2}.",
)
CONCEDING = (
    "{C}, because {r}. At the same time, {k}, and this has to be taken into account.",
    "While {k}, {c}. {R}.",
    "Although {k}, we think that {c}, as {r}.",
    "{C}, provided that the concern that {k} is answered first. {R}.",
    "{R}. Still, those who say that {k} have a point, and any step has to answer it. On the whole, {c}.",
    "{C}, with clear limits: {k}. {R}, and this weighs more.",
    "We agree that {c}. {R}. However, some of us worry that {k}. Their concern should shape how it is done.",
    "{R}. It is also true that {k}. So {c}, but step by step, and with safeguards.",
)
NEUTRAL = (
    "{R}. At the same time, {k}. We should weigh both before anything is decided.",
    "We can agree that {r}, and also that {k}. A trial on a small scale would show how both can be "
    "respected.",
    "Both sides have a point: {r}, while {k}. Any decision should respect both.",
    "There are good reasons on both sides. {R}. {K}. A compromise should answer both concerns.",
    "Some of us say that {r}, others that {k}. What is decided should be reviewed after a year.",
)


@dataclass(frozen=True)
class Person:
    """Somebody on one `side` (1, -1) of a topic who made the points `own` (indices into topic.side(side))."""

    side: int
    own: tuple[int, ...]
    opinion: str


@dataclass(frozen=True)
class Graded:
    """A statement text, its core side (1, -1, 0 none) and the points it names: (side, index)."""

    text: str
    core: int
    points: tuple[tuple[int, int], ...]


def grade(person: Person, statement: Graded) -> float:
    """The agreement (1..7) that the rule expects of a person."""
    theirs = {index for side, index in statement.points if side == person.side}
    level = "own" if theirs & set(person.own) else "side" if theirs else "none"
    concedes = any(side != statement.core for side, _ in statement.points)
    if statement.core == 0:
        return BALANCED[level]
    if statement.core == person.side:
        return (SAME_CONCEDING if concedes else SAME)["own" if level == "own" else "side"]
    return OTHER_CONCEDING.get(level, REFUSED)


def person_on(topic: Topic, side: int, rng: np.random.Generator) -> Person:
    """A person with one to three points of a side, worded as people word opinions."""
    points = topic.side(side)
    own = rng.choice(len(points), size=min(len(points), int(rng.integers(1, 4))), replace=False)
    words = [sentence(str(rng.choice(points[i]))) for i in own]
    claim = opposite(topic, side)
    opening = (
        (),
        (),
        (sentence(claim),),
        (sentence(f"I think that {clause(claim)}"),),
        (f"{'Yes' if side > 0 else 'No'}, {sentence(clause(claim))}",),
        ("Yes." if side > 0 else "No.",),
    )[rng.integers(6)]
    return Person(side, tuple(int(i) for i in own), " ".join((*opening, *words)))


def statement_on(topic: Topic, core: int, concedes: bool, rng: np.random.Generator) -> Graded:
    """A statement with a core side (0: none), one or two reasons and, if asked, a point of the other side."""
    reasons_side = core or int(rng.choice((1, -1)))
    reasons = _some(topic, reasons_side, 2, rng)
    conceded = _some(topic, -reasons_side, 1, rng)
    forms = NEUTRAL if core == 0 else CONCEDING if concedes else PLAIN
    form = str(rng.choice(forms))
    used = [(reasons_side, i) for i, _ in reasons[: 1 + ("2}" in form)]]
    if core == 0 or concedes:
        used += [(-reasons_side, i) for i, _ in conceded]
    return Graded(fill(form, opposite(topic, core or 1), reasons, conceded), core, tuple(used))


def fill(form: str, claim: str, reasons: list[tuple[int, str]], conceded: list[tuple[int, str]]) -> str:
    """A form with its slots filled: c the claim, r and r2 reasons, k a conceded point; capitals begin
    sentences."""
    slots = {"c": clause(claim), "r": _reason(reasons[0][1]), "r2": _reason(reasons[-1][1])}
    slots["k"] = _reason(conceded[0][1])
    return form.format(**slots, **{name.upper(): sentence(text).rstrip(".") for name, text in slots.items()})


def _reason(text: str) -> str:
    """The reason in an argument, as a clause: its first sentence, without "we should ..., because"
    before it."""
    first = clause(sentences(text)[0] if sentences(text) else text)
    head, because, tail = first.partition(" because ")
    return clause(tail) if because and "should" in head and len(tail.split()) > 3 else first


def _some(topic: Topic, side: int, count: int, rng: np.random.Generator) -> list[tuple[int, str]]:
    points = topic.side(side)
    chosen = rng.choice(len(points), size=min(count, len(points)), replace=False)
    return [(int(i), str(rng.choice(points[i]))) for i in chosen]
