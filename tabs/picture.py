"""A visitor's picture, whatever the file holds: the component, and a reader that says what is wrong."""

from __future__ import annotations

import warnings

import gradio as gr
from gradio.data_classes import ImageData
from PIL import Image

from pipelines.errors import InputError
from pipelines.picture import FORMATS, as_seen

MAX_PIXELS = 4096 * 4096
KINDS = "Use a PNG, JPEG or WebP picture."


class PictureInput(gr.Image):
    """gr.Image that hands its handler the path of the uploaded file, unread: `read_picture` reads it.

    gr.Image itself opens the file before the handler runs, and a file that is no picture then ends in a bare
    "Error" which no handler can put into words.
    """

    is_template = True  # to Gradio it is an Image: it has no front end of its own

    def preprocess(self, payload: ImageData | None) -> str | None:
        return payload.path if payload else None


def read_picture(path: str | None, field: str = "Picture", longest: int = 2048) -> Image.Image:
    """The picture in a file: RGB, upright, on white where it was transparent; an animation's first frame.

    Its longer side is scaled down to `longest` pixels. `field` names the input in messages.
    Raises InputError if there is no file, if it is no picture, damaged, or of more than MAX_PIXELS.
    """
    if not path:
        raise InputError("There is no picture.", KINDS, field)
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path, formats=FORMATS) as picture:
            picture.draft("RGB", (longest, longest))  # a large JPEG is decoded small
            if picture.width * picture.height > MAX_PIXELS:
                raise _too_large(field)
            shown = as_seen(picture)
    except InputError:
        raise
    except Image.DecompressionBombError:
        raise _too_large(field) from None
    except Exception:  # damaged files make Pillow raise nearly anything
        raise InputError("This file is not a picture, or it is damaged.", KINDS, field) from None
    shown.thumbnail((longest, longest))
    return shown


def _too_large(field: str) -> InputError:
    return InputError("The picture is too large.", "Use one of at most 4096 × 4096 pixels.", field)
