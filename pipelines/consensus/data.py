"""Training and test data of the reward models: topics with what people say for and against them.

Sources: ArgKP (IBM, CDLA-Sharing 1.0), Perspectrum (CC BY-SA), the question bank of the Habermas Machine
(CC BY 4.0). `split` gives every topic to one part only: "ranker", "judge", "validation" (both models'
levels are fitted there) or "test". Topics that nearly repeat one of another part are dropped."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from pipelines.consensus.phrases import negated, question_of

Part = Literal["ranker", "judge", "validation", "test"]
SPLIT_SEED = 2022
TEST_TOPICS, JUDGE_TOPICS, VALIDATION_TOPICS = 7, 6, 2
VALIDATION_CLAIMS = 30
NEAR_DUPLICATE = 0.72
"""Cosine of sentence embeddings above which two claims count as one topic."""
PRIORITY: tuple[Part, ...] = ("test", "judge", "validation", "ranker")
"""Of two near-duplicates in different parts the one in the later part is dropped; but a motion of ArgKP
(there are only 28, with 230 arguments each) stays, and the claim of Perspectrum goes."""


@dataclass(frozen=True)
class Topic:
    """A claim and the points made for (`pro`) and against it (`con`); a point is a tuple of wordings."""

    claim: str
    source: Literal["argkp", "perspectrum"]
    pro: tuple[tuple[str, ...], ...]
    con: tuple[tuple[str, ...], ...]
    official: str = ""

    @property
    def question(self) -> str:
        """The claim as a question."""
        return question_of(self.claim)

    def side(self, sign: int) -> tuple[tuple[str, ...], ...]:
        """The points of one side: 1 for, -1 against."""
        return self.pro if sign > 0 else self.con


@dataclass(frozen=True)
class Question:
    """A question of the bank with its two answers."""

    text: str
    affirming: str
    negating: str
    split: str


def read_argkp(folder: Path) -> list[Topic]:
    """28 topics; an argument stands alone as a point."""
    sides: dict[str, dict[int, list[tuple[str, ...]]]] = {}
    for name in ("train", "dev"):
        with (folder / f"arguments_{name}.csv").open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                topic = sides.setdefault(row["topic"].strip(), {1: [], -1: []})
                topic[int(row["stance"])].append((row["argument"].strip(" `"),))
    return [Topic(claim, "argkp", tuple(side[1]), tuple(side[-1])) for claim, side in sides.items()]


def read_perspectrum(folder: Path) -> list[Topic]:
    """About 900 claims; the wordings of a point are its cluster of perspectives."""
    pool = {
        entry["pId"]: " ".join(entry["text"].split()).strip(": ")
        for entry in json.loads((folder / "perspective_pool_v1.0.json").read_text(encoding="utf-8"))
    }
    split = json.loads((folder / "dataset_split_v1.0.json").read_text(encoding="utf-8"))
    claims = json.loads((folder / "perspectrum_with_answers_v1.0.json").read_text(encoding="utf-8"))
    topics = []
    for entry in claims:
        sides: dict[str, list[tuple[str, ...]]] = {"SUPPORT": [], "UNDERMINE": []}
        for cluster in entry["perspectives"]:
            sides[cluster["stance_label_3"]].append(tuple(pool[pid] for pid in cluster["pids"]))
        pro, con = tuple(sides["SUPPORT"]), tuple(sides["UNDERMINE"])
        topics.append(Topic(entry["text"].strip(), "perspectrum", pro, con, split[str(entry["cId"])]))
    return topics


def read_questions(folder: Path) -> list[Question]:
    """The question bank."""
    entries = json.loads((folder / "habermas_questions.json").read_text(encoding="utf-8"))
    return [
        Question(e["question"], e["affirming_statement"], e["negating_statement"], e["split"])
        for e in entries
        if e["affirming_statement"] and e["negating_statement"]
    ]


def read_parts(folder: Path, embed: Embed) -> dict[Part, list[Topic]]:
    """All topics, by part."""
    return split(read_argkp(folder / "argkp") + read_perspectrum(folder / "perspectrum"), embed)


Embed = Callable[[Sequence[str]], np.ndarray]
"""Texts -> unit vectors [n, width]."""


def split(topics: Sequence[Topic], embed: Embed) -> dict[Part, list[Topic]]:
    """Topics by part. Perspectrum keeps its official split (train, dev, test -> ranker, judge, test)."""
    parts: dict[Part, list[Topic]] = {"ranker": [], "judge": [], "validation": [], "test": []}
    rng = np.random.default_rng(SPLIT_SEED)
    motions = [topic for topic in topics if topic.source == "argkp"]
    ends = np.cumsum([TEST_TOPICS, JUDGE_TOPICS, VALIDATION_TOPICS])
    for name, indices in zip(
        ("test", "judge", "validation", "ranker"), np.split(rng.permutation(len(motions)), ends), strict=True
    ):
        parts[name] += [motions[i] for i in indices]
    claims = [topic for topic in topics if topic.source == "perspectrum"]
    official: dict[str, list[Topic]] = {"train": [], "dev": [], "test": []}
    for topic in claims:
        official[topic.official].append(topic)
    kept = set(rng.permutation(len(official["train"]))[:VALIDATION_CLAIMS].tolist())
    parts["validation"] += [topic for i, topic in enumerate(official["train"]) if i in kept]
    parts["ranker"] += [topic for i, topic in enumerate(official["train"]) if i not in kept]
    parts["judge"] += official["dev"]
    parts["test"] += official["test"]
    vectors = dict(zip((t.claim for t in topics), embed([t.claim for t in topics]), strict=True))

    def near(topic: Topic, others: Sequence[Topic]) -> bool:
        return any(vectors[topic.claim] @ vectors[other.claim] >= NEAR_DUPLICATE for other in others)

    for position, name in enumerate(PRIORITY):
        first = [topic for other in PRIORITY[:position] for topic in parts[other]]
        later = [topic for other in PRIORITY[position + 1 :] for topic in parts[other]]
        motions_later = [topic for topic in later if topic.source == "argkp"]
        parts[name] = [
            t for t in parts[name] if not near(t, first if t.source == "argkp" else first + motions_later)
        ]
    return parts


def apart(questions: Sequence[Question], topics: Sequence[Topic], embed: Embed) -> list[Question]:
    """The questions that nearly repeat none of the topics."""
    known = embed([topic.claim for topic in topics])
    near = (embed([question.affirming for question in questions]) @ known.T).max(1)
    return [question for question, value in zip(questions, near, strict=True) if value < NEAR_DUPLICATE]


def stances(topic: Topic) -> list[tuple[str, str, int]]:
    """Every wording of every point with the claim: (claim, text, 1 if it supports the claim else 0)."""
    return [
        (topic.claim, text, label)
        for label, side in ((1, topic.pro), (0, topic.con))
        for point in side
        for text in point
    ]


def opposite(topic: Topic, sign: int) -> str:
    """The claim (1) or its negation (-1)."""
    return topic.claim if sign > 0 else negated(topic.claim)
