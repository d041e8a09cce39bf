"""Measure what the card states: accuracy, bit-exactness, speed against difflogic's scheme on this machine.

    python -m pipelines.logicgates.evaluate [--quick]

The last line is JSON; without --quick card.json is updated.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import numpy as np

from pipelines.logicgates.benchmark import OURS, Throughput, measure
from pipelines.logicgates.data import mnist
from pipelines.logicgates.kernel import CompiledCircuit
from pipelines.logicgates.netlist import Netlist
from pipelines.weights import ASSETS, read_card, weights_file, write_card

NETS = ("small", "fast")
REFERENCE_BATCH = 1000


def accuracy_and_exactness(circuit: CompiledCircuit) -> tuple[float, bool]:
    """Share of the test images read right, and whether every vote equals the gate-by-gate reference's."""
    images, labels = mnist("test")
    votes = circuit.votes(images)
    starts = range(0, len(images), REFERENCE_BATCH)
    reference = np.concatenate([circuit.netlist.votes(images[i : i + REFERENCE_BATCH]) for i in starts])
    predictions = circuit.predict(images)
    exact = np.array_equal(votes, reference) and np.array_equal(predictions, reference.argmax(axis=1))
    return float((predictions == labels).mean()), exact


def evaluate(rounds: int) -> dict[str, Any]:
    """All metrics. Optimising and code generation are timed first, while the process is cold."""
    circuits = {
        name: CompiledCircuit(Netlist.load(weights_file("logicgates", f"{name}.safetensors")))
        for name in NETS
    }
    metrics: dict[str, Any] = {}
    exact = []
    for name, circuit in circuits.items():
        metrics[f"accuracy_{name}"], is_exact = accuracy_and_exactness(circuit)
        exact.append(is_exact)
    metrics["bit_exact"] = all(exact)
    for report in measure("small", rounds):
        if isinstance(report, Throughput):
            result = report
    speed = {row.name: round(row.images_per_second) for row in result.rows}
    metrics["speedup_vs_difflogic_scheme"] = round(result.speedup, 2)
    metrics["baseline"] = result.baseline
    metrics["images_per_second"] = {"small": speed[OURS], "fast": speed["net “fast”, bytes to class"]}
    metrics["compile_seconds"] = round(circuits["small"].compile_seconds, 3)
    metrics["cpu"] = f"{result.cpu}, {result.vector_bits}-bit vectors, one core"
    metrics["all_images_per_second"] = speed
    for name, circuit in circuits.items():
        waterfall = circuit.optimised.waterfall
        metrics[f"gates_{name}"] = {
            "nominal": waterfall.gates,
            "live": waterfall.live,
            "lut3": waterfall.lut3,
        }
    return metrics


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer rounds, and card.json is left alone")
    arguments = parser.parse_args()
    metrics = evaluate(rounds=15 if arguments.quick else 51)
    if not arguments.quick and (ASSETS / "logicgates" / "card.json").is_file():
        card = read_card("logicgates")
        card["metrics"] = card.get("metrics", {}) | metrics
        write_card("logicgates", card)
    print(json.dumps(metrics, ensure_ascii=False))


if __name__ == "__main__":
    main()
