"""The yardstick: how difflogic, the paper's library, runs a net on a CPU. Written anew from its description.

One straight line of 64-bit operations, a C statement per gate, compiled with gcc -O1; around it loops that
pack 64 images of bools into words bit by bit, add up each class's output words with a ripple counter, and
unpack the counts bit by bit. Bools in, counts out. gcc takes minutes for 48,000 gates, so its library is kept
in the user's cache directory; `jit_scheme` compiles the same line and the same loops with LLVM in seconds.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import numpy as np

from pipelines.logicgates.compile import Graph, fold
from pipelines.logicgates.ir import Function
from pipelines.logicgates.netlist import Netlist
from pipelines.logicgates.program import formulas

WORD = 64
GATES_PER_FUNCTION = 125
"""Straight-line gates per JIT function; LLVM's time grows faster than a function's length."""
RIPPLE_BITS = 5
"""Counter bits per round of the JIT's ripple loop: with 5 it takes the time that gcc's loop takes."""
_C_GATES = (
    "0", "{a} & {b}", "{a} & ~{b}", "{a}", "{b} & ~{a}", "{b}", "{a} ^ {b}", "{a} | {b}",
    "~({a} | {b})", "~({a} ^ {b})", "~{b}", "{a} | ~{b}", "~{a}", "{b} | ~{a}", "~({a} & {b})", "~0LL",
)  # fmt: skip
_APPLY = """
void apply(const bool *images, int *counts, size_t blocks) {
    word *inputs = malloc(INPUTS * sizeof(word)), *outputs = malloc(OUTPUTS * sizeof(word));
    word *sum = malloc(BITS * sizeof(word));
    for (size_t block = 0; block < blocks; block++) {
        for (size_t i = 0; i < INPUTS; i++) {
            word packed = 0;
            for (size_t image = 64; image-- > 0;)
                packed = (packed << 1) + !!images[(block * 64 + image) * INPUTS + i];
            inputs[i] = packed;
        }
        gates(inputs, outputs);
        for (size_t label = 0; label < CLASSES; label++) {
            for (size_t k = 0; k < BITS; k++) sum[k] = 0;
            for (size_t i = 0; i < OUTPUTS / CLASSES; i++) {
                word carry = outputs[label * (OUTPUTS / CLASSES) + i];
                for (size_t k = 0; k < BITS; k++) {
                    word old = sum[k];
                    sum[k] = carry ^ old;
                    carry &= old;
                }
            }
            for (size_t image = 0; image < 64; image++) {
                int count = 0;
                for (size_t k = BITS; k-- > 0;) count = (count << 1) + !!(sum[k] & 1LL << image);
                counts[(block * 64 + image) * CLASSES + label] = count;
            }
        }
    }
    free(inputs);
    free(outputs);
    free(sum);
}
"""


@dataclass(frozen=True)
class DifflogicScheme:
    """A net compiled by difflogic's scheme."""

    netlist: Netlist
    build: str
    """How it was built: "gcc -O1" or "LLVM JIT of the same scheme"."""
    compiled: Any
    """Holds `gates(inputs, outputs)`, one word each per signal, and `apply(images, counts, blocks)`."""

    def counts(self, bits: np.ndarray) -> np.ndarray:
        """bool [n, n_inputs], n a multiple of 64 -> int32 [n, classes]."""
        blocks, rest = divmod(len(bits), WORD)
        if rest:
            raise ValueError(f"the scheme takes whole words of {WORD} images, not {len(bits)}")
        counts = np.empty((len(bits), self.netlist.classes), dtype=np.int32)
        self.compiled.apply(_pointer(np.ascontiguousarray(bits)), _pointer(counts), ctypes.c_size_t(blocks))
        return counts

    def run_gates(self, images: int) -> None:
        """Evaluate the gates alone for that many images, to measure their speed."""
        inputs = np.zeros(self.netlist.n_inputs, dtype=np.int64)
        outputs = np.zeros(len(self.netlist.layers[-1]), dtype=np.int64)
        at = _pointer(inputs), _pointer(outputs)
        for _ in range(-(-images // WORD)):
            self.compiled.gates(*at)


def _pointer(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def scheme_source(netlist: Netlist) -> str:
    """The C program: every gate of the net, live or not, in one function."""
    lines = ["#include <stdbool.h>", "#include <stdlib.h>", "typedef long long word;"]
    lines += [f"#define INPUTS {netlist.n_inputs}", f"#define OUTPUTS {len(netlist.layers[-1])}"]
    lines += [f"#define CLASSES {netlist.classes}", f"#define BITS {netlist.group_size.bit_length()}"]
    lines.append("void gates(const word *in, word *out) {")
    last = len(netlist.layers) - 1
    for depth, layer in enumerate(netlist.layers):
        source = f"v{depth - 1}_{{}}" if depth else "in[{}]"
        target = "out[{}]" if depth == last else f"const word v{depth}_{{}}"
        for i, (a, b, op) in enumerate(
            zip(layer.a.tolist(), layer.b.tolist(), layer.op.tolist(), strict=True)
        ):
            value = _C_GATES[op].format(a=source.format(a), b=source.format(b))
            lines.append(f"    {target.format(i)} = {value};")
    return "\n".join([*lines, "}", _APPLY])


def cached_library(netlist: Netlist) -> Path:
    """Where gcc's library of this net is kept, whether it is there or not."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    key = hashlib.sha256((scheme_source(netlist) + platform.machine()).encode()).hexdigest()[:16]
    return cache / "nine-papers" / f"difflogic-scheme-{key}.so"


def gcc_scheme(netlist: Netlist, build: bool = True) -> DifflogicScheme | None:
    """difflogic's build from the cache, or made now if `build` (minutes); None if it can't be had."""
    path = cached_library(netlist)
    if not path.is_file():
        if not build or shutil.which("gcc") is None:
            return None
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=path.parent) as folder:
            source, made = Path(folder, "scheme.c"), Path(folder, "scheme.so")
            source.write_text(scheme_source(netlist))
            subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-o", str(made), str(source)], check=True)
            made.replace(path)
    return DifflogicScheme(netlist, "gcc -O1", ctypes.CDLL(str(path)))


def jit_scheme(netlist: Netlist) -> Generator[tuple[int, int], None, DifflogicScheme]:
    """The same scheme compiled by LLVM, 64-bit words, not vectorised. Yields (parts done, parts); returns it.

    Constants, wires, duplicates and dead gates are dropped first, as gcc does within its one function.
    Raises ImportError without llvmlite.
    """
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(opt=1)
    options = llvm.create_pipeline_tuning_options(speed_level=1)
    options.loop_unrolling = False  # gcc -O1 does not
    passes = llvm.create_pass_builder(machine, options)
    graph, _ = fold(netlist)
    parts = _gates_ir(graph, netlist.n_inputs)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    for done, part in enumerate(parts, 1):
        engine.add_module(llvm.parse_assembly(part))
        engine.finalize_object()
        yield done, len(parts)
    loops = llvm.parse_assembly(_apply_ir(netlist))
    passes.getModulePassManager().run(loops, passes)
    engine.add_module(loops)
    engine.finalize_object()
    pointer = ctypes.c_void_p
    library = SimpleNamespace(
        gates=ctypes.CFUNCTYPE(None, pointer, pointer)(engine.get_function_address("gates")),
        apply=ctypes.CFUNCTYPE(None, pointer, pointer, ctypes.c_size_t)(engine.get_function_address("apply")),
        engine=engine,  # owns the machine code
    )
    return DifflogicScheme(netlist, "LLVM JIT of the same scheme", library)


def _gates_ir(graph: Graph, n_inputs: int) -> list[str]:
    """Modules: the functions that the gates are cut into, passing signals in memory; last `gates` itself."""
    parameters = "(ptr noalias %in, ptr noalias %out, ptr noalias %signals)"
    nodes = np.flatnonzero(graph.live() & (graph.layer > 0)).tolist()
    votes: dict[int, list[tuple[int, int]]] = {}
    for i, literal in enumerate(graph.outputs.tolist()):
        votes.setdefault(literal >> 1, []).append((i, literal & 1))
    readers = np.zeros(len(graph.table), dtype=np.int64)  # the last function that reads each node
    part_of = {node: i // GATES_PER_FUNCTION for i, node in enumerate(nodes)}
    inputs, tables = graph.inputs.tolist(), graph.table.tolist()
    for node in nodes:
        readers[inputs[node]] = part_of[node]
    parts = []
    for first in range(0, max(1, len(nodes)), GATES_PER_FUNCTION):
        part = first // GATES_PER_FUNCTION
        f = Function(f"@gates{part}{parameters}")
        value = {0: "0"}
        here = nodes[first : first + GATES_PER_FUNCTION]
        for node in ([i for i in range(n_inputs + 1) if i in votes] if part == 0 else []) + here:
            for source in (*inputs[node][:2], *([node] if node <= n_inputs else [])):
                if source not in value:
                    base, index = ("%in", source - 1) if source <= n_inputs else ("%signals", source)
                    value[source] = f.load("i64", base, index)
            if node > n_inputs:
                operation, a, b = formulas()[tables[node]]
                left, right = (value[inputs[node][0 if table == 0b10101010 else 1]] for table in (a, b))
                if operation == "andn":
                    operation, right = "and", f.math("xor", "i64", right, -1)
                value[node] = f.math(operation, "i64", left, right)
                if readers[node] > part:
                    f.store("i64", value[node], "%signals", node)
            for i, complemented in votes.get(node, []):
                f.store("i64", f.math("xor", "i64", value[node], -complemented), "%out", i)
        parts.append(f.text())
    declared = [f"declare void @gates{part}(ptr, ptr, ptr)" for part in range(len(parts))]
    f = Function("@gates(ptr %in, ptr %out)")
    signals = f.emit(f"alloca [{len(tables)} x i64]")
    for part in range(len(parts)):
        f.do(f"call void @gates{part}(ptr %in, ptr %out, ptr {signals})")
    return [*parts, "\n".join([*declared, f.text()])]


def _apply_ir(netlist: Netlist) -> str:
    """Module: `apply` of the C program, loop by loop."""
    n_inputs, n_outputs, classes = netlist.n_inputs, len(netlist.layers[-1]), netlist.classes
    bits, group = netlist.group_size.bit_length(), netlist.group_size
    f = Function("@apply(ptr noalias %images, ptr noalias %counts, i64 %blocks)")
    inputs, outputs, total = (f.emit(f"alloca [{n} x i64]") for n in (n_inputs, n_outputs, bits))

    def ripple(k: str | int, carry: str) -> str:
        old = f.load("i64", total, k)
        f.store("i64", f.math("xor", "i64", carry, old), total, k)
        return f.math("and", "i64", carry, old)

    with f.loop("%blocks") as block:
        first = f.math("mul", "i64", block.index, WORD)
        with f.loop(n_inputs) as i:
            last = f.math("add", "i64", f.math("mul", "i64", first, n_inputs), (WORD - 1) * n_inputs)
            with f.loop(WORD, "i64", ["0", f.math("add", "i64", last, i.index)]) as image:
                packed, place = image.carried
                bit = f.emit(f"zext i8 {f.load('i8', '%images', place, 1)} to i64")
                packed = f.math("or", "i64", f.math("shl", "i64", packed, 1), bit)
                image.carried = [packed, f.math("sub", "i64", place, n_inputs)]
            f.store("i64", image.carried[0], inputs, i.index)
        f.do(f"call void @gates(ptr {inputs}, ptr {outputs})")
        with f.loop(classes) as label:
            with f.loop(bits) as k:
                f.store("i64", "0", total, k.index)
            with f.loop(group) as i:
                place = f.math("add", "i64", f.math("mul", "i64", label.index, group), i.index)
                carry = f.load("i64", outputs, place)
                with f.loop(bits // RIPPLE_BITS, "i64", [carry]) as part:
                    for k in range(RIPPLE_BITS):
                        at = f.math("add", "i64", f.math("mul", "i64", part.index, RIPPLE_BITS), k)
                        part.carried[0] = ripple(at, part.carried[0])
                carry = part.carried[0]
                for k in range(bits - bits % RIPPLE_BITS, bits):
                    carry = ripple(k, carry)
            with f.loop(WORD) as image:
                with f.loop(bits, "i64", ["0"]) as k:
                    held = f.load("i64", total, f.math("sub", "i64", bits - 1, k.index))
                    bit = f.math("and", "i64", f.math("lshr", "i64", held, image.index), 1)
                    k.carried[0] = f.math("or", "i64", f.math("shl", "i64", k.carried[0], 1), bit)
                number = f.math("add", "i64", first, image.index)
                place = f.math("add", "i64", f.math("mul", "i64", number, classes), label.index)
                f.store("i32", f.emit(f"trunc i64 {k.carried[0]} to i32"), "%counts", place, 4)
    return "declare void @gates(ptr, ptr)\n\n" + f.text()
