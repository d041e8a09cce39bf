"""The training step of a LogicNet as fused numba kernels: one pass over the gates forward, one backward.

The same mathematics as model.py and in its symbols. What is saved is memory traffic: a gate's rows are read
once forward and once backward, and turn there into the gradients of its inputs, coefficients and candidates.
Only the training of the shipped nets needs numba; nothing that the page runs does.
"""

from __future__ import annotations

import numba
import numpy as np
import torch

from pipelines.logicgates.model import DifferentiableLogicLayer, LogicNet, coefficient_matrix

_M = np.ascontiguousarray(coefficient_matrix().T)  # [4, 16]: rows make the loops over functions contiguous
_BETA1, _BETA2, _EPS = np.float32(0.9), np.float32(0.999), np.float32(1e-8)
_LOG2E = np.float32(1.4426950408889634)
_jit = numba.njit(fastmath=True, cache=True, error_model="numpy")


@_jit
def _exp2(z, power, i):
    """2^z = 2^⌊z⌋ · result, with 2^⌊z⌋ left in power[i] as the exponent bits of a float32.

    A call of exp per element would keep the loops around from being vectorised. Relative error 2e-5.
    """
    z = max(z, np.float32(-120.0))
    k = np.floor(z)
    f = z - k
    power[i] = (np.int32(k) + np.int32(127)) << np.int32(23)
    poly = np.float32(0.00961813) + f * np.float32(0.00133336)
    poly = np.float32(0.05550411) + f * poly
    poly = np.float32(0.24022651) + f * poly
    poly = np.float32(0.69314718) + f * poly
    return np.float32(1.0) + f * poly


@_jit
def _prepare_gates(w, M, p, c, power):
    """p = softmax(w) [n, 16], c = p M [n, 4]. `power` is int32 [16] scratch; a fixed 16 lets loops unroll."""
    scale = power.view(np.float32)
    for g in range(len(w)):
        top = w[g, 0]
        for i in range(16):
            top = max(top, w[g, i])
        for i in range(16):
            p[g, i] = _exp2((w[g, i] - top) * _LOG2E, power, i)
        total = np.float32(0)
        for i in range(16):
            e = p[g, i] * scale[i]
            p[g, i] = e
            total += e
        total = np.float32(1) / total
        c0, c1, c2, c3 = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
        for i in range(16):
            e = p[g, i] * total
            p[g, i] = e
            c0 += e * M[0, i]
            c1 += e * M[1, i]
            c2 += e * M[2, i]
            c3 += e * M[3, i]
        c[g, 0], c[g, 1], c[g, 2], c[g, 3] = c0, c1, c2, c3


@_jit
def _prepare_wires(u, q, power):
    """q = softmax(u) over the candidates, [2, n, K]; `power` int32 [K]."""
    scale = power.view(np.float32)
    for side in range(2):
        for g in range(u.shape[1]):
            top = u[side, g, 0]
            for k in range(u.shape[2]):
                top = max(top, u[side, g, k])
            for k in range(u.shape[2]):
                q[side, g, k] = _exp2((u[side, g, k] - top) * _LOG2E, power, k)
            total = np.float32(0)
            for k in range(u.shape[2]):
                q[side, g, k] *= scale[k]
                total += q[side, g, k]
            total = np.float32(1) / total
            for k in range(u.shape[2]):
                q[side, g, k] *= total


@_jit
def _update_gates(gc, M, p, w, m, v, rate, unbias):
    """Adam on w [n, 16] from gc [n, 4]: rate = lr / (1 - β1^t), unbias = 1 / (1 - β2^t)."""
    grad = np.empty(16, np.float32)
    for g in range(len(w)):
        c0, c1, c2, c3 = gc[g, 0], gc[g, 1], gc[g, 2], gc[g, 3]
        mean = np.float32(0)
        for i in range(16):
            grad[i] = c0 * M[0, i] + c1 * M[1, i] + c2 * M[2, i] + c3 * M[3, i]
            mean += grad[i] * p[g, i]
        for i in range(16):
            t = p[g, i] * (grad[i] - mean)
            first = _BETA1 * m[g, i] + (np.float32(1) - _BETA1) * t
            second = _BETA2 * v[g, i] + (np.float32(1) - _BETA2) * t * t
            m[g, i], v[g, i] = first, second
            w[g, i] -= rate * first / (np.sqrt(second * unbias) + _EPS)


