"""The SIMD kernel and its numpy stand-in give the reference's votes, for any number of images."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.logicgates import kernel
from pipelines.logicgates.data import mnist
from pipelines.logicgates.kernel import CompiledCircuit
from pipelines.logicgates.kernel_ir import kernel_ir
from pipelines.logicgates.netlist import GateLayer, Netlist
from pipelines.weights import ASSETS
from tests.logicgates.nets import netlists, random_images, random_netlist

KERNELS = [(0, False), (2, False), (4, False), (8, False)]
if kernel.can_run_straight_line():
    KERNELS.append((4, True))
each_kernel = pytest.mark.parametrize(("lanes", "straight"), KERNELS)
EMBEDDED = [ASSETS / "logicgates" / f"{name}.safetensors" for name in ("small", "fast")]
EMBEDDED = [path for path in EMBEDDED if path.is_file()]


@pytest.mark.parametrize("path", EMBEDDED, ids=lambda path: path.stem)
def test_embedded_nets_on_all_test_images(path: Path) -> None:
    images, _ = mnist("test")
    netlist = Netlist.load(path)
    expected = np.concatenate([netlist.votes(images[i : i + 1000]) for i in range(0, len(images), 1000)])
    for lanes, straight in KERNELS[1:]:
        circuit = CompiledCircuit(netlist, lanes, straight)
        assert np.array_equal(circuit.votes(images), expected)
        assert np.array_equal(circuit.predict(images), expected.argmax(axis=1))


@each_kernel
@pytest.mark.parametrize("crop", [0, 4])
def test_every_width_equals_the_reference(lanes: int, straight: bool, crop: int) -> None:
    netlist = random_netlist(7, (500, 400, 300), crop=crop)
    images = mnist("test")[0][:1333]
    expected = netlist.votes(images)
    circuit = CompiledCircuit(netlist, lanes, straight)
    assert np.array_equal(circuit.votes(images), expected)
    assert np.array_equal(circuit.predict(images), expected.argmax(axis=1))
    assert np.array_equal(circuit.predict_packed(circuit.pack(images)), expected.argmax(axis=1))


@settings(max_examples=40, deadline=None)
@given(netlists(), st.integers(1, 150))
def test_any_net_any_number_of_images(netlist: Netlist, n: int) -> None:
    images = random_images(n, n)
    expected = netlist.votes(images)
    for straight in {False, KERNELS[-1][1]}:
        circuit = CompiledCircuit(netlist, straight=straight)
        assert np.array_equal(circuit.votes(images), expected)
        assert np.array_equal(circuit.predict(images), expected.argmax(axis=1))


@pytest.mark.parametrize("n", [1, 2, 63, 64, 65, 255, 256, 257, 511, 512, 513, 1025])
def test_odd_numbers_of_images(n: int) -> None:
    netlist = random_netlist(8)
    images = random_images(1, n)
    for lanes, straight in KERNELS:
        circuit = CompiledCircuit(netlist, lanes, straight)
        assert np.array_equal(circuit.votes(images), netlist.votes(images))
        assert circuit.predict(images).shape == (n,)


@each_kernel
@pytest.mark.parametrize("level", [0, 5, 127, 254, 255])
def test_threshold_is_exclusive(lanes: int, straight: bool, level: int) -> None:
    """One output per grey value's pixel: it fires for pixel > threshold only."""
    wires = np.arange(256, dtype=np.int32)
    netlist = Netlist((GateLayer(wires, wires, np.full(256, 3, np.uint8)),), classes=256, threshold=level)
    image = np.zeros(784, dtype=np.uint8)
    image[:256] = np.arange(256)
    votes = CompiledCircuit(netlist, lanes, straight).votes(image.reshape(1, 28, 28))
    assert np.array_equal(votes[0], np.arange(256) > level)


@each_kernel
def test_a_tie_goes_to_the_lowest_class(lanes: int, straight: bool) -> None:
    """Class k has the votes of the pixels 0..8 in some order, so that any subset of classes can tie."""
    rng = np.random.default_rng(0)
    wires = rng.integers(0, 9, 40).astype(np.int32)
    netlist = Netlist((GateLayer(wires, wires, np.full(40, 3, np.uint8)),), classes=10)
    images = np.zeros((512, 784), dtype=np.uint8)
    images[:, :9] = (np.arange(512)[:, None] >> np.arange(9) & 1) * 255
    images = images.reshape(-1, 28, 28)
    votes = netlist.votes(images)
    assert ((votes == votes.max(axis=1, keepdims=True)).sum(axis=1) > 1).any()
    assert np.array_equal(CompiledCircuit(netlist, lanes, straight).predict(images), votes.argmax(axis=1))


def test_numpy_stands_in_without_llvmlite(monkeypatch: pytest.MonkeyPatch) -> None:
    netlist, images = random_netlist(9), random_images(2, 100)
    expected = CompiledCircuit(netlist).votes(images)
    monkeypatch.setattr(kernel, "llvm", None)
    circuit = CompiledCircuit(netlist)
    assert circuit.backend == "numpy 64-bit"
    assert np.array_equal(circuit.votes(images), expected)


@each_kernel
def test_no_images_no_answers(lanes: int, straight: bool) -> None:
    circuit = CompiledCircuit(random_netlist(8), lanes, straight)
    none = np.zeros((0, 28, 28), dtype=np.uint8)
    assert circuit.predict(none).shape == (0,)
    assert circuit.votes(none).shape == (0, 10)


def test_backend_names_the_vector_width() -> None:
    circuit = CompiledCircuit(random_netlist(9))
    assert circuit.backend.startswith(f"llvmlite {circuit.vector_bits}-bit")
    assert circuit.vector_bits in (128, 256, 512)


def test_four_threads_share_a_circuit() -> None:
    netlist = random_netlist(10, (2000, 1000))
    circuit = CompiledCircuit(netlist)
    batches = [random_images(i, 700 + i) for i in range(4)]
    expected = [netlist.votes(images) for images in batches]
    wrong: list[int] = []

    def work(i: int) -> None:
        for _ in range(20):
            if not np.array_equal(circuit.votes(batches[i]), expected[i]):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize(
    "images", [np.zeros((1, 28, 28)), np.zeros((1, 27, 28), np.uint8), np.zeros(784, np.uint8)]
)
def test_wrong_images_are_refused(images: np.ndarray) -> None:
    with pytest.raises(ValueError, match="uint8"):
        CompiledCircuit(random_netlist(9)).predict(images)


@pytest.mark.parametrize(
    ("cpu", "lanes"), [("x86-64", 2), ("x86-64-v3", 4), ("znver4", 8), ("sapphirerapids", 8)]
)
def test_kernel_compiles_for_other_processors(cpu: str, lanes: int) -> None:
    llvm = pytest.importorskip("llvmlite.binding")
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    machine = llvm.Target.from_triple("x86_64-unknown-linux-gnu").create_target_machine(cpu=cpu, opt=2)
    assembly = machine.emit_assembly(llvm.parse_assembly(kernel_ir(lanes)))
    assert {2: "xmm", 4: "ymm", 8: "zmm"}[lanes] in assembly
    assert ("zmm" in assembly) == (lanes == 8)


def test_kernel_compiles_for_arm() -> None:
    llvm = pytest.importorskip("llvmlite.binding")
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    try:
        target = llvm.Target.from_triple("aarch64-unknown-linux-gnu")
    except RuntimeError:
        pytest.skip("this llvmlite has no ARM code generator")
    machine = target.create_target_machine(opt=2)
    assert "zip1" in machine.emit_assembly(llvm.parse_assembly(kernel_ir(2)))
