"""What every tab shares: paper card, Run and Stop, status line, downloads, share link, "How it works"."""

from __future__ import annotations

import html
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.context import LocalContext
from gradio.utils import get_upload_folder

from pipelines.weights import read_card
from tabs.share import ShareLink
from tabs.status import INTERRUPTED, STOPPED, WAITING, waiting_line

HEAVY = "heavy"
"""Concurrency group of long jobs: one at a time, so that a visitor who only draws is never slowed down."""


@dataclass(frozen=True)
class Paper:
    """What a tab says about its paper. `pitch` is one plain sentence on what the visitor can do here."""

    name: str
    tab: str
    title: str
    authors: str
    arxiv: str
    pitch: str
    badge: str = "embedded model, CPU"

    @property
    def url(self) -> str:
        return f"https://arxiv.org/abs/{self.arxiv}"


def paper_card(paper: Paper) -> gr.HTML:
    """The head of a tab: what can be done here, by which paper, with which model."""
    return gr.HTML(
        f"""<header class="np-paper">
          <h2>{html.escape(paper.pitch)}</h2>
          <p><a href="{paper.url}" target="_blank" rel="noopener">{html.escape(paper.title)}</a>
          <span class="np-authors">{html.escape(paper.authors)} · arXiv {paper.arxiv}</span>
          <span class="np-badge">{html.escape(paper.badge)}</span></p>
        </header>"""
    )


class RunBar:
    """Run, Stop and a status line for one job.

    `connect` wires a handler made by `tabs.status.job`: its last output is the status line. `press`: script
    for the `js` of another event that shall do as a click on Run does, and nothing while a job is running.
    """

    def __init__(self, label: str = "Run", ready: str = "", elem_id: str | None = None) -> None:
        """`elem_id` names the Run button on the page; see `press`."""
        self.press = f"() => document.getElementById('{elem_id}').click()"
        with gr.Row(elem_classes="np-run"):
            self.run = gr.Button(label, variant="primary", scale=3, min_width=120, elem_id=elem_id)
            self.stop = gr.Button("Stop", variant="stop", interactive=False, scale=1, min_width=80)
        self.status = gr.HTML(ready, elem_classes="np-status-line")

    def connect(
        self,
        job: Callable[..., Any],
        inputs: Sequence[Component],
        outputs: Sequence[Component],
        api_name: str,
    ) -> gr.events.Dependency:
        """Run `job` on click; Stop ends its generator; the buttons and the status line always follow.

        Returns the job's event, to chain what should follow a success with `.success(...)`; what should
        follow a stop is chained to `stopped`.
        """
        quiet: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
        buttons = [self.run, self.stop]
        begun = self.run.click(
            lambda *_: (*_buttons(running=True), waiting_line(_runs_ahead())),
            inputs=list(inputs),  # a value that Gradio refuses ends the click here, with Gradio's message,
            outputs=[*buttons, self.status],
            **quiet | {"queue": True},  # which only a queued event shows
            concurrency_limit=None,
        )
        running = begun.success(
            job,
            inputs=list(inputs),
            outputs=[*outputs, self.status],
            api_name=api_name,
            concurrency_id=HEAVY,
            concurrency_limit=1,
            show_progress="hidden",
            trigger_mode="multiple",  # the job just stopped may not have ended yet
        )
        running.success(lambda: _buttons(running=False), outputs=buttons, **quiet)
        running.failure(_after_failure, inputs=self.status, outputs=[*buttons, self.status], **quiet)
        self.stopped = self.stop.click(
            lambda: (*_buttons(running=False), STOPPED),
            outputs=[*buttons, self.status],
            cancels=[running],
            **quiet,
        )
        return running


def _runs_ahead() -> int:
    """Heavy jobs that run or wait; 0 where Gradio, whose inside this is, does not say."""
    try:
        waiting = LocalContext.blocks.get()._queue.event_queue_per_concurrency_id[HEAVY]
        return len(waiting.queue) + waiting.current_concurrency
    except (AttributeError, KeyError):
        return 0


def _after_failure(status: str) -> tuple[Any, Any, Any]:
    """A stopped job ends in a failure too: its last report may have come late, or the next job may wait."""
    if INTERRUPTED in status:
        return (*_buttons(running=False), gr.skip())
    if WAITING in status:
        return gr.Button(interactive=True), gr.skip(), gr.skip()
    return gr.skip(), gr.skip(), STOPPED


def _buttons(running: bool) -> tuple[gr.Button, gr.Button]:
    return gr.Button(interactive=not running), gr.Button(interactive=running)


def downloads(labels: Iterable[str], ready: Sequence[str | None] = ()) -> list[gr.DownloadButton]:
    """A row of download buttons; those without a file in `ready` are inactive. `offer` follows the files that
    a handler gives them."""
    with gr.Row(elem_classes="np-downloads"):
        return [
            gr.DownloadButton(label, value=file, interactive=file is not None, size="sm", min_width=90)
            for label, file in zip_longest(labels, ready)
        ]


