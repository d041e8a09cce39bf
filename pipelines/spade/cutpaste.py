"""CutPaste (Li et al. 2021, arXiv 2104.04015), the paper's self-supervision for pictures.

A rectangle of the picture, its colours jittered, is pasted elsewhere: a patch (2 to 15 % of the area) or a
thin turned scar. The encoder learns which of the three it sees.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageEnhance

JITTER = 0.3


def patch(picture: Image.Image, generator: np.random.Generator) -> Image.Image:
    """A copy with a rectangle of 2 to 15 % of the area pasted at another place."""
    width, height = picture.size
    area = generator.uniform(0.02, 0.15) * width * height
    ratio = generator.uniform(0.3, 1.0) if generator.random() < 0.5 else generator.uniform(1.0, 3.3)
    w = int(np.clip(np.sqrt(area * ratio), 4, width - 2))
    h = int(np.clip(np.sqrt(area / ratio), 4, height - 2))
    return _paste(picture, w, h, None, generator)


def scar(picture: Image.Image, generator: np.random.Generator) -> Image.Image:
    """A copy with a thin strip pasted, turned by up to 45 degrees."""
    w, h = int(generator.integers(2, 13)), int(generator.integers(10, 26))
    return _paste(picture, w, h, generator.uniform(-45, 45), generator)


def _paste(
    picture: Image.Image, w: int, h: int, angle: float | None, generator: np.random.Generator
) -> Image.Image:
    width, height = picture.size
    left, top = int(generator.integers(0, width - w)), int(generator.integers(0, height - h))
    piece = _jitter(picture.crop((left, top, left + w, top + h)), generator)
    mask = Image.new("L", piece.size, 255)
    if angle is not None:
        piece = piece.rotate(angle, expand=True)
        mask = mask.rotate(angle, expand=True)
    result = picture.copy()
    x = int(generator.integers(0, max(1, width - piece.width)))
    y = int(generator.integers(0, max(1, height - piece.height)))
    result.paste(piece, (x, y), mask)
    return result


def _jitter(piece: Image.Image, generator: np.random.Generator) -> Image.Image:
    for kind in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        piece = kind(piece).enhance(float(generator.uniform(1 - JITTER, 1 + JITTER)))
    return piece


def views(picture: Image.Image, generator: np.random.Generator) -> tuple[Image.Image, ...]:
    """The untouched picture, its patch and its scar version: classes 0, 1, 2."""
    return picture, patch(picture, generator), scar(picture, generator)
