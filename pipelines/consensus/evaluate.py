"""Measure what card.json states.

    python -m pipelines.consensus.evaluate [--quick] [--data DIR] [--only PART ...] [--write]

DIR holds argkp/, perspectrum/, questions/ and polis/; without it only what needs no data is measured
(null elsewhere). --quick takes fewer groups, texts and conversations. The last line of output is one
JSON object; --write puts it into the card."""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines import runtime
from pipelines.consensus.examples import EXAMPLES
from pipelines.consensus.method import order_of, schulze, welfare
from pipelines.weights import read_card, write_card

if TYPE_CHECKING:
    from pipelines.consensus.data import Part, Topic

NAME = "consensus"
PROFILES = 1000
FULL = {"stances": 10_000, "targets": 32, "pool": 30, "groups": 200, "choices": 300}
QUICK = {"stances": 150, "targets": 16, "pool": 12, "groups": 20, "choices": 100}
QUICK_CONVERSATIONS = (
    "brexit-consensus",
    "scoop-hivemind.freshwater",
    "ssis.land-bank-farmland.2rumnecbeh.2021-08-01",
)
QUICK_SECONDS = 12.0
"""After so long (of the processor) no further group is begun in --quick."""
ALPHAS = (0.0, 0.3, 0.999, 1.0, 1.001, 2.0, 5.0, 50.0, math.inf)


def social_choice() -> dict[str, Any]:
    """Closed forms, limits, monotony and symmetry of the welfare functions; Schulze against the
    habermas-machine package, if it is installed."""
    rng = np.random.default_rng(1)
    u = rng.uniform(1, 7, (50, 5))
    values = np.array([welfare(u, alpha) for alpha in ALPHAS])
    swf_ok = bool(
        np.allclose(values[0], u.mean(1))
        and np.allclose(values[3], np.exp(np.log(u).mean(1)))
        and np.allclose(values[5], 1 / (1 / u).mean(1))
        and np.array_equal(values[-1], u.min(1))
        and (np.diff(values, axis=0) <= 1e-12).all()
        and np.array_equal(welfare(u[:, ::-1], 1.7), welfare(u, 1.7))
        and np.allclose(welfare(3 * u, 2.5), 3 * welfare(u, 2.5))
    )
    return {"swf_ok": swf_ok, "schulze_ok": _schulze_ok(rng)}


def _schulze_ok(rng: np.random.Generator) -> bool | None:
    try:
        from habermas_machine.social_choice import schulze_method, utils
    except ImportError:
        return None
    theirs = schulze_method.Schulze(utils.TieBreakingMethod.TIES_ALLOWED)
    for _ in range(PROFILES):
        profile = rng.integers(1, rng.integers(3, 8), (rng.integers(1, 9), rng.integers(1, 8)))
        ranks = np.stack([np.unique(-column, return_inverse=True)[1] for column in profile.T])
        if not np.array_equal(theirs.aggregate_with_ties(ranks), schulze(profile)):
            return False
    return True


@cache
def _parts(data: Path) -> dict[Part, list[Topic]]:
    from pipelines.consensus.data import read_parts
    from pipelines.consensus.examples_train import embedder

    return read_parts(data, embedder())


def stance(data: Path, size: dict[str, int]) -> dict[str, Any]:
    """Accuracy on the sides of held-out topics, with baselines, and the calibration."""
    from pipelines.consensus import reward
    from pipelines.consensus.examples_train import embedder
    from pipelines.consensus.stance_trial import (
        baselines,
        by_topic,
        calibration_error,
        drawn,
        stance_trial,
    )

    embed, model, judge = embedder(), reward.load("ranker"), reward.load("judge")
    parts = _parts(data)
    found: dict[str, Any] = {}
    sure, right = [], []
    for name in ("argkp", "perspectrum"):
        test = drawn([topic for topic in parts["test"] if topic.source == name], size["stances"])
        trial, p, label = stance_trial(model, test)
        fit = drawn([topic for topic in parts["ranker"] if topic.source == name], size["stances"])
        found[f"rm_stance_accuracy_{name}"] = trial.pop("accuracy")
        found[f"stance_{name}"] = trial | by_topic(p, test) | baselines(test, fit, embed)
        found[f"judge_stance_accuracy_{name}"] = stance_trial(judge, test)[0]["accuracy"]
        sure.append(p)
        right.append(label)
    return found | {"rm_ece": calibration_error(np.concatenate(sure), np.concatenate(right))}


def polis(data: Path, size: dict[str, int], quick: bool) -> dict[str, Any]:
    """Real votes: who agrees with a statement, and what choosing for five people gains."""
    from pipelines.consensus import persona, reward
    from pipelines.consensus.examples_train import embedder
    from pipelines.consensus.group_trial import interval
    from pipelines.consensus.polis_trial import choice_gains, draw_cases, overall_auc, within_statement_auc
    from pipelines.consensus.votes import read_polis

    embed, prior, model = embedder(), persona.read_prior(), reward.load("ranker")
    conversations = read_polis(data / "polis")
    if quick:
        conversations = [c for c in conversations if c.name in QUICK_CONVERSATIONS]
    drawn = [draw_cases(c, prior, model, embed, size["targets"], size["pool"]) for c in conversations]
    cases = [case for case in drawn if case]
    seen, new = [c for c in cases if not c.new], [c for c in cases if c.new]
    both, alone = overall_auc(cases, prior.gain)
    gains = choice_gains(cases, prior.gain, size["choices"], np.random.default_rng(3))
    choosers = ("mixed", "persona", "text", "approval", "oracle")
    points = {name: np.array([100 * one[name] for one in gains.values()]) for name in choosers}
    mixed, alone_gain = points["mixed"], points["persona"]
    return {
        "polis_within_statement_auc": within_statement_auc(seen, "scores"),
        "polis_within_statement_auc_new_conversations": within_statement_auc(new, "scores"),
        "polis_choice_gain": float(mixed.mean()) if len(mixed) else None,
        "polis_choice_interval": interval(mixed) if len(mixed) >= 3 else None,
        "polis_choice_gain_without_others_votes": float(alone_gain.mean()) if len(mixed) else None,
        "polis_choice_interval_without_others_votes": interval(alone_gain) if len(mixed) >= 3 else None,
        "polis": {
            "conversations": [case.conversation for case in seen],
            "new_conversations": [case.conversation for case in new],
            "baselines_seen": {name: within_statement_auc(seen, name) for name in ("yes", "cosine")},
            "baselines_new": {name: within_statement_auc(new, name) for name in ("yes", "cosine")},
            "overall_auc": both,
            "overall_auc_statement_only": alone,
            "choice_gain_points": {name: float(value.mean()) for name, value in points.items() if len(value)},
            "choice_gain_by_conversation": gains,
        },
    }


