"""Differentiable logic gate networks (Petersen et al. 2022, arXiv 2210.08277, section 3), in plain torch.

A neuron is a two-input gate whose wiring is fixed and whose function is learnt. Bits are relaxed to
probabilities: a AND b becomes a·b, NOT a becomes 1 - a. Each of the 16 functions is then bilinear,

    f_i(a, b) = M[i,0] + M[i,1]·a + M[i,2]·b + M[i,3]·ab,

so the paper's neuron, the mean of all 16 under a learnt distribution,

    f(a, b) = Σ_i softmax(w)_i · f_i(a, b),

needs the four numbers c = softmax(w) M only, and neither forward nor backward pass evaluates 16 functions.
Signals are laid out [neurons, batch]: a gate reads two contiguous rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from pipelines.logicgates.netlist import TRUTH_TABLES, GateLayer, Netlist

PASS_A = 3
"""Id of the gate that passes on its first input; residual initialisation starts there."""
INITIALISATIONS = ("gaussian", "residual")


def coefficient_matrix() -> np.ndarray:
    """M, float32 [16, 4]: the relaxation of function i is M[i] · (1, a, b, ab).

    Follows from the truth table: M[i] · (1, u, v, uv) = f_i(u, v) at the four corners u, v in {0, 1}.
    """
    f00, f01, f10, f11 = TRUTH_TABLES.astype(np.float32).T
    return np.stack([f00, f10 - f00, f01 - f00, f11 - f10 - f01 + f00], axis=1)


class _Gates(torch.autograd.Function):
    """n relaxed gates at once: y = c0 + c1·a + c2·b + c3·ab, with the backward pass written out."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, c: Tensor, c_hard: Tensor | None) -> Tensor:
        """a, b [n, batch], c [n, 4] -> [n, batch]. Given `c_hard` [n, 4], the value is that of the hard gates
        and the gradient stays that of the soft ones: the straight-through estimator."""
        ctx.save_for_backward(a, b, c)
        c0, c1, c2, c3 = (c if c_hard is None else c_hard).unsqueeze(2).unbind(1)
        return torch.addcmul(c0, c1, a).addcmul_(torch.addcmul(c2, c3, a), b)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        a, b, c = ctx.saved_tensors
        _, c1, c2, c3 = c.unsqueeze(2).unbind(1)
        product = grad * a
        sums = [grad.sum(1), product.sum(1), (grad * b).sum(1), product.mul_(b).sum(1)]
        grad_a, grad_b = torch.addcmul(c1, c3, b).mul_(grad), torch.addcmul(c2, c3, a).mul_(grad)
        return grad_a, grad_b, torch.stack(sums, dim=1), None


def gates(a: Tensor, b: Tensor, c: Tensor, c_hard: Tensor | None = None) -> Tensor:
    """Evaluate n relaxed gates: inputs a, b [n, batch] in [0, 1], coefficients c [n, 4] -> [n, batch]."""
    return _Gates.apply(a, b, c, c_hard)


def random_wiring(n_inputs: int, n_gates: int, candidates: int, rng: np.random.Generator) -> np.ndarray:
    """Fixed pseudo-random connections, int64 [2, n_gates, candidates].

    Every input is used equally often, to within one use per column of candidates, and no gate reads the same
    signal twice in a column. One candidate is the paper's wiring; with more, each gate input chooses.
    """
    if n_inputs < 2:
        raise ValueError("a gate needs two different inputs")
    columns = []
    for _ in range(candidates):
        order = rng.permutation(2 * n_gates) % n_inputs
        a, b = rng.permutation(n_inputs)[order].reshape(2, n_gates)
        while (same := np.flatnonzero(a == b)).size:
            other = rng.integers(0, n_gates, same.size)
            for i, j in zip(same, other, strict=True):
                b[i], b[j] = b[j], b[i]
        columns.append(np.stack([a, b]))
    return np.stack(columns, axis=2)


