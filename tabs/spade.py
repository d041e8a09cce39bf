"""Anomaly finder: a table or pictures with a few labels in, the odd ones with reasons out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import gradio as gr

from pipelines import spade
from pipelines.errors import InputError
from pipelines.picture import SUFFIXES
from pipelines.runtime import Progress, in_background
from pipelines.weights import asset
from tabs import spade_panels as panels
from tabs import spade_plots as plots
from tabs import spade_views as views
from tabs.shell import Metric, Paper, RunBar, how_it_works, paper_card, share_row
from tabs.status import answer, job, line

PAPER = Paper(
    name="spade",
    tab="Anomaly finder",
    title="SPADE: Semi-supervised Anomaly Detection under Distribution Mismatch",
    authors="Jinsung Yoon, Kihyuk Sohn, Chun-Liang Li, Sercan Ö. Arik, Tomas Pfister (2022)",
    arxiv="2212.00173",
    pitch="Give a table or pictures with a few labels: SPADE ranks the rest by oddness, says why, and finds "
    "kinds of anomaly that nobody labelled.",
)
NO_COLUMN = "(none)"
ENCODERS = [("Embedded, ours: small", "embedded"), ("The paper's ResNet-18: needs a GPU", "hub")]

STEPS = (
    "The unlabelled rows are split into $K = 5$ disjoint subsets. On each, together with the labelled "
    "normals, a one-class classifier $o_k$ is fitted: a Gaussian density. Labelled anomalies enter "
    "no fit, so the densities know no kind of anomaly better than another.",
    r"Partial matching sets both thresholds without validation data: $\eta_k^p = \arg\min_\eta "
    r"W(\{o_k(x_l): y_l = 1\}, \{o_k(x_u) > \eta\})$ and its mirror image for normals (Equations 3 and 4; "
    r"$W$ is the Wasserstein distance). A class without labels gets Otsu's threshold.",
    "A row is pseudo-labelled only if all five agree (Equations 1 and 2).",
    r"A predictor learns from labels and pseudo-labels. In the paper: $\min_{h,g,q} L_Y + \alpha L_{Y_u} + "
    r"\beta L_R$ with $\alpha = \beta = 1$, the densities living in the latent space of $h$ (Equation 5): "
    r"choose the paper's mode for it. The robust mode, our default, keeps steps 1 to 3 on whitened inputs, "
    r"trains forests, and adds forests on the labels alone; how far the densities can be trusted decides the "
    r"weights.",
    r"Reasons: the score of one more Gaussian, on standardised columns so that it stays readable, falls "
    r"apart exactly into the columns, $z_j (\Sigma^{-1} z)_j / 2$; beside it stands how far SPADE's own "
    r"score falls when a column takes its usual value.",
)
METRICS = (
    Metric("Robust mode. Covertype, new kinds: AUC overall (5 % labelled)", "covertype_overall", "{:.3f}"),
    Metric("the paper's mode, literally", "scenarios.covertype.new types.paper.spade_overall", "{:.3f}"),
    Metric("forest on the labels alone", "covertype_rf_overall", "{:.3f}"),
    Metric("Gaussian on labelled normals", "scenarios.covertype.new types.robust.gaussian_overall", "{:.3f}"),
    Metric("Robust mode, on Covertype's kinds nobody labelled", "covertype_missed", "{:.3f}"),
    Metric("Robust mode. Thyroid, new kinds: AUC overall", "thyroid_overall", "{:.3f}"),
    Metric("the paper's mode, literally", "scenarios.thyroid.new types.paper.spade_overall", "{:.3f}"),
    Metric("forest on the labels alone", "thyroid_rf_overall", "{:.3f}"),
    Metric(
        "Robust mode. Covertype, only normals labelled",
        "scenarios.covertype.normal.robust.spade_overall",
        "{:.3f}",
    ),
    Metric("Gaussian on labelled normals", "scenarios.covertype.normal.robust.gaussian_overall", "{:.3f}"),
    Metric(
        "Robust mode. Digits, only normals labelled", "scenarios.digits.normal.robust.spade_overall", "{:.3f}"
    ),
    Metric("Gaussian on labelled normals", "scenarios.digits.normal.robust.gaussian_overall", "{:.3f}"),
    Metric("Robust mode, on digits' kinds nobody labelled", "digits_missed", "{:.3f}"),
    Metric("forest on the labels alone", "digits_rf_missed", "{:.3f}"),
    Metric("Gaussian on labelled normals", "scenarios.digits.new types.robust.gaussian_missed", "{:.3f}"),
    Metric("Robust mode. Twelve ADBench tables, 5 % labelled: mean AUC", "adbench.means.spade", "{:.3f}"),
    Metric("forest on the labels alone", "adbench.means.rf", "{:.3f}"),
    Metric("PyOD's IForest, no labels", "adbench.means.pyod_iforest", "{:.3f}"),
    Metric("Robust mode. Magnetic tiles, new kinds: AUC of pictures", "tiles.spade_overall", "{:.3f}"),
    Metric("on the kinds nobody labelled", "tiles.spade_missed", "{:.3f}"),
    Metric("forest on the labels alone", "tiles.rf_overall", "{:.3f}"),
    Metric("Their heat-maps, AUC of pixels: over all pictures", "tiles.pixel_auc", "{:.3f}"),
    Metric("within a picture, on average", "tiles.pixel_auc_within", "{:.3f}"),
    Metric("Processor time of a run: 10,000 rows of 30 columns", "speed.table_10k.cpu_seconds", "{:.1f} s"),
    Metric("the same in the paper's mode", "speed.table_10k_paper.cpu_seconds", "{:.1f} s"),
    Metric("100,000 rows of 30 columns", "speed.table_100k.cpu_seconds", "{:.1f} s"),
    Metric("200 pictures", "speed.pictures_200.cpu_seconds", "{:.1f} s"),
)
LIMITS = (
    "The robust mode is our variant; the paper's mode, as we read it, stays behind it and on Thyroid far "
    "behind a plain forest. On Thyroid the robust mode is no clear gain over the forest.",
    "A plain Gaussian on the labelled normals can be better: with only normals labelled it is, on Covertype "
    "a little and on digits by far, and on digits it also finds more of what nobody labelled. The comparison "
    "below a result has it.",
    "It can cost a little: on Wilt, one of the twelve ADBench tables, the robust mode is 0.016 below the "
    "forest, and on the tiles 0.012. A handful of labels does not tell such a table from one where the "
    "densities help.",
    "Where densities and labels do not clearly agree, the labels decide, and a kind that nobody labelled can "
    "be missed. So can one that is far off in a column but not rare in it: densities see quantiles.",
    "Where labelled and unlabelled rows hold the same kinds, a plain forest on the labels is as good: the "
    "page says so when it is.",
    "With fewer than ten labelled anomalies thresholds and figures are uncertain.",
    "Anomalies that lie in the densest region are invisible to densities.",
    "Time series are read row by row.",
    "The paper reports its gain over the best baseline as a difference (0.051 mean AUC over three tables "
    "with new kinds); its tables of absolute figures could not be read, so none stand here.",
    "The picture encoder is small and knows textures; it is not the paper's ResNet-18.",
)


def build() -> None:
    """Lay out the tab inside the current gr.Tab."""
    paper_card(PAPER)
    first = spade.first()
    start = spade.EXAMPLES[0]
    path = str(asset("spade", start.file))
    _, known_label, known_anomaly, known_normal, known_truth, seen = read_files([path])
    result = gr.State(None, time_to_live=3600)
    with gr.Row(equal_height=False, elem_classes="np-workbench"):
        with gr.Column(scale=4, min_width=300):
            examples = views.ExampleCards(label="One click runs an example", elem_classes="np-input")
            about = gr.HTML(views.story(start))
            example = gr.Number(
                0, precision=0, minimum=0, maximum=len(spade.EXAMPLES) - 1, visible=False, label="Example"
            )
            files = gr.File(
                [path],
                label="Your own CSV, pictures or zip, up to 25 MB",
                file_count="multiple",
                height=130,
            )
            with gr.Group() as mapping:
                label_column = _dropdown(known_label, "Label column")
                anomaly = _dropdown(known_anomaly, "Values that mean anomaly", multiselect=True)
                normal = _dropdown(
                    known_normal, "Values that mean normal; the others are unlabelled", multiselect=True
                )
            shown = gr.HTML(seen)
            with gr.Accordion("Advanced", open=False):
                mode = gr.Radio(
                    [("Robust (forests)", "robust"), ("The paper's (networks)", "paper")],
                    value="robust",
                    label="Mode",
                )
                truth_column = _dropdown(known_truth, "Truth column", info="Never fitted, only compared with")
                encoder = gr.Radio(ENCODERS, value="embedded", label="Picture encoder")
                seed = gr.Number(0, precision=0, label="Seed")
            bar = RunBar("Find anomalies", line("One click on an example runs it."), elem_id="spade-run")
        with gr.Column(scale=6, min_width=320):
            head = gr.HTML(views.headline(first, first.share), elem_classes="np-result")
            when = gr.HTML(
                line(f"“{start.name}”, computed when this page was made.", "done"), elem_classes="np-result"
            )
            plot = gr.Plot(
                plots.densities(first), show_label=False, container=False, elem_classes="np-result"
            )
            with gr.Group(elem_classes="np-result"):
                share = gr.Slider(
                    0.1,
                    40,
                    value=round(100 * first.share, 1),
                    step=0.1,
                    label="Flag the top … percent (nothing is trained again)",
                )
            top = gr.HTML(views.top_rows(first), elem_classes="np-result", padding=False)
    with gr.Tabs():
        fills = panels.build(result)
    how_it_works(PAPER, STEPS, METRICS, LIMITS)
    opened = share_row(
        PAPER,
        {"example": example, "mode": mode, "encoder": encoder, "seed": seed},
        [f"spade_{name}" for name in ("read", "run", "flag", "map", "tsne", "export", "score")],
        "The link carries the example, the mode, the encoder and the seed, never your files.",
    )

    quiet: dict[str, Any] = {"show_progress": "hidden"}
    private: dict[str, Any] = {**quiet, "api_visibility": "private"}
    controls = [mapping, label_column, anomaly, normal, truth_column]
    outputs = [head, plot, share, top, result]
    inputs = [files, label_column, anomaly, normal, truth_column, mode, seed, encoder]
    files.upload(keep_new, [files, example], [files, example, about], **private).success(
        read_files, files, [*controls, shown], api_name="spade_read", **quiet
    )
    files.clear(clear_files, None, [example, about, *controls, shown], **private)
    label_column.input(read_labels, [files, label_column], [anomaly, normal, shown], **private)
    running = bar.connect(run, inputs, outputs, api_name="spade_run")
    running.success(_done, result, [when], **private).then(panels.refresh, result, fills, **private)
    taken = [files, about, *controls, shown]
    for chosen in (examples.select(_index_of, None, example, **private), opened):
        chosen.success(take_example, example, taken, **private).success(None, js=bar.press)
    share.release(flag, [share, result], head, api_name="spade_flag", **quiet)
    share.input(flag, [share, result], head, trigger_mode="always_last", **private)


def _dropdown(known: dict[str, Any], label: str, **kwargs: Any) -> gr.Dropdown:
    """A dropdown with the choices and the value that `read_files` found.

    Other values pass too and are checked by the pipeline: a caller of the API has its own table's columns.
    """
    return gr.Dropdown(known["choices"], value=known["value"], label=label, allow_custom_value=True, **kwargs)


def _paths(files: Sequence[str] | str | None) -> list[str]:
    """The uploaded files' paths. Raises InputError if there are none."""
    paths = [files] if isinstance(files, str) else list(files or [])
    if not paths:
        raise InputError(
            "There is no file yet.", "Choose an example, or upload a CSV table or pictures.", "File"
        )
    return paths


