"""A turntable: an object seen from all round, turned by dragging; while it is made, its latest picture.

No WebGL: the views are one strip of pictures, so it shows at once on any device.
"""

from __future__ import annotations

import base64
import html
from pathlib import Path
from typing import Any

import gradio as gr

TEMPLATE = """
${!value ? `<p class="np-empty">${empty}</p>` : `
<div class="np-turntable ${value.strip ? "" : "live"}">
  <div class="np-turntable-stage" tabindex="${value.strip ? 0 : -1}" role="img" aria-label="${value.name}"
    data-count="${value.count}" data-hint="${value.strip ? "Drag to turn" : ""}">
    <div class="np-turntable-strip" style="--count:${value.count}; --seconds:${value.count / 6}s;
      background-image:url('${value.strip || value.picture}')"></div>
  </div>
  <div class="np-turntable-tools">
    <span>${value.caption}</span>
    ${value.depth ? `<button type="button" data-strip="${value.strip}" data-depth="${value.depth}"
      aria-pressed="false" title="Bright is near">Depth</button>` : ""}
  </div>
</div>`}
"""
SCRIPT = Path(__file__).with_name("turntable.js").read_text(encoding="utf-8")


class Turntable(gr.HTML):
    """Shows a value made by `turntable_value` or `live_value`; drag, swipe or arrow keys turn the object."""

    def __init__(self, value: dict[str, Any] | None = None, empty: str = "", **kwargs: Any) -> None:
        super().__init__(value, html_template=TEMPLATE, js_on_load=SCRIPT, empty=empty, **kwargs)

    def api_info(self) -> dict[str, Any]:
        return {
            "type": "object",
            "description": "strip and depth: WebP data URLs of `count` square views side by side, from the "
            "front on, turning left; or picture: one view",
        }


def turntable_value(strip: str, count: int, name: str, caption: str, depth: str = "") -> dict[str, Any]:
    """A finished object: image URLs of a strip of `count` views and of their depths; `name` and `caption` are
    a visitor's plain text."""
    return {"strip": strip, "depth": depth, "count": count} | _escaped(name, caption)


def live_value(picture: str, name: str, caption: str) -> dict[str, Any]:
    """An object in the making: the URL of one picture; texts as of turntable_value."""
    return {"picture": picture, "count": 1} | _escaped(name, caption)


def _escaped(name: str, caption: str) -> dict[str, str]:
    """gr.HTML puts values into its template as they are, markup and all."""
    return {"name": html.escape(name), "caption": html.escape(caption)}


def webp_url(data: bytes) -> str:
    """WebP as a data URL."""
    return "data:image/webp;base64," + base64.b64encode(data).decode("ascii")
