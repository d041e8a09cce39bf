"""A netlist that runs: optimised, put into tables, and walked by a SIMD kernel compiled at first use.

The kernel is compiled once per process with LLVM (llvmlite) and serves every net. Without llvmlite the same
tables are walked with numpy over 64-bit words: slower, with the same answers.
"""

from __future__ import annotations

import ctypes
import platform
import sys
import threading
import time

import numpy as np

from pipelines.logicgates import kernel_ir
from pipelines.logicgates.compile import OptimisedCircuit, optimise
from pipelines.logicgates.netlist import Netlist
from pipelines.logicgates.program import FLIP, OPERATIONS, PART, TALLY, TALLY_STEPS, WINDOW, Program, formulas
from pipelines.logicgates.straight import straight_line
from pipelines.runtime import load_once

try:
    import llvmlite.binding as llvm
except ImportError:
    llvm = None

NUMPY_BLOCK = 2048
"""Images that the numpy kernel takes at a time."""


class CompiledCircuit:
    """The compiled net. Safe to call from several threads, which run side by side.

    `lanes` is the number of 64-bit words per plane: 2, 4, 8 for 128, 256, 512 bits, by default the CPU's;
    0 asks for the numpy kernel, which also stands in if llvmlite is missing. With `straight` the gates become
    straight-line code (straight.py), by default where that is faster.
    """

    def __init__(self, netlist: Netlist, lanes: int | None = None, straight: bool | None = None) -> None:
        start = time.perf_counter()
        self.netlist = netlist
        self.optimised: OptimisedCircuit = optimise(netlist)
        self._kernel: _SimdKernel | _NumpyKernel
        if llvm is None or lanes == 0:
            self._kernel = _NumpyKernel(self.optimised.program)
        elif straight or (straight is None and lanes is None and prefers_straight_line()):
            program, texts = straight_line(self.optimised.graph, netlist)
            self._kernel = _SimdKernel(program, lanes=4, parts=texts)
        else:
            self._kernel = _SimdKernel(self.optimised.program, lanes or native_lanes())
        self.program: Program = self._kernel.program
        self.compile_seconds = time.perf_counter() - start
        """Time to optimise and to generate code, the kernel's included for the process's first circuit."""

    @property
    def backend(self) -> str:
        """Which kernel runs, for example "llvmlite 512-bit" or "llvmlite 256-bit, straight line"."""
        return self._kernel.name

    @property
    def vector_bits(self) -> int:
        """Width of the planes that an instruction works on."""
        return self._kernel.block

    @property
    def block(self) -> int:
        """Images per round of the kernel; multiples of it waste no work."""
        return self._kernel.block

    def predict(self, images: np.ndarray) -> np.ndarray:
        """uint8 [n, 28, 28] -> uint8 [n], the class of most votes, the lowest one on a tie."""
        return self._kernel.run(_image_rows(images), packed=False, want_votes=False)

    def votes(self, images: np.ndarray) -> np.ndarray:
        """uint8 [n, 28, 28] -> int32 [n, classes]."""
        return self._kernel.run(_image_rows(images), packed=False, want_votes=True)

    def pack(self, images: np.ndarray) -> np.ndarray:
        """uint8 [n, 28, 28] -> uint64 [n, words]: thresholded pixels, 64 to a word, for `predict_packed`."""
        return pack(self.program, _image_rows(images))

    def predict_packed(self, words: np.ndarray) -> np.ndarray:
        """uint64 [n, words] from `pack` -> uint8 [n], classes."""
        words = np.ascontiguousarray(words, dtype=np.uint64)
        if words.ndim != 2 or words.shape[1] != len(self.program.windows):
            raise ValueError(f"packed images are [n, {len(self.program.windows)}], not {list(words.shape)}")
        return self._kernel.run(words, packed=True, want_votes=False)

    def run_gates(self, images: int) -> None:
        """Evaluate the gates alone for that many images, on the input that came last, to measure them."""
        self._kernel.run_gates(images)


def _image_rows(images: np.ndarray) -> np.ndarray:
    """uint8 [n, 784], without a copy where possible."""
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.ndim < 2 or images[:1].size not in (0, kernel_ir.IMAGE_BYTES):
        raise ValueError(f"images are uint8 [n, 28, 28], not {images.dtype} {list(images.shape)}")
    return np.ascontiguousarray(images).reshape(len(images), kernel_ir.IMAGE_BYTES)


def pack(program: Program, rows: np.ndarray) -> np.ndarray:
    """uint8 [n, 784] -> uint64 [n, windows], bit i of a window's word is its i-th pixel > threshold."""
    windows = program.windows[:, None] + np.arange(WINDOW)
    bits = np.packbits(rows[:, windows] > program.threshold, axis=2, bitorder="little")
    words = np.ascontiguousarray(bits).view("<u8")
    return words.astype(np.uint64, order="C").reshape(len(rows), len(windows))