def _are_pictures(paths: Sequence[str]) -> bool:
    pictures = [path.lower().endswith((".zip", *SUFFIXES)) for path in paths]
    if not any(pictures) and len(paths) > 1:
        raise InputError("These are several tables.", "Upload one table at a time.", "File")
    return any(pictures)


def keep_new(files: list[str], example: int | None) -> tuple[Any, ...]:
    """What stays in the file field after an upload, to which Gradio has added it: an example's file, which
    comes first, gives way, and so does an older table. Returns also no example, and no story of it."""
    if example is not None and len(files) > 1:
        files = files[1:]
    if not any(path.lower().endswith((".zip", *SUFFIXES)) for path in files):
        files = files[-1:]
    return files, None, ""


@answer
def read_files(files: list[str]) -> tuple[Any, ...]:
    """Look at an upload: returns the label controls as guessed, and a preview with every automatic step."""
    paths = _paths(files)
    if _are_pictures(paths):
        from pipelines.spade.pictures import survey

        found = survey(paths)
        return (*_no_controls(), views.preview([], [], found.told, found.counted))
    from pipelines.spade.labels import find_label_column, find_truth_column, guess_mapping, values_of
    from pipelines.spade.table import read_table

    table = read_table(paths[0])
    columns = [NO_COLUMN, *table.frame.columns]
    column = find_label_column(table.frame)
    guess = guess_mapping(table.frame, column)
    values = sorted(values_of(table.frame[column]).unique()) if column else []
    truth = find_truth_column(table.frame)
    notes = [*table.notes, guess.note]
    rows = table.frame.head(4).to_numpy(str).tolist()
    total = f"{_rows(table.frame)}, {table.frame.shape[1]:,} columns."
    return (
        gr.update(visible=True),
        gr.update(choices=columns, value=column or NO_COLUMN),
        gr.update(choices=values, value=list(guess.anomaly)),
        gr.update(choices=values, value=list(guess.normal)),
        gr.update(choices=columns, value=truth or NO_COLUMN, visible=True),
        views.preview(rows, list(table.frame.columns), notes, total),
    )


