"""Trials on groups that nobody trained on: does ranking help, and what does leaving somebody out do.

A group is made of three to five people on both sides of a held-out topic, with real arguments as their
points. The candidates are ranked by the ranker and judged by the judge, which learnt from other topics
with another seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipelines.consensus import gates
from pipelines.consensus.data import Topic
from pipelines.consensus.grades import person_on
from pipelines.consensus.groups import Group, Opinion
from pipelines.consensus.reward import RewardModel
from pipelines.consensus.run import CANDIDATES, Pipeline
from pipelines.consensus.splits import (
    ARGKP_TEST_TOPICS,
    PERSPECTRUM_TEST_CLAIMS,
    held_out,
)
from pipelines.consensus.table import Source, Statement, Table, ranking

SEED = 9
LEAST_PEOPLE, MOST_PEOPLE = 3, 5
LEAST_POINTS = 3
"""Points on each side of a topic that makes a group."""
ALPHA = 0.0
"""The paper's main model ranks by the mean."""
RESAMPLES = 2000


@dataclass(frozen=True)
class Judged:
    """Mean agreement of one group by the judge (1..7), of what each way of choosing gives; NaN where
    there is none. `topic` is the index of its topic.

    `ranked` is chosen from what the fine-tuned model wrote and what was composed. `best_of_others` is how the
    others, without its author, agree with the best human opinion, `ranked_of_others` and `composed_of_others`
    how the same people agree with the chosen statements. `valid`: share of the fine-tuned
    model's candidates that pass the gates. `exclusion`: how much an excluded person's agreement falls."""

    topic: int
    ranked: float
    ranked_of_others: float
    ranked_model: float
    single: float
    prompted: float
    best_human: float
    best_of_others: float
    luckiest_human: float
    random_human: float
    composed: float
    composed_of_others: float
    exclusion: float
    valid: float


def test_topics(test: Sequence[Topic], every: Sequence[Topic]) -> list[Topic]:
    """Two-sided topics of the test part that the language model hasn't seen either."""
    unseen = held_out([t.claim for t in every if t.source == "argkp"], ARGKP_TEST_TOPICS) | held_out(
        [t.claim for t in every if t.source == "perspectrum"], PERSPECTRUM_TEST_CLAIMS
    )
    return [t for t in test if t.claim in unseen and min(len(t.pro), len(t.con)) >= LEAST_POINTS]


def draw_groups(topics: Sequence[Topic], count: int) -> list[Group]:
    """So many groups, both sides in each; group i is on topic i modulo their number, whatever the count."""
    groups = []
    for number in range(count):
        rng = np.random.default_rng((SEED, number))
        topic = topics[number % len(topics)]
        size = int(rng.integers(LEAST_PEOPLE, MOST_PEOPLE + 1))
        sides = rng.permutation([1, -1, *rng.choice((1, -1), size - 2)])
        people = [person_on(topic, int(side), rng) for side in sides]
        opinions = tuple(Opinion(f"Person {i + 1}", person.opinion) for i, person in enumerate(people))
        groups.append(Group(topic.question, opinions))
    return groups


