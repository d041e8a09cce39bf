"""Which topics nobody may train on: the language model's, the ranker's and the judge's tests use these.

A topic's place follows from a hash of its words, not from its place in a file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

ARGKP_TEST_TOPICS = 8
PERSPECTRUM_TEST_CLAIMS = 150
QUESTIONS_TEST_SPLIT = "ood_test"
"""Of the question bank: whole topics that its authors held out."""


def held_out(topics: Iterable[str], count: int) -> frozenset[str]:
    """`count` of the topics (or claims), the same ones whatever their order and repetitions."""

    def place(topic: str) -> str:
        return hashlib.sha256(topic.strip().lower().encode()).hexdigest()

    return frozenset(sorted(set(topics), key=place)[:count])
