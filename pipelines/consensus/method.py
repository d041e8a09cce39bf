"""Social choice: welfare functions of the paper, and two rankings beside them.

The paper scores a candidate k by a social welfare function of the predicted agreements r_1k .. r_nk and
shows the candidate with the highest welfare. Its functions are points of one family, the isoelastic one
with inequality aversion alpha: 0 utilitarian, 1 Bernoulli-Nash, infinity Rawlsian. Schulze's method is
what the later Habermas Machine uses; Borda counts are the plain comparison. Nothing here depends on the
order of people."""

from __future__ import annotations

import math

import numpy as np

from pipelines.errors import InputError

NEAR_ONE = 1e-6
"""So near alpha = 1 the limit is taken with its first-order term."""


def welfare(ratings: np.ndarray, alpha: float) -> np.ndarray:
    """Welfare [K] of agreements [K, n] > 0 (here 1..7), on their own scale.

    W_a = (mean_i u_i^(1-a))^(1/(1-a)); a = 1: the geometric mean; a = inf: the minimum. Falls as a rises, and
    W(c, .., c) = c. Raises InputError for a < 0, ValueError for agreements that are not above 0.
    """
    if math.isnan(alpha) or alpha < 0:
        raise InputError("Inequality aversion can't be below 0.", "Take 0 (utilitarian) or more.", "Alpha")
    u = np.sort(np.asarray(ratings, float), axis=1)  # sorted: sums don't depend on the order of people
    if not (u > 0).all():
        raise ValueError("welfare needs agreements above 0")
    if math.isinf(alpha):
        return u[:, 0]
    logs, power = np.log(u), 1.0 - alpha
    if abs(power) < NEAR_ONE:
        return np.exp(logs.mean(1) + power / 2 * logs.var(1))
    scaled = power * logs
    top = scaled.max(1)
    return np.exp((top + np.log(np.exp(scaled - top[:, None]).mean(1))) / power)


def order_of(scores: np.ndarray, ratings: np.ndarray) -> np.ndarray:
    """Candidates [K] best first by `scores`; ties go by the mean and then the least agreement, then by
    index."""
    scores, u = np.asarray(scores, float), np.sort(np.asarray(ratings, float), axis=1)
    return np.lexsort((np.arange(len(scores)), -u[:, 0], -u.mean(1), -scores))


def schulze(ratings: np.ndarray) -> np.ndarray:
    """Schulze ranks [K] int, 0 the best, equal for ties, of agreements [K, n].

    Each person ranks by agreement. p[x, y], the strength of the strongest path of winning pairs, comes from
    Floyd-Warshall; x stands before y if p[x, y] > p[y, x] (Schulze 2011).
    """
    u = np.asarray(ratings, float)
    wins = (u[:, None, :] > u[None, :, :]).sum(2)
    paths = np.where(wins > wins.T, wins, 0)
    for middle in range(len(paths)):
        paths = np.maximum(paths, np.minimum(paths[:, middle, None], paths[None, middle, :]))
    np.fill_diagonal(paths, 0)
    at_least = (paths >= paths.T).sum(1)
    return np.unique(-at_least, return_inverse=True)[1].reshape(-1)


def borda(ratings: np.ndarray) -> np.ndarray:
    """Mean Borda score [K] in 0..K-1: how many others a person puts below, ties counting half, over
    people."""
    u = np.asarray(ratings, float)
    below = (u[:, None, :] > u[None, :, :]).sum(1) + 0.5 * ((u[:, None, :] == u[None, :, :]).sum(1) - 1)
    return np.sort(below, axis=1).mean(1)