def judged(
    pipeline: Pipeline, judge: RewardModel, group: Group, number: int, topic: int, written: bool = True
) -> Judged:
    """The trial of one group; without the language model's part unless `written`."""
    seed, rng = SEED + number, np.random.default_rng((SEED, number, 1))
    opinions = [opinion.text for opinion in group.opinions]

    def agreement(text: str) -> np.ndarray:
        return judge.rate(group.question, opinions, [text])[0]

    def mean(text: str | None, people: Sequence[int] = range(len(opinions))) -> float:
        return float(agreement(text)[people].mean()) if text else np.nan

    table = pipeline.compose(group, seed)
    composed, own = _only(table, "composed"), _only(table, "person")
    nothing = replace(composed, statements=(), ratings=composed.ratings[:0])
    model, single, prompted = _written(pipeline, group, seed) if written else (nothing, None, None)
    chosen = _winner(composed.extended(list(model.statements), model.ratings)) if written else None
    best = own.statements[ranking(own, ALPHA)[0]]
    others = [i for i, person in enumerate(group.people) if person != best.author]
    alone = own.statements[rng.integers(len(own.statements))].text
    return Judged(
        topic=topic,
        ranked=mean(chosen),
        ranked_of_others=mean(chosen, others),
        ranked_model=mean(_winner(model)),
        single=mean(single),
        prompted=mean(prompted),
        best_human=mean(best.text),
        best_of_others=mean(best.text, others),
        luckiest_human=max(mean(statement.text) for statement in own.statements),
        random_human=mean(alone),
        composed=mean(_winner(composed)),
        composed_of_others=mean(_winner(composed), others),
        exclusion=_exclusion(pipeline, judge, group, composed, seed, int(rng.integers(len(opinions)))),
        valid=len(model.statements) / CANDIDATES if single else np.nan,
    )


def _written(pipeline: Pipeline, group: Group, seed: int) -> tuple[Table, str | None, str | None]:
    """Of the language model: the fine-tuned one's candidates that pass the gates, rated; the first of
    them, which stands for an unranked sample; and one sample of the original model, whatever it is.
    Nothing without a model."""
    empty = Table(group, (), np.zeros((0, len(group.opinions))), seed)
    samples = pipeline.samples(group, seed, CANDIDATES, adapted=True)
    if samples is None:
        return empty, None, None
    fine = [text for text, ok in zip(samples, gates.passing(samples, group), strict=True) if ok]
    table = empty.extended([Statement(text, "model") for text in fine], pipeline.rate(group, fine))
    prompted = pipeline.samples(group, seed, 1, adapted=False)
    return table, fine[0] if fine else None, prompted[0] if prompted else None


def _exclusion(
    pipeline: Pipeline, judge: RewardModel, group: Group, composed: Table, seed: int, person: int
) -> float:
    """How much less the judge expects a person to agree if statements are composed, ranked and chosen without
    them."""
    without = _only(pipeline.compose(group.without(person), seed), "composed")
    before, after = _winner(composed), _winner(without)
    if not before or not after:
        return np.nan
    own = [group.opinions[person].text]
    ratings = judge.rate(group.question, own, [before, after])[:, 0]
    return float(ratings[0] - ratings[1])


def _only(table: Table, source: Source) -> Table:
    kept = [k for k, statement in enumerate(table.statements) if statement.source == source]
    return replace(table, statements=tuple(table.statements[k] for k in kept), ratings=table.ratings[kept])


def _winner(table: Table) -> str | None:
    return table.statements[ranking(table, ALPHA)[0]].text if table.statements else None


def win_rate(ours: np.ndarray, theirs: np.ndarray, topics: np.ndarray) -> dict[str, float] | None:
    """Share of groups [n] in which ours is judged higher (ties half), with a bootstrapped 95 % interval."""
    both = ~np.isnan(ours) & ~np.isnan(theirs)
    if not both.any():
        return None
    wins = np.where(ours > theirs, 1.0, np.where(ours == theirs, 0.5, 0.0))[both]
    return {"rate": float(wins.mean()), **interval(wins, topics[both])}


def interval(values: np.ndarray, clusters: np.ndarray | None = None) -> dict[str, float]:
    """95 % interval of a mean, by RESAMPLES bootstrap samples; of whole `clusters` [n], if they are given."""
    rng = np.random.default_rng(SEED)
    labels = np.arange(len(values)) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    total, size = np.bincount(labels, values), np.bincount(labels)
    drawn = rng.integers(0, len(total), (RESAMPLES, len(total)))
    low, high = np.quantile(total[drawn].sum(1) / size[drawn].sum(1), (0.025, 0.975))
    return {"low": float(low), "high": float(high), "n": len(values)}
