"""The kernel as LLVM IR text: thresholding, bit transposition, gates, tallies, argmax over SIMD bit planes.

A plane is a vector of `lanes` 64-bit words: one signal for a block of 64 * lanes images; bit r of lane l is
image 64 l + r. Nothing here depends on a net: that is a table of instructions (program.py) for `gates`.
The text is for any target; LLVM splits vectors that are wider than the machine's.
"""

from __future__ import annotations

from pipelines.logicgates.ir import Function, splat
from pipelines.logicgates.netlist import Netlist
from pipelines.logicgates.program import OPERATIONS, TALLY_STEPS, WINDOW, formulas

IMAGE_BYTES = Netlist.SIDE**2
CONTEXT = (
    "state", "tile", "counters", "windows", "n_windows", "code", "n_code", "operands",
    "start", "classes", "counter_bits", "index_bits", "threshold",
)  # fmt: skip
"""Fields of the context that `run` reads, 64 bits each: addresses and numbers."""
PIXELS, WORDS, GATES, ARGMAX, VOTES = 1, 2, 4, 8, 16
"""Stages of `run`, to be added: input from bytes or packed words, the program, classes out, votes out."""
PREFETCH = 16
"""Images that `threshold` reads ahead."""
_SWAP_MASKS = (
    (32, 0x00000000FFFFFFFF), (16, 0x0000FFFF0000FFFF), (8, 0x00FF00FF00FF00FF),
    (4, 0x0F0F0F0F0F0F0F0F), (2, 0x3333333333333333), (1, 0x5555555555555555),
)  # fmt: skip


def tile_words(lanes: int) -> int:
    """64-bit words of one window's tile. The 8 extra avoid strides of 4096 bytes: one cache set for all."""
    return 64 * lanes + 8


def kernel_ir(lanes: int, gate_loops: bool = True) -> str:
    """LLVM IR of the module; without `gate_loops` the gates must come as straight-line parts. Entry point:

    run(context, input, n, classes, votes, stages): `input` is n > 0 images of 784 bytes, or n rows of
    packed words; `classes` (bytes) and `votes` (int32 [n, classes]) have room for whole blocks.
    """
    vector = f"<{lanes} x i64>"
    parts = [_gate(vector, lanes, i) for i in range(len(OPERATIONS))] if gate_loops else []
    parts += [_tally(vector, lanes, planes) for planes in TALLY_STEPS]
    parts += [_flip(vector, lanes), _part(), _gates(lanes), _threshold(lanes), _words(lanes)]
    parts += [
        _transpose_bytes(lanes),
        _transpose(vector, lanes),
        _start(vector, lanes),
        _argmax(vector, lanes),
        _votes(lanes),
        _run(lanes),
    ]
    names = [f"ptr @gate{i}" if gate_loops else "ptr null" for i in range(len(OPERATIONS))]
    names += [f"ptr @tally{planes}" for planes in TALLY_STEPS] + ["ptr @flip", "ptr @part"]
    parts.append(f"@operations = internal constant [{len(names)} x ptr] [{', '.join(names)}]")
    return "\n\n".join(parts)


def _formula(f: Function, vector: str, lanes: int, table: int, value: dict[int, str]) -> str:
    """Emit the function with this truth table; `value` holds what is there already."""
    if table not in value:
        name, a, b = formulas()[table]
        left = _formula(f, vector, lanes, a, value)
        right = _formula(f, vector, lanes, b, value)
        if name == "andn":
            name, right = "and", f.math("xor", vector, right, splat("i64", lanes, -1))
        value[table] = f.math(name, vector, left, right)
    return value[table]


# Every operation has this shape; operands are byte offsets into the state.
_OPERATION = "(ptr noalias %state, ptr noalias %operands, i64 %n, ptr noalias %counter, i64 %bits)"


