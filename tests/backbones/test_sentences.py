"""The packaged sentence encoder and its trimmed copy."""

from __future__ import annotations

import pytest
import torch

from pipelines.backbones import sentences


@pytest.fixture(scope="module")
def encoder() -> sentences.SentenceEncoder:
    if sentences.source() == sentences.HUB_REPOSITORY:
        pytest.skip(f"the package {sentences.PACKAGE} is not installed")
    return sentences.load()


def test_near_meanings_are_near_and_padding_does_not_matter(encoder):
    texts = ["a car", "an automobile", "a slice of pizza with plenty of cheese"]
    encoded = encoder.encode(texts)
    likeness = encoded.pooled @ encoded.pooled.T
    assert likeness[0, 1] > 0.7
    assert likeness[0, 2] < 0.4
    assert torch.allclose(encoded.pooled.norm(dim=1), torch.ones(3))
    alone = encoder.encode(texts[:1])
    assert torch.allclose(alone.states[0], encoded.states[0, : alone.states.shape[1]], atol=1e-5)


def test_trimmed_copy_encodes_its_texts_alike(encoder, tmp_path):
    texts = ["", "front view of a jack-o-lantern", "a yellow tall snowman with blue hat"]
    sentences.save_trimmed(encoder, texts, tmp_path)
    assert (tmp_path / "model.safetensors").stat().st_size < 25e6
    trimmed = sentences.SentenceEncoder(tmp_path).encode(texts)
    full = encoder.encode(texts)
    assert torch.equal(trimmed.mask, full.mask)
    assert (trimmed.pooled * full.pooled).sum(dim=1).min() > 0.999


def test_long_text_is_cut(encoder):
    assert encoder.encode(["red " * 1000]).states.shape[1] == sentences.MAX_TOKENS
