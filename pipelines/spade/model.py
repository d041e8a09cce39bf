"""The paper's networks for tables, and its loss (Equation 5)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class SpadeNet(nn.Module):
    """Encoder h, predictor q, projection g. Input float [n, d], on a common scale.

    h: two layers of d/2 units each (section 4 of the paper); q: one logit; g: the decoder that
    reconstructs x.
    """

    def __init__(self, d: int) -> None:
        super().__init__()
        hidden = max(4, d // 2)
        self.h = nn.Sequential(nn.Linear(d, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU())
        self.q = nn.Linear(hidden, 1)
        self.g = nn.Linear(hidden, d)

    def logits(self, x: Tensor) -> Tensor:
        """q(h(x)), float [n]."""
        return self.q(self.h(x))[:, 0]


def label_loss(logits: Tensor, y: Tensor) -> Tensor:
    """L_Y: binary cross-entropy on labelled rows, y float [n] in {0, 1}."""
    return functional.binary_cross_entropy_with_logits(logits, y)


def pseudo_label_loss(logits: Tensor, v: Tensor) -> Tensor:
    """L_Yu: cross-entropy on unlabelled rows with v in {1, 0}; rows with v = -1 weigh nothing but are
    counted."""
    known = (v >= 0).float()
    losses = functional.binary_cross_entropy_with_logits(logits, v.clamp(min=0).float(), reduction="none")
    return (losses * known).mean()


def reconstruction_loss(net: SpadeNet, latent: Tensor, x: Tensor) -> Tensor:
    """L_R: mean squared error of the decoder, on labelled and unlabelled rows alike."""
    return functional.mse_loss(net.g(latent), x)
