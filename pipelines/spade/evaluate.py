"""Measure what the card states: ranking quality in the paper's scenarios, fidelity of the method, time.

    python -m pipelines.spade.evaluate [--quick] [--data FOLDER] [--only PART ... | --tables NAME ...]

FOLDER holds covertype_natural_8k.npz, thyroid_ann.npz, spade_oss_covertype_*.csv, magnetic_tile_128.npz and
ADBench's tables; without it only scikit-learn's bundled digits are used. The last line is JSON; a full run
with --data, or parts of it, updates card.json. The part "validation" is the choice of settings, on folds
inside the training parts. Times stand in the card by benchmark.py.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from pipelines.runtime import Progress
from pipelines.spade.analysis import analyse
from pipelines.spade.choice import Task, validate
from pipelines.spade.encoder import load
from pipelines.spade.examples import EXAMPLES
from pipelines.spade.forests import reference_scores
from pipelines.spade.matching import partial_matching
from pipelines.spade.method import Fit, Mode, fit
from pipelines.spade.patches import heat_maps, heat_pixels, joint_heat, pooled
from pipelines.spade.picture_analysis import embed
from pipelines.spade.released import fit_released
from pipelines.spade.scenarios import Source, Split, adbench, covertype, digits, split, thyroid, tiles
from pipelines.spade.table import Table, read_table
from pipelines.weights import ASSETS, asset, read_card, write_card

SHARES = {"digits": 0.2}
"""Share of normals and given types that is labelled; 5 % as in the paper, more where rows are few."""
REFERENCES = ("rf", "gaussian", "isolation")


def last(reports: Iterable[Any]) -> Any:
    """The result at the end of a pipeline's reports."""
    result = None
    for report in reports:
        if not isinstance(report, Progress):
            result = report
    return result


def finished(steps: Generator[Progress, None, Any]) -> Any:
    """What a generator of reports returns."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def planted_recovery() -> float:
    """Share of ten seeds in which matching finds a planted tail (8 % of 5,000 scores) within two points."""
    hits = 0
    for seed in range(10):
        generator = np.random.default_rng(seed)
        scores = np.concatenate([generator.normal(0, 1, 4600), generator.normal(6, 1, 400)])
        matching = partial_matching(generator.normal(6, 1, 30), scores, "high")
        hits += abs(matching.share - 0.08) <= 0.02
    return hits / 10


def contributions_max_error() -> float:
    """Largest difference between a row's Gaussian score and the sum of its columns' contributions, over the
    reasons that the tab shows for its example tables."""
    errors = []
    for example in EXAMPLES:
        if example.file.endswith(".csv"):
            reasons = last(analyse(read_table(asset("spade", example.file)))).reasons
            errors.append(np.abs(reasons.density.sum(axis=1) - reasons.score).max())
    return float(max(errors))


def seconds_10k() -> dict[str, float]:
    """Processor and wall time of a whole analysis: 10,000 generated rows, 30 columns, 2 % labelled."""
    table = generated_table(10_000, 30, seed=0)
    start, busy = time.monotonic(), time.process_time()
    last(analyse(table))
    return {
        "seconds_10k": round(time.process_time() - busy, 2),
        "seconds_10k_wall": round(time.monotonic() - start, 2),
    }


def generated_table(rows: int, columns: int, seed: int) -> Table:
    """A table of correlated numbers with 5 % anomalies far out in a few columns; 2 % of the rows labelled."""
    generator = np.random.default_rng(seed)
    X = generator.normal(size=(rows, columns)) @ generator.normal(size=(columns, columns)) / np.sqrt(columns)
    odd = generator.random(rows) < 0.05
    for row in np.flatnonzero(odd):
        X[row, generator.integers(0, columns, 3)] += generator.choice([-4, 4], 3)
    label = np.full(rows, "", dtype=object)
    seen = generator.random(rows) < 0.02
    label[seen] = np.where(odd[seen], "1", "0")
    frame = pd.DataFrame(np.char.mod("%.4f", X), columns=[f"sensor {i}" for i in range(columns)], dtype=str)
    frame["label"] = pd.Series(label, dtype=str)
    return Table("generated.csv", frame, ())


def run_split(task: Split, seed: int, mode: Mode) -> dict[str, dict[str, float]]:
    """AUCs of SPADE and the references on one task's test rows."""
    found: Fit = last(fit(task.X, task.y, mode, seed))
    whiten = found.detector.whitening.transform
    references = reference_scores(whiten(task.X), task.y, whiten(task.X_test), seed, found.label_forest)
    names = dict(zip(REFERENCES, references.values(), strict=False))
    if found.labels == "normal":
        names = dict(zip(REFERENCES[1:], references.values(), strict=False))
    return {"spade": task.auc(found.score(task.X_test)), **{k: task.auc(v) for k, v in names.items()}}


