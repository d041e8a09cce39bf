"""The pre-training corpus: MOSES and a more diverse list, without any molecule that is evaluated on.

    python -m pipelines.bartsmiles.corpus --data FOLDER --out FILE.npz [--share 1.0] [--seed 0]

Every molecule is there once, half of them as canonical SMILES and half in a random atom order (another half
with another seed). A file holds for each list the tokens uint8 [sum of lengths] and the lengths uint8
[molecules]; it needs no RDKit to be read.
"""

from __future__ import annotations

import argparse
import gzip
import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from pipelines.bartsmiles.tokenizer import ROOM, Tokenizer, load_tokenizer, split

LISTS = {"moses": ("moses/train.csv.gz", "moses/test_scaffolds.csv.gz"), "diverse": ("diverse.smi.gz",)}
"""moses/test.csv.gz stays out: infilling is measured on it."""
HELD_OUT = 2000
"""Molecules of each list that are kept for the validation loss."""
FEWEST = 20
"""A token must occur so often in the lists to get a place in the vocabulary."""
PIECE = 5000


@dataclass(frozen=True, eq=False)
class Sequences:
    """Token sequences of different lengths in one array."""

    tokens: np.ndarray
    """uint8 [sum of lengths]"""
    lengths: np.ndarray
    """uint8 [n]"""

    @property
    def starts(self) -> np.ndarray:
        return np.concatenate([[0], np.cumsum(self.lengths, dtype=np.int64)[:-1]])

    @classmethod
    def of(cls, rows: list[list[int]]) -> Sequences:
        return cls(
            np.array([token for row in rows for token in row], dtype=np.uint8),
            np.array([len(row) for row in rows], dtype=np.uint8),
        )

    def cut(self, start: int, stop: int) -> Sequences:
        """Sequences start to stop."""
        ends = np.concatenate([[0], np.cumsum(self.lengths, dtype=np.int64)])
        stop = min(stop, len(self.lengths))
        return Sequences(self.tokens[ends[start] : ends[stop]], self.lengths[start:stop])


def read_corpus(file: Path) -> dict[str, Sequences]:
    """The lists of a corpus file, shuffled when it was made."""
    with np.load(file) as arrays:
        return {name: Sequences(arrays[f"{name}_tokens"], arrays[f"{name}_lengths"]) for name in LISTS}


def lines(data: Path, name: str) -> Iterator[str]:
    """The SMILES of one list."""
    for file in LISTS[name]:
        yield from lines_of(data / file)


def lines_of(file: Path) -> Iterator[str]:
    """The SMILES of a compressed file with one in each line."""
    with gzip.open(file, "rt", encoding="utf-8") as stream:
        for line in stream:
            if (smiles := line.strip()) and smiles != "SMILES":
                yield smiles


def shuffled_lines(file: Path, seed: int) -> list[str]:
    """The SMILES of a compressed file in a random order."""
    every = list(lines_of(file))
    random.Random(seed).shuffle(every)
    return every


def build_vocabulary(data: Path) -> Tokenizer:
    """All tokens that occur at least FEWEST times in the lists, the most frequent first."""
    counts: Counter[str] = Counter()
    for name in LISTS:
        for smiles in lines(data, name):
            try:
                counts.update(split(smiles))
            except ValueError:
                continue
    for token in [token for token in counts if "@" in token]:  # another atom order may mirror it
        mirrored = token.replace("@@", "@") if "@@" in token else token.replace("@", "@@")
        counts[mirrored] = max(counts[mirrored], counts[token])
    for ring in (*"123456789", "%10", "%11", "%12"):  # or need more of them
        counts[ring] = max(counts[ring], FEWEST)
    frequent = [token for token, count in counts.most_common() if count >= FEWEST]
    return Tokenizer.of(frequent)


def evaluated(data: Path) -> frozenset[str]:
    """Stereo-free canonical SMILES of every molecule of the six evaluation sets."""
    from pipelines.bartsmiles.molecules import flat, largest_fragment, parse
    from pipelines.bartsmiles.tasks import TASKS, rows

    smiles = (row.smiles for task in TASKS for row in rows(task, data))
    mols = [mol for text in smiles if (mol := parse(text))]
    return frozenset(flat(form) for mol in mols for form in (mol, largest_fragment(mol)))


def encode_piece(
    piece: list[str], seed: int, kept_out: frozenset[str], tokenizer: Tokenizer
) -> list[tuple[int, list[int]]]:
    """Of each usable molecule: a hash that tells duplicates, and its tokens."""
    from pipelines.bartsmiles.molecules import canonical, flat, parse, shuffled

    generator = random.Random(seed)
    found = []
    for text in piece:
        mol = parse(text)
        if mol is None or not mol.GetNumAtoms() or flat(mol) in kept_out:
            continue
        name = canonical(mol)
        smiles = shuffled(mol, generator.getrandbits(31))[0] if generator.random() < 0.5 else name
        try:
            ids = tokenizer.encode(smiles)
        except ValueError:
            continue
        if len(ids) <= ROOM:
            found.append((hash(name), ids))
    return found


def build(data: Path, share: float, seed: int, workers: int) -> dict[str, Sequences]:
    """Encode a random `share` of each list."""
    kept_out, tokenizer = evaluated(data), load_tokenizer()
    seen: set[int] = set()
    result = {}
    # Forked workers share one hash seed, so that hashes of strings agree between them.
    with ProcessPoolExecutor(workers) as pool:
        for name in ("diverse", "moses"):
            every = list(lines(data, name))
            random.Random(seed).shuffle(every)
            every = every[: int(share * len(every))]
            pieces = [every[i : i + PIECE] for i in range(0, len(every), PIECE)]
            encode = partial(encode_piece, kept_out=kept_out, tokenizer=tokenizer)
            rows = []
            for found in pool.map(encode, pieces, range(seed, seed + len(pieces))):
                for key, ids in found:
                    if key not in seen:
                        seen.add(key)
                        rows.append(ids)
            result[name] = Sequences.of(rows)
            print(f"{name}: {len(every)} read, {len(rows)} kept", flush=True)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    lists = build(arguments.data, arguments.share, arguments.seed, arguments.workers)
    arrays = {}
    for name, sequences in lists.items():
        arrays |= {f"{name}_tokens": sequences.tokens, f"{name}_lengths": sequences.lengths}
    np.savez_compressed(arguments.out, **arrays)


if __name__ == "__main__":
    main()
