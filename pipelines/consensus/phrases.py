"""English at the level of clauses: what composed statements and training statements are put together from.

Rules, not a grammar: they know modal verbs, the commonest auxiliaries and who speaks.
"""

from __future__ import annotations

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_END = " .,;:!?-–—"
_PROPER = _words(
    "i i'm i've i'd i'll africa african america american asia asian australia australian brazil britain "
    "british canada canadian catholic china chinese christian christians christmas english europe "
    "european europeans facebook france french german germany god google greece hindu india indian iran "
    "iraq ireland irish islam islamic israel israeli italy japan japanese jew jewish jews london mexico "
    "monday muslim muslims nato obama olympic olympics palestine paris quran russia russian saturday "
    "scotland spain sunday switzerland syria taiwan tibet trump turkey twitter ukraine wales washington "
    "western "
)
_AUXILIARY = "should|must|ought to|can|could|will|would|is|are|was|were|has|have|does|do"
_NOT = re.compile(rf"\b({_AUXILIARY}) not\b", re.IGNORECASE)
_FIRST_AUXILIARY = re.compile(rf"\b({_AUXILIARY})\b(?! not)", re.IGNORECASE)
_OPPOSITES = (
    ("ban", "allow"),
    ("banned", "allowed"),
    ("prohibit", "allow"),
    ("prohibited", "allowed"),
    ("outlawed", "legal"),
    ("legalize", "ban"),
    ("legalized", "banned"),
    ("legal", "illegal"),
    ("abolish", "keep"),
    ("abolished", "kept"),
    ("abandon", "keep"),
    ("abandoned", "kept"),
    ("end", "keep"),
    ("close", "keep"),
    ("adopt", "reject"),
    ("fight", "support"),
    ("increase", "reduce"),
    ("increased", "reduced"),
    ("compulsory", "voluntary"),
    ("mandatory", "voluntary"),
    ("more", "less"),
    ("better", "worse"),
    ("good", "bad"),
    ("beneficial", "harmful"),
    ("right", "wrong"),
    ("fair", "unfair"),
    ("necessary", "unnecessary"),
)
_SWAPS = {a: b for pair in _OPPOSITES for a, b in (pair, pair[::-1])}
_STATEMENT = re.compile(
    r"^(?P<who>.+?) (?P<verb>should|must|can|could|will|would|is|are|was|were|has|have)(?P<no> not)? "
    r"(?P<rest>.+)$",
    re.IGNORECASE,
)
_QUESTION = re.compile(
    r"^(?P<verb>should|must|can|could|will|would|is|are|was|were|do|does|did|has|have) (?P<rest>.+)$",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<=[.!?])[\"”’']?\s+(?=[\"“‘'(]?\w)")


COMMON = _words(
    "the a an and or but if because so of to in on at for with by from as than that this these those it its "
    "is are was were be been has have had do does don't not no can can't could will would won't should must "
    "may i we you they he she my our your their me us them who what which when where how all some any more "
    "most there yes only also i'm i've i'd i'll it's they're we're up out over after before about then than "
    "too very just like get"
)
LEAST_ENGLISH = 0.1
"""Share of the commonest words from which a text counts as English."""


def english(text: str) -> bool:
    """Whether a text seems to be English; a few words count as such."""
    said = re.findall(r"[\w'’]+", text.casefold().replace("’", "'"))
    latin = all(ord(c) < 0x250 for c in text if c.isalpha())
    return latin and (len(said) < 6 or sum(word in COMMON for word in said) >= LEAST_ENGLISH * len(said))


def sentences(text: str) -> list[str]:
    """The sentences of a text, trimmed."""
    return [part.strip() for part in _SENTENCE.split(text.strip()) if any(c.isalpha() for c in part)]


def clause(text: str) -> str:
    """A text as it stands within a sentence: no full stop, small initial unless the word is a name or "I"."""
    bare = text.strip(_END + '"“”`')
    first = bare.split(" ", 1)[0]
    keep = first.casefold().strip(",") in _PROPER or any(c.isupper() or c.isdigit() for c in first[1:])
    return bare if keep or not bare else bare[0].lower() + bare[1:]


def sentence(text: str) -> str:
    """A text as a sentence: capital initial, full stop."""
    bare = text.strip().rstrip(" ,;:-–—")
    return bare if not bare else bare[0].upper() + bare[1:] + ("" if bare[-1] in '.!?"”' else ".")


def negated(claim: str) -> str:
    """The opposite of a claim: "not" after its first auxiliary comes or goes; else "it is not true that"."""
    bare = claim.strip(_END)
    if _NOT.search(bare):
        return _NOT.sub(lambda m: m[1].lower(), bare, count=1)
    if _FIRST_AUXILIARY.search(bare):
        return _FIRST_AUXILIARY.sub(lambda m: f"{m[1].lower()} not", bare, count=1)
    return f"it is not true that {clause(bare)}"


def reversed_by_opposite(claim: str) -> str:
    """The opposite of a claim by one word ("ban" for "allow"), or "" if it has no such word."""
    for match in re.finditer(r"\b\w+\b", claim):
        word = match[0].casefold()
        if word in _SWAPS:
            return claim[: match.start()] + _SWAPS[word] + claim[match.end() :]
    return ""


def question_of(claim: str) -> str:
    """A yes/no question whose "yes" is the claim."""
    bare = claim.strip(_END)
    if match := _STATEMENT.match(bare):
        negation = "not " if match["no"] else ""
        return f"{match['verb'].capitalize()} {clause(match['who'])} {negation}{match['rest']}?"
    return f"Do you agree that {clause(bare)}?"


def claim_of(question: str) -> str:
    """The claim that "yes" stands for, for questions whose subject is easily told from the rest; else "".

    "Should we ban cars?" -> "we should ban cars".
    """
    match = _QUESTION.match(question.strip(_END))
    if not match or match["verb"].casefold() in ("do", "does", "did"):
        return ""
    subject, rest = _subject(match["rest"])
    return f"{subject} {match['verb'].lower()} {rest}" if subject else ""


_NO_SUBJECT_END = _words("to of for and or who that which the a an ")
_PRONOUNS = _words("we i you they it he she there this that these those everyone everybody people ")
_VERBS = _words(
    "be have pay get make take keep allow raise spend do go let teach offer require provide invest "
    "reduce increase introduce abolish legalise legalize adopt leave replace receive own force "
    "encourage protect start close open return turn buy sell move join remain stay become punish accept "
    "switch cancel expand hire host merge extend drop add invite share rename relocate postpone "
)
_NOUNS_TOO = _words(
    "ban stop build cut fund end use try tax support wear vote work live limit focus give help change "
)


def _subject(words: str) -> tuple[str, str]:
    """Subject and the rest; words that may be nouns count as the verb only if no plain verb is found."""
    parts = words.split()
    if parts[0].casefold() in _PRONOUNS and len(parts) > 1:
        return parts[0].lower() if parts[0] != "I" else "I", " ".join(parts[1:])
    for verbs in (_VERBS, _NOUNS_TOO):
        for index, word in enumerate(parts[1:-1], 1):
            if word.casefold() in verbs and parts[index - 1].casefold() not in _NO_SUBJECT_END:
                return clause(" ".join(parts[:index])), " ".join(parts[index:])
    return "", ""