@answer
def read_labels(files: list[str], label_column: str) -> tuple[Any, ...]:
    """Guess what the values of another label column mean."""
    from pipelines.spade.labels import guess_mapping, values_of
    from pipelines.spade.table import read_table

    table = read_table(_paths(files)[0])
    column = None if label_column == NO_COLUMN else label_column
    guess = guess_mapping(table.frame, column)
    values = sorted(values_of(table.frame[column]).unique()) if column else []
    return (
        gr.update(choices=values, value=list(guess.anomaly)),
        gr.update(choices=values, value=list(guess.normal)),
        views.preview([], [], [guess.note], f"{_rows(table.frame)}."),
    )


def _rows(frame: Any) -> str:
    return f"{len(frame):,} row{'s' * (len(frame) != 1)}"


def _no_controls() -> tuple[Any, ...]:
    empty = gr.update(choices=[], value=[])
    none = {"choices": [NO_COLUMN], "value": NO_COLUMN}
    return gr.update(visible=False), gr.update(**none), empty, empty, gr.update(**none, visible=False)


def clear_files() -> tuple[Any, ...]:
    """Hide the label controls when the upload goes; the result stays."""
    return None, "", *_no_controls(), ""


def _index_of(event: gr.EventData) -> int:
    return event.index


@answer
def take_example(index: int | None) -> tuple[Any, ...]:
    """Put the example of that index into the controls; the page then presses Run."""
    if index is None:
        raise InputError("This link was made for uploaded files.", "Upload them, or take an example.", "Link")
    example = spade.EXAMPLES[index]
    path = str(asset("spade", example.file))
    return [path], views.story(example), *read_files([path])


