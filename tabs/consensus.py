"""Consensus: a question and what each person thinks in, statements that all could live with out, ranked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gradio as gr
import numpy as np

from pipelines import consensus
from pipelines.errors import InputError
from pipelines.runtime import Progress
from pipelines.weights import read_card
from tabs import consensus_panels as panels
from tabs.chips import Chips, chip_group
from tabs.consensus_desk import Desk, desk_of, desk_or_first, pairs_of, patiently
from tabs.consensus_verdict import START, Verdict, alpha_at, verdict_value
from tabs.people import People
from tabs.shell import Metric, Paper, RunBar, how_it_works, paper_card, share_row
from tabs.status import answer, job, line

PAPER = Paper(
    name="consensus",
    tab="Consensus",
    title="Fine-tuning language models to find agreement among humans with diverse preferences",
    authors="Michiel A. Bakker, Martin J. Chadwick, Hannah R. Sheahan et al. (2022)",
    arxiv="2211.15006",
    pitch="One question, people who disagree: get statements that all could live with, and see who could "
    "not.",
)
MODELS = [("Embedded, ours: small", "embedded"), ("Qwen2.5-1.5B-Instruct: needs a GPU", "hub")]
MOST_STATEMENTS = 32
SHARED = "The link carries question, opinions, number of statements and seed; no own ratings, no critiques."
NO_RATING = "Give a number from 1 to 7, or none, per person."

TO_RESULT = """() => window.innerWidth <= 640 && document.getElementById("consensus-run")
    .scrollIntoView({ block: "start", behavior: "smooth" })"""
"""On a phone the result lies below the fold: Run brings it into view."""

STEPS = (
    "Everybody's opinion $o_1 … o_n$ on a question $q$ goes into the prompt of a language model that was "
    "fine-tuned on such groups. It samples candidates $c_1 … c_K$. Others are composed at once from the "
    "group's own clauses, and each person's own opinion stands as a candidate too.",
    "A reward model predicts how far each person would agree with each candidate: "
    r"$r_{ik} = r(q, o_i, c_k)$, here on a scale of 1 to 7. It learnt from arguments with known sides, from "
    "statements graded by a rule of ours, and, as in the paper, from pairs of those: "
    r"$L = -\log \sigma(r(q, o_i, c_w) - r(q, o_i, c_l))$.",
    "A social welfare function makes one number of the $n$ predictions: "
    r"$W_\alpha = \left(\frac{1}{n} \sum_i r_{ik}^{1-\alpha}\right)^{1/(1-\alpha)}$. At $\alpha = 0$ it is "
    r"the mean (utilitarian), at $\alpha = 1$ the geometric mean (Bernoulli–Nash), for $\alpha \to \infty$ "
    "the minimum (Rawlsian).",
    r"The candidate with the highest welfare is shown. The slider changes $\alpha$ only: nothing is written "
    "or predicted anew.",
    "After it, as in the later Habermas Machine: people criticise the draft, it is revised, and draft and "
    "revisions are ranked by opinion and critique together.",
)
MEAN_WITH_INTERVAL = "{0[mean]:.2f} ({0[low]:.2f} to {0[high]:.2f})"
WITH_INTERVAL = "{0[rate]:.0%} ({0[low]:.0%} to {0[high]:.0%})"
METRICS = (
    Metric("Reward model: same side or not, unseen topics (ArgKP)", "rm_stance_accuracy_argkp", "{:.1%}"),
    Metric(
        "Over its seven topics (95 % interval)", "stance_argkp.interval", "{0[low]:.0%} to {0[high]:.0%}"
    ),
    Metric("The same on Perspectrum", "rm_stance_accuracy_perspectrum", "{:.1%}"),
    Metric("Its calibration error", "rm_ece", "{:.3f}"),
    Metric("Always the commoner side (ArgKP)", "stance_argkp.majority", "{:.1%}"),
    Metric("The statement without the claim (Perspectrum)", "stance_perspectrum.statement_only", "{:.1%}"),
    Metric("Our judge: same side or not, unseen topics (ArgKP)", "judge_stance_accuracy_argkp", "{:.1%}"),
    Metric("Real votes: who agrees (AUC, 0.5 is chance)", "polis_within_statement_auc", "{:.3f}"),
    Metric("By the cosine of embeddings instead", "polis.baselines_seen.cosine", "{:.3f}"),
    Metric("The same in conversations never seen", "polis_within_statement_auc_new_conversations", "{:.3f}"),
    Metric("Real votes: gain over a random choice for five people", "polis_choice_gain", "{:+.1f} points"),
    Metric("How others voted, alone, gains", "polis.choice_gain_points.approval", "{:+.1f} points"),
    Metric("Without others' votes it gains", "polis_choice_gain_without_others_votes", "{:+.1f} points"),
    Metric("The statement's words alone gain", "polis.choice_gain_points.text", "{:+.1f} points"),
    Metric("Chosen preferred to one sample, by our judge", "ranked_vs_single", WITH_INTERVAL),
    Metric(
        "Chosen preferred to the prompted model, by our judge", "ranked_vs_prompted", WITH_INTERVAL,
        "over 70 %, by people",
    ),
    Metric(
        "Chosen preferred to the best human opinion, by our judge", "ranked_vs_best_human", WITH_INTERVAL,
        "over 65 %, by people",
    ),
    Metric(
        "The same, if the opinion's author does not vote", "ranked_vs_best_human_by_others", WITH_INTERVAL
    ),
    Metric("Whoever is left out agrees less by", "exclusion_delta", MEAN_WITH_INTERVAL),
    Metric("Of what the model writes, passes the checks of form", "valid_candidate_share", "{:.0%}"),
    Metric("Seconds for 16 statements of the model", "candidates_16_seconds", "{:.1f} s"),
    Metric("Seconds for 80 predictions of agreement", "rm_80_pairs_seconds", "{:.1f} s"),
)  # fmt: skip
LIMITS = (
    "Predicted agreement is not consent: a small model guesses it from a few lines of text, and it can be "
    "wrong about any single person.",
    "The targets of the fine-tuning are synthetic: no human consensus statements could be had, so they were "
    "built from arguments with known sides.",
    "No human ratings could be had either: both reward models learnt the scale from a written rule on what a "
    "statement grants a person, so our judge measures how well statements follow that rule.",
    "The paper used a language model of 70 billion parameters, and people rated its statements. Ours has 135 "
    "million, and nobody did.",
    "Much of what so small a model writes is flat, odd or beside the point, though it passes the checks of "
    "form (length, ending, no copy, no repetition, on topic): trust the first of the ranking, not the last.",
    "Predictions close to 4 mean that the reward model can't tell: whoever argues without saying yes or no "
    "lands there, so nobody below 3 doesn't mean that nobody disagrees.",
    "Which side somebody takes is read well on some topics and hardly better than by chance on others, "
    "such as closing Guantanamo.",
    "English only. Numbers, names and negations are easily misread.",
    "A chosen statement is a draft for people to discuss, never a decision.",
)


def build() -> None:
    """Lay out the tab inside the current gr.Tab."""
    paper_card(PAPER)
    start = consensus.EXAMPLES[0]
    desk = gr.State(None, time_to_live=3600)
    alpha = gr.Number(START, visible=False, label="Inequality aversion; 1000 and more: Rawlsian")
    with gr.Row(equal_height=False, elem_classes="np-workbench"):
        with gr.Column(scale=4, min_width=300):
            with gr.Column(elem_classes="np-input"):
                examples = Chips(
                    [
                        chip_group(
                            "One click runs an example", [example.name for example in consensus.EXAMPLES]
                        )
                    ]
                )
                question = gr.Textbox(start.group.question, label="Question", lines=1, max_lines=3)
                people = People(
                    _pairs(start.group),
                    label="Who says what",
                    placeholder="What this person thinks, and why",
                    most=consensus.MOST_PEOPLE,
                )
                bar = RunBar(
                    "Find common ground",
                    line("Composed statements come at once, the language model's in seconds."),
                    elem_id="consensus-run",
                )
            with gr.Row(elem_classes="np-downloads"):
                upload = gr.UploadButton(
                    "Import a group (CSV or JSON)",
                    file_types=[".csv", ".json", ".txt"],
                    size="sm",
                    min_width=170,
                )
                clear = gr.Button("Clear all", size="sm", min_width=90)
            imported = gr.HTML()
            with gr.Accordion("Advanced", open=False):
                count = gr.Slider(
                    0, MOST_STATEMENTS, value=16, step=1, label="Statements that the language model writes"
                )
                seed = gr.Number(0, precision=0, minimum=0, label="Seed")
                model = gr.Radio(MODELS, value="embedded", label="Language model")
        with gr.Column(scale=6, min_width=320):
            verdict = Verdict(verdict_value(consensus.first(), ready=True), elem_classes="np-result")
    shown = panels.build(desk, alpha, verdict)
    measured = read_card(PAPER.name)["metrics"]
    how_it_works(PAPER, STEPS, [metric for metric in METRICS if _known(measured, metric.key)], LIMITS)
    controls = {"question": question, "people": people, "statements": count, "seed": seed}
    names = ("run", "import", "rate", "sentences", "left_out", "exclude", "revise", "map", "votes", "export")
    share_row(PAPER, controls, [f"consensus_{name}" for name in names], SHARED).success(None, js=bar.press)

    quiet: dict[str, Any] = panels.QUIET
    bar.run.click(None, js=TO_RESULT, **quiet)
    running = bar.connect(run, [*controls.values(), model], [verdict, desk], api_name="consensus_run")
    for ended in (running.success, bar.stopped.then):
        fresh = ended(panels.on_group, [desk, alpha, *shown.criticised], shown.group, **quiet)
        _follow(fresh.then, desk, alpha, shown)
    examples.select(take_example, None, [question, people], queue=False, **quiet).success(
        None, js=bar.press, **quiet
    )
    upload.upload(
        import_group,
        upload,
        [question, people, imported],
        api_name="consensus_import",
        show_progress="hidden",
    )
    clear.click(
        lambda: ("", [["", ""], ["", ""]], ""), None, [question, people, imported], queue=False, **quiet
    )
    _follow(verdict.choose(_alpha_at, None, alpha, queue=False, **quiet).then, desk, alpha, shown)
    for event, handler in ((verdict.rate, _rate), (verdict.back, back)):
        _follow(event(handler, [desk], [verdict, desk], **quiet).success, desk, alpha, shown)
    # The same for callers of the API, who have no mouse.
    index, ratings = gr.Number(0, visible=False, label="Index of the statement"), gr.JSON([], visible=False)
    gr.Button(visible=False).click(
        rate, [index, ratings, desk], [verdict, desk], api_name="consensus_rate", show_progress="hidden"
    )


def _follow(event: Any, desk: gr.State, alpha: gr.Number, shown: panels.Panels) -> None:
    """After an event the panels follow: first what needs no model, then what is in view."""
    event(panels.on_choice, [desk, alpha], shown.chosen, **panels.QUIET).then(
        panels.on_view, [desk, alpha, shown.opened], shown.lazy, **panels.QUIET
    )


def _known(measured: Any, key: str) -> bool:
    """Whether the card has a figure under this name; dots reach into nested objects."""
    for part in key.split("."):
        measured = (measured or {}).get(part)
    return measured is not None


def _pairs(group: consensus.Group) -> list[list[str]]:
    return [[opinion.person, opinion.text] for opinion in group.opinions]


def _alpha_at(event: gr.EventData) -> float:
    alpha = alpha_at(event.stop)
    return min(alpha, 1e6)


def take_example(event: gr.EventData) -> tuple[str, list[list[str]]]:
    """Put an example into the form; the page then presses Run."""
    example = next(example for example in consensus.EXAMPLES if example.name == event.value)
    return example.group.question, _pairs(example.group)


@answer
def import_group(file: str) -> tuple[str, list[list[str]], str]:
    """Read a CSV or JSON file; returns its question, [name, opinion] pairs, and what was mended."""
    if not file:
        raise InputError("There is no file.", "Send a CSV or JSON file with opinions.", "File")
    group = consensus.read_group(file)
    notes = " ".join([f"{len(group.opinions)} people read.", *group.notes])
    return group.question, _pairs(group), line(notes, "done")


@job(outputs=2)
def run(
    question: str, people: Any, count: int = 16, seed: int = 0, model: str = "embedded"
) -> Iterator[tuple[Any, ...]]:
    """Find statements that a group could agree on, with everybody's predicted agreement.

    people: [name, opinion] pairs of 2 to 12 people; count: statements that the language model writes, 0 to 32
    (composed ones always come). Returns the ranking for 41 degrees of inequality aversion, and the status.
    """
    group = consensus.group_of(question, pairs_of(people))
    if not 0 <= int(count or 0) <= MOST_STATEMENTS:
        raise InputError("The model writes 0 to 32 statements.", "Move the slider.", "Statements")
    pipeline = yield from patiently(lambda: consensus.load(model), 2)
    desk = None
    for report in pipeline.deliberate(group, int(seed or 0), int(count or 0)):
        table = report.preview if isinstance(report, Progress) else report
        if table is None:
            yield gr.skip(), gr.skip(), report
            continue
        desk = desk_of(table, model)
        status = f"{len(table.statements)} statements ranked, seed {table.seed}"
        yield desk.shown, desk, report if isinstance(report, Progress) else status


def _rate(event: gr.EventData, desk: Desk | None) -> tuple[Any, ...]:
    return rate(event.statement, event.ratings, desk)


@answer
def rate(statement: int, ratings: list[float | None], desk: Desk | None = None) -> tuple[Any, ...]:
    """Put people's own ratings of a statement (index, from 0) in place of the predictions; null keeps one."""
    desk = desk_or_first(desk)
    k, n = int(statement), desk.own.shape[1]
    if not 0 <= k < len(desk.own):
        raise InputError("There is no such statement.", f"Take an index below {len(desk.own)}.", "Statement")
    if not isinstance(ratings, list) or len(ratings) != n:
        raise InputError(f"There are {n} people.", NO_RATING, "Ratings")
    given = [np.nan if rating is None else rating for rating in ratings]
    if not all(
        isinstance(rating, int | float) and (np.isnan(rating) or 1 <= rating <= 7) for rating in given
    ):
        raise InputError("A rating is a number from 1 to 7.", NO_RATING, "Ratings")
    own = desk.own.copy()
    own[k] = given
    desk = replace(desk, own=own)
    return desk.shown, desk


@answer
def back(desk: Desk | None) -> tuple[Any, ...]:
    """The round before, as it was left; the first stays."""
    desk = desk_or_first(desk)
    desk = desk.former or desk
    return desk.shown, desk
