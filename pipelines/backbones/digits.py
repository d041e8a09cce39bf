"""A drawn or photographed digit brought into MNIST's form."""

from __future__ import annotations

import numpy as np
from PIL import Image

from pipelines.errors import InputError

SIDE = 28
MAX_PIXELS = 4096 * 4096
FAINT = 32
"""Ink of at most this is taken for paper."""
THIN, USUAL = 2.2, 2.7
"""Widths of a stroke where the longer side of a digit is 20: MNIST's thinnest tenth, and its median."""


def normalise_digit(ink: np.ndarray) -> np.ndarray:
    """Bring a drawing into MNIST's form: ink scaled into a 20x20 box, its centre of mass central in 28x28.

    `ink` is uint8 [height, width], 0 = paper, 255 = full ink. Returns uint8 [28, 28].
    Raises InputError when nothing is drawn or the picture is too large.
    """
    if ink.ndim != 2 or ink.size == 0:
        raise InputError("This is not a grey picture.", "Draw a digit, or upload a PNG or JPEG.", "Digit")
    if ink.size > MAX_PIXELS:
        raise InputError("The picture is too large.", "Use one of at most 4096 × 4096 pixels.", "Digit")
    rows, columns = np.nonzero(ink > FAINT)
    if len(rows) < 4:
        raise InputError("There is nothing to read yet.", "Draw one digit, large and dark.", "Digit")
    box = _thicken(ink[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1])
    scale = 20 / max(box.shape)
    size = (max(1, round(box.shape[1] * scale)), max(1, round(box.shape[0] * scale)))
    small = np.asarray(Image.fromarray(box).resize(size, Image.Resampling.BOX), dtype=np.float64)
    weight = small.sum() or 1.0
    centre_y = (small.sum(axis=1) @ np.arange(small.shape[0])) / weight
    centre_x = (small.sum(axis=0) @ np.arange(small.shape[1])) / weight
    top = int(np.clip(round(14 - centre_y), 0, SIDE - small.shape[0]))
    left = int(np.clip(round(14 - centre_x), 0, SIDE - small.shape[1]))
    digit = np.zeros((SIDE, SIDE), dtype=np.uint8)
    digit[top : top + small.shape[0], left : left + small.shape[1]] = np.round(small)
    return digit


def _thicken(box: np.ndarray) -> np.ndarray:
    """Widen the strokes of a thin pen to MNIST's usual width: at one bit a pixel they would break up."""
    from scipy.ndimage import distance_transform_edt
    from skimage.morphology import skeletonize

    solid = box > 127
    side = max(box.shape)
    width = solid.sum() / max(1, skeletonize(solid).sum())
    if not solid.any() or 20 * width / side >= THIN:
        return box
    share = USUAL / 20
    reach = (share * side - width) / (2 * (1 - share))  # the box grows by twice as much as it reaches out
    paper = np.pad(~solid, int(reach) + 1, constant_values=True)
    return np.where(distance_transform_edt(paper) <= reach, np.uint8(255), np.uint8(0))


def ink_of(picture: Image.Image) -> np.ndarray:
    """A photo or scan of one digit -> uint8 [height, width] ink: dark or light writing on an even ground.

    Raises InputError for a picture that is too large or has no contrast.
    """
    from skimage.filters import threshold_otsu  # brings scipy: too slow for the start of the page

    if picture.width * picture.height > MAX_PIXELS:
        raise InputError("The picture is too large.", "Use one of at most 4096 × 4096 pixels.", "Picture")
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        rgba = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    picture = picture.convert("L")
    picture.thumbnail((512, 512), Image.Resampling.BOX)
    grey = np.asarray(picture).astype(np.float64)
    if grey.max() - grey.min() < 40:
        raise InputError("The picture shows no writing.", "Use one dark digit on a light ground.", "Picture")
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    ink = grey if np.median(border) < threshold_otsu(grey) else 255 - grey
    cut = threshold_otsu(ink)  # half of it is taken off, so that paper and shadows become blank
    return np.clip((ink - cut / 2) / (ink.max() - cut / 2) * 255, 0, 255).astype(np.uint8)
