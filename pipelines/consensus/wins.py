"""Win rates under the independent judge: groups of held-out topics one by one, kept in a file, and what the
kept ones say. A long run can be broken off and goes on where it stopped."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.consensus.group_trial import Judged, draw_groups, interval, judged, win_rate
from pipelines.consensus.groups import Group
from pipelines.weights import weights_file

PAIRS = {
    "ranked_vs_single": ("ranked_model", "single"),
    "ranked_vs_prompted": ("ranked_model", "prompted"),
    "ranked_vs_best_human": ("ranked", "best_human"),
    "ranked_vs_best_human_by_others": ("ranked_of_others", "best_of_others"),
    "ranked_vs_luckiest_human": ("ranked", "luckiest_human"),
    "ranked_vs_random_human": ("ranked", "random_human"),
    "model_vs_best_human": ("ranked_model", "best_human"),
    "composed_vs_best_human": ("composed", "best_human"),
    "composed_vs_best_human_by_others": ("composed_of_others", "best_of_others"),
}


def weights_key() -> str:
    """Names the reward models: figures of other weights are not mixed in."""
    names = ("ranker.safetensors", "judge.safetensors", "readings.json")
    files = (weights_file("consensus", name) for name in names)
    return sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]


def kept_groups(file: Path | None, key: str) -> dict[int, Judged]:
    """The groups of earlier runs with these weights, by number."""
    if file is None or not file.exists():
        return {}
    rows = [json.loads(row) for row in file.read_text(encoding="utf-8").splitlines()]
    return {
        row["number"]: Judged(**{k: np.nan if v is None else v for k, v in row["judged"].items()})
        for row in rows
        if row["weights"] == key
    }


def judge_more(
    topics: Sequence[Any], count: int, seconds: float, file: Path | None, written: bool
) -> dict[int, Judged]:
    """`count` groups, those in `file` among them; begins none after so many seconds of the processor."""
    key = weights_key()
    found = kept_groups(file, key)
    start = time.process_time()
    for number, one in _judging(draw_groups(topics, count), len(topics), written, found):
        found[number] = one
        if file:
            row = {k: None if np.isnan(v) else v for k, v in vars(one).items()}
            with file.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps({"weights": key, "number": number, "judged": row}) + "\n")
        if time.process_time() - start > seconds:
            break
    return {number: one for number, one in found.items() if number < count}


def _judging(
    groups: Sequence[Group], topics: int, written: bool, found: dict[int, Judged]
) -> Iterator[tuple[int, Judged]]:
    from pipelines.consensus import load, reward

    pipeline, judge = load(), reward.load("judge")
    for number, group in enumerate(groups):
        if number not in found or (written and np.isnan(found[number].valid)):
            yield number, judged(pipeline, judge, group, number, number % topics, written)


def figures(groups: dict[int, Judged]) -> dict[str, Any]:
    """Win rates and means of judged groups; their intervals are over topics."""
    rows = [groups[number] for number in sorted(groups)]
    column = {name: np.array([getattr(row, name) for row in rows], float) for name in vars(rows[0])}
    topics = column.pop("topic")
    loss, valid = column["exclusion"], column["valid"]
    told = ~np.isnan(loss)
    return {
        **{name: win_rate(column[ours], column[theirs], topics) for name, (ours, theirs) in PAIRS.items()},
        "exclusion_delta": {"mean": float(loss[told].mean()), **interval(loss[told], topics[told])}
        if told.any()
        else None,
        "valid_candidate_share": float(np.nanmean(valid)) if np.isfinite(valid).any() else None,
        "mean_judged_agreement": {
            name: float(np.nanmean(values))
            for name, values in column.items()
            if name not in ("exclusion", "valid") and np.isfinite(values).any()
        },
        "groups": len(rows),
        "groups_with_language_model": int(np.isfinite(valid).sum()),
        "group_topics": len(np.unique(topics)),
    }
