"""Trials on real votes (Polis): who agrees with a statement, and which statement to choose for five people.

A person is known by K_VOTES of their own votes. In a conversation that training has seen, people and
target statements are held out; a new conversation is held out as a whole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.consensus.data import Embed
from pipelines.consensus.persona import Prior, persona_scores, predicted, shrunk
from pipelines.consensus.reward import RewardModel
from pipelines.consensus.votes import Conversation

K_VOTES = 10
LEAST_EACH = 4
"""Votes for and against that a statement needs to count."""
GROUP, COMMON = 5, 16
LEAST_GROUPS = 20
SEED = 5


@dataclass(frozen=True)
class Cases:
    """P people and T target statements: real `votes` [P, T] (NaN unknown), persona `scores` and `cosine`
    scores [P, T], those of `yes`-saying (all links 1), the agree shares `guess`ed from the text [T], and
    how many of all people agreed and voted [T]."""

    conversation: str
    new: bool
    votes: np.ndarray
    scores: np.ndarray
    cosine: np.ndarray
    yes: np.ndarray
    guess: np.ndarray
    agreed: np.ndarray
    voted: np.ndarray

    def share_without(self, members: np.ndarray) -> np.ndarray:
        """Agree shares [T] by the votes of everybody but some of the P people."""
        votes = self.votes[members]
        voted = self.voted - (~np.isnan(votes)).sum(0)
        return shrunk(self.agreed - (votes == 1).sum(0), voted, self.guess)

    def share_of_others(self) -> np.ndarray:
        """Agree shares [P, T], for each person by the votes of everybody else."""
        return shrunk(self.agreed - (self.votes == 1), self.voted - ~np.isnan(self.votes), self.guess)


def draw_cases(
    conversation: Conversation, prior: Prior, model: RewardModel, embed: Embed, targets: int, pool: int
) -> Cases | None:
    """Held-out people and the `targets` held-out statements with most votes, people known by votes on
    the `pool` others with most votes; None if the conversation has too few."""
    people, statements = conversation.held_out()
    votes = conversation.votes
    said = np.abs(votes) == 1
    count = said[people].sum(0)
    ranked = np.argsort(-count, kind="stable")
    if conversation.new:
        aims, known = ranked[: 2 * targets : 2], ranked[1 : 2 * pool : 2]
    else:
        aims, known = ranked[statements[ranked]][:targets], ranked[~statements[ranked]][:pool]
    rng = np.random.default_rng(SEED)
    chosen, own = [], []
    for person in np.flatnonzero(people):
        seen = known[said[person, known]]
        if len(seen) >= K_VOTES and said[person, aims].any():
            row = np.full(len(known), np.nan)
            kept = np.isin(known, rng.permutation(seen)[:K_VOTES])
            row[kept] = votes[person, known[kept]]
            chosen.append(person)
            own.append(row)
    if len(chosen) < 2 * LEAST_EACH or len(aims) < 2:
        return None
    texts = conversation.texts
    vectors = embed([texts[i] for i in (*known, *aims)])
    guess = prior.guess(vectors)
    pairs = [(texts[s], texts[t]) for s in known for t in aims]
    links = model.both(pairs)[:, 1].reshape(len(known), len(aims))
    expected = 2 * guess[: len(known)] - 1
    rows = np.array(own)
    return Cases(
        conversation.name,
        conversation.new,
        np.where(said, votes, np.nan)[np.ix_(chosen, aims)],
        persona_scores(rows, expected, links),
        persona_scores(rows, expected, vectors[: len(known)] @ vectors[len(known) :].T),
        persona_scores(rows, expected, np.ones_like(links)),
        guess[len(known) :],
        (votes[:, aims] == 1).sum(0),
        said[:, aims].sum(0),
    )


def within_statement_auc(cases: list[Cases], scores: str) -> float:
    """Mean over statements of the chance that somebody who agrees has a higher score than somebody who
    doesn't."""
    from sklearn.metrics import roc_auc_score

    found, weights = [], []
    for case in cases:
        values = getattr(case, scores)
        for t in range(case.votes.shape[1]):
            known = ~np.isnan(case.votes[:, t])
            agrees = case.votes[known, t] == 1
            if min(agrees.sum(), (~agrees).sum()) >= LEAST_EACH:
                found.append(roc_auc_score(agrees, values[known, t]))
                weights.append(min(agrees.sum(), (~agrees).sum()))
    return float(np.average(found, weights=weights)) if found else float("nan")


def overall_auc(cases: list[Cases], gain: float) -> tuple[float, float]:
    """AUC over all votes of the prediction from texts alone, and of the statement alone."""
    from sklearn.metrics import roc_auc_score

    agrees, both, alone = [], [], []
    for case in cases:
        known = ~np.isnan(case.votes)
        agrees.append(case.votes[known] == 1)
        both.append(predicted(case.scores, case.guess, gain)[known])
        alone.append(np.broadcast_to(case.guess, known.shape)[known])
    truth = np.concatenate(agrees)
    return float(roc_auc_score(truth, np.concatenate(both))), float(
        roc_auc_score(truth, np.concatenate(alone))
    )


def choice_gains(
    cases: list[Cases], gain: float, groups: int, rng: np.random.Generator
) -> dict[str, dict[str, float]]:
    """What choosing for five people gains, by conversation: for `groups` random groups of GROUP people
    and COMMON random statements that all of them voted on, the real agree share of the chosen statement
    minus the mean over all of them, averaged over groups, by chooser. Also how many groups there were,
    and how many different statements the mixed chooser took. Conversations with fewer than LEAST_GROUPS
    such groups are left out."""
    found = {}
    for case in cases:
        known = ~np.isnan(case.votes)
        busy = np.flatnonzero(known.sum(1) >= COMMON)
        each: list[dict[str, float]] = []
        for _ in range(30 * groups if len(busy) >= GROUP else 0):
            members = rng.choice(busy, GROUP, replace=False)
            common = np.flatnonzero(known[members].all(0))
            if len(common) >= COMMON and len(each) < groups:
                each.append(_gains(case, members, rng.choice(common, COMMON, replace=False), gain))
        if len(each) >= LEAST_GROUPS:
            taken = {one.pop("taken") for one in each}
            means = {name: float(np.mean([one[name] for one in each])) for name in each[0]}
            found[case.conversation] = means | {"groups": len(each), "different": len(taken)}
    return found


def _gains(case: Cases, members: np.ndarray, shown: np.ndarray, gain: float) -> dict[str, float]:
    real = (case.votes[np.ix_(members, shown)] == 1).mean(0)
    score, share, guess = (
        case.scores[np.ix_(members, shown)],
        case.share_without(members)[shown],
        case.guess[shown],
    )
    choosers = {
        "mixed": predicted(score, share, gain).mean(0),
        "persona": predicted(score, guess, gain).mean(0),
        "text": guess,
        "approval": share,
        "oracle": real,
    }
    gains = {name: float(real[int(np.argmax(value))] - real.mean()) for name, value in choosers.items()}
    return gains | {"taken": int(shown[int(np.argmax(choosers["mixed"]))])}
