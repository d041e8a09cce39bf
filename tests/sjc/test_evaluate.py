"""The evaluation from end to end on short runs, and that what it keeps is found again."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import pytest
import torch

from pipelines.sjc import evaluate
from pipelines.sjc.judge import Judge, words_of
from pipelines.sjc.prompt_set import Asked
from pipelines.sjc.recipes import EMBEDDED
from pipelines.sjc.trial import Trials

ASKED = [
    Asked("seen", "a blue mug", "mug", "blue"),
    Asked("seen", "a green chair", "chair", "green"),
    Asked("held_out", "a red mug", "mug", "red"),
]


@pytest.fixture
def short(mug, monkeypatch, tmp_path):
    """Runs of a few steps on pictures of one mug, judged by an untrained judge."""
    torch.manual_seed(0)
    words = sorted({word for name in evaluate.every_name() for word in words_of(name)} | {"blue", "green"})
    untrained = Judge(words).eval()
    oracle = mug.oracle(32)
    monkeypatch.setattr("pipelines.sjc.recipes.EMBEDDED", replace(EMBEDDED, iterations=8))
    monkeypatch.setattr("pipelines.sjc.judge.load", lambda: untrained)
    monkeypatch.setattr("pipelines.sjc.evaluate.load", lambda: ASKED)
    monkeypatch.setattr("pipelines.sjc.evaluate.embedded_denoiser", lambda: oracle)
    monkeypatch.setattr("pipelines.sjc.evaluate.HELD_OUT_SYNONYMS", {"mug": ("cup",), "ox": ("bull",)})
    return oracle


def test_everything_is_measured(short, tmp_path):
    metrics = evaluate.with_model("normal", None, tmp_path, None)
    assert metrics["prompts"] == metrics["r_precision_of"] == metrics["true_renders_of"] == 2
    for share in ("r_precision", "r_precision_true_renders", "held_out_object_right", "silhouette_iou",
                  "held_out_colour_right", "janus", "janus_without_view_prompts", "watertight"):  # fmt: skip
        assert 0 <= metrics[share] <= 1, share
    assert metrics["new_wordings"] == 1, "an ox is none of the known names"
    assert metrics["janus_of"] == [1, 1], "of these only a chair has a front"
    assert len(list(tmp_path.iterdir())) == 4
    json.dumps(metrics)


def test_a_kept_trial_is_not_run_again_unless_the_recipe_changes(short, tmp_path, monkeypatch):
    trials = Trials(short, "normal", tmp_path)
    first = trials("a blue mug")
    monkeypatch.setattr("pipelines.sjc.trial.attempt", lambda *_: pytest.fail("run again"))
    again = Trials(short, "normal", tmp_path)("a blue mug")
    assert (again.rgb == first.rgb).all() and again.seconds == first.seconds
    assert again.watertight == first.watertight and again.faces == first.faces
    monkeypatch.setattr("pipelines.sjc.recipes.EMBEDDED", replace(EMBEDDED, iterations=9))
    with pytest.raises(pytest.fail.Exception):
        Trials(short, "normal", tmp_path)("a blue mug")


def test_without_weights_the_rest_is_still_measured(mug, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("pipelines.sjc.recipes.EMBEDDED", replace(EMBEDDED, iterations=8))
    monkeypatch.setattr("pipelines.sjc.evaluate.ASSETS", tmp_path)
    monkeypatch.setattr(sys, "argv", ["evaluate", "--quick"])
    evaluate.main()
    metrics = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert metrics["oracle_psnr"] > metrics["oracle_no_view_psnr"] > 0
    assert metrics["seconds_per_object"] is None
