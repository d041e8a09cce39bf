"""The differentiable layers: relaxations, gradients, wiring, discretisation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from pipelines.logicgates.model import (
    INITIALISATIONS,
    DifferentiableLogicLayer,
    GroupSum,
    LogicNet,
    LogicNetConfig,
    coefficient_matrix,
    gates,
    random_wiring,
)
from pipelines.logicgates.netlist import TRUTH_TABLES, Netlist

CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))
SMALL = LogicNetConfig((60, 40), crop=8, candidates=(4, 3), seed=3)


def small_images(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, 28, 28)).astype(np.uint8)


def bits_of(net: LogicNet, images: np.ndarray) -> torch.Tensor:
    """float32 [n_inputs, images]"""
    return torch.from_numpy(net.to_netlist().input_bits(images).T.astype(np.float32))


@pytest.mark.parametrize("op", range(16))
def test_relaxation_is_the_function_at_the_corners(op: int) -> None:
    a, b = (torch.tensor([column], dtype=torch.float32) for column in zip(*CORNERS, strict=True))
    c = torch.from_numpy(coefficient_matrix()[op : op + 1])
    assert gates(a, b, c).tolist() == [TRUTH_TABLES[op].tolist()]


@pytest.mark.parametrize(("op", "formula"), [(1, "a*b"), (6, "a+b-2*a*b"), (7, "a+b-a*b"), (14, "1-a*b")])
def test_relaxation_in_between_is_that_of_the_paper(op: int, formula: str) -> None:
    a, b = torch.rand(1, 50), torch.rand(1, 50)
    expected = eval(formula, {"a": a, "b": b})
    assert torch.allclose(
        gates(a, b, torch.from_numpy(coefficient_matrix()[op : op + 1])), expected, atol=1e-6
    )


def test_four_coefficients_equal_the_sum_of_sixteen() -> None:
    layer = DifferentiableLogicLayer(20, 12, 1, "gaussian", np.random.default_rng(0))
    x = torch.rand(20, 7)
    a, b = (x[wire] for wire in layer.wires())
    p = layer.gate_logits.softmax(1)
    M = torch.from_numpy(coefficient_matrix())
    each = torch.stack([M[i, 0] + M[i, 1] * a + M[i, 2] * b + M[i, 3] * a * b for i in range(16)], dim=2)
    assert torch.allclose(layer(x), (each * p[:, None, :]).sum(2), atol=1e-6)


def test_gradients() -> None:
    generator = torch.Generator().manual_seed(0)
    a, b, c = (torch.rand(5, n, dtype=torch.double, generator=generator) for n in (3, 3, 4))
    assert torch.autograd.gradcheck(gates, [t.requires_grad_() for t in (a, b, c)])


@pytest.mark.parametrize("candidates", [1, 4])
def test_gradients_reach_logits_wires_and_inputs(candidates: int) -> None:
    layer = DifferentiableLogicLayer(9, 6, candidates, "gaussian", np.random.default_rng(0)).double()
    x = torch.rand(9, 4, dtype=torch.double, requires_grad=True)
    inputs = [x, *layer.parameters()]
    assert len(inputs) == 2 + (candidates > 1)
    assert torch.autograd.gradcheck(lambda x, *_: layer(x), inputs)


def test_straight_through_has_hard_values_and_soft_gradients() -> None:
    """At binary inputs, with fixed wires, the gradient of the logits is that of the soft layer."""
    layer = DifferentiableLogicLayer(30, 20, 1, "gaussian", np.random.default_rng(1))
    x = (torch.rand(30, 16) > 0.5).float()
    weight = torch.randn(20, 16)
    soft, hard = layer(x), layer(x, hard=True)
    assert set(hard.unique().tolist()) <= {0.0, 1.0}
    assert not torch.equal(soft, hard)
    grads = [torch.autograd.grad((y * weight).sum(), layer.gate_logits)[0] for y in (soft, hard)]
    assert torch.allclose(*grads)


@pytest.mark.parametrize(("n_inputs", "n_gates"), [(400, 8000), (400, 130), (8000, 8000), (3, 50)])
def test_wiring_uses_every_input_about_equally(n_inputs: int, n_gates: int) -> None:
    wires = random_wiring(n_inputs, n_gates, 1, np.random.default_rng(0))[:, :, 0]
    assert wires.shape == (2, n_gates)
    assert (wires[0] != wires[1]).all()
    uses = np.bincount(wires.ravel(), minlength=n_inputs)
    assert len(uses) == n_inputs and uses.max() - uses.min() <= 1


def test_candidates_are_balanced_and_reproducible() -> None:
    first, second = (random_wiring(100, 500, 8, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first, second)
    uses = np.bincount(first.ravel(), minlength=100)
    assert uses.max() - uses.min() <= 8
    with pytest.raises(ValueError):
        random_wiring(1, 5, 1, np.random.default_rng(0))


def test_residual_initialisation_passes_the_first_input() -> None:
    layer = DifferentiableLogicLayer(40, 30, 1, "residual", np.random.default_rng(0))
    x = torch.rand(40, 8)
    assert torch.equal(layer(x, hard=True), x[layer.wires()[0]])
    assert layer.gate_logits.softmax(1)[:, 3].min() > 0.9


def test_group_sum() -> None:
    x = torch.arange(12.0).reshape(6, 2)  # 6 outputs, batch 2
    scores = GroupSum(3, tau=2.0)(x)
    assert scores.tolist() == [[1.0, 5.0, 9.0], [2.0, 6.0, 10.0]]


@pytest.mark.parametrize("initialisation", INITIALISATIONS)
@pytest.mark.parametrize("candidates", [(), (4, 3)])
def test_hard_forward_is_the_netlist(initialisation: str, candidates: tuple[int, ...]) -> None:
    config = LogicNetConfig((60, 40), crop=8, candidates=candidates, initialisation=initialisation)
    net, images = LogicNet(config), small_images(50)
    votes = net(bits_of(net, images), hard=True) * config.tau
    assert np.array_equal(votes.detach().round().int().numpy(), net.to_netlist().votes(images))


def test_one_hot_logits_are_the_netlist_without_rounding() -> None:
    """When every softmax is one-hot, the soft net is its own discretisation."""
    net, images = LogicNet(SMALL), small_images(50)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(1e4 * torch.nn.functional.one_hot(parameter.argmax(-1), parameter.shape[-1]))
    votes = net(bits_of(net, images)) * SMALL.tau
    assert np.array_equal(votes.detach().round().int().numpy(), net.to_netlist().votes(images))


def test_netlist_survives_the_disk(tmp_path: Path) -> None:
    netlist = LogicNet(SMALL).to_netlist()
    netlist.save(tmp_path / "net.safetensors")
    back = Netlist.load(tmp_path / "net.safetensors")
    images = small_images(20)
    assert (back.crop, back.tau, back.n_gates) == (8, 10.0, 100)
    assert np.array_equal(back.votes(images), netlist.votes(images))


def test_pruning_keeps_the_best() -> None:
    net, images = LogicNet(SMALL), small_images(20)
    before = net.to_netlist().votes(images)
    for layer in net.layers:
        layer.prune(2)
        assert layer.candidates.shape[2] == layer.wire_logits.shape[2] == 2
    assert np.array_equal(net.to_netlist().votes(images), before)


def test_seed_decides_everything() -> None:
    first, same, other = (LogicNet(LogicNetConfig((40,), seed=seed)) for seed in (1, 1, 2))
    assert torch.equal(first.layers[0].gate_logits, same.layers[0].gate_logits)
    assert not torch.equal(first.layers[0].gate_logits, other.layers[0].gate_logits)
