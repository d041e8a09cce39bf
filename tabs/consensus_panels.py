"""The panels under the verdict: all ratings, sentences, leaving one out, critiques, map, rules, files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr
import plotly.graph_objects as go

from pipelines import consensus
from pipelines.consensus import Table
from tabs import consensus_plots as plots
from tabs import consensus_views as views
from tabs.consensus_desk import Desk, aversion_of, desk_or_first, winner_of
from tabs.consensus_rounds import exclude, revise
from tabs.consensus_verdict import START, Verdict
from tabs.people import People
from tabs.shell import RunBar, downloads, new_file
from tabs.status import answer, line

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
TRADE_OFF = (
    "Each dot is a statement: further right, people agree more on average; higher up, the least satisfied "
    "agrees more. The slider walks along the dotted line."
)
LEFT_OUT = (
    "What if one of them is not asked? Each is left out in turn and the statements are ranked for the others "
    "only. The dots show how far the one agrees with the choice, heard and left out."
)
POLIS = (
    "Have you real votes? Upload <code>participants-votes.csv</code> of a Polis conversation, and "
    "<code>comments.csv</code> for the texts: groups and group-informed consensus as Polis counts them."
)
READY = "Try it with critiques that we wrote"
NAMES = ("ratings", "sentences", "exclude", "critique", "map", "rules", "export")


@dataclass(frozen=True)
class Panels:
    """The components that follow a result."""

    opened: gr.State
    """Name of the panel in view; those that need a model are filled when they are."""
    chosen: list[Any]
    """Filled by `on_choice`."""
    group: list[Any]
    """Filled by `on_group`."""
    criticised: list[Any]
    """The draft and what people say of it."""
    lazy: list[Any]
    """Filled by `on_view`."""


def build(desk: gr.State, alpha: gr.Number, verdict: Verdict) -> Panels:
    """Lay the panels out, within their own gr.Tabs, and wire them."""
    first = consensus.first()
    opened = gr.State(NAMES[0])
    inputs = [desk, alpha]
    lead = "<p class='np-lead'>{}</p>".format
    with gr.Tabs():
        with gr.Tab("All ratings", elem_id="tab-consensus-ratings") as ratings:
            gr.HTML(lead("Everybody's agreement with every statement, from 1 to 7; the chosen one on top."))
            heat = _plot(plots.heat(first, START))
            gr.HTML(lead(TRADE_OFF))
            trade = _plot(plots.trade_off(first, START))
        with gr.Tab("Sentence by sentence", elem_id="tab-consensus-sentences") as by_sentence:
            sentences = gr.HTML(line("Dropping each sentence in turn …", "busy"))
        with gr.Tab("Leave one out", elem_id="tab-consensus-exclude") as leave_out:
            gr.HTML(lead(LEFT_OUT))
            overview = _plot()
            person = gr.Radio(first.group.people, value=first.group.people[0], label="Leave out")
            exclude_bar = RunBar(
                "Write anew without them", line("Writes new statements for the others only.")
            )
            excluded = gr.HTML()
        with gr.Tab("Critique round", elem_id="tab-consensus-critique") as critique:
            draft = gr.HTML(draft_of(first, START))
            ready = gr.Button(READY, size="sm")
            critiques = People(
                blank_critiques(first), label="What should change? Whoever is content says nothing.",
                placeholder="It leaves out …", fixed=True, elem_id="consensus-critiques",
            )  # fmt: skip
            revise_bar = RunBar(
                "Revise it",
                line("Draft and revisions make the next round, above too."),
                elem_id="consensus-revise",
            )
            revision = gr.HTML()
        with gr.Tab("Opinion map", elem_id="tab-consensus-map") as opinion_map:
            scatter = _plot()
            groups = gr.HTML()
            gr.HTML(lead(POLIS))
            votes = gr.UploadButton(
                "Map a Polis conversation", file_count="multiple", file_types=[".csv"], size="sm"
            )
            vote_scatter = _plot()
            vote_groups = gr.HTML()
        with gr.Tab("Other rules", elem_id="tab-consensus-rules") as other_rules:
            rules = gr.HTML(views.rules(first))
        with gr.Tab("Take it home", elem_id="tab-consensus-export") as take_home:
            gr.Markdown(
                "JSON: question, opinions, every statement with its source and everybody's agreement, seed; "
                "the import above reads it back. Markdown: the same to read."
            )
            files = downloads(["Result (JSON)", "Report (Markdown)"])
            files_status = gr.HTML()

    viewed: tuple[tuple[gr.Tab, Any, list[Any], str | None], ...] = (
        (ratings, None, [], None),
        (by_sentence, show_sentences, [sentences], "consensus_sentences"),
        (leave_out, show_left_out, [overview], "consensus_left_out"),
        (critique, None, [], None),
        (opinion_map, show_map, [scatter, groups], "consensus_map"),
        (other_rules, None, [], None),
        (take_home, export, [*files, files_status], "consensus_export"),
    )
    for (tab, handler, outputs, api_name), name in zip(viewed, NAMES, strict=True):
        tab.select(lambda name=name: name, None, opened, queue=False, **QUIET)
        if handler:
            tab.select(handler, inputs, outputs, api_name=api_name, show_progress="minimal")
    votes.upload(
        show_votes, votes, [vote_scatter, vote_groups], api_name="consensus_votes", show_progress="hidden"
    )
    exclude_bar.connect(exclude, [person, *inputs], [excluded], api_name="consensus_exclude")
    panels = Panels(
        opened,
        [heat, trade, rules, draft],
        [person, excluded, critiques, revision, ready],
        [draft, critiques],
        [sentences, overview, scatter, groups, *files, files_status],
    )
    revised = revise_bar.connect(
        revise, [critiques, *inputs], [revision, verdict, desk], api_name="consensus_revise"
    )
    revised.success(on_choice, inputs, panels.chosen, **QUIET)
    revised.success(lambda: gr.Button(visible=False), None, ready, queue=False, **QUIET)
    ready.click(ready_critiques, desk, critiques, queue=False, **QUIET).success(
        None, js=revise_bar.press, **QUIET
    )
    return panels


def _plot(figure: go.Figure | None = None) -> gr.Plot:
    return gr.Plot(figure, show_label=False, container=False)


def draft_of(table: Table, alpha: float) -> str:
    """The chosen statement as the draft of a critique round."""
    return views.said(table, winner_of(table, alpha), "The draft:")


def blank_critiques(table: Table) -> list[list[str]]:
    """A blank critique for everybody."""
    return [[person, ""] for person in table.group.people]


def example_of(table: Table) -> consensus.Example | None:
    """The example whose group this is."""
    opinions = table.group.opinions
    return next((e for e in consensus.EXAMPLES if e.group.opinions == opinions), None)


def ready_critiques(desk: Desk | None) -> list[list[str]]:
    """What people of an example miss in a statement."""
    table = desk_or_first(desk).table
    example = example_of(table)
    said = example.critiques if example else {}
    return [[person, said.get(person, "")] for person in table.group.people]


@answer
def on_choice(desk: Desk | None, alpha: float) -> tuple[Any, ...]:
    """What follows the slider and own ratings, and needs no model."""
    table, aversion = desk_or_first(desk).table, aversion_of(alpha)
    return (
        plots.heat(table, aversion),
        plots.trade_off(table, aversion),
        views.rules(table),
        draft_of(table, alpha),
    )


@answer
def on_group(desk: Desk | None, alpha: float, draft: str, critiques: Any) -> tuple[Any, ...]:
    """What starts afresh with a new group or draft; where both are the old ones nothing is lost."""
    table = desk_or_first(desk).table
    people, ready = table.group.people, gr.Button(visible=example_of(table) is not None)
    if draft == draft_of(table, alpha) and [name for name, _ in critiques] == people:
        return *[gr.skip()] * 4, ready
    return gr.Radio(choices=people, value=people[0]), "", blank_critiques(table), "", ready


@answer
def on_view(desk: Desk | None, alpha: float, opened: str) -> tuple[Any, ...]:
    """What the panel in view shows, if it needs a model or files."""
    keep = gr.skip()
    values: list[Any] = [keep] * 7
    if opened == "sentences":
        values[0] = show_sentences(desk, alpha)
    elif opened == "exclude":
        values[1] = show_left_out(desk, alpha)
    elif opened == "map":
        values[2:4] = show_map(desk, alpha)
    elif opened == "export":
        values[4:7] = export(desk, alpha)
    return tuple(values)


@answer
def show_sentences(desk: Desk | None = None, alpha: float = START) -> str:
    """Which sentence of the chosen statement serves whom: its effect on everybody's predicted agreement."""
    desk = desk_or_first(desk)
    table = desk.table
    statement = table.statements[winner_of(table, alpha)].text
    parts = consensus.load(desk.model).serves(table.group, statement)
    return views.sentences(parts, table.group.people)


