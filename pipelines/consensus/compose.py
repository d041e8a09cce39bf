"""The compositional generator: consensus statements from the group's own clauses, without a language model.

Every clause is rated for all members. A statement takes a core, which is the question answered with yes
or with no, or what both sides can grant each other; it gives the reasons that find most agreement, and
adds conditions and concerns of those whom the core does not serve: each the clause of theirs that the
others mind least. The same group gives the same statements, in whatever order people come."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.consensus.clauses import Clause, clauses_of
from pipelines.consensus.gates import words
from pipelines.consensus.groups import Group, Opinion
from pipelines.consensus.phrases import claim_of, negated, sentence, sentences
from pipelines.consensus.phrases import clause as bare_clause
from pipelines.consensus.told import told

Rate = Callable[[Sequence[str]], np.ndarray]
"""Texts [K] -> agreement [K, n] of a group."""
SameSide = Callable[[Sequence[tuple[str, str]]], np.ndarray]
"""Pairs of texts -> probability [n] that they take the same side."""

MOST_RATINGS = 40
"""Clauses times people that are rated; everybody keeps a clause."""
MOST_WORDS = 64
"""Longer statements lose readers; the gates allow 80."""
MOST_ADDED, MOST_CONCERNS = 3, 2
"""Conditions and concerns in one statement, and concerns alone."""
CLEARNESS = 1.2
"""Points of agreement that a clause that stands well on its own is worth."""
BRIEF, LENGTHINESS = 14, 0.03
"""Words of a clause that cost nothing, and what each further word costs."""

SURE = 1.2
"""Log odds from which a person, and a clause, counts as speaking for a side when reasons for it are
sought."""
AGAINST = 0.7
"""Log odds from which a demand that speaks against a core is a concern and no condition of it."""
PLAIN_ANSWER = 3.0
"""Log odds that a "yes" or "no" at the beginning of an opinion is worth."""
WHICH = ("what", "which", "who", "how", "where", "when", "why")
"""Questions whose answers are demands."""
WORRY = re.compile(r"\b(afraid|scared|worr(y|ies|ied)|fear)\b", re.IGNORECASE)
"""Worries are concerns and no reasons: the reward model often takes them for the other side's."""
SAME_WORDS = 0.5
"""Share of the claim's words from which a demand answers the question itself."""

