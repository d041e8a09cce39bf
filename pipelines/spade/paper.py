"""The paper's mode: the one-class ensemble lives in the encoder's latent space and is refitted every epoch.

Section 3 and Equation 5 to the letter, with three guards against the loop's instability, none of which the
paper mentions: the first epochs learn without pseudo-labels, the tails beyond both thresholds are capped, and
the best epoch is kept. Optimiser, rate and batch size are not given in the paper; ours are below.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from pipelines.runtime import Progress
from pipelines.spade.labeller import Caps, Ensemble, disjoint_subsets, fit_ensemble
from pipelines.spade.labels import ANOMALY, NORMAL, UNKNOWN
from pipelines.spade.model import SpadeNet, label_loss, pseudo_label_loss, reconstruction_loss
from pipelines.spade.robust import found
from pipelines.spade.scale import Whitening

ALPHA = BETA = 1.0
RATE = 1e-3
BATCH = 256
EPOCHS = 60
WARM_UP = 10
PATIENCE = 5
"""Epochs without a lower training loss before the end (the paper's rule)."""


@dataclass(frozen=True)
class PaperDetector:
    """Encoder and predictor; inference uses nothing else."""

    whitening: Whitening
    net: SpadeNet
    ensemble: Ensemble

    def score(self, X: np.ndarray) -> np.ndarray:
        """q(h(x)) as a logit, float [n], of raw rows X float [n, d]; high = anomalous."""
        with torch.inference_mode():
            x = torch.from_numpy(self.whitening.transform(X)).float()
            return self.net.logits(x).double().numpy()

    def latent(self, Z: np.ndarray) -> np.ndarray:
        """h(x) of whitened rows Z, float [n, d/2]."""
        with torch.inference_mode():
            return self.net.h(torch.from_numpy(Z).float()).double().numpy()


@dataclass(frozen=True)
class Epoch:
    """What one epoch reports: its training loss and the shares of pseudo-labels."""

    epoch: int
    loss: float
    anomalies: float
    normals: float


def fit_paper(
    X: np.ndarray, y: np.ndarray, seed: int = 0, K: int = 5, epochs: int = EPOCHS
) -> Iterator[Progress | tuple[PaperDetector, np.ndarray]]:
    """Fit to X float [n, d], finite, with y int [n] in {1, 0, -1}; at least 2 K unlabelled, one labelled row.

    Yields Progress with an Epoch as preview, finally the detector and the unlabelled rows' scores, [K,
    n_u].
    """
    generator = np.random.default_rng(seed)
    whitening = Whitening().fit(X)
    Z = torch.from_numpy(whitening.transform(X)).float()
    labels = torch.from_numpy(y[y != UNKNOWN]).float()
    xl, xu = Z[y != UNKNOWN], Z[y == UNKNOWN]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = SpadeNet(Z.shape[1])
    optimiser = torch.optim.Adam(net.parameters(), lr=RATE)
    share = float(labels.mean())
    cap = min(0.5, max(2 * share, 0.1)) if share < 1 else 0.1
    caps = Caps(anomalies=cap, normals=0.9, few=float(np.clip(share, 0.01, cap)))

    best_loss, best, stale = np.inf, None, 0
    for epoch in range(epochs):
        ensemble, scores = _refit(net, xl, labels, xu, K, caps, generator)
        warm = epoch < WARM_UP
        v = np.full(len(xu), UNKNOWN, dtype=np.int8) if warm else ensemble.pseudo_labels(scores)
        loss = None
        for step in _epoch(net, optimiser, xl, labels, xu, torch.from_numpy(v), generator):
            loss = step
            if loss is None:
                yield Progress(epoch, epochs, f"epoch {epoch + 1}")
        report = Epoch(epoch + 1, loss, float((v == ANOMALY).mean()), float((v == NORMAL).mean()))
        note = "warming up without pseudo-labels" if warm else found(v)
        yield Progress(epoch + 1, epochs, f"epoch {epoch + 1}, loss {loss:.3f}, {note}", report)
        if warm:
            continue
        stale = 0 if loss < best_loss * 0.999 else stale + 1
        if loss < best_loss:
            best_loss, best = loss, copy.deepcopy(net.state_dict())
        if stale >= PATIENCE:
            break
    if best is not None:
        net.load_state_dict(best)
    ensemble, scores = _refit(net, xl, labels, xu, K, caps, np.random.default_rng(seed))
    yield PaperDetector(whitening, net.eval(), ensemble), scores


def _refit(
    net: SpadeNet,
    xl: torch.Tensor,
    labels: torch.Tensor,
    xu: torch.Tensor,
    K: int,
    caps: Caps,
    generator: np.random.Generator,
) -> tuple[Ensemble, np.ndarray]:
    """The one-class ensemble on the present representation."""
    with torch.inference_mode():
        Hl, Hu = net.h(xl).double().numpy(), net.h(xu).double().numpy()
    anomalous = labels.numpy() == ANOMALY
    subsets = disjoint_subsets(len(Hu), K, generator)
    return fit_ensemble(Hu, Hl[anomalous], Hl[~anomalous], subsets, caps, np.log1p, floor=1e-4)


def _epoch(
    net: SpadeNet,
    optimiser: torch.optim.Optimizer,
    xl: torch.Tensor,
    labels: torch.Tensor,
    xu: torch.Tensor,
    v: torch.Tensor,
    generator: np.random.Generator,
) -> Iterator[float | None]:
    """One pass over the unlabelled rows, each batch beside as many labelled rows; ends with the mean loss.

    Yields None now and then, so that a long epoch can be stopped.
    """
    total, batches = 0.0, 0
    order = torch.from_numpy(generator.permutation(len(xu)))
    for u in order.split(BATCH):
        i = torch.from_numpy(generator.integers(0, len(xl), BATCH))
        hu, hl = net.h(xu[u]), net.h(xl[i])
        loss = (
            label_loss(net.q(hl)[:, 0], labels[i])
            + ALPHA * pseudo_label_loss(net.q(hu)[:, 0], v[u])
            + BETA * reconstruction_loss(net, torch.cat([hu, hl]), torch.cat([xu[u], xl[i]]))
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        total, batches = total + float(loss.detach()), batches + 1
        if batches % 100 == 0:
            yield None
    yield total / batches
