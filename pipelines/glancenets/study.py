"""The alignment study on Robo-faces: GlanceNet and CBNM with 1, 10 and 100 % of the concepts labelled.

python -m pipelines.glancenets.study --out FOLDER    # each run is kept there, so that it can be resumed

The pictures are the embedded models' own, halved to 32 x 32 pixels, so that eighteen runs take two cores
less than half an hour. Writes assets/glancenets/study.json.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from pipelines.glancenets import dci
from pipelines.glancenets.datasets import TEST_SEED, drawn, training
from pipelines.glancenets.model import Shape
from pipelines.glancenets.nets import KINDS, RECIPES, shape_of
from pipelines.glancenets.osr import BATCH
from pipelines.glancenets.training import Pictures, concept_codes, train
from pipelines.runtime import use_threads
from pipelines.weights import ASSETS, refresh_card

LEVELS = (0.01, 0.1, 1.0)
SEEDS = (0, 1, 2)
STEPS = {"glancenet": 1200, "cbnm": 800}
TEST = 4000


def halved(pictures: Pictures) -> Pictures:
    """Every two by two pixels averaged."""
    parts = [functional.avg_pool2d(x.float(), 2).round().to(torch.uint8) for x in pictures.x.split(BATCH)]
    return replace(pictures, x=torch.cat(parts))


def study_shape() -> Shape:
    return replace(shape_of("faces"), side=32, widths=(16, 32, 64))


def measures(net: torch.nn.Module, test: Pictures) -> dict[str, Any]:
    """Alignment by Lasso and by least squares, explicitness, and the accuracy of classes."""
    with torch.inference_mode():
        z = torch.cat([concept_codes(net, x) for x in test.x.split(BATCH)])
    values, factors = torch.sigmoid(z).numpy(), test.concepts.numpy()
    lasso, linear = (dci.measure(values, factors, kind) for kind in ("lasso", "linear"))
    with torch.inference_mode():
        accuracy = (net.classifier(z).argmax(dim=1) == test.y).float().mean()
    return {
        "alignment": round(lasso.alignment, 4),
        "alignment_least_squares": round(linear.alignment, 4),
        "explicitness": round(lasso.explicitness, 4),
        "accuracy": round(float(accuracy), 4),
        "weights": np.round(lasso.weights, 3).tolist(),
    }


def one_run(kind: str, level: float, seed: int, pictures: Pictures, test: Pictures) -> dict[str, Any]:
    """Train and measure one of the eighteen."""
    recipe = replace(RECIPES["faces"], steps=STEPS[kind], supervision=level, refit=False)
    net = train(KINDS[kind], study_shape(), pictures, recipe, seed, lambda line: print(line, flush=True))
    return {"model": kind, "supervision": level, "seed": seed, **measures(net, test)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="where runs are kept")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    arguments = parser.parse_args()
    use_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    kept = arguments.out / "pictures.pt"
    if not kept.exists():
        pictures, test = halved(training("faces")), halved(drawn("faces", TEST, seed=TEST_SEED))
        torch.save([pictures.x, pictures.y, pictures.concepts, test.x, test.y, test.concepts], kept)
    tensors = torch.load(kept, weights_only=True)
    pictures, test = Pictures(*tensors[:3]), Pictures(*tensors[3:])
    runs = []
    for seed, level, kind in product(arguments.seeds, LEVELS, STEPS):
        path = arguments.out / f"{kind}_{level}_{seed}.json"
        if not path.exists():
            path.write_text(json.dumps(one_run(kind, level, seed, pictures, test)), encoding="utf-8")
        runs.append(json.loads(path.read_text(encoding="utf-8")))
        print({name: value for name, value in runs[-1].items() if name != "weights"}, flush=True)
    if set(SEEDS) <= set(arguments.seeds):
        kept_runs = ASSETS / "glancenets" / "study.json"
        kept_runs.write_text(json.dumps({"runs": runs}) + "\n", encoding="utf-8")
        refresh_card("glancenets")


if __name__ == "__main__":
    main()
