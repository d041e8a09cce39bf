"""A discretised logic gate network: which two signals each gate reads, and which of the 16 functions it is.

This is what training leaves, what the compiler reads, and what the page shows. Plain numpy.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

# Function id 0..15: its four bits, most significant first, are f(0,0) f(0,1) f(1,0) f(1,1), as in the paper.
GATE_NAMES = (
    "0", "a AND b", "a AND NOT b", "a", "b AND NOT a", "b", "a XOR b", "a OR b",
    "a NOR b", "a XNOR b", "NOT b", "a OR NOT b", "NOT a", "b OR NOT a", "a NAND b", "1",
)  # fmt: skip
TRUTH_TABLES = np.array(
    [[(i >> 3) & 1, (i >> 2) & 1, (i >> 1) & 1, i & 1] for i in range(16)], dtype=np.uint8
)
"""[16, 4] truth tables, columns f(0,0) f(0,1) f(1,0) f(1,1)."""


@dataclass(frozen=True)
class GateLayer:
    """One layer of n gates over the m signals of the layer before (for the first layer: the input bits)."""

    a: np.ndarray
    """int32 [n], index of the first input."""
    b: np.ndarray
    """int32 [n], index of the second input."""
    op: np.ndarray
    """uint8 [n], function id 0..15."""

    def __len__(self) -> int:
        return len(self.op)

    def __call__(self, bits: np.ndarray) -> np.ndarray:
        """bool [images, m] -> bool [images, n]."""
        row = bits[:, self.a].astype(np.uint8) * 2 + bits[:, self.b]
        return TRUTH_TABLES[self.op, row].astype(bool)


@dataclass(frozen=True)
class Netlist:
    """Layers of gates between thresholded pixels and `classes` equal groups of output gates that vote."""

    layers: tuple[GateLayer, ...]
    crop: int = 0
    """Pixels cut from every border of the 28x28 image; the paper's small net uses 4 (20x20 inputs)."""
    threshold: int = 127
    """An input bit is pixel > threshold, with pixels 0..255."""
    classes: int = 10
    tau: float = 10.0
    """Temperature of GroupSum in training: the soft-max of votes / tau."""

    SIDE = 28

    @property
    def side(self) -> int:
        """Width and height of the cropped image."""
        return self.SIDE - 2 * self.crop

    @property
    def n_inputs(self) -> int:
        return self.side**2

    @property
    def n_gates(self) -> int:
        return sum(len(layer) for layer in self.layers)

    @property
    def group_size(self) -> int:
        """Output gates per class: the most votes that a class can have."""
        return len(self.layers[-1]) // self.classes

    def input_bits(self, images: np.ndarray) -> np.ndarray:
        """uint8 [images, 28, 28] -> bool [images, n_inputs], row-major over the cropped image."""
        end = self.SIDE - self.crop
        cropped = images.reshape(-1, self.SIDE, self.SIDE)[:, self.crop : end, self.crop : end]
        return (cropped > self.threshold).reshape(len(cropped), -1)

    def signals(self, images: np.ndarray) -> list[np.ndarray]:
        """Every layer's output, bool [images, gates], evaluated gate by gate: the reference for all else."""
        values = [self.layers[0](self.input_bits(images))]
        for layer in self.layers[1:]:
            values.append(layer(values[-1]))
        return values

    def votes(self, images: np.ndarray) -> np.ndarray:
        """uint8 [images, 28, 28] -> int32 [images, classes], by the slow reference."""
        bits = self.input_bits(images)
        for layer in self.layers:
            bits = layer(bits)
        return bits.reshape(len(bits), self.classes, self.group_size).sum(axis=2, dtype=np.int32)

    def save(self, path: Path) -> None:
        """Write as safetensors; wires fit uint16 as long as no layer has more than 65,536 gates."""
        widest = max(self.n_inputs, *(len(layer) for layer in self.layers))
        wire = np.uint16 if widest <= 2**16 else np.uint32
        tensors = {}
        for i, layer in enumerate(self.layers):
            tensors |= {f"{i}.a": layer.a.astype(wire), f"{i}.b": layer.b.astype(wire), f"{i}.op": layer.op}
        meta = {"layers": len(self.layers), "crop": self.crop, "threshold": self.threshold}
        meta |= {"classes": self.classes, "tau": self.tau}
        save_file(tensors, path, metadata={key: str(value) for key, value in meta.items()})

    @classmethod
    def load(cls, path: Path) -> Netlist:
        """Read what `save` wrote."""
        with safe_open(path, framework="numpy") as file:
            meta = file.metadata()
            layers = tuple(
                GateLayer(
                    file.get_tensor(f"{i}.a").astype(np.int32),
                    file.get_tensor(f"{i}.b").astype(np.int32),
                    file.get_tensor(f"{i}.op"),
                )
                for i in range(int(meta["layers"]))
            )
        return cls(
            layers, int(meta["crop"]), int(meta["threshold"]), int(meta["classes"]), float(meta["tau"])
        )
