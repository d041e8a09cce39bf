"""Rows of words to click: each goes into the visitor's prompt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

TEMPLATE = """
<div class="np-chips">${value.map((group) => `
  <div class="np-chip-group"><span>${group.label}</span>
    ${group.chips.map((chip) => `<button type="button" data-word="${chip.word}" data-kind="${group.kind}">
      ${chip.colour ? `<i style="background:${chip.colour}"></i>` : ""}${chip.word}</button>`).join("")}
  </div>`).join("")}
</div>"""
SCRIPT = """
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-word]");
  if (button) trigger("select", { index: 0, value: button.dataset.word, kind: button.dataset.kind });
});
"""


class Chips(gr.HTML):
    """Fires `select` with the word that was clicked (event.value) and its group's kind (event.kind)."""

    def __init__(self, groups: Sequence[dict[str, Any]] = (), **kwargs: Any) -> None:
        """`groups` as made by chip_group."""
        super().__init__(list(groups), html_template=TEMPLATE, js_on_load=SCRIPT, **kwargs)


def chip_group(
    label: str, words: Sequence[str], kind: str = "", colours: dict[str, str] | None = None
) -> dict[str, Any]:
    """One labelled row; `colours`: word -> CSS colour of a dot before it."""
    chips = [{"word": word, "colour": (colours or {}).get(word, "")} for word in words]
    return {"label": label, "kind": kind, "chips": chips}
