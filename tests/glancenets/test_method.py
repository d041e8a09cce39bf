"""The objective's terms against closed forms and samples."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence

from pipelines.glancenets.method import (
    Weights,
    bottleneck_terms,
    divergence,
    glancenet_terms,
    reconstruction,
    sample_code,
    supervision,
)
from pipelines.glancenets.model import BottleneckNet, Classifier, GlanceNet, Shape
from pipelines.glancenets.training import Pictures, Recipe, labelled_part, train

SHAPE = Shape(side=16, channels=1, widths=(4, 8), hidden=16, concepts=2, opaque=3, classes=2)


def toy(count: int = 64) -> Pictures:
    """Bright and dark pictures; the first concept says which."""
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(count) % 2
    x = (y[:, None, None, None] * 150 + torch.randint(0, 60, (count, 1, 16, 16), generator=generator)).byte()
    return Pictures(x, y, torch.stack([y.float(), torch.rand(count, generator=generator)], dim=1))


def test_divergence_is_zero_at_the_prior_and_agrees_with_torch() -> None:
    generator = torch.Generator().manual_seed(0)
    mean, log_variance, prior = torch.randn(3, 5, 4, generator=generator)
    deviation = torch.tensor([0.4, 1.0, 2.0, 1.0])
    assert divergence(prior, 2 * deviation.log().expand(5, 4), prior, deviation).abs().max() < 1e-6
    expected = kl_divergence(
        Independent(Normal(mean, (0.5 * log_variance).exp()), 1),
        Independent(Normal(prior, deviation.expand(5, 4)), 1),
    )
    assert torch.allclose(divergence(mean, log_variance, prior, deviation), expected, atol=1e-5)


def test_divergence_agrees_with_sampling() -> None:
    mean, log_variance = torch.tensor([[0.7]]), torch.tensor([[-1.0]])
    z = sample_code(
        mean.expand(200_000, 1), log_variance.expand(200_000, 1), torch.Generator().manual_seed(0)
    )
    q, p = Normal(mean, (0.5 * log_variance).exp()), Normal(torch.tensor(0.0), torch.tensor(1.0))
    sampled = (q.log_prob(z) - p.log_prob(z)).mean().item()
    assert divergence(mean, log_variance, torch.zeros(1, 1), torch.ones(1)) == pytest.approx(
        sampled, abs=0.01
    )


def test_reconstruction_is_the_negative_log_likelihood() -> None:
    logits = torch.tensor([[[[0.0, 2.0]]]])
    x = torch.tensor([[[[1.0, 0.0]]]])
    assert reconstruction(logits, x, 0.0).item() == pytest.approx(math.log(2) + math.log1p(math.e**2))
    pixels = torch.sigmoid(logits)
    assert reconstruction(logits, x, 0.2).item() == pytest.approx((pixels - x).square().sum().item() / 0.08)


def test_supervision_counts_the_labelled_alone_and_is_least_at_the_truth() -> None:
    z = torch.tensor([[0.0, 9.0], [5.0, 5.0]])
    concepts = torch.tensor([[0.5, 1.0], [0.0, 0.0]])
    labelled = torch.tensor([True, False])
    assert supervision(z[:, :1], concepts[:, :1], labelled).item() == pytest.approx(math.log(2))
    assert supervision(z, concepts, torch.tensor([False, False])).item() == 0
    truth = torch.tensor([[0.3]])
    one = torch.tensor([True])
    losses = {g: supervision(torch.tensor([[g]]).logit(), truth, one).item() for g in (0.2, 0.3, 0.4)}
    assert min(losses, key=losses.get) == 0.3


def test_contributions_add_up_to_the_logits() -> None:
    classifier = Classifier(3, 4)
    z = torch.randn(5, 7, generator=torch.Generator().manual_seed(0))
    parts = classifier.contributions(z)
    assert parts.shape == (5, 4, 3)
    assert torch.allclose(parts.sum(dim=2) + classifier.dense.bias, classifier(z), atol=1e-6)


def test_the_classifier_and_the_prototypes_do_not_see_opaque_dimensions() -> None:
    net = GlanceNet(SHAPE)
    z = torch.randn(4, 5, generator=torch.Generator().manual_seed(0))
    changed = z.clone()
    changed[:, 2:] += 3
    assert torch.equal(net.classifier(z), net.classifier(changed))
    net.prototypes.data.fill_(1.0)
    assert net.prior_mean(torch.tensor([0, 1])).tolist() == [[1, 1, 0, 0, 0]] * 2


def test_terms_are_weighted_into_one_loss() -> None:
    pictures = toy(8)
    x = pictures.x.float() / 255
    everything = torch.ones(8, dtype=torch.bool)
    net = GlanceNet(SHAPE)
    generator = torch.Generator().manual_seed(0)
    terms = glancenet_terms(net, x, pictures.y, pictures.concepts, everything, 0.0, generator)
    expected = (
        terms.reconstruction.item()
        + 2 * terms.divergence.item()
        + 3 * terms.label.item()
        + 4 * terms.concepts.item()
    )
    weights = Weights(beta=2, classes=3, concepts=4)
    assert terms.total(weights).item() == pytest.approx(expected, rel=1e-5)
    terms = bottleneck_terms(BottleneckNet(SHAPE), x, pictures.y, pictures.concepts, everything)
    assert terms.reconstruction == terms.divergence == 0


@pytest.mark.parametrize("kind", [GlanceNet, BottleneckNet])
def test_training_learns_and_repeats_itself(kind: type) -> None:
    recipe = Recipe(steps=60, batch=16, rate=5e-3)
    first, again = (train(kind, SHAPE, toy(), recipe, 3, lambda _: None) for _ in range(2))
    x = toy().x.float() / 255
    with torch.inference_mode():
        code = first.encode(x)
        z = code[0] if kind is GlanceNet else code
        assert (first.classifier(z).argmax(dim=1) == toy().y).float().mean() > 0.95
    for one, other in zip(first.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("share", [0.01, 0.1, 1.0])
def test_the_labelled_part_has_its_size_and_depends_on_the_seed(share: float) -> None:
    part = labelled_part(1000, share, seed=0)
    assert part.sum() == round(1000 * share)
    assert torch.equal(part, labelled_part(1000, share, seed=0))
    if share < 1:
        assert not torch.equal(part, labelled_part(1000, share, seed=1))


def test_shapes_of_codes_and_pictures() -> None:
    net = GlanceNet(SHAPE).eval()
    mean, log_variance = net.encode(torch.zeros(2, 1, 16, 16))
    assert mean.shape == log_variance.shape == (2, 5)
    assert net.decode(mean).shape == (2, 1, 16, 16)
    assert np.isfinite(net.decode(1e3 * torch.ones(1, 5)).detach().numpy()).all()


def test_at_first_the_decoder_sees_concepts_alone() -> None:
    pictures, net = toy(8), GlanceNet(SHAPE).eval()
    x, everything = pictures.x.float() / 255, torch.ones(8, dtype=torch.bool)

    def rebuilt(opaque: bool) -> float:
        generator = torch.Generator().manual_seed(0)
        batch = (x, pictures.y, pictures.concepts, everything)
        return glancenet_terms(net, *batch, 0.0, generator, opaque).reconstruction.item()

    before = {opaque: rebuilt(opaque) for opaque in (False, True)}
    net.decoder[0].weight.data[:, 2:] = 0
    assert rebuilt(False) == pytest.approx(before[False])
    assert rebuilt(True) == pytest.approx(before[False]) != before[True]
