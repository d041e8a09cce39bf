"""The method's parts on hand-made scores: votes, thresholds, losses, densities, both modes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from pipelines.errors import InputError
from pipelines.runtime import Progress
from pipelines.spade import labeller
from pipelines.spade.choice import Task, validate
from pipelines.spade.evaluate import merge, planted_recovery
from pipelines.spade.explain import explain
from pipelines.spade.gaussian import GaussianDensity
from pipelines.spade.labeller import Caps, disjoint_subsets, fit_ensemble, unanimous
from pipelines.spade.matching import otsu, partial_matching, percentile
from pipelines.spade.method import MODES, Fit, fit
from pipelines.spade.robust import TailRank, Trust, by_share
from pipelines.spade.scenarios import digits, split


def blobs(seed: int = 0, n: int = 400, d: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, labels and truth: one known and one unknown kind of anomaly."""
    generator = np.random.default_rng(seed)
    X = generator.normal(size=(n, d))
    truth = np.zeros(n, dtype=int)
    truth[: n // 10] = 1
    X[: n // 20, 0] += 5
    X[n // 20 : n // 10, 1] -= 5
    y = np.full(n, -1)
    y[:8] = 1
    y[n // 2 : n // 2 + 40] = 0
    return X, y, truth


def finished(steps: object) -> Fit:
    return [step for step in steps if not isinstance(step, Progress)][-1]


def test_only_unanimous_votes_make_a_pseudo_label() -> None:
    anomalous, normal = np.array([5, 4, 0, 0, 5]), np.array([0, 0, 5, 4, 5])
    assert unanimous(anomalous, normal, 5).tolist() == [1, -1, 0, -1, -1]


def test_subsets_are_disjoint_and_complete() -> None:
    parts = disjoint_subsets(103, 5, np.random.default_rng(0))
    assert sorted(np.concatenate(parts).tolist()) == list(range(103))
    assert {len(part) for part in parts} == {20, 21}


def test_labelled_anomalies_enter_no_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = []

    class Spy(GaussianDensity):
        def fit(self, X: np.ndarray) -> GaussianDensity:
            fitted.append(X)
            return super().fit(X)

    monkeypatch.setattr(labeller, "GaussianDensity", Spy)
    X, y, _ = blobs()
    fit_ensemble(
        X[y == -1], X[y == 1], X[y == 0], disjoint_subsets((y == -1).sum(), 5, np.random.default_rng(0))
    )
    assert len(fitted) == 5
    rows = {row.tobytes() for part in fitted for row in part}
    assert not rows & {row.tobytes() for row in X[y == 1]}
    assert {row.tobytes() for row in X[y != 1]} == rows


def test_a_planted_tail_is_recovered() -> None:
    assert planted_recovery() >= 0.9


def test_matching_mirrors_for_normals_and_respects_its_cap() -> None:
    generator = np.random.default_rng(1)
    scores = np.concatenate([generator.normal(0, 1, 900), generator.normal(8, 1, 100)])
    low = partial_matching(generator.normal(0, 1, 50), scores, "low")
    assert low.share == pytest.approx(0.9, abs=0.04)
    assert (scores < low.eta).mean() == pytest.approx(low.share)
    assert partial_matching(generator.normal(0, 1, 50), scores, "high", cap=0.05).share <= 0.05


def test_otsu_splits_two_groups_and_percentile_takes_its_share() -> None:
    generator = np.random.default_rng(2)
    scores = np.concatenate([generator.normal(0, 1, 500), generator.normal(10, 1, 500)])
    assert 2 < otsu(scores, "high").eta < 8
    assert otsu(scores, "high", cap=0.1).share <= 0.1
    assert percentile(scores, "high", 0.2).share == pytest.approx(0.2)
    assert np.isfinite(otsu(np.ones(20), "high").eta)


def test_thresholds_of_the_robust_mode_do_not_cross() -> None:
    X, y, _ = blobs()
    subsets = disjoint_subsets((y == -1).sum(), 5, np.random.default_rng(0))
    ensemble, _ = fit_ensemble(X[y == -1], X[y == 1], X[y == 0], subsets, Caps(0.1, apart=True), np.log1p)
    for high, low in zip(ensemble.high, ensemble.low, strict=True):
        assert low.eta <= high.eta + 1e-9


def test_the_losses() -> None:
    import torch

    from pipelines.spade.model import SpadeNet, label_loss, pseudo_label_loss, reconstruction_loss

    logits = torch.tensor([0.0, 2.0, -3.0])
    expected = np.log1p(np.exp([0.0, -2.0, -3.0])).mean()
    assert float(label_loss(logits, torch.tensor([1.0, 1.0, 0.0]))) == pytest.approx(expected, rel=1e-5)
    masked = float(pseudo_label_loss(logits, torch.tensor([1, -1, -1])))
    assert masked == pytest.approx(np.log(2) / 3, rel=1e-5), "unknown rows weigh nothing but are counted"
    net = SpadeNet(6)
    assert net.h[0].out_features == 3 or net.h[0].out_features == 4
    x = torch.randn(5, 6)
    latent = net.h(x)
    assert reconstruction_loss(net, latent, x).item() == pytest.approx(
        ((net.g(latent) - x) ** 2).mean().item()
    )


def test_contributions_sum_to_the_score_and_find_the_planted_feature() -> None:
    X, y, _ = blobs(n=600, d=8)
    y[30:38] = 1  # of the other kind too: occlusion explains what the detector has learnt
    found = finished(fit(X, y))
    reasons = explain(found.detector, X, y, np.arange(X.shape[1]), np.arange(60))
    assert np.abs(reasons.density.sum(axis=1) - reasons.score).max() < 1e-6
    planted = np.where(np.arange(60) < 30, 0, 1)
    assert (reasons.density.argmax(axis=1) == planted).mean() >= 0.95
    assert (reasons.occlusion.argmax(axis=1) == planted).mean() >= 0.9


def test_more_columns_than_rows_is_no_trouble() -> None:
    X = np.random.default_rng(0).normal(size=(8, 40))
    assert np.isfinite(GaussianDensity().fit(X).score(X)).all()


def test_tail_ranks_grow_with_the_score() -> None:
    rank = TailRank(np.arange(100.0))
    values = rank(np.array([-5.0, 10.0, 50.0, 99.0, 1000.0]))
    assert (np.diff(values) > 0).all()
    assert np.isfinite(values).all()


def test_trust_needs_both_views() -> None:
    assert Trust(0.95, 0.7).weight == pytest.approx(1.5)
    assert Trust(0.95, 0.1).weight == 0
    assert Trust(0.5, 0.9).weight == 0
    assert 0 < Trust(0.8, 0.5).weight < Trust(0.9, 0.45).weight < 1.5, "what one lacks the other makes up"


def test_the_choice_compares_rules_on_validation_folds() -> None:
    source = replace(digits(), X=digits().X[:, 20:30])
    found = validate([("digits", Task(source, "new types", 0.2))])
    assert {"rf", "never", "trust", "always"} <= set(found["means"])
    row = found["tables"]["digits"]
    assert min(row["never"], row["always"]) - 0.1 < row["trust"] < 1
    task = split(source, 0, share=0.2, validation=True)
    assert len(task.X) + len(task.X_test) == (~source.test).sum(), "no test row is seen"


def test_by_share_takes_both_ends() -> None:
    scores = np.tile(np.arange(100.0), (5, 1))
    v = by_share(scores, 0.1)
    assert (v[-10:] == 1).all()
    assert (v[:10] == 0).all()
    assert (v[10:-10] == -1).all()


@pytest.mark.parametrize("mode", MODES)
def test_both_modes_rank_known_and_unknown_kinds_first(mode: str) -> None:
    generator = np.random.default_rng(0)
    _, y, truth = blobs(n=1000)
    X = generator.normal(size=(1000, 3)) @ generator.normal(size=(3, 12)) + generator.normal(
        0, 0.2, (1000, 12)
    )
    X[:50, 0] += 3
    X[50:100, 1] -= 3
    found = finished(fit(X, y, mode))
    hidden = y == -1
    assert roc_auc_score(truth[hidden], found.score(X)[hidden]) > (0.85 if mode == "robust" else 0.6)
    assert set(np.unique(found.v)) <= {-1, 0, 1}
    assert found.votes.shape == (2, hidden.sum())


@pytest.mark.parametrize("mode", MODES)
def test_the_same_seed_gives_the_same_bytes(mode: str) -> None:
    X, y, _ = blobs()
    one, two = (finished(fit(X, y, mode, seed=4)).score(X) for _ in range(2))
    assert one.tobytes() == two.tobytes()


@pytest.mark.parametrize(
    ("keep", "labels"), [((1,), "positive"), ((0,), "normal"), ((), "none"), ((0, 1), "both")]
)
def test_every_case_of_labels(keep: tuple[int, ...], labels: str) -> None:
    X, y, truth = blobs()
    known = np.r_[:20, 40:400]  # the labelled kind and the normal rows
    y = np.where(np.isin(y, keep), y, -1)
    found = finished(fit(X, y))
    assert found.labels == labels
    assert roc_auc_score(truth[known], found.score(X)[known]) > 0.8
    ways = {"positive": ("matching", "otsu"), "normal": ("otsu", "matching"), "none": ("otsu", "otsu")}
    if labels in ways:
        assert (found.ensemble.high[0].how, found.ensemble.low[0].how) == ways[labels]


def test_all_labelled_is_a_forest_and_two_positives_are_not_matched() -> None:
    X, y, truth = blobs()
    assert finished(fit(X, truth)).ensemble is None
    y[2:8] = -1
    assert finished(fit(X, y)).ensemble.high[0].how == "percentile"


def test_what_cannot_be_fitted_is_refused() -> None:
    X, y, _ = blobs()
    for arguments in (
        (X[:45], np.r_[np.ones(8), np.zeros(32), -np.ones(5)].astype(int)),
        (X, y, "nonsense"),
        (X, y, "robust", -1),
        (X[:, :0], y),
        (X, np.full(len(X), -1), "paper"),
    ):
        with pytest.raises(InputError):
            next(iter(fit(*arguments)))


def test_a_closed_fit_stops() -> None:
    X, y, _ = blobs()
    steps = fit(X, y, "paper")
    next(steps)
    next(steps)
    steps.close()
    with pytest.raises(StopIteration):
        next(steps)


def test_parts_of_an_evaluation_leave_the_others_figures_alone() -> None:
    old = {"a": {"robust": 1, "paper": 2}, "b": 3}
    assert merge(old, {"a": {"robust": 5}, "c": 6}) == {"a": {"robust": 5, "paper": 2}, "b": 3, "c": 6}
