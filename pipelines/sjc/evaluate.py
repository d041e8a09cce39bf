"""Measure what score chaining reaches: against a closed-form denoiser, and with the embedded model.

    python -m pipelines.sjc.evaluate [--quick] [--data DIRECTORY]

The last line is JSON. With --data (captions.csv and glb/) the known object is the red sofa, without it a
procedural one. What needs the embedded model is measured only where its weights are.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from pipelines import runtime
from pipelines.backbones.diffusion import NAME, Denoiser
from pipelines.runtime import Progress
from pipelines.sjc.optimise import optimise
from pipelines.sjc.recipes import recipe_for
from pipelines.sjc.run import Result, embedded_denoiser, generate
from pipelines.sjc.scene import Scene, data_scene, family_scene, field_ring, mesh_ring, psnr
from pipelines.weights import ASSETS, read_card, write_card

ORACLE_SIZE, EXPORT_SIZE = 32, 128
SOFA, MUG = "red sofa", "red mug with blue handle"
PROMPTS = (
    "a red sofa", "a burger", "a zebra", "a yellow school bus", "a blue chair", "a green vase",
    "a red mug", "a pumpkin", "a steam locomotive", "a cow", "a white rocket", "a purple car",
    "a cactus", "a snowman", "a brown table", "a shark", "a potted plant", "a police car",
    "an apple", "a tower with red roof",
)  # fmt: skip


def timed(prompt: str, denoiser: Denoiser, **settings: Any) -> tuple[Result, dict[str, float]]:
    """A run's result; when the first preview came, and the longest waits for a report and a preview."""
    started = last = seen = time.monotonic()
    first = None
    silence = blind = 0.0
    for report in generate(prompt, denoiser=denoiser, **settings):
        now = time.monotonic()
        silence, last = max(silence, now - last), now
        if isinstance(report, Progress) and report.preview is not None:
            first = first or now - started
            blind, seen = max(blind, now - seen), now
    waits = {"first_preview": first, "longest_silence": silence, "longest_without_preview": blind}
    return report, waits | {"seconds": now - started}


def with_oracle(scene: Scene, name: str, preset: str) -> dict[str, Any]:
    """The 3D half alone: how near it comes to a known object when the score is exact."""
    oracle, truth = scene.oracle(ORACLE_SIZE), scene.ring(ORACLE_SIZE)
    result, waits = timed(f"a {name}", oracle, preset=preset)
    *_, blind = optimise(oracle, name, recipe_for(oracle, preset), views="none", variant="eq16", seed=0)
    return {
        "oracle_object": name,
        "oracle_psnr": round(psnr(field_ring(result.field, ORACLE_SIZE), truth), 2),
        "oracle_no_view_psnr": round(psnr(field_ring(blind, ORACLE_SIZE), truth), 2),
        "oracle_seconds": round(waits["seconds"], 1),
        **export_fidelity([result]),
    }


def with_model(prompts: tuple[str, ...], preset: str) -> dict[str, Any]:
    """Times and exports with the embedded model."""
    denoiser = embedded_denoiser()
    results, waits = [], []
    for prompt in prompts:
        result, wait = timed(prompt, denoiser, preset=preset)
        results.append(result)
        waits.append(wait)
        print(f"{prompt}: {wait['seconds']:.1f} s", flush=True)
    seconds = [wait["seconds"] for wait in waits]
    return {
        "prompts": len(prompts),
        "seconds_per_object": round(median(seconds), 1),
        "seconds_worst": round(max(seconds), 1),
        "first_preview_seconds": round(max(wait["first_preview"] for wait in waits), 2),
        "longest_without_preview_seconds": round(max(wait["longest_without_preview"] for wait in waits), 2),
        **export_fidelity(results),
    }


def export_fidelity(results: list[Result]) -> dict[str, Any]:
    """Share of watertight meshes (an empty one is none), and how like their fields the meshes look (dB)."""
    closed = [result.statistics is not None and result.statistics.watertight for result in results]
    alike = [
        psnr(mesh_ring(result.mesh, EXPORT_SIZE), field_ring(result.field, EXPORT_SIZE))
        for result in results
        if result.mesh is not None
    ]
    return {
        "watertight": round(float(np.mean(closed)), 3),
        "glb_vs_field_psnr": round(float(np.mean(alike)), 2) if alike else None,
    }


def evaluate(data: Path | None, quick: bool) -> dict[str, Any]:
    """All metrics that can be measured here."""
    scene = family_scene("mug", "red", "blue") if data is None else data_scene(data, SOFA)
    metrics = with_oracle(scene, MUG if data is None else SOFA, preset="fast" if quick else "normal")
    if (ASSETS / NAME / "config.json").is_file():
        return metrics | with_model(PROMPTS[:1] if quick else PROMPTS, "fast" if quick else "normal")
    print(
        f"The embedded model (assets/{NAME}/) is not here: seconds_per_object and first_preview_seconds are "
        "not measured; watertight and glb_vs_field_psnr are those of the closed-form run."
    )
    return metrics | {"seconds_per_object": None, "first_preview_seconds": None}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="meshes: captions.csv and glb/")
    parser.add_argument("--quick", action="store_true", help="fast preset, one prompt, card left alone")
    parser.add_argument("--threads", type=int, default=runtime.cpu_count())
    arguments = parser.parse_args()
    runtime.use_threads(arguments.threads)
    metrics = evaluate(arguments.data, arguments.quick)
    if not arguments.quick and (ASSETS / "sjc" / "card.json").is_file():
        card = read_card("sjc")
        card["metrics"] = card.get("metrics", {}) | metrics
        write_card("sjc", card)
    print(json.dumps(metrics, ensure_ascii=False))


if __name__ == "__main__":
    main()
