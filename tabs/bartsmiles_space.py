"""A molecule in space: balls and sticks on a canvas, turned by dragging. No WebGL, so it runs anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

TEMPLATE = """${!value ? "" : `<div class="np-molecule-space">
  <canvas width="760" height="560" tabindex="0" role="img" aria-label="${value.label}"></canvas>
  <p><span>Drag to turn it; the arrow keys turn it too.</span>
  <span role="group" aria-label="Colours"><button type="button" data-colours="elements"
    aria-pressed="false">Elements</button>
    <button type="button" data-colours="map" aria-pressed="true">Attribution</button></span></p></div>`}"""


class Space(gr.HTML):
    """The value is made by `space_value`."""

    def __init__(self, value: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(
            value,
            html_template=TEMPLATE,
            js_on_load=Path(__file__).with_name("bartsmiles_space.js").read_text(encoding="utf-8"),
            **kwargs,
        )

    def api_info(self) -> dict[str, Any]:
        return {
            "type": "object",
            "description": "atoms: [x, y, z (ångström), symbol, CSS colour by attribution]; bonds: [atom, "
            "atom, order]",
        }
