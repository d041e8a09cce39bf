"""The embedded networks at work: readings, interventions, traversals, bad input."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageDraw

from pipelines.errors import InputError
from pipelines.glancenets import (
    RULES,
    WORLDS,
    Reading,
    alignment,
    digit_of,
    first,
    latent_map,
    leakage,
    load,
    picture_of,
    sample,
    stored,
)
from pipelines.weights import read_card

NAMES = tuple(WORLDS)


def reading_of(world: str, seed: int = 1, **factors: float) -> Reading:
    return load(world).read(sample(world, seed, **factors).picture)


@pytest.mark.parametrize("world", NAMES)
def test_a_reading_adds_up(world: str) -> None:
    reading, known = reading_of(world), WORLDS[world]
    assert reading.reconstruction.shape == reading.picture.shape == known.shape
    assert len(reading.mu) == len(reading.sigma) == len(known.dimensions)
    assert np.all(reading.low <= reading.glancenet.values) and np.all(
        reading.glancenet.values <= reading.high
    )
    for answer in (reading.glancenet, reading.bottleneck):
        assert answer.values.shape == (len(known.concepts),)
        logits = answer.contributions.sum(axis=1) + answer.bias
        softmax = np.exp(logits - logits.max())
        assert answer.probabilities == pytest.approx(softmax / softmax.sum(), abs=1e-4)
    assert reading.leaked.sum(axis=1) == pytest.approx([1, 1])
    assert reading.gates[1].value == pytest.approx(reading.distances.min())
    difference = (reading.picture.astype(float) - reading.reconstruction) / 255
    assert reading.gates[0].value == pytest.approx(np.linalg.norm(difference), rel=0.03)


@pytest.mark.parametrize("world", NAMES)
def test_same_input_same_bytes_from_several_threads(world: str) -> None:
    picture = sample(world, 4).picture
    with ThreadPoolExecutor(4) as pool:
        readings = list(pool.map(load(world).read, [picture] * 8))
    assert len({reading.reconstruction.tobytes() + reading.mu.tobytes() for reading in readings}) == 1


@pytest.mark.parametrize("world", NAMES)
def test_most_pictures_of_the_world_are_accepted_and_classed(world: str) -> None:
    drawn = [sample(world, seed) for seed in range(100, 160)]
    readings = [load(world).read(one.picture) for one in drawn]
    right = [r.glancenet.prediction == one.label for r, one in zip(readings, drawn, strict=True)]
    assert np.mean(right) >= 0.9
    kept = {rule: np.mean([r.verdict(rule).accepted for r in readings]) for rule in RULES}
    assert kept["paper"] >= kept["extended"] >= 0.7
    assert kept["paper"] >= 0.78


@pytest.mark.parametrize(
    ("world", "factors", "share"),
    [
        ("faces", {"position": 0.8}, 1.0),
        ("faces", {"background": 1}, 1.0),
        ("sprites", {"x": 0.5, "y": 0.5}, 1.0),
        ("digits", {"digit": 0}, 0.9),
        ("digits", {"digit": 2}, 0.9),
    ],
)
def test_what_is_held_out_is_rejected(world: str, factors: dict[str, float], share: float) -> None:
    verdicts = [reading_of(world, seed, **factors).verdict("extended") for seed in range(20)]
    assert np.mean([not verdict.accepted for verdict in verdicts]) >= share
    for verdict in verdicts:
        ratios = [gate.ratio for gate in verdict.failed]
        assert ratios == sorted(ratios, reverse=True)
        assert verdict.accepted or ratios[0] >= 1


def test_a_sprite_dragged_off_centre_is_rejected_at_last() -> None:
    ratios = [
        reading_of("sprites", 2, square=1, size=0.5, x=x, y=0.0).gates[0].ratio for x in (0.0, 0.1, 0.3, 0.6)
    ]
    assert ratios[0] < 1 < ratios[2] and ratios[0] < ratios[1] < ratios[2]


@pytest.mark.parametrize("world", NAMES)
def test_sliders_left_where_they_are_change_nothing(world: str) -> None:
    reading, net = reading_of(world), load(world)
    names = [concept.name for concept in WORLDS[world].concepts]
    same = net.intervene(reading, {})
    assert same.reconstruction.tobytes() == reading.reconstruction.tobytes()
    assert same.glancenet.probabilities == pytest.approx(reading.glancenet.probabilities, abs=1e-5)
    assert same.bottleneck.probabilities == pytest.approx(reading.bottleneck.probabilities, abs=1e-4)
    values = {name: float(value) for name, value in zip(names, reading.glancenet.values, strict=True)}
    again = net.intervene(reading, values)
    assert again.corrected == tuple(names)
    assert again.glancenet.probabilities == pytest.approx(reading.glancenet.probabilities, abs=0.05)
    back = net.intervene(net.intervene(reading, {names[0]: 1.0}), {names[0]: values[names[0]]})
    assert back.glancenet.values == pytest.approx(reading.glancenet.values, abs=0.02)


@pytest.mark.parametrize("name", [concept.name for concept in WORLDS["faces"].concepts])
def test_an_intervention_is_monotone_and_is_drawn(name: str) -> None:
    """The class's evidence moves one way, the other concepts stay, and the picture shows what was set."""
    net, reading = load("faces"), reading_of("faces", 3)
    index = [concept.name for concept in WORLDS["faces"].concepts].index(name)
    steps = [net.intervene(reading, {name: value}) for value in (0.1, 0.5, 0.9)]
    for answer in ("glancenet", "bottleneck"):
        evidence = np.array([getattr(step, answer).contributions[:, index] for step in steps])
        signs = np.sign(np.diff(evidence, axis=0))
        assert np.all(signs[0] == signs[1])
        rest = np.delete(np.array([getattr(step, answer).values for step in steps]), index, axis=1)
        assert np.ptp(rest, axis=0).max() < 1e-5
    read_again = [net.read(step.reconstruction).glancenet.values[index] for step in steps]
    assert read_again[0] < read_again[1] < read_again[2]
    assert steps[0].gates == reading.gates


