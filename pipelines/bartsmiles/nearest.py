"""The library's molecules nearest to one, by embedding and by fingerprint.

    python -m pipelines.bartsmiles.nearest --data FOLDER

makes assets/bartsmiles/library.safetensors anew: embeddings and predicted values of the NCI molecules that
come with RDKit, and the fingerprints of the molecules that the heads were trained on.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from rdkit import RDConfig
from safetensors.numpy import load_file, save_file

from pipelines.bartsmiles.check import read_molecule
from pipelines.bartsmiles.heads import HEADS, PropertyModel, collate
from pipelines.bartsmiles.molecules import fingerprint, parse, tanimoto
from pipelines.bartsmiles.tokenizer import load_tokenizer
from pipelines.errors import InputError
from pipelines.runtime import load_once
from pipelines.weights import ASSETS, asset

FILE = "library.safetensors"


@dataclass(frozen=True)
class Neighbour:
    """A molecule of the library."""

    name: str
    """Its number in the National Cancer Institute's collection, such as "NSC 145"."""
    smiles: str
    cosine: float
    tanimoto: float
    values: tuple[float, ...]
    """Predicted values of all heads, raw units and logits."""


@dataclass(frozen=True, eq=False)
class Library:
    """Named molecules with embeddings, fingerprints and predicted values."""

    names: tuple[str, ...]
    smiles: tuple[str, ...]
    embeddings: np.ndarray
    """float32 [n, width], of length 1"""
    fingerprints: np.ndarray
    """uint8 [n, 128]"""
    values: np.ndarray
    """float16 [n, heads]"""
    learnt: np.ndarray
    """Fingerprints of the training molecules, uint8 [m, 128]."""

    def nearest(self, embedding: np.ndarray, own: np.ndarray, count: int = 6) -> tuple[Neighbour, ...]:
        """The `count` molecules of the most similar embedding; own: the molecule's fingerprint."""
        cosines = self.embeddings @ (embedding / max(float(np.linalg.norm(embedding)), 1e-9))
        best = np.argsort(-cosines, kind="stable")[:count]
        similar = tanimoto(own, self.fingerprints[best])
        return tuple(
            Neighbour(
                self.names[i], self.smiles[i], float(cosines[i]), float(t), tuple(map(float, self.values[i]))
            )
            for i, t in zip(best, similar, strict=True)
        )

    def familiarity(self, own: np.ndarray) -> float:
        """Tanimoto similarity to the nearest training molecule; below summary.FAR the numbers are a guess."""
        return float(tanimoto(own, self.learnt).max(initial=0.0))


@cache
def nci_molecules() -> tuple[tuple[str, str], ...]:
    """Name and canonical SMILES of the usable molecules of RDKit's NCI set, each once."""
    found: dict[str, str] = {}
    for line in (Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi").read_text(encoding="utf-8").splitlines():
        smiles, number = line.split()[:2]
        try:
            found.setdefault(read_molecule(smiles).smiles, f"NSC {number}")
        except InputError:
            continue
    return tuple((name, smiles) for smiles, name in found.items())


def build(
    model: PropertyModel, molecules: Sequence[tuple[str, str]], batch: int = 64
) -> dict[str, np.ndarray]:
    """Embeddings int8 [n, width] and values float16 [n, heads] of named molecules."""
    tokenizer = load_tokenizer()
    ids = [tokenizer.encode(smiles) for _, smiles in molecules]
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    embeddings = np.zeros((len(ids), model.trunk.config.d_model), dtype=np.int8)
    values = np.zeros((len(ids), len(HEADS)), dtype=np.float16)
    with torch.inference_mode():
        for start in range(0, len(order), batch):
            part = order[start : start + batch]
            states = model.states(collate([ids[i] for i in part]))
            scale = states.mean.abs().amax(1, keepdim=True) / 127
            embeddings[part] = (states.mean / scale).round().to(torch.int8).numpy()
            values[part] = model.raw(model.read_out(states.last)).numpy()
    return {"embeddings": embeddings, "values": values}


@load_once
def load_library() -> Library:
    """The embedded library; the molecules themselves come from RDKit's wheel."""
    arrays = load_file(asset("bartsmiles", FILE))
    molecules = nci_molecules()
    embeddings = arrays["embeddings"].astype(np.float32)
    return Library(
        tuple(name for name, _ in molecules),
        tuple(smiles for _, smiles in molecules),
        embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True),
        arrays["fingerprints"],
        arrays["values"],
        arrays["learnt"],
    )


def main() -> None:
    from pipelines.bartsmiles.finetune import training_set
    from pipelines.bartsmiles.predictor import load

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    arguments = parser.parse_args()
    molecules = nci_molecules()
    arrays = build(load().properties, molecules)
    arrays["fingerprints"] = np.stack([fingerprint(parse(smiles)) for _, smiles in molecules])
    learnt = training_set(arguments.data, extra=0)
    arrays["learnt"] = np.stack([fingerprint(mol) for mol in learnt.mols])
    save_file(arrays, ASSETS / "bartsmiles" / FILE)


if __name__ == "__main__":
    main()
