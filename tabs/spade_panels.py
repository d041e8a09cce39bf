"""The panels under the anomaly finder's result: thresholds, map, comparison, columns, files."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import gradio as gr
import plotly.graph_objects as go

from pipelines import spade
from pipelines.errors import InputError
from pipelines.spade import Summary
from tabs import spade_plots as plots
from tabs import spade_views as views
from tabs.shell import HEAVY, new_file
from tabs.status import answer, line

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
    )


def _map(result: gr.State, first: Summary) -> tuple[gr.Radio, gr.Plot, gr.HTML]:
    with gr.Row():
        colouring = gr.Radio(list(plots.COLOURINGS), value="score", label="Colour by", scale=3)
        t_sne = gr.Button("Lay out by t-SNE", scale=1, min_width=140)
    status = gr.HTML()
    scatter = gr.Plot(plots.scatter(first, "score"), show_label=False, container=False)
    inputs = [result, colouring]
    colouring.input(
        show_map, inputs, [scatter, status], api_name="spade_map", show_progress="hidden"
    )  # fmt: skip
    heavy: dict[str, Any] = {"concurrency_id": HEAVY, "concurrency_limit": 1, "show_progress": "hidden"}
    t_sne.click(
        lambda: line("Laying out neighbours; this takes some seconds …", "busy"),
        outputs=status,
        api_visibility="private",
        show_progress="hidden",
    ).then(show_t_sne, inputs, [scatter, status], api_name="spade_tsne", **heavy)
    return colouring, scatter, status


@answer
def show_map(result: Result, colouring: str) -> tuple[go.Figure, str]:
    """The rows on their first two principal components, coloured by "score", "label" or "pseudo-label"."""
    return plots.scatter(summary_of(result), _colouring(colouring)), ""


@answer
def show_t_sne(result: Result, colouring: str) -> tuple[go.Figure, str]:
    """The same rows (at most 5,000) laid out by t-SNE."""
    from pipelines.spade.analysis import t_sne

    _colouring(colouring)
    summary = summary_of(result)
    report = report_of(result)
    points = t_sne(report.features.X, summary.map_rows, summary.seed)
    done = line(f"t-SNE of {len(points):,} {summary.thing}s, seed {summary.seed}: near means alike", "done")
    return plots.scatter(summary, colouring, points, "t-SNE"), done


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
    tab.select(export, [result], [csv, status], api_name="spade_export", show_progress="hidden")
    second.upload(
        score_second,
        [second, result],
        [scored, status],
        api_name="spade_score",
        show_progress="minimal",
        concurrency_id=HEAVY,
        concurrency_limit=1,
    )
    return [csv, scored, status]


@functools.lru_cache(maxsize=1)
def _first_report() -> Any:
    """The first example, computed now: its files and models are asked for."""
    from pipelines.runtime import Progress
    from pipelines.spade.analysis import analyse
    from pipelines.spade.table import read_table
    from pipelines.weights import asset

    report = None
    for report in analyse(read_table(asset("spade", spade.EXAMPLES[0].file))):
        if isinstance(report, Progress):
            continue
    return report


def report_of(result: Result) -> Any:
    """The full report behind what is shown."""
    return _first_report() if result is None else result


@answer
def export(result: Result) -> tuple[Any, str]:
    """The result as a CSV file: your columns (of pictures: file and label) and SPADE's."""
    from pipelines.spade.export import result_frame, to_csv

    report = report_of(result)
    path = new_file(f"spade_{Path(report.name).stem or 'result'}.csv")
    path.write_bytes(to_csv(result_frame(report)))
    size = f"{path.stat().st_size / 1e6:.1f} MB"
    return gr.DownloadButton(value=str(path), interactive=True), line(f"File ready: {size}", "done")


@answer
def score_second(file: str | None, result: Result) -> tuple[Any, str]:
    """Score a second table with the model fitted to the first; returns its CSV."""
    from pipelines.spade.analysis import percentile, score_table
    from pipelines.spade.export import scored_frame, to_csv
    from pipelines.spade.table import read_table

    if not file:
        raise InputError("There is no second table.", "Choose a CSV file.", "Second table")
    report = report_of(result)
    if report.thing != "row":
        raise InputError("The model was fitted to pictures.", "Run it on a table first.", "Second table")
    table = read_table(file)
    scores = score_table(report, table)
    path = new_file(f"spade_{Path(table.name).stem or 'second'}.csv")
    path.write_bytes(to_csv(scored_frame(report, table.frame, scores)))
    odd = int((percentile(scores, report.outcome.reference) >= 100 * (1 - report.outcome.share)).sum())
    text = f"{len(scores):,} rows scored; {odd:,} of them as odd as the flagged rows of the first table"
    return gr.DownloadButton(value=str(path), interactive=True), line(text, "done")
