"""The tab's handlers with the embedded networks: the story, and bad input."""

from __future__ import annotations

from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from pipelines import glancenets
from pipelines.glancenets import WORLDS
from tabs import glancenets as tab
from tabs import glancenets_inputs as inputs
from tabs import glancenets_panels as panels
from tabs.drawing import to_drawing
from tabs.glancenets_examples import EXAMPLES, drawn
from tabs.glancenets_measured import hinton_pair, leak_meter, levels

FIGURE, VERDICT, ANSWER = 1, 4, 5
"""Places among the outputs."""


@pytest.mark.parametrize("world", WORLDS)
def test_the_meter_tells_measured_from_reported(world: str) -> None:
    text = leak_meter(world)
    assert "measured here" in text
    assert ("reported in the paper" in text) == (world != "faces")
    assert "doesn't clean the concepts" in text


def test_hinton_diagrams_of_every_level() -> None:
    for level in levels():
        text = hinton_pair(level)
        assert text.count("<svg") == 2
        assert text.count("class='on'") == 12


@pytest.mark.parametrize("world", WORLDS)
def test_the_kept_first_reading_is_the_computed_one(world: str) -> None:
    kept, now = glancenets.first(world), glancenets.load(world).read(drawn(world, 0).picture)
    assert np.array_equal(kept.picture, now.picture)
    assert np.abs(kept.mu - now.mu).max() < 1e-3
    assert kept.glancenet.prediction == now.glancenet.prediction
    assert kept.verdict("paper").accepted and now.verdict("paper").accepted


def test_drag_a_concept_and_the_answer_follows() -> None:
    picture = inputs.to_url(drawn("faces", 0).picture)
    answers = []
    for mouth in (0.02, 0.98):
        verdict, answer, _ = tab.intervene(picture, {"mouth": mouth})
        answers.append(answer["classes"][1]["glancenet"])
        assert "another mouth" in verdict["caption"]
    assert answers[0] < answers[1], "a smile speaks for Medic"


@pytest.mark.parametrize("world", WORLDS)
def test_every_example_can_be_taken(world: str) -> None:
    for i, example in enumerate(EXAMPLES[world]):
        shown = tab.take_example(world, i, "paper", False)
        assert shown[VERDICT]["gates"][0]["value"] > 0
        assert shown[ANSWER]["refused"] == (not shown[VERDICT]["accepted"]), example.name
        assert ("Nothing like it was in training" in shown[FIGURE]) == example.outside


def test_a_hat_and_the_border_of_the_picture_are_refused() -> None:
    for index, example in enumerate(EXAMPLES["faces"]):
        if example.outside:
            shown = tab.take_example("faces", index, "paper", False)
            assert not shown[VERDICT]["accepted"], example.name


def test_pushed_off_centre_a_sprite_is_refused_sooner_or_later() -> None:
    ratios = [
        tab.draw("sprites", 0, {"shape": 2, "size": 0.7}, {"x": x, "y": 0.0})[VERDICT]["gates"][0]["ratio"]
        for x in (0.0, 0.3, 0.6, 0.9)
    ]
    assert ratios[0] < 1 < ratios[2]
    assert ratios[0] < ratios[1] < ratios[2]


def test_drawings_and_photos() -> None:
    four = glancenets.sample("digits", 0, digit=4).picture
    assert tab.write(to_drawing(four))[ANSWER]["classes"][0]["name"] == "4"
    with pytest.raises(gr.Error, match="Nothing is drawn"):
        tab.write("")


@pytest.mark.parametrize("size", [(300, 200), (17, 90), (64, 64)])
def test_an_uploaded_photo_is_refused_not_an_error(tmp_path: Any, size: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    path = tmp_path / "photo.jpg"
    Image.fromarray(noise).save(path)
    for world in ("faces", "sprites"):
        assert not tab.read_upload(str(path), world)[VERDICT]["accepted"]


@pytest.mark.parametrize(
    ("handler", "given"),
    [
        (tab.draw, ("nosuch", 0, {}, {})),
        (tab.draw, ("faces", -1, {}, {})),
        (tab.draw, ("faces", 0, {"mouth": 3}, {})),
        (tab.draw, ("faces", 0, {"nose": 0.5}, {})),
        (tab.draw, ("sprites", 0, {"shape": 7}, {})),
        (tab.draw, ("faces", 0, {"shape": 1}, {})),
        (tab.draw, ("faces", 0, {}, {}, "nosuch")),
        (panels.export, (inputs.to_url(drawn("faces", 0).picture), {}, "nosuch")),
        (panels.export, (inputs.to_url(drawn("faces", 0).picture), {"mouth": [1]})),
        (tab.intervene, ("", {})),
        (tab.take_example, ("faces", 99, "paper", False)),
        (tab.read_upload, (None,)),
        (panels.traverse, ("nonsense",)),
        (tab.reopen, ("faces", "", "paper", False)),
    ],
)
def test_bad_input_is_told_in_words(handler: Any, given: tuple[Any, ...]) -> None:
    with pytest.raises(gr.Error) as failure:
        handler(*given)
    assert "on our side" not in str(failure.value)


def test_an_unknown_concept_is_told_in_words() -> None:
    picture = inputs.to_url(drawn("faces", 0).picture)
    for concepts in ({"nose": 0.5}, {"mouth": 7}, {"mouth": "wide"}):
        with pytest.raises(gr.Error) as failure:
            tab.intervene(picture, concepts)
        assert "on our side" not in str(failure.value)


@pytest.mark.parametrize("world", WORLDS)
def test_panels_of_a_world(world: str) -> None:
    picture = inputs.to_url(drawn(world, 0).picture)
    strips = panels.traverse(picture)
    assert strips.count("<li") == len(WORLDS[world].dimensions)
    names = [trace.name for trace in panels.latent_map(picture, {WORLDS[world].concepts[0].name: 0.2}).data]
    assert {"this picture", "with your changes"} <= set(names)
    files = [button.value for button in panels.export(picture)]
    assert len(files) == 3
