"""The pipeline: candidates from several sources, everybody's predicted agreement with each, and what
follows."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from pipelines.consensus import compose as composing
from pipelines.consensus import gates
from pipelines.consensus.groups import OPINIONS, Group, Opinion, clean, used_part
from pipelines.consensus.phrases import sentence, sentences
from pipelines.consensus.table import Exclusion, Source, Statement, Table, exclusion, ranking
from pipelines.errors import InputError
from pipelines.runtime import Progress, in_background, load_once
from pipelines.weights import WeightsError, source

if TYPE_CHECKING:
    from pipelines.backbones.language import LanguageModel, Message
    from pipelines.consensus.reward import RewardModel

T = TypeVar("T")
MODEL = "Language model"
CANDIDATES = 16
PROMPTED = 2
REVISED = 6
MOST_CRITIQUE = 500
NEUTRAL = 4.0
NO_LANGUAGE = (
    "The language model could not be loaded, so these are statements composed from the group's own clauses, "
    "and people's own opinions."
)


class Pipeline:
    """Deliberation with one reward model; `language` names the language model ("embedded" or a hub id)."""

    def __init__(self, reward: RewardModel, language: str = "embedded") -> None:
        self.reward = reward
        self.language = language

    def rate(self, group: Group, texts: Sequence[str]) -> np.ndarray:
        """Predicted agreement float64 [K, n] in 1..7 of a group's people with texts."""
        return self.reward.rate(group.question, [opinion.text for opinion in group.opinions], texts)

    def compose(self, group: Group, seed: int) -> Table:
        """Composed statements and each person's own opinion, rated. The seed only names the table."""
        made = composing.compose(group, lambda texts: self.rate(group, texts), self.reward.same_side)
        on_topic = 1.0  # made of the group's own clauses
        statements = [Statement(t, "composed") for t in made if not gates.faults(t, group, on_topic)]
        own = sorted(group.opinions, key=lambda opinion: opinion.text)
        statements += [Statement(sentence(opinion.text), "person", opinion.person) for opinion in own]
        empty = Table(group, (), np.zeros((0, len(group.opinions))), seed)
        return empty.extended(statements, self.rate(group, [s.text for s in statements]))

    def deliberate(
        self, group: Group, seed: int, count: int = CANDIDATES, table: Table | None = None
    ) -> Iterator[Progress | Table]:
        """Reports with the table so far, finally the table: composed statements and own opinions at
        once, then `count` candidates of the fine-tuned language model and PROMPTED of the original one
        as they are finished (none with count=0). What fails the gates is left out. Without a language
        model the table says so (`Table.note`)."""
        total = count + PROMPTED + 1
        if table is None:
            start = Progress(0, total, "Composing from the group's own words")
            table = yield from in_background(lambda: self.compose(group, seed), start)
        yield Progress(1, total, "Composed; calling the language model", table)
        if count == 0:
            yield table
            return
        model = yield from self._language_model(Progress(1, total, "Loading the language model", table))
        if model is None:
            yield replace(table, note=NO_LANGUAGE)
            return
        for kind, wanted, done in (("model", count, 1), ("prompted", PROMPTED, 1 + count)):
            chat = _chat(group, seed)
            table = yield from self._written(model, table, chat, wanted, seed, kind, done, total)
        yield table

    def exclude(
        self, table: Table, person: int, seed: int, alpha: float = 1.0
    ) -> Iterator[Progress | Exclusion]:
        """What happens if one person (by index) is not asked: reports, finally an Exclusion.

        Statements are made anew from the others' opinions alone, by the sources that the table has, and
        ranked for the others. The excluded person's own opinion is no candidate. (`left_out` ranks the same
        statements.)"""
        others = table.group.without(person)
        report = Progress(0, 2, f"Composing without {table.group.people[person]}")
        yield report
        without = yield from in_background(lambda: self.compose(others, seed), report)
        count = sum(s.source in ("model", "revised") for s in table.statements)
        if count:
            for step in self.deliberate(others, seed, count, without):
                if isinstance(step, Progress):
                    yield step
                else:
                    without = step
        text = without.statements[ranking(without, alpha)[0]].text
        rated = [k for k, s in enumerate(table.statements) if s.text == text]
        # its row in the table may hold people's own ratings
        after = table.ratings[rated[0]] if rated else self.rate(table.group, [text])[0]
        yield exclusion(table, person, alpha, without, after)

    def revise(
        self, table: Table, winner: int, critiques: Mapping[int, str], seed: int
    ) -> Iterator[Progress | Table]:
        """A critique round: people (by index) say what they miss in the winner; revised candidates come
        back, rated by opinion and critique together, the old winner among them. Reports, finally a table
        of a group whose opinions hold the critiques. Raises InputError if nobody says anything."""
        said = {i: used_part(clean(text)[:MOST_CRITIQUE]) for i, text in critiques.items()}
        said = {i: text for i, text in said.items() if any(c.isalpha() for c in text)}
        if not said:
            raise InputError("Nobody has criticised the statement.", "Write at least one critique.", OPINIONS)
        group = _with_critiques(table.group, said)
        old = table.statements[winner]
        empty = Table(group, (), np.zeros((0, len(group.opinions))), table.seed)
        revised = empty.extended([old], self.rate(group, [old.text]))
        yield Progress(0, REVISED + 1, "Working the critiques into the statement", revised)
        draft = composing.spoken(old.text) if old.source == "person" else old.text
        texts = composing.revised(draft, [said[i] for i in sorted(said, key=lambda i: said[i])])
        fine = [t for t, ok in zip(texts, gates.passing(texts, group), strict=True) if ok]
        revised = revised.extended([Statement(t, "revised") for t in fine], self.rate(group, fine))
        yield Progress(1, REVISED + 1, "Calling the language model", revised)
        model = yield from self._language_model(
            Progress(1, REVISED + 1, "Loading the language model", revised)
        )
        if model is None:
            yield replace(revised, note=NO_LANGUAGE)
            return
        chat = _chat(table.group, seed, old.text, list(said.values()))
        yield (yield from self._written(model, revised, chat, REVISED, seed, "revised", 1, REVISED + 1))

    def serves(self, group: Group, statement: str) -> list[tuple[str, np.ndarray]]:
        """Which sentence serves whom: per sentence, how much each person's predicted agreement [n] falls
        if it is dropped (negative: it would rise). A single sentence is measured against indifference
        (4)."""
        parts = sentences(statement) or [statement]
        if len(parts) == 1:
            return [(parts[0], self.rate(group, [statement])[0] - NEUTRAL)]
        rest = [" ".join(parts[:i] + parts[i + 1 :]) for i in range(len(parts))]
        ratings = self.rate(group, [statement, *rest])
        return [(part, ratings[0] - ratings[i + 1]) for i, part in enumerate(parts)]

    def language_model(self) -> LanguageModel | None:
        """The language model, loaded if need be; None if its weights are not here."""
        return finish(self._language_model(Progress(0, 1)))

    def samples(self, group: Group, seed: int, count: int, adapted: bool) -> list[str] | None:
        """What the language model writes for a group, all of it; None without a language model."""
        from pipelines.consensus.prompt import statement

        model = self.language_model()
        if model is None:
            return None
        *_, texts = model.write(_chat(group, seed), count, seed, adapted=adapted)
        return [statement(text) for text in texts]

    def _language_model(self, report: Progress) -> Generator[Progress, None, LanguageModel | None]:
        try:
            from pipelines.backbones import language

            return (yield from in_background(lambda: language.load(self.language), report, lasting=True))
        except FileNotFoundError:
            return None
        except (ImportError, OSError, WeightsError):
            logging.getLogger(__name__).exception("the language model %r can't be loaded", self.language)
            return None

    def _written(
        self,
        model: LanguageModel,
        table: Table,
        chat: list[Message],
        count: int,
        seed: int,
        kind: Source,
        start: int,
        total: int,
    ) -> Generator[Progress, None, Table]:
        """Let the language model write `count` texts and rate each that is finished; returns the longer
        table. The reports count from `start` to `start` + `count` of `total`."""
        done, before, texts = table, [""] * count, [""] * count
        rated: set[int] = set()
        for texts in model.write(chat, count, seed, adapted=kind != "prompted"):
            ready = [i for i in range(count) if i not in rated and texts[i] and texts[i] == before[i]]
            for i in ready[:1]:
                rated.add(i)
                done = self._extended(done, [texts[i]], kind)
            before = list(texts)
            yield Progress(start + len(rated), total, f"{len(rated)} of {count} statements written", done)
        for i in range(count):
            if i not in rated:
                rated.add(i)
                done = self._extended(done, [texts[i]], kind)
                yield Progress(start + len(rated), total, f"{len(rated)} of {count} statements rated", done)
        return self._extended(table, texts, kind)  # in the order of writing, whatever was finished first

    def _extended(self, table: Table, texts: Sequence[str], kind: Source) -> Table:
        from pipelines.consensus.prompt import statement

        said = [statement(text) for text in texts]
        fine = [text for text, ok in zip(said, gates.passing(said, table.group), strict=True) if ok]
        return table.extended([Statement(text, kind) for text in fine], self.rate(table.group, fine))


