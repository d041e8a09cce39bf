"""What the embedded model was taught, as the page tells it."""

from __future__ import annotations

from pipelines.backbones import vocabulary
from pipelines.weights import ASSETS


def test_the_shipped_vocabulary_names_things_of_every_kind():
    known = vocabulary.load(ASSETS / "backbones/diffusion")
    assert {thing.kind for thing in known.things} <= set(vocabulary.KINDS)
    assert "a zebra" in known.prompts()
    assert "a red round chair" in known.prompts()
    assert known.colours["red"].startswith("#")


def test_saving_and_loading(tmp_path):
    known = vocabulary.Vocabulary(
        (vocabulary.Thing("chair", "family", ("a red chair", "a red tall chair")),), {"red": "#ff0000"}
    )
    known.save(tmp_path)
    assert vocabulary.load(tmp_path) == known
