"""Lessons for the language model: groups of opinions with a statement that their people could accept.

No human consensus texts are to be had, so the statements are synthetic: some written by us for this project
(assets/consensus/lessons.json), most composed of the points that the group's own opinions make, in other
words than theirs, and a proposal that meets the concern of the other side. Opinions come from ArgKP
(arguments and their key points) and Perspectrum (perspectives and their paraphrases). Topics that `splits`
holds out are left out, or are all there is (`test=True`).
"""

from __future__ import annotations

import csv
import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipelines.consensus import language_grammar as grammar
from pipelines.consensus.groups import Group, Opinion
from pipelines.consensus.splits import (
    ARGKP_TEST_TOPICS,
    PERSPECTRUM_TEST_CLAIMS,
    held_out,
)
from pipelines.weights import asset

NAMES = ("Ada", "Ben", "Cleo", "Dan", "Eva", "Finn")
RARE = 5
"""A word that the data use less often is not put into a statement."""
LENGTH = (24, 62)
"""Least and most words of a composed statement."""


@dataclass(frozen=True)
class Lesson:
    """A group, in the critique round also a draft and critiques, and the statements to be learnt."""

    group: Group
    statements: tuple[str, ...]
    draft: str = ""
    critiques: tuple[str, ...] = ()


@dataclass(frozen=True)
class Point:
    """One point as several people put it: `spoken` in opinions, `clause` in a statement; for or against."""

    spoken: tuple[str, ...]
    clause: str
    favour: bool


@dataclass(frozen=True)
class Topic:
    """A question and the points that people make on it."""

    question: str
    points: tuple[Point, ...]

    def sides(self) -> tuple[list[Point], list[Point]]:
        """Points for, points against."""
        return [p for p in self.points if p.favour], [p for p in self.points if not p.favour]


def lessons(data: Path, count: int, seed: int, *, test: bool = False) -> list[Lesson]:
    """`count` lessons in random order. With `test`: on topics that no training may see, and composed."""
    rng = random.Random(seed)
    argkp, perspectrum = argkp_topics(data, test=test), perspectrum_topics(data, test=test)
    ours = json.loads(asset("consensus", "lessons.json").read_text(encoding="utf-8"))
    by_key = arguments_by_key_point(data)
    made: list[Lesson] = []
    while len(made) < count:
        luck = rng.random()
        if luck < 0.42 and not test:
            made.append(_written(rng.choice(ours["groups"]), rng))
        elif luck < 0.7 and not test:
            made.append(_on_points(rng.choice(ours["points"]), by_key, rng))
        else:
            topic = rng.choice(argkp if luck > 0.95 else perspectrum)
            lesson = _composed(topic, rng)
            if lesson is not None:
                made.append(lesson)
    return made


# Sources


def argkp_topics(data: Path, *, test: bool) -> list[Topic]:
    """ArgKP's motions: key points are the clauses, arguments that match them are what people say."""
    by_key = arguments_by_key_point(data)
    points: dict[str, list[Point]] = defaultdict(list)
    rows = list(_rows(data, "key_points"))
    for row in rows:
        clause = clause_of(row["key_point"].replace("/", " or "))
        if clause and by_key[row["key_point_id"]][1]:
            point = Point(tuple(by_key[row["key_point_id"]][1]), clause, row["stance"].strip() == "1")
            points[row["topic"]].append(point)
    chosen = held_out((row["topic"] for row in rows), ARGKP_TEST_TOPICS)
    return [
        Topic(question_of(topic), tuple(points[topic]))
        for topic in sorted(points)
        if (topic in chosen) == test
    ]


def arguments_by_key_point(data: Path) -> dict[str, tuple[str, list[str]]]:
    """Motion and matching arguments of each key point's id."""
    texts = {row["arg_id"]: row["argument"] for row in _rows(data, "arguments")}
    found: dict[str, tuple[str, list[str]]] = {
        row["key_point_id"]: (row["topic"], []) for row in _rows(data, "key_points")
    }
    for row in _rows(data, "labels"):
        if row["label"].strip() == "1" and 5 <= len(texts[row["arg_id"]].split()) <= 45:
            found[row["key_point_id"]][1].append(texts[row["arg_id"]])
    return found


def _rows(data: Path, kind: str) -> Iterator[dict[str, str]]:
    for part in ("train", "dev"):
        with (data / "argkp" / f"{kind}_{part}.csv").open(encoding="utf-8") as stream:
            yield from csv.DictReader(stream)


