"""A model of the real shape but tiny and random."""

from __future__ import annotations

import pytest
import torch

from pipelines.bartsmiles.heads import PropertyModel
from pipelines.bartsmiles.model import new_model
from pipelines.bartsmiles.predictor import Predictor
from pipelines.bartsmiles.tokenizer import load_tokenizer


@pytest.fixture(scope="session")
def tiny() -> Predictor:
    torch.manual_seed(0)
    trunk = new_model(len(load_tokenizer()), width=32, layers=1)
    properties = PropertyModel(new_model(len(load_tokenizer()), width=32, layers=1).model)
    properties.mean += 1.0
    properties.spread *= 2.0
    return Predictor(properties, trunk)
