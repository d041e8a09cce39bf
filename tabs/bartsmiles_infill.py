"""The panel that fills gaps: click atoms to mask them, and the pre-trained model writes what may stand "
"there."""

from __future__ import annotations

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
BEAMS = 10


def build() -> tuple[Component, Component]:
    """Lay the panel out inside the current gr.Tab; returns the board that `start` fills, and the answers."""
    gr.Markdown(
        "This is what the model was pre-trained for. **Click atoms** to mask them; it writes what could "
        "stand there. All that is not masked is held fixed while the embedded model writes. The likeliest "
        "answers come first; click one to explain it."
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
    """Fill a SMILES string with <mask> in it; returns the valid answers, likeliest first, and the status.

    model: "embedded" or "hub" (gayane/BARTSmiles, on a GPU).
    """
    from pipelines.bartsmiles.draw import sketch
    from pipelines.bartsmiles.infill import fill as filled
    from pipelines.bartsmiles.molecules import parse

    found = filled(masked or "", BEAMS, model)
    cards = [
        {
            "smiles": one.smiles,
            "ink": sketch(parse(one.smiles))[0],
            "title": f"Answer {k}{'' if one.keeps_rest else ', changes the rest too'}",
            "lines": [f"log probability per token {one.score:.2f}".replace("-", "−")],
        }
        for k, one in enumerate(found.candidates, 1)
    ]
    if not cards:
        return [], line("None of the ten answers is a molecule. Mask fewer atoms, or others.", "warn")
    valid = round(BEAMS * found.valid_share)
    return cards, line(f"{valid} of {BEAMS} answers are molecules, {len(cards)} different ones", "done")
