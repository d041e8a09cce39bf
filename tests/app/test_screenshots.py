"""Screenshot regression: every tab, desktop and phone, light and dark, against the committed baselines.

A difference leaves the new picture and a diff image in tests/app/output/; `make screenshots` accepts it.
"""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from PIL import Image
from pixelmatch.contrib.PIL import pixelmatch

from tests.app.conftest import SIZES, OpenPage
from tests.app.test_page import NAMES

HERE = Path(__file__).parent
BASELINES = HERE / "baselines"
OUTPUT = HERE / "output"
DYNAMIC = (".np-status.busy",)
"""Areas that differ from run to run (progress of a job) and are masked."""
TOLERANCE = 0.004
"""Share of pixels that may differ: text is smoothed a little differently by other browser versions."""


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", NAMES)
def test_looks_as_accepted(open_page: OpenPage, name: str, size: str, theme: str) -> None:
    page = open_page(name, size=size, theme=theme)
    page.wait_for_timeout(1000)  # plots settle
    masks = [page.locator(selector) for selector in DYNAMIC]
    shot = Image.open(io.BytesIO(page.screenshot(full_page=True, mask=masks, mask_color="#808080"))).convert(
        "RGB"
    )
    file = f"{name}-{size}-{theme}.png"
    if os.environ.get("NINE_PAPERS_ACCEPT_SCREENSHOTS"):
        BASELINES.mkdir(exist_ok=True)
        shot.quantize(128).save(BASELINES / file, optimize=True)
        return
    baseline = Image.open(BASELINES / file).convert("RGB")
    shot = shot.quantize(128).convert("RGB")
    OUTPUT.mkdir(exist_ok=True)
    if shot.size != baseline.size:
        shot.save(OUTPUT / file)
        pytest.fail(f"{file}: {shot.size} instead of {baseline.size}; see {OUTPUT / file}")
    difference = Image.new("RGBA", shot.size)
    changed = pixelmatch(baseline, shot, difference, threshold=0.15) / (shot.width * shot.height)
    if changed > TOLERANCE:
        shot.save(OUTPUT / file)
        difference.save(OUTPUT / f"diff-{file}")
    assert changed <= TOLERANCE, f"{file}: {changed:.2%} of the pixels differ; see {OUTPUT}"
