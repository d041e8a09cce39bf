"""What a picture in a file looks like, whatever the file holds: for every reader of visitors' pictures."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageOps

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
"""Pillow's names of the formats that are read."""
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif")


def as_seen(picture: Image.Image, ground: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Image.Image:
    """RGB, upright as its EXIF data say; where it is transparent, over the sRGB colour `ground` in 0..1. Of
    an animation the present frame.

    Damaged files make Pillow raise nearly anything while the pixels are read.
    """
    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith(("I", "F")):  # 16 or 32 bits a pixel
        grey = np.nan_to_num(np.asarray(picture, dtype=np.float64))
        picture = Image.fromarray(np.uint8(np.clip(grey / (257 if grey.max() > 255 else 1), 0, 255)))
    if picture.has_transparency_data:
        rgba = picture.convert("RGBA")
        picture = Image.alpha_composite(
            Image.new("RGBA", rgba.size, tuple(round(255 * part) for part in ground)), rgba
        )
    return picture.convert("RGB")
