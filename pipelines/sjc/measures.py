"""What the evaluation measures, each on plain arrays: colours, silhouettes, fronts, retrieval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from skimage.color import rgb2lab
from torch import Tensor

from pipelines.backbones.families import PALETTE
from pipelines.sjc.judge import QUADRANTS, Judge

SHADES = (0.55, 0.75, 0.95)  # what the light leaves of a colour on faces turned away, aside and towards it
SOLID = 0.5  # opacity from which a pixel belongs to the object
SECOND_FRONT_VIEWS = 3  # of 7 from behind; on true renders the judge is wrong about two at most


def colour_shares(rgb: np.ndarray, opacity: np.ndarray) -> dict[str, float]:
    """Share of an object's pixels whose nearest palette colour (CIELAB, under one of three SHADES) has that
    name. rgb uint8 [n, s, s, 3] over white; opacity [n, s, s] in 0..1. Zeros if nothing is solid."""
    names = list(PALETTE)
    palette = np.array([PALETTE[name] for name in names], float) / 255
    candidates = rgb2lab(np.concatenate([palette * shade for shade in SHADES])[None])[0]
    pixels = rgb2lab((rgb[opacity > SOLID].astype(float) / 255)[None])[0]
    if not len(pixels):
        return dict.fromkeys(names, 0.0)
    nearest = ((pixels[:, None] - candidates) ** 2).sum(-1).argmin(1) % len(names)
    counts = np.bincount(nearest, minlength=len(names)) / len(pixels)
    return dict(zip(names, counts.tolist(), strict=True))


def main_colour(rgb: np.ndarray, opacity: np.ndarray) -> str:
    """The palette name with the largest share; see colour_shares."""
    shares = colour_shares(rgb, opacity)
    return max(shares, key=shares.__getitem__)


def silhouette_iou(opacity: np.ndarray, truth: np.ndarray) -> float:
    """Mean over n views of intersection over union of what is solid; both [n, s, s] in 0..1."""
    ours, theirs = opacity > SOLID, truth > SOLID
    union = (ours | theirs).sum((1, 2))
    return float(((ours & theirs).sum((1, 2)) / np.maximum(union, 1)).mean())


def second_fronts(front: np.ndarray) -> np.ndarray:
    """Which of the views from behind look like a front, bool [b], for v views evenly all round.

    `front` [v]: probability that a view shows the front. The main front is the direction around which the
    views within 45° have the most of it, wherever that is; views from behind are those more than 90° away
    from it (7 of 16). A view looks like a front from 0.5 on. An object with one front has none there.
    """
    count = len(front)
    away = np.abs((np.arange(count) + count / 2) % count - count / 2) * (360 / count)
    around = [np.roll(front, -k)[away <= 45].sum() for k in range(count)]
    return np.roll(front, -int(np.argmax(around)))[away > 90] > 0.5


def is_janus(front: np.ndarray) -> bool:
    """Whether at least SECOND_FRONT_VIEWS views from behind look like a front; see second_fronts."""
    return bool(second_fronts(front).sum() >= SECOND_FRONT_VIEWS)


@torch.inference_mode()
def fronts(judge: Judge, views: Tensor) -> tuple[np.ndarray, float]:
    """Of one object in v views from azimuth 0 on, [v, 3, s, s]: the probability of "front" in each, [v]; and
    the share of the views whose quadrant the judge reads right, for an object that faces azimuth 0. Views on
    the border of two quadrants may be either."""
    _, logits = judge.views(views)
    degrees = np.arange(len(views)) * (360 / len(views))
    read = logits.argmax(1).numpy() * 90.0
    off = np.abs((degrees - read + 180) % 360 - 180)
    return logits.softmax(1)[:, QUADRANTS.index("front")].numpy(), float((off < 45 + 1e-6).mean())


def retrieved(scores: Tensor, own: Sequence[int]) -> np.ndarray:
    """Whether each object's own caption is the best of its row: scores [p, m], own [p] -> bool [p]."""
    return (scores.argmax(1) == torch.tensor(own)).numpy()
