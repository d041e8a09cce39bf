"""MNIST as it ships in assets/."""

from __future__ import annotations

import gzip

import numpy as np

from pipelines.backbones.digits import SIDE
from pipelines.runtime import load_once
from pipelines.weights import asset


@load_once
def mnist(split: str) -> tuple[np.ndarray, np.ndarray]:
    """`split` "train" (60,000) or "test" (10,000) -> images uint8 [n, 28, 28], labels uint8 [n]."""
    prefix = {"train": "train", "test": "t10k"}[split]
    images = _read_idx(f"mnist/{prefix}-images-idx3-ubyte.gz", header=16).reshape(-1, SIDE, SIDE)
    return images, _read_idx(f"mnist/{prefix}-labels-idx1-ubyte.gz", header=8)


def _read_idx(file: str, header: int) -> np.ndarray:
    return np.frombuffer(gzip.decompress(asset("logicgates", file).read_bytes()), np.uint8)[header:]