@job(outputs=5)
def run(
    files: list[str],
    label_column: str | None = None,
    anomaly: list[str] | None = None,
    normal: list[str] | None = None,
    truth_column: str | None = None,
    mode: str = "robust",
    seed: int = 0,
    encoder: str = "embedded",
) -> Iterator[tuple[Any, ...]]:
    """Find the anomalies of a table, or of pictures.

    label_column: None finds it, "(none)" means no labels; anomaly and normal: its values, None guesses
    them; truth_column: None finds one called truth, "(none)" means none. mode: "robust" or "paper". encoder:
    what sees pictures, "embedded" or "hub". Returns headline, histogram, flagged share, top rows.
    """
    if seed is None:
        raise InputError("The seed is missing.", "Use a whole number, such as 0.", "Seed")
    idle = [gr.skip()] * 5
    paths = _paths(files)
    for report in panels.loaded():
        yield *idle, report
    steps = _pictures(paths, mode, seed, encoder) if _are_pictures(paths) else _table(
        paths[0], label_column, anomaly, normal, truth_column, mode, seed
    )  # fmt: skip
    for report in steps:
        if isinstance(report, Progress):
            yield *idle, report
            continue
        summary = panels.summary_of(report)
        yield (
            views.headline(summary, summary.share),
            plots.densities(summary),
            round(100 * summary.share, 1),
            _top(report),
            report,
            f"{len(summary.y):,} {summary.thing}s ranked, mode {summary.mode}, seed {summary.seed}",
        )


def _table(
    path: str,
    label_column: str | None,
    anomaly: list[str] | None,
    normal: list[str] | None,
    truth_column: str | None,
    mode: Any,
    seed: int,
) -> Iterator[Any]:
    from pipelines.spade.analysis import analyse
    from pipelines.spade.labels import chosen, find_label_column, guess_mapping
    from pipelines.spade.table import read_table

    table = yield from in_background(lambda: read_table(path), Progress(0, 1, "reading the table"))
    column = find_label_column(table.frame) if label_column is None else label_column
    column = None if column == NO_COLUMN else column
    guess = guess_mapping(table.frame, column)
    if anomaly is not None or normal is not None:
        guess = chosen(column, anomaly or (), normal or (), guess)
    truth = "" if truth_column == NO_COLUMN else truth_column
    yield from analyse(table, guess, truth, mode, int(seed))


def _pictures(paths: Sequence[str], mode: Any, seed: int, encoder: str) -> Iterator[Any]:
    from pipelines.spade.picture_analysis import analyse_pictures
    from pipelines.spade.pictures import read_pictures

    for report in read_pictures(paths):
        if isinstance(report, Progress):
            yield report
        else:
            pictures = report
    yield from analyse_pictures(pictures, mode, int(seed), encoder)


def _top(report: Any) -> str:
    summary = panels.summary_of(report)
    if report.thing == "row":
        return views.top_rows(summary)
    return views.top_pictures(summary, report.pictures.images[report.top], report.heat)


def _done(result: Any) -> str:
    summary = panels.summary_of(result)
    return line(f"“{summary.name}”, computed just now in {summary.seconds:.1f} s.", "done")


@answer
def flag(share: float, result: Any = None) -> str:
    """Flag the top `share` percent of the rows: the headline with new counts, precision and recall."""
    if not 0 < share <= 100:
        raise InputError("The share must lie between 0 and 100 percent.", "Move the slider.", "Share")
    return views.headline(panels.summary_of(result), share / 100)
