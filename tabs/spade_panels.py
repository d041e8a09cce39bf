"""The panels under the anomaly finder's result: thresholds, map, comparison, columns, files."""

from __future__ import annotations

import importlib
from collections.abc import Generator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
import plotly.graph_objects as go

from pipelines import spade
from pipelines.errors import InputError
from pipelines.runtime import Progress, in_background, load_once
from pipelines.spade import Summary
from pipelines.weights import asset
from tabs import spade_plots as plots
from tabs import spade_views as views
from tabs.shell import RunBar, new_file
from tabs.status import answer, job

WRITING = Progress(1, 1, "writing the file")
Result = Any
"""A TableReport or PicturesReport of the analysis, or None: then the first example's."""


def summary_of(result: Result) -> Summary:
    """The summary of a result; that of the first example without one."""
    return spade.first() if result is None else result.summary


def build(result: gr.State) -> list[Any]:
    """Lay the panels out inside the current gr.Tabs; returns the components that `refresh` fills."""
    first = spade.first()
    with gr.Tab("Thresholds", elem_id="tab-spade-thresholds"):
        text = gr.HTML(views.matching_text(first), elem_classes="np-spade-text")
        matching = gr.Plot(plots.matching(first), show_label=False, container=False)
    with gr.Tab("Map", elem_id="tab-spade-map"):
        colouring, scatter, near = _map(result, first)
    with gr.Tab("Did pseudo-labels help?", elem_id="tab-spade-check"):
        table = gr.HTML(views.comparison(first))
        with gr.Row():
            roc = gr.Plot(plots.curves(first, "roc"), show_label=False, container=False)
            precision = gr.Plot(plots.curves(first, "precision_recall"), show_label=False, container=False)
    with gr.Tab("How it was read", elem_id="tab-spade-facts"):
        facts = gr.HTML(views.facts(first))
    with gr.Tab("Take it home", elem_id="tab-spade-export") as tab:
        files = _export(tab, result)
    return [text, matching, colouring, scatter, near, table, roc, precision, facts, *files]


@answer
def refresh(result: Result) -> tuple[Any, ...]:
    """Fill every panel from a new result."""
    summary = summary_of(result)
    return (
        views.matching_text(summary),
        gr.update(value=plots.matching(summary), visible=plots.matched(summary)),
        "score",
        plots.scatter(summary, "score"),
        "",
        views.comparison(summary),
        gr.update(value=plots.curves(summary, "roc"), visible=bool(summary.curves)),
        gr.update(value=plots.curves(summary, "precision_recall"), visible=bool(summary.curves)),
        views.facts(summary),
        gr.DownloadButton(value=None, interactive=False),
        gr.DownloadButton(value=None, interactive=False),
        "",
        "",
    )


def _map(result: gr.State, first: Summary) -> tuple[gr.Radio, gr.Plot, gr.HTML]:
    with gr.Row(equal_height=False):
        with gr.Column(scale=3, min_width=260):
            colouring = gr.Radio(list(plots.COLOURINGS), value="score", label="Colour by")
        with gr.Column(scale=2, min_width=260):
            bar = RunBar("Lay out by t-SNE", elem_id="spade-tsne")
    scatter = gr.Plot(plots.scatter(first, "score"), show_label=False, container=False)
    inputs = [result, colouring]
    colouring.input(
        show_map, inputs, [scatter, bar.status], api_name="spade_map", show_progress="hidden"
    )  # fmt: skip
    bar.connect(show_t_sne, inputs, [scatter], api_name="spade_tsne")
    return colouring, scatter, bar.status


@answer
def show_map(result: Result, colouring: str) -> tuple[go.Figure, str]:
    """The rows on their first two principal components, coloured by "score", "label" or "pseudo-label"."""
    return plots.scatter(summary_of(result), _colouring(colouring)), ""


@job(outputs=1)
def show_t_sne(result: Result, colouring: str) -> Iterator[tuple[Any, ...]]:
    """The same rows (at most 5,000) laid out by t-SNE."""
    _colouring(colouring)
    yield from _beside(loaded())
    from pipelines.spade.layout import t_sne

    report = yield from _beside(_whole(result))
    summary = report.summary
    for points in t_sne(report.features.X, summary.map_rows, summary.seed):
        if isinstance(points, Progress):
            yield gr.skip(), points
    figure = plots.scatter(summary, colouring, points, "t-SNE")
    yield figure, f"t-SNE of {len(points):,} {summary.thing}s, seed {summary.seed}: near means alike"