@dataclass(frozen=True)
class Options:
    """How many `groups` the win rates are of, after how many `seconds` of the processor none is begun, in
    which file judged ones are `kept`, and whether the language model takes part."""

    groups: int
    seconds: float
    keep: Path | None
    written: bool


def wins(data: Path, options: Options) -> dict[str, Any]:
    """Groups of held-out topics, ranked by the ranker, judged by the judge."""
    from pipelines.consensus.group_trial import test_topics
    from pipelines.consensus.wins import figures, judge_more

    parts = _parts(data)
    topics = test_topics(parts["test"], [topic for part in parts.values() for topic in part])
    found = judge_more(topics, options.groups, options.seconds, options.keep, options.written)
    return figures(found)


def speed() -> dict[str, Any]:
    """Seconds on this machine, with its present load."""
    from pipelines.consensus import load

    start = time.perf_counter()
    pipeline = load()
    loaded = time.perf_counter() - start
    group = EXAMPLES[0].group
    start = time.perf_counter()
    table = pipeline.compose(group, 1)
    composed = time.perf_counter() - start
    texts = [
        f"{s.text.split('. ')[0]}. That is what number {i} says." for i in range(4) for s in table.statements
    ]
    opinions = [opinion.text for opinion in group.opinions]
    start = time.perf_counter()
    pipeline.reward.rate(group.question, opinions, texts[: 80 // len(opinions)])
    pairs = time.perf_counter() - start
    many = np.random.default_rng(2).uniform(1, 7, (48, 12))
    start = time.perf_counter()
    for alpha in ALPHAS:
        order_of(welfare(many, alpha), many)
        schulze(many)
    ranked = (time.perf_counter() - start) / len(ALPHAS)
    start = time.perf_counter()
    model = pipeline.language_model()
    loaded += time.perf_counter() - start
    start = time.perf_counter()
    written = pipeline.samples(group, 1, 16, adapted=True) if model else None
    return {
        "rerank_ms": 1000 * ranked,
        "rm_80_pairs_seconds": pairs,
        "compose_seconds": composed,
        "candidates_16_seconds": time.perf_counter() - start if written else None,
        "load_seconds": loaded,
    }


def rounded(value: Any) -> Any:
    """The value with its floats to 4 decimals."""
    if isinstance(value, dict):
        return {key: rounded(entry) for key, entry in value.items()}
    return round(value, 4) if isinstance(value, float) else value


PARTS = ("choice", "speed", "stance", "polis", "wins")
NEEDS_DATA = (
    "rm_stance_accuracy_argkp",
    "rm_stance_accuracy_perspectrum",
    "rm_ece",
    "polis_within_statement_auc",
    "polis_choice_gain",
    "ranked_vs_single",
    "ranked_vs_prompted",
    "ranked_vs_best_human",
    "exclusion_delta",
    "valid_candidate_share",
)


def evaluate(data: Path | None, quick: bool, parts: Sequence[str], options: Options) -> dict[str, Any]:
    """The figures of `parts`; null for what needs data where there is none."""
    size = QUICK if quick else FULL
    found: dict[str, Any] = dict.fromkeys(NEEDS_DATA) if data is None else {}
    if "choice" in parts:
        found |= social_choice()
    if "speed" in parts:
        found |= speed()
    if data and "stance" in parts:
        found |= stance(data, size)
    if data and "polis" in parts:
        found |= polis(data, size, quick)
    if data and "wins" in parts:
        found |= wins(data, options)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="measure only these parts")
    parser.add_argument("--groups", type=int, help="number of groups for the win rates; default 200, or 20")
    parser.add_argument(
        "--minutes", type=float, help="begin no further group after so long (of the processor)"
    )
    parser.add_argument("--keep", type=Path, help="file of judged groups: the next run goes on from there")
    parser.add_argument(
        "--composed", action="store_true", help="win rates without the language model, faster"
    )
    parser.add_argument("--write", action="store_true", help="put the figures into the card")
    arguments = parser.parse_args()
    runtime.use_threads(2)
    start = time.perf_counter()
    quick = arguments.quick
    options = Options(
        arguments.groups or (QUICK if quick else FULL)["groups"],
        60 * arguments.minutes if arguments.minutes else QUICK_SECONDS if quick else math.inf,
        arguments.keep,
        not arguments.composed,
    )
    found = rounded(evaluate(arguments.data, quick, arguments.only, options))
    found["seconds"] = round(time.perf_counter() - start, 1)
    if arguments.write:
        card = read_card(NAME)
        known = {name: value for name, value in found.items() if value is not None and name != "seconds"}
        write_card(NAME, card | {"metrics": card.get("metrics", {}) | known})
    print(json.dumps(found))


if __name__ == "__main__":
    main()
