"""Real votes: reading, links between statements, personas, trials."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipelines.consensus.group_trial import interval, win_rate
from pipelines.consensus.persona import Prior, persona_scores, predicted, shrunk
from pipelines.consensus.polis_trial import Cases, choice_gains, within_statement_auc
from pipelines.consensus.stance_trial import TOPIC_TEXTS, by_topic, calibration_error
from pipelines.consensus.votes import LEAST_VOTES, links, read_conversation


def test_a_conversation_is_read(tmp_path: Path) -> None:
    (tmp_path / "comments.csv").write_text(
        "timestamp,comment-id,moderated,comment-body\n1,0,1,Cars  are loud\n1,1,-1,Spam\n1,2,0,Buses "
        "are slow\n"
    )
    rows = "\n".join(f"{i},1,{1 if i % 2 else -1},1,{1 if i < 3 else ''}" for i in range(LEAST_VOTES))
    (tmp_path / "participants-votes.csv").write_text(f"participant,n-votes,0,1,2\n{rows}\n")
    found = read_conversation(tmp_path)
    assert found.texts == ("Cars are loud",)
    assert found.votes.shape == (LEAST_VOTES, 1)


def test_links_are_correlations_shrunk_by_the_number_of_votes() -> None:
    votes = np.array([[1, 1, -1], [-1, -1, 1], [1, 1, -1], [-1, -1, np.nan]] * 10, float)
    link, both = links(votes)
    assert both[0, 1] == 40
    assert both[0, 2] == 30
    assert link[0, 1] == pytest.approx(40 / 50)
    assert link[0, 2] == pytest.approx(-30 / 40)
    assert not links(np.ones((5, 2)))[0].any()


def test_a_surprising_vote_tells_more() -> None:
    link = np.array([[0.5]])
    scores = persona_scores(np.array([[1.0], [-1.0], [np.nan]]), np.array([0.6]), link)
    assert scores[:, 0] == pytest.approx([0.2, -0.8, 0.0])
    p = predicted(scores, np.array([0.8]), 2.0)
    assert p[1, 0] < p[2, 0] < p[0, 0]
    assert p[2, 0] == pytest.approx(0.8)


def test_few_votes_leave_the_guess() -> None:
    assert shrunk(np.array([2, 0]), np.array([2, 0]), np.array([0.5, 0.5])) == pytest.approx([4 / 6, 0.5])
    assert Prior(np.array([10.0]), 0.5, 1.0).guess(np.array([[1.0], [0.0]])).tolist() == [0.98, 0.5]


def cases(scores: np.ndarray, votes: np.ndarray) -> Cases:
    guess, agreed = np.full(votes.shape[1], 0.5), (votes == 1).sum(0)
    return Cases(
        "made up", True, votes, scores, -scores, scores, guess, agreed, np.full_like(agreed, len(votes))
    )


def test_ones_own_vote_is_not_among_the_others() -> None:
    case = cases(np.zeros((3, 1)), np.array([[1.0], [1.0], [-1.0]]))
    assert case.share_without(np.array([0, 1])) == pytest.approx([2 / 5])
    assert case.share_of_others()[:, 0] == pytest.approx([3 / 6, 3 / 6, 4 / 6])


def test_a_perfect_score_is_found_perfect() -> None:
    rng = np.random.default_rng(0)
    votes = rng.choice([1.0, -1.0], (40, 20))
    case = cases(votes.copy(), votes)
    assert within_statement_auc([case], "scores") == 1
    assert within_statement_auc([case], "cosine") == 0
    found = choice_gains([case], 3.0, 50, rng)["made up"]
    assert found["groups"] == 50
    assert 1 < found["different"] <= 20
    assert found["persona"] == pytest.approx(found["oracle"])
    assert found["oracle"] > found["approval"]


def test_calibration_error() -> None:
    p = np.array([0.95] * 10 + [0.05] * 10)
    assert calibration_error(p, np.array([1] * 10 + [0] * 10)) == pytest.approx(0.05)
    assert calibration_error(p, np.array([0] * 10 + [1] * 10)) == pytest.approx(0.95)


def test_win_rates_count_ties_half_and_leave_gaps_out() -> None:
    topics = np.arange(4)
    found = win_rate(np.array([5, 4, 3, np.nan]), np.array([4, 4, 4, 1.0]), topics)
    assert (found["rate"], found["n"]) == (0.5, 3)
    assert found["low"] <= 0.5 <= found["high"]
    assert win_rate(np.array([np.nan]), np.array([1.0]), topics[:1]) is None
    assert interval(np.ones(9))["low"] == 1


def test_accuracy_is_told_by_topic() -> None:
    p = np.concatenate([np.full(TOPIC_TEXTS, 0.9), np.full(TOPIC_TEXTS, 0.1), [0.9]])
    claims = ["known"] * TOPIC_TEXTS + ["unknown"] * TOPIC_TEXTS + ["rare"]
    found = by_topic(p, [(claim, "text", 1) for claim in claims])
    assert found["topics"] == {"known": 1.0, "unknown": 0.0}
    assert found["interval"]["low"] < 0.5 < found["interval"]["high"]
