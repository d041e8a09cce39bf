"""How fast is it on this machine? difflogic's scheme, our compiled circuits and small torch nets, in turns.

Everything runs on one core in one process, round after round, so that whatever else the machine does falls on
all alike. Times are processor time of the measuring thread: waiting for a core does not count.
torchlogix is missing: its compiled circuits (0.2) need Python 3.12, and 0.1.0 compiles by difflogic's scheme.

    python -m pipelines.logicgates.benchmark [--net small] [--rounds 25] [--gcc]
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipelines.logicgates.benchmark_peers import PEERS, load_peer
from pipelines.logicgates.data import mnist
from pipelines.logicgates.difflogic_scheme import DifflogicScheme, gcc_scheme, jit_scheme
from pipelines.logicgates.kernel import CompiledCircuit
from pipelines.logicgates.netlist import Netlist
from pipelines.runtime import Progress, in_background, use_threads
from pipelines.weights import ASSETS, weights_file

IMAGES = 2048
"""Test images that the circuits read at a time: whole blocks, small enough for the last-level cache."""
SLICE_SECONDS = 0.004
"""A contender's least processor time per round: short, for other jobs seldom cut in and empty the caches."""
SCHEME = "difflogic's scheme"
OURS = "compiled circuit, bytes to class"


class Row(NamedTuple):
    """One bar of the chart."""

    name: str
    images_per_second: float
    """Median over the rounds so far, or 0."""
    group: str
    """ "difflogic", "ours" or "net"."""


@dataclass(frozen=True)
class Timing:
    """One contender's times."""

    name: str
    group: str
    note: str
    """What goes in, what comes out, how it was built."""
    seconds: tuple[float, ...]
    """Processor time per image, one figure per round."""

    @property
    def images_per_second(self) -> float:
        """By the median round."""
        return 1 / statistics.median(self.seconds) if self.seconds else 0.0

    @property
    def best(self) -> float:
        """Images per second by the fastest round."""
        return 1 / min(self.seconds) if self.seconds else 0.0


@dataclass(frozen=True)
class Throughput:
    """What was measured just now, on this machine."""

    net: str
    timings: tuple[Timing, ...]
    rounds: int
    cpu: str
    vector_bits: int
    """Width of the vectors that our kernel used."""
    baseline: str
    """How difflogic's scheme was built; empty if it could not be."""

    @property
    def rows(self) -> list[Row]:
        return [Row(timing.name, timing.images_per_second, timing.group) for timing in self.timings]

    @property
    def speedup(self) -> float:
        """Ours, bytes to class, against difflogic's scheme, bools to counts: median of the rounds' ratios."""
        times = {timing.name: timing.seconds for timing in self.timings}
        if SCHEME not in times:
            return 0.0
        return statistics.median(
            theirs / ours for theirs, ours in zip(times[SCHEME], times[OURS], strict=True)
        )


@dataclass
class _Contender:
    name: str
    group: str
    note: str
    run: Callable[[], object]
    images: int
    """Images per call of `run`."""
    repeats: int
    seconds: list[float]

    def measure(self) -> None:
        with _one_core():
            self.run()  # so that no contender pays for the caches that the one before it left
            start = time.thread_time()
            for _ in range(self.repeats):
                self.run()
            self.seconds.append((time.thread_time() - start) / (self.images * self.repeats))

    def timing(self) -> Timing:
        return Timing(self.name, self.group, self.note, tuple(self.seconds))


@contextmanager
def _one_core() -> Iterator[None]:
    """Keep this thread on one core meanwhile, where the system allows it."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def measure(net_name: str = "small", rounds: int = 25) -> Iterator[Progress | Throughput]:
    """Race an embedded net, its peers and the other net: Progress (preview: list[Row]), then Throughput."""
    nets = {
        name: Netlist.load(weights_file("logicgates", f"{name}.safetensors"))
        for name in (net_name, *_others(net_name))
    }
    yield from measure_netlists(nets, rounds)


def _others(net_name: str) -> list[str]:
    names = (name for name in ("small", "fast") if name != net_name)
    return [name for name in names if (ASSETS / "logicgates" / f"{name}.safetensors").is_file()]


def measure_netlists(
    nets: dict[str, Netlist], rounds: int = 25, peers: bool = True
) -> Iterator[Progress | Throughput]:
    """The same for any nets by name; the first is the one that difflogic's scheme runs too."""
    name, netlist = next(iter(nets.items()))
    images = mnist("test")[0][:IMAGES]
    total = rounds + 2
    compiling = Progress(0, total, "Compiling the circuit", [])
    yield compiling
    circuits = {}
    for key, each in nets.items():
        circuits[key] = yield from in_background(functools.partial(CompiledCircuit, each), compiling)
    circuit = circuits[name]
    contenders = []
    scheme = yield from _baseline(netlist, total)
    if scheme is not None:
        bits = netlist.input_bits(images)
        if not np.array_equal(scheme.counts(bits[:640]), circuit.votes(images[:640])):
            raise RuntimeError("the baseline and the compiled circuit disagree")
        note = f"bools to counts, {scheme.build}"
        contenders.append(_contender(SCHEME, "difflogic", note, lambda: scheme.counts(bits), IMAGES))
        contenders.append(
            _contender(
                f"{SCHEME}, gates only", "difflogic", scheme.build, lambda: scheme.run_gates(IMAGES), IMAGES
            )
        )
    contenders += _ours(circuit, images)
    for key, other in list(circuits.items())[1:]:
        run = lambda other=other: other.predict(images)  # noqa: E731
        note = f"{other.netlist.n_gates:,} gates, {other.backend}"
        contenders.append(_contender(f"net “{key}”, bytes to class", "ours", note, run, IMAGES))
    warming = Progress(1, total, "Warming up", _rows(contenders))
    yield warming
    for peer in PEERS if peers else ():
        contender = yield from in_background(functools.partial(_peer, peer, images), warming)
        contenders.append(contender)
    for number in range(rounds):
        for contender in contenders:
            yield Progress(2 + number, total, f"Round {number + 1} of {rounds}", _rows(contenders))
            contender.measure()
    timings = tuple(contender.timing() for contender in contenders)
    yield Throughput(name, timings, rounds, cpu_name(), circuit.vector_bits, scheme.build if scheme else "")


