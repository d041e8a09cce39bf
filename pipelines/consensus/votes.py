"""Real votes: Polis conversations, in which people agree or disagree with each other's short statements.

Data was gathered using the Polis software (see: compdemocracy.org/polis and
github.com/compdemocracy/polis) and is sub-licensed under CC BY 4.0 with Attribution to The Computational
Democracy Project."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

NEW_CONVERSATIONS = ("15-per-hour-seattle", "brexit-consensus", "scoop-hivemind.taxes")
"""Never trained on, in no part."""
HELD_OUT_SHARE = 0.3
"""Of the people and of the statements of every other conversation."""
LEAST_VOTES = 10
SHRINK = 10.0
SPLIT_SEED = 2017


@dataclass(frozen=True)
class Conversation:
    """Statements `texts` [S] and `votes` [P, S]: 1 agree, -1 disagree, 0 pass, NaN not seen."""

    name: str
    texts: tuple[str, ...]
    votes: np.ndarray

    @property
    def new(self) -> bool:
        """Whether the whole conversation is held out."""
        return self.name in NEW_CONVERSATIONS

    def held_out(self) -> tuple[np.ndarray, np.ndarray]:
        """Masks of held-out people [P] and statements [S]; all of them in a new conversation."""
        people, statements = self.votes.shape
        if self.new:
            return np.ones(people, bool), np.ones(statements, bool)
        rng = np.random.default_rng(SPLIT_SEED)
        return rng.random(people) < HELD_OUT_SHARE, rng.random(statements) < HELD_OUT_SHARE


def read_conversation(folder: Path) -> Conversation:
    """One conversation; statements that moderators took out or hardly anybody saw are left out."""
    texts: dict[str, str] = {}
    with (folder / "comments.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            if row["moderated"] != "-1":
                texts[row["comment-id"]] = " ".join(row["comment-body"].split())
    with (folder / "participants-votes.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    columns = [name for name in rows[0] if name in texts]
    votes = np.array([[float(row[name]) if row[name] else np.nan for name in columns] for row in rows])
    seen = (np.abs(votes) == 1).sum(0) >= LEAST_VOTES
    kept = [name for name, enough in zip(columns, seen, strict=True) if enough]
    return Conversation(folder.name, tuple(texts[name] for name in kept), votes[:, seen])


def read_polis(folder: Path) -> list[Conversation]:
    """All conversations of a folder, by name."""
    return [read_conversation(path) for path in sorted(folder.iterdir()) if path.is_dir()]


def links(votes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How votes on two statements go together: correlation [S, S], shrunk towards 0 where few voted on
    both, and how many did [S, S]. Passes count as not seen."""
    said = np.where(np.abs(votes) == 1, votes, 0.0)
    voted = (said != 0).astype(float)
    both = voted.T @ voted
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = said.T @ voted / both  # [s, t]: mean vote on s of those who voted on t too
        covariance = said.T @ said / both - mean * mean.T
        spread = np.sqrt((1 - mean**2) * (1 - mean.T**2))
        correlation = np.where(spread > 1e-6, covariance / spread, 0.0)
    return np.nan_to_num(correlation) * both / (both + SHRINK), both
