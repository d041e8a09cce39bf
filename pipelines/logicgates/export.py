"""The circuit as code for elsewhere: portable C, structural Verilog, JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np

from pipelines.logicgates.compile import Graph, fold, optimise
from pipelines.logicgates.netlist import Netlist
from pipelines.logicgates.program import FLIP, OPERATIONS, TALLY, TALLY_STEPS, WINDOW, Program, formulas

C_STATEMENTS = 200
"""Gates per C function: compilers slow down on longer ones."""
_SIGNALS = {0b10101010: 0, 0b11001100: 1, 0b11110000: 2}

_C_HEAD = """/* A logic gate network that reads 28x28 grey digits (0 paper, 255 ink): classes 0..{last}.
   Written by nine-papers from {gates} trained gates; {luts} operations are left. C99, no dependencies.

   int classify(const uint8_t image[784]);
   void classify_batch(const uint8_t *images, size_t n, uint8_t *classes);
   void count_votes(const uint8_t *images, size_t n, int32_t *votes);    n x {classes}
   With -DMAIN: reads raw images from standard input, writes one class per line. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {{ PIXELS = 784, CLASSES = {classes}, SLOTS = {slots}, BITS = {bits},
       THRESHOLD = {threshold} }};
typedef uint64_t word; /* one signal of 64 images */

"""
_C_COUNTERS = """
/* Counters are bit-sliced: word k of a class holds bit k of the counts of 64 images. Complementing a counter
   before and after adding subtracts; the first values allow for it. */
static void add(word *counter, word plane) {
    for (int k = 0; plane && k < BITS; k++) {
        word carry = counter[k] & plane;
        counter[k] ^= plane;
        plane = carry;
    }
}

static void flip(word *counter) {
    for (int k = 0; k < BITS; k++) counter[k] = ~counter[k];
}
"""
_C_TAIL = """
/* Up to 64 images at once. */
static void run(const uint8_t *images, size_t n, int32_t votes[64][CLASSES]) {
    word s[SLOTS], counters[CLASSES][BITS];
    memset(s, 0, sizeof s);
    for (size_t image = 0; image < n; image++)
        for (size_t i = 0; i < INPUTS; i++)
            s[i] |= (word)(images[image * PIXELS + input_pixel[i]] > THRESHOLD) << image;
    for (int label = 0; label < CLASSES; label++)
        for (int k = 0; k < BITS; k++) counters[label][k] = first[label] >> k & 1 ? ~(word)0 : 0;
    gates(s, counters);
    for (int image = 0; image < 64; image++)
        for (int label = 0; label < CLASSES; label++) {
            votes[image][label] = 0;
            for (int k = 0; k < BITS; k++)
                votes[image][label] |= (int32_t)(counters[label][k] >> image & 1) << k;
        }
}

void count_votes(const uint8_t *images, size_t n, int32_t *votes) {
    int32_t block[64][CLASSES];
    for (size_t done = 0; done < n; done += 64) {
        size_t count = n - done < 64 ? n - done : 64;
        run(images + done * PIXELS, count, block);
        memcpy(votes + done * CLASSES, block, count * sizeof block[0]);
    }
}

void classify_batch(const uint8_t *images, size_t n, uint8_t *classes) {
    int32_t votes[64][CLASSES];
    for (size_t done = 0; done < n; done += 64) {
        size_t count = n - done < 64 ? n - done : 64;
        run(images + done * PIXELS, count, votes);
        for (size_t image = 0; image < count; image++) {
            uint8_t best = 0;
            for (size_t label = 1; label < CLASSES; label++)
                if (votes[image][label] > votes[image][best]) best = (uint8_t)label;
            classes[done + image] = best;
        }
    }
}

int classify(const uint8_t image[PIXELS]) {
    uint8_t result;
    classify_batch(image, 1, &result);
    return result;
}