@_jit
def _update_wires(gq, q, u, m, v, rate, unbias):
    """Adam on u [2, n, K] from gq, the gradient with respect to q = softmax(u)."""
    for side in range(2):
        for g in range(u.shape[1]):
            mean = np.float32(0)
            for k in range(u.shape[2]):
                mean += gq[side, g, k] * q[side, g, k]
            for k in range(u.shape[2]):
                t = q[side, g, k] * (gq[side, g, k] - mean)
                first = _BETA1 * m[side, g, k] + (np.float32(1) - _BETA1) * t
                second = _BETA2 * v[side, g, k] + (np.float32(1) - _BETA2) * t * t
                m[side, g, k], v[side, g, k] = first, second
                u[side, g, k] -= rate * first / (np.sqrt(second * unbias) + _EPS)


@_jit
def _gate(a, b, c, y):
    c0, c1, c2, c3 = c[0], c[1], c[2], c[3]
    for n in range(len(y)):
        y[n] = c0 + c1 * a[n] + b[n] * (c2 + c3 * a[n])


@_jit
def _forward_fixed(x, wires, c, y):
    for g in range(len(y)):
        _gate(x[wires[0, g]], x[wires[1, g]], c[g], y[g])


@_jit
def _forward_mixed(x, candidates, q, c, ab, y):
    """ab [2, n, batch] receives the mixed inputs, which backward needs."""
    for g in range(len(y)):
        for side in range(2):
            row, weight, mixed = candidates[side, g], q[side, g], ab[side, g]
            mixed[:] = np.float32(0)
            fours = len(row) // 4 * 4
            for k in range(0, fours, 4):
                q0, q1, q2, q3 = weight[k], weight[k + 1], weight[k + 2], weight[k + 3]
                x0, x1, x2, x3 = x[row[k]], x[row[k + 1]], x[row[k + 2]], x[row[k + 3]]
                for n in range(len(mixed)):
                    mixed[n] += q0 * x0[n] + q1 * x1[n] + (q2 * x2[n] + q3 * x3[n])
            for k in range(fours, len(row)):
                q0, x0 = weight[k], x[row[k]]
                for n in range(len(mixed)):
                    mixed[n] += q0 * x0[n]
        _gate(ab[0, g], ab[1, g], c[g], y[g])


@_jit
def _gate_backward(a, b, gy, c, ga, gb, gc):
    """Gradients of a gate's inputs (rows ga, gb) and coefficients (gc)."""
    c1, c2, c3 = c[1], c[2], c[3]
    s0, s1, s2, s3 = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
    for n in range(len(gy)):
        t = gy[n]
        ta = t * a[n]
        s0 += t
        s1 += ta
        s2 += t * b[n]
        s3 += ta * b[n]
        ga[n] = t * (c1 + c3 * b[n])
        gb[n] = t * (c2 + c3 * a[n])
    gc[0], gc[1], gc[2], gc[3] = s0, s1, s2, s3


@_jit
def _backward_fixed(x, wires, c, gy, gx, needs_gx, gc):
    ga, gb = np.empty(gy.shape[1], np.float32), np.empty(gy.shape[1], np.float32)
    for g in range(len(gy)):
        ia, ib = wires[0, g], wires[1, g]
        _gate_backward(x[ia], x[ib], gy[g], c[g], ga, gb, gc[g])
        if needs_gx:
            to_a, to_b = gx[ia], gx[ib]
            for n in range(len(ga)):
                to_a[n] += ga[n]
            for n in range(len(gb)):
                to_b[n] += gb[n]


@_jit
def _backward_mixed(x, candidates, ab, c, q, gy, gx, needs_gx, gc, gq):
    g_ab = np.empty((2, gy.shape[1]), np.float32)
    for g in range(len(gy)):
        _gate_backward(ab[0, g], ab[1, g], gy[g], c[g], g_ab[0], g_ab[1], gc[g])
        for side in range(2):
            gs = g_ab[side]
            for k in range(q.shape[2]):
                weight, row = q[side, g, k], x[candidates[side, g, k]]
                total = np.float32(0)
                for n in range(len(gs)):
                    total += gs[n] * row[n]
                gq[side, g, k] = total
                if needs_gx:
                    to = gx[candidates[side, g, k]]
                    for n in range(len(gs)):
                        to[n] += weight * gs[n]