def test_true_concepts_give_the_true_class() -> None:
    net, names = load("faces"), [concept.name for concept in WORLDS["faces"].concepts]
    right = []
    for seed in range(60):
        drawn = sample("faces", seed)
        fixed = net.intervene(net.read(drawn.picture), {name: drawn.truth[name] for name in names})
        right.append(fixed.glancenet.prediction == drawn.label)
    assert np.mean(right) >= 0.95


@pytest.mark.parametrize("world", NAMES)
def test_traversals(world: str) -> None:
    net, reading = load(world), reading_of(world)
    for dimension in net.world.dimensions:
        strip = net.traverse(reading, dimension)
        assert strip.shape == (7, *net.world.shape) and strip.dtype == np.uint8
        if dimension in net.world.dimensions[: len(net.world.concepts)]:
            assert np.abs(strip[-1].astype(int) - strip[0]).max() > 30
    across, down = net.world.dimensions[:2]
    grid = net.grid(reading, across, down, 3)
    assert grid.shape == (3, 3, *net.world.shape)
    assert np.abs(grid[0].astype(int) - grid[-1]).max() > 30
    assert np.abs(grid[:, 0].astype(int) - grid[:, -1]).max() > 30


def strokes(lines: list[list[tuple[int, int]]], width: int = 20) -> np.ndarray:
    picture = Image.new("L", (280, 280), 0)
    for points in lines:
        ImageDraw.Draw(picture).line(points, fill=255, width=width, joint="curve")
    return np.asarray(picture)


def test_a_drawn_four_is_a_four_and_a_scribble_is_rejected() -> None:
    four = strokes([[(90, 60), (75, 150), (190, 150)], [(180, 60), (172, 235)]])
    reading = load("digits").read(digit_of(four))
    assert reading.glancenet.prediction == 0
    assert reading.verdict("paper").accepted
    generator = np.random.default_rng(0)
    scribble = strokes([[tuple(point) for point in generator.integers(30, 250, (12, 2))]], 10)
    assert not load("digits").read(digit_of(scribble)).verdict("extended").accepted


