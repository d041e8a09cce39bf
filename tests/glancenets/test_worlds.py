"""The generators: factors independent, each visible, each where it belongs."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.glancenets import WORLDS, faces, sample, sprites, train
from pipelines.glancenets.datasets import drawn, outside, shifted_faces

COUNT = 20_000


def correlations(columns: np.ndarray) -> np.ndarray:
    table = np.corrcoef(columns.T)
    return table[~np.eye(len(table), dtype=bool)]


def test_factors_are_independent_and_fill_their_range() -> None:
    made = faces.random_faces(COUNT, np.random.default_rng(0))
    assert np.abs(correlations(np.concatenate([made.concepts, made.jitter], axis=1))).max() < 0.03
    assert np.quantile(made.concepts[:, :5], [0.1, 0.5, 0.9]) == pytest.approx([0.1, 0.5, 0.9], abs=0.01)
    assert made.concepts[:, 5].mean() == pytest.approx(0.5, abs=0.02)
    assert not made.position.any() and not made.hat.any() and not made.background.any()
    small = sprites.random_sprites(COUNT, np.random.default_rng(0))
    assert np.abs(correlations(np.stack([small.shape, small.size, small.x, small.y], axis=1))).max() < 0.03
    assert max(np.abs(small.x).max(), np.abs(small.y).max()) <= sprites.JITTER


def test_every_job_is_common_and_follows_the_rule() -> None:
    made = faces.random_faces(COUNT, np.random.default_rng(0))
    labels = faces.label(made.concepts)
    assert np.bincount(labels, minlength=4).min() > 0.15 * COUNT
    assert np.array_equal(labels, WORLDS["faces"].label(made.concepts))


@pytest.mark.parametrize("name", [concept.name for concept in WORLDS["faces"].concepts])
def test_concepts_change_the_picture_monotonically(name: str) -> None:
    """The farther a concept moves, the more the picture differs; everything else stays."""
    steps = (0.0, 1.0) if name == "glasses" else np.linspace(0, 1, 5)
    start = sample("faces", 5, **{name: 0.0}).picture.astype(float)
    changes = [np.abs(sample("faces", 5, **{name: value}).picture - start).mean() for value in steps]
    assert np.all(np.diff(changes[:3]) > 0.1)
    assert changes[-1] > 0.5


def test_sizes_and_lengths_are_seen() -> None:
    """Heads are wider, antennas reach higher."""
    empty = sample("faces", 5).picture[0, 0].astype(float)
    widths = [
        np.ptp(
            np.nonzero((np.abs(sample("faces", 5, head=v).picture - empty).sum(axis=2) > 90).any(axis=0))[0]
        )
        for v in np.linspace(0, 1, 5)
    ]
    assert np.all(np.diff(widths) > 0)
    tops = [
        np.nonzero((np.abs(sample("faces", 5, antenna=v).picture - empty).sum(axis=2) > 200).any(axis=1))[0][
            0
        ]
        for v in np.linspace(0, 1, 5)
    ]
    assert np.all(np.diff(tops) < 0)


@pytest.mark.parametrize("world", ["faces", "sprites"])
def test_same_seed_same_bytes(world: str) -> None:
    one, other = (sample(world, 12) for _ in range(2))
    assert one.picture.tobytes() == other.picture.tobytes()
    assert one.truth == other.truth
    assert one.picture.tobytes() != sample(world, 13).picture.tobytes()
    assert one.picture.shape == WORLDS[world].shape
    assert drawn(world, 3, 0).x.equal(drawn(world, 3, 0).x)
    assert drawn(world, 50, 0, first=3).x.equal(drawn(world, 50, 0).x[:3])


def test_held_out_factors_stay_put_unless_asked() -> None:
    plain, moved = sample("faces", 3), sample("faces", 3, position=1.0, hat=1.0)
    assert plain.truth["position"] == plain.truth["hat"] == 0
    assert moved.truth["hat"] == 1
    assert {k: v for k, v in plain.truth.items() if k not in ("position", "hat")} == {
        k: v for k, v in moved.truth.items() if k not in ("position", "hat")
    }


def test_sprites_are_where_they_are_told_and_as_large() -> None:
    def extent(picture: np.ndarray) -> tuple[float, float, float]:
        rows, columns = np.nonzero(picture > 127)
        return columns.mean(), rows.mean(), picture.sum() / 255

    x, y, area = extent(sample("sprites", 0, square=1, size=1, x=1, y=1).picture)
    assert (x, y) == pytest.approx((47.5, 15.5), abs=0.5)
    assert area == pytest.approx((2 * sprites.SQUARE) ** 2, rel=0.03)
    for name in ("square", "ellipse", "heart"):
        areas = [extent(sample("sprites", 0, **{name: 1, "size": s}).picture)[2] for s in (0, 0.5, 1)]
        assert areas[0] < areas[1] < areas[2]


def test_outside_is_outside() -> None:
    corners = outside("sprites", 40, 0)
    places = [np.nonzero(x[0].numpy())[1].mean() > 32 for x in corners.x]
    assert np.array_equal(places, corners.answers == 1)
    moved = shifted_faces("position", 40, np.random.default_rng(0))
    assert moved.x.shape == (40, 3, 64, 64)
    assert 0 < moved.answers.mean() < 1


@pytest.mark.parametrize(
    ("world", "factors"),
    [("faces", {"nose": 0.5}), ("faces", {"hue": 1.5}), ("faces", {"position": -2}), ("sprites", {"x": 3})],
)
def test_unknown_factors_and_limits_are_named(world: str, factors: dict[str, float]) -> None:
    with pytest.raises(InputError) as caught:
        sample(world, 0, **factors)
    assert caught.value.hint


def test_seeds_have_limits() -> None:
    with pytest.raises(InputError):
        sample("faces", -1)


def test_a_digit_is_the_one_asked_for() -> None:
    for seed in range(6):
        assert sample("digits", seed, four=1.0).label == 0
        assert sample("digits", seed, five=1.0).label == 1


def test_a_quick_training_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    folders = []
    monkeypatch.setattr(train, "train_world", lambda arguments, folder: folders.append(folder))
    monkeypatch.setattr("sys.argv", ["train", "sprites", "--quick"])
    train.main()
    assert not folders[0].exists()
