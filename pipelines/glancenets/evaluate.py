"""Measure what the card states: leakage, rejection, alignment, intervention, time.

    python -m pipelines.glancenets.evaluate [--quick] [--data FOLDER]

FOLDER holds MNIST's four .gz files; without it leakage test 1 uses the 3,000 embedded test digits. All is
computed with the embedded networks but the eighteen runs of the alignment study, which are read from
assets/glancenets/study.json (`python -m pipelines.glancenets.study` makes them). The last line is JSON; a
full run with --data updates card.json.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipelines.glancenets import datasets, dci, nets, osr, sampling, stored
from pipelines.glancenets.fit import Outlook, load_nets, look
from pipelines.glancenets.model import Classifier
from pipelines.glancenets.pipeline import Pipeline
from pipelines.glancenets.probes import leak
from pipelines.glancenets.training import Pictures
from pipelines.glancenets.worlds import WORLDS
from pipelines.runtime import use_threads
from pipelines.weights import ASSETS, asset, read_card, write_card

OUTSIDE_SEED = 11
CURVE_SEED = 0
REPORTED = {"digits": (0.28, 0.30, 0.02), "sprites": (0.80, 0.98, 0.0), "faces": (None, None, None)}
"""The paper's leakage: CBNM, GlanceNet without rejection, GlanceNet."""


@dataclass(frozen=True)
class Size:
    """Pictures that are measured on."""

    faces: int
    moved_faces: int
    sprites: int
    corners: int
    repeats: int


FULL = Size(faces=3000, moved_faces=500, sprites=800, corners=1200, repeats=60)
QUICK = Size(faces=800, moved_faces=300, sprites=400, corners=600, repeats=40)
TEST = 4000
"""Faces of the test set, of which the first ones are drawn."""


def leakage(
    inside: Outlook, outside: Outlook, strangers: datasets.Outside, fitted: stored.Fitted
) -> dict[str, float | None]:
    """Leakage and rejection of one seed's networks. What no picture could tell is None."""
    from sklearn.metrics import roc_auc_score

    thresholds, answers = fitted.thresholds(), strangers.answers
    probe = fitted.probes["glancenet"]
    measured: dict[str, float | None] = {
        "bottleneck": leak(fitted.probes["cbnm"], outside.cbnm, answers),
        "no_rejection": leak(probe, outside.glancenet, answers),
    }
    truth = np.repeat([0, 1], [len(inside.codes.mean), len(outside.codes.mean)])
    for rule in ("paper", "extended"):
        scores = [osr.score(seen.codes, thresholds, rule == "extended").numpy() for seen in (inside, outside)]
        accepted = scores[1] < 1
        hit = (probe.probability(outside.glancenet) > 0.5) == answers.astype(bool)
        measured[f"{rule}_rule"] = leak(probe, outside.glancenet, answers, accepted)
        measured[f"kept_{rule}"] = float((scores[0] < 1).mean())
        measured[f"coverage_{rule}"] = float(accepted.mean())
        measured[f"right_if_accepted_{rule}"] = float(hit[accepted].mean()) if accepted.any() else None
        for digit in () if strangers.digits is None else np.unique(strangers.digits):
            chosen = accepted[strangers.digits == digit]
            measured[f"accepted_{rule}_{digit}"] = float(chosen.mean())
        measured[f"auroc_{rule}"] = float(roc_auc_score(truth, np.concatenate(scores)))
    return measured


def over_seeds(world: str, inside: Pictures, outside: datasets.Outside) -> dict[str, Any]:
    """Means and ranges over a world's embedded seeds."""
    runs = []
    for seed in nets.SEEDS[world]:
        pair = load_nets(world, seed, ASSETS / "glancenets")
        known, unknown = look(*pair, inside.x), look(*pair, outside.x)
        runs.append(leakage(known, unknown, outside, stored.fitted(world, seed)))
    told = {name: [run[name] for run in runs if run[name] is not None] for name in runs[0]}
    values = {name: found for name, found in told.items() if found}
    means = {name: _round(np.mean(found)) for name, found in values.items()}
    ranges = {name: [_round(min(found)), _round(max(found))] for name, found in values.items()}
    return {"means": means, "ranges": ranges, "seeds": len(runs)}


def digit_sets(data: Path | None) -> tuple[Pictures, datasets.Outside]:
    """Test digits: all, or the embedded ones."""
    images, labels = datasets.mnist(data, "test") if data else sampling.digits()
    return datasets.digits(images, labels), datasets.other_digits(images, labels)


