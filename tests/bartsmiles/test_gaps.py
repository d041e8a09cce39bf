"""Filling gaps: the rest is kept, brackets and rings are closed where they were opened, RDKit looks ahead."""

from __future__ import annotations

import random

import pytest

from pipelines.bartsmiles.gaps import LONGEST_GAP, Draft, Gaps
from pipelines.bartsmiles.infill import SIGN, infill, masked_tokens
from pipelines.bartsmiles.molecules import parse
from pipelines.bartsmiles.predictor import Predictor
from pipelines.bartsmiles.tokenizer import load_tokenizer, split

MASKED = [f"CC{SIGN}O", f"c1cc{SIGN}c{SIGN}1", f"{SIGN}C(=O)O", f"C1CC(N{SIGN})C1", f"C{SIGN}{SIGN}C"]


def gaps_of(masked: str, chemistry: bool) -> Gaps:
    return Gaps(masked_tokens(masked), load_tokenizer(), chemistry)


def _walk(gaps: Gaps, seed: int) -> str | None:
    """A random string that the gaps allow; None where it came to a dead end."""
    generator, draft = random.Random(seed), gaps.start
    while True:
        whole = gaps.whole(draft)
        if whole and generator.random() < 0.4:
            return "".join(whole)
        choices = sorted(gaps.choices(draft))
        generator.shuffle(choices)
        grown = next((one for token in choices if (one := gaps.grown(draft, token))), None)
        if grown is None:
            return "".join(whole) if whole else None
        draft = grown


def written(gaps: Gaps, tokens: list[str]) -> Draft | None:
    """The draft after some tokens behind the first gap's beginning."""
    draft: Draft | None = gaps.start
    for token in tokens:
        draft = gaps.grown(draft, token) if draft and token in gaps.choices(draft) else None
    return draft


@pytest.mark.parametrize("masked", MASKED)
def test_random_fillings_keep_the_rest_and_close_what_they_open(masked: str) -> None:
    parts = masked.split(SIGN)
    gaps = gaps_of(masked, chemistry=False)
    for seed in range(40):
        text = _walk(gaps, seed)
        assert text is not None
        assert text.startswith(parts[0])
        assert text.endswith(parts[-1])
        assert text.count("(") == text.count(")")
        assert all(text.replace("%", "").count(digit) % 2 == 0 for digit in "13456789" if "[" not in text)
        assert len(split(text)) <= sum(map(len, parts)) + LONGEST_GAP * (len(parts) - 1)


@pytest.mark.parametrize("masked", MASKED)
def test_with_chemistry_all_that_is_written_is_a_molecule(masked: str) -> None:
    gaps = gaps_of(masked, chemistry=True)
    found = [text for seed in range(12) if (text := _walk(gaps, seed))]
    assert found
    assert all(parse(text) is not None for text in found)


@pytest.mark.parametrize(
    ("masked", "tokens", "goes_on", "ends"),
    [
        (f"CC{SIGN}O", "C", True, True),
        (f"CC{SIGN}O", "F", False, False),  # fluorine has one bond, and O follows
        (f"CC{SIGN}", "F", False, True),
        (f"CC{SIGN}O", "N(=O)", False, False),
        (f"CC{SIGN}O", "S(=O)(=", True, False),
        (f"CC{SIGN}O", "C1CC", True, False),
        (f"CC{SIGN}O", "C(C(F)", True, False),
        (f"c1ccc{SIGN}c1", "c", True, True),
        (f"c1ccc{SIGN}c1", "C", True, False),  # five aromatic atoms in a row need a sixth
    ],
)
def test_looking_ahead(masked: str, tokens: str, goes_on: bool, ends: bool) -> None:
    gaps = gaps_of(masked, chemistry=True)
    draft = written(gaps, list(tokens))
    assert (draft is not None and any(state.used for state in draft.states)) == goes_on
    assert (draft is not None and gaps.whole(draft) is not None) == ends


def test_an_unusual_pattern_is_checked_at_the_end_only() -> None:
    gaps = gaps_of(f"c1cccc{SIGN}", chemistry=True)
    assert not gaps.ahead, "the ring is not closed"
    assert gaps.whole(gaps.start) is None


def test_atoms_without_a_token_stay(tiny: Predictor) -> None:
    found = infill(tiny.trunk, f"[Xe]C{SIGN}O")
    assert found.candidates
    assert all(candidate.text.startswith("[Xe]C") for candidate in found.candidates)
    assert all(candidate.written is not None for candidate in found.candidates)
