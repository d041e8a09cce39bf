"""Fit how a reward model's score is read: as a level, and as the probability of the same side.

    python -m pipelines.consensus.fit --data DIR     # the ranker's, anew; writes readings.json

Training fits both models on the validation topics. The ranker is used on topics that are harder for it, so
its readings are fitted again on all that it has not learnt from: the validation topics and the judge's. No
test topic is among them."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, xlogy

from pipelines.consensus.data import Topic, stances
from pipelines.consensus.grades import grade, person_on, statement_on
from pipelines.consensus.reward import NAME, READINGS, RewardModel
from pipelines.weights import asset, read_card, write_card

SEED, MOST = 22, 3000


def logistic(score: np.ndarray, target: np.ndarray) -> tuple[float, float]:
    """Slope > 0 and shift of sigmoid(slope s + shift) with the least cross-entropy against targets in
    0..1."""

    def loss(theta: np.ndarray) -> float:
        p = np.clip(expit(np.exp(theta[0]) * score + theta[1]), 1e-9, 1 - 1e-9)
        return -float(np.mean(xlogy(target, p) + xlogy(1 - target, 1 - p)))

    best = minimize(loss, np.zeros(2), method="Nelder-Mead").x
    return float(np.exp(best[0])), float(best[1])


def fit_readings(model: RewardModel, topics: Sequence[Topic], seed: int, most: int) -> dict[str, float]:
    """Set model.readings from at most `most` stances and graded statements each; returns what they reach."""
    rng = np.random.default_rng(seed)
    known = [stance for topic in topics for stance in stances(topic)]
    chosen = [known[i] for i in rng.permutation(len(known))[:most]]
    same = np.array([label for *_, label in chosen], float)
    side = model.both([(claim, text) for claim, text, _ in chosen])[:, 0]
    pairs, levels = [], []
    two_sided = [topic for topic in topics if topic.pro and topic.con]
    while len(pairs) < most:
        topic = two_sided[rng.integers(len(two_sided))]
        person = person_on(topic, int(rng.choice((1, -1))), rng)
        made = statement_on(topic, int(rng.choice((1, 0, -1))), bool(rng.random() < 0.7), rng)
        pairs.append((f"{topic.question} {person.opinion}", made.text))
        levels.append(grade(person, made))
    score, level = model.both(pairs)[:, 0], np.array(levels)
    t, u = logistic(score, (level - 1) / 6)
    a, b = logistic(side, same)
    model.readings.copy_(model.readings.new_tensor([t, u, a, b]))
    read = 1 + 6 * expit(t * score + u)
    return {
        "stance_accuracy": round(float(((a * side + b > 0) == same).mean()), 4),
        "level_correlation": round(float(np.corrcoef(read, level)[0, 1]), 4),
        "level_error": round(float(np.abs(read - level).mean()), 4),
    }


def main() -> None:
    from pipelines.consensus import reward
    from pipelines.consensus.data import read_parts
    from pipelines.consensus.examples_train import embedder

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parts = read_parts(parser.parse_args().data, embedder())
    model = reward.load("ranker")
    reached = fit_readings(model, parts["validation"] + parts["judge"], SEED, MOST)
    readings = [round(value, 4) for value in model.readings.tolist()]
    asset(NAME, READINGS).write_text(json.dumps({"ranker": readings}) + "\n", encoding="utf-8")
    write_card(NAME, read_card(NAME))
    print(json.dumps({"readings": readings, **reached}))


if __name__ == "__main__":
    main()
