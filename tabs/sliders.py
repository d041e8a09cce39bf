"""A panel of sliders that knows what a model saw: a tick at its value, a band for its doubt, a second mark.

Native range inputs and buttons, so keyboard, touch and screen readers work as anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import gradio as gr

TEMPLATE = """${!value ? "" : `<div class="np-sliders ${value.dim ? "dim" : ""}">
${heading || value.note ? `<p class="np-sliders-head">${heading ? `<b>${heading}</b>` : ""}
  ${value.note}</p>` : ""}
${value.rows.map((row) => row.options.length ? `
  <div class="np-slider" data-name="${row.name}">
    <span class="np-slider-label">${row.label}</span>
    <span class="np-slider-options" role="group" aria-label="${row.label}">
      ${row.options.map((option, i) => `<button type="button" data-choice="${i}"
        aria-pressed="${row.value === i}">${option}</button>`).join("")}
    </span>
  </div>` : `
  <div class="np-slider ${row.touched ? "touched" : ""}" data-name="${row.name}">
    <span class="np-slider-label">${row.label}</span><output>${row.value.toFixed(2)}</output>
    <span class="np-slider-ends"><i>${row.words[0]}</i><i>${row.words[1]}</i></span>
    <span class="np-slider-track">
      ${row.mark === null ? "" : `
      <span class="np-slider-band" style="--low:${row.low};--high:${row.high}"></span>
      <span class="np-slider-mark" style="--at:${row.mark}"></span>`}
      ${row.other === null ? "" : `<span class="np-slider-other" style="--at:${row.other}"></span>`}
      <input type="range" min="${row.minimum}" max="${row.maximum}" step="any" value="${row.value}"
        aria-label="${row.label}"
        aria-valuetext="${row.value.toFixed(2)}, from ${row.words[0]} to ${row.words[1]}">
    </span>
  </div>`).join("")}
${reset ? `<p class="np-sliders-foot"><span class="np-slider-key">${legend}</span><button type="button"
  data-reset ${value.rows.some((row) => row.touched) ? "" : "disabled"}>${reset}</button></p>` : ""}
</div>`}"""

SCRIPT = Path(__file__).with_name("sliders.js").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Slider:
    """One row. With `options` it is a choice between them, and `value` the index."""

    name: str
    label: str
    value: float
    words: tuple[str, str] = ("", "")
    """The two ends."""
    minimum: float = 0.0
    maximum: float = 1.0
    options: tuple[str, ...] = ()
    mark: float | None = None
    """Where the model saw it; None draws no tick."""
    low: float = 0.0
    high: float = 0.0
    """The band around the mark."""
    other: float | None = None
    """Where another model saw it."""
    touched: bool = False
    """Whether the visitor moved it."""


def panel(rows: Sequence[Slider], note: str = "", dim: bool = False) -> dict[str, Any]:
    """The value of a Sliders component. `note` stands above the rows; `dim` greys their marks."""
    return {"rows": [asdict(row) for row in rows], "note": note, "dim": dim}


class Sliders(gr.HTML):
    """Fires `input` while one is moved and `release` when it is let go.

    Handlers get {name: value}: of every row, or with `changes_only` of those that the visitor moved.
    A caller of the API gives such a dictionary too.
    """

    def __init__(
        self,
        value: dict[str, Any] | None = None,
        heading: str = "",
        reset: str = "",
        legend: str = "",
        changes_only: bool = False,
        **kwargs: Any,
    ) -> None:
        """`value` as made by `panel`; `reset` is the label of a button that goes back to the marks."""
        self._changes_only = changes_only
        super().__init__(
            value,
            html_template=TEMPLATE,
            js_on_load=SCRIPT,
            heading=heading,
            reset=reset,
            legend=legend,
            **kwargs,
        )

    def preprocess(self, payload: Any) -> dict[str, float]:
        if not isinstance(payload, Mapping):
            return {}
        rows = payload.get("rows")
        if not isinstance(rows, list) or not all(
            isinstance(row, Mapping) and {"name", "value"} <= row.keys() for row in rows
        ):
            return dict(payload)  # of a caller of the API: the handler checks it
        return {
            row["name"]: row["value"] for row in rows if row.get("touched", True) or not self._changes_only
        }

    def api_info(self) -> dict[str, Any]:
        return {"type": "object", "description": "name -> value"}
