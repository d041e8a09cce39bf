"""A person's code in plain figures: what w is made of.

A code is Gaussian; which hair style or which cloth colour it stands for hangs on thresholds and on products
of its entries, which the generator would have to learn from examples. So w is the kit's own reading of the
code (head3d_person.person_from). It says nothing of the camera.
"""

from __future__ import annotations

import colorsys

import numpy as np
import torch
from torch import Tensor

from pipelines.backbones.head3d_person import IDENTITY_MODES, STYLES, Person, person_from

NECKLINES = 3
SPREADS = {
    "skin": 2.0, "smile": 0.3, "mouth_open": 0.1, "brow_up": 0.15, "brow_down": 0.12, "frown": 0.12,
    "pucker": 0.1, "blink": 0.05, "beard": 0.3, "makeup": 0.3, "brow": 0.2, "freckles": 0.3,
    "iris_light": 0.3, "hair_light": 0.3, "hair_red": 0.3, "hair_grey": 0.3, "hair_dye": 0.3,
    "hair_line": 0.6, "light_azimuth": 0.6, "light_elevation": 0.2, "light_warmth": 0.6,
}  # fmt: skip
"""Fields of a person and about their standard deviations, by which they are divided."""
DESCRIPTION_DIM = IDENTITY_MODES + len(STYLES) + 1 + len(SPREADS) + NECKLINES + 3 * 3 + 2


def describe(person: Person) -> np.ndarray:
    """float32 [DESCRIPTION_DIM], each entry with a spread of about one."""
    cloth = colorsys.hsv_to_rgb(
        person.cloth_hue, 0.65 * person.cloth_saturation, 0.16 + 0.66 * person.cloth_value
    )
    dye = colorsys.hsv_to_rgb(0.45 + 0.5 * person.dye_hue, 0.65, 0.7)
    iris = colorsys.hsv_to_rgb(
        0.07 + 0.5 * person.iris_light * person.iris_hue, 0.6, 0.28 + 0.3 * person.iris_light
    )
    return np.array(
        [
            *person.identity,
            *(2.0 * (person.style == style) for style in STYLES),
            2.0 * person.masculine - 1,
            *(getattr(person, name) / spread for name, spread in SPREADS.items()),
            *(2.0 * (person.neckline == kind) for kind in range(NECKLINES)),
            *(4 * part - 2 for part in cloth),
            *(4 * person.hair_dye * part for part in dye),
            *(4 * part - 1 for part in iris),
            np.sin(2 * np.pi * person.strands),
            np.cos(2 * np.pi * person.strands),
        ],
        np.float32,
    )


def descriptions(z: Tensor) -> Tensor:
    """Codes [n, Z_DIM] -> float32 [n, DESCRIPTION_DIM] on the same device."""
    rows = [describe(person_from(row)) for row in z.double().cpu().numpy()]
    return torch.from_numpy(np.stack(rows)).to(z.device)
