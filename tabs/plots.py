"""The house style of plotly figures: transparent and quiet; page.css gives the text its colour."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

ON = "#2a9a80"
OFF = "#b9b2a3"
SECOND = "#c0603a"
THIRD = "#5d78b8"
GRID = "rgba(128,128,128,0.2)"


def figure(height: int = 360, **layout: Any) -> go.Figure:
    """An empty figure in the house style, to add traces to; `layout` goes to plotly's update_layout."""
    fig = go.Figure()
    fig.update_layout(
        height=height,
        margin={"l": 12, "r": 12, "t": 36, "b": 12},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "Source Sans 3, system-ui, sans-serif", "size": 14, "color": "#575349"},
        colorway=[ON, SECOND, THIRD, OFF],
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        hoverlabel={"font_family": "Source Sans 3, system-ui, sans-serif"},
        dragmode=False,
        **layout,
    )
    fig.update_xaxes(gridcolor=GRID, zerolinecolor=GRID, automargin=True)
    fig.update_yaxes(gridcolor=GRID, zerolinecolor=GRID, automargin=True)
    return fig
