"""Words that go into the prompt, and the ready-made objects."""

from __future__ import annotations

import pytest
import torch
import trimesh

from pipelines.sjc import Settings
from pipelines.sjc.field import PIXEL_FIELD, VoxelField
from tabs.sjc import FILES, OUTPUTS, SoFar, keep, with_word
from tabs.sjc_views import ready_made

COLOURS = ["red", "blue", "green", "orange"]


@pytest.mark.parametrize(
    ("prompt", "word", "kind", "expected"),
    [
        ("a red sofa", "blue", "colour", "a blue sofa"),
        ("a sofa", "blue", "colour", "a blue sofa"),
        ("An Orange tall chair", "green", "colour", "a green tall chair"),
        ("a sofa", "orange", "colour", "an orange sofa"),
        ("", "red", "colour", "a red"),
        ("a red sofa", "igloo", "thing", "a red igloo"),
        ("a sofa", "igloo", "thing", "an igloo"),
        ("a blue sofa", "castle with red roof", "thing", "a castle with red roof"),
        ("", "zebra", "thing", "a zebra"),
        ("a saxophone", "a horse", "prompt", "a horse"),
    ],
)
def test_clicked_words(prompt, word, kind, expected):
    assert with_word(prompt, word, kind, COLOURS) == expected


def test_every_ready_made_object_is_complete():
    entries = ready_made()
    assert len(entries) >= 6
    assert len({entry.slug for entry in entries}) == len(entries)
    for entry in entries:
        turn, dreams, mesh, facts = entry.shown()
        assert turn["count"] == entry.views
        assert "ready-made" in turn["caption"]
        assert dreams.count("<figure>") == len(entry.dreams)
        assert entry.thumbnail.startswith("data:image/webp")
        shape = trimesh.load(mesh, force="mesh")
        assert len(shape.faces) == entry.statistics["faces"]
        assert f"{entry.statistics['faces']:,}" in facts


def kept(so_far):
    """The last report of `keep`: its outputs by name, and the status line."""
    *_, (*values, status) = keep(so_far)
    return dict(zip(OUTPUTS, values, strict=True)), status


def test_stopped_while_there_is_only_fog_says_so_and_still_gives_the_film(mug, monkeypatch):
    monkeypatch.setattr("pipelines.sjc.load_denoiser", lambda model: mug.oracle(32))
    fog = VoxelField.random(PIXEL_FIELD, 32, torch.Generator().manual_seed(0)).snapshot()
    outputs, status = kept(SoFar(fog, Settings("a red mug"), "embedded", 1.0, 3))
    assert "Stopped at step 3: only fog so far" in status
    assert [name for name in FILES if outputs[name]] == ["mp4", "gif"]
    assert "no mesh" in outputs["facts"]


def test_stopped_later_gives_the_object_so_far(mug, run, monkeypatch):
    monkeypatch.setattr("pipelines.sjc.load_denoiser", lambda model: mug.oracle(32))
    _, result = run
    outputs, status = kept(SoFar(result.field, result.settings, "embedded", 9.0, 80))
    assert "Stopped at step 80; this is the object so far" in status
    assert all(outputs[name] for name in FILES)


def test_stopped_before_anything_was_seen():
    _, status = kept(None)
    assert "before there was anything to see" in status
