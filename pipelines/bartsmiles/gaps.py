"""Which token may come next while a masked string is filled: the rest of the string is kept as it is.

Our addition; the paper's model writes freely. A masked string is a pattern of fixed tokens and gaps. Within a
gap, brackets and rings that are opened are closed again, and no ring of the fixed part is touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.bartsmiles.tokenizer import BOS, EOS, MASK, SPECIAL, Tokenizer

LONGEST_GAP = 8
"""Most tokens in a gap; pre-training hid three in the mean."""
State = tuple[int, int, int, frozenset[str]]
"""Place in the pattern; tokens, open brackets and open rings in the gap at this place."""


def is_ring(token: str) -> bool:
    """Whether a token opens or closes a ring."""
    return token.isdigit() or token.startswith("%")


@dataclass
class GapFiller:
    """Follows strings through a pattern: token ids with MASK for the gaps, as `Tokenizer.encode` makes."""

    tokenizer: Tokenizer
    pattern: Sequence[int]

    def __post_init__(self) -> None:
        tokens = self.tokenizer.tokens
        self.free = range(len(SPECIAL), len(tokens))
        self.taken: list[frozenset[str]] = []
        """Rings of the fixed part that are open at each place."""
        rings: frozenset[str] = frozenset()
        for id_ in self.pattern:
            self.taken.append(rings)
            if is_ring(tokens[id_]):
                rings = rings ^ {tokens[id_]}
        start: State = (0, 0, 0, frozenset())
        self.known: dict[tuple[int, ...], frozenset[State]] = {(): self._reached({start})}

    def allowed(self, written: Sequence[int]) -> list[int]:
        """The ids that may follow what was written after </s>: <s> first, </s> at the end."""
        if not written:
            return [BOS]
        states = self._states(tuple(written[1:]))
        found = {id_ for state in states for id_ in self._next(state)}
        if any(place == len(self.pattern) for place, *_ in states):
            found.add(EOS)
        return sorted(found) or [EOS]

    def _states(self, written: tuple[int, ...]) -> frozenset[State]:
        """Everywhere in the pattern where one can be after some tokens."""
        if written not in self.known:
            before, last = self._states(written[:-1]), written[-1]
            after = {self._after(state, last) for state in before if last in self._next(state)}
            self.known[written] = self._reached(after)
        return self.known[written]

    def _next(self, state: State) -> Sequence[int] | set[int]:
        """Ids that may follow in one state."""
        place, used, brackets, rings = state
        if place == len(self.pattern):
            return ()
        if self.pattern[place] != MASK:
            return (self.pattern[place],)
        pending = brackets + len(rings)
        left = LONGEST_GAP - used - pending
        tokens = self.tokenizer.tokens
        found = set()
        for id_ in self.free:
            token = tokens[id_]
            closes = token in rings or (token == ")" and brackets > 0)
            opens = token == "(" or (is_ring(token) and token not in rings | self.taken[place])
            plain = not is_ring(token) and token not in "()"
            if closes or (opens and left > 1) or (plain and left > 0):
                found.add(id_)
        return found

    def _after(self, state: State, id_: int) -> State:
        place, used, brackets, rings = state
        if self.pattern[place] != MASK:
            return place + 1, 0, 0, frozenset()
        token = self.tokenizer.tokens[id_]
        if is_ring(token):
            return place, used + 1, brackets, rings ^ {token}
        return place, used + 1, brackets + (token == "(") - (token == ")"), rings

    def _reached(self, states: set[State]) -> frozenset[State]:
        """These states, and those behind gaps that may end in them."""
        found = set(states)
        waiting = list(states)
        while waiting:
            place, _, brackets, rings = waiting.pop()
            at_gap = place < len(self.pattern) and self.pattern[place] == MASK
            if at_gap and not brackets and not rings:
                behind: State = (place + 1, 0, 0, frozenset())
                if behind not in found:
                    found.add(behind)
                    waiting.append(behind)
        return frozenset(found)
