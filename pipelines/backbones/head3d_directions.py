"""Directions in w that change one attribute of a head and leave the rest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pipelines.backbones.head3d_data import TRAIN, load_kit, person_code
from pipelines.backbones.head3d_model import MappingNetwork
from pipelines.backbones.head3d_person import ATTRIBUTES

LEAST_CHANGE = 0.15  # of the attribute's label; persons whom the edit does not touch say nothing


@torch.no_grad()
def fit_directions(mapping: MappingNetwork, kit_path: Path, people: int = 256) -> Tensor:
    """float32 [7, W_DIM], in the order of ATTRIBUTES: half of the mean step in w from the attribute low to
    high, less what it shares with the attributes before it.

    Each person's code is edited twice, attribute low and high, and both are mapped; so a direction is the
    effect of an intervention and not a correlation (beards do not bring short hair along). Persons whom an
    edit leaves as they are (a woman's beard) are left out, unless it leaves everybody so. In
    a code a darker skin brings darker hair along; so the order matters, and skin tone comes last.
    """
    kit = load_kit(str(kit_path))
    device = mapping.mean.device
    rows: list[Tensor] = []
    for attribute in ATTRIBUTES:
        codes = [person_code(TRAIN, index) for index in range(people)]
        pairs = np.stack([[kit.edit(z, attribute, -1.0), kit.edit(z, attribute, 1.0)] for z in codes])
        labels = np.array([[kit.labels_of(z)[ATTRIBUTES.index(attribute)] for z in pair] for pair in pairs])
        changed = pairs[labels[:, 1] - labels[:, 0] > LEAST_CHANGE]
        changed = changed if len(changed) else pairs
        w = mapping(torch.tensor(changed, dtype=torch.float32, device=device).flatten(0, 1)).view(
            len(changed), 2, -1
        )
        row = (w[:, 1] - w[:, 0]).mean(0) / 2
        for other in rows:
            row = row - (row @ other) / (other @ other).clamp_min(1e-12) * other
        rows.append(row)
    return torch.stack(rows).float().cpu()
