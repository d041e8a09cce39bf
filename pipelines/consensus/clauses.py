"""Opinions taken apart: clauses that can stand in somebody else's sentence, spoken for a group."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipelines.consensus.groups import Group
from pipelines.consensus.phrases import clause, sentences

LEAST_WORDS, MOST_WORDS = 4, 26
LONG_ENOUGH = 9
"""Words that a clause needs for a pronoun at its end to refer to something within it."""

_OPENERS = re.compile(
    r"^(yes|no|well|so|and|but|also|still|however|besides|moreover|of course|honestly|frankly|personally|"
    r"in my (opinion|view)|in the end|to me|for me|anyway|absolutely( not)?|definitely( not)?|"
    r"i (really |also |do |don't |firmly |strongly |just )*"
    r"(think|believe|feel|say|guess|know|find|agree)( that)?|"
    r"i am (sure|convinced|certain)( that)?|i'm (sure|convinced|certain)( that)?)\b[\s,.:;!–-]*",
    re.IGNORECASE,
)
_AS_A = re.compile(r"^as an? [\w-]+( [\w-]+)?,? (?=i\b)", re.IGNORECASE)
_BREAK = re.compile(
    r"\s*(?:[;–—]|,? but |, (?:so|yet|although|though|since|because|while) | because )\s*", re.IGNORECASE
)
_FIRST = re.compile(r"\b(i|i'm|i've|i'd|i'll|me|my|mine|myself)\b", re.IGNORECASE)
_NORM = re.compile(r"\b(should|must|has to|have to|needs? to|ought to|only if)\b", re.IGNORECASE)
_UNCLEAR = re.compile(
    r"^(it|they|that|this|these|those|he|she|him|her|them|then|which|who|such|otherwise|ban|stop|make|do|let|"
    r"if so)\b",
    re.IGNORECASE,
)
_DANGLING = re.compile(r"\b(it|them|that|this|these|those|there|so|too|him|her)$", re.IGNORECASE)
_VERB = re.compile(
    r"\b(is|are|was|were|be|been|has|have|had|do|does|did|can|can't|could|will|would|won't|should|must|may|"
    r"might|need|make|take|give|get|go|come|cost|mean|help|hurt|work|kill|protect|want|keep|let|pay|cause|"
    r"\w+(?:s|ed|en))\b|^(?:they|we|you|people|i)\b",
    re.IGNORECASE,
)
_SPOKEN = {
    "i": "we",
    "i'm": "we are",
    "i've": "we have",
    "i'd": "we would",
    "i'll": "we will",
    "me": "us",
    "my": "our",
    "mine": "ours",
    "myself": "ourselves",
}


@dataclass(frozen=True)
class Clause:
    """A clause of one person's opinion: `text` as written, `spoken` for the group, within a sentence.

    `norm`: it asks for something. `clear` (0..1): how well it stands outside its context.
    """

    author: int
    text: str
    spoken: str
    norm: bool
    clear: float


def clauses_of(group: Group) -> list[Clause]:
    """The clauses of all opinions, in the order of their text, whoever said them first."""
    found: list[Clause] = []
    for author, opinion in enumerate(group.opinions):
        said: set[str] = set()
        for text in sentences(opinion.text):
            for part in _parts(text):
                if part.casefold() not in said:
                    said.add(part.casefold())
                    found.append(_clause(author, part))
    return sorted(found, key=lambda c: (c.text, group.opinions[c.author].text))


def _parts(text: str) -> list[str]:
    """Clauses of a sentence: at "but", "because", semicolons; only if each part can stand alone."""
    bare = _opened(text)
    parts = [_opened(part) for part in _BREAK.split(bare)]
    whole = [part for part in parts if _stands(part)]
    if len(whole) == len(parts) or not _stands(bare):
        return whole
    return [bare]


def _opened(text: str) -> str:
    """Without "Yes,", "I think that", "As a teacher" and the like at its beginning."""
    previous = None
    while previous != text:
        previous, text = text, _OPENERS.sub("", text, count=1)
    return clause(_AS_A.sub("", text))


def _stands(text: str) -> bool:
    count = len(text.split())
    answer = count <= 6 and _NORM.search(text) and _DANGLING.search(text)  # "we should build them"
    return LEAST_WORDS <= count <= MOST_WORDS and bool(_VERB.search(text)) and not answer


def _clause(author: int, text: str) -> Clause:
    unclear = bool(_UNCLEAR.match(text) or (_DANGLING.search(text) and len(text.split()) <= LONG_ENOUGH))
    clear = 0.0 if unclear else 0.6 if _FIRST.search(text) else 1.0
    said = f"in the words of one of us, “{text}”" if unclear else spoken(text)
    return Clause(author, text, said, bool(_NORM.search(text)), clear)


def spoken(text: str) -> str:
    """A clause said by one person, as the group says it: "I run a shop" -> "some of us run a shop"."""
    if not _FIRST.search(text):
        return text
    if not re.search(r"\bI\b", text):
        return "some of us say that " + _FIRST.sub(lambda match: _SPOKEN[match[0].casefold()], text)
    text = re.sub(r"\bI am\b|\bI'm\b", "I are", text)
    text = re.sub(r"\bI was\b", "I were", text)
    first = True

    def replace(match: re.Match[str]) -> str:
        nonlocal first
        word = match[0].casefold()
        if word == "i" and first:
            first = False
            return "some of us"
        if word in ("i've", "i'd", "i'll") and first:
            first = False
            return "some of us" + _SPOKEN[word].removeprefix("we")
        return _SPOKEN[word]

    return _FIRST.sub(replace, text)
