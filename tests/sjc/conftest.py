"""A two-tone mug, the closed-form denoiser of its pictures, and one short run on it."""

from __future__ import annotations

import pytest

from pipelines.runtime import Progress
from pipelines.sjc import generate
from pipelines.sjc.scene import Scene, family_scene


@pytest.fixture(scope="session", autouse=True)
def short_turntable():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipelines.sjc.run.FRAMES", 4)
        patch.setattr("pipelines.sjc.run.FRAME_SIZE", 64)
        yield


@pytest.fixture(scope="session")
def mug() -> Scene:
    return family_scene("mug", "red", "blue")


@pytest.fixture(scope="session")
def run(mug):
    """Everything that a fast run yields: reports, and the result."""
    *reports, result = generate("a red mug with blue handle", seed=3, preset="fast", denoiser=mug.oracle(32))
    assert all(isinstance(report, Progress) for report in reports)
    return reports, result
