"""A drawing pad for mouse, pen and finger: one canvas, no layers, no toolbar."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import gradio as gr
import numpy as np
from PIL import Image, ImageOps

from pipelines.errors import InputError

MAX_CHARACTERS = 2_000_000
PREFIX = "data:image/png;base64,"

TEMPLATE = """<div class="np-pad">
  <canvas width="280" height="280" role="img" tabindex="0" aria-label="${label}"></canvas>
  <div class="np-pad-tools">
    <button type="button" class="np-pad-clear">Clear</button><span>${hint}</span>
  </div>
</div>"""

SCRIPT = Path(__file__).with_name("drawing.js").read_text(encoding="utf-8")


class DrawingPad(gr.HTML):
    """Black ink on white; the value is a PNG data URL of 280 x 280 pixels, or "" when blank.

    Fires `input` after each stroke and `clear` when wiped.
    """

    def __init__(self, value: str = "", label: str = "Drawing pad", hint: str = "", **kwargs: object) -> None:
        super().__init__(value, html_template=TEMPLATE, js_on_load=SCRIPT, label=label, hint=hint, **kwargs)

    def api_info(self) -> dict[str, str]:
        return {"type": "string", "description": "PNG as a data URL, black ink on white"}


def to_ink(drawing: str) -> np.ndarray:
    """Data URL of a pad -> uint8 [height, width], 0 = paper. Raises InputError if it is no picture."""
    if not drawing:
        raise InputError("Nothing is drawn yet.", "Draw one digit, large and dark.", "Drawing")
    if not isinstance(drawing, str) or not drawing.startswith(PREFIX) or len(drawing) > MAX_CHARACTERS:
        raise InputError("This is not a drawing.", "Send a PNG data URL of the pad's size.", "Drawing")
    try:
        data = base64.b64decode(drawing[len(PREFIX) :], validate=True)
        with Image.open(io.BytesIO(data), formats=["PNG"]) as picture:
            if picture.width * picture.height > 2048 * 2048:
                raise InputError("The drawing is too large.", "Send at most 2048 × 2048 pixels.", "Drawing")
            grey = np.asarray(picture.convert("L"))
    except InputError:
        raise
    except (ValueError, OSError, SyntaxError, Image.DecompressionBombError):  # what Pillow and base64 raise
        raise InputError(
            "This is not a drawing.", "Send a PNG data URL of the pad's size.", "Drawing"
        ) from None
    return 255 - grey


def to_drawing(ink: np.ndarray, size: int = 280) -> str:
    """uint8 [height, width] ink -> data URL for a pad of `size` pixels, on a white square."""
    picture = ImageOps.pad(Image.fromarray(255 - ink), (size, size), Image.Resampling.BICUBIC, color=255)
    return png_url(picture)


def png_url(picture: Image.Image) -> str:
    """A picture as a PNG data URL, for <img> tags."""
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return PREFIX + base64.b64encode(buffer.getvalue()).decode("ascii")