REVIEW = "What is decided should be reviewed after a year."
TRIAL = "A trial on a small scale, reviewed after a year, would show how both can be respected."
RESPECT = "Both views deserve respect."
BOTH = "{r}. At the same time, {k}. {added}{end}"
PROPOSES = ("we should ", "we could ", "we can ", "we need ")
PROPOSAL = "A further proposal: {}. "
ONE_POINT = "At the same time, {}, and this has to be taken into account. "
FIRST_POINT = "At the same time, {}. "
ALSO = ("It also counts that {}. ", "Nor should we forget that {}. ")
DEMANDS = "Whatever is decided, {}. {{added}}{end}"
ANSWERS = "We could begin like this: {}. {{added}}{end}"
DIVIDED = (
    "We do not agree on whether {c}. The reasons of both sides should be heard before anything is decided. "
    + REVIEW
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
    made = [*_sided(rated, 1), *_sided(rated, -1), *_open(rated, words(group.question))]
    if not made and rated.claim:
        made = [DIVIDED.format(c=rated.claim)]
    return list(dict.fromkeys(made))


def _sided(rated: Rated, side: int) -> list[str]:
    """The question answered with yes (1) or no (-1), with the best reason; nothing if nobody stands on that
    side."""
    if not rated.claim or not (side * rated.sides > 0).any():
        return []
    answer = rated.claim if side > 0 else negated(rated.claim).replace(" can not ", " cannot ")
    reason = _reasons(rated, side)[:1]
    because = f", because {rated.clauses[reason[0]].spoken}" if reason else ""
    text = _fitted(f"{sentence(answer).rstrip('.')}{because}. {{added}}", rated, side, reason)
    return [text] if text else []


def _open(rated: Rated, asked: list[str]) -> list[str]:
    """What both sides can grant each other: demands that stand whatever is decided, and a point of each."""
    made = []
    decision = not {"should", "shall", "must"}.isdisjoint(asked)
    demands = [i for i in _by_worth(rated) if rated.clauses[i].norm and _usable(rated, i)]
    shared = _one_a_person(rated, demands)[:2]
    if shared and decision:
        begun = ANSWERS if asked[0] in WHICH else DEMANDS
        said = ". Also, ".join(rated.clauses[i].spoken for i in shared)
        made.append(_fitted(begun.format(said, end=REVIEW), rated, 0, shared))
    if (pair := _points(rated)) and not _agreed(rated):
        r, k = (rated.clauses[i].spoken for i in pair)
        end = TRIAL if decision else RESPECT
        begun = BOTH.format(r=sentence(r).rstrip("."), k=k, added="{added}", end=end)
        made.append(_fitted(begun, rated, 0, pair))
    return [text for text in made if text]


def _agreed(rated: Rated) -> bool:
    """Whether all stand on one side of the question."""
    return bool(rated.claim) and len({float(np.sign(side)) for side in rated.sides}) == 1


def _points(rated: Rated) -> list[int]:
    """A point of each side; of two people where sides are not told."""
    plain = [i for i in _by_worth(rated) if _usable(rated, i)]
    for first in _reasons(rated, 1)[:1] or plain[:1]:
        others = [i for i in plain if rated.clauses[i].author != rated.clauses[first].author]
        opposite = [i for i in _reasons(rated, -1) if i in others]
        for second in (opposite or others)[:1]:
            return [first, second]
    return []


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


def _by_worth(rated: Rated) -> list[int]:
    """Clauses by what they are worth in a statement for all: mean agreement with care for the least,
    clearness, brevity."""
    clear = np.array([c.clear for c in rated.clauses])
    excess = np.array([max(0, len(words(c.spoken)) - BRIEF) for c in rated.clauses])
    agreement = np.sort(rated.agreement, axis=1)
    if not len(agreement):
        return []
    worth = agreement.mean(1) + 0.5 * agreement[:, 0] + CLEARNESS * clear - LENGTHINESS * excess
    return sorted(range(len(worth)), key=lambda i: (-round(worth[i], 6), rated.clauses[i].text))


def _reasons(rated: Rated, side: int) -> list[int]:
    """Facts that speak for a side, of people who stand on it, by worth."""
    authors = rated.sides[[c.author for c in rated.clauses]] if rated.clauses else np.zeros(0)
    mine = (side * rated.leaning >= SURE) & (side * authors >= SURE)
    fact = [not (c.norm or WORRY.search(c.text)) for c in rated.clauses]
    return [i for i in _by_worth(rated) if mine[i] and fact[i] and _usable(rated, i)]


def _usable(rated: Rated, i: int) -> bool:
    """Whether a clause can be more than quoted, and doesn't just answer the question."""
    return rated.clauses[i].clear > 0 and not _answers(rated, i)


def _answers(rated: Rated, i: int) -> bool:
    """Whether a clause says what the question's yes or no says."""
    asked = {word for word in words(rated.claim) if len(word) > 3}
    return bool(asked) and len(asked & set(words(rated.clauses[i].text))) >= SAME_WORDS * len(asked)


def _fitted(begun: str, rated: Rated, side: int, given: Sequence[int]) -> str:
    """A text with as many conditions and concerns at {added} as fit into MOST_WORDS, of those whom it serves
    least, one a person; "" if a core of one side finds none."""
    people = {rated.clauses[i].author for i in given}
    others = [i for i in _by_worth(rated) if i not in given and rated.clauses[i].author not in people]
    rest = _one_a_person(rated, others)
    served = (side * rated.sides > 0).astype(int) if side else np.zeros(len(rated.sides), int)
    rest.sort(key=lambda i: served[rated.clauses[i].author])
    most = MOST_ADDED if side else MOST_ADDED - 1
    for count in range(min(most, len(rest)), -1 if not side else 0, -1):
        text = begun.replace("{added}", _added(rated, side, rest[:count])).strip()
        if len(words(text)) <= MOST_WORDS:
            return text
    return ""


def _added(rated: Rated, side: int, chosen: Sequence[int]) -> str:
    """Conditions of a core, as far as they don't speak against it; then concerns."""
    demands = [i for i in chosen if rated.clauses[i].norm and rated.clauses[i].clear]
    demands = [i for i in demands if side and side * rated.leaning[i] > -AGAINST][:1]
    concerns = [rated.clauses[i].spoken for i in chosen if i not in demands]
    condition = "".join(f"One condition is clear: {rated.clauses[i].spoken}. " for i in demands)
    return condition + _counted(concerns[:MOST_CONCERNS], bool(side) and not _agreed(rated))


def _counted(concerns: Sequence[str], weighed: bool = True) -> str:
    """Concerns and proposals as sentences; `weighed`: the first is set against what was said before."""
    proposals = [c for c in concerns if c.startswith(PROPOSES)]
    points = [c for c in concerns if c not in proposals]
    leads = list(ALSO)
    if weighed:
        leads.insert(0, ONE_POINT if len(concerns) == 1 else FIRST_POINT)
    said = [lead.format(point) for lead, point in zip(leads, points, strict=False)]
    return "".join(said + [PROPOSAL.format(c) for c in proposals])


def _one_a_person(rated: Rated, clauses: Sequence[int]) -> list[int]:
    best: dict[int, int] = {}
    for i in clauses:
        best.setdefault(rated.clauses[i].author, i)
    return list(best.values())


def spoken(opinion: str) -> str:
    """One person's opinion as the group tells it."""
    return " ".join(sentence(told(bare_clause(text))) for text in sentences(opinion))


def revised(statement: str, critiques: Sequence[str]) -> list[str]:
    """A statement with the clauses of critiques worked in: all together, then one at a time; where words
    run short, its last sentences give way."""
    parts = [clause for text in critiques for clause in clauses_of(Group("", (Opinion("", text),)))]
    parts.sort(key=lambda c: (-c.clear, c.text))
    choices = ([parts[:2]] if len(parts) > 1 else []) + [[part] for part in parts[:4]]
    made = []
    for chosen in choices:
        demands = "".join(f"One more thing has to be ensured: {c.spoken}. " for c in chosen if c.norm)
        added = demands + _counted([c.spoken for c in chosen if not c.norm])
        kept = sentences(statement)
        while len(kept) > 1 and len(words(" ".join(kept) + added)) > MOST_WORDS:
            kept.pop()
        made.append(f"{' '.join(kept)} {added}".strip())
    return made
