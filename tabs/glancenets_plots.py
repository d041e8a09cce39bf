"""The latent map: where training codes, prototypes and the picture at hand lie."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from pipelines.glancenets import WORLDS, LatentMap, Reading
from tabs.plots import ON, SECOND, THIRD, figure

COLOURS = (ON, THIRD, "#b9892b", "#9067a8")


def latent_map(known: LatentMap, original: Reading, changed: Reading) -> go.Figure:
    """Codes by class, prototypes with their balls, the picture's code, and the visitor's if concepts were
    moved."""
    classes = WORLDS[original.world].classes
    fig = figure(480, hovermode="closest", legend_itemsizing="constant")
    for c, (name, colour) in enumerate(zip(classes, COLOURS, strict=False)):
        part = known.points[known.labels == c]
        fig.add_scatter(
            x=part[:, 0], y=part[:, 1], mode="markers", name=name, hoverinfo="name",
            marker={"color": colour, "size": 5, "opacity": 0.5},
        )  # fmt: skip
        x, y = known.prototypes[c]
        radius = known.radii[c]
        fig.add_shape(
            type="circle", x0=x - radius, x1=x + radius, y0=y - radius, y1=y + radius,
            line={"color": colour, "width": 1.5, "dash": "solid" if known.exact else "dot"},
        )  # fmt: skip
        fig.add_scatter(
            x=[x], y=[y], mode="markers", showlegend=False,
            marker={"color": colour, "size": 13, "symbol": "diamond", "line": {"color": "white", "width": 2}},
            hovertemplate=f"prototype of {name}<extra></extra>",
        )  # fmt: skip
    here = known.project(original.mu)
    if changed.corrected:
        there = known.project(changed.mu)
        _line(fig, here, there)
        _point(fig, there, "with your changes", "x")
    _point(fig, here, "this picture", "circle")
    fig.update_xaxes(title=known.axes[0], zeroline=False)
    fig.update_yaxes(title=known.axes[1], zeroline=False, scaleanchor="x")
    return fig


def _point(fig: go.Figure, at: np.ndarray, name: str, symbol: str) -> None:
    fig.add_scatter(
        x=[at[0]], y=[at[1]], mode="markers", name=name,
        marker={"color": SECOND, "size": 15, "symbol": symbol, "line": {"color": "white", "width": 2}},
        hovertemplate=f"{name}<extra></extra>",
    )  # fmt: skip


def _line(fig: go.Figure, start: np.ndarray, end: np.ndarray) -> None:
    fig.add_scatter(
        x=[start[0], end[0]], y=[start[1], end[1]], mode="lines", showlegend=False, hoverinfo="skip",
        line={"color": SECOND, "width": 1.5, "dash": "dot"},
    )  # fmt: skip