#ifdef MAIN
#include <stdio.h>
int main(void) {
    uint8_t image[PIXELS];
    while (fread(image, 1, PIXELS, stdin) == PIXELS) printf("%d\\n", classify(image));
    return 0;
}
#endif
"""


def to_c(netlist: Netlist) -> str:
    """Self-contained C99 with the votes of `netlist`; its head says how to call it."""
    program = optimise(netlist).program
    head = _C_HEAD.format(
        last=program.classes - 1,
        classes=program.classes,
        gates=netlist.n_gates,
        luts=program.n_luts,
        slots=program.n_slots,
        bits=program.counter_bits,
        threshold=program.threshold,
    )
    pixels = (program.windows[:, None] + np.arange(WINDOW)).ravel()
    start = program.start % (1 << program.counter_bits)
    lines = [f"enum {{ INPUTS = {len(pixels)} }}; /* input i is s[i] */"]
    lines.append(f"static const uint16_t input_pixel[INPUTS + 1] = {{{_numbers(pixels) or 0}}};")
    lines.append(
        f"static const uint32_t first[CLASSES] = {{{_numbers(start)}}}; /* the counters' first values */"
    )
    lines.append(_C_COUNTERS)
    statements = list(_c_statements(program))
    parts = range(0, max(1, len(statements)), C_STATEMENTS)
    for part, first in enumerate(parts):
        lines.append(f"static void gates{part}(word *s, word counters[CLASSES][BITS]) {{")
        lines += [f"    {statement}" for statement in statements[first : first + C_STATEMENTS]]
        lines.append("    (void)s, (void)counters;\n}\n")
    calls = "\n".join(f"    gates{part}(s, counters);" for part in range(len(parts)))
    lines.append(f"static void gates(word *s, word counters[CLASSES][BITS]) {{\n{calls}\n}}")
    return head + "\n".join(lines) + _C_TAIL


def _numbers(values: np.ndarray) -> str:
    return ", ".join(str(value) for value in values.tolist())


def _c_statements(program: Program) -> Iterator[str]:
    zero = program.n_slots - 1
    for operation, count, first, label, _ in program.code.tolist():
        if TALLY <= operation < FLIP:
            for slot in program.operands[first : first + count * TALLY_STEPS[operation - TALLY]].tolist():
                if slot != zero:
                    yield f"add(counters[{label}], s[{slot}]);"
        elif operation == FLIP:
            yield f"flip(counters[{label}]);"
        else:
            arity, table = OPERATIONS[operation]
            rows = program.operands[first : first + count * (1 + arity)].reshape(count, 1 + arity)
            for target, *sources in rows.tolist():
                yield f"s[{target}] = {expression(table, [f's[{source}]' for source in sources])};"


def expression(table: int, names: list[str]) -> str:
    """A function of up to three named signals in C's and Verilog's common syntax."""
    if table in _SIGNALS:
        return names[_SIGNALS[table]]
    operation, a, b = formulas()[table]
    left, right = (
        name if part in _SIGNALS else f"({name})"
        for part, name in ((a, expression(a, names)), (b, expression(b, names)))
    )
    sign = {"and": "&", "andn": "& ~", "or": "|", "xor": "^"}[operation]
    return f"{left} {sign}{right}" if operation == "andn" else f"{left} {sign} {right}"


def to_verilog(netlist: Netlist, module: str = "logic_gates") -> str:
    """Structural, combinational Verilog-2001: live two-input gates, vote counters, argmax.

    Input `x` holds the thresholded pixels of the cropped image, row-major, x[0] the first. Outputs:
    `votes`, the classes' counts with class 0 in the lowest bits, and `label`, the class of most votes,
    the lowest on a tie.
    """
    graph, _ = fold(netlist)
    bits = netlist.group_size.bit_length()
    classes = netlist.classes
    wide = max(1, (classes - 1).bit_length())
    lines = [
        f"// {netlist.n_gates} trained gates, {int((graph.live() & (graph.layer > 0)).sum())} live",
        f"module {module} (",
        f"    input  wire [{netlist.n_inputs - 1}:0] x, // pixel > {netlist.threshold}",
        f"    output wire [{classes * bits - 1}:0] votes,",
        f"    output wire [{wide - 1}:0] label",
        ");",
    ]
    for node in np.flatnonzero(graph.live() & (graph.layer > 0)).tolist():
        sources = [_wire(graph, source, netlist.n_inputs) for source in graph.inputs[node, :2].tolist()]
        lines.append(f"    wire n{node} = {expression(int(graph.table[node]), sources)};")
    for label, group in enumerate(graph.outputs.reshape(classes, -1)):
        signals = [
            ("~" if literal & 1 else "") + _wire(graph, literal >> 1, netlist.n_inputs)
            for literal in group.tolist()
        ]
        lines += _verilog_sum(label, signals, bits)
    lines += _verilog_argmax(classes, bits, wide)
    return "\n".join([*lines, "endmodule", ""])


def _wire(graph: Graph, node: int, n_inputs: int) -> str:
    return "1'b0" if node == 0 else f"x[{node - 1}]" if node <= n_inputs else f"n{node}"


def _verilog_sum(label: int, signals: list[str], bits: int) -> list[str]:
    """A balanced tree of adders; simulators and people dislike sums of 800 terms."""
    pad = "{" + f"{bits}" + "{1'b0}}"
    terms, lines = [f"{{{pad}, {signal}}}" for signal in signals], []
    level = 0
    while len(terms) > 1 or level == 0:
        groups = [terms[i : i + 8] for i in range(0, len(terms), 8)]
        names = [f"sum{label}_{level}_{i}" for i in range(len(groups))]
        lines += [
            f"    wire [{bits - 1}:0] {name} = {' + '.join(group)};"
            for name, group in zip(names, groups, strict=True)
        ]
        terms, level = names, level + 1
    low = label * bits
    return [*lines, f"    assign votes[{low + bits - 1}:{low}] = {terms[0]};"]


def _verilog_argmax(classes: int, bits: int, wide: int) -> list[str]:
    lines = [
        f"    wire [{bits - 1}:0] best0 = votes[{bits - 1}:0];",
        f"    wire [{wide - 1}:0] label0 = {wide}'d0;",
    ]
    for k in range(1, classes):
        mine, old = f"votes[{k * bits + bits - 1}:{k * bits}]", f"best{k - 1}"
        lines.append(f"    wire more{k} = {mine} > {old};")
        lines.append(f"    wire [{bits - 1}:0] best{k} = more{k} ? {mine} : {old};")
        lines.append(f"    wire [{wide - 1}:0] label{k} = more{k} ? {wide}'d{k} : label{k - 1};")
    return [*lines, f"    assign label = label{classes - 1};"]


def to_json(netlist: Netlist) -> str:
    """The netlist as it was trained: wires a and b and function ids per layer, and how to read an image."""
    layers = [
        {"a": layer.a.tolist(), "b": layer.b.tolist(), "op": layer.op.tolist()} for layer in netlist.layers
    ]
    about = (
        "op is 0..15, its bits from the highest: f(0,0) f(0,1) f(1,0) f(1,1); layers feed each other in order"
    )
    settings = {"crop": netlist.crop, "threshold": netlist.threshold, "classes": netlist.classes}
    return json.dumps(
        {"about": about} | settings | {"tau": netlist.tau, "layers": layers}, separators=(",", ":")
    )
