"""One person's words, told by the group: "I run a shop" -> "one of us runs a shop".

Rules for the commonest verbs and auxiliaries; whoever speaks is "one of us" and then "they"."""

from __future__ import annotations

import re

FIRST = re.compile(r"\b(i|i'm|i've|i'd|i'll|me|my|mine|myself)\b", re.IGNORECASE)
_OTHERS = {"me": "them", "my": "their", "mine": "theirs", "myself": "themselves"}
_THEY = {"i": "they", "i'm": "they are", "i've": "they have", "i'd": "they would", "i'll": "they will"}
_THIRD = {"am": "is", "have": "has", "haven't": "hasn't", "do": "does", "don't": "doesn't"}
_SAME = re.compile(
    "can|can't|cannot|could|couldn't|will|won't|would|wouldn't|should|shouldn't|must|mustn't|may|might|had|"
    "hadn't|did|didn't|was|wasn't|ought|said|went|got|took|made|came|saw|knew|thought|felt|found|gave|told|"
    r"kept|left|lost|brought|bought|grew|spent|paid|met|ran|sat|stood|understood|heard|held|wrote|became|"
    r"began|chose|drove|ate|fell|(?!need$|feed$)\w+ed"
)
_ADVERB = re.compile(r"also|always|never|often|just|only|still|already|even|both|now|rather|\w+ly")
_BEGINS = re.compile(r"^I(?:'(?P<short>m|ve|d|ll))?\s+(?P<rest>.+)$", re.DOTALL)
_AND_I = re.compile(r"\band I(?:'(?P<short>m|ve|d|ll)| (?P<verb>[\w']+)) ")
_SHORT = {"m": "is", "ve": "has", "d": "would", "ll": "will"}
_NO_SUBJECT = re.compile(r"^(fine|ok|okay|happy|sure|good|great)\b", re.IGNORECASE)


def told(text: str) -> str:
    """A clause said by one person, as the group says it within a sentence."""
    if not FIRST.search(text):
        return text
    if _NO_SUBJECT.match(text):
        return quoted(text)
    begins = _BEGINS.match(text)
    if not begins and re.search(r"\bmy\b", text, re.IGNORECASE) and not re.search(r"\b(I|me)\b", text):
        return _they(re.sub(r"\bmy\b", "one member's", text, count=1, flags=re.IGNORECASE))
    if not begins:
        return f"one of us says that {_they(text)}"
    said = f"{_SHORT[begins['short']]} {begins['rest']}" if begins["short"] else _third(begins["rest"])
    return f"one of us {_they(_AND_I.sub(_and, said))}"


def _and(match: re.Match[str]) -> str:
    """ "and I can't" -> "and can't", "and I save" -> "and saves"."""
    return f"and {_SHORT[match['short']] if match['short'] else _inflected(match['verb'])} "


def quoted(text: str) -> str:
    """A clause that can't be told, in its own words."""
    return f"one of us says, “{text}”"


def _they(text: str) -> str:
    """The first person as "they", verbs with it."""
    text = re.sub(r"\bI am\b", "they are", text)
    text = re.sub(r"\bI was\b", "they were", text)
    text = re.sub(r"\bI wasn't\b", "they weren't", text)
    return FIRST.sub(lambda match: (_THEY | _OTHERS)[match[0].casefold()], text)


def _third(text: str) -> str:
    """What follows "I", as it follows "one of us"."""
    words = text.split(" ")
    for index, word in enumerate(words):
        if not _ADVERB.fullmatch(word.casefold()):
            words[index] = _inflected(word)
            break
    return " ".join(words)


def _inflected(verb: str) -> str:
    plain = verb.casefold()
    if plain in _THIRD:
        return _THIRD[plain]
    if _SAME.fullmatch(plain):
        return verb
    if re.search(r"(s|x|z|ch|sh|o)$", plain):
        return f"{verb}es"
    return f"{verb[:-1]}ies" if re.search(r"[^aeiou]y$", plain) else f"{verb}s"
