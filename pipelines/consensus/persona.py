"""Real people instead of written opinions: a person is known by some votes, and how they vote elsewhere
is predicted.

    python -m pipelines.consensus.persona --data DIR     # fits the prior and its weight, writes
    votes.safetensors

Of statement t and a person with votes v_s (1, -1) on k others: logit P(agrees) = logit p_t + g sum_s
(v_s - e_s) l(s, t), where p_t is the share that agrees, known from others' votes or guessed from the
text alone (a ridge regression on the sentence embedding), e_s = 2 p_s - 1 the vote to be expected on s,
and l the reward model's link of votes on two texts."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import expit, logit

from pipelines.consensus.data import Embed
from pipelines.consensus.votes import Conversation, read_polis
from pipelines.weights import ASSETS, weights_file

FILE = "votes.safetensors"
RIDGE = 8.0
PRIOR_VOTES = 4.0
"""Votes that the guess from the text counts for beside others' real votes."""
EDGE = 0.02


@dataclass(frozen=True)
class Prior:
    """Share that agrees, from the text alone: `weights` [width], `mean`; `gain`: g of the module's
    formula."""

    weights: np.ndarray
    mean: float
    gain: float

    def guess(self, vectors: np.ndarray) -> np.ndarray:
        """Shares [S] in EDGE..1 - EDGE of statements with embeddings [S, width]."""
        return np.clip(self.mean + vectors @ self.weights, EDGE, 1 - EDGE)


def read_prior(path: Path | None = None) -> Prior:
    """The embedded prior, or that of a file."""
    from safetensors.numpy import load_file

    stored = load_file(path or weights_file("consensus", FILE))
    return Prior(stored["weights"].astype(float), float(stored["mean"][0]), float(stored["gain"][0]))


def shrunk(agree: np.ndarray, said: np.ndarray, guess: np.ndarray) -> np.ndarray:
    """Share that agrees, of statements that `agree` of `said` people agree with, shrunk towards the
    guess from the text."""
    return (agree + PRIOR_VOTES * guess) / (said + PRIOR_VOTES)


def persona_scores(own: np.ndarray, expected: np.ndarray, links: np.ndarray) -> np.ndarray:
    """Evidence [P, T] of P people's votes `own` [P, S] (NaN unknown) on T statements; expected [S],
    links [S, T]."""
    surprise = np.where(np.abs(own) == 1, own - expected, 0.0)
    return surprise @ links


def predicted(scores: np.ndarray, share: np.ndarray, gain: float) -> np.ndarray:
    """Probability [P, T] that people agree, from `persona_scores` [P, T] and shares [T] or [P, T]."""
    return expit(logit(np.clip(share, EDGE, 1 - EDGE)) + gain * scores)


def fit_prior(conversations: Sequence[Conversation], embed: Embed) -> Prior:
    """Ridge regression of agree shares on embeddings over the training parts; `gain` stays 1."""
    vectors, shares, weights = [], [], []
    for conversation in conversations:
        if conversation.new:
            continue
        people, statements = conversation.held_out()
        votes = conversation.votes[np.ix_(~people, ~statements)]
        said = (np.abs(votes) == 1).sum(0)
        shares.append(((votes == 1).sum(0) + 1) / (said + 2))
        weights.append(said / (said + 10))
        vectors.append(embed([t for t, held in zip(conversation.texts, statements, strict=True) if not held]))
    x, y, w = np.concatenate(vectors), np.concatenate(shares), np.concatenate(weights)
    mean = float((w * y).sum() / w.sum())
    beta = np.linalg.solve(x.T @ (w[:, None] * x) + RIDGE * np.eye(x.shape[1]), x.T @ (w * (y - mean)))
    return Prior(beta, mean, 1.0)


def main() -> None:
    from safetensors.numpy import save_file
    from scipy.optimize import minimize_scalar

    from pipelines.consensus import reward
    from pipelines.consensus.examples_train import embedder
    from pipelines.consensus.polis_trial import draw_cases

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    arguments = parser.parse_args()
    conversations, embed = read_polis(arguments.data / "polis"), embedder()
    prior = fit_prior(conversations, embed)
    model = reward.load("ranker")
    known = [c for c in conversations if not c.new]
    cases = [case for c in known if (case := draw_cases(c, prior, model, embed, targets=10, pool=24))]

    def loss(log_gain: float) -> float:
        total, count = 0.0, 0
        for case in cases:
            p = predicted(case.scores, case.share_of_others(), float(np.exp(log_gain)))
            said = np.abs(case.votes) == 1
            total -= np.log(np.where(case.votes == 1, p, 1 - p))[said].sum()
            count += said.sum()
        return total / count

    gain = float(np.exp(minimize_scalar(loss, bounds=(-6.0, 2.0), method="bounded").x))
    stored = {"weights": prior.weights, "mean": np.array([prior.mean]), "gain": np.array([gain])}
    save_file({name: value.astype(np.float32) for name, value in stored.items()}, ASSETS / "consensus" / FILE)
    print(f"gain {gain:.3f}, loss {loss(np.log(gain)):.4f}, without persona {loss(-20.0):.4f}")


if __name__ == "__main__":
    main()
