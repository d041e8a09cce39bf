"""Alignment on planted matrices and planted codes."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.glancenets.dci import alignment, completeness, measure


def test_identity_and_permutations_are_aligned() -> None:
    for weights in (np.eye(4), np.eye(4)[[2, 0, 3, 1]], np.diag([1.0, 5.0, 0.2, 3.0])):
        assert alignment(weights) == pytest.approx(1)
        assert completeness(weights) == pytest.approx(1)


def test_uniform_and_empty_matrices_are_not() -> None:
    assert alignment(np.ones((4, 4))) == pytest.approx(0)
    assert completeness(np.ones((4, 4))) == pytest.approx(0)
    assert alignment(np.zeros((4, 4))) == 0


def test_a_row_counts_by_its_share() -> None:
    weights = np.array([[3.0, 0.0], [0.5, 0.5]])
    assert alignment(weights) == pytest.approx(0.75)


def test_a_factor_split_over_two_concepts_is_aligned_but_not_complete() -> None:
    weights = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert alignment(weights) == pytest.approx(1)
    assert completeness(weights) < 0.75


@pytest.mark.parametrize("kind", ["lasso", "linear"])
def test_planted_codes(kind: str) -> None:
    generator = np.random.default_rng(0)
    factors = generator.random((4000, 4))
    exact = measure(2 - 3 * factors[:, [1, 0, 3, 2]], factors, kind)
    assert exact.alignment > 0.99
    assert exact.explicitness > 0.99
    turned = np.linalg.qr(generator.standard_normal((4, 4)))[0]
    assert measure(factors @ turned, factors, kind).alignment < 0.6


def test_noise_explains_nothing() -> None:
    """The mean alone scores one half, as the paper's normalisation has it."""
    generator = np.random.default_rng(0)
    blind = measure(generator.random((4000, 3)), generator.random((4000, 3)))
    assert blind.explicitness == pytest.approx(0.5, abs=0.03)
