"""Home: one card per paper."""

from __future__ import annotations

import html
from collections.abc import Sequence

import gradio as gr

from pipelines.weights import asset
from tabs.shell import Paper

WELCOME = """<header class="np-hero"><h1>Nine Papers</h1>
<p>Machine-learning papers of late 2022 that you can use on your own input. Every result is computed by the
paper's method while you watch, with small models that ship with this page: no account, no upload to anyone
else.</p></header>"""


def build(papers: Sequence[Paper]) -> None:
    """Lay out the cards inside the current gr.Tab."""
    gr.HTML(WELCOME)
    gr.HTML(f'<nav class="np-cards" aria-label="Papers">{"".join(map(_card, papers))}</nav>')


def _card(paper: Paper) -> str:
    picture = asset(paper.name, "card.svg").read_text(encoding="utf-8")
    return f"""<a class="np-card" href="?tab={paper.name}" data-tab="{paper.name}">
      <div class="np-card-picture" aria-hidden="true">{picture}</div>
      <h3>{html.escape(paper.tab)}</h3><p>{html.escape(paper.pitch)}</p>
      <p class="np-card-paper">{html.escape(paper.title)}</p></a>"""
