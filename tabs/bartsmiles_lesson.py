"""The panel with the ClinTox lesson: what a language model learns from how a set is written."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

import gradio as gr

from pipelines.bartsmiles import EXAMPLES
from pipelines.weights import read_card
from tabs.status import answer

STAND_IN = "Fluoxetine"
"""Shown for molecules that have no charge in blood."""
FIGURES = (
    ("clintox_no_charge_rule_auc", "“No charge, so it is toxic”: a rule without any chemistry"),
    ("clintox_as_written_auc", "Our head that learnt the set as it is written"),
    ("clintox_neutralised_auc", "Our head with all charges taken out"),
)
UP, DOWN = "#ed7d0f", "#2b6bb8"


def build() -> gr.HTML:
    """Lay the panel out inside the current gr.Tab; returns what `teach` fills."""
    gr.HTML(story(read_card("bartsmiles").get("metrics") or {}))
    return gr.HTML(elem_classes="np-molecule-lesson")


def story(metrics: Mapping[str, Any]) -> str:
    """The lesson in words, with the card's figures as far as they are measured."""
    rows = "".join(
        f"<tr><th scope='row'>{label}</th><td>{metrics[key]:.3f}</td></tr>"
        for key, label in FIGURES
        if metrics.get(key) is not None
    )
    table = (
        f"<table class='np-table'><thead><tr><th scope='col'>AUC on new ring systems</th><th "
        f"scope='col'>measured here</th></tr></thead><tbody>{rows}</tbody></table>"
        if rows
        else ""
    )
    return (
        "<p class='np-lead'>ClinTox lists drugs that were approved and drugs that failed trials for "
        "toxicity. In its file 65 % of the harmless ones are written with a charge, such as "
        "<code>[NH3+]</code>, and only 3 % of the toxic ones. So a language model need not know any "
        "toxicology: it can read the notation. High scores on this set deserve that doubt. Our "
        f"toxicity bar takes all charges out first.</p>{table}"
    )


@answer
def teach(smiles: str) -> str:
    """A molecule written with and without charges, to the head that learnt from charges and to the one that
    did not. Returns HTML."""
    from pipelines.bartsmiles.check import read_molecule
    from pipelines.bartsmiles.lesson import both_ways
    from pipelines.bartsmiles.predictor import load

    pair, lead = (
        both_ways(load(), read_molecule(smiles)),
        "Your molecule, the same substance written in two ways",
    )
    if pair is None:
        pair = both_ways(load(), read_molecule(EXAMPLES[STAND_IN]))
        lead = (
            f"The molecule above carries no charge in blood, so here is {STAND_IN.lower()}, "
            "written in two ways"
        )
    plain, charged = pair
    verdict = (
        f"Writing the charge takes the first head's answer from {_percent(plain.as_written)} to "
        f"{_percent(charged.as_written)}; the second one says {_percent(plain.neutral)} to both. The "
        "substance is the same."
    )
    cards = "".join(
        f"<figure>{_drawn(one)}<figcaption><b>{name}</b> <code>{html.escape(one.smiles)}</code>"
        f"{_bar('learnt from the strings as written', one.as_written)}"
        f"{_bar('learnt without charges', one.neutral)}</figcaption></figure>"
        for name, one in zip(("Without charges", "With its charge"), pair, strict=True)
    )
    return (
        f"<h3>{lead}</h3><div class='np-molecule-pair'>{cards}</div><p class='np-lead'>{verdict} Orange "
        "atoms make the first head say “toxic”, blue ones “harmless” (occlusion).</p>"
    )


def _bar(label: str, share: float) -> str:
    return (
        f"<span class='np-molecule-guess'><span>{label}</span><i style='--at:{share:.3f}'></i>"
        f"<b>{_percent(share)} toxic</b></span>"
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _drawn(one: Any) -> str:
    limit = max(map(abs, one.atoms)) or 1.0
    halos = "".join(
        f'<circle cx="{x}" cy="{y}" r="30" fill="{UP if value > 0 else DOWN}" '
        f'opacity="{0.8 * abs(value) / limit:.2f}"/>'
        for (x, y), value in zip(one.points, one.atoms, strict=True)
    )
    return f'<svg viewBox="0 0 560 430" aria-hidden="true"><g>{halos}</g>{one.ink}</svg>'
