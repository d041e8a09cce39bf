"""The verdict: the chosen statement with everybody's predicted agreement, and the others in their order.

The order is made here, by the pipeline, for every stop of the slider; the page only picks one.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from pipelines import consensus
from pipelines.consensus import DISSENT, UNSURE, Table

STOPS = 40
"""The slider goes from stop 0, the utilitarian order, over the middle, Bernoulli-Nash, to the last, Rawls."""

START = 1.0
"""Inequality aversion at which the slider stands first: Bernoulli-Nash, in the middle."""

LABELS = {
    "composed": "AI: composed of their clauses",
    "model": "AI: fine-tuned model",
    "prompted": "AI: prompted model, not fine-tuned",
    "revised": "AI: revised after critique",
}
HERE = Path(__file__)
TEMPLATE = HERE.with_name("consensus_verdict.html").read_text(encoding="utf-8")
SCRIPT = HERE.with_name("consensus_verdict.js").read_text(encoding="utf-8")


class Verdict(gr.HTML):
    """Shows a value made by `verdict_value`; holds the slider.

    Fires `choose` with the slider's `stop` when it comes to rest, and `rate` with `statement` (index) and
    `ratings` (a number or null per person) when people rate a statement themselves, and `back` when they want
    the round before.
    """

    def __init__(self, value: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(value, html_template=TEMPLATE, js_on_load=SCRIPT, **kwargs)

    def api_info(self) -> dict[str, Any]:
        return {
            "type": "object",
            "description": "people, statements (text, source), ratings[statement][person] in 1..7, and for "
            "each of alphas the order of the statements (best first) and their welfare",
        }


def alpha_at(stop: int) -> float:
    """Inequality aversion at a stop of the slider: 0 at the first, 1 in the middle, infinite at the last."""
    p = stop / STOPS
    return p / (1 - p) if stop < STOPS else math.inf


def source_of(table: Table, k: int) -> str:
    """Where statement k comes from, in words."""
    statement = table.statements[k]
    return LABELS.get(statement.source) or f"{statement.author}'s own words"


def verdict_value(
    table: Table, own: np.ndarray | None = None, critiques: int = 0, ready: bool = False
) -> dict[str, Any]:
    """The value of a Verdict.

    `own`: bool [K, n], which ratings people gave themselves; `critiques`: how many rounds of critique went
    before; `ready`: computed when the page was made.
    """
    ratings = table.ratings
    alphas = [alpha_at(stop) for stop in range(STOPS + 1)]
    statements = [
        {"text": statement.text, "source": statement.source, "label": source_of(table, k)}
        for k, statement in enumerate(table.statements)
    ]
    return {
        "question": table.group.question,
        "ready": ready,
        "critiques": critiques,
        "people": table.group.people,
        "statements": statements,
        "ratings": np.round(ratings, 2).tolist(),
        "mean": np.round(ratings.mean(axis=1), 2).tolist(),
        "least": np.round(ratings.min(axis=1), 2).tolist(),
        "own": (np.zeros(ratings.shape, bool) if own is None else own).tolist(),
        "alphas": [round(alpha, 3) if alpha < math.inf else None for alpha in alphas],
        "orders": [consensus.ranking(table, alpha).tolist() for alpha in alphas],
        "welfare": [np.round(consensus.welfare(ratings, alpha), 2).tolist() for alpha in alphas],
        "dissent": DISSENT,
        "unsure": UNSURE,
        "notes": [*table.group.notes, *filter(None, [table.note])],
    }
