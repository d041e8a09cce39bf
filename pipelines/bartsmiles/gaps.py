"""What may stand in the gaps of a masked string, while the rest of the string is kept as it is.

Our addition; the paper's model writes freely. Within a gap, brackets and rings that are opened are closed
again, and no ring of the fixed part is touched. With `chemistry` RDKit looks ahead as well: a string half
written must be a molecule once two dummy atoms stand for each part that is still to come. A dummy atom has
any valence, so that what can still become a molecule passes, with few exceptions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipelines.bartsmiles.molecules import parse
from pipelines.bartsmiles.tokenizer import BONDS, MASK, SPECIAL, Tokenizer

LONGEST_GAP = 8
"""Most tokens in a gap; pre-training hid three in the mean."""
SIGN = SPECIAL[MASK]
OPEN = "**"
"""Two dummy atoms: what is not written yet."""


def is_ring(token: str) -> bool:
    """Whether a token opens or closes a ring."""
    return token.isdigit() or token.startswith("%")


@dataclass(frozen=True)
class State:
    """Where one can be in a pattern."""

    place: int
    """The token of the pattern that comes next, or the gap that is being filled."""
    used: int = 0
    """Tokens in that gap so far, and what is open in it."""
    brackets: int = 0
    rings: frozenset[str] = frozenset()

    @property
    def closed(self) -> bool:
        """Whether nothing is open in the gap."""
        return not self.brackets and not self.rings


@dataclass(frozen=True)
class Draft:
    """A string half written, and everywhere in the pattern where one can be after it."""

    tokens: tuple[str, ...]
    states: frozenset[State]


class Gaps:
    """A masked string as a pattern of fixed tokens and gaps; SIGN stands for a gap."""

    def __init__(self, tokens: Sequence[str], tokenizer: Tokenizer, chemistry: bool = True) -> None:
        self.pattern = tuple(
            token for i, token in enumerate(tokens) if token != SIGN or i == 0 or tokens[i - 1] != SIGN
        )
        """The tokens, gaps that touch as one."""
        self.first = self.pattern.index(SIGN)
        self.last = len(self.pattern) - 1 - self.pattern[::-1].index(SIGN)
        self.free = [token for token in tokenizer.tokens if token not in (*SPECIAL, ".")]
        self.taken = list(self._open_rings())
        self.rest = [self._shown(self.pattern[place:]) for place in range(len(self.pattern) + 1)]
        self.chemistry = chemistry
        self.ahead = chemistry and parse(self.rest[0]) is not None
        """Whether to look ahead; a pattern that is one of the few exceptions is checked at the end only."""

    @property
    def start(self) -> Draft:
        """What stands before the first gap."""
        return self._draft(self.pattern[: self.first], {State(self.first)})

    def choices(self, draft: Draft) -> set[str]:
        """The tokens that may follow, as far as brackets and rings go."""
        return {token for state in draft.states for token in self._next(state)}

    def grown(self, draft: Draft, token: str) -> Draft | None:
        """The draft with one of its choices, None if it can become no molecule."""
        after = {self._after(state, token) for state in draft.states if token in self._next(state)}
        grown = self._draft((*draft.tokens, token), after)
        return grown if grown.states else None

    def whole(self, draft: Draft) -> tuple[str, ...] | None:
        """The string if its last gap ends here, None if it may not."""
        ends = any(state.place > self.last for state in draft.states)
        return (*draft.tokens, *self.pattern[self.last + 1 :]) if ends else None

    def _open_rings(self) -> Iterable[frozenset[str]]:
        """Rings of the fixed part that are open at each place."""
        rings: frozenset[str] = frozenset()
        for token in self.pattern:
            yield rings
            if is_ring(token):
                rings = rings ^ {token}

    def _shown(self, tokens: Sequence[str]) -> str:
        return "".join(OPEN if token == SIGN else token for token in tokens)

    def _draft(self, tokens: tuple[str, ...], states: set[State]) -> Draft:
        """A draft in those of the states that are hopeful, and behind the gaps that may end here."""
        ending = {state for state in states if self._in_gap(state) and state.closed}
        behind = {State(state.place + 1) for state in ending}
        return Draft(tokens, frozenset(s for s in states | behind if self._hopeful(tokens, s)))

    def _in_gap(self, state: State) -> bool:
        return state.place <= self.last and self.pattern[state.place] == SIGN

    def _next(self, state: State) -> Sequence[str]:
        """Tokens that may follow in one state; none behind the last gap, where `whole` takes over."""
        if state.place > self.last:
            return ()
        if not self._in_gap(state):
            return (self.pattern[state.place],)
        left = LONGEST_GAP - state.used - state.brackets - len(state.rings)
        found = []
        for token in self.free:
            closes = token in state.rings or (token == ")" and state.brackets > 0)
            opens = token == "(" or (is_ring(token) and token not in state.rings | self.taken[state.place])
            plain = not is_ring(token) and token not in "()"
            if closes or (opens and left > 1) or (plain and left > 0):
                found.append(token)
        return found

    def _after(self, state: State, token: str) -> State:
        if not self._in_gap(state):
            return State(state.place + 1)
        rings = state.rings ^ {token} if is_ring(token) else state.rings
        brackets = state.brackets + (token == "(") - (token == ")")
        return State(state.place, state.used + 1, brackets, rings)

    def _hopeful(self, tokens: tuple[str, ...], state: State) -> bool:
        """Whether a string in a state can still become a molecule, or is one behind the last gap."""
        if not (self.chemistry if state.place > self.last else self.ahead):
            return True
        text = "".join(tokens)
        if not self._in_gap(state):
            return parse(text + self.rest[state.place]) is not None
        if not state.used:
            return True
        rest = self.rest[state.place + 1]
        return any(parse(text + gap + rest) is not None for gap in _endings(tokens[-1], state))


def _endings(last: str, state: State) -> Iterable[str]:
    """Ways in which a gap may go on after its token `last`: more atoms, or the end of a branch first."""
    rings, closing = "".join(sorted(state.rings)), ")" * state.brackets
    yield OPEN + rings + closing + OPEN * bool(closing)
    if closing and last != "(" and last not in BONDS:
        yield closing + OPEN + rings
        if not rings:
            yield closing
