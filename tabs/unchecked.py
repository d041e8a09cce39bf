"""Inputs that hand their handler whatever a caller of the API sent.

Gradio's own components refuse a wrong type with a bare "Error", or with Python's words; the pipelines check
their arguments and say what is wrong in a plain sentence.
"""

from __future__ import annotations

from typing import Any

import gradio as gr


def _as_sent(_component: Any, payload: Any) -> Any:
    return payload


class Text(gr.Textbox):
    """gr.Textbox."""

    is_template = True  # to Gradio each is its parent: it has no front end of its own
    preprocess = _as_sent


class Number(gr.Number):
    """gr.Number."""

    is_template = True
    preprocess = _as_sent


class Slider(gr.Slider):
    """gr.Slider."""

    is_template = True
    preprocess = _as_sent


class Radio(gr.Radio):
    """gr.Radio."""

    is_template = True
    preprocess = _as_sent
