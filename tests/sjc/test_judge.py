"""The judge: its parts, a few steps of its training, and the shipped one on renders it has not seen."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pipelines.backbones import objects
from pipelines.sjc import judge, judge_train, measures
from pipelines.sjc.judge import SIZE, Judge, words_of
from pipelines.sjc.judge_data import PictureSource, worn
from pipelines.sjc.prompt_set import load
from pipelines.sjc.truth import Truth
from pipelines.weights import asset, read_card, sha256


@pytest.fixture(scope="module")
def families() -> objects.ObjectSet:
    return objects.load(None)


@pytest.fixture(scope="module")
def source(families) -> PictureSource:
    return PictureSource(families)


def test_words_and_their_order_are_read():
    model = Judge(words_of("red mug with blue handle")).eval()
    first, turned, wordy = model.captions(
        ["a red mug with blue handle", "a blue mug with red handle", "The RED mug, with a shiny blue handle"]
    )
    assert torch.allclose(first, wordy, atol=1e-5), "articles, case and unknown words are passed over"
    assert not torch.allclose(first, turned, atol=1e-3)
    with pytest.raises(ValueError, match="zeppelin"):
        model.captions(["a zeppelin"])


def test_a_saved_judge_reads_the_same(tmp_path):
    model = Judge(["red", "mug"]).eval()
    judge.save(model, tmp_path / "judge.safetensors")
    again = judge.read(tmp_path / "judge.safetensors")
    views = torch.rand(2, 3, 3, SIZE, SIZE) * 2 - 1
    texts = ["a mug", "red"]
    assert torch.allclose(model.match(views, texts), again.match(views, texts), atol=0.02)
    assert again.match(views, texts).shape == (2, 2)


def test_pictures_come_in_pairs_of_a_kind_with_their_quadrant(source):
    pictures = source.draw(64, np.random.default_rng(0))
    names = [source.subjects[row].name for row in pictures.subjects]
    assert names[::2] == names[1::2]
    assert pictures.images.shape == (64, 3, SIZE, SIZE)
    has_front = np.array([name in ("chair", "car", "house", "snowman", "tower") for name in names])
    assert ((pictures.quadrants >= 0).numpy() == has_front).all()


def test_wear_keeps_the_subject_and_a_white_ground(source):
    pictures = source.draw(64, np.random.default_rng(1))
    result = worn(pictures.images, torch.Generator().manual_seed(0))
    assert result.shape == pictures.images.shape and result.min() >= -1 and result.max() <= 1
    assert result.median() > 0.9
    clean = pictures.images.float() / 127.5 - 1
    alike = torch.nn.functional.cosine_similarity((1 - result).flatten(1), (1 - clean).flatten(1))
    assert alike.median() > 0.6


def test_the_loss_falls_where_pairs_match():
    views = torch.nn.functional.normalize(torch.randn(6, 8), dim=1)
    subjects, scale = np.arange(6), torch.tensor(20.0)
    matched = judge_train.contrastive(views, views, scale, subjects)
    assert matched < judge_train.contrastive(views, views.roll(1, 0), scale, subjects)


def test_training_takes_steps_and_is_measured(source, monkeypatch):
    for name, value in (("BLOCK", 32), ("BATCH", 16), ("TEST_PICTURES", 32)):
        monkeypatch.setattr(f"pipelines.sjc.judge_train.{name}", value)
    torch.manual_seed(0)
    model = Judge(judge_train.vocabulary(source))
    before = model.to_space.weight.detach().clone()
    assert judge_train.train(model, source, seconds=0.5) >= 16
    assert not torch.equal(before, model.to_space.weight)
    assert set(judge_train.test(model, source)) >= {"clean_caption_right", "worn_quadrant_right"}


def test_the_shipped_judge_tells_true_renders_apart(families):
    card = read_card("sjc")["files"][judge.FILE]
    assert card["sha256"] == sha256(asset("sjc", judge.FILE)) and card["bytes"] <= 3_000_000
    truth, prompts = Truth(families), [one.prompt for one in load() if one.split == "seen"]
    known = [row for row, prompt in enumerate(prompts) if truth.knows(prompt)]
    assert len(known) >= 20
    views = torch.stack([truth.views(prompts[row])[::2] for row in known])
    assert measures.retrieved(judge.load().match(views, prompts), known).mean() >= 0.9
    facing = [truth.views(prompt) for prompt in ("a green tall chair", "a teal small car")]
    assert not any(measures.is_janus(measures.fronts(judge.load(), views)[0]) for views in facing)