@_jit
def _backward_chosen(x, candidates, wires, c, gy, gx, needs_gx, gc, gq):
    """Straight-through: inputs were the chosen wires, and only these receive a gradient; the choice among
    candidates does so as if it were soft."""
    g_ab = np.empty((2, gy.shape[1]), np.float32)
    for g in range(len(gy)):
        ia, ib = wires[0, g], wires[1, g]
        _gate_backward(x[ia], x[ib], gy[g], c[g], g_ab[0], g_ab[1], gc[g])
        for side in range(2):
            gs = g_ab[side]
            for k in range(gq.shape[2]):
                row = x[candidates[side, g, k]]
                total = np.float32(0)
                for n in range(len(gs)):
                    total += gs[n] * row[n]
                gq[side, g, k] = total
            if needs_gx:
                to = gx[wires[side, g]]
                for n in range(len(gs)):
                    to[n] += gs[n]


@_jit
def _classify(y, labels, tau, gy):
    """GroupSum and cross-entropy: writes the mean loss's gradient to gy, returns (mean loss, share right)."""
    n, batch = y.shape
    k = 10
    size = n // k
    score = np.zeros((k, batch), np.float32)
    for g in range(size * k):
        total, row = score[g // size], y[g]
        for j in range(batch):
            total[j] += row[j]
    loss, right = 0.0, 0
    for j in range(batch):
        best = 0
        for i in range(1, k):
            if score[i, j] > score[best, j]:
                best = i
        right += best == labels[j]
        top, total = score[best, j], np.float32(0)
        wanted = (score[labels[j], j] - top) / tau
        for i in range(k):
            score[i, j] = np.exp((score[i, j] - top) / tau)
            total += score[i, j]
        loss += np.log(total) - wanted
        for i in range(k):
            score[i, j] = (score[i, j] / total - (i == labels[j])) / (tau * batch)
    for g in range(size * k):
        gy[g] = score[g // size]
    return loss / batch, right / batch


class _FusedLayer:
    """Kernel arguments of one layer. The logits are views of the torch parameters, updated in place."""

    def __init__(self, layer: DifferentiableLogicLayer) -> None:
        self.layer = layer
        self.w = layer.gate_logits.detach().numpy()
        self.p, self.m, self.v = (np.zeros_like(self.w) for _ in range(3))
        n = len(self.w)
        self.c, self.gc = np.empty((n, 4), np.float32), np.empty((n, 4), np.float32)
        self.learnt = layer.wire_logits is not None
        self.y = self.gy = self.ab = np.empty((n, 0), np.float32)
        self.um, self.uv = (np.zeros(layer.candidates.shape, np.float32) for _ in range(2))
        self._view_wires()

    def _view_wires(self) -> None:
        self.candidates = self.layer.candidates.numpy().astype(np.int32)
        self.power = np.empty(max(16, self.candidates.shape[2]), np.int32)
        if self.learnt:
            self.u = self.layer.wire_logits.detach().numpy()
            self.q, self.gq = np.zeros_like(self.u), np.zeros_like(self.u)

    def prune(self, k: int) -> None:
        """Keep each gate input's k best candidates, with the optimiser's moments of these."""
        if self.learnt and k < self.candidates.shape[2]:
            kept = self.layer.prune(k).numpy()
            self.um, self.uv = (np.take_along_axis(moment, kept, 2) for moment in (self.um, self.uv))
            self._view_wires()

    def forward(self, x: np.ndarray, hard: bool) -> np.ndarray:
        n, batch = len(self.w), x.shape[1]
        if self.y.shape[1] != batch:
            self.y, self.gy = np.empty((n, batch), np.float32), np.empty((n, batch), np.float32)
            if self.learnt:
                self.ab = np.empty((2, n, batch), np.float32)
        _prepare_gates(self.w, _M, self.p, self.c, self.power)
        c = np.ascontiguousarray(_M.T[self.w.argmax(1)]) if hard else self.c
        if not self.learnt:
            _forward_fixed(x, self.candidates[:, :, 0], c, self.y)
            return self.y
        _prepare_wires(self.u, self.q, self.power)
        if hard:
            self.wires = np.take_along_axis(self.candidates, self.u.argmax(2)[..., None], 2)[..., 0]
            _forward_fixed(x, self.wires, c, self.y)
        else:
            _forward_mixed(x, self.candidates, self.q, c, self.ab, self.y)
        return self.y

    def backward(self, x: np.ndarray, gx: np.ndarray, needs_gx: bool, hard: bool) -> None:
        """From self.gy: adds to gx if needed, and sets the gradients of c and q."""
        if not self.learnt:
            _backward_fixed(x, self.candidates[:, :, 0], self.c, self.gy, gx, needs_gx, self.gc)
        elif hard:
            _backward_chosen(x, self.candidates, self.wires, self.c, self.gy, gx, needs_gx, self.gc, self.gq)
        else:
            _backward_mixed(
                x, self.candidates, self.ab, self.c, self.q, self.gy, gx, needs_gx, self.gc, self.gq
            )

    def update(self, rate: np.float32, wire_rate: np.float32, unbias: np.float32) -> None:
        _update_gates(self.gc, _M, self.p, self.w, self.m, self.v, rate, unbias)
        if self.learnt:
            _update_wires(self.gq, self.q, self.u, self.um, self.uv, wire_rate, unbias)


class FusedTrainer:
    """Trains a LogicNet in place, on the CPU, with Adam. One thread."""

    def __init__(self, net: LogicNet) -> None:
        self.net = net
        self.layers = [_FusedLayer(layer) for layer in net.layers]
        self.steps = 0

    def forward(self, x: np.ndarray, hard: bool = False) -> np.ndarray:
        """Bits float32 [n_inputs, batch] -> last outputs [n, batch], overwritten by the next call."""
        for layer in self.layers:
            x = layer.forward(x, hard)
        return x

    def step(
        self, x: np.ndarray, labels: np.ndarray, lr: float, hard: bool = False, wire_lr: float | None = None
    ) -> tuple[float, float]:
        """One step on x [n_inputs, batch] and labels [batch], `hard`: straight-through. -> loss, accuracy."""
        self.steps += 1
        y = self.forward(x, hard)
        loss, right = _classify(y, labels, np.float32(self.net.config.tau), self.layers[-1].gy)
        unbias1, unbias2 = 1 / (1 - 0.9**self.steps), 1 / (1 - 0.999**self.steps)
        wire_lr = lr if wire_lr is None else wire_lr
        rates = tuple(np.float32(r) for r in (lr * unbias1, wire_lr * unbias1, unbias2))
        for i in reversed(range(len(self.layers))):
            below = self.layers[i - 1] if i else None
            gx = below.gy if below else self.layers[i].gy
            if below:
                gx[:] = 0
            self.layers[i].backward(below.y if below else x, gx, below is not None, hard)
            self.layers[i].update(*rates)
        return loss, right

    def state(self) -> dict[str, np.ndarray]:
        """All that training changes, as views: logits, candidates and the optimiser's moments."""
        fixed, learnt = ("w", "m", "v"), ("w", "m", "v", "candidates", "u", "um", "uv")
        return {
            f"{i}.{name}": getattr(layer, name)
            for i, layer in enumerate(self.layers)
            for name in (learnt if layer.learnt else fixed)
        }

    def restore(self, state: dict[str, np.ndarray], steps: int) -> None:
        """Go on from `state()` of a trainer of the same net, pruned or not, after `steps` steps."""
        for i, layer in enumerate(self.layers):
            if layer.learnt:
                layer.prune(state[f"{i}.u"].shape[2])
        for name, tensor in self.state().items():
            tensor[...] = state[name]
        for layer in self.layers:
            layer.layer.candidates.copy_(torch.from_numpy(layer.candidates))
        self.steps = steps

    def prune(self, k: int) -> None:
        """Leave every gate input of a learnt wiring at most k candidates, the best."""
        for layer in self.layers:
            layer.prune(k)

    def scores(self, x: np.ndarray, hard: bool) -> np.ndarray:
        """Votes per class, float32 [10, batch], soft or discretised."""
        y = self.forward(x, hard)
        return y.reshape(10, -1, y.shape[1]).sum(1)