def finish(job: Generator[Any, None, T]) -> T:
    """Run a job to its end and return what it returns."""
    while True:
        try:
            next(job)
        except StopIteration as end:
            return end.value


def _chat(group: Group, seed: int, draft: str = "", critiques: Sequence[str] = ()) -> list[Message]:
    """The prompt, the same in whatever order people come."""
    from pipelines.consensus import prompt

    opinions = tuple(sorted(group.opinions, key=lambda opinion: opinion.text))
    return prompt.messages(replace(group, opinions=opinions), seed, draft, sorted(critiques))


@load_once
def load(model: str = "embedded") -> Pipeline:
    """The pipeline with the embedded reward model and a language model, which is loaded when it is first
    asked to write: "embedded", or "hub" for the suggested one. Raises InputError for "hub" without a GPU,
    FileNotFoundError, WeightsError."""
    from pipelines.consensus import reward

    if model == "hub":
        if source(asked=True) != "hub":
            raise InputError(
                "The large language model needs a GPU, and there is none here.",
                "Choose the embedded model.",
                MODEL,
            )
        from pipelines.backbones.language import HUB_SUGGESTION

        model = HUB_SUGGESTION
    return Pipeline(reward.load("ranker"), model)


def _with_critiques(group: Group, said: Mapping[int, str]) -> Group:
    """The newest critique first: where the reward model has no room, the end is cut."""
    opinions = tuple(
        Opinion(o.person, f"{sentence(said[i])} {o.text}" if i in said else o.text)
        for i, o in enumerate(group.opinions)
    )
    return replace(group, opinions=opinions)
