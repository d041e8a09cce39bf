"""Make the ready-made objects that stand on the page before a visitor runs anything.

    python -m pipelines.sjc.gallery

writes assets/sjc/gallery/: for every prompt a turntable, its depth, 2D samples, a mesh, and gallery.json
about them. They are results of `generate` like any other.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import asdict
from pathlib import Path

from pipelines.runtime import Progress
from pipelines.sjc.denoisers import embedded_denoiser
from pipelines.sjc.dreams import dream
from pipelines.sjc.export import webp
from pipelines.sjc.run import generate
from pipelines.sjc.turntable import depth_picture
from pipelines.weights import ASSETS

FOLDER = ASSETS / "sjc" / "gallery"
QUALITY = "normal"
OBJECTS = (
    ("a burger", 0), ("a purple rocket", 0), ("a green tree", 0), ("a toadstool", 0),
    ("a school bus", 0), ("a red car", 0), ("a blue chair", 1),
)  # fmt: skip
"""Prompts and seeds."""


def make(prompt: str, seed: int, folder: Path) -> dict[str, object]:
    """Generate one object, write its files to `folder`, and return its entry of gallery.json."""
    slug = "-".join(prompt.split()[1:])
    denoiser = embedded_denoiser()
    *_, dreams = dream(denoiser, prompt, "continuous", seed)
    for report in generate(prompt, seed, QUALITY, denoiser=denoiser):
        if not isinstance(report, Progress):
            result = report
    assert result.glb is not None and result.statistics is not None, f"{prompt} came out empty"
    (folder / f"{slug}.webp").write_bytes(webp(result.frames))
    depth = depth_picture(result.depth)
    (folder / f"{slug}.depth.webp").write_bytes(webp(depth, 80))
    (folder / f"{slug}.dreams.webp").write_bytes(webp(dreams.images, 95))
    (folder / f"{slug}.glb").write_bytes(result.glb)
    print(f"{prompt}: {result.seconds:.1f} s", flush=True)
    return {
        "slug": slug,
        "prompt": prompt,
        "seed": seed,
        "quality": QUALITY,
        "seconds": round(result.seconds, 1),
        "views": len(result.frames),
        "dreams": dreams.names,
        "statistics": asdict(result.statistics),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.parse_args()
    with tempfile.TemporaryDirectory(dir=FOLDER.parent) as name:
        folder = Path(name) / FOLDER.name
        folder.mkdir()
        entries = [make(prompt, seed, folder) for prompt, seed in OBJECTS]
        text = json.dumps({"objects": entries}, indent=1) + "\n"
        (folder / "gallery.json").write_text(text, encoding="utf-8")
        # The page can't be built without a gallery: the old one stays until the new one is complete.
        if FOLDER.exists():
            FOLDER.rename(Path(name) / "old")
        folder.rename(FOLDER)


if __name__ == "__main__":
    main()
