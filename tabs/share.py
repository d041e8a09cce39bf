"""Share links: a tab's inputs in the fragment of the address, which browsers never send to a server.

Nothing is stored, so a link outlives every restart. Whoever opens it gets the inputs filled, after a check
of each against what its component takes, and the tab runs them. Uploads can't be carried.
"""

from __future__ import annotations

import html
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import gradio as gr
from gradio.components import Component

from pipelines.errors import InputError
from tabs.drawing import PREFIX, DrawingPad
from tabs.people import People
from tabs.status import answer

LONGEST = 100_000
"""Characters of a fragment."""
HUB = "hub"
"""The one choice that a link never makes: a large model that somebody else asked for."""

TEMPLATE = """<div class="np-share-link"><button type="button">Share via link</button>
  <span role="status"></span></div>"""
SCRIPT = Path(__file__).with_name("share.js").read_text(encoding="utf-8")


class ShareLink(gr.HTML):
    """A button that copies a link to a tab with its inputs, and the reader of such links; see `connect`."""

    def __init__(self, paper: str, inputs: Mapping[str, Component]) -> None:
        """`paper` is the tab's name in the address; `inputs`: name in the link -> component.

        Raises TypeError for a component whose value no link can carry.
        """
        for component in inputs.values():
            _reader(component)
        self._inputs = dict(inputs)
        super().__init__("", html_template=TEMPLATE, js_on_load=SCRIPT, paper=paper, names=list(inputs))

    def connect(self) -> gr.events.Dependency:
        """Wire both. Returns the event of a link that was opened and has filled the inputs: chain to its
        `.success` what runs them."""
        # `click` asks the page for the values; `open` comes with the fragment as this component's value
        self.click(None, list(self._inputs.values()), self, js="(...values) => [{ values }]", queue=False)
        return self.open(
            lambda fragment: fill(fragment, self._inputs),
            self,
            list(self._inputs.values()),
            concurrency_limit=None,  # queued: only such an event can show a warning
            show_progress="hidden",
            api_visibility="private",
        )


@answer
def fill(fragment: str, inputs: Mapping[str, Component]) -> list[Any]:
    """The link's value for each input, in their order. One that the link leaves out, or that the input does
    not take, stays as it is; the latter is told.

    Raises InputError if the link carries none of them.
    """
    carried = parse_qs(fragment, keep_blank_values=True) if len(fragment) <= LONGEST else {}
    if not carried.keys() & inputs.keys():
        raise InputError("This link carries nothing that this tab can read.", "Fill it in by hand.", "Link")
    values: list[Any] = []
    refused: list[str] = []
    for name, component in inputs.items():
        values.append(gr.skip())
        if name in carried:
            try:
                values[-1] = _reader(component)(component, carried[name][-1])
            except (ValueError, KeyError, TypeError):
                refused.append(str(component.label or name))
    if refused:
        gr.Warning(html.escape(f"Not taken from the link, and left as it was: {', '.join(refused)}."))
    return values


def _text(component: Any, text: str) -> str:
    if component.max_length is not None and len(text) > component.max_length:
        raise ValueError
    return text


def _number(component: Any, text: str) -> float | None:
    if text == "null":  # as where the field was wiped
        return None
    number = float(text)
    low, high = component.minimum, component.maximum
    if (
        not math.isfinite(number)
        or (low is not None and number < low)
        or (high is not None and number > high)
    ):
        raise ValueError
    return number


def _choice(component: Any, text: str) -> Any:
    return {str(value): value for _, value in component.choices if value != HUB}[text]


def _choices(component: Any, text: str) -> list[Any]:
    return [_choice(component, str(value)) for value in list(json.loads(text))]


def _dropdown(component: Any, text: str) -> Any:
    return (_choices if component.multiselect else _choice)(component, text)


def _drawing(component: Any, text: str) -> str:
    if text and not text.startswith(PREFIX):
        raise ValueError
    return text


def _people(component: Any, text: str) -> list[list[str]]:
    pairs = [[str(name), str(said)] for name, said in json.loads(text)]
    if not 0 < len(pairs) <= component.props["most"]:
        raise ValueError
    return pairs


READERS: dict[type, Callable[[Any, str], Any]] = {
    gr.Textbox: _text,
    gr.Number: _number,
    gr.Slider: _number,
    gr.Checkbox: lambda component, text: {"true": True, "false": False}[text],
    gr.Radio: _choice,
    gr.CheckboxGroup: _choices,
    gr.Dropdown: _dropdown,
    DrawingPad: _drawing,
    People: _people,
}
"""How a component's value is read from a link; they raise ValueError, KeyError or TypeError."""


def _reader(component: Component) -> Callable[[Any, str], Any]:
    for kind, reader in READERS.items():
        if isinstance(component, kind):
            return reader
    raise TypeError(f"no link can carry the value of a {type(component).__name__}")
