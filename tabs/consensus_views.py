"""What the consensus tab says in HTML beside the verdict. Every text of a visitor is escaped here."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

import numpy as np

from pipelines import consensus
from pipelines.consensus import DISSENT, Exclusion, OpinionMap, Table
from tabs.consensus_verdict import source_of

RULES = (("Utilitarian", 0.0), ("Bernoulli–Nash", 1.0), ("Rawlsian", math.inf))
FELT = 0.15
"""Smaller changes of a predicted agreement are called none."""


def said(table: Table, k: int, lead: str) -> str:
    """A statement with its source, under a short lead."""
    return (
        f'<div class="np-quote"><p class="np-kicker">{html.escape(lead)} '
        f'<span class="np-source {table.statements[k].source}">{html.escape(source_of(table, k))}</span></p>'
        f"<blockquote>{html.escape(table.statements[k].text)}</blockquote></div>"
    )


def rules(table: Table) -> str:
    """The places that five rules give to the statements, in a table; those that some rule puts first."""
    columns = [
        (name, _ranks(-consensus.welfare(table.ratings, alpha), consensus.ranking(table, alpha)))
        for name, alpha in RULES
    ]
    columns.append(("Schulze", consensus.schulze(table.ratings) + 1))
    columns.append(("Borda", _ranks(-consensus.borda(table.ratings))))
    best = sorted({int(np.argmin(ranks)) for _, ranks in columns})
    if len(best) == 1:
        verdict = "All five rules choose the same statement."
    else:
        verdict = f"The rules disagree: between them they choose {len(best)} statements."
    head = "".join(f"<th scope='col'>{name}</th>" for name, _ in columns)
    order = sorted(range(len(table.statements)), key=lambda k: min(ranks[k] for _, ranks in columns))
    rows = "".join(
        f"<tr><th scope='row'><span class='np-said'>{html.escape(table.statements[k].text)}</span> "
        f"<span class='np-source {table.statements[k].source}'>{html.escape(source_of(table, k))}</span></th>"
        + "".join(f"<td class='{'first' if ranks[k] == 1 else ''}'>{ranks[k]}</td>" for _, ranks in columns)
        + "</tr>"
        for k in order[:10]
    )
    return (
        f"<p class='np-lead'>{verdict} The welfare functions add up how much people agree; Schulze and Borda "
        "only ask who prefers which statement to which. Schulze's method is the one of the later Habermas "
        "Machine.</p><div class='np-scroll' tabindex='0'><table class='np-table np-rules'><thead><tr>"
        f"<th scope='col'>Place by rule (the first ten)</th>{head}</tr></thead><tbody>{rows}</tbody>"
        "</table></div>"
    )


def _ranks(cost: np.ndarray, order: np.ndarray | None = None) -> np.ndarray:
    """Places from 1; equal costs share one unless an order breaks the tie."""
    if order is None:
        return 1 + (cost[:, None] > cost[None, :] + 1e-9).sum(axis=1)
    ranks = np.empty(len(cost), int)
    ranks[order] = np.arange(1, len(cost) + 1)
    return ranks


def sentences(parts: Sequence[tuple[str, np.ndarray]], people: Sequence[str]) -> str:
    """Which sentence serves whom: what each person's agreement loses when the sentence is dropped."""
    items = []
    for text, deltas in parts:
        chips = "".join(_change(person, delta) for person, delta in zip(people, deltas, strict=True))
        items.append(f"<li><p>{html.escape(text)}</p><ul class='np-changes'>{chips}</ul></li>")
    return (
        "<p class='np-lead'>Each sentence is dropped in turn and the rest is scored again. Green: the person "
        "agrees less without it, so it serves them. Red: it costs their agreement. A statement of one "
        "sentence is compared with indifference, 4 of 7.</p>"
        f"<ol class='np-sentences'>{''.join(items)}</ol>"
    )


def _change(person: str, delta: float) -> str:
    kind = "none" if abs(delta) < FELT else "up" if delta > 0 else "down"
    text = "±0" if kind == "none" else _signed(delta)
    return f"<li class='{kind}'>{html.escape(person)} <b>{text}</b></li>"


def exclusion(result: Exclusion) -> str:
    """What is chosen when one person is not asked, and what that does to them and to the others."""
    person = html.escape(result.person)
    same = result.winner_before.text == result.winner_after.text
    fall = result.excluded_after - result.excluded_before
    head = f"Without {person} {'the choice stays the same' if same else 'another statement is chosen'}."
    lines = (
        (person, result.excluded_before, result.excluded_after),
        ("The others, mean", result.included_before, result.included_after),
    )
    dissent = ""
    if result.excluded_after < DISSENT <= result.excluded_before:
        dissent = f"<p class='np-dissent'><b>{person}</b> is now predicted to disagree.</p>"
    return (
        f"<p class='np-lead'>{head} {person}'s predicted agreement changes by <b>{_signed(fall)}</b>.</p>"
        f"<div class='np-pair'>{_quote('Chosen with ' + result.person, result.winner_before.text)}"
        f"{_quote('Chosen without ' + result.person, result.winner_after.text)}</div>"
        f"{_changes(('heard', 'left out'), lines)}{dissent}"
    )


