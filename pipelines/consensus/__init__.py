"""Fine-tuning language models to find agreement among humans with diverse preferences (arXiv 2211.15006).

    from pipelines import consensus

    group = consensus.group_of("Should we ...?", [("Ana", "Yes, because ..."), ("Bo", "No, since ...")])
    for report in consensus.load().deliberate(group, seed=1): ...   # Progress(preview=Table), finally a Table
    report.statements[consensus.ranking(report, alpha=1.0)[0]].text

Nothing that is imported here imports torch.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pipelines.consensus.examples import EXAMPLES, Example
from pipelines.consensus.groups import MOST_PEOPLE, Group, Opinion, group_of, read_group
from pipelines.consensus.maps import (
    OpinionMap,
    difference,
    group_informed,
    opinion_map,
    vote_map,
    votes_of,
)
from pipelines.consensus.method import borda, schulze, welfare
from pipelines.consensus.table import (
    CAUTION,
    DISSENT,
    SOURCES,
    UNSURE,
    Exclusion,
    Statement,
    Table,
    as_json,
    as_markdown,
    left_out,
    overridden,
    ranking,
    table_from_dict,
)
from pipelines.runtime import load_once
from pipelines.weights import asset

if TYPE_CHECKING:
    from pipelines.consensus.run import Pipeline

__all__ = [
    "CAUTION",
    "DISSENT",
    "EXAMPLES",
    "MOST_PEOPLE",
    "SOURCES",
    "UNSURE",
    "Example",
    "Exclusion",
    "Group",
    "Opinion",
    "OpinionMap",
    "Statement",
    "Table",
    "as_json",
    "as_markdown",
    "borda",
    "difference",
    "first",
    "group_informed",
    "group_of",
    "left_out",
    "load",
    "opinion_map",
    "overridden",
    "ranking",
    "read_group",
    "schulze",
    "vote_map",
    "votes_of",
    "welfare",
]


def load(model: str = "embedded") -> Pipeline:
    """The pipeline, loaded once; `model`: the language model, "embedded" or a hub id."""
    from pipelines.consensus import run

    return run.load(model)


@load_once
def first() -> Table:
    """The first example's table, computed when the project was made (`python -m
    pipelines.consensus.export`)."""
    return table_from_dict(json.loads(asset("consensus", "first.json").read_text(encoding="utf-8")))
