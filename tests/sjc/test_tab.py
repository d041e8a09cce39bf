"""Words that go into the prompt, and the ready-made objects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh

from pipelines.runtime import Progress
from pipelines.sjc import Mesh, Settings
from pipelines.sjc.field import PIXEL_FIELD, VoxelField
from tabs import sjc_about as about
from tabs.sjc import with_word
from tabs.sjc_run import OUTPUTS, Runs, SoFar, Whole, keep
from tabs.sjc_views import FILES, ready_made
from tabs.turntable import live_value, turntable_value

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
        turn, dreams, facts = entry.shown()
        assert turn["count"] == entry.views
        assert "ready-made" in turn["caption"]
        assert dreams.count("<figure>") == len(entry.dreams)
        assert entry.thumbnail.startswith("data:image/webp")
        files = entry.files()
        assert list(files) == list(FILES)
        assert all(Path(path).stat().st_size > 1000 for path in files.values())
        shape = trimesh.load(entry.file(".glb"), force="mesh")
        ply = trimesh.load(files["ply"], process=False)
        assert np.allclose(ply.vertices, Mesh.read(Path(files["glb"])).vertices)
        assert len(shape.faces) == entry.statistics["faces"]
        assert f"{entry.statistics['faces']:,}" in facts


def kept(so_far):
    """The last report of `keep`: its outputs by name, and the status line."""
    *_, (*values, status) = keep(so_far, Runs())
    return dict(zip(OUTPUTS, values, strict=True)), status


def test_stopped_while_there_is_only_fog_says_so_and_still_gives_the_film(mug, monkeypatch):
    monkeypatch.setattr("pipelines.sjc.load_denoiser", lambda model: mug.oracle(32))
    fog = VoxelField.random(PIXEL_FIELD, 32, torch.Generator().manual_seed(0)).snapshot()
    outputs, status = kept(SoFar(fog, Settings("a red mug"), "embedded", 1.0, 3, 0))
    assert "Stopped at step 3: only fog so far" in status
    assert [name for name in FILES if outputs[name]] == ["mp4", "gif"]
    assert "no mesh" in outputs["facts"]


def test_stopped_later_gives_the_object_so_far(mug, run, monkeypatch):
    monkeypatch.setattr("pipelines.sjc.load_denoiser", lambda model: mug.oracle(32))
    _, result = run
    outputs, status = kept(SoFar(result.field, result.settings, "embedded", 9.0, 80, 0))
    assert "Stopped at step 80; this is the object so far" in status
    assert all(outputs[name] for name in FILES)


def test_a_new_run_wins_over_what_was_stopped(mug, run, monkeypatch):
    monkeypatch.setattr("pipelines.sjc.load_denoiser", lambda model: mug.oracle(32))
    _, result = run
    runs = Runs()
    reports = keep(SoFar(result.field, result.settings, "embedded", 9.0, 80, 0), runs)
    next(reports)
    runs.begin()
    assert list(reports) == []


def test_one_bar_goes_over_all_stages():
    bar = Whole(0.1, 0.7, 0.2)
    stages = [Progress(0, 0, "loading"), *(Progress(i, 10) for i in (1, 10)), Progress(0, 0)]
    stages += [*(Progress(i, 120) for i in (1, 60, 120)), *(Progress(i, 24) for i in (0, 12, 24))]
    seen = [bar(report).step for report in stages]
    assert seen == sorted(seen)
    assert seen[0] == 0 and seen[2] == pytest.approx(0.1) and seen[5] == pytest.approx(0.45)
    assert seen[-1] == pytest.approx(1)
    assert bar(Progress(24, 24, "Turning")).message == "Turning, 24 of 24"


def test_stopped_before_anything_was_seen():
    _, status = kept(None)
    assert "before there was anything to see" in status


def test_a_prompt_is_text_not_markup():
    prompt = """<img src=x onerror="alert('1')">"""
    for value in (live_value("data:,", prompt, prompt), turntable_value("data:,", 4, prompt, prompt)):
        assert "<" not in value["name"] + value["caption"]
        assert '"' not in value["name"]


def test_limits_and_rows_say_what_the_cards_say():
    card = {
        "metrics": {"prompts": 1, "preset": "fast", "janus_of": [7, 3], "janus": 0.286, "r_precision_of": 50,
                    "held_out_prompts": 9, "images": 0},
    }  # fmt: skip
    labels = " ".join(metric.label for metric in about.metrics(card))
    assert "among 50" in labels and "of 7" in labels and "of 3" in labels and "9 pairs" in labels
    said = " ".join(about.limits(card, {"metrics": {"images": 122_984}}, 5))
    assert "29%" in said and "123,000 pictures" in said and "5 kinds" in said
