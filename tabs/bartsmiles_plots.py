"""Figures of the molecule tab."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from pipelines.bartsmiles import Task
from tabs import bartsmiles_words as say
from tabs.plots import OFF, ON, figure


def deletion(curve: Any, task: Task) -> go.Figure:
    """The output while atoms are masked one by one: by the map's order, and at random with its spread."""
    steps = curve.masked
    fig = figure(380)
    low, high = curve.random - curve.random_spread, curve.random + curve.random_spread
    fig.add_scatter(
        x=np.concatenate([steps, steps[::-1]]), y=np.concatenate([high, low[::-1]]), fill="toself",
        fillcolor="rgba(150,145,135,.22)", line={"width": 0}, hoverinfo="skip", showlegend=False,
        mode="lines",
    )  # fmt: skip
    fig.add_scatter(
        x=steps, y=curve.random, mode="lines", name="random orders, mean",
        line={"color": OFF, "width": 2.5, "dash": "dot"}, hovertemplate="%{y:.2f}<extra>random</extra>",
    )  # fmt: skip
    fig.add_scatter(
        x=steps, y=curve.ranked, mode="lines+markers", name="the map's order",
        line={"color": ON, "width": 3}, hovertemplate="%{y:.2f}<extra>by the map</extra>",
    )  # fmt: skip
    verdict = (
        "By the map's order the answer moves faster than at random."
        if curve.better
        else "Here the map's order is no better than a random one: don't trust it."
    )
    fig.update_layout(margin_t=70)
    fig.add_annotation(
        text=verdict, xref="paper", yref="paper", x=0, y=1.2, xanchor="left", showarrow=False, font_size=15
    )
    fig.update_xaxes(title_text="atoms masked")
    fig.update_yaxes(title_text=f"{task.title}, {say.unit(task)}")
    return fig
