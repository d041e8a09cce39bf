"""A netlist that runs: optimised, put into tables, and walked by a SIMD kernel compiled at first use.

The kernel is compiled once per process with LLVM (llvmlite) and serves every net. Without llvmlite the same
tables are walked with numpy over 64-bit words: slower, with the same answers.
"""

from __future__ import annotations

import ctypes
import threading
import time

import numpy as np

from pipelines.logicgates import kernel_ir
from pipelines.logicgates.compile import OptimisedCircuit, optimise
from pipelines.logicgates.netlist import Netlist
from pipelines.logicgates.program import FLIP, OPERATIONS, TALLY, TALLY_STEP, WINDOW, Program
from pipelines.runtime import load_once

try:
    import llvmlite.binding as llvm
except ImportError:
    llvm = None

NUMPY_BLOCK = 2048
"""Images that the numpy kernel takes at a time."""


class CompiledCircuit:
    """The compiled net. Safe to call from several threads; a call holds no lock and not the interpreter's either.

    `lanes` is the number of 64-bit words per plane (2, 4, 8 for 128, 256, 512 bits), by default what the CPU has;
    0 asks for the numpy kernel, which also stands in if llvmlite is missing.
    """

    def __init__(self, netlist: Netlist, lanes: int | None = None) -> None:
        start = time.perf_counter()
        self.netlist = netlist
        self.optimised: OptimisedCircuit = optimise(netlist)
        self.program: Program = self.optimised.program
        if llvm is None or lanes == 0:
            self._kernel: _SimdKernel | _NumpyKernel = _NumpyKernel(self.program)
        else:
            self._kernel = _SimdKernel(self.program, lanes or native_lanes())
        self.compile_seconds = time.perf_counter() - start
        """Time that optimising took, and generating the kernel if this is the first circuit of the process."""

    @property
    def backend(self) -> str:
        """Which kernel runs, for example "llvmlite 256-bit"."""
        return self._kernel.name

    @property
    def block(self) -> int:
        """Images per round of the kernel: the number for which no work is wasted is a multiple of it."""
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
        """Evaluate the gates alone for that many images, on whatever input came last: to measure their speed."""
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

    def __init__(self, program: Program, lanes: int) -> None:
        self.name = f"llvmlite {64 * lanes}-bit"
        self.block = 64 * lanes
        self._lanes = lanes
        self._program = program
        self._entry = _jit(lanes)
        self._code = np.ascontiguousarray(program.code)
        self._gate_code = np.ascontiguousarray(program.code[program.code[:, 0] < TALLY])
        self._operands = program.operands * np.uint32(8 * lanes)  # slots to byte offsets
        bits = program.start[:, None] >> np.arange(program.counter_bits) & 1
        self._start = -bits.astype(np.int64)
        self._buffers = threading.local()

    def run(self, rows: np.ndarray, packed: bool, want_votes: bool) -> np.ndarray:
        """Images uint8 [n, 784] or packed words -> classes uint8 [n], or votes int32 [n, classes]."""
        n = len(rows)
        room = -(-n // self.block) * self.block
        classes = np.empty(0 if want_votes else room, dtype=np.uint8)
        votes = np.empty((room if want_votes else 0, self._program.classes), dtype=np.int32)
        stages = kernel_ir.WORDS if packed else kernel_ir.PIXELS
        stages |= kernel_ir.GATES | (kernel_ir.VOTES if want_votes else kernel_ir.ARGMAX)
        if n:
            context = self._context.ctypes.data
            self._entry(context, rows.ctypes.data, n, classes.ctypes.data, votes.ctypes.data, stages)
        return (votes if want_votes else classes)[:n]

    def run_gates(self, images: int) -> None:
        context = self._context.copy()
        context[kernel_ir.CONTEXT.index("code")] = self._gate_code.ctypes.data
        context[kernel_ir.CONTEXT.index("n_code")] = len(self._gate_code)
        self._entry(context.ctypes.data, 0, images, 0, 0, kernel_ir.GATES)

    @property
    def _context(self) -> np.ndarray:
        """int64: what the kernel needs, with this thread's own buffers."""
        if not hasattr(self._buffers, "context"):
            program, plane = self._program, 8 * self._lanes
            index_bits = max(1, (program.classes - 1).bit_length())
            counter_planes = (program.classes + 1) * program.counter_bits + index_bits
            self._buffers.state = state = _aligned(program.n_slots * plane)
            self._buffers.counters = counters = _aligned(counter_planes * plane)
            self._buffers.tile = tile = _aligned(len(program.windows) * 8 * kernel_ir.tile_words(self._lanes))
            fields = {
                "state": state.ctypes.data,
                "tile": tile.ctypes.data,
                "counters": counters.ctypes.data,
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
            self._buffers.context = np.array([fields[name] for name in kernel_ir.CONTEXT], dtype=np.int64)
        return self._buffers.context


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


@load_once
def _jit(lanes: int) -> ctypes._CFuncPtr:
    """The kernel's entry point, compiled for this CPU."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    features = llvm.get_host_cpu_features()
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=features.flatten(), opt=2
    )
    module = llvm.parse_assembly(kernel_ir.kernel_ir(lanes))
    module.verify()
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
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
        self._program = program

    def run(self, rows: np.ndarray, packed: bool, want_votes: bool) -> np.ndarray:
        words = rows if packed else pack(self._program, rows)
        votes = [self._votes(words[i : i + NUMPY_BLOCK]) for i in range(0, len(words), NUMPY_BLOCK)]
        votes = np.concatenate([np.zeros((0, self._program.classes), dtype=np.int32), *votes])
        return votes if want_votes else votes.argmax(axis=1).astype(np.uint8)

    def run_gates(self, images: int) -> None:
        program = self._program
        state = np.zeros((program.n_slots, -(-images // 64)), dtype=np.uint64)
        for operation, count, first, _ in program.code[program.code[:, 0] < TALLY].tolist():
            self._gates(state, operation, count, first)

    def _votes(self, words: np.ndarray) -> np.ndarray:
        program = self._program
        state = self._planes(words)
        totals = np.repeat(program.start[:, None], 64 * state.shape[1], axis=1)
        for operation, count, first, label in program.code.tolist():
            if operation == TALLY:
                planes = program.operands[first : first + count * TALLY_STEP]
                bits = np.unpackbits(state[planes].view(np.uint8), axis=1, bitorder="little")
                totals[label] += bits.sum(axis=0, dtype=np.int64)
            elif operation == FLIP:
                totals[label] = ~totals[label]
            else:
                self._gates(state, operation, count, first)
        return np.ascontiguousarray(totals[:, : len(words)].T).astype(np.int32)

    def _planes(self, words: np.ndarray) -> np.ndarray:
        """uint64 [n, windows] -> uint64 [slots, n / 64] with the input planes filled in."""
        program, n = self._program, len(words)
        state = np.zeros((program.n_slots, -(-n // 64)), dtype="<u8")
        bits = np.unpackbits(words.astype("<u8").view(np.uint8), axis=1, bitorder="little")
        planes = np.packbits(bits.T, axis=1, bitorder="little")
        state.view(np.uint8)[: planes.shape[0], : planes.shape[1]] = planes
        return state

    def _gates(self, state: np.ndarray, operation: int, count: int, first: int) -> None:
        arity, table = OPERATIONS[operation]
        operands = self._program.operands[first : first + count * (1 + arity)].reshape(count, 1 + arity)
        value = dict(zip((0b10101010, 0b11001100, 0b11110000), state[operands[:, 1:].T], strict=False))
        state[operands[:, 0]] = _evaluate(table, value)


def _evaluate(table: int, value: dict[int, np.ndarray]) -> np.ndarray:
    """The function with this truth table; `value` holds the inputs by theirs."""
    if table in value:
        return value[table]
    name, a, b = kernel_ir.formulas()[table]
    left, right = _evaluate(a, value), _evaluate(b, value)
    if name == "and":
        return left & right
    if name == "andn":
        return left & ~right
    return left | right if name == "or" else left ^ right