def perspectrum_topics(data: Path, *, test: bool) -> list[Topic]:
    """Perspectrum's claims: of each perspective's paraphrases one is the clause, the others are said."""
    folder = data / "perspectrum"
    claims = json.loads((folder / "perspectrum_with_answers_v1.0.json").read_text(encoding="utf-8"))
    pool = json.loads((folder / "perspective_pool_v1.0.json").read_text(encoding="utf-8"))
    texts = {entry["pId"]: entry["text"].strip() for entry in pool}
    frequency = Counter(word for text in texts.values() for word in re.findall(r"[a-z]+", text.lower()))

    def known(clause: str) -> bool:
        """Whether no word of it is so rare that it may be a slip of the pen."""
        return all(frequency[word] >= RARE for word in re.findall(r"[a-z]+", clause.lower()))

    chosen = held_out((claim["text"] for claim in claims), PERSPECTRUM_TEST_CLAIMS)
    motions = held_out((row["topic"] for row in _rows(data, "key_points")), ARGKP_TEST_TOPICS)
    forbidden = [content_words(motion) for motion in motions]
    topics = []
    for claim in claims:
        alike = any(len(words & content_words(claim["text"])) >= min(2, len(words)) for words in forbidden)
        if (claim["text"] in chosen) != test or (alike and not test):
            continue
        points = []
        for perspective in claim["perspectives"]:
            said = [texts[i] for i in perspective["pids"] if i in texts]
            clauses = [clause for clause in map(clause_of, said) if clause and known(clause)]
            if clauses and perspective["stance_label_3"] in ("SUPPORT", "UNDERMINE"):
                points.append(Point(tuple(said), clauses[-1], perspective["stance_label_3"] == "SUPPORT"))
        topic = Topic(question_of(claim["text"]), tuple(points))
        if all(topic.sides()) and topic.question.startswith("Should"):
            topics.append(topic)
    return topics


# Words

_FINITE = re.compile(
    r"\b(is|are|was|were|will|would|can|could|should|must|may|might|has|have|do|does|cannot|deserve|belong|"
    r"(?:mak|giv|reduc|creat|encourag|provid|undermin|violat|promot|improv|sav|prevent|protect|lead|allow|"
    r"deserv|belong|depend|keep|threaten)(?:s|es))\b",
    re.IGNORECASE,
)
_ODD = re.compile(r"[?!:;\"“”()\[\]%/…]|\d{3}|https?|\b(I|we|you|my|your)\b", re.IGNORECASE)
_STOP = frozenset(
    [
        "the",
        "a",
        "an",
        "of",
        "to",
        "in",
        "and",
        "or",
        "is",
        "are",
        "be",
        "should",
        "we",
        "must",
        "ban",
        "for",
        "on",
        "with",
        "that",
        "it",
        "as",
        "by",
    ]
)
_NAMES = re.compile(
    r"^(US|UK|EU|NHS|Amer|Brit|Chin|Euro|Islam|Christ|God|Iran|Israel|Africa|Russia|UN|NATO|Internet)"
)


def content_words(text: str) -> set[str]:
    """Words of a topic that say what it is about, in lower case."""
    return (
        set(re.findall(r"[a-z]{4,}", text.lower()))
        - _STOP
        - {"should", "abandon", "adopt", "introduce", "subsidize"}
    )


def clause_of(text: str) -> str:
    """A short text as a clause within a sentence; "" if it isn't one."""
    text = " ".join(text.replace("’", "'").split()).strip(" .,-")
    words = text.split()
    if not 4 <= len(words) <= 16 or _ODD.search(text) or not _FINITE.search(text) or ". " in text:
        return ""
    if sum(word.istitle() for word in words[1:]) > 2:
        return ""
    return text if words[0].isupper() or _NAMES.match(text) else text[0].lower() + text[1:]


def question_of(claim: str) -> str:
    """A claim as a question."""
    claim = " ".join(claim.split()).strip(" .")
    found = re.match(r"(.{2,60}?) (should|must|can|is|are|will|would) (.+)$", claim)
    if not found:
        return f"{claim[0].upper()}{claim[1:]}: do you agree?"
    subject, verb, rest = found.groups()
    verb = "should" if verb == "must" else verb
    first = subject if _NAMES.match(subject) else subject[0].lower() + subject[1:]
    return f"{verb.capitalize()} {first} {rest}?"


def sentence(text: str) -> str:
    """With a capital letter and a full stop."""
    text = " ".join(text.strip(" `'").split())
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")


# Making lessons


def _group(question: str, opinions: list[str], rng: random.Random) -> Group:
    rng.shuffle(opinions)
    people = rng.sample(NAMES, len(opinions))
    return Group(
        question, tuple(Opinion(person, text) for person, text in zip(people, opinions, strict=True))
    )


def _written(entry: dict, rng: random.Random) -> Lesson:
    """One of our own groups; sometimes with one person fewer, or in the critique round."""
    opinions = list(entry["opinions"])
    if "revised" in entry and rng.random() < 0.5:
        group = _group(entry["question"], opinions, rng)
        return Lesson(group, (entry["revised"],), entry["draft"], tuple(entry["critiques"]))
    return Lesson(_group(entry["question"], opinions, rng), tuple(entry["statements"]))


