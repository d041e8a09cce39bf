"""SMILES as tokens, one token per atom.

The paper cuts SMILES into 1,021 SentencePiece pieces such as "ccccc" that know no chemistry. Here every atom
of the string is one token, so that the k-th atom token is atom k of the RDKit molecule read from it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property

from pipelines.runtime import load_once
from pipelines.weights import asset

BOS, PAD, EOS, UNK, MASK = range(5)
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
POSITIONS = 128
"""Most tokens the model reads, <s> and </s> among them, as in the paper."""
ROOM = POSITIONS - 2

BONDS = frozenset("-=#$:~/\\")
ATOM = r"\[[^\[\]]+\]|Br|Cl|[BCNOPSFI]|[bcnops]"
_TOKEN = re.compile(rf"({ATOM}|%\d\d|\d|[=#$:~/\\().-])")
_ATOM = re.compile(ATOM)


def split(smiles: str) -> list[str]:
    """The tokens of a SMILES string. Raises ValueError, with the first odd character, if it is none."""
    tokens = _TOKEN.findall(smiles)
    if sum(map(len, tokens)) != len(smiles):
        place = 0
        while match := _TOKEN.match(smiles, place):
            place = match.end()
        raise ValueError(smiles[place])
    return tokens


def is_atom(token: str) -> bool:
    """Whether a token stands for an atom."""
    return _ATOM.fullmatch(token) is not None


@dataclass(frozen=True)
class Tokenizer:
    """Tokens to ids and back; ids 0 to 4 are the special tokens, as in BART."""

    tokens: tuple[str, ...]
    """All tokens, the special ones first; token i has id i."""

    @cached_property
    def ids(self) -> dict[str, int]:
        return {token: i for i, token in enumerate(self.tokens)}

    def __len__(self) -> int:
        return len(self.tokens)

    def encode(self, smiles: str) -> list[int]:
        """Ids without <s> and </s>; an unknown token becomes <unk>, "<mask>" the mask.

        Raises ValueError, with the odd character, if the string has no tokens of SMILES.
        """
        parts = smiles.split(SPECIAL[MASK])
        ids = [self.ids.get(token, UNK) for token in split(parts[0])]
        for part in parts[1:]:
            ids += [MASK, *(self.ids.get(token, UNK) for token in split(part))]
        return ids

    def decode(self, ids: list[int]) -> str:
        """The string of some ids; <s>, </s> and <pad> are left out."""
        return "".join(self.tokens[i] for i in ids if i not in (BOS, PAD, EOS))

    def unknown(self, smiles: str) -> list[str]:
        """The tokens that the model has not learnt, each once, in the order of the string."""
        return list(dict.fromkeys(token for token in split(smiles) if token not in self.ids))

    def to_json(self) -> str:
        return json.dumps(self.tokens[len(SPECIAL) :], ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Tokenizer:
        return cls.of(json.loads(text))

    @classmethod
    def of(cls, tokens: list[str]) -> Tokenizer:
        """The special tokens and these."""
        return cls((*SPECIAL, *tokens))


@load_once
def load_tokenizer() -> Tokenizer:
    """The embedded vocabulary."""
    return Tokenizer.from_json(asset("bartsmiles", "vocabulary.json").read_text(encoding="utf-8"))
