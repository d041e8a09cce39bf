"""What a visitor may type."""

from __future__ import annotations

import pytest
import torch

from pipelines.backbones import sentences
from pipelines.errors import InputError
from pipelines.sjc.prompts import KnownPrompts, checked, note_on
from pipelines.sjc.run import Settings, generate


@pytest.mark.parametrize(
    "prompt", ["", "   ", "\n\t", "123 !?", "a red sofa " * 100, "红色的沙发", "красный диван", "🛋️"]
)
def test_unusable_prompts_are_refused_at_once(prompt):
    with pytest.raises(InputError) as caught:
        generate(prompt)
    assert caught.value.field == "Prompt"
    assert caught.value.hint


@pytest.mark.parametrize(
    "prompt", ["a red sofa", "  A   red\nsofa ", "café", "a 1950s car (blue)", "x" * 300]
)
def test_usable_prompts_pass(prompt):
    assert checked(prompt) == " ".join(prompt.split())


@pytest.mark.parametrize(
    "wrong",
    [
        {"preset": "best"},
        {"views": "eight"},
        {"paas": "eq17"},
        {"seed": -1},
        {"centre_depth": -1.0},
        {"seed": "many"},
        {"seed": 1.5},
        {"seed": float("nan")},
        {"seed": [1]},
        {"preset": ["fast"]},
        {"views": None},
        {"centre_depth": "deep"},
        {"prompt": None},
        {"prompt": 5},
        {"prompt": ["a sofa"]},
    ],
)
def test_other_settings_are_checked_too(wrong):
    with pytest.raises(InputError):
        Settings(**{"prompt": "a red sofa"} | wrong)


class LetterEncoder:
    """Stands in for the sentence encoder: counts letters."""

    def encode(self, texts):
        counts = torch.tensor([[float(text.count(chr(97 + k))) for k in range(26)] for text in texts])
        return sentences.SentenceStates(None, None, torch.nn.functional.normalize(counts, dim=1))


def test_far_prompts_name_the_nearest_known_one():
    known = KnownPrompts(["a red sofa", "a zebra"], LetterEncoder())
    assert known.nearest("a red sofas").prompt == "a red sofa"
    assert note_on("a red sofas", known) == ""
    assert "a zebra" in note_on("zzz", known)


def test_a_taught_synonym_is_known_and_suggests_what_it_stands_for():
    known = KnownPrompts(["a zebra", "a fox"], LetterEncoder(), synonyms={"a dog": "a fox"})
    assert known.nearest("a dog").prompt == "a fox"
    assert known.nearest("a dog").familiar


@pytest.mark.parametrize("prompt", ["A RED CAR!!!", "“car”, red", "the car."])
def test_capitals_and_punctuation_make_nothing_unknown(prompt):
    known = KnownPrompts(["a red car", "a zebra"], LetterEncoder(), colours=["red"])
    assert known.nearest(prompt).similarity == pytest.approx(1)


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [("a purple cart", "a purple car"), ("Orange cart", "an orange car"), ("a cart", "a red car"),
     ("a purple zebras", "a zebra")],
)  # fmt: skip
def test_the_suggestion_has_the_colour_that_was_asked_for(prompt, expected):
    known = KnownPrompts(["a red car", "a zebra"], LetterEncoder(), colours=["red", "purple", "orange"])
    assert known.nearest(prompt).prompt == expected
