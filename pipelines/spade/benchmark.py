"""How fast is it on this machine? Whole analyses, and PyOD's IForest and ECOD on the same rows, in turns.

    python -m pipelines.spade.benchmark [--quick] [--card]

Each analysis runs in a process of its own: wall time, processor time (of all threads; on idle cores the wall
time is less, on a busy machine more) and peak memory. Ratios to PyOD come from one run, so that whatever else
the machine does falls on all alike. --card writes the figures into card.json. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any

import numpy as np

from pipelines.spade.analysis import analyse, score_in_chunks
from pipelines.spade.evaluate import generated_table, last
from pipelines.spade.method import Fit, Mode, fit
from pipelines.weights import read_card, write_card

ROUNDS = 3


def measured(work: Callable[[], Any]) -> dict[str, float]:
    """Wall and processor seconds of one call, and the process's peak memory in GB."""
    start, busy = time.monotonic(), time.process_time()
    work()
    taken, busy = time.monotonic() - start, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return {"wall_seconds": round(taken, 2), "cpu_seconds": round(busy, 2), "peak_gb": round(peak, 2)}


def table(rows: int, mode: Mode = "robust") -> dict[str, float]:
    """A table of 30 columns, from its cells to the summary that the page shows."""
    given = generated_table(rows, 30, 0)
    return measured(lambda: last(analyse(given, mode=mode)).summary)


def million(rows: int = 1_000_000, columns: int = 20) -> dict[str, float]:
    """A fit on a sample of a million rows, and all of them scored in chunks."""
    X, y = numbers(rows, columns)

    def work() -> None:
        found: Fit = last(fit(X, y))
        last(score_in_chunks(found.detector, X))

    return measured(work)


def pictures(count: int = 200) -> dict[str, float]:
    """Generated pictures of 128 x 128 pixels, the encoder's loading included."""
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
    return measured(lambda: last(analyse_pictures(given)).summary)


QUICK: dict[str, Callable[[], dict[str, float]]] = {
    "table_10k": partial(table, 10_000),
    "table_10k_paper": partial(table, 10_000, "paper"),
    "pictures_200": pictures,
}
LARGE: dict[str, Callable[[], dict[str, float]]] = {
    "table_100k": partial(table, 100_000),
    "million": million,
}


def alone(work: Callable[[], dict[str, float]]) -> dict[str, float]:
    """What a measurement returns from a fresh process, whose peak memory is its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work).result()


def numbers(rows: int, columns: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """X float [rows, columns] and y: 5 % anomalies far out in three columns, 2 % of the rows labelled."""
    generator = np.random.default_rng(seed)
    X = generator.normal(size=(rows, columns))
    odd = generator.random(rows) < 0.05
    X[odd, :3] += 4
    y = np.where(generator.random(rows) < min(0.02, 400 / rows), odd.astype(int), -1)
    return X, y


def beside_pyod(rows: int = 10_000, columns: int = 30) -> dict[str, float]:
    """Fit and score of the same rows by SPADE (with labels) and PyOD's IForest and ECOD (without), in turns:
    median processor seconds, and how many times PyOD's SPADE takes, in wall and in processor time."""
    from pyod.models.ecod import ECOD
    from pyod.models.iforest import IForest

    X, y = numbers(rows, columns)
    works = {
        "spade": lambda: last(fit(X, y)).score(X),
        "pyod_iforest": lambda: IForest(random_state=0).fit(X).decision_function(X),
        "pyod_ecod": lambda: ECOD().fit(X).decision_function(X),
    }
    rounds = [{name: measured(work) for name, work in works.items()} for _ in range(ROUNDS)]
    result = {}
    for name in works:
        result[f"{name}_cpu_seconds"] = statistics.median(turn[name]["cpu_seconds"] for turn in rounds)
        for clock in ("wall", "cpu") if name != "spade" else ():
            ratios = [turn["spade"][f"{clock}_seconds"] / turn[name][f"{clock}_seconds"] for turn in rounds]
            result[f"times_{name}_{clock}"] = round(statistics.median(ratios), 1)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="without the largest tables")
    parser.add_argument("--card", action="store_true", help="write the figures into card.json")
    options = parser.parse_args()
    result: dict[str, dict[str, float]] = {}
    for name, work in (QUICK if options.quick else QUICK | LARGE).items():
        result[name] = alone(work)
        print(name, result[name], flush=True)
    result["beside_pyod"] = beside_pyod()
    if options.card:
        card = read_card("spade")
        card["metrics"]["speed"] = card["metrics"].get("speed", {}) | result
        write_card("spade", card)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
