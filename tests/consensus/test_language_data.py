"""Lessons for the language model, and its fine-tuning on a tiny network."""

from __future__ import annotations

import random

import pytest
import torch
from tokenizers import Tokenizer

from pipelines.backbones.language import ASSET
from pipelines.backbones.language_embedded import EmbeddedModel
from pipelines.backbones.language_model import Llama, Shape
from pipelines.consensus import language_data, train_language
from pipelines.consensus.groups import Group, Opinion
from pipelines.consensus.language_data import Lesson, Point, Topic
from pipelines.consensus.splits import held_out
from pipelines.weights import asset

TOPIC = Topic(
    "Should we plant trees?",
    (
        Point(("Trees give us shade.", "There is shade under trees."), "shade is pleasant in summer", True),
        Point(("Birds live in trees.",), "birds can live in them", True),
        Point(("Leaves block the drains.",), "leaves will block the drains", False),
    ),
)
LESSON = Lesson(
    Group("Trees?", (Opinion("Ana", "Yes."), Opinion("Bo", "No."))),
    ("We plant two.", "We plant three, or none."),
)


@pytest.fixture
def model() -> EmbeddedModel:
    torch.manual_seed(0)
    network = Llama(Shape(49152, 16, 24, 2, 2, 1, 1e4, 1e-5), rank=2, adapted=2)
    for name, part in network.named_parameters():
        torch.nn.init.zeros_(part) if name.endswith(".b") else torch.nn.init.normal_(part, std=0.3)
    return EmbeddedModel(network, Tokenizer.from_file(str(asset(ASSET, "tokenizer.json"))))


def test_composed_statements_name_both_sides():
    rng = random.Random(0)
    made = [lesson for lesson in (language_data._composed(TOPIC, rng) for _ in range(30)) if lesson]
    assert len(made) > 20
    for lesson in made:
        for text in lesson.statements:
            low, high = language_data.LENGTH
            assert low <= len(text.split()) <= high
            assert text[0].isupper()
            assert text.endswith(".")
        if not lesson.draft:
            assert all("drains" in text for text in lesson.statements)
            assert all("shade" in text.lower() or "birds" in text.lower() for text in lesson.statements)


def test_held_out_topics_do_not_depend_on_order():
    topics = [f"topic {i}" for i in range(30)]
    chosen = held_out(topics, 8)
    assert len(chosen) == 8
    assert held_out(reversed(topics + topics), 8) == chosen


def test_answers_that_share_a_prompt_have_the_loss_they_have_alone(model):
    entry = train_language.example(model, LESSON, 0)
    with torch.no_grad():
        total, count = train_language.loss_sum(model, [entry])
        alone = [
            train_language.loss_sum(model, [train_language.Example(entry.prompt, [answer])])
            for answer in entry.answers
        ]
    assert count == sum(number for _, number in alone)
    assert float(total) == pytest.approx(sum(float(loss) for loss, _ in alone), rel=1e-4)


def test_training_learns_and_goes_on_from_its_checkpoint(model, tmp_path):
    trainer = train_language.Trainer(model, tmp_path)
    batch = [train_language.example(model, LESSON, seed) for seed in range(2)]
    losses = [trainer.learn(batch, 0.01) for _ in range(4)]
    assert losses[-1] < losses[0]
    trainer.save()
    with torch.no_grad():
        for part in trainer.parts.values():
            part.zero_()
    resumed = train_language.Trainer(model, tmp_path)
    assert resumed.step == 4
    assert train_language.mean_loss(model, batch, adapted=True) < losses[-2]
