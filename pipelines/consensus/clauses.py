"""Opinions taken apart: clauses that can stand in somebody else's sentence, spoken for a group."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipelines.consensus.groups import Group
from pipelines.consensus.phrases import claim_of, clause, english, sentences
from pipelines.consensus.told import FIRST, quoted, told

LEAST_WORDS, MOST_WORDS = 4, 26
SOON = 6
"""Words within which a demand says that it is one."""
LONG_ENOUGH = 9
"""Words that a clause needs for a pronoun at its end to refer to something within it."""

_OPENERS = re.compile(
    r"^(yes|no|not yet|well|so|and|but|also|still|however|besides|moreover|of course|honestly|frankly|"
    r"personally|in my (opinion|view)|in the end|to me|for me|anyway|absolutely( not)?|definitely( not)?|"
    r"on the (one|other) hand|at the moment|maybe|perhaps|(because )?then|because|"
    r"i (really |also |do |don't |firmly |strongly |just )*"
    r"(think|believe|feel|say|guess|know|find(?! out)|agree)( that)?|"
    r"i am (sure|convinced|certain)( that)?|i'm (sure|convinced|certain)( that)?)\b[\s,.:;!–-]*",
    re.IGNORECASE,
)
_TAIL = re.compile(r",? (?:full stop|period|at first|as well|anyway|though)$", re.IGNORECASE)
_AS_A = re.compile(r"^as an? [\w-]+( [\w-]+)?,? (?=i\b)", re.IGNORECASE)
_BREAK = re.compile(
    r"\s*(?:[;–—]|,? but |, (?:yet|although|though|since|because|while) | because |, (?=I ))\s*",
    re.IGNORECASE,
)
_CONSEQUENCE = re.compile(r", (?:so|and so|therefore|which is why) ", re.IGNORECASE)
_AND = re.compile(r", and ", re.IGNORECASE)
_SCORN = re.compile(
    r"^(oh|yeah|sure|great|wow|bravo|brilliant|wonderful|fantastic)\b|let's just", re.IGNORECASE
)
_NO_POINT = re.compile(
    r"\b(like|love|hate|see|support|oppose|agree|disagree|against|for|depends)\b.{0,12}"
    r"\b(idea|plan|proposal|this|that|it|job|case|sides)$",
    re.IGNORECASE,
)
_NORM = re.compile(
    r"\b(should|must|has to|(?<!would )have to|needs? to|ought to|only if|we (?:could|can|might))\b(?!')",
    re.IGNORECASE,
)
_UNCLEAR = re.compile(
    r"^(?:(?:(?:if|when|because|since|as) )?(?:it|they|that|this|these|he|she)|those(?! who)|him|her|them|"
    r"then|which|who|such|otherwise|do|if so|only (?:if|when|after))\b",
    re.IGNORECASE,
)
_WHO = re.compile(r"^(?!.*\bmy\b).*\b(?:he|she|her|his|him)\b", re.IGNORECASE)
_QUOTABLE = re.compile(
    r"^(only|fine|ok|okay|happy|it (?:would|will|should|could|is|has)|it's)\b", re.IGNORECASE
)
"""Beginnings of words that are understood as a quotation: "it" is what is asked about."""
_STANDS_FOR = re.compile(
    r"^(?:(?P<many>they(?!'d))|(?P<one>it(?= (?:should|must|needs|has to)\b))|(?P<who>s?he(?!'s|'d)))"
    r"(?P<are>'re|'ll|'ve)?(?= )",
    re.IGNORECASE,
)
_SHORT = {"'re": " are", "'ll": " will", "'ve": " have"}
_CLAIM = re.compile(
    r"^(?P<who>.+?) (?:should|must|can|could|will|would|is|are|was|were|has|have)(?: not)? "
    r"(?P<verb>\w+) ?(?P<what>.*)$"
)
_PREPOSITION = re.compile(r" (?:in|on|at|for|to|of|from|with|by|until|after|before|during|into|instead)\b.*$")
_DANGLING = re.compile(r"\b(it|them|that|this|these|those|there|so|too|him|her)$", re.IGNORECASE)
_VERB = re.compile(
    r"\b(is|are|was|were|be|been|has|have|had|do|does|did|can|can't|could|will|would|won't|should|must|may|"
    r"might|need|make|take|give|get|go|come|cost|mean|help|hurt|work|kill|protect|want|keep|let|pay|cause|"
    r"\w+(?:s|ed|en))\b|^(?:they|we|you|people|i)\b",
    re.IGNORECASE,
)
_IMPERATIVE = re.compile(
    r"^(?:please )?(?=(?:abolish|allow|ask|ban|build|close|cut|enforce|fine|forbid|fund|give|help|invest|"
    r"keep|leave|let|limit|listen|lower|make|offer|open|pay|protect|provide|put|raise|reduce|reform|replace|"
    r"require|respect|set|spend|start|stop|support|tax|teach|tear|test|train|treat|try|turn|use)\b"
    r"(?! (?:\w+ )?(?:of|is|are|was|were|should|must|can|could|will|would|has|have|may|does|do)\b))",
    re.IGNORECASE,
)


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
    """The clauses of all opinions that are in English, in the order of their text; a clause of several people
    counts for the first of them in the order of opinions."""
    found: dict[str, Clause] = {}
    asked = _asked_about(group.question)
    for author in sorted(range(len(group.opinions)), key=lambda i: group.opinions[i].text):
        opinion = group.opinions[author].text
        parts = [part for text in sentences(opinion) if english(opinion) for part in _parts(text)]
        for number, part in enumerate(parts):
            whole = part if number else _named(part, asked)
            found.setdefault(whole.casefold(), _clause(author, whole, bool(_person(asked))))
    return sorted((c for c in found.values() if c.spoken), key=lambda c: c.text)


def _asked_about(question: str) -> tuple[str, str]:
    """Subject and object of a yes/no question, "" where there is none."""
    match = _CLAIM.match(claim_of(question))
    if not match:
        return "", ""
    subject = "" if match["who"].casefold() in ("we", "you", "i", "it", "there", "everyone") else match["who"]
    return subject, "" if match["verb"] == "be" else _PREPOSITION.sub("", match["what"])


def _named(part: str, asked: tuple[str, str]) -> str:
    """The first clause of an opinion, where its "they" stands for what the question asks about: named."""
    match = _STANDS_FOR.match(part)
    if not match:
        return part
    subject, what = asked
    thing = what or subject
    many = thing.endswith("s") and not thing.endswith("ss")
    fits = thing if many == bool(match["many"]) else ""
    name = _person(asked) if match["who"] else fits
    return name + _SHORT.get(match["are"] or "", "") + part[match.end() :] if name else part


def _person(asked: tuple[str, str]) -> str:
    """Of whom "she" may be said: the question's subject if that is one word for one; else ""."""
    subject = asked[0]
    return "" if " " in subject or subject.endswith("s") else subject


