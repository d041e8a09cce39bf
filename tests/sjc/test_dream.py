"""The 2D samples beside the object."""

from __future__ import annotations

import numpy as np

from pipelines.runtime import Progress
from pipelines.sjc import dream


def test_a_picture_per_viewpoint_and_the_same_again_for_the_same_seed(mug):
    *reports, dreams = dream(mug.oracle(32), "a red mug with blue handle", "continuous", seed=5)
    assert all(isinstance(report, Progress) and report.preview is not None for report in reports)
    assert dreams.images.shape == (5, 32, 32, 3)
    assert dreams.names[0] == "front"
    *_, again = dream(mug.oracle(32), "a red mug with blue handle", "continuous", seed=5)
    *_, other = dream(mug.oracle(32), "a red mug with blue handle", "continuous", seed=6)
    assert np.array_equal(dreams.images, again.images)
    assert not np.array_equal(dreams.images, other.images)


def test_the_front_view_is_one_of_the_known_front_pictures(mug):
    oracle = mug.oracle(32)
    *_, dreams = dream(oracle, "a mug", "continuous", seed=0)
    known = ((oracle.images + 1) * 127.5).permute(0, 2, 3, 1).numpy()
    distance = np.abs(known - dreams.images[0]).mean(axis=(1, 2, 3))
    assert distance.min() < 4  # of 255
    assert oracle.quadrants[int(distance.argmin())] == 0
