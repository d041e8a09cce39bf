"""Gates that a machine-written statement passes before anybody sees it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

import numpy as np

from pipelines.consensus.groups import Group
from pipelines.consensus.phrases import COMMON, sentences
from pipelines.consensus.prompt import REVISION, TASK

LEAST_WORDS, MOST_WORDS = 15, 80
MOST_COPIED = 0.8
LEAST_ON_TOPIC = 0.35
REPEATED = 8
MOST_IN_SENTENCE, MOST_IN_STATEMENT = 2, 4
"""How often one word of content may stand."""
SHORTEST_COPY = 4
"""Words in a row that count as copied."""
INSTRUCTED = 6
"""Words in a row that may not be those of the language model's instructions."""

_ONE_VOICE = re.compile(r"\b(I|me|my|mine|myself)\b(?!\.)")
_LEAD_IN = re.compile(r"^[^.:]{0,80}\b(answer|statement|sentence|response|way forward)\b[^.:]{0,30}:", re.I)
_QUOTED = re.compile(r"[“\"][^”\"]*[”\"]")

_WORD = re.compile(r"[\w'’]+")


def words(text: str) -> list[str]:
    """The words of a text, in small letters."""
    return _WORD.findall(text.casefold())


def faults(text: str, group: Group, topic: float) -> list[str]:
    """What is wrong with a statement, in words of the gate; empty if it passes. `topic`: `on_topic` of it."""
    found, said = [], words(text)
    if not re.search(r"[.!?][\"”’')]?$", text.strip()):
        found.append("unfinished")
    if len(said) < LEAST_WORDS:
        found.append("short")
    if len(said) > MOST_WORDS:
        found.append("long")
    if max(copied(said, words(opinion.text)) for opinion in group.opinions) > MOST_COPIED:
        found.append("copied")
    if repeats(said) or harps(text):
        found.append("repeats")
    if _ONE_VOICE.search(_QUOTED.sub("", text)):
        found.append("one person's voice")
    if _longest_run(said, words(f"{TASK} {REVISION}")) >= INSTRUCTED:
        found.append("instructions")
    if _LEAD_IN.search(text):
        found.append("lead-in")
    if text.count("“") != text.count("”") or text.count('"') % 2:
        found.append("open quotation")
    if topic < LEAST_ON_TOPIC:
        found.append("off topic")
    return found


def copied(said: Sequence[str], opinion: Sequence[str]) -> float:
    """Share (0..1) of a statement's words that stand in runs of SHORTEST_COPY or more taken from one
    opinion."""
    if not said:
        return 0.0
    blocks = SequenceMatcher(None, said, opinion, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks if block.size >= SHORTEST_COPY) / len(said)


def _longest_run(said: Sequence[str], other: Sequence[str]) -> int:
    """Words of the longest run that stands in both."""
    match = SequenceMatcher(None, said, other, autojunk=False)
    return match.find_longest_match(0, len(said), 0, len(other)).size


def repeats(said: Sequence[str]) -> bool:
    """Whether any REPEATED words stand twice."""
    runs = [tuple(said[i : i + REPEATED]) for i in range(len(said) - REPEATED + 1)]
    return len(set(runs)) < len(runs)


def harps(text: str) -> bool:
    """Whether a word of content stands too often ("a ban than a ban, let a ban")."""

    def most(said: Iterable[str]) -> int:
        return max(Counter(word for word in said if len(word) > 2 and word not in COMMON).values(), default=0)

    each = [most(words(sentence)) for sentence in sentences(text)]
    return max(each, default=0) > MOST_IN_SENTENCE or most(words(text)) > MOST_IN_STATEMENT


def on_topic(texts: Sequence[str], group: Group) -> np.ndarray:
    """Cosine [n] of texts to what the group talks about: the nearest of its question and its opinions."""
    from pipelines.backbones import sentences

    if not texts:
        return np.zeros(0)
    subject = [group.question, *sorted(opinion.text for opinion in group.opinions)]
    vectors = sentences.load().encode([*texts, *subject]).pooled.cpu().numpy()
    return (vectors[: len(texts)] @ vectors[len(texts) :].T).max(1)


def passing(texts: Sequence[str], group: Group) -> list[bool]:
    """Which texts pass every gate."""
    return [not faults(text, group, topic) for text, topic in zip(texts, on_topic(texts, group), strict=True)]
