"""Win rates: kept groups go on, intervals are over topics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipelines.consensus import wins
from pipelines.consensus.data import Topic
from pipelines.consensus.group_trial import draw_groups, interval, judged, win_rate

TOPICS = [
    Topic(
        f"We should ban {thing}",
        "argkp",
        tuple((f"{thing} are {word} for all of us",) for word in ("loud", "dangerous", "dear")),
        tuple((f"{thing} are {word} for many people",) for word in ("useful", "needed", "loved")),
    )
    for thing in ("cars", "phones")
]


def test_a_group_is_the_same_whatever_their_number() -> None:
    assert draw_groups(TOPICS, 5)[:3] == draw_groups(TOPICS, 3)


def test_a_run_goes_on_where_it_stopped(stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.consensus.load", lambda: stub)
    monkeypatch.setattr("pipelines.consensus.reward.load", lambda part: stub.reward)
    file = tmp_path / "groups.jsonl"
    first = wins.judge_more(TOPICS, 2, np.inf, file, written=False)
    rows = file.read_text().splitlines()
    assert len(first) == len(rows) == 2
    both = wins.judge_more(TOPICS, 4, np.inf, file, written=False)
    assert file.read_text().splitlines()[:2] == rows
    assert len(both) == 4
    file.unlink()
    again = wins.judge_more(TOPICS, 4, np.inf, file, written=False)
    assert str(again) == str(both)
    found = wins.figures(both)
    assert found["groups"] == 4 and found["group_topics"] == 2
    assert found["groups_with_language_model"] == 0 and found["ranked_vs_single"] is None
    assert found["ranked_vs_best_human"] is None
    assert 0 <= found["composed_vs_best_human"]["rate"] <= 1


def test_a_group_that_nothing_can_be_composed_for_is_judged(stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.consensus.compose.compose", lambda *_: [])
    one = judged(stub, stub.reward, draw_groups(TOPICS, 1)[0], 0, 0, written=False)
    assert np.isnan(one.ranked) and np.isnan(one.exclusion) and one.best_human > 0


def test_intervals_are_over_topics() -> None:
    values, topics = np.repeat([0.0, 1.0], 50), np.repeat([0, 1], 50)
    assert interval(values, topics)["low"] == 0 and interval(values)["low"] > 0.3
    rate = win_rate(np.array([1.0, 2, np.nan]), np.array([0.0, 2, 1]), np.arange(3))
    assert rate and rate["rate"] == 0.75 and rate["n"] == 2
