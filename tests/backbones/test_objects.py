"""Procedural families, recolouring, held-out pairs, captions."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.backbones.cameras import OBJECT_RADIUS
from pipelines.backbones.captions import Subject, held_out_wordings, view_word, wordings
from pipelines.backbones.families import FAMILIES, PALETTE, family_mesh
from pipelines.backbones.objects import HELD_OUT_COLOURS, ObjectSet, load
from pipelines.backbones.raster import PRIMARY, SECONDARY, render


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_families_fill_the_sphere_and_have_two_tones(family):
    for attribute in family.attributes:
        mesh = family_mesh(family, attribute, 0)
        assert np.linalg.norm(mesh.vertices, axis=1).max() == pytest.approx(OBJECT_RADIUS, rel=0.01)
        assert {PRIMARY, SECONDARY} <= set(mesh.slots)
        assert len(mesh.faces) < 8000
        again = family_mesh(family, attribute, 0)
        assert np.array_equal(mesh.vertices, again.vertices)
        assert not np.array_equal(mesh.vertices, family_mesh(family, attribute, 1).vertices)


def named(object_set: ObjectSet, words: str):
    return next(scene for scene in object_set.scenes if scene.subject.words() == words)


def test_weights_are_shares_and_held_out_pairs_have_none(object_set):
    assert sum(scene.weight for scene in object_set.scenes) == pytest.approx(1.0)
    held_out = [scene for scene in object_set.scenes if scene.held_out()]
    assert held_out and all(scene.weight == 0 for scene in held_out)
    assert named(object_set, "blue pumpkin") in held_out
    assert named(object_set, "pink car") in held_out
    family_names = {family.name for family in FAMILIES}
    assert family_names <= set(HELD_OUT_COLOURS)
    assert all(colour in PALETTE for colours in HELD_OUT_COLOURS.values() for colour in colours)


def test_recolouring_takes_the_common_colour_or_what_variants_differ_in(object_set):
    def seen(words: str) -> np.ndarray:
        scene = named(object_set, words)
        colours = object_set.slot_colours(scene)[None]
        return render(object_set.bank, [scene.meshes[0]], [0.5], [0.5], 32, colours)[0][0].astype(int)

    pumpkin = seen("purple pumpkin")[18, 16]
    assert pumpkin[2] > pumpkin[1] + 30
    red, green = seen("red van"), seen("green van")
    changed = np.abs(red - green).max(axis=-1) > 30
    assert 0 < changed.mean() < 0.2  # the roof box; the grey body, though larger, stays


def test_captions_say_article_view_and_part():
    subject = Subject("chair", "orange", "round", "legs", "blue")
    assert wordings(subject)[0] == "an orange round chair with blue legs"
    assert wordings(subject, "back") == ["back view of an orange round chair with blue legs"]
    assert wordings(Subject("cherries"))[0] == "cherries"


def test_held_out_wordings_never_occur_in_training(object_set):
    trained = {
        text for scene in object_set.scenes for v in ("", "front") for text in wordings(scene.subject, v)
    }
    kept = {text for scene in object_set.scenes for text in held_out_wordings(scene.subject)}
    assert kept and not trained & kept


def test_view_words_follow_the_quadrants():
    degrees = {0: "front", 44: "front", 90: "side", -90: "side", 180: "back", -136: "back", 359: "front"}
    for azimuth, word in degrees.items():
        assert view_word(np.radians(azimuth), 0.1) == word
    assert view_word(0.0, np.radians(50)) == "overhead"


def test_core_leaves_out_other_meshes_but_keeps_families(pack):
    bases = {scene.base for scene in load(pack, core=True).scenes}
    assert "pumpkin" in bases and "van" not in bases
    assert {family.name for family in FAMILIES} <= bases
