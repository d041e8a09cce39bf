"""The paper's picture encoder by way of the hub: a ResNet-18 of transformers, without torchvision."""

from __future__ import annotations

import numpy as np

REPOSITORY = "microsoft/resnet-18"
REVISION = "main"
SIZE = 256
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
BATCH = 16


class ResNetEncoder:
    """Patch features of the second and third stage on a 16 x 16 grid, as `encoder.PictureEncoder` gives
    them."""

    def __init__(self, model: object) -> None:
        """model: a transformers ResNetModel."""
        self.model = model.eval()

    def embed(self, pictures: np.ndarray) -> np.ndarray:
        """Patch features float32 [n, 256, d] of pictures uint8 [n, 128, 128, 3]."""
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
        return np.concatenate(parts)


def load_hub(repository: str = REPOSITORY, revision: str = REVISION) -> ResNetEncoder:
    """The published weights, by repository and revision; safetensors only. Raises OSError if out of reach."""
    from transformers import ResNetModel

    from pipelines.runtime import device

    model = ResNetModel.from_pretrained(repository, revision=revision, use_safetensors=True)
    return ResNetEncoder(model.to(device()))
