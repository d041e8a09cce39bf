"""Random nets for the tests: every gate function, wires, constants, duplicates, gates with a == b."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from pipelines.logicgates.netlist import GateLayer, Netlist


def random_netlist(
    seed: int,
    widths: tuple[int, ...] = (60, 50, 40),
    crop: int = 0,
    ops: tuple[int, ...] = tuple(range(16)),
    classes: int = 10,
    threshold: int = 127,
) -> Netlist:
    """A net of the given widths (the last one `classes` * group size) with random wires and functions."""
    rng = np.random.default_rng(seed)
    side = Netlist.SIDE - 2 * crop
    layers, n_in = [], side * side
    for n in widths:
        a, b = rng.integers(0, n_in, (2, n), dtype=np.int32)
        layers.append(GateLayer(a, b, rng.choice(np.array(ops, dtype=np.uint8), n)))
        n_in = n
    return Netlist(tuple(layers), crop=crop, threshold=threshold, classes=classes)


def random_images(seed: int, n: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, 28, 28), dtype=np.uint8)


@st.composite
def netlists(draw: st.DrawFn) -> Netlist:
    """Nets from one gate up, some of them mostly constants, wires or parity."""
    classes = draw(st.integers(1, 10))
    hidden = draw(st.lists(st.integers(1, 40), max_size=4))
    ops = draw(st.sampled_from([tuple(range(16)), (0, 15), (3, 5, 10, 12), (6, 9), (1, 14), (8, 7, 13)]))
    return random_netlist(
        draw(st.integers(0, 2**32 - 1)),
        (*hidden, classes * draw(st.integers(1, 40))),
        crop=draw(st.sampled_from([0, 4, 13])),
        ops=ops,
        classes=classes,
        threshold=draw(st.sampled_from([0, 1, 127, 200, 254, 255])),
    )