class _SimdKernel:
    """A program bound to the JIT-compiled kernel."""

    def __init__(self, program: Program, lanes: int, parts: list[str] | None = None) -> None:
        self.name = f"llvmlite {64 * lanes}-bit" + (", straight line" if parts is not None else "")
        self.block = 64 * lanes
        self.program = program
        self._lanes = lanes
        self._entry = _jit(lanes, gate_loops=parts is None)
        self._code = np.ascontiguousarray(program.code)
        operation = program.code[:, 0]
        self._gate_code = np.ascontiguousarray(program.code[(operation < TALLY) | (operation == PART)])
        self._operands = program.operands * np.uint32(8 * lanes)  # slots to byte offsets
        if parts:
            self._engine, addresses = _assemble(parts)  # the engine owns the machine code
            for address, place in zip(addresses, program.code[operation == PART, 2].tolist(), strict=True):
                self._operands[place : place + 2] = address & 0xFFFFFFFF, address >> 32
        bits = program.start[:, None] >> np.arange(program.counter_bits) & 1
        self._start = -bits.astype(np.int64)
        self._buffers = threading.local()

    def run(self, rows: np.ndarray, packed: bool, want_votes: bool) -> np.ndarray:
        """Images uint8 [n, 784] or packed words -> classes uint8 [n], or votes int32 [n, classes]."""
        n = len(rows)
        room = -(-n // self.block) * self.block
        stages = kernel_ir.GATES | (kernel_ir.WORDS if packed else kernel_ir.PIXELS)
        if want_votes:
            result = np.empty((room, self.program.classes), dtype=np.int32)
            outputs, stages = (0, result.ctypes.data), stages | kernel_ir.VOTES
        else:
            result = np.empty(room, dtype=np.uint8)
            outputs, stages = (result.ctypes.data, 0), stages | kernel_ir.ARGMAX
        if n:
            self._entry(self._buffers_of_thread().address, rows.ctypes.data, n, *outputs, stages)
        return result[:n]

    def run_gates(self, images: int) -> None:
        context = self._buffers_of_thread().context.copy()
        context[kernel_ir.CONTEXT.index("code")] = self._gate_code.ctypes.data
        context[kernel_ir.CONTEXT.index("n_code")] = len(self._gate_code)
        self._entry(context.ctypes.data, 0, images, 0, 0, kernel_ir.GATES)

    def _buffers_of_thread(self) -> threading.local:
        """This thread's own planes, and the `context` that tells the kernel where everything is."""
        buffers = self._buffers
        if not hasattr(buffers, "context"):
            program, plane = self.program, 8 * self._lanes
            index_bits = max(1, (program.classes - 1).bit_length())
            counter_planes = (program.classes + 1) * program.counter_bits + index_bits
            buffers.state = _aligned(program.n_slots * plane)
            buffers.counters = _aligned(counter_planes * plane)
            buffers.tile = _aligned(len(program.windows) * 8 * kernel_ir.tile_words(self._lanes))
            fields = {
                "state": buffers.state.ctypes.data,
                "tile": buffers.tile.ctypes.data,
                "counters": buffers.counters.ctypes.data,
                "windows": program.windows.ctypes.data,
                "n_windows": len(program.windows),
                "code": self._code.ctypes.data,
                "n_code": len(self._code),
                "operands": self._operands.ctypes.data,
                "start": self._start.ctypes.data,
                "classes": program.classes,
                "counter_bits": program.counter_bits,
                "index_bits": index_bits,
                "threshold": program.threshold,
            }
            buffers.context = np.array([fields[name] for name in kernel_ir.CONTEXT], dtype=np.int64)
            buffers.address = buffers.context.ctypes.data
        return buffers


def _aligned(size: int) -> np.ndarray:
    """Zeroed bytes at a multiple of 64."""
    raw = np.zeros(size + 64, dtype=np.uint8)
    offset = -raw.ctypes.data % 64
    return raw[offset : offset + size]


def native_lanes() -> int:
    """64-bit words in the CPU's vectors: 8 with AVX-512, 4 with AVX2, else 2."""
    features = llvm.get_host_cpu_features()
    if features.get("avx512bw") and features.get("avx512vl"):
        return 8
    return 4 if features.get("avx2") else 2


def can_run_straight_line() -> bool:
    """Whether straight.py's code fits this machine: its instructions, calling convention and symbol names."""
    fits = llvm is not None and sys.platform == "linux" and platform.machine() == "x86_64"
    return fits and hasattr(llvm, "initialize_native_asmparser") and native_lanes() >= 4


def prefers_straight_line() -> bool:
    """Where it is faster: with AVX2, but not with AVX-512 and its three-input instruction."""
    return can_run_straight_line() and native_lanes() == 4


def _engine(ir: str) -> llvm.ExecutionEngine:
    """Machine code for this CPU."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    llvm.initialize_native_asmparser()
    features = llvm.get_host_cpu_features()
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=features.flatten(), opt=2
    )
    module = llvm.parse_assembly(ir)
    module.verify()
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    return engine


def _assemble(parts: list[str]) -> tuple[llvm.ExecutionEngine, list[int]]:
    """Encode assembly texts; returns the owner of the code and where each part starts."""
    names = [f"part{i}" for i in range(len(parts))]
    lines = [f".globl {name}\n.p2align 5\n{name}:\n{text}" for name, text in zip(names, parts, strict=True)]
    text = "\\0A".join("\n".join(lines).splitlines())
    table = ", ".join(f"ptr @{name}" for name in names)
    declared = "\n".join(f"declare void @{name}(ptr, ptr)" for name in names)
    engine = _engine(f'module asm "{text}"\n{declared}\n@parts = constant [{len(names)} x ptr] [{table}]')
    pointers = (ctypes.c_size_t * len(names)).from_address(engine.get_global_value_address("parts"))
    return engine, list(pointers)


@load_once
def _jit(lanes: int, gate_loops: bool) -> ctypes._CFuncPtr:
    """The kernel's entry point."""
    engine = _engine(kernel_ir.kernel_ir(lanes, gate_loops))
    pointer, number = ctypes.c_void_p, ctypes.c_int64
    entry = ctypes.CFUNCTYPE(None, pointer, pointer, number, pointer, pointer, number)(
        engine.get_function_address("run")
    )
    entry.engine = engine  # owns the machine code
    return entry


class _NumpyKernel:
    """The same program, walked by numpy over 64-bit words."""

    name = "numpy 64-bit"
    block = 64

    def __init__(self, program: Program) -> None:
        self.program = program

    def run(self, rows: np.ndarray, packed: bool, want_votes: bool) -> np.ndarray:
        words = rows if packed else pack(self.program, rows)
        votes = [self._votes(words[i : i + NUMPY_BLOCK]) for i in range(0, len(words), NUMPY_BLOCK)]
        votes = np.concatenate([np.zeros((0, self.program.classes), dtype=np.int32), *votes])
        return votes if want_votes else votes.argmax(axis=1).astype(np.uint8)

    def run_gates(self, images: int) -> None:
        program = self.program
        state = np.zeros((program.n_slots, -(-images // 64)), dtype=np.uint64)
        for operation, count, first, _, _ in program.code[program.code[:, 0] < TALLY].tolist():
            self._gates(state, operation, count, first)

    def _votes(self, words: np.ndarray) -> np.ndarray:
        program = self.program
        state = self._planes(words)
        totals = np.repeat(program.start[:, None], 64 * state.shape[1], axis=1)
        for operation, count, first, label, _ in program.code.tolist():
            if TALLY <= operation < FLIP:
                planes = program.operands[first : first + count * TALLY_STEPS[operation - TALLY]]
                bits = np.unpackbits(state[planes].view(np.uint8), axis=1, bitorder="little")
                totals[label] += bits.sum(axis=0, dtype=np.int64)
            elif operation == FLIP:
                totals[label] = ~totals[label]
            else:
                self._gates(state, operation, count, first)
        return np.ascontiguousarray(totals[:, : len(words)].T).astype(np.int32)

    def _planes(self, words: np.ndarray) -> np.ndarray:
        """uint64 [n, windows] -> uint64 [slots, n / 64] with the input planes filled in."""
        program, n = self.program, len(words)
        state = np.zeros((program.n_slots, -(-n // 64)), dtype="<u8")
        bits = np.unpackbits(words.astype("<u8").view(np.uint8), axis=1, bitorder="little")
        planes = np.packbits(bits.T, axis=1, bitorder="little")
        state.view(np.uint8)[: planes.shape[0], : planes.shape[1]] = planes
        return state

    def _gates(self, state: np.ndarray, operation: int, count: int, first: int) -> None:
        arity, table = OPERATIONS[operation]
        operands = self.program.operands[first : first + count * (1 + arity)].reshape(count, 1 + arity)
        value = dict(zip((0b10101010, 0b11001100, 0b11110000), state[operands[:, 1:].T], strict=False))
        state[operands[:, 0]] = _evaluate(table, value)


def _evaluate(table: int, value: dict[int, np.ndarray]) -> np.ndarray:
    """The function with this truth table; `value` holds the inputs by theirs."""
    if table in value:
        return value[table]
    name, a, b = formulas()[table]
    left, right = _evaluate(a, value), _evaluate(b, value)
    if name == "and":
        return left & right
    if name == "andn":
        return left & ~right
    return left | right if name == "or" else left ^ right
