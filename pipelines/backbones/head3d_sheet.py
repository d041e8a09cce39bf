"""A contact sheet of heads, for the eye."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from pipelines.backbones.head3d_camera import cam2world
from pipelines.backbones.head3d_model import OUTPUT_SIZE, Generator, MappingNetwork

SHEET_VIEWS = ((-0.5, 0.05), (0.0, 0.0), (0.5, 0.05))
BACKGROUND = (0.72, 0.76, 0.80)
COLUMNS = 8


@torch.no_grad()
def random_heads(mapping: MappingNetwork, people: int = 24, truncation: float = 0.8, seed: int = 1) -> Tensor:
    """w [people, W_DIM] of random codes."""
    z = torch.randn(people, mapping.z_dim, generator=torch.Generator().manual_seed(seed))
    return mapping(z.to(mapping.mean.device), truncation)


@torch.no_grad()
def contact_sheet(generator: Generator, w: Tensor, path: Path) -> None:
    """Write the heads of w [n, W_DIM], eight in a row, each from three sides below one another."""
    rows = [row for part in w.split(COLUMNS) for row in _rows(generator, part)]
    sheet = (torch.cat(rows, 1).permute(1, 2, 0).cpu().numpy() * 255 + 0.5).astype(np.uint8)
    Image.fromarray(sheet).save(path)


def _rows(generator: Generator, w: Tensor) -> list[Tensor]:
    """Three strips [3, 128, 8 * 128] of up to eight heads."""
    planes = generator.planes(w)
    strips = []
    for yaw, pitch in SHEET_VIEWS:
        matrix = torch.from_numpy(cam2world(np.array([yaw]), np.array([pitch]))).float().to(w.device)
        rgba = generator.pictures(planes, w, matrix.expand(len(w), -1, -1)).rgba.clamp(0, 1)
        ground = torch.tensor(BACKGROUND, device=w.device).view(1, 3, 1, 1)
        pictures = (rgba[:, :3] + (1 - rgba[:, 3:]) * ground).clamp(0, 1)
        strips.append(functional.pad(torch.cat(list(pictures), 2), (0, (COLUMNS - len(w)) * OUTPUT_SIZE)))
    return strips