def test_a_photo_is_brought_into_form_and_rejected() -> None:
    generator = np.random.default_rng(0)
    noise = Image.fromarray(generator.integers(0, 255, (12, 16, 3), dtype=np.uint8)).resize((400, 300))
    for world in ("faces", "sprites"):
        picture = picture_of(world, noise)
        assert picture.shape == WORLDS[world].shape
        assert not load(world).read(picture).verdict("paper").accepted


@pytest.mark.parametrize(
    "call",
    [
        lambda: digit_of(np.zeros((280, 280), np.uint8)),
        lambda: digit_of(np.zeros((0, 0), np.uint8)),
        lambda: picture_of("digits", Image.new("L", (100, 100), 255)),
        lambda: picture_of("faces", Image.new("1", (5000, 5000))),
        lambda: load("digits").read(np.zeros((28, 28), np.uint8)),
        lambda: load("faces").read(np.zeros((32, 32, 3), np.uint8)),
        lambda: load("faces").read(np.zeros((64, 64), np.uint8)),
        lambda: load("faces").read(np.zeros((64, 64, 3), np.float32)),
        lambda: load("faces").intervene(reading_of("faces"), {"nose": 0.5}),
        lambda: load("faces").intervene(reading_of("faces"), {"hue": 1.5}),
        lambda: load("faces").intervene(reading_of("faces"), {"hue": float("nan")}),
        lambda: load("faces").traverse(reading_of("faces"), "nose"),
    ],
)
def test_bad_input_is_said_in_a_sentence(call: object) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert caught.value.message.endswith(".") and caught.value.hint


@pytest.mark.parametrize("world", NAMES)
def test_the_first_reading_is_what_reading_gives_now(world: str) -> None:
    kept = first(world)
    now = load(world).read(kept.picture)
    assert now.mu == pytest.approx(kept.mu, abs=1e-3)
    assert np.abs(now.reconstruction.astype(int) - kept.reconstruction).max() <= 2
    assert now.glancenet.probabilities == pytest.approx(kept.glancenet.probabilities, abs=1e-3)
    assert kept.verdict("extended").accepted
    again = stored.reading_from_json(stored.reading_to_json(now))
    assert again.picture.tobytes() == now.picture.tobytes()
    assert again.leaked == pytest.approx(now.leaked, abs=1e-5)


@pytest.mark.parametrize("world", NAMES)
def test_the_map_holds_codes_prototypes_and_balls(world: str) -> None:
    shown, reading = latent_map(world), reading_of(world)
    classes = len(WORLDS[world].classes)
    assert shown.prototypes.shape == (classes, 2) and shown.radii.shape == (classes,)
    assert shown.plane.T @ shown.plane == pytest.approx(np.eye(2), abs=1e-4)
    place = shown.project(reading.mu)
    distances = np.linalg.norm(shown.prototypes - place, axis=1) / shown.radii
    assert np.all(distances <= reading.distances + 1e-3)
    if shown.exact:
        assert distances == pytest.approx(reading.distances, abs=1e-3)


def test_figures_of_the_card_are_shown_and_sane() -> None:
    for world in NAMES:
        meter = leakage(world)
        for value in (meter.bottleneck, meter.no_rejection, meter.paper_rule, meter.coverage_extended):
            assert 0 <= value <= 1
        assert meter.coverage_extended <= meter.coverage_paper
    matrices = alignment()
    assert sum(matrix.shipped for matrix in matrices) == 2
    assert {matrix.supervision for matrix in matrices if not matrix.shipped} == {0.01, 0.1, 1.0}
    for matrix in matrices:
        assert matrix.weights.shape == (6, 6)
        assert 0 <= matrix.alignment <= 1
    assert read_card("glancenets")["metrics"]["intervention_full_accuracy"] > 0.9


def test_torch_waits_for_load() -> None:
    code = (
        "import sys; from pipelines import glancenets as g; g.first(); g.latent_map('digits'); g.alignment();"
        "g.leakage('faces'); g.sample('faces', 1); g.sample('digits', 1); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
