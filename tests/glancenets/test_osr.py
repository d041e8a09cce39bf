"""Rejection by construction, and the probe."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pipelines.glancenets import osr
from pipelines.glancenets.model import GlanceNet, Shape
from pipelines.glancenets.probes import Probe, fit_probe, leak

SHAPE = Shape(side=16, channels=1, widths=(4, 8), hidden=16, concepts=2, opaque=3, classes=2)


def seen(seed: int = 0, count: int = 4000) -> tuple[osr.Codes, torch.Tensor, GlanceNet]:
    """Codes around two prototypes."""
    generator = torch.Generator().manual_seed(seed)
    net = GlanceNet(SHAPE)
    net.prototypes.data.copy_(torch.tensor([[-2.0, 0.0], [2.0, 0.0]]))
    y = torch.randint(0, 2, (count,), generator=generator)
    mean = net.prior_mean(y).detach() + torch.randn(count, 5, generator=generator)
    return osr.judge(net, mean, torch.rand(count, generator=generator)), y, net


def test_most_training_pictures_are_accepted_by_construction() -> None:
    codes, y, _ = seen()
    thresholds = osr.fit(codes, y)
    assert (osr.score(codes, thresholds, extended=False) < 1).float().mean() >= 0.90
    assert (osr.score(codes, thresholds, extended=True) < 1).float().mean() >= 0.85
    assert (codes.error < thresholds.reconstruction).float().mean() == pytest.approx(0.95, abs=0.001)
    for c in range(2):
        inside = codes.distances[y == c, c] < thresholds.prototypes[c]
        assert inside.float().mean() == pytest.approx(0.95, abs=0.001)


def test_each_test_refuses_what_it_is_for() -> None:
    codes, y, net = seen()
    thresholds = osr.fit(codes, y)
    home = torch.tensor([[-2.0, 0, 0, 0, 0]])
    far, odd = home.clone(), home.clone()
    far[0, 0], odd[0, 4] = -9, 9
    cases = {"good": (home, 0.1), "blurred": (home, 2.0), "far": (far, 0.1), "odd": (odd, 0.1)}
    passed = {
        name: (osr.ratios(osr.judge(net, z, torch.tensor([error])), thresholds)[0] < 1).tolist()
        for name, (z, error) in cases.items()
    }
    assert passed == {
        "good": [True, True, True],
        "blurred": [False, True, True],
        "far": [True, False, True],
        "odd": [True, True, False],
    }


def test_the_opaque_norm_counts_in_the_extended_rule_only() -> None:
    codes, y, net = seen()
    thresholds = osr.fit(codes, y)
    odd = osr.judge(net, torch.tensor([[-2.0, 0, 9, 0, 0]]), torch.tensor([0.1]))
    assert osr.score(odd, thresholds, extended=False) < 1 < osr.score(odd, thresholds, extended=True)


def test_a_probe_finds_what_is_there_and_nothing_else() -> None:
    generator = np.random.default_rng(0)
    concepts = generator.random((4000, 3))
    told = (concepts[:, 1] > 0.5).astype(int)
    assert leak(fit_probe(concepts, told), concepts, told) > 0.95
    random = generator.integers(0, 2, 4000)
    probe = fit_probe(concepts[:2000], random[:2000])
    assert leak(probe, concepts[2000:], random[2000:]) < 0.08


def test_rejected_pictures_count_as_a_coin() -> None:
    probe = Probe(np.array([100.0]), -50.0)
    concepts, answers = np.array([[0.0], [1.0], [0.0], [1.0]]), np.array([0, 1, 0, 1])
    assert leak(probe, concepts, answers) == 1
    assert leak(probe, concepts, answers, np.array([True, True, False, False])) == 0.5
    assert leak(probe, concepts, answers, np.zeros(4, bool)) == 0