def _planes(f: Function, operands: str, count: int) -> list[str]:
    """Addresses of the planes that `count` operands name, read in pairs: loads are the bottleneck."""
    offsets = []
    for i in range(0, count - 1, 2):
        pair = f.load("i64", f.at(operands, i, "i32"), align=4)
        offsets += [f.math("and", "i64", pair, 0xFFFFFFFF), f.math("lshr", "i64", pair, 32)]
    if count % 2:
        offsets.append(f.emit(f"zext i32 {f.load('i32', operands, count - 1, 4)} to i64"))
    return [f.at("%state", offset) for offset in offsets]


def _gate(vector: str, lanes: int, operation: int) -> str:
    arity, table = OPERATIONS[operation]
    f = Function(f"@gate{operation}{_OPERATION}")
    with f.loop("%n") as i:
        operand = f.at("%operands", f.math("mul", "i64", i.index, 4 * (1 + arity)))
        target, *sources = _planes(f, operand, 1 + arity)
        value = {}
        for source, mask in zip(sources, (0b10101010, 0b11001100, 0b11110000), strict=False):
            value[mask] = f.load(vector, source, align=8 * lanes)
        f.store(vector, _formula(f, vector, lanes, table, value), target, align=8 * lanes)
    return f.text()


def _add(f: Function, vector: str, a: str, b: str, c: str) -> tuple[str, str]:
    """Full adder: sum and carry."""
    either = f.math("xor", vector, a, b)
    both = f.math("and", vector, a, b)
    return f.math("xor", vector, either, c), f.math("or", vector, both, f.math("and", vector, either, c))


def _tally(vector: str, lanes: int, planes: int) -> str:
    """counter += planes, by a tree of carry-save adders (Harley and Seal) on so many at a time."""
    align = 8 * lanes
    f = Function(f"@tally{planes}{_OPERATION}")
    low_bits = planes.bit_length() - 1
    low = [f.load(vector, "%counter", k, align) for k in range(low_bits)]
    high_bits = f.math("sub", "i64", "%bits", low_bits)
    high = f.at("%counter", low_bits, vector)
    with f.loop("%n", vector, low) as step:
        operand = f.at("%operands", f.math("mul", "i64", step.index, 4 * planes))
        pending: list[list[str]] = [[] for _ in range(low_bits + 1)]
        for plane in _planes(f, operand, planes):
            pending[0].append(f.load(vector, plane, align=align))
            for k in range(low_bits):
                if len(pending[k]) == 2:
                    step.carried[k], carry = _add(f, vector, *pending[k], step.carried[k])
                    pending[k] = []
                    pending[k + 1].append(carry)
        with f.loop(high_bits, vector, pending[low_bits]) as k:
            held = f.load(vector, high, k.index, align)
            f.store(vector, f.math("xor", vector, held, k.carried[0]), high, k.index, align)
            k.carried[0] = f.math("and", vector, held, k.carried[0])
    for k, value in enumerate(step.carried):
        f.store(vector, value, "%counter", k, align)
    return f.text()


def _flip(vector: str, lanes: int) -> str:
    f = Function(f"@flip{_OPERATION}")
    with f.loop("%bits") as k:
        held = f.load(vector, "%counter", k.index, 8 * lanes)
        f.store(vector, f.math("xor", vector, held, splat("i64", lanes, -1)), "%counter", k.index, 8 * lanes)
    return f.text()


def _gates(lanes: int) -> str:
    f = Function("@gates(ptr %state, ptr %code, i64 %n, ptr %operands, ptr %counters, i64 %bits)")
    with f.loop("%n") as i:
        instruction = f.at("%code", i.index, "[5 x i32]")
        operation, count, first, label, bit = (
            f.emit(f"zext i32 {f.load('i32', instruction, k, 4)} to i64") for k in range(5)
        )
        function = f.load("ptr", "@operations", operation)
        operands = f.at("%operands", first, "i32")
        plane = f.math("add", "i64", f.math("mul", "i64", label, "%bits"), bit)
        counter = f.at("%counters", f.math("mul", "i64", plane, 8 * lanes))
        bits = f.math("sub", "i64", "%bits", bit)
        f.do(f"call void {function}(ptr %state, ptr {operands}, i64 {count}, ptr {counter}, i64 {bits})")
    return f.text()