def accepted_faces(count: int) -> dict[str, dict[str, float]]:
    """Share of Robo-faces accepted all the same, by what is unlike training in them: seed 0's networks."""
    thresholds = stored.fitted("faces", 0).thresholds()
    pair = load_nets("faces", 0, ASSETS / "glancenets")
    shares = {}
    for factor in ("position", "background", "hat"):
        moved = datasets.shifted_faces(factor, count, np.random.default_rng(OUTSIDE_SEED))
        x = moved.x[torch.from_numpy(moved.answers == 1)] if factor == "hat" else moved.x
        seen = look(*pair, x).codes
        shares[factor] = {
            rule: _round((osr.score(seen, thresholds, rule == "extended") < 1).float().mean())
            for rule in ("paper", "extended")
        }
    return shares


def embedded_alignment(test: Pictures) -> list[dict[str, Any]]:
    """The embedded 64-pixel networks in the form of the study's runs."""
    seen = look(*load_nets("faces", 0, ASSETS / "glancenets"), test.x)
    runs = []
    for kind, concepts, predictions in (
        ("glancenet", seen.glancenet, seen.predictions),
        ("cbnm", seen.cbnm, seen.predictions_cbnm),
    ):
        lasso = dci.measure(concepts, test.concepts.numpy())
        linear = dci.measure(concepts, test.concepts.numpy(), "linear")
        runs.append(
            {
                "model": kind,
                "supervision": nets.RECIPES["faces"].supervision,
                "alignment": _round(lasso.alignment),
                "alignment_least_squares": _round(linear.alignment),
                "explicitness": _round(lasso.explicitness),
                "accuracy": _round((predictions == test.y.numpy()).mean()),
                "weights": np.round(lasso.weights, 3).tolist(),
            }
        )
    return runs


def study_means() -> dict[str, dict[str, Any]]:
    """Per share of labels: mean and range over the study's seeds, of both models."""
    runs = json.loads(asset("glancenets", "study.json").read_text(encoding="utf-8"))["runs"]
    means: dict[str, dict[str, Any]] = {}
    for level in sorted({run["supervision"] for run in runs}):
        row = means.setdefault(f"{level:.0%}", {})
        for kind in nets.KINDS:
            chosen = [run for run in runs if run["model"] == kind and run["supervision"] == level]
            row[kind] = {
                name: _round(np.mean([run[name] for run in chosen]))
                for name in ("alignment", "alignment_least_squares", "explicitness", "accuracy")
            }
            found = [run["alignment"] for run in chosen]
            row[kind]["alignment_range"] = [min(found), max(found)]
            row[kind]["seeds"] = len(found)
    return means


def intervention_curve(pipeline: Pipeline, test: Pictures) -> dict[str, list[float]]:
    """Class accuracy with 0 .. k concepts, drawn at random for each picture, set to the truth."""
    seen = look(pipeline.glancenet, pipeline.bottleneck, test.x)
    k = len(pipeline.world.concepts)
    order = np.random.default_rng(CURVE_SEED).random(test.concepts.shape).argsort(axis=1).argsort(axis=1)
    truth, curves = test.concepts.numpy(), {}
    for kind, net, read in (
        ("glancenet", pipeline.glancenet, seen.glancenet),
        ("cbnm", pipeline.bottleneck, seen.cbnm),
    ):
        true_codes = np.stack([pipeline.code(kind, j, truth[:, j]) for j in range(k)], axis=1)
        own_codes = np.stack([pipeline.code(kind, j, read[:, j]) for j in range(k)], axis=1)
        curves[kind] = [
            _accuracy(net.classifier, np.where(order < count, true_codes, own_codes), test.y)
            for count in range(k + 1)
        ]
    return curves


@torch.inference_mode()
def _accuracy(classifier: Classifier, codes: np.ndarray, y: torch.Tensor) -> float:
    logits = classifier(torch.from_numpy(codes.astype(np.float32)))
    return _round((logits.argmax(dim=1) == y).float().mean())


def latency(repeats: int) -> dict[str, float]:
    """95th percentile in milliseconds, the slowest world's: reading, intervention, a 7 x 7 traversal."""
    worst = {"read": 0.0, "intervene": 0.0, "grid": 0.0}
    for world in WORLDS:
        pipeline = Pipeline.load(world)
        picture = sampling.sample(world, 0, {}).picture
        reading = pipeline.read(picture)
        across, down = pipeline.world.dimensions[:2]
        actions: dict[str, Callable[[], object]] = {
            "read": lambda p=pipeline, x=picture: p.read(x),
            "intervene": lambda p=pipeline, r=reading, c=across: p.intervene(r, {c: 0.7}),
            "grid": lambda p=pipeline, r=reading, a=across, d=down: p.grid(r, a, d),
        }
        for name, action in actions.items():
            times = []
            for _ in range(repeats):
                start = time.perf_counter()
                action()
                times.append(time.perf_counter() - start)
            worst[name] = max(worst[name], float(np.quantile(times, 0.95)) * 1000)
    return {name: round(value, 2) for name, value in worst.items()}