class DifferentiableLogicLayer(nn.Module):
    """One layer: [n_inputs, batch] -> [n_gates, batch], both in [0, 1].

    Learnt: `gate_logits` w [n_gates, 16]; with K > 1 candidates also `wire_logits` [2, n_gates, K], a soft
    choice of each gate input among K signals (top-k wiring, arXiv 2511.12340), of which the best remains.
    """

    def __init__(
        self, n_inputs: int, n_gates: int, candidates: int, initialisation: str, rng: np.random.Generator
    ) -> None:
        """`initialisation`: "gaussian", w ~ N(0, 1) as in the paper; or "residual", P(pass a) = 0.91 for each
        gate (arXiv 2411.04732), which keeps deep nets trainable and leaves fewer gates alive."""
        super().__init__()
        self.candidates: Tensor
        self.register_buffer(
            "candidates", torch.from_numpy(random_wiring(n_inputs, n_gates, candidates, rng))
        )
        self.M: Tensor
        self.register_buffer("M", torch.from_numpy(coefficient_matrix()), persistent=False)
        if initialisation == "gaussian":
            w = rng.standard_normal((n_gates, 16))
        else:
            w = np.zeros((n_gates, 16))
            w[:, PASS_A] = 5.0
        self.gate_logits = nn.Parameter(torch.from_numpy(w).float())
        self.wire_logits = None
        if candidates > 1:
            u = rng.standard_normal((2, n_gates, candidates))
            self.wire_logits = nn.Parameter(torch.from_numpy(u).float())

    def coefficients(self) -> Tensor:
        """c = softmax(w) M, [n_gates, 4]."""
        return self.gate_logits.softmax(dim=1) @ self.M

    def wires(self) -> Tensor:
        """The signals that the gates read once discretised, int64 [2, n_gates]."""
        if self.wire_logits is None:
            return self.candidates[:, :, 0]
        return self.candidates.gather(2, self.wire_logits.argmax(2, keepdim=True)).squeeze(2)

    def ops(self) -> Tensor:
        """The functions that the gates are once discretised, argmax of w, int64 [n_gates]."""
        return self.gate_logits.argmax(dim=1)

    def forward(self, x: Tensor, hard: bool = False) -> Tensor:
        """[n_inputs, batch] -> [n_gates, batch].

        `hard`: the value of the discretised layer with the gradient of the soft gates (straight-through).
        A chosen wire passes its gradient on alone; the choice among candidates learns as if it were soft.
        """
        if self.wire_logits is None:
            a, b = (x.index_select(0, wire) for wire in self.wires())
        elif not hard:
            a, b = (self._mix(x, side) for side in range(2))
        else:
            mixed = [self._mix(x.detach(), side) for side in range(2)]
            a, b = (
                x.index_select(0, wire) + (soft - soft.detach())
                for wire, soft in zip(self.wires(), mixed, strict=True)
            )
        return gates(a, b, self.coefficients(), self.M[self.ops()] if hard else None)

    def _mix(self, x: Tensor, side: int) -> Tensor:
        weights = self.wire_logits[side].softmax(dim=1)
        return functional.embedding_bag(self.candidates[side], x, mode="sum", per_sample_weights=weights)

    @torch.no_grad()
    def prune(self, k: int) -> Tensor:
        """Keep the k best candidates of each gate input; returns their positions, int64 [2, n_gates, k]."""
        kept = self.wire_logits.topk(k, dim=2).indices
        self.candidates = self.candidates.gather(2, kept)
        self.wire_logits = nn.Parameter(self.wire_logits.gather(2, kept).contiguous())
        return kept

    def to_gate_layer(self) -> GateLayer:
        """The discretised layer."""
        a, b = self.wires().cpu().numpy().astype(np.int32)
        return GateLayer(a, b, self.ops().cpu().numpy().astype(np.uint8))


class GroupSum(nn.Module):
    """The outputs fall into k equal groups; a class's score is the sum over its group, divided by τ."""

    def __init__(self, k: int, tau: float) -> None:
        super().__init__()
        self.k, self.tau = k, tau

    def forward(self, x: Tensor) -> Tensor:
        """[n, batch] -> scores [batch, k]; the soft-max of these is the predicted distribution."""
        return x.reshape(self.k, -1, x.shape[1]).sum(1).T / self.tau


@dataclass(frozen=True)
class LogicNetConfig:
    """What a LogicNet is before it learns."""

    widths: tuple[int, ...]
    """Gates per layer; the last is a multiple of the 10 classes."""
    crop: int = 0
    """Pixels cut from every border of the image; 4 in the paper's small net."""
    tau: float = 10.0
    candidates: tuple[int, ...] = ()
    """Signals that each gate input of a layer may choose from; () is the paper's fixed wiring."""
    initialisation: str = "gaussian"
    seed: int = 0


class LogicNet(nn.Module):
    """Layers of differentiable gates between binarised pixels and GroupSum over the 10 digits."""

    def __init__(self, config: LogicNetConfig) -> None:
        super().__init__()
        self.config = config
        rng = np.random.default_rng(config.seed)
        sizes: Sequence[int] = ((Netlist.SIDE - 2 * config.crop) ** 2, *config.widths)
        candidates = config.candidates or (1,) * len(config.widths)
        self.layers = nn.ModuleList(
            DifferentiableLogicLayer(n_in, n_out, k, config.initialisation, rng)
            for n_in, n_out, k in zip(sizes, sizes[1:], candidates, strict=False)
        )
        self.group_sum = GroupSum(10, config.tau)

    def forward(self, x: Tensor, hard: bool = False) -> Tensor:
        """Input bits [n_inputs, batch] in [0, 1] -> scores [batch, 10]. `hard` as in the layers."""
        for layer in self.layers:
            x = layer(x, hard)
        return self.group_sum(x)

    def to_netlist(self) -> Netlist:
        """Discretise: every gate becomes its most probable function, every wire its best candidate."""
        layers = tuple(layer.to_gate_layer() for layer in self.layers)
        return Netlist(layers, crop=self.config.crop, tau=self.config.tau)
