"""Deliberation, exclusion, critiques: with a stand-in for the reward model and for the language model."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from pipelines.consensus import (
    EXAMPLES,
    Exclusion,
    Group,
    Table,
    as_json,
    as_markdown,
    left_out,
    overridden,
    ranking,
)
from pipelines.consensus.run import NO_LANGUAGE, PROMPTED, Pipeline
from pipelines.errors import InputError
from pipelines.runtime import Progress

WRITTEN = (
    "Private cars should be banned from the city centre step by step, once buses run more often, and "
    "people with disabilities should be allowed to drive.",
    "Too short.",
    "Streets without cars are safer for children, and a fund should help the small shops whose "
    "customers come by car during the change.",
)


class Writer:
    """A language model that writes WRITTEN, word by word."""

    def write(self, messages, count: int, seed: int, *, adapted: bool) -> Iterator[list[str]]:
        texts = [WRITTEN[(i + seed) % len(WRITTEN)] for i in range(count)]
        for size in (4, 12, 40, 41):
            yield [" ".join(text.split()[:size]) for text in texts]


@pytest.fixture
def writing(stub: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    def language_model(self, report: Progress):
        yield report
        return Writer()

    monkeypatch.setattr(Pipeline, "_language_model", language_model)
    return stub


def end(job: Iterator) -> Table | Exclusion:
    *reports, last = job
    assert reports
    assert all(isinstance(report, Progress) for report in reports)
    return last


def test_without_a_language_model_it_says_so_and_goes_on(stub: Pipeline, group: Group) -> None:
    table = end(stub.deliberate(group, 1))
    assert table.note == NO_LANGUAGE
    assert {s.source for s in table.statements} == {"composed", "person"}
    assert sum(s.source == "person" for s in table.statements) == len(group.opinions)
    assert table.ratings.shape == (len(table.statements), 4)
    assert ((table.ratings >= 1) & (table.ratings <= 7)).all()


def test_the_first_table_comes_before_the_language_model(writing: Pipeline, group: Group) -> None:
    tables = [
        step.preview
        for step in writing.deliberate(group, 1, 3)
        if isinstance(step, Progress) and step.preview
    ]
    assert {s.source for s in tables[0].statements} == {"composed", "person"}
    sizes = [len(table.statements) for table in tables]
    assert sizes == sorted(sizes)


def test_candidates_are_gated_rated_and_in_order(writing: Pipeline, group: Group) -> None:
    table = end(writing.deliberate(group, 3, 3))
    written = [s.text for s in table.statements if s.source in ("model", "prompted")]
    assert written == [WRITTEN[0], WRITTEN[2]]  # the short one fails, prompted repeats add nothing
    assert np.allclose(table.ratings, writing.rate(group, [s.text for s in table.statements]))
    assert PROMPTED > 0


def test_same_seed_same_table_and_none_written(writing: Pipeline, group: Group) -> None:
    a, b = (end(writing.deliberate(group, 5, 3)) for _ in range(2))
    assert as_json(a, 1.0) == as_json(b, 1.0)
    assert not any(s.source == "model" for s in end(writing.deliberate(group, 5, 0)).statements)


def test_people_come_in_any_order(writing: Pipeline, group: Group) -> None:
    order = [2, 0, 3, 1]
    turned = Group(group.question, tuple(group.opinions[i] for i in order))
    a, b = end(writing.deliberate(group, 2, 3)), end(writing.deliberate(turned, 2, 3))
    assert a.statements == b.statements
    assert np.array_equal(a.ratings[:, order], b.ratings)
    assert np.array_equal(ranking(a, 1.0), ranking(b, 1.0))


def test_two_visitors_at_once(writing: Pipeline) -> None:
    alone = [as_json(end(writing.deliberate(e.group, 4, 2)), 1.0) for e in EXAMPLES[:2]]
    together: dict[int, str] = {}

    def visit(index: int) -> None:
        together[index] = as_json(end(writing.deliberate(EXAMPLES[index].group, 4, 2)), 1.0)

    threads = [threading.Thread(target=visit, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [together[0], together[1]] == alone


@pytest.mark.parametrize("anew", [True, False])
def test_exclusion_leaves_one_person_out(writing: Pipeline, group: Group, anew: bool) -> None:
    table = end(writing.deliberate(group, 1, 3))
    found = end(writing.exclude(table, 1, 1)) if anew else left_out(table, 1, 1.0)
    assert found.person == "Bruno"
    assert found.table_without.group.people == ["Amara", "Chen", "Dolores"]
    assert found.table_without.ratings.shape[1] == 3
    assert all(s.author != "Bruno" for s in found.table_without.statements)
    best = table.ratings[ranking(table, 1.0)[0]]
    assert found.excluded_before == best[1]
    assert found.included_before == pytest.approx(np.delete(best, 1).mean())


def test_one_of_two_can_be_left_out(stub: Pipeline, group: Group) -> None:
    pair = replace(group, opinions=group.opinions[:2])
    found = end(stub.exclude(stub.compose(pair, 1), 0, 1))
    assert found.table_without.ratings.shape[1] == 1


def test_critiques_make_revised_statements(writing: Pipeline, group: Group) -> None:
    table = end(writing.deliberate(group, 1, 3))
    winner = int(ranking(table, 1.0)[0])
    revised = end(writing.revise(table, winner, {1: "Shop owners must be asked first.", 2: " "}, 1))
    assert revised.statements[0] == table.statements[winner]
    assert {s.source for s in revised.statements[1:]} == {"revised"}
    assert any("shop owners must be asked first" in s.text.casefold() for s in revised.statements)
    assert revised.group.opinions[1].text.startswith("Shop owners must be asked first.")
    with pytest.raises(InputError, match="Nobody has criticised"):
        next(writing.revise(table, winner, {0: "  🚗 "}, 1))


def test_sentences_serve_people(stub: Pipeline, group: Group) -> None:
    text = "Cars are loud. Buses are slow."
    (first, delta), (second, _) = stub.serves(group, text)
    assert (first, second) == ("Cars are loud.", "Buses are slow.")
    whole, rest = stub.rate(group, [text, "Buses are slow."])
    assert np.allclose(delta, whole - rest)
    assert np.allclose(
        stub.serves(group, "Cars are loud.")[0][1], stub.rate(group, ["Cars are loud."])[0] - 4
    )


def test_own_ratings_replace_predictions(stub: Pipeline, group: Group) -> None:
    table = stub.compose(group, 1)
    own = np.full(table.ratings.shape, np.nan)
    own[2] = 9
    changed = overridden(table, own)
    assert (changed.ratings[2] == 7).all()
    assert ranking(changed, 1.0)[0] == 2
    assert np.array_equal(np.delete(changed.ratings, 2, 0), np.delete(table.ratings, 2, 0))
    with pytest.raises(ValueError, match="own ratings"):
        overridden(table, own[1:])


def test_reports_carry_the_caution_and_harmless_text(stub: Pipeline, group: Group) -> None:
    table = stub.compose(replace(group, question="Is *this* <b>bold</b>?"), 1)
    report = as_markdown(table, 1.0)
    assert "not their consent" in report
    assert "\\*this\\* \\<b\\>bold" in report
    assert "seed 1" in report


def test_leaving_out_keeps_own_ratings(stub: Pipeline, group: Group) -> None:
    table = end(stub.deliberate(group, 1, 0))
    winner = ranking(table, 1.0)[0]
    own = np.full(table.ratings.shape, np.nan)
    own[winner] = [1, 7, 7, 7]
    rated = overridden(table, own)
    found = left_out(rated, 0, 1.0)
    assert found.winner_after == rated.statements[winner]
    assert found.excluded_after == 1.0


def test_reports_never_go_back(writing: Pipeline, group: Group) -> None:
    steps = [r.step for r in writing.deliberate(group, 1, 3) if isinstance(r, Progress)]
    assert steps == sorted(steps)