def _baseline(netlist: Netlist, total: int) -> Generator[Progress, None, DifflogicScheme | None]:
    """gcc's build if it is in the cache, else LLVM's; None without either."""
    scheme = gcc_scheme(netlist, build=False)
    if scheme is not None:
        return scheme
    steps = jit_scheme(netlist)
    try:
        while True:
            done, parts = next(steps)
            yield Progress(0, total, f"Compiling difflogic's straight line, part {done} of {parts}", [])
    except StopIteration as end:
        return end.value
    except ImportError:
        return None


def _ours(circuit: CompiledCircuit, images: np.ndarray) -> list[_Contender]:
    words = circuit.pack(images)
    n, kernel = len(images), circuit.backend
    return [
        _contender(OURS, "ours", kernel, lambda: circuit.predict(images), n),
        _contender(
            "compiled circuit, packed bits to class", "ours", kernel, lambda: circuit.predict_packed(words), n
        ),
        _contender("compiled circuit, gates only", "ours", kernel, lambda: circuit.run_gates(n), n),
    ]


def _peer(peer: str, images: np.ndarray) -> _Contender:
    import torch

    use_threads(1)
    model, accuracy = load_peer(peer)
    batch = torch.from_numpy(images[: PEERS[peer].batch].astype(np.float32) / 255)

    def run() -> object:
        with torch.inference_mode():
            return model(batch).argmax(dim=1)

    note = f"floats to class, torch, batch {len(batch)}, {accuracy:.2%} right"
    return _contender(PEERS[peer].title, "net", note, run, len(batch))


def _contender(name: str, group: str, note: str, run: Callable[[], object], images: int) -> _Contender:
    """Warm up, and see how often it must run for a slice of processor time."""
    run()
    start = time.thread_time()
    run()
    once = max(time.thread_time() - start, 1e-6)
    return _Contender(name, group, note, run, images, max(1, round(SLICE_SECONDS / once)), [])


def _rows(contenders: list[_Contender]) -> list[Row]:
    timings = [contender.timing() for contender in contenders]
    return [Row(timing.name, timing.images_per_second, timing.group) for timing in timings if timing.seconds]


def cpu_name() -> str:
    """The processor, as the system calls it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for row in cpuinfo.read_text().splitlines():
            if row.startswith("model name"):
                return row.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--net", default="small", choices=("small", "fast"))
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument(
        "--gcc", action="store_true", help="build difflogic's scheme with gcc -O1 first (minutes, cached)"
    )
    arguments = parser.parse_args()
    if arguments.gcc:
        gcc_scheme(Netlist.load(weights_file("logicgates", f"{arguments.net}.safetensors")))
    for report in measure(arguments.net, arguments.rounds):
        if isinstance(report, Throughput):
            result = report
    print(f"{result.cpu}, one core, {result.vector_bits}-bit vectors, median of {result.rounds} rounds")
    for timing in result.timings:
        print(
            f"{timing.name:42} {timing.images_per_second / 1e6:9.3f} M/s  best {timing.best / 1e6:9.3f} M/s  "
            f"{1e9 / timing.images_per_second:9.1f} ns  {timing.note}"
        )
    print(f"speed-up, bytes to class against bools to counts: {result.speedup:.1f}")
    rows = {
        timing.name: {"images_per_second": timing.images_per_second, "best": timing.best, "note": timing.note}
        for timing in result.timings
    }
    summary = {
        "net": result.net,
        "cpu": result.cpu,
        "vector_bits": result.vector_bits,
        "rounds": result.rounds,
    }
    print(json.dumps(summary | {"baseline": result.baseline, "speedup": result.speedup, "rows": rows}))


if __name__ == "__main__":
    main()