def _changes(names: tuple[str, str], lines: Sequence[tuple[str, float, float]]) -> str:
    """A table of agreements before and after; the first of each line is HTML."""
    rows = "".join(
        f"<tr><th scope='row'>{who}</th><td>{before:.1f}</td><td>{after:.1f}</td>"
        f"<td>{_signed(after - before)}</td></tr>"
        for who, before, after in lines
    )
    return (
        "<table class='np-table'><thead><tr><th scope='col'>Predicted agreement</th>"
        f"<th scope='col'>{names[0]}</th><th scope='col'>{names[1]}</th><th scope='col'>change</th></tr>"
        f"</thead><tbody>{rows}</tbody></table>"
    )


def _signed(value: float) -> str:
    return "±0" if abs(value) < 0.05 else f"{value:+.1f}".replace("-", "−")


def _quote(lead: str, text: str) -> str:
    return (
        f"<div class='np-quote'><p class='np-kicker'>{html.escape(lead)}</p>"
        f"<blockquote>{html.escape(text)}</blockquote></div>"
    )


def revision(table: Table, revised: int, ahead: bool) -> str:
    """A revision with its changes to the draft (statement 0) marked, and everybody's agreement with both.

    `ahead`: whether it is chosen over the draft.
    """
    tags = {"added": "ins", "removed": "del"}
    marked = " ".join(
        f"<{tags[kind]}>{html.escape(words)}</{tags[kind]}>" if kind in tags else html.escape(words)
        for kind, words in consensus.difference(table.statements[0].text, table.statements[revised].text)
    )
    before, after = table.ratings[0], table.ratings[revised]
    lines = list(zip(map(html.escape, table.group.people), before, after, strict=True))
    lines.append(("Mean", before.mean(), after.mean()))
    return (
        "<div class='np-quote'><p class='np-kicker'>Revised; <del>taken out</del> and <ins>put in</ins> "
        f"<span class='np-source revised'>{source_of(table, revised)}</span></p>"
        f"<blockquote>{marked}</blockquote></div>{_changes(('draft', 'revised'), lines)}"
        f"<p class='np-lead'>{'It is chosen over the draft.' if ahead else 'The draft stays ahead of it.'} "
        "Both were rated anew by what each person wrote and criticised.</p>"
    )


def groups(table: Table, opinions: OpinionMap, scores: np.ndarray) -> str:
    """Who stands with whom, and the statements [K] that every group is predicted to agree with."""
    people = table.group.people
    members = [
        ", ".join(html.escape(people[i]) for i in np.flatnonzero(opinions.groups == group))
        for group in range(opinions.k)
    ]
    names = "; ".join(f"<b>group {i}</b>: {names}" for i, names in enumerate(members, 1))
    top = np.argsort(-scores, kind="stable")[:3]
    items = "".join(
        f"<li><p>{html.escape(table.statements[k].text)}</p><ul class='np-changes'><li>group-informed "
        f"consensus <b>{scores[k]:.2f}</b></li><li>{html.escape(source_of(table, k))}</li></ul></li>"
        for k in top
    )
    return (
        f"<p class='np-lead'>{names}. Those who stand near each other are predicted to agree with the same "
        f"statements; the two axes show {sum(opinions.shown):.0%} of the differences.</p>"
        "<p class='np-lead'>Agreed across the groups (the product of each group's share that is predicted to "
        f"agree, as Polis counts it):</p><ol class='np-sentences'>{items}</ol>"
    )


def vote_groups(texts: Sequence[str], votes: np.ndarray, opinions: OpinionMap, scores: np.ndarray) -> str:
    """Statements of a vote matrix [P, S] that all its groups agree with, and how far each group does."""
    items = []
    for s in np.argsort(-scores, kind="stable")[:5]:
        chips = [f"<li>group-informed consensus <b>{scores[s]:.2f}</b></li>"]
        for group in range(opinions.k):
            cast = votes[opinions.groups == group, s]
            cast = cast[~np.isnan(cast)]
            share = f"{(cast == 1).mean():.0%} of {len(cast):,}" if len(cast) else "nobody asked"
            chips.append(f"<li>group {group + 1}: {share}</li>")
        items.append(f"<li><p>{html.escape(texts[s])}</p><ul class='np-changes'>{''.join(chips)}</ul></li>")
    return (
        f"<p class='np-lead'>{votes.shape[0]:,} people, {votes.shape[1]:,} statements; the two axes show "
        f"{sum(opinions.shown):.0%} of the differences. Real votes, nothing predicted. All groups agree most "
        f"with these:</p><ol class='np-sentences'>{''.join(items)}</ol>"
    )