def meters(
    measured: dict[str, dict[str, Any]], faces: dict[str, dict[str, float]]
) -> dict[str, dict[str, Any]]:
    """What the page's leakage meters show."""
    names = ("bottleneck", "no_rejection", "paper_rule", "extended_rule")
    names += ("coverage_paper", "coverage_extended", "kept_paper", "kept_extended")
    names += ("right_if_accepted_paper", "right_if_accepted_extended")
    reported = ("reported_bottleneck", "reported_no_rejection", "reported_glancenet")
    return {
        world: {name: found["means"].get(name) for name in names}
        | dict(zip(reported, REPORTED[world], strict=True))
        | {"seeds": found["seeds"], "ranges": {name: found["ranges"][name] for name in names[:4]}}
        | {"passed": faces if world == "faces" else _passed(found["means"])}
        for world, found in measured.items()
    }


def _passed(means: dict[str, float]) -> dict[str, dict[str, float]]:
    """Digit -> rule -> share accepted; empty where no picture is a digit."""
    digits = sorted({name.rsplit("_", 1)[1] for name in means if name.startswith("accepted_")})
    return {
        digit: {rule: means[f"accepted_{rule}_{digit}"] for rule in ("paper", "extended")} for digit in digits
    }


def measure(size: Size, data: Path | None) -> dict[str, Any]:
    """All figures."""
    test = datasets.drawn("faces", TEST, datasets.TEST_SEED, first=size.faces)
    measured = {
        "digits": over_seeds("digits", *digit_sets(data)),
        "sprites": over_seeds(
            "sprites",
            datasets.drawn("sprites", size.sprites, datasets.TEST_SEED),
            datasets.outside("sprites", size.corners, OUTSIDE_SEED),
        ),
        "faces": over_seeds("faces", test, datasets.outside("faces", size.moved_faces, OUTSIDE_SEED)),
    }
    digits, sprites = measured["digits"]["means"], measured["sprites"]["means"]
    study, embedded = study_means(), embedded_alignment(test)
    accepted = accepted_faces(size.moved_faces)
    curves = intervention_curve(Pipeline.load("faces"), test)
    times = latency(size.repeats)
    return {
        "leak1_cbnm": digits["bottleneck"],
        "leak1_no_rejection": digits["no_rejection"],
        "leak1_glancenet_paper_rule": digits["paper_rule"],
        "leak1_glancenet_extended": digits["extended_rule"],
        "leak1_accept_45": digits["kept_extended"],
        "leak1_auroc": digits["auroc_extended"],
        "leak2_cbnm": sprites["bottleneck"],
        "leak2_no_rejection": sprites["no_rejection"],
        "leak2_glancenet": sprites["paper_rule"],
        "leak2_auroc": sprites["auroc_paper"],
        "alignment": {
            level: {kind: row[kind]["alignment"] for kind in nets.KINDS} for level, row in study.items()
        },
        "alignment_source": "stored: eighteen runs at 32 pixels, study.json; all else is measured now",
        "alignment_study": study,
        "alignment_embedded": embedded,
        "intervention_full_accuracy": curves["glancenet"][-1],
        "intervention_curve": curves,
        "latency_ms_p95": max(times["read"], times["intervene"]),
        "grid_ms_p95": times["grid"],
        "leakage": meters(measured, accepted),
        "leakage_detail": measured,
        "accepted_faces": accepted,
        "assets_bytes": sum(path.stat().st_size for path in (ASSETS / "glancenets").iterdir()),
        "sizes": {"test digits": "10,000" if data else "3,000 embedded", **vars(size)},
    }


def _round(value: float) -> float:
    return round(float(value), 4)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer pictures, within 45 s on two cores")
    parser.add_argument("--data", type=Path, help="folder of MNIST's .gz files")
    arguments = parser.parse_args()
    use_threads(1)
    start = time.monotonic()
    figures = measure(QUICK if arguments.quick else FULL, arguments.data)
    if arguments.data and not arguments.quick:
        card = read_card("glancenets")
        card["metrics"] = figures
        write_card("glancenets", card)
    print(json.dumps({**figures, "seconds": round(time.monotonic() - start, 1)}))


if __name__ == "__main__":
    main()