def _part() -> str:
    """Straight-line code elsewhere in memory."""
    f = Function(f"@part{_OPERATION}")
    f.do(f"call void {f.load('ptr', '%operands', align=4)}(ptr %state, ptr %counter)")
    return f.text()


def _image_number(f: Function, index: str) -> str:
    """Number of image `index` of the block; a short block repeats the last image."""
    number = f.math("add", "i64", "%first", index)
    return f.emit(f"call i64 @llvm.umin.i64(i64 {number}, i64 {f.math('sub', 'i64', '%n', 1)})")


def _threshold(lanes: int) -> str:
    """Tiles from bytes: per window 8 * lanes rows of 64 bytes; bit j of byte p is image 8 row + j."""
    pixels = f"<{WINDOW} x i8>"
    f = Function(
        "@threshold(ptr noalias %images, i64 %first, i64 %n, ptr noalias %windows, i64 %n_windows, "
        "i8 %level, ptr noalias %tile)"
    )
    start = f.emit(f"insertelement {pixels} poison, i8 %level, i64 0")
    level = f.emit(f"shufflevector {pixels} {start}, {pixels} poison, <{WINDOW} x i32> zeroinitializer")
    with f.loop(8 * lanes) as row:
        images = []
        for j in range(8):
            number = _image_number(f, f.math("add", "i64", f.math("shl", "i64", row.index, 3), j))
            images.append(f.at("%images", f.math("mul", "i64", number, IMAGE_BYTES)))
        with f.loop("%n_windows") as w:
            window = f.load("i64", "%windows", w.index)
            row_bits = "zeroinitializer"
            for image in images:
                at = f.at(image, window)
                ahead = f.at(at, PREFETCH * IMAGE_BYTES)
                f.do(f"call void @llvm.prefetch.p0(ptr {ahead}, i32 0, i32 3, i32 1)")
                value = f.load(pixels, at, align=1)
                most = f.emit(f"call {pixels} @llvm.umax.v{WINDOW}i8({pixels} {value}, {pixels} {level})")
                low = f.emit(
                    f"sext <{WINDOW} x i1> {f.emit(f'icmp eq {pixels} {most}, {level}')} to {pixels}"
                )
                # The average of the bits so far and 0 or 255 moves the bits down and sets the highest.
                terms = [f.emit(f"zext {pixels} {part} to <{WINDOW} x i16>") for part in (row_bits, low)]
                total = f.math("add", f"<{WINDOW} x i16>", *terms)
                total = f.math("add", f"<{WINDOW} x i16>", total, splat("i16", WINDOW, 1))
                total = f.math("lshr", f"<{WINDOW} x i16>", total, splat("i16", WINDOW, 1))
                row_bits = f.emit(f"trunc <{WINDOW} x i16> {total} to {pixels}")
            place = f.math("mul", "i64", w.index, 8 * tile_words(lanes))
            place = f.at("%tile", f.math("add", "i64", place, f.math("mul", "i64", row.index, WINDOW)))
            f.store(pixels, f.math("xor", pixels, row_bits, splat("i8", WINDOW, -1)), place)
    declared = (
        f"declare {pixels} @llvm.umax.v{WINDOW}i8({pixels}, {pixels})",
        "declare i64 @llvm.umin.i64(i64, i64)",
        "declare void @llvm.prefetch.p0(ptr, i32, i32, i32)",
    )
    return "\n".join([*declared, "", f.text()])


