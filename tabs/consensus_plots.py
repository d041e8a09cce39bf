"""Figures of the consensus tab. Texts of visitors are escaped: plotly reads them as markup."""

from __future__ import annotations

import html
import math
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from pipelines import consensus
from pipelines.consensus import DISSENT, Exclusion, OpinionMap, Table
from tabs.consensus_verdict import STOPS, alpha_at
from tabs.plots import OFF, ON, SECOND, THIRD, figure

SCALE = [[0, "#d98a68"], [1 / 3, "#efc9b4"], [0.5, "#f1ece1"], [0.75, "#aedbcc"], [1, "#52b89f"]]
"""Terracotta for disagreement over paper for neither to green for agreement."""

SHORT = {"composed": "composed", "model": "model", "prompted": "prompted", "revised": "revised"}
COLOURS = {"composed": ON, "model": THIRD, "person": OFF, "prompted": "#d8b04a", "revised": SECOND}
GROUPS = (ON, SECOND, THIRD, "#d8b04a", OFF)


def _wrapped(text: str, width: int = 60, most: int = 600) -> str:
    """A text for hovering: escaped, in lines."""
    lines = textwrap.wrap(textwrap.shorten(text, most, placeholder=" …"), width)
    return "<br>".join(html.escape(line) for line in lines)


def _name(text: str, most: int = 14) -> str:
    return html.escape(text if len(text) <= most else text[: most - 1] + "…")


def _short(table: Table, k: int) -> str:
    statement = table.statements[k]
    return SHORT.get(statement.source) or _name(statement.author)


def heat(table: Table, alpha: float) -> go.Figure:
    """Predicted agreement of everybody with every statement, the best statement on top."""
    order = consensus.ranking(table, alpha)
    ratings = table.ratings[order]
    rows = [f"{rank} · {_short(table, k)}" for rank, k in enumerate(order, 1)]
    people = [_name(person) for person in table.group.people]
    texts = [[_wrapped(table.statements[k].text)] * len(people) for k in order]
    fig = figure(90 + 25 * len(rows))
    fig.add_heatmap(
        z=ratings, x=list(range(len(people))), y=list(range(len(rows))), customdata=texts,
        zmin=1, zmax=7, colorscale=SCALE, xgap=2, ygap=2, texttemplate="%{z:.1f}",
        textfont={"size": 12, "color": "#262522"},
        hovertemplate="<b>%{z:.1f}</b> of 7<br>%{customdata}<extra></extra>", showscale=False,
    )  # fmt: skip
    fig.update_xaxes(
        tickvals=list(range(len(people))), ticktext=people, side="top", showgrid=False,
        tickangle=-40 if len(people) > 5 else 0,
    )  # fmt: skip
    fig.update_yaxes(
        tickvals=list(range(len(rows))), ticktext=rows, autorange="reversed", showgrid=False, zeroline=False
    )
    return fig


def trade_off(table: Table, alpha: float) -> go.Figure:
    """Every statement by its mean agreement and that of its least satisfied; the slider's way through."""
    mean, least = table.ratings.mean(axis=1), table.ratings.min(axis=1)
    fig = figure(380, hovermode="closest")
    way = list(dict.fromkeys(int(consensus.ranking(table, alpha_at(stop))[0]) for stop in range(STOPS + 1)))
    fig.add_scatter(
        x=mean[way], y=least[way], mode="lines", line={"color": ON, "width": 2, "dash": "dot"},
        name="chosen as the slider moves", hoverinfo="skip",
    )  # fmt: skip
    for source, colour in COLOURS.items():
        part = [k for k, statement in enumerate(table.statements) if statement.source == source]
        if part:
            fig.add_scatter(
                x=mean[part], y=least[part], mode="markers", marker={"color": colour, "size": 10},
                name="people's own words" if source == "person" else source,
                text=[_wrapped(table.statements[k].text) for k in part],
                hovertemplate="%{text}<br>mean %{x:.1f}, least %{y:.1f}<extra></extra>",
            )  # fmt: skip
    winner = int(consensus.ranking(table, alpha)[0])
    fig.add_scatter(
        x=[mean[winner]], y=[least[winner]], mode="markers", hoverinfo="skip", name="chosen now",
        marker={"size": 19, "color": "rgba(0,0,0,0)", "line": {"width": 2.5, "color": SECOND}},
    )  # fmt: skip
    fig.add_hline(y=DISSENT, line={"dash": "dot", "width": 1, "color": SECOND})
    fig.update_xaxes(title="mean agreement")
    fig.update_yaxes(title="agreement of the least satisfied")
    return fig


