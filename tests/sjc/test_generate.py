"""Whole runs against the closed-form denoiser."""

from __future__ import annotations

import io
import threading
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from pipelines.runtime import Progress
from pipelines.sjc import Preview, Settings, depth_picture, finish, generate, gif, mp4
from pipelines.sjc.recipes import EMBEDDED
from pipelines.sjc.scene import field_ring, mesh_ring, psnr

PROMPT = "a red mug with blue handle"


def last(reports):
    for report in reports:
        result = report
    return result


def test_the_object_is_found_and_looks_alike_as_a_mesh(run, mug):
    _, result = run
    assert psnr(field_ring(result.field, 32), mug.ring(32)) > 22
    assert result.statistics.watertight
    assert 1000 < result.statistics.faces < 20_000
    assert psnr(mesh_ring(result.mesh, 96), field_ring(result.field, 96)) > 20
    assert result.note == ""


def test_without_view_prompts_it_is_not_found(run, mug):
    _, result = run
    blind = last(generate(PROMPT, seed=3, preset="fast", views="none", denoiser=mug.oracle(32)))
    truth = mug.ring(32)
    assert psnr(field_ring(blind.field, 32), truth) < psnr(field_ring(result.field, 32), truth) - 5


def test_same_seed_same_bytes(mug, monkeypatch):
    monkeypatch.setattr("pipelines.sjc.recipes.EMBEDDED", replace(EMBEDDED, iterations=40))
    first, again = (last(generate(PROMPT, seed=3, denoiser=mug.oracle(32))) for _ in range(2))
    assert first.glb is not None and again.glb == first.glb
    assert np.array_equal(again.frames, first.frames)


def test_progress_and_previews_come_along(run):
    reports, _ = run
    previews = [report.preview for report in reports if report.preview is not None]
    assert previews and all(isinstance(preview, Preview) for preview in previews)
    assert previews[0].image.dtype == np.uint8 and previews[0].image.ndim == 3
    assert [report.step for report in reports if "field" in report.message][-1] == 120


def test_turntable_becomes_films(run):
    _, result = run
    film = Image.open(io.BytesIO(gif(result.frames)))
    assert film.n_frames == len(result.frames) == len(result.depth)
    assert mp4(result.frames)[4:8] == b"ftyp"
    picture = depth_picture(result.depth)
    assert picture.dtype == np.uint8 and picture[:, 0, 0].max() == 0 and picture.max() > 100


def test_closing_stops_and_the_preview_can_be_finished(mug):
    oracle = mug.oracle(32)
    threads = threading.active_count()
    running = generate(PROMPT, preset="fast", denoiser=oracle)
    preview = next(report.preview for report in running if report.preview is not None)
    running.close()
    assert threading.active_count() == threads
    result = last(finish(preview.field, Settings(PROMPT), oracle))
    # After one step there is hardly anything, and that is said.
    assert (result.glb is None) == (result.note != "")
    assert len(result.frames)


def test_an_empty_object_is_a_plain_outcome(mug):
    running = generate(PROMPT, preset="fast", denoiser=mug.oracle(32))
    field = next(report.preview.field for report in running if report.preview is not None)
    field.grid.fill_(-20)
    result = last(finish(field, Settings(PROMPT), mug.oracle(32)))
    assert result.mesh is result.glb is result.statistics is None
    assert "empty" in result.note


@pytest.mark.parametrize("paas", ["eq15", "eq16", "off"])
def test_every_estimator_runs(mug, paas, monkeypatch):
    monkeypatch.setattr("pipelines.sjc.recipes.EMBEDDED", replace(EMBEDDED, iterations=6))
    *reports, result = generate(PROMPT, paas=paas, denoiser=mug.oracle(16), centre_depth=1.0)
    assert all(isinstance(report, Progress) for report in reports)
    assert np.isfinite(result.field.grid.numpy()).all()
