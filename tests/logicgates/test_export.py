"""The exported code, compiled and run, gives the circuit's answers."""

from __future__ import annotations

import ctypes
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from pipelines.logicgates.data import mnist
from pipelines.logicgates.export import to_c, to_json, to_verilog
from pipelines.logicgates.netlist import Netlist
from pipelines.weights import ASSETS
from tests.logicgates.nets import random_netlist

needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc here")
needs_iverilog = pytest.mark.skipif(shutil.which("iverilog") is None, reason="no iverilog here")


def some_netlist() -> Netlist:
    """The fast net where it is embedded, else a random one."""
    path = ASSETS / "logicgates" / "fast.safetensors"
    return Netlist.load(path) if path.is_file() else random_netlist(1, (900, 700, 500), crop=4)


def build(folder: Path, source: str, *options: str) -> Path:
    (folder / "net.c").write_text(source)
    made = folder / "net.out"
    flags = ["-std=c99", "-O0", *options]
    subprocess.run(["gcc", *flags, "-o", made, folder / "net.c"], check=True)
    return made


@needs_gcc
def test_c_gives_the_same_votes_on_1000_images(tmp_path: Path) -> None:
    netlist, images = some_netlist(), np.ascontiguousarray(mnist("test")[0][:1000])
    library = ctypes.CDLL(
        str(build(tmp_path, to_c(netlist), "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"))
    )
    votes = np.empty((1000, 10), dtype=np.int32)
    classes = np.empty(1000, dtype=np.uint8)
    size = ctypes.c_size_t(1000)
    library.count_votes(ctypes.c_void_p(images.ctypes.data), size, ctypes.c_void_p(votes.ctypes.data))
    library.classify_batch(ctypes.c_void_p(images.ctypes.data), size, ctypes.c_void_p(classes.ctypes.data))
    expected = netlist.votes(images)
    assert np.array_equal(votes, expected)
    assert np.array_equal(classes, expected.argmax(axis=1))
    assert library.classify(ctypes.c_void_p(images[7].ctypes.data)) == expected[7].argmax()


@needs_gcc
@pytest.mark.parametrize(("seed", "ops"), [(2, (0, 15)), (3, (3, 5, 10, 12)), (4, (8, 9, 14))])
def test_c_program_reads_raw_images(tmp_path: Path, seed: int, ops: tuple[int, ...]) -> None:
    netlist, images = random_netlist(seed, (30, 20), ops=ops), mnist("test")[0][:70]
    program = build(tmp_path, to_c(netlist), "-DMAIN")
    output = subprocess.run([program], input=images.tobytes(), capture_output=True, check=True).stdout
    assert [int(row) for row in output.split()] == netlist.votes(images).argmax(axis=1).tolist()


def simulate(folder: Path, netlist: Netlist, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Votes and labels by iverilog."""
    bits, n = netlist.group_size.bit_length(), netlist.n_inputs
    rows = ["".join("01"[bit] for bit in row[::-1]) for row in netlist.input_bits(images).astype(int)]
    (folder / "images.txt").write_text("\n".join(rows))
    bench = f"""module bench;
    reg [{n - 1}:0] images [0:{len(images) - 1}]; reg [{n - 1}:0] x; integer i;
    wire [{netlist.classes * bits - 1}:0] votes; wire [3:0] label;
    logic_gates dut(.x(x), .votes(votes), .label(label));
    initial begin
        $readmemb("images.txt", images);
        for (i = 0; i < {len(images)}; i = i + 1) begin x = images[i]; #1 $display("%b %d", votes, label); end
    end
    endmodule
    """
    (folder / "net.v").write_text(to_verilog(netlist) + bench)
    subprocess.run(["iverilog", "-g2001", "-o", folder / "net.vvp", folder / "net.v"], check=True)
    output = subprocess.run(
        ["vvp", folder / "net.vvp"], cwd=folder, capture_output=True, check=True, text=True
    )
    words, labels = zip(*(row.split() for row in output.stdout.splitlines()), strict=True)
    votes = [[int(word[::-1][k * bits : (k + 1) * bits][::-1], 2) for k in range(10)] for word in words]
    return np.array(votes), np.array(labels, dtype=int)


@needs_iverilog
@pytest.mark.parametrize(
    ("netlist", "n"),
    [(random_netlist(1, (400, 300, 200), crop=4), 1000), (some_netlist(), 30)],
    ids=["random", "embedded"],
)
def test_verilog_gives_the_same_votes(tmp_path: Path, netlist: Netlist, n: int) -> None:
    images = mnist("test")[0][:n]
    votes, labels = simulate(tmp_path, netlist, images)
    expected = netlist.votes(images)
    assert np.array_equal(votes, expected)
    assert np.array_equal(labels, expected.argmax(axis=1))


def test_verilog_names_every_wire_before_its_use() -> None:
    seen: set[str] = set()
    for line in to_verilog(random_netlist(5)).splitlines():
        words = line.replace("(", " ").replace(")", " ").replace("~", " ").replace(";", " ").split()
        if words[:1] == ["wire"] and words[1].startswith("n"):
            assert {word for word in words[3:] if word.startswith("n")} <= seen
            seen.add(words[1])
    assert seen


def test_json_holds_the_netlist() -> None:
    netlist = random_netlist(6)
    read = json.loads(to_json(netlist))
    assert read["threshold"] == 127
    for layer, entry in zip(netlist.layers, read["layers"], strict=True):
        assert (layer.a.tolist(), layer.b.tolist(), layer.op.tolist()) == (
            entry["a"],
            entry["b"],
            entry["op"],
        )
