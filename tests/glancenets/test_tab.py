"""What the tab makes of readings, pictures and sliders, and how its handlers answer."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from pipelines import glancenets
from pipelines.errors import InputError
from pipelines.glancenets import Answer, Gate, Reading
from tabs import glancenets_inputs as inputs
from tabs import glancenets_views as views
from tabs.glancenets_examples import EXAMPLES, drawn, is_outside, leak_truth
from tabs.sliders import Slider, Sliders, panel


def reading(*ratios: float) -> Reading:
    """A face read by hand: gates at these shares of their limits."""
    picture = np.zeros((64, 64, 3), np.uint8)
    contributions = np.zeros((4, 6))
    contributions[1, 3], contributions[1, 4] = 2.0, -1.0
    ours = Answer(np.full(6, 0.5), np.array([0.1, 0.7, 0.1, 0.1]), contributions, np.zeros(4))
    theirs = replace(ours, probabilities=np.array([0.8, 0.1, 0.05, 0.05]))
    names = ("reconstruction", "prototype", "opaque")
    return Reading(
        world="faces",
        picture=picture,
        mu=np.zeros(10),
        sigma=np.ones(10),
        glancenet=ours,
        bottleneck=theirs,
        low=np.full(6, 0.4),
        high=np.full(6, 0.6),
        reconstruction=picture,
        distances=np.ones(4),
        gates=tuple(Gate(name, 2 * ratio, 2.0) for name, ratio in zip(names, ratios, strict=True)),
        leaked=np.array([[0.2, 0.8], [0.6, 0.4]]),
    )


def url_of(picture: Image.Image) -> str:
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()


def test_a_verdict_names_the_worst_test_and_by_how_much() -> None:
    value = views.verdict_value(reading(1.3, 2.5, 0.4), "paper")
    assert not value["accepted"]
    assert "far from every class's prototype: 2.5 times the limit" in value["sentence"]
    assert [gate["passed"] for gate in value["gates"]] == [False, False, True]


def test_the_third_test_counts_by_the_extended_rule_only() -> None:
    seen = reading(0.5, 0.5, 1.5)
    assert views.verdict_value(seen, "paper")["accepted"]
    assert "not asked" in views.verdict_value(seen, "paper")["gates"][2]["about"]
    assert not views.verdict_value(seen, "extended")["accepted"]


def test_a_rejected_picture_gets_an_answer_only_if_forced_and_then_the_leak_shows() -> None:
    seen = reading(1.5, 0.5, 0.5)
    refused, forced = (views.answer_value(seen, "paper", anyway, "left") for anyway in (False, True))
    assert refused["refused"] and refused["leak"] is None
    assert not forced["refused"]
    assert [row["answer"] for row in forced["leak"]["rows"]] == ["right", "left"]
    assert "left" in forced["leak"]["told"]
    accepted = reading(0.5, 0.5, 0.5)
    assert not views.answer_value(accepted, "paper", False)["refused"]
    assert views.answer_value(accepted, "paper", True, "right")["leak"]
    assert views.answer_value(accepted, "paper", True, "")["leak"] is None  # the question has no answer
    assert views.answer_value(accepted, "paper", True, None)["leak"] is None  # a photo


@pytest.mark.parametrize(
    ("world", "factors", "answer"),
    [
        ("faces", {"position": -0.8}, "left"),
        ("faces", {"hat": 1}, ""),
        ("sprites", {"x": 0.7, "y": 0.8}, "top right"),
        ("sprites", {"x": 0.7, "y": -0.8}, ""),
        ("digits", {"digit": 7}, "odd"),
        ("digits", {"digit": 4}, ""),
    ],
)
def test_the_leak_question_has_a_true_answer_or_none(
    world: str, factors: dict[str, float], answer: str
) -> None:
    assert leak_truth(world, glancenets.sample(world, 1, **factors)) == answer


def test_both_nets_and_the_parts_of_the_best_class_are_told() -> None:
    value = views.answer_value(reading(0.5, 0.5, 0.5), "paper", False)
    assert value["classes"][value["best"]]["name"] == "Medic"
    assert value["classes"][value["best_bottleneck"]]["name"] == "Pilot"
    parts = {row["label"]: row["weight"] for row in value["reasons"]}
    assert parts["Mouth"] == 2.0 and parts["Antenna"] == -1.0 and "Bias" in parts


def test_concept_sliders_keep_their_marks_after_an_intervention() -> None:
    seen = reading(0.5, 0.5, 0.5)
    moved = replace(seen, glancenet=replace(seen.glancenet, values=np.full(6, 0.9)), corrected=("mouth",))
    rows = {row["name"]: row for row in views.concept_panel(moved, "paper", seen)["rows"]}
    assert rows["mouth"]["touched"] and rows["mouth"]["value"] == pytest.approx(0.9)
    assert rows["mouth"]["mark"] == pytest.approx(0.5)
    assert not rows["hue"]["touched"]


def test_sliders_tell_all_values_or_those_that_were_moved() -> None:
    rows = [Slider("a", "A", 0.3), Slider("b", "B", 0.7, touched=True)]
    with gr.Blocks():
        assert Sliders(panel(rows)).preprocess(panel(rows)) == {"a": 0.3, "b": 0.7}
        moved = Sliders(panel(rows), changes_only=True)
    assert moved.preprocess(panel(rows)) == {"b": 0.7}
    assert moved.preprocess({"a": 0.1}) == {"a": 0.1}  # a caller of the API
    assert moved.preprocess(None) == {}


@pytest.mark.parametrize("world", ["faces", "sprites"])
def test_factor_sliders_draw_the_picture_that_set_them(world: str) -> None:
    for example in EXAMPLES[world]:
        sample = glancenets.sample(world, example.seed, **example.factors)
        chosen: dict[str, float] = {}
        for made in inputs.factor_panels(world, sample.truth):
            chosen |= {row["name"]: row["value"] for row in made["rows"]}
        again = glancenets.sample(world, example.seed, **inputs.factors_of(world, chosen))
        assert np.array_equal(again.picture, sample.picture)


@pytest.mark.parametrize("world", ["faces", "sprites"])
def test_examples_stand_on_the_right_side(world: str) -> None:
    for i, example in enumerate(EXAMPLES[world]):
        assert is_outside(world, drawn(world, i)) == example.outside, example.name


@pytest.mark.parametrize("world", ["faces", "sprites"])
def test_a_picture_tells_its_world(world: str) -> None:
    picture = drawn(world, 0).picture
    told, again = inputs.from_url(inputs.to_url(picture))
    assert told == world
    assert np.array_equal(again, picture)


@pytest.mark.parametrize(
    "url",
    [
        "",
        None,
        7,
        "nonsense",
        "data:image/png;base64,AAAA",
        "data:image/png;base64,é",
        url_of(Image.new("RGB", (65, 64))),
        url_of(Image.new("RGBA", (64, 64))),
        url_of(Image.new("RGB", (28, 28))),
        "data:image/png;base64," + "A" * 50_000,
    ],
)
def test_other_pictures_are_refused_in_words(url: Any) -> None:
    with pytest.raises(InputError):
        inputs.from_url(url)


@pytest.mark.parametrize("given", [{"mouth": "wide"}, {"mouth": None}, {"mouth": float("nan")}, [1], "mouth"])
def test_odd_numbers_are_refused_in_words(given: Any) -> None:
    with pytest.raises(InputError):
        inputs.numbers(given, "Concepts")
