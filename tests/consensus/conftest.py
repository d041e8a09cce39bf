"""A pipeline with the embedded ranker, and a stand-in that rates without a network."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import numpy as np
import pytest

from pipelines.consensus import EXAMPLES, Group, load
from pipelines.consensus.run import Pipeline
from pipelines.runtime import Progress


class Stub:
    """A reward model whose ratings follow from the words alone."""

    def rate(self, question: str, opinions: Sequence[str], statements: Sequence[str]) -> np.ndarray:
        def one(opinion: str, statement: str) -> float:
            return 1 + 6 * sha256(f"{question}|{opinion}|{statement}".encode()).digest()[0] / 255

        return np.array([[one(o, s) for o in opinions] for s in statements]).reshape(-1, len(opinions))

    def same_side(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        return np.array([sha256("|".join(pair).encode()).digest()[0] / 255 for pair in pairs])


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """Without a language model."""

    def language_model(self, report: Progress):
        yield report

    monkeypatch.setattr(Pipeline, "_language_model", language_model)
    return Pipeline(Stub())


@pytest.fixture(scope="session")
def pipeline() -> Pipeline:
    return load()


@pytest.fixture
def group() -> Group:
    return EXAMPLES[0].group
