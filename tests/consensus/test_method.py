"""Welfare functions against closed forms; Schulze against the habermas-machine package."""

from __future__ import annotations

import math

import numpy as np
import pytest
from habermas_machine.social_choice import schulze_method, utils
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipelines.consensus import borda, schulze, welfare
from pipelines.consensus.method import order_of
from pipelines.errors import InputError

RATINGS = arrays(float, st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=st.floats(1, 7))
ALPHAS = st.one_of(st.floats(0, 60), st.just(math.inf))


@pytest.fixture
def u() -> np.ndarray:
    return np.random.default_rng(0).uniform(1, 7, (40, 5))


def test_the_named_welfare_functions(u: np.ndarray) -> None:
    assert np.allclose(welfare(u, 0), u.mean(1))  # utilitarian
    assert np.allclose(welfare(u, 1), u.prod(1) ** (1 / 5))  # Bernoulli-Nash
    assert np.allclose(welfare(u, 2), 5 / (1 / u).sum(1))  # harmonic
    assert np.array_equal(welfare(u, math.inf), u.min(1))  # Rawlsian


@pytest.mark.parametrize("step", [1e-4, 1e-5, 3e-7])
def test_the_limit_at_one(u: np.ndarray, step: float) -> None:
    for alpha in (1 - step, 1 + step):
        assert np.allclose(welfare(u, alpha), welfare(u, 1), rtol=2 * step)


def test_large_aversion_comes_near_the_least(u: np.ndarray) -> None:
    assert np.allclose(welfare(u, 1e3), u.min(1), rtol=2e-3)
    assert np.isfinite(welfare(u, 1e6)).all()


@given(RATINGS, ALPHAS, ALPHAS)
@settings(max_examples=150, deadline=None)
def test_welfare_never_rises_with_aversion(u: np.ndarray, a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert (welfare(u, high) <= welfare(u, low) + 1e-9).all()
    assert (welfare(u, high) >= u.min(1) - 1e-9).all()


@given(RATINGS, ALPHAS, st.randoms())
@settings(max_examples=100, deadline=None)
def test_the_order_of_people_changes_nothing(u: np.ndarray, alpha: float, random) -> None:
    order = list(range(u.shape[1]))
    random.shuffle(order)
    assert np.array_equal(welfare(u, alpha), welfare(u[:, order], alpha))
    assert np.array_equal(schulze(u), schulze(u[:, order]))
    assert np.array_equal(borda(u), borda(u[:, order]))


def test_agreement_of_all_is_its_own_welfare() -> None:
    for alpha in (0, 0.5, 1, 3, math.inf):
        assert np.allclose(welfare(np.full((1, 4), 4.2), alpha), 4.2)


@pytest.mark.parametrize("alpha", [-0.1, math.nan])
def test_aversion_below_zero_is_told(alpha: float) -> None:
    with pytest.raises(InputError, match="below 0"):
        welfare(np.ones((1, 2)), alpha)


def test_no_agreement_is_no_rating() -> None:
    with pytest.raises(ValueError, match="above 0"):
        welfare(np.zeros((1, 2)), 1)


def test_the_rawlsian_choice_never_leaves_the_least_behind(u: np.ndarray) -> None:
    rawls, bentham = (order_of(welfare(u, alpha), u)[0] for alpha in (math.inf, 0))
    assert u[rawls].min() >= u[bentham].min()
    assert u[bentham].mean() >= u[rawls].mean()


def test_schulze_is_that_of_the_habermas_machine() -> None:
    theirs = schulze_method.Schulze(utils.TieBreakingMethod.TIES_ALLOWED)
    rng = np.random.default_rng(5)
    for _ in range(1000):
        profile = rng.integers(1, rng.integers(3, 8), (rng.integers(1, 9), rng.integers(1, 8)))
        ranks = np.stack([np.unique(-column, return_inverse=True)[1] for column in profile.T])
        assert np.array_equal(theirs.aggregate_with_ties(ranks), schulze(profile))


def test_schulze_elects_the_condorcet_winner_where_borda_does_not() -> None:
    ratings = np.array([[3, 3, 3, 1, 1], [2, 2, 2, 3, 3], [1, 1, 1, 2, 2]])
    assert schulze(ratings).tolist() == [0, 1, 2]
    assert borda(ratings).argmax() == 1


def test_borda_counts_ties_half() -> None:
    assert borda(np.array([[1.0], [1.0], [3.0]])).tolist() == [0.5, 0.5, 2.0]
