"""The panel that fills gaps: click atoms, and the pre-trained model writes what may stand there."""

from __future__ import annotations

import math
import os
import random
from typing import Any

import gradio as gr
from gradio.components import Component

from pipelines import bartsmiles
from tabs import unchecked
from tabs.bartsmiles_gallery import Gallery, MaskBoard, mask_value
from tabs.status import answer, line

MODELS = [("Embedded, ours: small", "embedded"), ("gayane/BARTSmiles: needs a GPU", "hub")]


def build() -> tuple[Component, Component]:
    """Lay the panel out inside the current gr.Tab; returns the board that `start` fills, and the answers."""
    gr.Markdown(
        "This is what the model was pre-trained for. **Click atoms** to mask them; it writes what could "
        "stand there, the likeliest first. The embedded model is held to all that is not masked, and RDKit "
        "checks after every token that a molecule can still come of it; the paper's model writes freely."
    )
    with gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=300):
            board = MaskBoard(mask_value(bartsmiles.first().sketches[bartsmiles.first().smiles]))
        with gr.Column(scale=5, min_width=300):
            text = unchecked.Text(
                "",
                label="What the model gets",
                placeholder="Click an atom, or write <mask> yourself",
                lines=1,
                max_lines=3,
                elem_classes="np-molecule-field",
            )
            with gr.Row():
                go = gr.Button("Fill the gap", variant="primary", min_width=120, elem_id="bartsmiles-fill")
                dice = gr.Button("Mask three at random", min_width=120)
            preferred = "hub" if os.environ.get("NINE_PAPERS_MODELS") == "hub" else "embedded"
            model = unchecked.Radio(MODELS, value=preferred, label="Model")
            status = gr.HTML(line("Nothing is masked yet."))
    gallery = Gallery(label="Answers")
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    board.input(mask, board, text, trigger_mode="always_last", **quiet)
    dice.click(mask_random, board, [board, text], **quiet).success(
        None, js="() => document.getElementById('bartsmiles-fill').click()", **quiet
    )
    for event in (go.click, text.submit):
        event(
            fill,
            [text, model],
            [gallery, status],
            api_name="bartsmiles_infill" if event == go.click else None,
            api_visibility="public" if event == go.click else "private",
            show_progress="hidden",
        )
    return board, gallery


@answer
def start(smiles: str) -> dict[str, Any]:
    """A molecule's atoms, none masked."""
    from pipelines.bartsmiles.check import read_molecule
    from pipelines.bartsmiles.reading import sketch_of

    return mask_value(sketch_of(read_molecule(smiles)))


@answer
def mask(board: dict[str, Any]) -> str:
    """The string of a molecule with <mask> for the chosen atoms; "" while none is."""
    from pipelines.bartsmiles.check import read_molecule
    from pipelines.bartsmiles.infill import mask_atoms

    return mask_atoms(read_molecule(board["smiles"]), board["masked"]) if board["masked"] else ""


@answer
def mask_random(board: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Mask three neighbours in the string, somewhere."""
    n = len(board["symbols"])
    size = min(3, n - 1)
    first = random.randrange(n - size + 1)
    board = {**board, "masked": list(range(first, first + size))}
    return board, mask(board)


@answer
def fill(masked: str, model: str = "embedded") -> tuple[list[dict[str, Any]], str]:
    """Fill a SMILES string with <mask> in it; returns molecules, the likeliest first, and the status.

    model: "embedded" or "hub" (gayane/BARTSmiles, on a GPU).
    """
    from pipelines.bartsmiles.infill import ANSWERS
    from pipelines.bartsmiles.infill import fill as filled

    found = filled(masked or "", model=model)
    cards = [_card(one, place) for place, one in enumerate(found.candidates, 1)]
    if not cards:
        return [], line("The model found no molecule for this gap. Mask fewer atoms, or others.", "warn")
    told = f"{len(cards)} different molecule{'s' * (len(cards) > 1)}, what the model wrote in colour"
    if len(cards) < ANSWERS:
        more = (
            "nothing else was found that fits"
            if model == "embedded"
            else "its other answers are no molecules"
        )
        told = f"{told}; {more}"
    return cards, line(told, "done")


def _card(one: Any, place: int) -> dict[str, Any]:
    """An answer for the gallery."""
    from pipelines.bartsmiles.draw import bond_length, sketch
    from pipelines.bartsmiles.molecules import parse

    mol = parse(one.text)
    ink, points = sketch(mol)
    return {
        "smiles": one.smiles,
        "ink": ink,
        "marked": [points[atom] for atom in one.written or ()],
        "reach": round(bond_length(mol, points), 1),
        "title": "Likeliest answer" if place == 1 else f"Answer {place}",
        "lines": [
            f"log probability {one.score:.1f} ({_percent(math.exp(one.score))})".replace("-", "−"),
            *(["changes the rest too"] if one.written is None else []),
        ],
    }


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.1f} %" if share >= 0.001 else "< 0.1 %"
