"""How fast is it on this machine? Whole analyses, and PyOD's IForest and ECOD on the same rows, in turns.

    python -m pipelines.spade.benchmark [--quick]

Ratios to PyOD come from one run, so that whatever else the machine does falls on all alike. The last line
is JSON.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from pipelines.spade.analysis import analyse, score_in_chunks
from pipelines.spade.evaluate import generated_table, last
from pipelines.spade.method import Fit, fit

ROUNDS = 3


def seconds(work: Callable[[], Any]) -> float:
    """Wall time of one call."""
    start = time.monotonic()
    work()
    return time.monotonic() - start


def numbers(rows: int, columns: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """X float [rows, columns] and y: 5 % anomalies far out in three columns, 2 % of the rows labelled."""
    generator = np.random.default_rng(seed)
    X = generator.normal(size=(rows, columns))
    odd = generator.random(rows) < 0.05
    X[odd, :3] += 4
    y = np.where(generator.random(rows) < min(0.02, 400 / rows), odd.astype(int), -1)
    return X, y


def beside_pyod(rows: int = 10_000, columns: int = 30) -> dict[str, float]:
    """Seconds to fit and score the same rows: SPADE, PyOD's IForest and ECOD; medians of interleaved
    rounds."""
    from pyod.models.ecod import ECOD
    from pyod.models.iforest import IForest

    X, y = numbers(rows, columns)

    def spade() -> None:
        found: Fit = last(fit(X, y))
        found.score(X)

    works = {
        "spade": spade,
        "pyod_iforest": lambda: IForest(random_state=0).fit(X).decision_function(X),
        "pyod_ecod": lambda: ECOD().fit(X).decision_function(X),
    }
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        for name, work in works.items():
            times[name].append(seconds(work))
    result = {f"{name}_seconds": round(statistics.median(values), 2) for name, values in times.items()}
    for name in ("pyod_iforest", "pyod_ecod"):
        ratios = [a / b for a, b in zip(times["spade"], times[name], strict=True)]
        result[f"times_{name}"] = round(statistics.median(ratios), 1)
    return result


def million(columns: int = 20, rows: int = 1_000_000) -> dict[str, float]:
    """Fit on a sample of a million rows and score them all in chunks: seconds, peak memory of the process
    in GB."""
    X, y = numbers(rows, columns)

    def work() -> None:
        found: Fit = last(fit(X, y))
        last(score_in_chunks(found.detector, X))

    taken = seconds(work)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return {"million_seconds": round(taken, 1), "million_peak_gb": round(peak, 2)}


def pictures(count: int = 200) -> float:
    """Seconds to analyse `count` generated pictures of 128 x 128 pixels, the encoder's loading included."""
    from pipelines.spade.picture_analysis import analyse_pictures
    from pipelines.spade.pictures import Pictures
    from pipelines.spade.textures import DEFECTS, damage, weave

    generator = np.random.default_rng(0)
    images, y = [], np.full(count, -1)
    for i in range(count):
        image = weave(generator)
        odd = i % 8 == 0
        images.append(damage(image, DEFECTS[i // 8 % len(DEFECTS)], generator)[0] if odd else image)
        if i < count // 4:
            y[i] = int(odd)
    stack = np.repeat(np.stack(images)[..., None], 3, axis=3)
    names = tuple(f"{i}.png" for i in range(count))
    given = Pictures("generated", names, stack, y, ("",) * count, ())
    return seconds(lambda: last(analyse_pictures(given)))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="without the largest tables")
    options = parser.parse_args()
    result: dict[str, Any] = beside_pyod()
    print(result, flush=True)
    result["robust_10k_seconds"] = round(seconds(lambda: last(analyse(generated_table(10_000, 30, 0)))), 2)
    result["paper_10k_seconds"] = round(
        seconds(lambda: last(analyse(generated_table(10_000, 30, 0), mode="paper"))), 2
    )
    result["pictures_200_seconds"] = round(pictures(), 2)
    print(result, flush=True)
    if not options.quick:
        table = generated_table(100_000, 30, 0)
        result["robust_100k_seconds"] = round(seconds(lambda: last(analyse(table))), 1)
        del table
        result |= million()
    print(json.dumps(result))


if __name__ == "__main__":
    main()