def left_out(exclusions: Sequence[Exclusion]) -> go.Figure:
    """Per person: agreement with the statement chosen with them, and with the one chosen without them."""
    people = [_name(exclusion.person, 18) for exclusion in exclusions]
    rows = list(range(len(people)))
    before = [exclusion.excluded_before for exclusion in exclusions]
    after = [exclusion.excluded_after for exclusion in exclusions]
    fig = figure(110 + 34 * len(rows))
    for row, start, end in zip(rows, before, after, strict=True):
        fig.add_scatter(
            x=[start, end], y=[row, row], mode="lines", line={"color": OFF, "width": 4},
            showlegend=False, hoverinfo="skip",
        )  # fmt: skip
    for values, name, colour in ((before, "heard", ON), (after, "left out", SECOND)):
        fig.add_scatter(
            x=values, y=rows, mode="markers", name=name, marker={"size": 13, "color": colour},
            hovertemplate="%{x:.1f} of 7<extra>" + name + "</extra>",
        )  # fmt: skip
    fig.update_xaxes(range=[0.8, 7.2], title="their predicted agreement")
    fig.update_yaxes(tickvals=rows, ticktext=people, autorange="reversed", showgrid=False, zeroline=False)
    return fig


def opinion_map(table: Table, opinions: OpinionMap) -> go.Figure:
    """The people on the first two principal components of their agreement, coloured by group."""
    fig = figure(400, hovermode="closest")
    for group in range(opinions.k):
        part = np.flatnonzero(opinions.groups == group)
        fig.add_scatter(
            x=opinions.points[part, 0], y=opinions.points[part, 1], mode="markers+text",
            name=f"group {group + 1}", text=[_name(table.group.people[i]) for i in part],
            textposition="top center", marker={"size": 15, "color": GROUPS[group % len(GROUPS)]},
            customdata=[_wrapped(table.group.opinions[i].text) for i in part],
            hovertemplate="%{customdata}<extra></extra>",
        )  # fmt: skip
    _room(fig, opinions.points)
    return fig


def vote_map(opinions: OpinionMap) -> go.Figure:
    """People of a vote matrix on their first two principal components, coloured by group."""
    fig = figure(420, hovermode=False)
    for group in range(opinions.k):
        part = np.flatnonzero(opinions.groups == group)
        fig.add_scatter(
            x=opinions.points[part, 0], y=opinions.points[part, 1], mode="markers",
            name=f"group {group + 1}: {len(part):,} people",
            marker={"size": 7, "opacity": 0.75, "color": GROUPS[group % len(GROUPS)]},
        )  # fmt: skip
    _room(fig, opinions.points)
    return fig


def _room(fig: go.Figure, points: np.ndarray) -> None:
    """Axes without figures (components have no unit), with room for the names."""
    bare: dict[str, Any] = {"showticklabels": False, "zeroline": False}
    for axis, update in ((0, fig.update_xaxes), (1, fig.update_yaxes)):
        low, high = float(points[:, axis].min()), float(points[:, axis].max())
        room = 0.25 * (high - low) or 1.0
        update(range=[low - room, high + room], title=f"principal component {axis + 1}", **bare)


def aversion(alpha: float) -> str:
    """Inequality aversion in words."""
    if math.isinf(alpha):
        return "Rawlsian, α = ∞"
    return {0.0: "utilitarian, α = 0", 1.0: "Bernoulli–Nash, α = 1"}.get(alpha, f"α = {alpha:.2f}")
