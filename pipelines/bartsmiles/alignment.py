"""Which atoms a token of a SMILES string speaks of."""

from __future__ import annotations

import numpy as np

from pipelines.bartsmiles.tokenizer import BONDS, is_atom


def atom_shares(tokens: tuple[str, ...]) -> np.ndarray:
    """How a token's attribution is dealt out to atoms: float [tokens, atoms].

    An atom's token goes to the atom, a ring number to the atom it stands at, a bond sign half and half to its
    two atoms. The rows of brackets and dots are 0: what they carry is the "syntax" remainder.
    """
    atoms = sum(map(is_atom, tokens))
    shares = np.zeros((len(tokens), atoms))
    before: int | None = None
    """The atom that the next bond starts from."""
    branches: list[int | None] = []
    sign: int | None = None
    open_rings: dict[str, tuple[int, int | None]] = {}
    atom = -1

    def bond(place: int, first: int, second: int) -> None:
        shares[place, first] += 0.5
        shares[place, second] += 0.5

    for place, token in enumerate(tokens):
        if is_atom(token):
            atom += 1
            shares[place, atom] = 1.0
            if sign is not None and before is not None:
                bond(sign, before, atom)
            before, sign = atom, None
        elif token in BONDS:
            sign = place
        elif token == "(":
            branches.append(before)
        elif token == ")":
            before, sign = branches.pop(), None
        elif token == ".":
            before, sign = None, None
        else:
            shares[place, before] = 1.0
            if token in open_rings:
                partner, opening = open_rings.pop(token)
                for written in (opening, sign):
                    if written is not None:
                        bond(written, partner, before)
            else:
                open_rings[token] = (before, sign)
            sign = None
    return shares
