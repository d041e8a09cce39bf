"""The picture encoder h: a small convolutional net that learnt to find what CutPaste pasted, cell by cell.

Stands in for the paper's ResNet-18. Input float [n, 3, 128, 128] in [0, 1]; cells are a 16 x 16 grid.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from pipelines.runtime import cpu_count, load_once, use_threads
from pipelines.spade.patches import Embedding
from pipelines.weights import weights_file

SIDE = 128
GRID = 16
BATCH = 16


def local_contrast(x: Tensor, window: int = 33) -> Tensor:
    """Pictures less their local mean, over their local contrast: uneven light goes, texture and defects stay.

    x float [n, 3, h, w] in [0, 1]; returns the same shape, mostly within -1 and 1.
    """

    def mean(values: Tensor) -> Tensor:
        for kernel in ((window, 1), (1, window)):
            padding = (kernel[0] // 2, kernel[1] // 2)
            values = functional.avg_pool2d(values, kernel, 1, padding, count_include_pad=False)
        return values

    centred = x - mean(x)
    spread = mean(centred.mean(dim=1, keepdim=True).square()).sqrt()
    return centred / (2 * spread + 0.05)


def whole_contrast(x: Tensor) -> Tensor:
    """Light less the picture's mean, over its contrast: whole parts lighter than the rest show here alone.

    x float [n, 3, h, w] in [0, 1]; returns [n, 1, h, w].
    """
    light = x.mean(dim=1, keepdim=True)
    centred = light - light.mean(dim=(2, 3), keepdim=True)
    return centred / (2 * centred.square().mean(dim=(2, 3), keepdim=True).sqrt() + 0.05)


def _block(inputs: int, outputs: int, stride: int, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(
            inputs, outputs, 3, stride, dilation, dilation, bias=False, padding_mode="reflect"
        ),  # zeros beyond the edge would look like an edge
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )  # fmt: skip


class Encoder(nn.Module):
    """Four blocks, 4 x 128 x 128 -> 32 x 64 x 64 -> 64 x 32 x 32 -> 96 x 16 x 16 -> 128 x 16 x 16."""

    def __init__(self) -> None:
        super().__init__()
        self.first = _block(4, 32, 2)
        self.second = _block(32, 64, 2)
        self.third = _block(64, 96, 2)
        self.fourth = _block(96, 128, 1, dilation=2)
        self.head = nn.Sequential(nn.Conv2d(256, 80, 1), nn.ReLU(inplace=True), nn.Conv2d(80, 1, 1))
        """The projection g: was something pasted here? From a cell's features and those of its picture."""

    def maps(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Feature maps of the last three blocks, [n, 64, 32, 32], [n, 96, 16, 16], [n, 128, 16, 16]."""
        second = self.second(self.first(torch.cat([local_contrast(x), whole_contrast(x)], dim=1)))
        third = self.third(second)
        return second, third, self.fourth(third)

    def forward(self, x: Tensor) -> Tensor:
        """CutPaste logits per cell, float [n, 16, 16]."""
        return self.pasted(self.maps(x)[2])

    def pasted(self, last: Tensor) -> Tensor:
        """The same from the last block's map."""
        around = last.mean((2, 3), keepdim=True).expand_as(last)
        return self.head(torch.cat([last, around], dim=1))[:, 0]

    def cells(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Features per cell, float [n, 256, 288], three blocks side by side; and the logits, [n, 256]."""
        second, third, last = self.maps(x)
        joined = torch.cat([functional.avg_pool2d(second, 2), third, last], dim=1)
        return joined.flatten(2).transpose(1, 2), self.pasted(last).flatten(1)


class PictureEncoder:
    """An encoder with weights; safe to call from several threads."""

    def __init__(self, net: Encoder) -> None:
        self.net = net.eval()

    @torch.inference_mode()
    def embed(self, pictures: np.ndarray) -> Embedding:
        """Features of pictures uint8 [n, 128, 128, 3]."""
        use_threads(cpu_count())
        x = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
        parts = [self.net.cells(batch) for batch in x.split(BATCH)]
        return Embedding.joined([Embedding(cells.numpy(), pasted.numpy()) for cells, pasted in parts])


def save(net: Encoder, path: Path) -> None:
    """Write the weights as half precision safetensors."""
    save_file({name: tensor.half().contiguous() for name, tensor in net.state_dict().items()}, path)


def read(path: Path) -> Encoder:
    """Read what `save` wrote."""
    net = Encoder()
    net.load_state_dict({name: tensor.float() for name, tensor in load_file(path).items()})
    return net


@load_once
def load() -> PictureEncoder:
    """The embedded encoder."""
    return PictureEncoder(read(weights_file("spade", "encoder.safetensors")))
