"""Fill masked parts of a molecule: the pre-training's own task, answered with beams.

The embedded model is held to what is not masked (gaps.py); the published one writes freely."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass

import torch
from transformers import BartForConditionalGeneration

from pipelines.bartsmiles.check import FIELD, LONGEST, Molecule
from pipelines.bartsmiles.gaps import GapFiller
from pipelines.bartsmiles.heads import collate
from pipelines.bartsmiles.molecules import canonical, parse
from pipelines.bartsmiles.tokenizer import (
    MASK,
    PAD,
    POSITIONS,
    ROOM,
    SPECIAL,
    UNK,
    load_tokenizer,
    split,
)
from pipelines.errors import InputError
from pipelines.runtime import use_threads
from pipelines.weights import source

logger = logging.getLogger("nine_papers")

BEAMS = 10
NO_BEAM = -1e5
"""A beam with a lower score repeats another: there were fewer ways to fill the gaps than beams."""
SIGN = SPECIAL[MASK]


@dataclass(frozen=True)
class Candidate:
    """One way to fill the mask."""

    text: str
    """What the model wrote."""
    smiles: str
    """Its canonical SMILES; "" if it is no molecule."""
    score: float
    """Mean log probability of its tokens."""
    keeps_rest: bool
    """Whether all that was not masked is still there."""


@dataclass(frozen=True)
class Infilling:
    """The answers to one masked string, the likeliest first."""

    masked: str
    candidates: tuple[Candidate, ...]
    """Valid molecules, each once."""
    valid_share: float
    """Share of all beams that are molecules."""


def mask_atoms(molecule: Molecule, atoms: list[int]) -> str:
    """The canonical string with <mask> for some atoms; neighbours in the string share one."""
    if not atoms:
        raise InputError("No atom is masked.", "Click the atoms that the model is to replace.", FIELD)
    places = {molecule.atom_tokens[atom] for atom in atoms}
    if len(places) == len(molecule.atom_tokens):
        raise InputError("Every atom is masked.", "Leave some of the molecule for the model to go by.", FIELD)
    parts: list[str] = []
    for place, token in enumerate(molecule.tokens):
        if place not in places:
            parts.append(token)
        elif not parts or parts[-1] != SIGN:
            parts.append(SIGN)
    return "".join(parts)


def check_masked(text: str) -> str:
    """A string with <mask> in it that the model can read. Raises InputError."""
    if not isinstance(text, str):
        raise InputError("This is not a SMILES string.", "Send text, such as CC<mask>O.", FIELD)
    text = text.strip()
    if len(text) > LONGEST:
        raise InputError(f"The text has {len(text):,} characters; at most {LONGEST} are read.", "", FIELD)
    if SIGN not in text:
        raise InputError(
            "There is no <mask> in the string.",
            "Click atoms, or write <mask> where something is missing.",
            FIELD,
        )
    parts = text.split(SIGN)
    if not any(parts):
        raise InputError("Every atom is masked.", "Leave some of the molecule for the model to go by.", FIELD)
    try:
        count = sum(len(split(part)) for part in parts) + len(parts) - 1
    except ValueError as error:
        raise InputError(f"“{error}” is not part of a SMILES string.", "", FIELD) from None
    if count > ROOM:
        raise InputError(f"The string takes {count} tokens; the model reads at most {ROOM}.", "", FIELD)
    return text


@torch.inference_mode()
def infill(
    model: BartForConditionalGeneration, masked: str, beams: int = BEAMS, held: bool = True
) -> Infilling:
    """The `beams` likeliest strings for a masked one (see check_masked), as molecules.

    `held`: what is not masked stays as it is; else the model writes the whole string as it likes.
    """
    use_threads(1)
    tokenizer = load_tokenizer()
    pattern = tokenizer.encode(masked)
    ids = collate([pattern])
    filler = GapFiller(tokenizer, pattern)
    written = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        num_beams=beams,
        num_return_sequences=beams,
        do_sample=False,
        max_new_tokens=min(POSITIONS - 1, ids.shape[1] + 30),
        early_stopping=not held,  # where little is open, what ended early would crowd out the rest
        suppress_tokens=None if held else [PAD, UNK, MASK],
        prefix_allowed_tokens_fn=(lambda _, row: filler.allowed(row[1:].tolist())) if held else None,
        output_scores=True,
        return_dict_in_generate=True,
    )
    answers = zip(written.sequences.tolist(), written.sequences_scores.tolist(), strict=True)
    real = [(row, score) for row, score in answers if score > NO_BEAM]
    texts = [_with_unknown(tokenizer.decode(row), masked) for row, _ in real]
    return collected(masked, texts, [score for _, score in real])


def _with_unknown(text: str, masked: str) -> str:
    """Atoms that the model has no token for, put back where it copied <unk>."""
    known = load_tokenizer().ids
    for token in (token for part in masked.split(SIGN) for token in split(part) if token not in known):
        text = text.replace(SPECIAL[UNK], token, 1)
    return text


def collected(masked: str, texts: list[str], scores: list[float]) -> Infilling:
    """What a model wrote for a masked string, the likeliest first, as molecules."""
    kept = re.compile(".*".join(re.escape(part) for part in masked.split(SIGN)))
    found: dict[str, Candidate] = {}
    valid = 0
    for text, score in zip(texts, scores, strict=True):
        mol = parse(text) if text and len(text) <= LONGEST else None
        if mol is None or not mol.GetNumAtoms():
            continue
        valid += 1
        smiles = canonical(mol)
        found.setdefault(smiles, Candidate(text, smiles, score, kept.fullmatch(text) is not None))
    return Infilling(masked, tuple(found.values()), valid / max(1, len(texts)))


def fill(masked: str, beams: int = BEAMS, model: str = "embedded") -> Infilling:
    """Fill a masked string with the embedded model, or with the published one ("hub").

    Raises InputError for a string that is none, and for "hub" where there is no GPU or no such model.
    """
    text = check_masked(masked)
    if model == "embedded":
        from pipelines.bartsmiles.predictor import load

        return infill(load().trunk, text, beams)
    if model != "hub":
        raise InputError("There is no such model.", "Choose “embedded” or “hub”.", "Model")
    if source(asked=True) != "hub":
        raise InputError(
            "The published model needs a GPU, and there is none here.", "Take the embedded model.", "Model"
        )
    from pipelines.bartsmiles.hub import fill_hub, load_hub

    try:
        published = load_hub()
    except (OSError, ValueError) as error:
        logger.warning("gayane/BARTSmiles could not be loaded: %s", error)
        raise InputError(
            "The published model could not be loaded.", "Take the embedded model.", "Model"
        ) from None
    return fill_hub(published, text, beams)
