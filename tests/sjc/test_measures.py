"""The measures, on pictures whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pipelines.backbones import objects
from pipelines.backbones.families import PALETTE
from pipelines.sjc import measures
from pipelines.sjc.prompt_set import TUNING_PROMPTS, load
from pipelines.sjc.truth import Truth, every_name


@pytest.fixture(scope="module")
def truth() -> Truth:
    return Truth(objects.load(None))


def true_colour(truth: Truth, prompt: str) -> str:
    views = truth.views(prompt)[::4]
    rgb = ((views.permute(0, 2, 3, 1) + 1) * 127.5).round().byte().numpy()
    return measures.main_colour(rgb, truth.opacity(prompt)[::4])


@pytest.mark.parametrize("colour", PALETTE)
def test_colours_of_true_renders_are_read_right(truth, colour):
    assert true_colour(truth, f"{'an' if colour == 'orange' else 'a'} {colour} vase") == colour


def test_colour_goes_by_area_and_an_empty_picture_has_none(truth):
    shares = measures.colour_shares(np.full((1, 4, 4, 3), 255, np.uint8), np.zeros((1, 4, 4)))
    assert sum(shares.values()) == 0
    rgb = np.zeros((1, 4, 4, 3), np.uint8)
    rgb[:, :3], rgb[:, 3:] = PALETTE["teal"], PALETTE["pink"]
    shares = measures.colour_shares(rgb, np.ones((1, 4, 4)))
    assert shares["teal"] == pytest.approx(0.75) and shares["pink"] == pytest.approx(0.25)


def test_silhouettes_agree_with_themselves_only(truth):
    mug, tower = truth.shapes("mug")[0], truth.shapes("tower")[0]
    assert measures.silhouette_iou(mug, mug) == 1
    assert measures.silhouette_iou(mug, tower) < 0.6
    assert measures.silhouette_iou(np.zeros((1, 4, 4)), np.ones((1, 4, 4))) == 0


def front_towards(*centres: int) -> np.ndarray:
    """16 views that look like a front within 45° of the given ones."""
    front = np.full(16, 0.1)
    for centre in centres:
        front[[(centre + k) % 16 for k in (-2, -1, 0, 1, 2)]] = 0.9
    return front


@pytest.mark.parametrize("turn", range(0, 16, 3))
def test_one_front_is_no_janus_wherever_it_is(turn):
    assert not measures.is_janus(front_towards(turn))
    assert measures.second_fronts(front_towards(turn)).sum() == 0
    both = front_towards(turn, turn + 8)
    assert measures.is_janus(both) and measures.second_fronts(both).sum() == 5
    assert measures.second_fronts(both).size == 7


def test_no_front_at_all_is_no_second_front():
    assert not measures.is_janus(np.full(16, 0.1))


def test_retrieval_takes_the_best_of_each_row():
    scores = torch.tensor([[0.9, 0.1, 0.0], [0.2, 0.1, 0.5]])
    assert measures.retrieved(scores, [0, 1]).tolist() == [True, False]


def test_the_prompts_are_fifty_fixed_ones_and_the_pairs_never_shown():
    asked = load()
    seen = [one for one in asked if one.split == "seen"]
    held_out = [one for one in asked if one.split == "held_out"]
    assert len({one.prompt for one in seen}) == len(seen) == 50
    assert not set(TUNING_PROMPTS) & {one.prompt for one in asked}
    for one in seen:
        nouns = (one.name, *one.name.split())
        assert not any(one.colour in objects.HELD_OUT_COLOURS.get(noun, ()) for noun in nouns)
    for one in held_out:
        nouns = (one.name, *one.name.split())
        assert any(one.colour in objects.HELD_OUT_COLOURS.get(noun, ()) for noun in nouns)
    assert {one.name for one in asked} <= set(every_name())
