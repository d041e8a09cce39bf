"""What the page shows at load is what the first example computes, and the card says where everything
comes from."""

from __future__ import annotations

import numpy as np

from pipelines.consensus import EXAMPLES, first
from pipelines.consensus.export import FIRST, SEED
from pipelines.consensus.run import Pipeline
from pipelines.weights import read_card, weights_file


def test_the_kept_table_is_the_computed_one(pipeline: Pipeline) -> None:
    kept = first()
    group = next(example.group for example in EXAMPLES if example.name == FIRST)
    assert (kept.group.question, kept.group.opinions, kept.seed) == (group.question, group.opinions, SEED)
    again = pipeline.rate(group, [statement.text for statement in kept.statements])
    assert np.abs(again - kept.ratings).max() < 0.2  # bfloat16 or float32


def test_the_card_names_every_source() -> None:
    card = read_card("consensus")
    for word in (
        "ArgKP",
        "CDLA-Sharing",
        "Perspectrum",
        "CC BY-SA",
        "Habermas",
        "CC BY 4.0",
        "Computational Democracy",
    ):
        assert word in str(card["data"])
    for file in card["files"]:
        assert weights_file("consensus", file).stat().st_size < 12e6
