"""The ready pictures of each world: some as in training, some of a kind that it has never seen."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any

import gradio as gr
from PIL import Image

from pipelines import glancenets
from pipelines.glancenets import WORLDS, Sample
from pipelines.glancenets.sprites import JITTER
from tabs.drawing import png_url

INSIDE, OUTSIDE = "As in training", "Never seen in training"
FAR = 0.25
"""From the middle, where a picture clearly stands on one side."""


@dataclass(frozen=True)
class Example:
    """A picture that `pipelines.glancenets.sample` draws."""

    name: str
    seed: int
    factors: dict[str, float] = field(default_factory=dict)
    outside: bool = False


def _face(name: str, seed: int, *concepts: float, **held_out: float) -> Example:
    keys = [concept.name for concept in WORLDS["faces"].concepts]
    return Example(name, seed, {**dict(zip(keys, concepts, strict=True)), **held_out}, bool(held_out))


EXAMPLES: dict[str, tuple[Example, ...]] = {
    "faces": (
        _face("a smiling blue robot", 0, 0.62, 0.7, 0.75, 0.85, 0.6, 0),
        _face("a green robot with glasses", 2, 0.4, 0.35, 0.4, 0.6, 0.95, 1),
        _face("an earnest robot with small eyes", 3, 0.95, 0.5, 0.1, 0.15, 0.4, 1),
        _face("a big red robot", 4, 0.03, 0.95, 0.9, 0.4, 0.3, 0),
        _face("a small sad robot", 5, 0.22, 0.08, 0.5, 0.05, 0.7, 0),
        _face("a robot with a hat", 6, 0.55, 0.5, 0.6, 0.8, 0.4, 0, hat=1),
        _face("a robot too far to the right", 7, 0.12, 0.5, 0.6, 0.7, 0.5, 0, position=0.9),
        _face("a robot too far to the left", 8, 0.75, 0.4, 0.5, 0.3, 0.6, 1, position=-0.9),
        _face("a robot at night", 9, 0.35, 0.6, 0.7, 0.8, 0.8, 0, background=1),
        _face("a robot at dusk with a hat", 10, 0.85, 0.7, 0.4, 0.5, 0.2, 1, background=0.5, hat=1),
    ),
    "digits": (
        *(
            Example(f"a {digit}", seed, {"digit": digit})
            for digit, seed in ((4, 0), (5, 0), (4, 1), (5, 1), (4, 2))
        ),
        *(Example(f"a {digit}", 0, {"digit": digit}, outside=True) for digit in (0, 1, 2, 3, 6, 7, 8, 9)),
    ),
    "sprites": (
        Example("a heart", 0, {"heart": 1, "size": 0.7}),
        Example("a small square", 2, {"square": 1, "size": 0.15}),
        Example("an ellipse", 3, {"ellipse": 1, "size": 0.6}),
        Example("a small heart", 4, {"heart": 1, "size": 0.3}),
        Example("a big square", 5, {"square": 1, "size": 0.85}),
        *(
            Example(f"{name} {place}", 6 + i, {shape: 1, "size": size, "x": x, "y": y}, outside=True)
            for i, (name, shape, size, place, x, y) in enumerate(
                (
                    ("a heart", "heart", 0.7, "at the right", 0.6, 0.0),
                    ("a square", "square", 0.6, "at the bottom left", -0.8, -0.8),
                    ("an ellipse", "ellipse", 0.8, "at the top right", 0.8, 0.8),
                    ("a heart", "heart", 0.4, "at the top", 0.0, 0.7),
                    ("a square", "square", 0.4, "a little off", 0.25, 0.1),
                )
            )
        ),
    ),
}
"""The first of each world is what `pipelines.glancenets.first` read."""


@functools.cache
def drawn(world: str, index: int) -> Sample:
    """The picture of an example, with the truth about it."""
    example = EXAMPLES[world][index]
    return glancenets.sample(world, example.seed, **example.factors)


def caption(world: str, index: int) -> str:
    """What is known of an example."""
    return sample_caption(world, drawn(world, index), EXAMPLES[world][index].name)


def sample_caption(world: str, sample: Sample, name: str = "") -> str:
    """What is known of a drawn picture: its name, its class, and whether training had its like."""
    known = WORLDS[world]
    parts = [f"{name.capitalize()}." if name else ""]
    if world == "digits":
        parts = [f"A {sample.truth['digit']:.0f} of MNIST's test set."]
    elif world == "faces":
        parts.append(f"By the rule in “How it works” its job is {known.classes[sample.label]}.")
    if is_outside(world, sample):
        parts.append("Nothing like it was in training.")
    return " ".join(filter(None, parts))


def is_outside(world: str, sample: Sample) -> bool:
    """Whether a drawn picture is of a kind that training never showed."""
    if world == "digits":
        return sample.label < 0
    reach = {"sprites": JITTER}.get(world, 0.0)
    return any(
        abs(sample.truth[factor.name] - factor.default) > reach + 1e-6 for factor in WORLDS[world].held_out
    )


def leak_truth(world: str, sample: Sample) -> str:
    """The true answer to the world's leak question; "" where there is none, or where a concept may tell."""
    answers = WORLDS[world].leak.answers
    if not is_outside(world, sample):
        return ""
    if world == "digits":
        return answers[round(sample.truth["digit"]) % 2]
    sides = [sample.truth[axis] for axis in (("x", "y") if world == "sprites" else ("position",))]
    if max(sides) <= -FAR:
        return answers[0]
    return answers[1] if min(sides) >= FAR else ""


@functools.cache
def thumbnails(world: str) -> list[list[Any]]:
    """[URL, name, outside] of every example of a world."""
    return [
        [png_url(shown(world, drawn(world, i).picture)), example.name, example.outside]
        for i, example in enumerate(EXAMPLES[world])
    ]


def shown(world: str, picture: Any) -> Image.Image:
    """A picture, uint8 World.shape, as people look at it: digits as ink on paper."""
    return Image.fromarray(255 - picture if world == "digits" else picture)


class ExampleGallery(gr.HTML):
    """One world's examples in two rows; fires `select` when one is clicked. The value is the index of the one
    clicked last, as in tabs.shell.Examples; -1 marks none."""

    TEMPLATE = f"""<div class="np-gallery">
    ${{[[false, "{INSIDE}"], [true, "{OUTSIDE}"]].map(([outside, label]) => `
      <p class="${{outside ? "outside" : ""}}"><span>${{label}}</span>
      ${{items.map((item, index) => item[2] !== outside ? "" : `<button type="button" data-index="${{index}}"
        title="${{item[1]}}" aria-pressed="${{value === index}}"><img src="${{item[0]}}" alt="${{item[1]}}">
        </button>`).join("")}}</p>`).join("")}}</div>"""
    SCRIPT = """element.addEventListener("click", (event) => {
      const button = event.target.closest("[data-index]");
      if (!button) return;
      props.value = Number(button.dataset.index);
      trigger("select");
    });"""

    def __init__(self, world: str, value: int = 0, **kwargs: Any) -> None:
        super().__init__(
            value, items=thumbnails(world), html_template=self.TEMPLATE, js_on_load=self.SCRIPT, **kwargs
        )

    def api_info(self) -> dict[str, Any]:
        return {"type": "integer", "description": "index of an example"}
