"""From a drawing to a class: MNIST's form, uploads, readings."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from pipelines.backbones.digits import normalise_digit
from pipelines.errors import InputError
from pipelines.logicgates import NETS, LogicGates, ink_of, load, mnist
from pipelines.logicgates.reader import _outputs


def enlarged(digit: np.ndarray, size: int = 280) -> np.ndarray:
    return np.asarray(Image.fromarray(digit).resize((size, size), Image.Resampling.BICUBIC))


def stroke(width: int, size: int = 280) -> np.ndarray:
    """A 7 drawn with a pen of that width."""
    picture = Image.new("L", (size, size), 0)
    ImageDraw.Draw(picture).line([(70, 60), (200, 60), (130, 230)], fill=255, width=width, joint="curve")
    return np.asarray(picture)


def test_mnist_is_whole() -> None:
    for split, count in (("train", 60_000), ("test", 10_000)):
        images, labels = mnist(split)
        assert images.shape == (count, 28, 28)
        assert set(np.unique(labels)) == set(range(10))


@pytest.mark.parametrize("name", NETS)
def test_redrawn_test_digits_are_read_as_well_as_the_originals(name: str) -> None:
    net = load(name)
    images, labels = mnist("test")
    chosen = slice(0, 200)
    right = [
        net.read(enlarged(image)).prediction == label
        for image, label in zip(images[chosen], labels[chosen], strict=True)
    ]
    original = (net.netlist.votes(images[chosen]).argmax(1) == labels[chosen]).mean()
    assert np.mean(right) >= original - 0.03


@pytest.mark.parametrize("width", [6, 12, 24, 34])
def test_pens_of_many_widths_are_read(width: int) -> None:
    assert load("fast").read(stroke(width)).prediction == 7


@pytest.mark.parametrize("shift", [(-40, -50), (0, 5), (30, 40)])
def test_the_place_on_the_pad_does_not_matter(shift: tuple[int, int]) -> None:
    moved = np.roll(stroke(24), shift, axis=(0, 1))
    assert np.array_equal(normalise_digit(moved), normalise_digit(stroke(24)))


def test_a_reading_adds_up() -> None:
    net = load("small")
    reading = net.read(enlarged(mnist("test")[0][0]))
    assert reading.digit.shape == (28, 28)
    assert [len(signal) for signal in reading.signals] == [len(layer) for layer in net.netlist.layers]
    assert reading.votes.sum() == reading.signals[-1].sum()
    assert reading.prediction == reading.votes.argmax()
    assert np.array_equal(net.circuit.votes(reading.digit[None])[0], reading.votes)


def test_packed_outputs_are_the_reference() -> None:
    net = load("fast").netlist
    images = mnist("train")[0][:19]
    assert np.array_equal(_outputs(net, images), net.signals(images)[-1])


def test_the_telling_output_belongs_to_its_digit_and_fired() -> None:
    net = load("fast")
    reading = net.read(enlarged(mnist("test")[0][0]))
    output = net.telling_output(reading, 7)
    assert output // net.netlist.group_size == 7
    assert reading.signals[-1][output]


def test_the_test_set_result_adds_up() -> None:
    result = load("fast").test()
    assert result.confusion.sum() == 10_000
    assert np.trace(result.confusion) == round(result.accuracy * 10_000)
    assert len(result.mistakes) == 10_000 - np.trace(result.confusion)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "LA", "1", "CMYK", "I;16"])
@pytest.mark.parametrize("light_on_dark", [False, True])
def test_uploads_of_many_kinds_are_read(mode: str, light_on_dark: bool) -> None:
    picture = Image.fromarray(stroke(16) if light_on_dark else 255 - stroke(16))
    picture = (
        Image.fromarray(np.asarray(picture).astype(np.uint16) * 257)
        if mode == "I;16"
        else picture.convert(mode)
    )
    assert load("fast").read(ink_of(picture)).prediction == 7


def test_a_photo_with_a_shadow_is_read() -> None:
    paper = np.linspace(235, 150, 280)[None, :].repeat(280, 0)
    photo = np.clip(paper - stroke(10) / 255 * 130, 0, 255).astype(np.uint8)
    assert load("fast").read(ink_of(Image.fromarray(photo))).prediction == 7


@pytest.mark.parametrize(
    "ink", [np.zeros((280, 280), np.uint8), np.zeros((0, 0), np.uint8), np.zeros((28, 28, 3), np.uint8)]
)
def test_nothing_drawn_is_an_input_error(ink: np.ndarray) -> None:
    with pytest.raises(InputError):
        load("fast").read(ink)


@pytest.mark.parametrize("size", [(1, 1), (64, 64), (3, 2000), (5000, 5000)])
def test_blank_or_huge_pictures_are_an_input_error(size: tuple[int, int]) -> None:
    with pytest.raises(InputError):
        ink_of(Image.new("L", size, 255))


def test_a_speck_or_a_full_square_does_not_raise() -> None:
    speck = np.zeros((280, 280), np.uint8)
    speck[100:104, 100:104] = 255
    for ink in (speck, np.full((280, 280), 255, np.uint8), LINE):
        assert 0 <= load("fast").read(ink).prediction <= 9


LINE = np.zeros((280, 280), np.uint8)
LINE[5] = 255


def test_nets_are_safe_to_share_between_threads() -> None:
    from concurrent.futures import ThreadPoolExecutor

    net = LogicGates(load("fast").netlist)
    images = mnist("test")[0][:64]
    with ThreadPoolExecutor(4) as pool:
        readings = list(pool.map(lambda image: net.read(enlarged(image)).votes, images))
    assert all(
        np.array_equal(net.read(enlarged(image)).votes, votes)
        for image, votes in zip(images, readings, strict=True)
    )


SQUARE = np.zeros((280, 280), np.uint8)
SQUARE[60:220, 60:220] = 255


def scribble(seed: int) -> np.ndarray:
    """A zigzag of two dozen strokes all over the pad."""
    picture = Image.new("L", (280, 280), 0)
    points = np.random.default_rng(seed).integers(20, 260, (25, 2))
    ImageDraw.Draw(picture).line([(int(x), int(y)) for x, y in points], fill=255, width=24, joint="curve")
    return np.asarray(picture)


@pytest.mark.parametrize("name", NETS)
def test_what_is_no_digit_is_doubted_and_digits_seldom_are(name: str) -> None:
    net = load(name)
    assert net.read(np.full((280, 280), 255, np.uint8)).doubtful
    assert net.read(SQUARE).doubtful
    assert np.mean([net.read(scribble(seed)).doubtful for seed in range(40)]) > 0.7
    readings = [net.read(enlarged(image)) for image in mnist("train")[0][-400:]]
    assert np.mean([reading.doubtful for reading in readings]) < 0.12
    assert not net.read(stroke(24)).doubtful


def test_habits_are_those_of_training_digits() -> None:
    net = load("fast")
    images = mnist("train")[0][:2000]
    votes = np.sort(net.circuit.votes(images), axis=1)
    assert np.mean(votes[:, -1] - votes[:, -2] <= net.habits.small_lead) == pytest.approx(0.05, abs=0.01)
    assert net.habits.ink[0] < net.netlist.input_bits(images).sum(axis=1).mean() < net.habits.ink[1]
