"""What the anomaly finder says in HTML: example cards, headline, top rows, facts. No result is made here."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from pipelines.spade import EXAMPLES, Example, Reason, Summary
from tabs.drawing import png_url

SHOWN = 6
"""Top rows in view; the rest opens on request."""

HOT = (226, 84, 32)

ICONS = (
    """<svg viewBox="0 0 44 32" aria-hidden="true"><g fill="#b9b2a3">
      <rect x="2" y="3" width="40" height="5" rx="1.5"/><rect x="2" y="17" width="40" height="5" rx="1.5"/>
      <rect x="2" y="24" width="40" height="5" rx="1.5"/></g>
      <rect x="2" y="10" width="40" height="5" rx="1.5" fill="#c0603a"/></svg>""",
    """<svg viewBox="0 0 44 32" aria-hidden="true"><g fill="#b9b2a3"><circle cx="8" cy="9" r="3.4"/>
      <circle cx="18" cy="20" r="3.4"/><circle cx="26" cy="8" r="3.4"/><circle cx="36" cy="24" r="3.4"/></g>
      <circle cx="38" cy="9" r="4" fill="#c0603a"/>
      <circle cx="8" cy="25" r="3.4" fill="none" stroke="#c0603a" stroke-width="1.8"/></svg>""",
    """<svg viewBox="0 0 44 32" aria-hidden="true">
      <rect x="6" y="1" width="32" height="30" rx="2" fill="#b9b2a3"/>
      <path d="M12 24C18 20 22 12 32 9" fill="none" stroke="#c0603a" stroke-width="2.6"/></svg>""",
)


class ExampleCards(gr.HTML):
    """The ready examples as cards; fires `select` with the index of the one that was clicked."""

    TEMPLATE = """<div class="np-spade-examples"><span>${label}</span>${value.map((item, index) =>
      `<button type="button" data-index="${index}" title="${item[2]}">${item[0]}<b>${item[1]}</b></button>`
    ).join("")}</div>"""
    SCRIPT = """element.addEventListener("click", (event) => {
      const button = event.target.closest("[data-index]");
      if (button) trigger("select", { index: Number(button.dataset.index) });
    });"""

    def __init__(self, examples: Sequence[Example] = EXAMPLES, **kwargs: Any) -> None:
        value = [
            [icon, example.name, html.escape(example.story)]
            for icon, example in zip(ICONS, examples, strict=True)
        ]
        super().__init__(value, html_template=self.TEMPLATE, js_on_load=self.SCRIPT, **kwargs)


def story(example: Example) -> str:
    """How an example was made."""
    return f'<p class="np-spade-story"><b>{example.name}.</b> {html.escape(example.story)}</p>'


def headline(summary: Summary, share: float) -> str:
    """How many rows are flagged at this share, what is known about them, and whether pseudo-labels helped."""
    n = len(summary.y)
    count = max(1, round(share * n))
    flagged = summary.order[:count]
    things = summary.thing + "s"
    why = f"<small>, {summary.share_why}</small>" if abs(share - summary.share) < 1e-3 else ""
    labelled = int((summary.y[flagged] == 1).sum())
    fresh = count - labelled - int((summary.y[flagged] == 0).sum())
    parts = []
    known = int((summary.y == 1).sum())
    if known:
        parts.append(
            f"{labelled} of the {known} labelled anomalies are among them, and {fresh:,} unlabelled {things}."
        )
    if len(summary.truth) and (summary.truth == 1).any():
        hits, total = int((summary.truth[flagged] == 1).sum()), int((summary.truth == 1).sum())
        judged = int((summary.truth[flagged] >= 0).sum())
        parts.append(
            f"By the truth column: <b>{hits} of {total}</b> unlabelled anomalies found "
            f"(recall {hits / total:.0%}, precision {hits / max(1, judged):.0%})"
        )
        if summary.missed.any():
            new, of = int(summary.missed[flagged].sum()), int(summary.missed.sum())
            parts[-1] += f", <b>{new} of {of}</b> of kinds that nobody labelled"
        parts[-1] += "."
    return (
        f'<div class="np-spade-head"><p class="np-spade-count"><b>{count:,}</b> of {n:,} {things} '
        f"flagged{why}</p>"
        f"<p>{' '.join(parts)}</p><p class='np-spade-verdict'>{html.escape(summary.verdict)}</p></div>"
    )


def top_rows(summary: Summary) -> str:
    """The oddest unlabelled rows with their reasons."""
    items = [_row(summary, i) for i in range(len(summary.top))]
    if not items:
        return ""
    more = ""
    if len(items) > SHOWN:
        more = (
            f"<details><summary>Show {len(items) - SHOWN} more</summary>"
            f"<ol class='np-spade-rows' start='{SHOWN + 1}'>{''.join(items[SHOWN:])}</ol></details>"
        )
    some = "unlabelled " if 0 < (summary.y == -1).sum() < len(summary.y) else ""
    return (
        f"<section class='np-spade-top'><h3>The oddest {some}{summary.thing}s, and why</h3>"
        f"<ol class='np-spade-rows'>{''.join(items[:SHOWN])}</ol>{more}</section>"
    )


def _row(summary: Summary, i: int) -> str:
    row = int(summary.top[i])
    name = summary.rows[row] if summary.rows else f"Row {row + 1:,}"
    score = min(99.9, summary.percentile[row])
    tags = [f"<span class='np-spade-score'>odder than {score:.1f} %</span>"]
    if summary.top_truth:
        truth = summary.top_truth[i]
        new = bool(summary.missed[row])
        kind = "hit" if summary.truth[row] == 1 else "miss"
        tags.append(f"<span class='{kind}'>truth: {html.escape(truth)}{', a new kind' * new}</span>")
    found = _found_by(str(summary.found_by[row]), summary.labels in ("both", "positive"))
    if found:
        tags.append(f"<span>{found}</span>")
    votes = summary.votes[0, row]
    if votes >= 0:
        tags.append(f"<span>{votes} of 5 densities: anomaly</span>")
    why = "".join(_reason(reason) for reason in summary.reasons[i]) if summary.reasons else ""
    return f"<li><p><b>{html.escape(name)}</b> {' '.join(tags)}</p><ul>{why}</ul></li>"


def top_pictures(summary: Summary, images: Sequence[np.ndarray], heat: Sequence[np.ndarray]) -> str:
    """The oddest pictures, uint8 [128, 128, 3], each beside its heat-map, float [128, 128] in [0, 1]."""
    tiles = []
    for i, row in enumerate(summary.top):
        plain = png_url(Image.fromarray(images[i]))
        hot = png_url(Image.fromarray(overlay(images[i], heat[i])))
        truth = ""
        if summary.top_truth:
            new = ", a kind nobody labelled" if summary.missed[row] else ""
            truth = f"<br>truth: {html.escape(summary.top_truth[i])}{new}"
        name = html.escape(summary.rows[row])
        score = min(99.9, summary.percentile[row])
        tiles.append(
            f"<figure><div><img src='{plain}' alt='{name}'><img src='{hot}' alt='heat-map of {name}'></div>"
            f"<figcaption><b>{name}</b> odder than {score:.1f} %{truth}</figcaption></figure>"
        )
    some = "unlabelled " if 0 < (summary.y == -1).sum() < len(summary.y) else ""
    return (
        f"<section class='np-spade-top'><h3>The oddest {some}pictures, and where</h3>"
        f"<div class='np-spade-pictures'>{''.join(tiles)}</div></section>"
    )


def overlay(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """A picture greyed, with heat in orange over it, uint8 [h, w, 3]."""
    grey = image.mean(axis=2, keepdims=True) * np.ones(3)
    alpha = np.clip(1.2 * heat, 0, 0.85)[..., None]
    return np.clip((1 - alpha) * grey + alpha * np.array(HOT), 0, 255).astype(np.uint8)


def _found_by(found: str, by_labels: bool) -> str:
    """Which view finds a row odd; by_labels: whether labelled anomalies give a view besides the densities."""
    if not by_labels:
        return "rare" if found == "density" else ""
    return {
        "both": "labels and densities agree",
        "labels": "found by the labels",
        "density": "rare: the labels alone miss it",
        "together": "only both views together",
    }[found]


def _reason(reason: Reason) -> str:
    usual = f", usually {html.escape(reason.usual)}" if reason.usual else ""
    share = max(0.0, min(1.0, reason.density))
    title = f"density: {reason.density:.0%} of the score; occlusion: {reason.occlusion:.0%} of the fall"
    return (
        f"<li title='{title}'><span>{html.escape(reason.column)} = {html.escape(reason.value) or 'blank'}"
        f"<i>{usual}</i></span><span class='np-spade-bar' style='--share:{share:.3f}'></span></li>"
    )


def facts(summary: Summary) -> str:
    """How the table was read: every automatic step in one line, and what each column is."""
    notes = "".join(f"<li>{html.escape(note)}</li>" for note in summary.notes) or "<li>Nothing to tell.</li>"
    table = ""
    if summary.columns:
        rows = "".join(
            f"<tr><th scope='row'>{html.escape(name)}</th><td>{kind}</td><td>{html.escape(note)}</td></tr>"
            for name, kind, note in summary.columns
        )
        table = (
            "<table class='np-table'><thead><tr><th scope='col'>Column</th><th scope='col'>read as</th>"
            f"<th scope='col'>note</th></tr></thead><tbody>{rows}</tbody></table>"
        )
    return f"<ul class='np-spade-notes'>{notes}</ul>{table}"


def preview(rows: Sequence[Sequence[str]], names: Sequence[str], notes: Sequence[str], total: str) -> str:
    """The first rows of an upload, as read."""
    head = "".join(f"<th scope='col'>{html.escape(name)}</th>" for name in names)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    told = " ".join(html.escape(note) for note in notes)
    return (
        f"<p class='np-spade-story'>{html.escape(total)} "
        f"{told}</p><div class='np-spade-preview' tabindex='0'>"
        f"<table class='np-table'><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def comparison(summary: Summary) -> str:
    """AUCs of SPADE and the references with their intervals."""
    if not summary.curves:
        return f"<p class='np-spade-verdict'>{html.escape(summary.verdict)}</p>"
    missed = any(row.missed is not None for row in summary.curves)
    head = "<th scope='col'>Detector</th><th scope='col'>AUC</th><th scope='col'>95 % interval</th>"
    head += "<th scope='col'>on new kinds</th>" * missed
    rows = []
    for row in summary.curves:
        new = f"<td>{row.missed:.3f}</td>" if row.missed is not None else "<td>–</td>" * missed
        rows.append(
            f"<tr><th scope='row'>{html.escape(row.name)}</th><td>{row.auc:.3f}</td>"
            f"<td>{row.low:.3f} to {row.high:.3f}</td>{new}</tr>"
        )
    return (
        f"<p class='np-spade-verdict'>{html.escape(summary.verdict)}</p>"
        f"<p class='np-spade-story'>Measured on {html.escape(summary.check_how)}.</p>"
        f"<table class='np-table'><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def matching_text(summary: Summary) -> str:
    """What the thresholds mean, and how far the pseudo-labels are trusted."""
    if summary.high is None:
        return "<p>Every row has a label: there was nothing to pseudo-label.</p>"
    pseudo = (int((summary.pseudo == 1).sum()), int((summary.pseudo == 0).sum()))
    ways = {
        "matching": "partial matching",
        "otsu": "Otsu's method, for that class has no labels",
        "percentile": "a fixed share, for that class has fewer than three labels",
    }
    text = (
        f"<p>Five Gaussian densities, each fitted on the labelled normals and another fifth of the "
        f"unlabelled {summary.thing}s, agree on <b>{pseudo[0]:,} pseudo-anomalies</b> and <b>{pseudo[1]:,} "
        f"pseudo-normals</b>. The upper threshold comes from {ways[summary.high.how]} "
        f"({summary.high.share:.1%} lie above), the lower one from {ways[summary.low.how]} "
        f"({summary.low.share:.1%} lie below).</p>"
    )
    if summary.trust:
        ranks, agreement, weight = summary.trust
        word = "fully" if weight > 1.2 else "in part" if weight > 0.3 else "hardly"
        text += (
            f"<p>Can the densities be trusted here? They find labelled anomalies, which they never saw, "
            f"odder than {ranks:.0%} of the unlabelled {summary.thing}s, and their order agrees with the "
            f"labels' forest by a rank correlation of {agreement:.2f}. So pseudo-labels count "
            f"<b>{word}</b> (weight {weight:.2f} of 1.5 in the score).</p>"
        )
    return text
