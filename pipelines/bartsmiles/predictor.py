"""The embedded models behind one door: properties of molecules, and the trunk that fills masks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from transformers import BartForConditionalGeneration

from pipelines.bartsmiles.check import Molecule, read_molecule
from pipelines.bartsmiles.heads import CLASSIFIED, HEADS, PropertyModel, collate, read_finetuned
from pipelines.bartsmiles.model import read_model
from pipelines.bartsmiles.molecules import canonical, fingerprint, neutralised
from pipelines.bartsmiles.tasks import LEARNT
from pipelines.bartsmiles.tokenizer import load_tokenizer
from pipelines.runtime import load_once, use_threads
from pipelines.weights import weights_file

NEUTRAL_HEADS = tuple(task.name for task in LEARNT if task.neutralised)


@dataclass(frozen=True, eq=False)
class Prediction:
    """What the heads say of a molecule."""

    values: dict[str, float]
    """Per head: raw units, or the probability of class 1."""
    embedding: np.ndarray
    """Mean decoder state, float [width]."""
    fingerprint: np.ndarray
    """uint8 [128]"""
    neutral: str
    """The SMILES that the heads of `NEUTRAL_HEADS` got."""


class Predictor:
    """A fine-tuned model and a pre-trained one; safe to call from several threads."""

    def __init__(self, properties: PropertyModel, trunk: BartForConditionalGeneration) -> None:
        self.properties = properties.eval().requires_grad_(False)
        self.trunk = trunk.eval().requires_grad_(False)

    def predict(self, molecule: Molecule) -> Prediction:
        """All heads for one molecule, in one pass."""
        return self.predict_many([molecule])[0]

    @torch.inference_mode()
    def predict_many(self, molecules: list[Molecule]) -> list[Prediction]:
        """All heads for some molecules of like length; ClinTox's gets them without charges."""
        use_threads(1)
        tokenizer = load_tokenizer()
        neutral = [neutral_form(molecule) for molecule in molecules]
        charged = [
            i
            for i, (other, molecule) in enumerate(zip(neutral, molecules, strict=True))
            if other != molecule.smiles
        ]
        texts = [molecule.smiles for molecule in molecules] + [neutral[i] for i in charged]
        states = self.properties.states(collate([tokenizer.encode(text) for text in texts]))
        output = self.properties.raw(self.properties.read_out(states.last))
        values = torch.where(torch.tensor(CLASSIFIED), output.sigmoid(), output).numpy()
        n = len(molecules)
        places = [HEADS.index(name) for name in NEUTRAL_HEADS]
        for k, i in enumerate(charged):
            values[i, places] = values[n + k, places]
        return [
            Prediction(
                dict(zip(HEADS, map(float, values[i]), strict=True)),
                states.mean[i].numpy(),
                fingerprint(molecule.mol),
                neutral[i],
            )
            for i, molecule in enumerate(molecules)
        ]


def neutral_form(molecule: Molecule) -> str:
    """Canonical SMILES of a molecule without the charges that protons can take away."""
    if not any(atom.GetFormalCharge() for atom in molecule.mol.GetAtoms()):
        return molecule.smiles
    return canonical(neutralised(molecule.mol))


def molecule_for(head: str, molecule: Molecule) -> Molecule:
    """The molecule that a head reads, which is what an attribution of it must explain."""
    if head not in NEUTRAL_HEADS or (neutral := neutral_form(molecule)) == molecule.smiles:
        return molecule
    return read_molecule(neutral)


@load_once
def load() -> Predictor:
    """The embedded models."""
    trunk = read_model(weights_file("bartsmiles", "trunk.safetensors"))
    properties = read_finetuned(trunk.model, weights_file("bartsmiles", "finetuned.safetensors"))
    return Predictor(properties, trunk)