def _transpose_bytes(lanes: int) -> str:
    """Tiles of `threshold` to planes: bytes transposed, 16x16 at a time, in four rounds of interleaving."""
    kind = "<16 x i8>"
    low, high = (
        f"<16 x i32> <{', '.join(f'i32 {i // 2 + i % 2 * 16 + start}' for i in range(16))}>"
        for start in (0, 8)
    )
    f = Function("@transpose_bytes(ptr noalias %tile, i64 %n_windows, ptr noalias %state)")
    with f.loop("%n_windows") as w:
        source = f.at("%tile", f.math("mul", "i64", w.index, 8 * tile_words(lanes)))
        target = f.at("%state", f.math("mul", "i64", w.index, 8 * lanes * WINDOW))
        with f.loop(lanes // 2) as across, f.loop(WINDOW // 16) as along:
            first = f.math("mul", "i64", across.index, 16 * WINDOW)
            first = f.math("add", "i64", first, f.math("mul", "i64", along.index, 16))
            first = f.at(source, first)
            rows = [f.load(kind, f.at(first, WINDOW * i), align=8) for i in range(16)]
            for _ in range(4):
                pairs = [(rows[i], rows[i + 8], half) for i in range(8) for half in (low, high)]
                rows = [f.emit(f"shufflevector {kind} {a}, {kind} {b}, {half}") for a, b, half in pairs]
            first = f.math("mul", "i64", along.index, 16 * 8 * lanes)
            first = f.at(target, f.math("add", "i64", first, f.math("mul", "i64", across.index, 16)))
            for i, row in enumerate(rows):
                f.store(kind, row, f.at(first, 8 * lanes * i), align=16)
    return f.text()


def _words(lanes: int) -> str:
    """Tiles from rows of packed words, int64 [n, n_windows]."""
    f = Function("@words(ptr noalias %packed, i64 %first, i64 %n, i64 %n_windows, ptr noalias %tile)")
    with f.loop(64 * lanes) as i:
        image = f.at("%packed", f.math("mul", "i64", _image_number(f, i.index), "%n_windows"), "i64")
        place = f.math("mul", "i64", f.math("and", "i64", i.index, 63), lanes)
        place = f.math("add", "i64", place, f.math("lshr", "i64", i.index, 6))
        with f.loop("%n_windows") as w:
            row = f.math("add", "i64", place, f.math("mul", "i64", w.index, tile_words(lanes)))
            f.store("i64", f.load("i64", image, w.index), "%tile", row)
    return f.text()


def _transpose(vector: str, lanes: int) -> str:
    """Tiles to planes: 64x64 bit transpositions, all lanes at once, each in two passes of three swaps."""
    align = 8 * lanes
    f = Function("@transpose(ptr noalias %tile, i64 %n_windows, ptr noalias %state)")

    def swap_rows(rows: list[str], swaps: tuple[tuple[int, int], ...]) -> None:
        for distance, (shift, mask) in zip((4, 2, 1), swaps, strict=True):
            by, keep = splat("i64", lanes, shift), splat("i64", lanes, mask)
            for low in (r for r in range(8) if not r & distance):
                high = low + distance
                moved = f.math("xor", vector, f.math("lshr", vector, rows[low], by), rows[high])
                moved = f.math("and", vector, moved, keep)
                rows[high] = f.math("xor", vector, rows[high], moved)
                rows[low] = f.math("xor", vector, rows[low], f.math("shl", vector, moved, by))

    with f.loop("%n_windows") as w:
        source = f.at("%tile", f.math("mul", "i64", w.index, 8 * tile_words(lanes)))
        target = f.at("%state", f.math("mul", "i64", w.index, 8 * lanes * WINDOW))
        with f.loop(8) as r:
            place = [f.math("add", "i64", r.index, 8 * q) for q in range(8)]
            rows = [f.load(vector, source, p, align=8) for p in place]
            swap_rows(rows, _SWAP_MASKS[:3])
            for p, row in zip(place, rows, strict=True):
                f.store(vector, row, source, p, align=8)
        with f.loop(8) as r:
            base = f.math("mul", "i64", r.index, 8)
            place = [f.math("add", "i64", base, q) for q in range(8)]
            rows = [f.load(vector, source, p, align=8) for p in place]
            swap_rows(rows, _SWAP_MASKS[3:])
            for p, row in zip(place, rows, strict=True):
                f.store(vector, row, target, p, align=align)
    return f.text()


def _broadcast(f: Function, vector: str, lanes: int, value: str) -> str:
    first = f.emit(f"insertelement {vector} poison, i64 {value}, i64 0")
    return f.emit(f"shufflevector {vector} {first}, {vector} poison, <{lanes} x i32> zeroinitializer")


def _start(vector: str, lanes: int) -> str:
    """Counters to their first values: `start` holds 0 or -1 per counter bit."""
    f = Function("@start(ptr noalias %start, i64 %n, ptr noalias %counters)")
    with f.loop("%n") as i:
        value = _broadcast(f, vector, lanes, f.load("i64", "%start", i.index))
        f.store(vector, value, "%counters", i.index, 8 * lanes)
    return f.text()


def _argmax(vector: str, lanes: int) -> str:
    """Class of most votes, the lowest on a tie, from bit-sliced counters; scratch planes follow them."""
    align = 8 * lanes
    f = Function("@argmax(ptr %counters, i64 %classes, i64 %bits, i64 %index_bits, ptr noalias %out)")
    best = f.at("%counters", f.math("mul", "i64", "%classes", "%bits"), vector)
    index = f.at(best, "%bits", vector)
    with f.loop(f.math("add", "i64", "%bits", "%index_bits")) as k:
        f.store(vector, "zeroinitializer", best, k.index, align)
    with f.loop("%classes") as label:
        counter = f.at("%counters", f.math("mul", "i64", label.index, "%bits"), vector)
        with f.loop("%bits", vector, ["zeroinitializer"]) as k:  # the highest bit that differs decides
            mine = f.load(vector, counter, k.index, align)
            differ = f.math("xor", vector, mine, f.load(vector, best, k.index, align))
            greater = k.carried[0]
            decided = f.math("and", vector, differ, f.math("xor", vector, mine, greater))
            k.carried[0] = f.math("xor", vector, greater, decided)
        greater = k.carried[0]

        def replace(old: str, new: str) -> str:
            change = f.math("and", vector, greater, f.math("xor", vector, old, new))
            return f.math("xor", vector, old, change)

        with f.loop("%bits") as k:
            mine = f.load(vector, counter, k.index, align)
            f.store(vector, replace(f.load(vector, best, k.index, align), mine), best, k.index, align)
        with f.loop("%index_bits") as k:
            bit = f.math("and", "i64", f.math("lshr", "i64", label.index, k.index), 1)
            bit = _broadcast(f, vector, lanes, f.math("sub", "i64", 0, bit))
            f.store(vector, replace(f.load(vector, index, k.index, align), bit), index, k.index, align)
    with f.loop(lanes) as lane:
        f.store("<64 x i8>", "zeroinitializer", "%out", lane.index, 1)
        with f.loop("%index_bits") as k:
            word = f.load("i64", f.at(index, k.index, vector), lane.index)
            spread = f.emit(f"sext <64 x i1> {f.emit(f'bitcast i64 {word} to <64 x i1>')} to <64 x i8>")
            bit = f.emit(f"trunc i64 {f.math('shl', 'i64', 1, k.index)} to i8")
            first = f.emit(f"insertelement <64 x i8> poison, i8 {bit}, i64 0")
            bits = f.emit(f"shufflevector <64 x i8> {first}, <64 x i8> poison, <64 x i32> zeroinitializer")
            added = f.math("and", "<64 x i8>", spread, bits)
            so_far = f.load("<64 x i8>", "%out", lane.index, 1)
            f.store("<64 x i8>", f.math("or", "<64 x i8>", so_far, added), "%out", lane.index, 1)
    return f.text()


def _votes(lanes: int) -> str:
    """Counters to int32 [images, classes]."""
    f = Function("@votes(ptr noalias %counters, i64 %classes, i64 %bits, ptr noalias %out)")
    with f.loop(64 * lanes) as i:
        row = f.math("mul", "i64", i.index, "%classes")
        lane, shift = f.math("lshr", "i64", i.index, 6), f.math("and", "i64", i.index, 63)
        with f.loop("%classes") as label:
            counter = f.math("mul", "i64", f.math("mul", "i64", label.index, "%bits"), lanes)
            counter = f.at("%counters", f.math("add", "i64", counter, lane), "i64")
            with f.loop("%bits", "i64", ["0"]) as k:
                word = f.load("i64", counter, f.math("mul", "i64", k.index, lanes))
                bit = f.math("and", "i64", f.math("lshr", "i64", word, shift), 1)
                k.carried[0] = f.math("or", "i64", k.carried[0], f.math("shl", "i64", bit, k.index))
            total = f.emit(f"trunc i64 {k.carried[0]} to i32")
            f.store("i32", total, "%out", f.math("add", "i64", row, label.index), 4)
    return f.text()


def _run(lanes: int) -> str:
    f = Function("@run(ptr %context, ptr %input, i64 %n, ptr %classes, ptr %votes, i64 %stages)")
    numbers = {"n_windows", "n_code", "classes", "counter_bits", "index_bits", "threshold"}
    c = {name: f.load("i64" if name in numbers else "ptr", "%context", i) for i, name in enumerate(CONTEXT)}
    level = f.emit(f"trunc i64 {c['threshold']} to i8")
    counter_planes = f.math("mul", "i64", c["classes"], c["counter_bits"])
    blocks = f.math("udiv", "i64", f.math("add", "i64", "%n", 64 * lanes - 1), 64 * lanes)

    def if_stage(stage: int, *calls: str) -> None:
        wanted = f.emit(f"icmp ne i64 {f.math('and', 'i64', '%stages', stage)}, 0")
        f.do(f"br i1 {wanted}, label %stage{stage}, label %stage{stage}.after")
        f.lines.append(f"stage{stage}:")
        for call in calls:
            f.do(f"call void {call}")
        f.do(f"br label %stage{stage}.after")
        f.lines.append(f"stage{stage}.after:")

    with f.loop(blocks) as block:
        first = f.math("mul", "i64", block.index, 64 * lanes)
        tile = f"(ptr {c['tile']}, i64 {c['n_windows']}, ptr {c['state']})"
        source, windows = f"ptr %input, i64 {first}, i64 %n", f"i64 {c['n_windows']}"
        if_stage(
            PIXELS,
            f"@threshold({source}, ptr {c['windows']}, {windows}, i8 {level}, ptr {c['tile']})",
            f"@transpose_bytes{tile}",
        )
        if_stage(WORDS, f"@words({source}, {windows}, ptr {c['tile']})", f"@transpose{tile}")
        if_stage(
            GATES,
            f"@start(ptr {c['start']}, i64 {counter_planes}, ptr {c['counters']})",
            f"@gates(ptr {c['state']}, ptr {c['code']}, i64 {c['n_code']}, ptr {c['operands']}, "
            f"ptr {c['counters']}, i64 {c['counter_bits']})",
        )
        counters = f"ptr {c['counters']}, i64 {c['classes']}, i64 {c['counter_bits']}"
        classes = f.at("%classes", first)
        if_stage(ARGMAX, f"@argmax({counters}, i64 {c['index_bits']}, ptr {classes})")
        votes = f.at("%votes", f.math("mul", "i64", first, c["classes"]), "i32")
        if_stage(VOTES, f"@votes({counters}, ptr {votes})")
    return f.text()
