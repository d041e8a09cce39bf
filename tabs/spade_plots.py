"""Figures of the anomaly finder."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from pipelines.spade import Summary
from tabs.plots import OFF, ON, SECOND, THIRD, figure

BINS = 60
TICKS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1)
PSEUDO = ((0, "pseudo-normal", ON), (-1, "no pseudo-label", OFF), (1, "pseudo-anomaly", SECOND))


def densities(summary: Summary) -> go.Figure:
    """Histogram of the densities' mean score over unlabelled rows, both thresholds, and the labelled rows."""
    fig = figure(300, barmode="stack", bargap=0.04)
    if summary.high is None:
        return fig
    top = np.quantile(summary.density, 0.999)
    density = np.minimum(summary.density, top)
    edges = np.linspace(density.min(), density.max() + 1e-9, BINS + 1)
    pseudo = summary.pseudo[summary.votes[0] >= 0][: len(density)]
    for value, name, colour in PSEUDO:
        counts = np.histogram(density[pseudo == value], edges)[0]
        fig.add_bar(
            x=(edges[1:] + edges[:-1]) / 2, y=counts, name=name, marker_color=colour,
            width=edges[1] - edges[0], hovertemplate="%{y} " + summary.thing + "s<extra>" + name + "</extra>",
        )  # fmt: skip
    tallest = np.histogram(density, edges)[0].max()
    labelled = summary.y[summary.y != -1]
    for value, name, symbol, colour, height in (
        (0, "labelled normal", "line-ns", ON, 1.06),
        (1, "labelled anomaly", "diamond", SECOND, 1.14),
    ):
        x = summary.density_labelled[labelled == value]
        if len(x):
            fig.add_scatter(
                x=np.minimum(x, top), y=np.full(len(x), height * tallest), mode="markers", name=name,
                marker={"symbol": symbol, "size": 8, "color": colour, "line": {"width": 1, "color": colour}},
                hovertemplate=name + "<extra></extra>",
            )  # fmt: skip
    crossed = abs(summary.high.eta - summary.low.eta) < 0.02 * (edges[-1] - edges[0])
    lines = (
        [(summary.high.eta, "η<sub>n</sub> = η<sub>p</sub>", "left")]
        if crossed
        else [(summary.low.eta, "η<sub>n</sub>", "right"), (summary.high.eta, "η<sub>p</sub>", "left")]
    )
    for eta, text, anchor in lines:
        if np.isfinite(eta):
            fig.add_vline(x=eta, line={"dash": "dot", "width": 2, "color": "#736e64"})
            fig.add_annotation(
                x=eta,
                y=0.85 * tallest,
                text=text,
                showarrow=False,
                xanchor=anchor,
                font_size=16,
                xshift=6 if anchor == "left" else -6,
            )
    fig.update_xaxes(title="density score o (rarer to the right)")
    fig.update_yaxes(title=f"{summary.thing}s")
    return fig


def matched(summary: Summary) -> bool:
    """Whether either threshold comes from partial matching."""
    return any(side is not None and len(side.shares) > 0 for side in (summary.high, summary.low))


def matching(summary: Summary) -> go.Figure:
    """W(eta) for both thresholds over the share of rows beyond the candidate (Equations 3 and 4)."""
    fig = figure(280)
    for side, name, colour in (
        (summary.high, "anomalies: top share (Eq. 3)", SECOND),
        (summary.low, "normals: bottom share (Eq. 4)", ON),
    ):
        if side is None or not len(side.shares):
            continue
        fig.add_scatter(
            x=side.shares, y=side.distances, name=name, mode="lines", line={"color": colour, "width": 2.5},
            hovertemplate="%{x:.1%} of the rows: W = %{y:.2f}<extra></extra>",
        )  # fmt: skip
        best = int(np.argmin(side.distances))
        fig.add_scatter(
            x=[side.shares[best]], y=[side.distances[best]], mode="markers", showlegend=False,
            marker={"size": 11, "color": colour}, hoverinfo="skip",
        )  # fmt: skip
    fig.update_xaxes(
        title="unlabelled share beyond the threshold", type="log", tickvals=TICKS, tickformat="~%"
    )
    fig.update_yaxes(title="Wasserstein distance W(η)", rangemode="tozero")
    return fig


COLOURINGS = ("score", "label", "pseudo-label")


def scatter(
    summary: Summary, colouring: str, points: np.ndarray | None = None, axes: str = "principal component"
) -> go.Figure:
    """The rows on a plane, float [m, 2] (the summary's principal components if None)."""
    points = summary.map if points is None else points
    fig = figure(460, hovermode="closest")
    rows = summary.map_rows
    score = summary.percentile[rows]
    names = [summary.rows[row] if summary.rows else f"row {row + 1}" for row in rows]
    text = [f"{name}: {value:.1f}" for name, value in zip(names, score, strict=True)]
    common = {"mode": "markers", "hovertemplate": "%{text}<extra></extra>"}
    if colouring == "score":
        order = np.argsort(score, kind="stable")
        scale = [[0, "#d0cabd"], [0.85, "#d0cabd"], [0.95, "#e0a184"], [1, "#a3481f"]]
        fig.add_scatter(
            x=points[order, 0], y=points[order, 1], text=[text[i] for i in order],
            marker={"color": score[order], "colorscale": scale, "size": 6, "cmin": 0, "cmax": 100,
                    "colorbar": {"title": {"text": "percentile", "side": "right"}, "thickness": 10,
                                 "outlinewidth": 0}}, **common,
        )  # fmt: skip
    else:
        values = summary.y[rows] if colouring == "label" else summary.pseudo[rows]
        kinds = ((-1, "none", OFF, 5), (0, "normal", ON, 6), (1, "anomaly", SECOND, 8))
        for value, name, colour, size in kinds:
            part = np.flatnonzero(values == value)
            fig.add_scatter(
                x=points[part, 0], y=points[part, 1], text=[text[i] for i in part], name=name,
                marker={"color": colour, "size": size}, **common,
            )  # fmt: skip
    fig.update_xaxes(title=f"{axes} 1", zeroline=False)
    fig.update_yaxes(title=f"{axes} 2", zeroline=False)
    return fig


def curves(summary: Summary, kind: str) -> go.Figure:
    """ROC ("roc") or precision over recall ("precision_recall") of every detector in the comparison."""
    fig = figure(340)
    for row, colour in zip(summary.curves, (ON, SECOND, THIRD, OFF), strict=False):
        x, y = getattr(row, kind)
        width = 3 if colour == ON else 1.8
        fig.add_scatter(x=x, y=y, name=row.name, mode="lines", line={"color": colour, "width": width})
    names = ("false positive rate", "true positive rate") if kind == "roc" else ("recall", "precision")
    fig.update_xaxes(title=names[0], range=[0, 1.01])
    fig.update_yaxes(title=names[1], range=[0, 1.03])
    foot = kind == "roc"
    fig.update_layout(
        legend={"orientation": "v", "x": 0.98, "xanchor": "right", "bgcolor": "rgba(128,128,128,0.08)"}
        | ({"y": 0.02, "yanchor": "bottom"} if foot else {"y": 0.98, "yanchor": "top"})
    )
    return fig