def _colouring(name: str) -> str:
    if name not in plots.COLOURINGS:
        raise InputError("There is no such colouring.", "Choose score, label or pseudo-label.", "Colour by")
    return name


def _export(tab: gr.Tab, result: gr.State) -> list[Any]:
    gr.Markdown(
        "The CSV has your columns (of pictures: file and label), then `spade_score` (percentile, 100 = "
        "oddest), `spade_rank`, `spade_pseudo_label` and both counts of votes. Cells that a spreadsheet "
        "would run are defused."
    )
    with gr.Row(elem_classes="np-downloads"):
        csv = gr.DownloadButton("Result (CSV)", interactive=False, size="sm", min_width=110)
        scored = gr.DownloadButton("Scored second table (CSV)", interactive=False, size="sm", min_width=110)
    status = gr.HTML()
    second = gr.File(
        label="A second table with the same columns, up to 25 MB: scored by the fitted model", height=130
    )
    bar = RunBar("Score the second table", elem_id="spade-second")
    tab.select(export, [result], [csv, status], api_name="spade_export", show_progress="hidden")
    bar.connect(score_second, [second, result], [scored], api_name="spade_score")
    second.upload(None, js=bar.press)
    return [csv, scored, status, bar.status]


def loaded() -> Generator[Progress, None, None]:
    """Bring the method's modules, which takes a second or two the first time."""
    begun = Progress(0, 1, "loading the method")
    yield begun
    work = partial(importlib.import_module, "pipelines.spade.export")  # which needs all the others
    yield from in_background(work, begun, lasting=True)


@load_once
def _first_report() -> Any:
    """The first example, computed now: its files and models are asked for."""
    from pipelines.spade.analysis import analyse
    from pipelines.spade.table import read_table

    *_, report = analyse(read_table(asset("spade", spade.EXAMPLES[0].file)))
    return report


def _whole(result: Result) -> Generator[Progress, None, Any]:
    """The full report behind what is shown: `report = yield from _whole(result)`."""
    if result is not None:
        return result
    return (yield from in_background(_first_report, Progress(0, 1, "computing the example"), lasting=True))


def _beside(steps: Generator[Progress, None, Any]) -> Generator[tuple[Any, Progress], None, Any]:
    """Reports of a step as a job with one output yields them; returns what the step returns."""
    try:
        while True:
            yield gr.skip(), next(steps)
    except StopIteration as end:
        return end.value
    finally:
        steps.close()


@job(outputs=1)
def export(result: Result) -> Iterator[tuple[Any, ...]]:
    """The result as a CSV file: your columns (of pictures: file and label) and SPADE's."""
    yield from _beside(loaded())
    from pipelines.spade.export import result_frame, to_csv

    report = yield from _beside(_whole(result))
    data = yield from _beside(in_background(lambda: to_csv(result_frame(report)), WRITING))
    path = new_file(f"spade_{Path(report.name).stem or 'result'}.csv")
    path.write_bytes(data)
    yield gr.DownloadButton(value=str(path), interactive=True), f"File ready: {len(data) / 1e6:.1f} MB"


@job(outputs=1)
def score_second(file: str | None, result: Result) -> Iterator[tuple[Any, ...]]:
    """Score a second table with the model fitted to the first; returns its CSV."""
    if not file:
        raise InputError("There is no second table.", "Choose a CSV file.", "Second table")
    if result is not None and result.thing != "row":
        raise InputError("The model was fitted to pictures.", "Run it on a table first.", "Second table")
    yield from _beside(loaded())
    from pipelines.spade.analysis import percentile, score_table
    from pipelines.spade.export import scored_frame, to_csv
    from pipelines.spade.table import read_table

    report = yield from _beside(_whole(result))
    table = yield from _beside(in_background(lambda: read_table(file), Progress(0, 1, "reading the table")))
    for scores in score_table(report, table):
        if isinstance(scores, Progress):
            yield gr.skip(), scores
    data = yield from _beside(
        in_background(lambda: to_csv(scored_frame(report, table.frame, scores)), WRITING)
    )
    path = new_file(f"spade_{Path(table.name).stem or 'second'}.csv")
    path.write_bytes(data)
    odd = int((percentile(scores, report.outcome.reference) >= 100 * (1 - report.outcome.share)).sum())
    text = f"{len(scores):,} rows scored; {odd:,} of them as odd as the flagged rows of the first table"
    yield gr.DownloadButton(value=str(path), interactive=True), text
