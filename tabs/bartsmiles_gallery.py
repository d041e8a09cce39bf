"""Molecules as cards to click, and one molecule whose atoms can be masked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from pipelines.bartsmiles import Sketch

SAFE = r"""const safe = (text) => String(text).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);"""
"""JavaScript: text as HTML."""


class Gallery(gr.HTML):
    """Cards of molecules; fires `select` with the SMILES of the one that was clicked (event.value)."""

    TEMPLATE = f"""${{(() => {{ {SAFE}
    return `<ul class="np-molecule-cards">${{value.map((card) => `<li><button type="button"
      data-smiles="${{safe(card.smiles)}}" title="Explain ${{safe(card.smiles)}}">
      <svg viewBox="0 0 560 430" aria-hidden="true">${{(card.marked ?? []).map(([x, y]) =>
        `<circle cx="${{x}}" cy="${{y}}" r="${{(0.5 * card.reach).toFixed(1)}}"/>`).join("")}}
        ${{card.ink}}</svg>
      <b>${{safe(card.title)}}</b>
      ${{card.lines.map((line) => `<span>${{safe(line)}}</span>`).join("")}}
      <code>${{safe(card.smiles)}}</code></button></li>`).join("")}}</ul>`; }})()}}"""
    SCRIPT = """element.addEventListener("click", (event) => {
      const button = event.target.closest("[data-smiles]");
      if (button) trigger("select", { index: 0, value: button.dataset.smiles });
    });"""

    def __init__(self, value: Sequence[dict[str, Any]] = (), **kwargs: Any) -> None:
        super().__init__(list(value), html_template=self.TEMPLATE, js_on_load=self.SCRIPT, **kwargs)

    def api_info(self) -> dict[str, Any]:
        about = "molecules: smiles, title, lines, ink (inside of an SVG), marked (points in it)"
        return {"type": "array", "items": {"type": "object"}, "description": about}


class MaskBoard(gr.HTML):
    """A molecule whose atoms are masked and unmasked by a click; fires `input`. The value is made by
    `mask_value`; its "masked" lists the atoms, from 0."""

    TEMPLATE = f"""${{(() => {{ {SAFE}
    if (!value) return "";
    const masked = new Set(value.masked);
    return `<div class="np-molecule-mask"><svg viewBox="0 0 560 430" role="group"
      aria-label="Atoms of ${{safe(value.smiles)}}: click to mask">
      <g>${{value.ink}}</g>
      ${{value.points.map(([x, y], i) => `<circle cx="${{x}}" cy="${{y}}" role="button" tabindex="0"
        data-atom="${{i}}" r="${{(0.47 * value.reach).toFixed(1)}}" aria-pressed="${{masked.has(i)}}"
        aria-label="Atom ${{i + 1}}, ${{safe(value.symbols[i])}}"/>`).join("")}}</svg></div>`; }})()}}"""
    SCRIPT = """const flip = (node) => {
      const atom = Number(node.dataset.atom);
      const masked = props.value.masked.includes(atom) ? props.value.masked.filter((other) => other !== atom)
        : [...props.value.masked, atom].sort((a, b) => a - b);
      props.value = { ...props.value, masked };
      trigger("input");
      const again = () => element.querySelector(`[data-atom="${atom}"]`)?.focus({ preventScroll: true });
      requestAnimationFrame(again);
    };
    element.addEventListener("click", (event) => {
      const node = event.target.closest("[data-atom]");
      if (node) flip(node);
    });
    element.addEventListener("keydown", (event) => {
      const node = event.target.closest("[data-atom]");
      if (!node || (event.key !== "Enter" && event.key !== " ")) return;
      event.preventDefault();
      flip(node);
    });"""

    def __init__(self, value: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(value, html_template=self.TEMPLATE, js_on_load=self.SCRIPT, **kwargs)

    def api_info(self) -> dict[str, Any]:
        return {"type": "object", "description": "smiles, and masked: atoms of its canonical form, from 0"}


def mask_value(sketch: Sketch, masked: tuple[int, ...] = ()) -> dict[str, Any]:
    """The value of a MaskBoard."""
    from pipelines.bartsmiles.tokenizer import is_atom

    return {
        "smiles": sketch.smiles,
        "ink": sketch.ink,
        "points": sketch.points,
        "reach": round(sketch.reach, 1),
        "symbols": [token for token in sketch.tokens if is_atom(token)],
        "masked": list(masked),
    }
