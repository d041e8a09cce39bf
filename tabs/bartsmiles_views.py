"""What the molecule tab shows of a reading: the properties, and the molecule coloured by one of them."""

from __future__ import annotations

import functools
import html
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from pipelines.bartsmiles import EXAMPLES, TASKS, AtomMap, Reading, Sketch
from pipelines.bartsmiles.tokenizer import is_atom
from tabs import bartsmiles_words as say

HERE = Path(__file__)


class Properties(gr.HTML):
    """Six predicted properties as bars; a click chooses the one that colours the molecule.

    Fires `select`; the value's "head" is then the chosen one.
    """

    TEMPLATE = """${!value ? "" : `<div class="np-molecule-properties">
    <p>Predicted properties: click one to see where it comes from</p>
    ${value.rows.map((row) => `<button type="button" data-head="${row.head}" class="${row.weak ? "weak" : ""}"
      aria-pressed="${row.head === value.head}">
      <span class="np-molecule-property"><b>${row.title}</b><span>${row.says}</span></span>
      <span class="np-molecule-track ${row.kind}" style="--at:${row.at}"><i></i></span>
      <span class="np-molecule-ends"><span>${row.ends[0]}</span>
        ${row.badge ? `<em>${row.badge}</em>` : ""}<span>${row.ends[1]}</span></span></button>`).join("")}
    ${value.note ? `<p class="np-molecule-fine">${value.note}</p>` : ""}</div>`}"""
    SCRIPT = """element.addEventListener("click", (event) => {
      const button = event.target.closest("[data-head]");
      if (!button) return;
      props.value = { ...props.value, head: button.dataset.head };
      trigger("select");
    });"""

    def __init__(self, value: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(value, html_template=self.TEMPLATE, js_on_load=self.SCRIPT, **kwargs)

    def api_info(self) -> dict[str, Any]:
        return {
            "type": "object",
            "description": "head: the chosen property; rows: every property with value and what it says",
        }


class Picture(gr.HTML):
    """A molecule, its atoms coloured by a map, with its tokens, stability and sum.

    Fires `ready` when it is first drawn.
    """

    def __init__(self, value: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(
            value,
            empty="Type a molecule, or take an example.",
            html_template=HERE.with_name("bartsmiles_picture.html").read_text(encoding="utf-8"),
            js_on_load=HERE.with_name("bartsmiles_picture.js").read_text(encoding="utf-8"),
            **kwargs,
        )

    def api_info(self) -> dict[str, Any]:
        return {
            "type": "object",
            "description": "maps: by “head|method”, atoms (value per atom of the canonical SMILES), spread "
            "(standard deviation over strings), doubt (standard error), tokens, syntax, output, baseline, "
            "error; sketches: by SMILES, tokens and a drawing; warnings",
        }


@functools.cache
def _names() -> dict[str, str]:
    from pipelines.bartsmiles.check import read_molecule

    return {read_molecule(smiles).smiles: name for name, smiles in EXAMPLES.items()}


def name_of(smiles: str) -> str:
    """What the molecule of a canonical SMILES is called here."""
    return _names().get(smiles, "Your molecule")


def properties_value(reading: Reading, head: str, card: Mapping[str, Any]) -> dict[str, Any]:
    """The value of a Properties component; scores come from the card."""
    rows = [
        {
            "head": task.name,
            "title": task.title,
            "kind": task.kind,
            "value": reading.values[task.name],
            "says": html.escape(say.value_says(task, reading.values[task.name], reading.weight)),
            "at": round(say.position(task, reading.values[task.name]), 4),
            "ends": say.WORDS[task.name].ends,
            "badge": say.badge(task, card),
            "weak": say.is_weak(task, card),
        }
        for task in TASKS
    ]
    note = (
        "RMSE (0 is best) and AUC (0.5 is a guess, 1 is best) on molecules with ring systems that were not "
        "trained on; trees: forests on fingerprints or descriptors, the better of the two."
    )
    return {"rows": rows, "head": head, "note": note if any(row["badge"] for row in rows) else ""}


def picture_value(
    reading: Reading, name: str, head: str, method: str, card: Mapping[str, Any]
) -> dict[str, Any]:
    """The value of a Picture."""
    return {
        "name": name,
        "smiles": reading.smiles,
        "head": head,
        "method": method,
        "warnings": [*filter(None, [say.is_far(reading)]), *reading.notes],
        "words": {task.name: _words(task, card) for task in TASKS},
        "sketches": {smiles: sketch_value(sketch) for smiles, sketch in reading.sketches.items()},
        "maps": {key: map_value(found) for key, found in reading.maps.items()},
    }


def _words(task: Any, card: Mapping[str, Any]) -> dict[str, Any]:
    weak = (
        "This head is hardly better than a guess on new ring systems: read little into its map."
        if say.is_weak(task, card)
        else ""
    )
    return {
        "title": task.title,
        "unit": say.unit(task),
        "push": say.WORDS[task.name].push,
        "warning": weak,
    }


def sketch_value(sketch: Sketch) -> dict[str, Any]:
    """A sketch for the page."""
    return {
        "smiles": sketch.smiles,
        "ink": sketch.ink,
        "points": sketch.points,
        "reach": round(sketch.reach, 1),
        "tokens": sketch.tokens,
        "atoms_of": sketch.atoms_of,
        "is_atom": [is_atom(token) for token in sketch.tokens],
    }


def map_value(found: AtomMap) -> dict[str, Any]:
    """A map for the page."""
    return {
        "smiles": found.smiles,
        "atoms": _rounded(found.atoms),
        "spread": _rounded(found.spread),
        "doubt": _rounded(found.doubt),
        "tokens": _rounded(found.tokens),
        "syntax": round(found.syntax, 4),
        "output": round(found.output, 4),
        "baseline": round(found.baseline, 4),
        "error": round(found.error, 5),
        "strings": found.strings,
        "shakiness": round(found.shakiness, 4),
        "output_spread": round(statistics.pstdev(found.outputs), 4),
    }


def _rounded(values: tuple[float, ...]) -> list[float]:
    return [round(value, 4) for value in values]
