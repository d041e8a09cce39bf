"""Words that go into the prompt, and the ready-made objects."""

from __future__ import annotations

import pytest
import trimesh

from tabs.sjc import with_word
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
