"""Trials on stance data: does the reward model know on which side a text stands, and how sure it may be.

Baselines beside it: the commoner class, the text without the claim (a logistic regression on its
embedding), and the cosine of claim and text; the latter two are fitted on the ranker's topics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipelines.consensus.data import Embed, Topic, stances
from pipelines.consensus.group_trial import interval
from pipelines.consensus.reward import RewardModel

SEED = 7
BASELINE_TEXTS = 1500
BINS = 10
TOPIC_TEXTS = 50
"""A topic with fewer texts has no accuracy of its own."""

Stance = tuple[str, str, int]


def drawn(topics: Sequence[Topic], most: int) -> list[Stance]:
    """At most so many (claim, text, same side) of topics, the same ones every time."""
    known = [stance for topic in topics for stance in stances(topic)]
    order = np.random.default_rng(SEED).permutation(len(known))[:most]
    return [known[i] for i in order]


def stance_trial(
    model: RewardModel, test: Sequence[Stance]
) -> tuple[dict[str, float], np.ndarray, np.ndarray]:
    """Accuracy and AUC; probabilities and labels [n] for the calibration."""
    from sklearn.metrics import roc_auc_score

    p = model.same_side([(claim, text) for claim, text, _ in test])
    label = np.array([same for *_, same in test])
    majority = max(label.mean(), 1 - label.mean())
    found = {
        "accuracy": float(((p > 0.5) == label).mean()),
        "auc": float(roc_auc_score(label, p)),
        "majority": float(majority),
        "n": len(test),
    }
    return found, p, label


def by_topic(p: np.ndarray, test: Sequence[Stance]) -> dict[str, Any]:
    """The 95 % interval of the accuracy over topics, and the accuracy of each topic with enough texts, from
    the probabilities [n] of a trial."""
    right = (p > 0.5) == np.array([same for *_, same in test])
    claims = np.array([claim for claim, *_ in test])
    each = {
        str(claim): float(right[claims == claim].mean())
        for claim in np.unique(claims)
        if (claims == claim).sum() >= TOPIC_TEXTS
    }
    return {"interval": interval(right.astype(float), claims), "topics": each}


def baselines(test: Sequence[Stance], fit: Sequence[Stance], embed: Embed) -> dict[str, float]:
    """Accuracy of the text alone and of the cosine of claim and text, fitted on other topics."""
    from sklearn.linear_model import LogisticRegression

    fit = list(fit)[:BASELINE_TEXTS]
    claims = {claim: None for claim, *_ in (*test, *fit)}
    known = dict(zip(claims, embed(list(claims)), strict=True))
    x_fit, x_test = embed([text for _, text, _ in fit]), embed([text for _, text, _ in test])
    y_fit, y_test = np.array([y for *_, y in fit]), np.array([y for *_, y in test])
    cos_fit = np.array([known[claim] @ x for (claim, *_), x in zip(fit, x_fit, strict=True)])[:, None]
    cos_test = np.array([known[claim] @ x for (claim, *_), x in zip(test, x_test, strict=True)])[:, None]
    return {
        "statement_only": float(LogisticRegression(max_iter=500).fit(x_fit, y_fit).score(x_test, y_test)),
        "cosine": float(LogisticRegression().fit(cos_fit, y_fit).score(cos_test, y_test)),
    }


def calibration_error(p: np.ndarray, label: np.ndarray) -> float:
    """Expected calibration error of probabilities [n] in BINS equal bins: mean |share true - mean
    probability|."""
    bins = np.minimum((p * BINS).astype(int), BINS - 1)
    gaps = [
        (bins == b).mean() * abs(label[bins == b].mean() - p[bins == b].mean())
        for b in range(BINS)
        if (bins == b).any()
    ]
    return float(sum(gaps))