def offer(*files: str | None) -> list[gr.DownloadButton]:
    """Make download buttons active that have a file, and the others inactive; for `.success` after a job."""
    return [gr.DownloadButton(interactive=file is not None) for file in files]


def new_file(name: str) -> Path:
    """Where a handler writes a file to take home: alone in a folder of Gradio's cache. So Gradio serves it as
    it is, and `delete_cache` of app.py removes it."""
    cache = Path(get_upload_folder())
    cache.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=cache)) / name


def share_row(
    paper: Paper, inputs: Mapping[str, Component], api_names: Sequence[str], note: str = ""
) -> gr.events.Dependency:
    """The foot of a tab: a button that copies a link with these inputs, and the names of the tab's endpoints.

    `inputs`: name in the link -> component, of the kinds in tabs.share.READERS (uploads can't be carried).
    `note` says in a sentence what the link leaves out. Returns the event of a link that was opened and has
    filled the inputs; chain what runs them, for example `.success(None, js=bar.press)`.
    """
    with gr.Row(elem_classes="np-share"):
        link = ShareLink(paper.name, inputs)
        names = ", ".join(f"<code>/{name}</code>" for name in api_names)
        gr.HTML(
            f'<p class="np-api">{html.escape(note)} API of this tab: {names}'
            '<span class="np-wide">; see "Use via API" at the foot of the page</span>.</p>'
        )
    return link.connect()


@dataclass(frozen=True)
class Metric:
    """One row of "what this model reaches": our figure from card.json beside the paper's own."""

    label: str
    key: str
    """Name in card.json's metrics; dots reach into nested objects."""
    form: str = "{}"
    paper: str = ""


def how_it_works(
    paper: Paper, steps: Sequence[str], metrics: Sequence[Metric], limits: Sequence[str]
) -> None:
    """The method in a few steps (Markdown with $LaTeX$), the figures of card.json, and the honest limits."""
    card = read_card(paper.name)
    with gr.Accordion("How it works, what it reaches, what it cannot do", open=False, elem_classes="np-how"):
        gr.Markdown(
            "\n".join(f"{i}. {step}" for i, step in enumerate(steps, 1)),
            latex_delimiters=[{"left": "$", "right": "$", "display": False}],
        )
        gr.HTML(_metrics_table(card, metrics))
        gr.Markdown("**Limits.** " + " ".join(limits))
        gr.HTML(_card_table(card))


def _metrics_table(card: dict[str, Any], metrics: Sequence[Metric]) -> str:
    rows = []
    for metric in metrics:
        value: Any = card["metrics"]
        for part in metric.key.split("."):
            value = value[part]
        rows.append(
            f"<tr><th scope='row'>{html.escape(metric.label)}</th>"
            f"<td>{html.escape(metric.form.format(value))}</td>"
            f"<td>{html.escape(metric.paper or '–')}</td></tr>"
        )
    return (
        "<table class='np-table'><thead><tr><th scope='col'>What this model reaches</th>"
        "<th scope='col'>measured here</th><th scope='col'>reported in the paper</th></tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _card_table(card: dict[str, Any]) -> str:
    facts = {
        "Model": card["model"],
        "Training data": card["data"] if isinstance(card["data"], str) else " ".join(card["data"]),
        "Made by": ". ".join(filter(None, [card["train_command"], card.get("train_note")])),
        "Hardware and time": card["hardware"],
        "Licence of the weights": card["licence"],
    }
    rows = "".join(
        f"<tr><th scope='row'>{key}</th><td>{html.escape(str(value))}</td></tr>"
        for key, value in facts.items()
    )
    return f"<table class='np-table np-facts'><tbody>{rows}</tbody></table>"


class Examples(gr.HTML):
    """Small pictures under the input, in even rows; fires `select` when one is clicked.

    The value is the index of the one clicked last: take it as input with trigger_mode="always_last", and of
    quick clicks the last one counts. (The event carries it too, but "always_last" repeats the first event.)
    """

    IN_A_ROW = 6
    TEMPLATE = """<div class="np-examples" style="--columns:${columns}">
    <span>${label}</span>${pictures.map((item, index) =>
      `<button type="button" data-index="${index}" title="${item[1]}">
        <img src="${item[0]}" alt="${item[1]}"></button>`
    ).join("")}</div>"""
    SCRIPT = """element.addEventListener("click", (event) => {
      const button = event.target.closest("[data-index]");
      if (!button) return;
      props.value = Number(button.dataset.index);
      trigger("select", { index: props.value });
    });"""

    def __init__(self, pictures: Sequence[tuple[str, str]], label: str = "Examples", **kwargs: Any) -> None:
        """`pictures` are (image URL or data URL, name) pairs."""
        rows = -(-len(pictures) // self.IN_A_ROW)
        super().__init__(
            -1,
            pictures=[list(picture) for picture in pictures],
            columns=-(-len(pictures) // rows),
            html_template=self.TEMPLATE,
            js_on_load=self.SCRIPT,
            label=label,
            **kwargs,
        )