def scenario(
    source: Source, seeds: int, name: str = "new types", mode: Mode = "robust", share: float = 0.05
) -> dict[str, float]:
    """Mean AUCs over label draws, as "spade_overall", "spade_missed", "rf_overall" and so on, with sd."""
    runs = [run_split(split(source, seed, name, share), seed, mode) for seed in range(seeds)]
    result = {}
    for detector in runs[0]:
        for part in runs[0][detector]:
            values = [run[detector][part] for run in runs]
            result[f"{detector}_{part}"] = round(float(np.mean(values)), 4)
            if detector == "spade":
                result[f"{detector}_{part}_sd"] = round(float(np.std(values, ddof=1)), 4)
    return result


def released_parity(folder: Path, seeds: int) -> dict[str, float]:
    """The official example: 9,849 training rows with 349 labels, 151 test rows; the code's tests say .925."""
    train = pd.read_csv(folder / "spade_oss_covertype_pnu_train.csv")
    test = pd.read_csv(folder / "spade_oss_covertype_test.csv")
    X, y = train.drop(columns="y").to_numpy(float), train["y"].to_numpy().astype(int)
    T, truth = test.drop(columns="y").to_numpy(float), test["y"].to_numpy().astype(int)
    values: dict[str, list[float]] = {}
    for seed in range(seeds):
        found: Fit = last(fit(X, y, "robust", seed))
        whiten = found.detector.whitening.transform
        forest = next(iter(reference_scores(whiten(X), y, whiten(T), seed, found.label_forest).values()))
        for name, scores in (
            ("released_parity", fit_released(X, y, seed=seed)(T)),
            ("released_parity_narrow", fit_released(X, y, 0.1, 95, 0.1, seed)(T)),
            ("official_overall", found.score(T)),
            ("official_rf_overall", forest),
        ):
            values.setdefault(name, []).append(roc_auc_score(truth, scores))
    return {name: round(float(np.mean(aucs)), 4) for name, aucs in values.items()}


def pyod_scores(task: Split, seed: int) -> dict[str, np.ndarray]:
    """PyOD's IForest and ECOD, fitted without labels on the same rows."""
    from pyod.models.ecod import ECOD
    from pyod.models.iforest import IForest

    detectors = {"pyod_iforest": IForest(random_state=seed), "pyod_ecod": ECOD()}
    return {name: model.fit(task.X).decision_function(task.X_test) for name, model in detectors.items()}


def adbench_tables(folder: Path, seeds: int, wanted: Iterable[str] = ()) -> dict[str, dict[str, float]]:
    """Mean AUCs on ADBench's tables (all, or those wanted), 5 % labelled, beside the references and PyOD;
    gap_sd: over the label draws, the sd of SPADE's gap to the label-only forest."""
    tables: dict[str, dict[str, float]] = {}
    for name, source in adbench(folder):
        if wanted and name not in wanted:
            continue
        runs = []
        for seed in range(seeds):
            task = split(source, seed)
            row = {key: value["overall"] for key, value in run_split(task, seed, "robust").items()}
            row |= {key: task.auc(value)["overall"] for key, value in pyod_scores(task, seed).items()}
            runs.append(row)
        tables[name] = {key: round(float(np.mean([run[key] for run in runs])), 4) for key in runs[0]}
        gap_sd = np.std([run["spade"] - run["rf"] for run in runs], ddof=1)
        tables[name]["gap_sd"] = round(float(gap_sd), 4)
        print(name, tables[name], flush=True)
    return tables


def adbench_summary(tables: dict[str, dict[str, float]]) -> dict[str, Any]:
    """Means over the tables, and SPADE's worst gap to the label-only forest."""
    keys = next(iter(tables.values())).keys() - {"gap_sd"}
    means = {key: round(float(np.mean([row[key] for row in tables.values()])), 4) for key in sorted(keys)}
    gaps = {name: row["spade"] - row["rf"] for name, row in tables.items()}
    worst = min(gaps, key=gaps.get)
    return {"means": means, "worst_gap": round(gaps[worst], 4), "worst_gap_on": worst}


def tile_scores(folder: Path, seeds: int) -> dict[str, float]:
    """Magnetic tiles, 20 % labelled: AUCs of SPADE and the references on pictures, and of the heat on pixels,
    over all pictures with a defect at once and within each of them."""
    source = tiles(folder)
    images = np.repeat(source.images[..., None], 3, axis=3)
    embedding = finished(embed(images, load()))
    kinds, classes, test = source.kinds, source.classes, source.test
    odd = np.flatnonzero(test & source.masks.any(axis=(1, 2)))
    masks = source.masks[odd]
    runs, pixels = [], []
    for seed in range(seeds):
        generator = np.random.default_rng(1000 + seed)
        y = np.full(len(classes), -1)
        for label, part in ((0, np.isin(classes, kinds.normal)), (1, np.isin(classes, kinds.given))):
            rows = np.flatnonzero(part & ~test)
            y[generator.choice(rows, round(0.2 * len(rows)), replace=False)] = label
        good = ~test & (y != 1)
        maps = heat_maps(embedding, good, seed)
        X = pooled(images, embedding, maps, ~test)
        task = Split(X[~test], y[~test], classes[~test], X[test], classes[test], kinds)
        runs.append(run_split(task, seed, "robust"))
        heat = joint_heat(maps, good)
        shown = np.stack([heat_pixels(heat[i], heat.min(), heat.max()) for i in odd])
        within = [roc_auc_score(mask.ravel(), one.ravel()) for mask, one in zip(masks, shown, strict=True)]
        pixels.append((roc_auc_score(masks.ravel(), shown.ravel()), float(np.mean(within))))
    result = {
        f"{detector}_{part}": round(float(np.mean([run[detector][part] for run in runs])), 4)
        for detector in runs[0]
        for part in runs[0][detector]
    }
    result["spade_overall_sd"] = round(float(np.std([r["spade"]["overall"] for r in runs], ddof=1)), 4)
    pooled_auc, within_auc = np.mean(pixels, axis=0)
    return result | {"pixel_auc": round(pooled_auc, 4), "pixel_auc_within": round(within_auc, 4)}


