"""After training: thresholds, probes, the latent maps, the page's first readings, the embedded digits.

python -m pipelines.glancenets.fit --data FOLDER    # of MNIST's four .gz files

Writes fitted.json, maps.json, first.json and digits.png beside the weights, and their hashes into card.json.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from pipelines.glancenets import datasets, nets, osr, sampling, stored
from pipelines.glancenets.model import BottleneckNet, GlanceNet
from pipelines.glancenets.pipeline import Pipeline
from pipelines.glancenets.probes import fit_probe
from pipelines.glancenets.readings import LatentMap
from pipelines.glancenets.training import Pictures
from pipelines.glancenets.worlds import WORLDS
from pipelines.runtime import use_threads
from pipelines.weights import ASSETS, refresh_card

TRAINING = 2000
"""Training pictures, the first ones, that thresholds are taken over (digits: all)."""
PROBED = {"digits": 8000, "faces": 600, "sprites": 1000}
"""Pictures outside the training world that a probe learns from; tests use others."""
PROBE_SEED = 10
ENDS = (0.005, 0.995)
MAPPED = 300
FIRST = {
    "faces": {"hue": 0.62, "head": 0.7, "eyes": 0.75, "mouth": 0.85, "antenna": 0.6, "glasses": 0.0},
    "digits": {"digit": 4.0},
    "sprites": {"heart": 1.0, "size": 0.7},
}
"""The first example of each world, seed 0."""


@dataclass(frozen=True)
class Outlook:
    """What both networks of one seed say of n pictures, as concepts float [n, k] in [0, 1]."""

    glancenet: np.ndarray
    cbnm: np.ndarray
    codes: osr.Codes
    """The GlanceNet's."""
    predictions: np.ndarray
    """int [n], the GlanceNet's classes."""
    predictions_cbnm: np.ndarray


def load_nets(world: str, seed: int, folder: Path) -> tuple[GlanceNet, BottleneckNet]:
    """Both networks of a seed, from a folder of weights."""
    glancenet, cbnm = (
        nets.read(folder / nets.file_name(world, kind, seed), world, kind) for kind in nets.KINDS
    )
    return glancenet, cbnm


@torch.inference_mode()
def look(glancenet: GlanceNet, cbnm: BottleneckNet, x: torch.Tensor) -> Outlook:
    """Encode pictures uint8 [n, channels, side, side] with both."""
    seen = osr.codes(glancenet, x)
    z = torch.cat([cbnm.encode(batch.float() / 255) for batch in x.split(osr.BATCH)])
    return Outlook(
        torch.sigmoid(seen.mean[:, : glancenet.shape.concepts]).numpy(),
        torch.sigmoid(z).numpy(),
        seen,
        glancenet.classifier(seen.mean).argmax(dim=1).numpy(),
        cbnm.classifier(z).argmax(dim=1).numpy(),
    )


def training_part(world: str, data: Path | None) -> Pictures:
    """The training pictures that thresholds are taken over."""
    if world == "digits":
        return datasets.training(world, data)
    return datasets.drawn(world, datasets.SIZES[world], seed=0, first=TRAINING)


def probe_pictures(world: str, data: Path | None) -> datasets.Outside:
    """The pictures outside the training world that probes learn from."""
    if world == "digits":
        return datasets.other_digits(*datasets.mnist(data, "train"), slice(PROBED[world]))
    return datasets.outside(world, PROBED[world], PROBE_SEED)


def fitted(inside: Outlook, y: torch.Tensor, outside: Outlook, answers: np.ndarray) -> stored.Fitted:
    """Thresholds and ends from training pictures of classes y, probes from those outside."""
    thresholds = osr.fit(inside.codes, y)
    return stored.Fitted(
        reconstruction=float(thresholds.reconstruction),
        prototypes=thresholds.prototypes.numpy(),
        opaque=float(thresholds.opaque),
        reach={
            kind: np.quantile(_logit(getattr(inside, kind)), ENDS, axis=0) for kind in ("glancenet", "cbnm")
        },
        probes={kind: fit_probe(getattr(outside, kind), answers) for kind in ("glancenet", "cbnm")},
    )


def _logit(values: np.ndarray) -> np.ndarray:
    clipped = np.clip(values.astype(np.float64), 1e-7, 1 - 1e-7)
    return np.log(clipped) - np.log1p(-clipped)


def map_of(world: str, net: GlanceNet, inside: Outlook, y: torch.Tensor, radii: np.ndarray) -> LatentMap:
    """Two concepts span the map; of more, the plane in which prototypes lie farthest apart is taken."""
    prototypes = net.prototypes.numpy().astype(np.float64)
    k = prototypes.shape[1]
    origin, plane = np.zeros(k), np.eye(k)[:, :2]
    if k > 2:
        origin = prototypes.mean(axis=0)
        plane = np.linalg.svd(prototypes - origin)[2][:2].T
    points = (inside.codes.mean[:MAPPED, :k].numpy() - origin) @ plane
    names = tuple(f"z of “{concept.label}”" for concept in WORLDS[world].concepts)
    return LatentMap(
        axes=(names[0], names[1]) if k == 2 else ("first direction", "second direction"),
        exact=k == 2,
        points=points,
        labels=y[:MAPPED].numpy(),
        prototypes=(prototypes - origin) @ plane,
        radii=radii,
        origin=origin,
        plane=plane,
    )


def write_digits(data: Path, path: Path) -> None:
    """The sheet of test digits that `sampling.digits` reads, evenly spaced: MNIST's halves have other
    writers."""
    images, labels = datasets.mnist(data, "test")
    count = sampling.DIGITS_PER_CLASS
    each = [np.flatnonzero(labels == digit) for digit in range(10)]
    chosen = np.concatenate([found[np.arange(count) * len(found) // count] for found in each])
    rows = len(chosen) // sampling.SHEET
    sheet = images[chosen].reshape(rows, sampling.SHEET, 28, 28).swapaxes(1, 2).reshape(rows * 28, -1)
    Image.fromarray(sheet).save(path, optimize=True)


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of MNIST's .gz files")
    arguments = parser.parse_args()
    use_threads(1)
    folder = ASSETS / "glancenets"
    write_digits(arguments.data, folder / "digits.png")
    fits: dict[str, dict[str, Any]] = {}
    maps: dict[str, Any] = {}
    for world in WORLDS:
        inside, outside = training_part(world, arguments.data), probe_pictures(world, arguments.data)
        unseen = datasets.validation(world, arguments.data)
        fits[world] = {}
        for seed in nets.SEEDS[world]:
            pair = load_nets(world, seed, folder)
            known = look(*pair, inside.x)
            made = fitted(known, inside.y, look(*pair, outside.x), outside.answers)
            fits[world][str(seed)] = made.to_json()
            if seed == nets.SEEDS[world][0]:
                maps[world] = stored.map_to_json(map_of(world, pair[0], known, inside.y, made.prototypes))
            seen = osr.score(look(*pair, unseen.x).codes, made.thresholds(), extended=True)
            kept = (seen < 1).float().mean()
            print(world, seed, f"fitted; the extended rule keeps {kept:.1%} of unseen pictures", flush=True)
    _write(folder / "fitted.json", fits)
    _write(folder / "maps.json", maps)
    refresh_card("glancenets")
    readings = {
        world: Pipeline.load(world).read(sampling.sample(world, 0, factors).picture)
        for world, factors in FIRST.items()
    }
    _write(folder / "first.json", {world: stored.reading_to_json(made) for world, made in readings.items()})
    refresh_card("glancenets")


if __name__ == "__main__":
    main()