@answer
def show_left_out(desk: Desk | None = None, alpha: float = START) -> go.Figure:
    """Leave each person out in turn and rank the same statements for the others: what that costs the one."""
    table, aversion = desk_or_first(desk).table, aversion_of(alpha)
    people = range(len(table.group.people))
    return plots.left_out([consensus.left_out(table, index, aversion) for index in people])


@answer
def show_map(desk: Desk | None = None, alpha: float = START) -> tuple[go.Figure, str]:
    """The people on a plane, near those who agree with the same, and what all their groups could share."""
    table = desk_or_first(desk).table
    opinions = consensus.opinion_map(table)
    scores = consensus.group_informed(consensus.votes_of(table.ratings), opinions.groups)
    return plots.opinion_map(table, opinions), views.groups(table, opinions, scores)


@answer
def show_votes(files: list[str]) -> tuple[go.Figure, str]:
    """Map the people of a Polis export by their votes, with the statements that every group agrees with."""
    from pipelines.consensus.polis import read_votes

    conversation = read_votes(files)
    opinions = consensus.vote_map(conversation.votes)
    scores = consensus.group_informed(conversation.votes.T, opinions.groups)
    return (
        plots.vote_map(opinions),
        views.vote_groups(conversation.texts, conversation.votes, opinions, scores),
    )


@answer
def export(desk: Desk | None = None, alpha: float = START) -> tuple[Any, Any, str]:
    """The result as JSON and as Markdown."""
    table, aversion = desk_or_first(desk).table, aversion_of(alpha)
    path = new_file("consensus.json")
    texts = {
        path: consensus.as_json(table, aversion),
        path.with_suffix(".md"): consensus.as_markdown(table, aversion),
    }
    for file, text in texts.items():
        file.write_text(text, encoding="utf-8")
    buttons = [gr.DownloadButton(value=str(file), interactive=True) for file in texts]
    return *buttons, line(
        f"Files ready: {len(table.statements)} statements, {plots.aversion(aversion)}", "done"
    )
