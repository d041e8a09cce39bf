"""People and what each of them says, as cards to edit: a name and a text each, made for thumbs too."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

TEMPLATE = """<div class="np-people ${fixed ? "fixed" : ""}"><span>${label}</span><ol></ol>
${fixed ? "" : `<button type="button" class="np-people-add">Add a person</button>`}</div>"""
SCRIPT = Path(__file__).with_name("people.js").read_text(encoding="utf-8")


class People(gr.HTML):
    """The value is a list of [name, text] pairs.

    `fixed`: the names stand, and nobody comes or goes. `most`: cards that fit.
    """

    def __init__(
        self,
        value: Sequence[Sequence[str]] = (),
        label: str = "",
        placeholder: str = "",
        fixed: bool = False,
        most: int = 12,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            [list(pair) for pair in value],
            html_template=TEMPLATE,
            js_on_load=SCRIPT,
            label=label,
            placeholder=placeholder,
            fixed=fixed,
            most=most,
            **kwargs,
        )

    def api_info(self) -> dict[str, Any]:
        pair = {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2}
        return {"type": "array", "items": pair, "description": "[name, text] for each person"}
