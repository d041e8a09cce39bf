"""Filling gaps: the rest is kept, brackets and rings are closed where they were opened."""

from __future__ import annotations

import random

import pytest

from pipelines.bartsmiles.gaps import LONGEST_GAP, GapFiller
from pipelines.bartsmiles.infill import SIGN, infill
from pipelines.bartsmiles.predictor import Predictor
from pipelines.bartsmiles.tokenizer import BOS, EOS, Tokenizer, load_tokenizer


def _walk(filler: GapFiller, generator: random.Random) -> list[int]:
    """A random string that the filler allows, without <s> and </s>."""
    written: list[int] = []
    while not written or written[-1] != EOS:
        written.append(generator.choice(filler.allowed(written)))
    assert written[0] == BOS
    return written[1:-1]


@pytest.mark.parametrize("masked", [f"CC{SIGN}O", f"c1cc{SIGN}c{SIGN}1", f"{SIGN}C(=O)O", f"C1CC(N{SIGN})C1"])
def test_random_fillings_keep_the_rest_and_close_what_they_open(masked: str) -> None:
    tokenizer: Tokenizer = load_tokenizer()
    parts = masked.split(SIGN)
    filler = GapFiller(tokenizer, tokenizer.encode(masked))
    for seed in range(60):
        text = tokenizer.decode(_walk(filler, random.Random(seed)))
        assert text.startswith(parts[0])
        assert text.endswith(parts[-1])
        assert text.count("(") == text.count(")")
        assert all(text.replace("%", "").count(digit) % 2 == 0 for digit in "13456789" if "[" not in text)
        most = sum(map(len, parts)) + LONGEST_GAP * (len(parts) - 1)
        assert len(tokenizer.encode(text)) <= most


def test_a_string_without_gaps_is_forced() -> None:
    tokenizer = load_tokenizer()
    pattern = tokenizer.encode("CCO")
    assert _walk(GapFiller(tokenizer, pattern), random.Random(0)) == pattern


def test_atoms_without_a_token_stay(tiny: Predictor) -> None:
    found = infill(tiny.trunk, f"[Xe]C{SIGN}O", beams=4)
    assert all(candidate.text.startswith("[Xe]C") for candidate in found.candidates)
    assert all(candidate.keeps_rest for candidate in found.candidates)