def validation_tasks(folder: Path | None) -> Iterator[tuple[str, Task]]:
    """The tables and scenarios of the choice that choice.py makes."""
    for name, source in named_sources(folder).items():
        for scenario in ("new types", "positive", "easy"):
            yield f"{name}, {scenario}", Task(source, scenario, SHARES.get(name, 0.05))
    if folder:
        yield from ((name, Task(source, "new types", 0.05)) for name, source in adbench(folder))


def named_sources(folder: Path | None) -> dict[str, Source]:
    """The tables with several kinds of anomaly."""
    sources = {"digits": digits()}
    if folder:
        sources |= {"covertype": covertype(folder), "thyroid": thyroid(folder)}
    return sources


def fidelity() -> dict[str, float]:
    """What must hold whatever the data."""
    return {
        "planted_recovery": planted_recovery(),
        "contributions_max_error": contributions_max_error(),
    }


def quick(folder: Path | None) -> dict[str, Any]:
    """The figures of --quick: three seeds."""
    metrics: dict[str, Any] = fidelity() | seconds_10k()
    if folder:
        metrics |= released_parity(folder, 3)
    for name, source in named_sources(folder).items():
        result = scenario(source, 3, share=SHARES.get(name, 0.05))
        metrics |= {
            f"{name}_overall": result["spade_overall"],
            f"{name}_missed": result["spade_missed"],
            f"{name}_rf_overall": result["rf_overall"],
            f"{name}_rf_missed": result["rf_missed"],
        }
    return metrics


def scenarios(folder: Path | None, modes: Iterable[Mode]) -> dict[str, Any]:
    """Five seeds of all scenarios of `named_sources`; the robust mode's chief figures by name."""
    metrics: dict[str, Any] = {"scenarios": {}}
    for name, source in named_sources(folder).items():
        for kind in ("new types", "positive", "normal", "easy"):
            for mode in modes:
                result = scenario(source, 5, kind, mode, SHARES.get(name, 0.05))
                metrics["scenarios"].setdefault(name, {}).setdefault(kind, {})[mode] = result
                print(name, kind, mode, result, flush=True)
                if (kind, mode) == ("new types", "robust"):
                    for part in ("overall", "missed"):
                        metrics[f"{name}_{part}"] = result[f"spade_{part}"]
                        metrics[f"{name}_rf_{part}"] = result[f"rf_{part}"]
    return metrics


PARTS: dict[str, Callable[[Path | None], dict[str, Any]]] = {
    "fidelity": lambda folder: fidelity() | (released_parity(folder, 5) if folder else {}),
    "robust": lambda folder: scenarios(folder, ("robust",)),
    "paper": lambda folder: scenarios(folder, ("paper",)),
    "pictures": lambda folder: {"tiles": tile_scores(folder, 5)} if folder else {},
    "adbench": lambda folder: {"adbench": {"tables": adbench_tables(folder, 5)}} if folder else {},
    "validation": lambda folder: {"validation": validate(validation_tasks(folder))},
}
"""Of a full run; each writes its own figures."""


def merge(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """The old figures with the new ones over them, dicts within dicts too."""
    both = {key: merge(old[key], new[key]) for key in new if isinstance(old.get(key), dict)}
    return old | new | both


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="three seeds, and card.json is left alone")
    parser.add_argument("--data", type=Path, help="folder with the outside data")
    parser.add_argument("--only", choices=PARTS, nargs="+", default=list(PARTS), help="parts of a full run")
    parser.add_argument("--tables", nargs="+", help="only these of ADBench's tables; needs --data")
    arguments = parser.parse_args()
    metrics = quick(arguments.data) if arguments.quick else {}
    for part in () if arguments.quick or arguments.tables else arguments.only:
        metrics = merge(metrics, PARTS[part](arguments.data))
    if arguments.tables:
        metrics = {"adbench": {"tables": adbench_tables(arguments.data, 5, arguments.tables)}}
    if not arguments.quick and arguments.data and (ASSETS / "spade" / "card.json").is_file():
        card = read_card("spade")
        card["metrics"] = merge(card["metrics"], metrics)
        measured = card["metrics"].get("adbench", {})
        if measured:
            measured |= adbench_summary(measured["tables"])
        write_card("spade", card)
    print(json.dumps(metrics))


if __name__ == "__main__":
    main()
