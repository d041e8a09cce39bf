"""The panel for many molecules: a CSV file in, the same with six predicted properties out."""

from __future__ import annotations

import html
import importlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from pipelines.bartsmiles import EXAMPLES
from pipelines.errors import InputError
from pipelines.runtime import Progress, in_background
from tabs.shell import RunBar, downloads, new_file
from tabs.status import job, line

SHOWN = 8
"""Rows in the preview."""


def build() -> None:
    """Lay the panel out inside the current gr.Tab."""
    gr.Markdown(
        "A CSV file with a column of SMILES (named so, or found by itself), up to 10,000 rows. Rows keep "
        "their order; one that is no molecule gets its reason instead of values. Files are deleted after a "
        "day."
    )
    file = gr.File(label="CSV file", file_types=[".csv", ".tsv", ".txt", ".smi"], height=130)
    example = gr.Button("Take the ten example molecules", size="sm")
    bar = RunBar("Predict all", line("Choose a file first."), elem_id="bartsmiles-batch")
    preview = gr.HTML()
    (table_file,) = downloads(["Table with predictions (CSV)"])
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    bar.connect(predict_all, [file], [preview, table_file], api_name="bartsmiles_batch")
    example.click(example_file, None, file, **quiet).success(None, js=bar.press, **quiet)
    file.upload(lambda: line("Ready: press the button.", "done"), None, bar.status, queue=False, **quiet)


def example_file() -> str:
    """A CSV file of the examples."""
    path = new_file("examples.csv")
    rows = [f"{name},{smiles}" for name, smiles in EXAMPLES.items()]
    path.write_text("\n".join(["name,smiles", *rows]) + "\n", encoding="utf-8")
    return str(path)


@job(outputs=2)
def predict_all(file: str | None) -> Iterator[tuple[Any, ...]]:
    """Predict six properties for every molecule of a CSV file; returns a preview (HTML), the CSV, status."""
    if not file:
        raise InputError("There is no file yet.", "Choose a CSV file with a column of SMILES.", "CSV file")
    idle = (gr.skip(), gr.skip())
    steps = in_background(_loaded, Progress(0, 1, "Loading the model"), lasting=True)
    try:
        while True:
            yield *idle, next(steps)
    except StopIteration as end:
        batch, model = end.value
    finally:
        steps.close()
    path = new_file(f"{Path(file).stem or 'molecules'}_predicted.csv")
    for step in batch.run_batch(model, Path(file).read_bytes()):
        report = step.preview if isinstance(step, Progress) else step
        if report is None:
            yield *idle, step
            continue
        half = path.with_suffix(".part")
        half.write_bytes(report.to_csv())
        half.replace(path)  # whoever downloads meanwhile gets a whole file
        told = f"{report.read:,} of {len(report.frame):,} rows predicted"
        button = gr.DownloadButton(value=str(path), interactive=True)
        yield table(report), button, step if isinstance(step, Progress) else told


def _loaded() -> tuple[Any, Any]:
    batch = importlib.import_module("pipelines.bartsmiles.batch")
    return batch, importlib.import_module("pipelines.bartsmiles.predictor").load()


def table(report: Any) -> str:
    """The first rows, and what is to be said of the file."""
    notes = [f"The molecules stand in column “{report.smiles_column}”.", *report.notes]
    if report.failed:
        notes.append(f"{report.failed:,} rows are no molecules; the column “problem” says why.")
    frame = report.answered.head(SHOWN)
    head = "".join(f"<th scope='col'>{html.escape(str(name))}</th>" for name in frame.columns)
    rows = "".join(
        "<tr>" + "".join(f"<td>{_cell(value)}</td>" for value in row) + "</tr>"
        for row in frame.itertuples(index=False)
    )
    return (
        f"<ul class='np-molecule-notes'>{''.join(f'<li>{html.escape(note)}</li>' for note in notes)}</ul>"
        f"<div class='np-scroll' tabindex='0'><table class='np-table "
        f"np-molecule-batch'><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.2f}".replace("-", "−")
    text = str(value)
    return html.escape(text if len(text) <= 60 else f"{text[:60]}…")
