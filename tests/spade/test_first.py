"""What the page shows at load is what the first example computes."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.runtime import Progress
from pipelines.spade import EXAMPLES, Summary, examples, first, summarise
from pipelines.spade.analysis import TableReport, analyse
from pipelines.spade.table import read_table
from pipelines.weights import asset, read_card


@pytest.fixture(scope="module")
def report() -> TableReport:
    steps = analyse(read_table(asset("spade", EXAMPLES[0].file)))
    return [step for step in steps if not isinstance(step, Progress)][-1]


def test_the_kept_result_is_the_computed_one(report: TableReport) -> None:
    kept, now = first(), summarise(report)
    assert kept.verdict == now.verdict
    assert np.abs(kept.percentile - now.percentile).max() < 0.1
    assert (kept.pseudo == now.pseudo).mean() > 0.995
    assert kept.top.tolist()[:5] == now.top.tolist()[:5]


def test_json_keeps_a_summary(report: TableReport) -> None:
    summary = summarise(report)
    again = Summary.from_json(summary.to_json())
    assert again.reasons[0][0].column == summary.reasons[0][0].column
    assert again.order.tolist() == summary.order.tolist()
    assert again.to_json() == summary.to_json()


def test_the_examples_can_be_made_anew() -> None:
    assert (
        examples.pump().to_csv(index=False, lineterminator="\n").encode()
        == asset("spade", "pump.csv").read_bytes()
    )
    tumours = examples.tumours().to_csv(index=False, lineterminator="\n").encode()
    assert tumours == asset("spade", "tumours.csv").read_bytes()


def test_the_card_tells_where_data_come_from() -> None:
    card = read_card("spade")
    assert "CC BY 4.0" in card["data"]
    assert set(card["files"]) >= {"encoder.safetensors", "pump.csv", "tumours.csv", "tiles.zip"}
