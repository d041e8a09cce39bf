"""Fine-tuning language models to find agreement among humans with diverse preferences (arXiv 2211.15006).

    from pipelines import consensus

    group = consensus.group_of("Should we ...?", [("Ana", "Yes, because ..."), ("Bo", "No, since ...")])
    for report in consensus.load().deliberate(group, seed=1): ...   # Progress(preview=Table), finally a Table
    report.statements[consensus.ranking(report, alpha=1.0)[0]].text

Nothing that is imported here imports torch.
"""

from __future__ import annotations

from pipelines.consensus.examples import EXAMPLES, Example
from pipelines.consensus.groups import MOST_PEOPLE, Group, Opinion, group_of, read_group
from pipelines.consensus.method import borda, schulze, welfare
from pipelines.consensus.table import (
    CAUTION,
    DISSENT,
    SOURCES,
    Exclusion,
    Statement,
    Table,
    as_json,
    as_markdown,
    overridden,
    ranking,
)

__all__ = [
    "CAUTION",
    "DISSENT",
    "EXAMPLES",
    "MOST_PEOPLE",
    "SOURCES",
    "Example",
    "Exclusion",
    "Group",
    "Opinion",
    "Statement",
    "Table",
    "as_json",
    "as_markdown",
    "borda",
    "group_of",
    "overridden",
    "ranking",
    "read_group",
    "schulze",
    "welfare",
]