def _on_points(entry: dict, by_key: dict[str, tuple[str, list[str]]], rng: random.Random) -> Lesson:
    """One of our statements on two key points, under arguments of the crowd that make those points."""
    motion = by_key[entry["points"][0]][0]
    opinions = [sentence(rng.choice(by_key[key][1])) for key in entry["points"]]
    for key in rng.sample(entry["points"], rng.randint(1, 2)):
        more = [text for text in by_key[key][1] if sentence(text) not in opinions]
        opinions += [sentence(rng.choice(more))] if more else []
    return Lesson(_group(question_of(motion), opinions, rng), (entry["statement"],))


def _spoken(question: str, point: Point, also: Point | None, rng: random.Random) -> str:
    """What a person says who makes this point, and perhaps another."""
    lead = rng.choice(grammar.OPEN_FOR if point.favour else grammar.OPEN_AGAINST)
    if "should" in lead and not question.startswith("Should"):
        lead = ""
    if rng.random() < 0.25:
        because = rng.choice(grammar.BECAUSE_FOR if point.favour else grammar.BECAUSE_AGAINST)
        text = because.format(p=point.clause, c=point.clause)
    else:
        text = lead + sentence(rng.choice(point.spoken[:-1] or point.spoken))
    if also is not None:
        text += " " + rng.choice(("Also, {}", "And {}", "Besides, {}", "{}")).format(
            sentence(rng.choice(also.spoken))
        )
    return text


def _composed(topic: Topic, rng: random.Random) -> Lesson | None:
    """A statement of the group's points and proposals that meet their concerns; None if it came out badly."""
    favour, against = (rng.sample(side, len(side)) for side in topic.sides())
    if not favour or not against:
        return None
    used = favour[: rng.randint(1, 2)] + against[: rng.randint(1, 2)]
    spare = {point.favour: point for point in (*favour[2:3], *against[2:3])}
    opinions = [
        _spoken(topic.question, p, spare.get(p.favour) if rng.random() < 0.15 else None, rng) for p in used
    ]
    met = grammar.concern_of(" ".join((*against[0].spoken, against[0].clause)))
    if len(opinions) == 2 or rng.random() < 0.2:
        opinions.append(rng.choice(met.wishes))
    group = _group(topic.question, opinions, rng)
    statements = sorted({_statement(topic.question, used, met, rng) for _ in range(3)} - {""})
    if not statements:
        return None
    if rng.random() < 0.12:
        return _revised(topic, group, used, statements[0], rng)
    return Lesson(group, tuple(statements))


def _statement(question: str, used: list[Point], met: grammar.Concern, rng: random.Random) -> str:
    """Points of both sides and proposals; "" if it came out too long or too short."""
    points = _points_sentence(used, rng)
    proposal = rng.choice(met.proposals)
    other = grammar.concern_of(f"{question} {used[0].clause}")
    more = rng.choice([p for p in (*other.proposals, *grammar.ANY.proposals) if p != proposal])
    statement = f"{points} {proposal}"
    if rng.random() < 0.15 or len(statement.split()) < LENGTH[0]:
        statement = f"{points} {proposal} {more}"
    return statement if LENGTH[0] <= len(statement.split()) <= LENGTH[1] else ""


def _points_sentence(used: list[Point], rng: random.Random) -> str:
    favour, against = [p.clause for p in used if p.favour], [p.clause for p in used if not p.favour]
    words = {"p": favour[0], "q": favour[-1], "c": against[0], "d": against[-1]}
    words |= {"P": sentence(favour[0])[:-1], "C": sentence(against[0])[:-1]}
    fitting = [
        form
        for form in grammar.THREE
        if ("{q}" not in form or len(favour) > 1) and ("{d}" not in form or len(against) > 1)
    ]
    form = rng.choice(fitting) if fitting and rng.random() < 0.4 else rng.choice(grammar.BOTH)
    return form.format(**words)


def _revised(topic: Topic, group: Group, used: list[Point], draft: str, rng: random.Random) -> Lesson | None:
    """The critique round: somebody misses a point, and the revised statement takes it up."""
    missed = [p for p in topic.points if p not in used and p.clause not in draft]
    if not missed:
        return None
    point = rng.choice(missed)
    critique = rng.choice(
        ("It leaves out that {}.", "You forget that {}.", "I miss one thing: {}.", "But {}.")
    )
    answer = rng.choice(grammar.concern_of(point.clause).proposals)
    both = _points_sentence([used[0], point] if used[0].favour != point.favour else [used[-1], point], rng)
    statement = f"{both} {answer}"
    if not LENGTH[0] <= len(statement.split()) <= LENGTH[1]:
        return None
    return Lesson(group, (statement,), draft, (critique.format(point.clause),))
