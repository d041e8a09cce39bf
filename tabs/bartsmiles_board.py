"""A board to draw a molecule on: OpenChemLib's structure editor, which ships with this page."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from pipelines.weights import ASSETS

ADDRESS = "/molecule-editor"
TEMPLATE = """<details class="np-molecule-board"><summary>${label}</summary>
  <div class="np-molecule-canvas"></div><p role="status"></p></details>"""


def editor_files() -> Mount:
    """The route from which the page takes the editor."""
    return Mount(ADDRESS, StaticFiles(directory=ASSETS / "bartsmiles" / "editor"))


class Board(gr.HTML):
    """The value is a SMILES string. The editor is loaded when the board is first opened.

    Fires `open` when it is unfolded (give it the molecule to start from) and `input` after every change.
    """

    def __init__(self, label: str = "Draw a molecule", **kwargs: object) -> None:
        super().__init__(
            "",
            label=label,
            source=f"{ADDRESS.lstrip('/')}/openchemlib.js",
            html_template=TEMPLATE,
            js_on_load=Path(__file__).with_name("bartsmiles_board.js").read_text(encoding="utf-8"),
            **kwargs,
        )

    def api_info(self) -> dict[str, str]:
        return {"type": "string", "description": "SMILES"}
