"""Random training examples of every kind for one part of the topics (train.py)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from pipelines.backbones import sentences
from pipelines.consensus import data, votes
from pipelines.consensus.data import Part, Question, Topic
from pipelines.consensus.grades import OFF_TOPIC, OWN_WORDS, grade, person_on, statement_on
from pipelines.consensus.phrases import clause, negated, question_of, reversed_by_opposite, sentence

SHARES = {
    "ranker": {"claim": 0.72, "texts": 0.11, "question": 0.03, "graded": 0.06, "vote": 0.08},
    "judge": {"claim": 0.70, "texts": 0.15, "question": 0.03, "graded": 0.12},
}
MOTION_SHARE = 0.35
"""Of the stance examples, how many come from ArgKP."""
QUESTIONS = 2000


@dataclass(frozen=True)
class Example:
    """A first text with one or more second texts, their targets, and what is asked about them."""

    kind: Literal["stance", "graded", "vote"]
    first: str
    seconds: tuple[str, ...]
    targets: tuple[float, ...]
    weight: float = 1.0


@dataclass
class Links:
    """Vote links of a conversation's training part: `pairs` [m, 2] indices, `target`, `weight` [m], and the
    probabilities [m] with which pairs are drawn."""

    texts: tuple[str, ...]
    pairs: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    chance: np.ndarray


@dataclass
class Source:
    """Draws examples from one part of the topics."""

    folder: Path
    part: Part
    parts: dict[Part, list[Topic]] = field(init=False)

    def __post_init__(self) -> None:
        self.embed = embed = embedder()
        self.parts = data.read_parts(self.folder, embed)
        mine = self.parts[self.part]
        self.motions = [topic for topic in mine if topic.source == "argkp"]
        self.claims = [topic for topic in mine if topic.source == "perspectrum"]
        self.stances = {
            "argkp": [stance for topic in self.motions for stance in data.stances(topic)],
            "perspectrum": [stance for topic in self.claims for stance in data.stances(topic)],
        }
        self.two_sided = {
            "argkp": self.motions,
            "perspectrum": [topic for topic in self.claims if topic.pro and topic.con],
        }
        self.questions = self._questions(embed)
        self.links = self._links() if self.part == "ranker" else []

    def about(self) -> str:
        """What there is, in a line."""
        return (
            f"{self.part}: {len(self.motions)} motions, {len(self.claims)} claims, "
            f"{len(self.questions)} questions, {sum(map(len, self.stances.values()))} stances, "
            f"{sum(len(link.pairs) for link in self.links)} vote links"
        )

    def draw(self, count: int, rng: np.random.Generator) -> list[Example]:
        """So many examples, kinds by SHARES."""
        shares = SHARES[self.part]
        kinds = rng.choice(list(shares), size=count, p=list(shares.values()))
        return [getattr(self, f"_{kind}")(rng) for kind in kinds]

    def _claim(self, rng: np.random.Generator) -> Example:
        stances = self.stances[_collection(rng)]
        claim, text, label = stances[rng.integers(len(stances))]
        form = rng.random()
        if form < 0.22:
            flipped = rng.random() < 0.5 and reversed_by_opposite(claim)
            claim, label = flipped or negated(claim), 1 - label
        elif form < 0.28:
            yes = rng.random() < 0.5
            claim, label = f"{question_of(claim)} {'Yes' if yes else 'No'}.", label if yes else 1 - label
        elif form < 0.36:
            claim = f"{question_of(claim)} {sentence(claim)}"
        first, second = (text, claim) if form >= 0.88 else (claim, text)
        return Example("stance", first, (second,), (float(label),))

    def _texts(self, rng: np.random.Generator) -> Example:
        topic = _one(self.two_sided[_collection(rng)], rng)
        side, other = (int(s) for s in rng.choice((1, -1), size=2))
        first, second = _wording(topic, side, rng), _wording(topic, other, rng)
        context = rng.random()
        before = f"{topic.question} " if context < 0.7 else f"{sentence(data.opposite(topic, side))} "
        first = before + sentence(first) if context < 0.9 else first
        return Example("stance", first, (second,), (float(side == other),))

    def _question(self, rng: np.random.Generator) -> Example:
        question = _one(self.questions, rng)
        yes, other = rng.random(2) < 0.5
        said = question.affirming if yes else question.negating
        opening = ("", "I think that ", "Yes, " if yes else "No, ", "I am sure that ")[rng.integers(4)]
        opinion = said if not opening else opening + clause(said)
        first = f"{question.text} {sentence(opinion)}" if rng.random() < 0.7 else said
        if rng.random() < 0.15:
            first = f"{question.text} {'Yes' if yes else 'No'}."
        second = question.affirming if other else question.negating
        return Example("stance", first, (second,), (float(yes == other),))

    def _graded(self, rng: np.random.Generator) -> Example:
        topic = _one(self.two_sided[_collection(rng)], rng)
        person = person_on(topic, int(rng.choice((1, -1))), rng)
        made = [
            statement_on(topic, core, concedes, rng)
            for core, concedes in ((1, False), (1, True), (0, True), (-1, True), (-1, False))
        ]
        texts = [statement.text for statement in made]
        targets = [grade(person, statement) for statement in made]
        if rng.random() < 0.3:
            texts.append(person.opinion)
            targets.append(OWN_WORDS)
        if rng.random() < 0.2:
            elsewhere = _one(self.two_sided["perspectrum"], rng)
            if elsewhere is not topic:
                texts.append(statement_on(elsewhere, int(rng.choice((1, 0, -1))), True, rng).text)
                targets.append(OFF_TOPIC)
        kept = rng.permutation(len(texts))[:3]
        return Example(
            "graded",
            f"{topic.question} {person.opinion}",
            tuple(texts[i] for i in kept),
            tuple(targets[i] for i in kept),
        )

    def _vote(self, rng: np.random.Generator) -> Example:
        links = _one(self.links, rng)
        index = (
            rng.choice(len(links.pairs), p=links.chance)
            if rng.random() < 0.5
            else rng.integers(len(links.pairs))
        )
        a, b = rng.permutation(links.pairs[index])
        return Example("vote", links.texts[a], (links.texts[b],), (links.target[index],), links.weight[index])

    def _questions(self, embed: data.Embed) -> list[Question]:
        bank = [q for q in data.read_questions(self.folder / "questions") if q.split == "train"]
        mine = bank[0::2] if self.part == "ranker" else bank[1::2]
        chosen = np.random.default_rng(data.SPLIT_SEED).permutation(len(mine))[:QUESTIONS]
        return data.apart([mine[i] for i in chosen], self.parts["test"], embed)

    def _links(self) -> list[Links]:
        found = []
        for conversation in votes.read_polis(self.folder / "polis"):
            people, statements = conversation.held_out()
            if conversation.new:
                continue
            kept = np.flatnonzero(~statements)
            link, both = votes.links(conversation.votes[np.ix_(~people, kept)])
            a, b = np.triu_indices(len(kept), 1)
            enough = both[a, b] >= votes.LEAST_VOTES
            a, b = a[enough], b[enough]
            if not len(a):
                continue
            target = link[a, b]
            found.append(
                Links(
                    tuple(conversation.texts[i] for i in kept),
                    np.column_stack([a, b]),
                    target,
                    np.minimum(both[a, b] / 50, 1.0),
                    target**2 / (target**2).sum(),
                )
            )
        return found


def embedder() -> data.Embed:
    """MiniLM's sentence embeddings in batches."""
    encoder = sentences.load()

    def embed(texts) -> np.ndarray:
        parts = [encoder.encode(texts[i : i + 64]).pooled.numpy() for i in range(0, len(texts), 64)]
        return np.concatenate(parts)

    return embed


def _collection(rng: np.random.Generator) -> str:
    return "argkp" if rng.random() < MOTION_SHARE else "perspectrum"


def _one(items, rng: np.random.Generator):
    return items[rng.integers(len(items))]


def _wording(topic: Topic, side: int, rng: np.random.Generator) -> str:
    return str(rng.choice(_one(topic.side(side), rng)))
