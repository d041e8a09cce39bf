"""What the GlanceNet tab shows of a reading: the picture, the verdict with its gauges, the answer and why."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Any

import gradio as gr
import numpy as np

from pipelines.glancenets import WORLDS, Factor, Gate, Reading, Rule
from tabs.drawing import png_url
from tabs.glancenets_examples import shown
from tabs.sliders import Slider, panel

GAUGES = {
    "reconstruction": ("Reconstruction", "error of the redrawn picture"),
    "prototype": ("Prototype", "distance to the nearest class"),
    "opaque": ("Hidden numbers", "size of what no concept explains"),
}
READY = 'trigger("ready");'
"""Told when the tab is first drawn: gr.HTML has no event for that."""
REASONS = {
    "reconstruction": "It can't redraw this picture from what it knows",
    "prototype": "Its concepts lie far from every class's prototype",
    "opaque": "Redrawing it takes hidden numbers larger than those of training",
}


class VerdictView(gr.HTML):
    """Badge, gauges, and the picture decoded from the code; its value is made by `verdict_value`."""

    TEMPLATE = """${!value ? `<p class="np-empty">Draw something: the verdict comes here.</p>` : `
    <div class="np-osr ${value.accepted ? "accepted" : "rejected"}">
    <figure class="${value.ink ? "ink" : ""}"><img src="${value.decoded}" alt="${value.caption}">
      <figcaption>${value.caption}</figcaption></figure>
    <div>
      <p class="np-osr-badge" role="status"><b>${value.accepted ? "ACCEPTED" : "REJECTED"}</b>
        <span>${value.sentence}</span></p>
      <ul class="np-gauges">${value.gates.map((gate) => `
        <li class="${gate.passed ? "" : "failed"} ${gate.used ? "" : "unused"}">
          <span><b>${gate.label}</b> ${gate.about}</span>
          <span class="np-gauge" style="--ratio:${Math.min(gate.ratio, 2)}"><i></i></span>
          <span class="np-gauge-says">${gate.says}</span></li>`).join("")}
      </ul>
    </div></div>`}"""

    def __init__(self, value: dict[str, Any] | None, **kwargs: Any) -> None:
        super().__init__(value, html_template=self.TEMPLATE, js_on_load=READY, **kwargs)

    def api_info(self) -> dict[str, Any]:
        return {
            "type": "object",
            "description": "accepted, sentence, gates (value, limit, ratio, passed), decoded (PNG data URL)",
        }


class AnswerView(gr.HTML):
    """Classes of both nets side by side, contributions, and the leak; its value is made by `answer_value`."""

    TEMPLATE = """${!value ? "" : `<div class="np-answer-view">
    <div class="np-answer-heads">
      <p class="${value.refused ? "refused" : ""}"><span>GlanceNet</span>
        <b>${value.refused ? "No answer" : value.classes[value.best].name}</b>
        <em>${value.refused ? "it refuses" : value.classes[value.best].glancenet_says}</em></p>
      <p><span>CBNM, can't refuse</span><b>${value.classes[value.best_bottleneck].name}</b>
        <em>${value.classes[value.best_bottleneck].bottleneck_says}</em></p>
    </div>
    <ul class="np-classes">${value.classes.map((row, i) => `<li>
      <span>${row.name}</span>
      <span class="np-class-bar ${value.refused ? "refused" : i === value.best ? "best" : ""}"
        style="--share:${value.refused ? 0 : row.glancenet}"><i></i></span>
      <span class="np-class-bar other ${i === value.best_bottleneck ? "best" : ""}"
        style="--share:${row.bottleneck}"><i></i></span></li>`).join("")}</ul>
    ${value.refused ? `<p class="np-why">The picture is unlike those that it learnt from, so it gives no
      answer. A net that can't refuse has to guess.</p>` : `<p class="np-why">Why
      ${value.classes[value.best].name}: each concept's part of its score</p>
    <ul class="np-reasons">${value.reasons.map((row) => `<li><span>${row.label}</span>
      <span class="np-reason ${row.weight < 0 ? "minus" : ""}" style="--size:${row.size}"><i></i></span>
      <span>${row.says}</span></li>`).join("")}</ul>`}
    ${value.leak ? `<div class="np-leak"><p><b>The leak.</b> ${value.leak.question} Nothing in the concepts
      should tell. A probe that sees only them, and always answers, says:</p>
      <ul>${value.leak.rows.map((row) => `<li><span>${row.model}</span><b>${row.answer}</b>
        <span>${row.says}</span></li>`).join("")}</ul><p>${value.leak.told}</p></div>` : ""}
    <p class="np-why">CBNM: a concept-bottleneck net, with the same encoder and labels, but without a
      decoder.</p></div>`}"""

    def __init__(self, value: dict[str, Any] | None, **kwargs: Any) -> None:
        super().__init__(value, html_template=self.TEMPLATE, js_on_load=READY, **kwargs)

    def api_info(self) -> dict[str, Any]:
        return {
            "type": "object",
            "description": "refused, classes (name and probability by either net), best, reasons, leak",
        }


def verdict_value(reading: Reading, rule: Rule) -> dict[str, Any]:
    """The value of a VerdictView."""
    verdict = reading.verdict(rule)
    changed = changed_words(reading)
    return {
        "accepted": verdict.accepted,
        "sentence": _sentence(verdict.failed),
        "gates": [_gauge(gate, gate in verdict.gates) for gate in reading.gates],
        "decoded": png_url(shown(reading.world, reading.reconstruction)),
        "caption": f"Redrawn with another {changed}" if changed else "Redrawn from what it saw",
        "ink": reading.world == "digits",
    }


def _sentence(failed: Iterable[Gate]) -> str:
    worst = next(iter(failed), None)
    if worst is None:
        return "It can redraw the picture, and its concepts lie near a class it knows."
    return f"{REASONS[worst.name]}: {_times(worst.ratio)} the limit."


def _times(ratio: float) -> str:
    return (
        f"{ratio:.2f} times" if ratio < 1.1 else f"{ratio:.1f} times" if ratio < 10 else f"{ratio:.0f} times"
    )


def _gauge(gate: Gate, used: bool) -> dict[str, Any]:
    label, about = GAUGES[gate.name]
    says = f"{gate.ratio:.0%} of the limit" if gate.ratio < 1 else f"{_times(gate.ratio)} the limit"
    return {
        "name": gate.name,
        "label": label,
        "about": about if used else "(not asked by the paper's rule)",
        "value": float(gate.value),
        "limit": float(gate.limit),
        "ratio": float(gate.ratio),
        "passed": bool(gate.passed),
        "used": used,
        "says": says,
    }


def changed_words(reading: Reading) -> str:
    """The concepts that the visitor set, in words."""
    labels = {concept.name: concept.label.lower() for concept in WORLDS[reading.world].concepts}
    named = [labels[name] for name in reading.corrected]
    return " and ".join(filter(None, [", ".join(named[:-1]), *named[-1:]]))


def answer_value(reading: Reading, rule: Rule, anyway: bool, right: str | None = None) -> dict[str, Any]:
    """The value of an AnswerView. A rejected picture gets no answer, unless `anyway`.

    With `anyway` the leak shows too, of accepted pictures as well. right: the true answer to the leak's
    question; "" if there is none, and so no leak to see; None if nobody told.
    """
    world, rejected = WORLDS[reading.world], not reading.verdict(rule).accepted
    ours, theirs = reading.glancenet, reading.bottleneck
    best = ours.prediction
    parts = [
        *zip(map(_said, world.concepts, ours.values), ours.contributions[best], strict=True),
        ("Bias", ours.bias[best]),
    ]
    largest = max(float(np.abs(ours.contributions).max()), float(np.abs(ours.bias).max()), 1e-6)
    return {
        "refused": rejected and not anyway,
        "best": best,
        "best_bottleneck": theirs.prediction,
        "classes": [
            {
                "name": name,
                "glancenet": float(p),
                "glancenet_says": _percent(p),
                "bottleneck": float(q),
                "bottleneck_says": _percent(q),
            }
            for name, p, q in zip(world.classes, ours.probabilities, theirs.probabilities, strict=True)
        ],
        "reasons": [
            {
                "label": label,
                "weight": float(part),
                "size": abs(float(part)) / largest,
                "says": f"{part:+.1f}" if abs(part) >= 0.05 else "0.0",
            }
            for label, part in parts
        ],
        "leak": _leak(reading, right) if anyway else None,
    }


def _percent(share: float) -> str:
    return "> 99.9 %" if share > 0.999 else f"{share:.1%}".replace("%", " %")


def _said(concept: Factor, value: float) -> str:
    """A concept's name; of one that is there or not, which of them: the lack of glasses speaks too."""
    return f"{concept.label}: {concept.words[int(value >= 0.5)]}" if concept.binary else concept.label


