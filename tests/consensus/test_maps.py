"""Maps of opinions and of votes, groups, and the consensus between groups."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.consensus import (
    EXAMPLES,
    Statement,
    Table,
    difference,
    group_informed,
    opinion_map,
    vote_map,
    votes_of,
)


@pytest.fixture
def votes() -> np.ndarray:
    """Thirty people in two camps on ten statements, a third of the votes unseen."""
    rng = np.random.default_rng(0)
    camp = np.repeat([1.0, -1.0], 15)[:, None]
    agreed = np.where(
        rng.random((30, 10)) < 0.9, camp * np.sign(np.arange(10) - 4.5), rng.choice([-1, 0, 1], (30, 10))
    )
    return np.where(rng.random((30, 10)) < 0.3, np.nan, agreed)


def test_two_camps_are_found(votes: np.ndarray) -> None:
    found = vote_map(votes)
    assert found.k == 2
    first = found.groups[:15]
    assert (first == np.bincount(first).argmax()).mean() > 0.85
    assert found.shown[0] > found.shown[1]


def test_a_map_is_the_same_in_any_order(votes: np.ndarray) -> None:
    order = np.random.default_rng(1).permutation(len(votes))
    a, b = vote_map(votes), vote_map(votes[order])
    assert np.allclose(a.points[order], b.points, atol=1e-6)
    assert np.array_equal(a.groups[order] == a.groups[order][0], b.groups == b.groups[0])


def test_a_map_by_ratings_tells_sides() -> None:
    group = EXAMPLES[0].group
    ratings = np.array([[6, 2, 6, 2], [2, 6, 2, 6], [6, 3, 6, 2], [4, 4, 4, 4]], float)
    table = Table(group, tuple(Statement(f"{i}", "composed") for i in range(4)), ratings, 0)
    found = opinion_map(table)
    assert found.groups[0] == found.groups[2] != found.groups[1] == found.groups[3]


def test_people_who_think_alike_are_one_group() -> None:
    found = vote_map(np.ones((5, 4)))
    assert (found.k, found.points.shape) == (1, (5, 2))
    assert vote_map(np.array([[1.0, -1.0], [-1.0, 1.0]])).k == 1


def test_group_informed_consensus_counts_groups_not_heads() -> None:
    votes = np.array([[1, 1, 1, 1, -1], [1, 1, np.nan, np.nan, 1]], float)
    found = group_informed(votes, np.array([0, 0, 0, 0, 1]))
    assert np.allclose(found, [5 / 6 * 1 / 3, 3 / 4 * 2 / 3])
    assert found[1] > found[0]


def test_votes_of_ratings() -> None:
    assert votes_of(np.array([[6.0, 4.0, 1.0]])).tolist() == [[1, 0, -1]]


def test_word_difference() -> None:
    assert difference("we ban all cars", "we ban most cars now") == [
        ("same", "we ban"),
        ("removed", "all"),
        ("added", "most"),
        ("same", "cars"),
        ("added", "now"),
    ]


def test_camps_of_equal_votes_are_told_apart() -> None:
    assert vote_map(np.repeat([[1.0, 1, -1, -1], [-1.0, -1, 1, 1]], 5, axis=0)).k == 2
