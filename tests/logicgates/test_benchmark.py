"""The benchmark measures what it says; speed itself is not asserted."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from pipelines.logicgates import benchmark, difflogic_scheme
from pipelines.logicgates.benchmark import Throughput, measure_netlists
from pipelines.logicgates.benchmark_peers import PEERS, load_peer
from pipelines.logicgates.difflogic_scheme import DifflogicScheme, gcc_scheme, jit_scheme, scheme_source
from pipelines.logicgates.netlist import Netlist
from pipelines.runtime import Progress
from tests.logicgates.nets import random_images, random_netlist


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def finish(netlist: Netlist) -> DifflogicScheme:
    steps = jit_scheme(netlist)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


@pytest.mark.parametrize("ops", [tuple(range(16)), (0, 15), (3, 12)])
def test_jit_of_the_scheme_counts_right(ops: tuple[int, ...]) -> None:
    netlist, images = random_netlist(1, (700, 500, 310), crop=4, ops=ops), random_images(1, 128)
    assert np.array_equal(finish(netlist).counts(netlist.input_bits(images)), netlist.votes(images))


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc here")
def test_gcc_of_the_scheme_counts_right_and_is_cached() -> None:
    netlist, images = random_netlist(2, (70, 50), crop=4), random_images(2, 64)
    assert gcc_scheme(netlist, build=False) is None
    scheme = gcc_scheme(netlist)
    assert scheme is not None
    assert np.array_equal(scheme.counts(netlist.input_bits(images)), netlist.votes(images))
    assert gcc_scheme(netlist, build=False) is not None


def test_the_scheme_has_a_statement_per_gate() -> None:
    netlist = random_netlist(3)
    body = scheme_source(netlist).split("void apply")[0]
    assert sum(line.endswith(";") for line in body.splitlines() if line.startswith("    ")) == netlist.n_gates


def test_the_scheme_takes_whole_words() -> None:
    netlist = random_netlist(3)
    with pytest.raises(ValueError, match="64"):
        finish(netlist).counts(np.zeros((63, 784), dtype=bool))


def test_a_race_reports_and_ends() -> None:
    affinity = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    nets = {"first": random_netlist(4, (300, 200), crop=4), "second": random_netlist(5)}
    *reports, result = measure_netlists(nets, rounds=1)
    assert all(isinstance(report, Progress) for report in reports)
    assert [report.step for report in reports] == sorted(report.step for report in reports)
    assert isinstance(result, Throughput)
    assert {row.group for row in result.rows} == {"difflogic", "ours", "net"}
    assert len(result.rows) == 6 + len(PEERS)
    assert all(timing.images_per_second > 0 and len(timing.seconds) == 1 for timing in result.timings)
    assert result.speedup > 0
    assert result.vector_bits in (128, 256, 512)
    assert result.baseline == "LLVM JIT of the same scheme"
    assert result.cpu
    if affinity is not None:
        assert os.sched_getaffinity(0) == affinity


def test_a_race_can_be_stopped() -> None:
    race = measure_netlists({"only": random_netlist(4)}, rounds=100, peers=False)
    for _ in range(30):
        next(race)
    threads = threading.active_count()
    race.close()
    assert threading.active_count() <= threads


def test_a_race_without_llvm_or_gcc(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: Netlist) -> None:
        raise ImportError

    monkeypatch.setattr(benchmark, "jit_scheme", lambda netlist: iter_raises(missing, netlist))
    *_, result = measure_netlists({"only": random_netlist(4)}, rounds=1, peers=False)
    assert result.baseline == ""
    assert result.speedup == 0.0


def iter_raises(function: object, netlist: Netlist):
    function(netlist)  # type: ignore[operator]
    yield


def test_peers_classify() -> None:
    import torch

    for name in PEERS:
        model, accuracy = load_peer(name)
        assert model(torch.zeros(3, 28, 28)).shape == (3, 10)
        assert accuracy > 0.97


def test_library_cache_depends_on_the_net() -> None:
    first, second = (difflogic_scheme.cached_library(random_netlist(seed)) for seed in (1, 2))
    assert first != second
