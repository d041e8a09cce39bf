"""The paper's picture encoder by way of the hub: a ResNet-18 of transformers, without torchvision."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pipelines.runtime import device, load_once
from pipelines.spade.patches import Embedding

REPOSITORY = "microsoft/resnet-18"
REVISION = "65a5785d9156231087c481e0c7dd33a5ff6f7e3e"
SIZE = 256
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
BATCH = 16


class ResNetEncoder:
    """Patch features of the second and third stage on the grid that `encoder.PictureEncoder` has too."""

    def __init__(self, model: object) -> None:
        """model: a transformers ResNetModel."""
        self.model = model.eval()

    def embed(self, pictures: np.ndarray) -> Embedding:
        """Features of pictures uint8 [n, 128, 128, 3]; it was trained to name things, not on CutPaste."""
        import torch
        from torch.nn import functional

        x = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
        x = (x - torch.tensor(MEAN)[:, None, None]) / torch.tensor(DEVIATION)[:, None, None]
        device = next(self.model.parameters()).device
        parts = []
        with torch.inference_mode():
            for batch in x.split(BATCH):
                large = functional.interpolate(batch.to(device), size=SIZE, mode="bilinear", antialias=True)
                stages = self.model(large, output_hidden_states=True).hidden_states
                second, third = stages[2], stages[3]
                joined = torch.cat([functional.adaptive_avg_pool2d(second, 16), third], dim=1)
                parts.append(joined.flatten(2).transpose(1, 2).cpu().numpy())
        return Embedding(np.concatenate(parts), None)


@load_once
def load(repository: str | Path = REPOSITORY, revision: str | None = REVISION) -> ResNetEncoder:
    """The published weights from the hub, or from a folder in its layout; safetensors only.

    Downloads 47 MB if it must. Raises OSError if they can't be had.
    """
    from transformers import ResNetModel

    pinned = {"revision": revision} if repository == REPOSITORY else {}
    model = ResNetModel.from_pretrained(repository, use_safetensors=True, **pinned)
    return ResNetEncoder(model.to(device()))
