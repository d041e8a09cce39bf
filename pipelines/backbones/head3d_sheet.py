"""A contact sheet of samples, for the eye."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from .head3d_camera import cam2world
from .head3d_model import Generator

SHEET_VIEWS = ((-0.5, 0.05), (0.0, 0.0), (0.5, 0.05))
BACKGROUND = (0.72, 0.76, 0.80)


@torch.no_grad()
def contact_sheet(
    generator: Generator, path: Path, people: int = 8, truncation: float = 0.8, seed: int = 1
) -> None:
    """Write `people` samples, each from three sides, below one another in columns."""
    device = generator.mapping.w_mean.device
    random = torch.Generator().manual_seed(seed)
    z = torch.randn(people, generator.config.z_dim, generator=random).to(device)
    generator.mapping.measure_mean()
    w = generator.mapping(z, truncation)
    planes = generator.planes(w)
    rows = []
    for yaw, pitch in SHEET_VIEWS:
        matrix = torch.from_numpy(cam2world(np.array([yaw]), np.array([pitch]))).float().to(device)
        rgba = generator.pictures(planes, w, matrix.expand(people, -1, -1)).rgba.clamp(0, 1)
        picture = rgba[:, :3] + (1 - rgba[:, 3:]) * torch.tensor(BACKGROUND, device=device).view(1, 3, 1, 1)
        rows.append(torch.cat(list(picture.clamp(0, 1)), 2))
    sheet = (torch.cat(rows, 1).permute(1, 2, 0).cpu().numpy() * 255 + 0.5).astype(np.uint8)
    Image.fromarray(sheet).save(path)