def _parts(text: str) -> list[str]:
    """Clauses of a sentence: at "but", "because", semicolons, and at ", and" between sentences; only if each
    part can stand alone. Of "..., so ..." the first part is enough."""
    if text.endswith("?") or _SCORN.search(text):  # a question or scorn says something else than its words
        return []
    bare = _opened(text)
    parts = [_opened(part) for part in _BREAK.split(bare)]
    tied = any(_UNCLEAR.match(part) for part in parts[1:]) or re.search(r"\bonly\b", parts[0], re.IGNORECASE)
    if tied or not all(_stands(part) for part in parts):
        parts = [bare] if _stands(bare) else [part for part in parts if _stands(part)]
    return [piece for part in parts for piece in _sentences_of(part)]


def _sentences_of(part: str) -> list[str]:
    head, *rest = _CONSEQUENCE.split(part)
    if rest and _stands(head):
        tail = clause(rest[0])
        part, after = head, [tail] if len(rest) == 1 and _stands(tail) and not _UNCLEAR.match(tail) else []
    else:
        after = []
    pieces = [clause(piece) for piece in _AND.split(part)]
    alone = all(_stands(piece) and not _UNCLEAR.match(piece) for piece in pieces)
    return (pieces if alone else [part]) + after


def _opened(text: str) -> str:
    """Without "Yes,", "I think that", "As a teacher" and the like at its beginning."""
    previous = None
    while previous != text:
        previous, text = text, _OPENERS.sub("", text, count=1)
    return clause(_TAIL.sub("", clause(_AS_A.sub("", text))))


def _stands(text: str) -> bool:
    count = len(text.split())
    answer = count <= 6 and _NORM.search(text) and _DANGLING.search(text)  # "we should build them"
    empty = answer or (count <= 6 and _NO_POINT.search(text))  # "I like the idea"
    return LEAST_WORDS <= count <= MOST_WORDS and bool(_VERB.search(text)) and not empty


def _clause(author: int, text: str, known: bool) -> Clause:
    """A clause of one person; `known`: "she" is the one who is asked about."""
    asks = _IMPERATIVE.match(text)
    dangles = _DANGLING.search(text) and len(text.split()) <= LONG_ENOUGH
    unclear = bool(_UNCLEAR.match(text) or dangles or (_WHO.match(text) and not known)) and not asks
    said = f"we should {text[asks.end() :]}" if asks and not FIRST.search(text) else told(text)
    said = (quoted(text) if _QUOTABLE.match(text) else "") if unclear else said
    clear = 0.0 if unclear or said == quoted(text) else 0.8 if FIRST.search(text) else 1.0
    return Clause(author, text, said, bool(asks or _demands(text)), clear)


def _demands(text: str) -> bool:
    """Whether a clause asks for something, and not by the way."""
    match = _NORM.search(text)
    return bool(match) and (len(text[: match.start()].split()) <= SOON or text.startswith("if "))
