"""The map of the rows and the second table: with reports on the way, and stopped at once."""

from __future__ import annotations

import time
from pathlib import Path

import gradio as gr
import numpy as np
import pytest

from pipelines.runtime import Progress
from pipelines.spade.layout import principal, sample, t_sne
from pipelines.weights import asset
from tabs import spade_panels as panels


def two_groups(n: int = 300) -> np.ndarray:
    X = np.random.default_rng(0).normal(size=(n, 6))
    X[: n // 3] += 6
    return X


def test_t_sne_keeps_groups_apart_and_tells_how_far_it_is() -> None:
    X = two_groups()
    *reports, points = t_sne(X, np.arange(300), 0)
    assert all(isinstance(report, Progress) for report in reports)
    assert [report.step for report in reports] == sorted(report.step for report in reports)
    assert points.shape == (300, 2)
    centres = points[:100].mean(axis=0), points[100:].mean(axis=0)
    assert np.linalg.norm(centres[0] - centres[1]) > points[:100].std(axis=0).max()
    *_, again = t_sne(X, np.arange(300), 0)
    assert again.tobytes() == points.tobytes()


@pytest.mark.parametrize(("n", "d"), [(12, 1), (13, 40)])
def test_t_sne_of_little(n: int, d: int) -> None:
    *_, points = t_sne(np.random.default_rng(0).normal(size=(n, d)), np.arange(n), 0)
    assert points.shape == (n, 2) and np.isfinite(points).all()


def test_a_closed_t_sne_stops() -> None:
    steps = t_sne(two_groups(1500), np.arange(1500), 0)
    for report in steps:
        if report.step > 0:
            break
    start = time.monotonic()
    steps.close()
    assert time.monotonic() - start < 2
    with pytest.raises(StopIteration):
        next(steps)


def test_the_map_has_at_most_5000_points_the_oddest_and_the_labelled_among_them() -> None:
    scores, y = np.arange(9000.0), np.full(9000, -1)
    y[:50] = 1
    rows = sample(scores, y, 0)
    assert len(rows) == 5000
    assert set(range(50)) | set(range(8000, 9000)) <= set(rows.tolist())
    assert principal(np.ones((4, 1))).shape == (4, 2)


def test_the_tab_scores_a_second_table_step_by_step(tmp_path: Path) -> None:
    rows = asset("spade", "pump.csv").read_text(encoding="utf-8").splitlines()
    (tmp_path / "more.csv").write_text("\n".join(rows[:40]) + "\n", encoding="utf-8")
    *reports, (button, status) = panels.score_second(str(tmp_path / "more.csv"), None)
    assert reports and "39 rows scored" in status
    assert "spade_score" in Path(button.value["path"]).read_text(encoding="utf-8")
    with pytest.raises(gr.Error, match="no second table"):
        list(panels.score_second(None, None))