def _leak(reading: Reading, right: str | None) -> dict[str, Any] | None:
    question = WORLDS[reading.world].leak
    if right == "" or (right is None and reading.world != "digits"):  # a photo stands neither left nor right
        return None
    rows = []
    for model, probabilities in zip(("GlanceNet's concepts", "CBNM's concepts"), reading.leaked, strict=True):
        best = int(probabilities.argmax())
        rows.append(
            {"model": model, "answer": question.answers[best], "says": _percent(float(probabilities[best]))}
        )
    told = f"The truth: {right}." if right else "You know whether that is right."
    return {"question": question.text, "rows": rows, "told": told}


def concept_panel(reading: Reading, rule: Rule, original: Reading | None = None) -> dict[str, Any]:
    """The sliders of the concepts, at what the net saw in `original` (the reading itself if None)."""
    original = original or reading
    rejected = not original.verdict(rule).accepted
    rows = [
        Slider(
            concept.name,
            concept.label,
            float(reading.glancenet.values[j]),
            concept.words,
            mark=float(original.glancenet.values[j]),
            low=float(original.low[j]),
            high=float(original.high[j]),
            other=float(original.bottleneck.values[j]),
            touched=concept.name in reading.corrected,
        )
        for j, concept in enumerate(WORLDS[reading.world].concepts)
    ]
    note = (
        "Read off a picture that it rejects: don't trust them."
        if rejected
        else "Drag one: the picture and the answer follow."
    )
    return panel(rows, note, dim=rejected)


def input_figure(reading: Reading, caption: str) -> str:
    """The picture as the nets get it; of a digit the caption alone, for the pad shows it."""
    if reading.world == "digits":
        return f'<p class="np-input-caption">{html.escape(caption)}</p>'
    url = png_url(shown(reading.world, reading.picture))
    return (
        f'<figure class="np-input-figure"><img src="{url}" alt="{html.escape(caption)}">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )


def mini(reading: Reading, rule: Rule, anyway: bool) -> str:
    """Redrawn picture and answers in one line, which stays in sight beside the sliders on a phone."""
    value = answer_value(reading, rule, anyway)
    ours = value["classes"][value["best"]]
    said = "no answer" if value["refused"] else f"{ours['name']} {ours['glancenet_says']}"
    theirs = value["classes"][value["best_bottleneck"]]
    url = png_url(shown(reading.world, reading.reconstruction))
    return (
        f'<div class="np-mini {reading.world}" aria-hidden="true"><img src="{url}" alt="">'
        f"<p>GlanceNet <b>{said}</b></p>"
        f"<p>CBNM <b>{theirs['name']} {theirs['bottleneck_says']}</b></p></div>"
    )
