"""Writing LLVM IR as text: values are named, loops are written by a `with` block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


def splat(kind: str, lanes: int, value: int) -> str:
    """A vector constant of equal elements."""
    return "<" + ", ".join([f"{kind} {value}"] * lanes) + ">"


class Function:
    """Writes one function, line by line."""

    def __init__(self, signature: str) -> None:
        self.lines = [f"define void {signature} {{", "entry:"]
        self.names = 0

    def emit(self, expression: str) -> str:
        """Add an instruction; returns the name of its value."""
        self.names += 1
        self.lines.append(f"  %v{self.names} = {expression}")
        return f"%v{self.names}"

    def do(self, statement: str) -> None:
        """Add an instruction without a value."""
        self.lines.append("  " + statement)

    def at(self, base: str, index: str | int, kind: str = "i8") -> str:
        """Address of base[index]."""
        return self.emit(f"getelementptr {kind}, ptr {base}, i64 {index}")

    def load(self, kind: str, base: str, index: str | int = 0, align: int = 8) -> str:
        return self.emit(f"load {kind}, ptr {self.at(base, index, kind)}, align {align}")

    def store(self, kind: str, value: str, base: str, index: str | int = 0, align: int = 8) -> None:
        self.do(f"store {kind} {value}, ptr {self.at(base, index, kind)}, align {align}")

    def math(self, operation: str, kind: str, a: str | int, b: str | int) -> str:
        return self.emit(f"{operation} {kind} {a}, {b}")

    @contextmanager
    def loop(self, count: str | int, kind: str = "", carried: list[str] | None = None) -> Iterator[Loop]:
        """Repeat the body `count` times. `carried` values of type `kind` pass from one round to the next."""
        self.names += 1
        loop = Loop(f"loop{self.names}", carried or [])
        name = loop.name
        self.do(f"br label %{name}.before")
        self.lines.append(f"{name}.before:")
        some = self.emit(f"icmp ne i64 {count}, 0")
        self.do(f"br i1 {some}, label %{name}, label %{name}.after")
        self.lines.append(f"{name}:")
        place = len(self.lines)
        yield loop
        self.do(f"br label %{name}.again")
        self.lines += [f"{name}.again:", f"  %{name}.next = add i64 {loop.index}, 1"]
        more = self.emit(f"icmp ult i64 %{name}.next, {count}")
        self.do(f"br i1 {more}, label %{name}, label %{name}.after")
        self.lines.append(f"{name}.after:")
        heads = [f"  {loop.index} = phi i64 [0, %{name}.before], [%{name}.next, %{name}.again]"]
        for i, (first, following) in enumerate(zip(loop.first, loop.carried, strict=True)):
            ways = f"phi {kind} [{first}, %{name}.before], [{following}, %{name}.again]"
            heads.append(f"  %{name}.c{i} = {ways}")
            self.lines.append(f"  %{name}.out{i} = {ways}")
        self.lines[place:place] = heads
        loop.carried = [f"%{name}.out{i}" for i in range(len(loop.first))]

    def text(self) -> str:
        return "\n".join([*self.lines, "  ret void", "}"])


class Loop:
    """A loop being written: its index, and the carried values, which the body replaces."""

    def __init__(self, name: str, first: list[str]) -> None:
        self.name = name
        self.index = f"%{name}.index"
        self.first = first
        self.carried = [f"%{name}.c{i}" for i in range(len(first))]
