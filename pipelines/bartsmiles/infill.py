"""Fill masked parts of a molecule: the pre-training's own task.

The embedded model is held to what is not masked, and RDKit checks what it writes (gaps.py, search.py); the
published one writes freely."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import Literal

import torch
from transformers import BartForConditionalGeneration

from pipelines.bartsmiles.check import FIELD, LONGEST, Molecule, misfit
from pipelines.bartsmiles.gaps import OPEN, SIGN
from pipelines.bartsmiles.heads import collate
from pipelines.bartsmiles.molecules import canonical, parse
from pipelines.bartsmiles.search import search
from pipelines.bartsmiles.tokenizer import POSITIONS, ROOM, is_atom, load_tokenizer, split
from pipelines.errors import InputError
from pipelines.runtime import use_threads
from pipelines.weights import source

logger = logging.getLogger("nine_papers")

ANSWERS = 6
Way = Literal["checked", "held", "free"]
"""How to write: with all that is not masked held, and checked by RDKit; held only, with brackets and rings
balanced; the whole string as the model likes, as in the paper."""


@dataclass(frozen=True)
class Candidate:
    """One way to fill the mask."""

    text: str
    """What the model wrote."""
    smiles: str
    """Its canonical SMILES."""
    score: float
    """log p of the text, given the masked string."""
    written: tuple[int, ...] | None
    """Which atoms of the text stand where a mask was; None if the rest of the string was changed."""


@dataclass(frozen=True)
class Infilling:
    """The answers to one masked string, the likeliest first."""

    masked: str
    candidates: tuple[Candidate, ...]
    """Molecules, each once."""
    valid_share: float
    """Share of the strings that the model wrote that are molecules."""


def mask_atoms(molecule: Molecule, atoms: list[int]) -> str:
    """The canonical string with <mask> for some atoms; neighbours in it share one, and the signs between."""
    if not atoms:
        raise InputError("No atom is masked.", "Click the atoms that the model is to replace.", FIELD)
    places = {molecule.atom_tokens[atom] for atom in atoms}
    if len(places) == len(molecule.atom_tokens):
        raise InputError("Every atom is masked.", "Leave some of the molecule for the model to go by.", FIELD)
    text = "".join(SIGN if place in places else token for place, token in enumerate(molecule.tokens))
    while (shorter := _MERGED.sub(SIGN, text)) != text:
        text = shorter
    return text


_BOND = r"[-=#:/\\]?"
_MERGED = re.compile(rf"{SIGN}{_BOND}{SIGN}|{SIGN}\({_BOND}{SIGN}\)|{SIGN}(%\d\d|\d){_BOND}{SIGN}\1(?![\d%])")
"""Masks that touch; a branch of nothing but a mask, on a mask; a ring of nothing but masks."""


def check_masked(text: str) -> str:
    """A string with <mask> in it that the model can read. Raises InputError."""
    if not isinstance(text, str):
        raise InputError("This is not a SMILES string.", "Send text, such as CC<mask>O.", FIELD)
    text = re.sub(SIGN, SIGN, text.strip(), flags=re.IGNORECASE)
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
        tokens = masked_tokens(text)
    except ValueError as error:
        raise InputError(f"“{error}” is not part of a SMILES string.", "", FIELD) from None
    if len(tokens) > ROOM:
        raise InputError(f"The string takes {len(tokens)} tokens; the model reads at most {ROOM}.", "", FIELD)
    if why := misfit(text.replace(SIGN, OPEN)):
        raise InputError(
            f"What is not masked cannot be part of a molecule: {why.message[0].lower()}{why.message[1:]}",
            "Brackets, ring numbers and bonds outside the mask must fit together; the model keeps them.",
            FIELD,
        )
    return text


def masked_tokens(text: str) -> list[str]:
    """The tokens of a string with <mask> in it. Raises ValueError as `split` does."""
    first, *others = (split(part) for part in text.split(SIGN))
    return first + [token for part in others for token in (SIGN, *part)]


@torch.inference_mode()
def infill(
    model: BartForConditionalGeneration, masked: str, answers: int = ANSWERS, way: Way = "checked"
) -> Infilling:
    """The likeliest molecules for a masked string (see check_masked), at most `answers`.

    "checked" goes on until there are so many; the other ways are for comparison: they take the `answers`
    likeliest strings as they are.
    """
    use_threads(1)
    if way == "free":
        found = _free(model, masked, answers)
    else:
        found = search(model, load_tokenizer(), masked_tokens(masked), chemistry=way == "checked")
    return collected(masked, found if way == "checked" else found[:answers], answers)


def _free(model: BartForConditionalGeneration, masked: str, beams: int) -> list[tuple[str, float]]:
    """The likeliest strings by an ordinary beam search, and log p of each."""
    tokenizer = load_tokenizer()
    ids = collate([tokenizer.encode(masked)])
    written = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        num_beams=beams,
        num_return_sequences=beams,
        do_sample=False,
        length_penalty=0.0,
        max_new_tokens=min(POSITIONS - 1, ids.shape[1] + 30),
        output_scores=True,
        return_dict_in_generate=True,
    )
    texts = [tokenizer.decode(row) for row in written.sequences.tolist()]
    return list(zip(texts, written.sequences_scores.tolist(), strict=True))


def collected(masked: str, found: list[tuple[str, float]], answers: int) -> Infilling:
    """What a model wrote for a masked string with its scores, the likeliest first, as molecules."""
    kept = re.compile("(.*?)".join(re.escape(part) for part in masked.split(SIGN)))
    candidates: dict[str, Candidate] = {}
    valid = 0
    for text, score in found:
        mol = parse(text) if text and len(text) <= LONGEST else None
        if mol is None or not mol.GetNumAtoms():
            continue
        valid += 1
        smiles = canonical(mol)
        candidates.setdefault(smiles, Candidate(text, smiles, score, _written(kept.fullmatch(text))))
    return Infilling(masked, tuple(candidates.values())[:answers], valid / max(1, len(found)))


def _written(match: re.Match[str] | None) -> tuple[int, ...] | None:
    """The atoms of a string that stand in the groups of a match."""
    if match is None:
        return None
    spans = [match.span(k) for k in range(1, match.re.groups + 1)]
    place, atom, found = 0, 0, []
    for token in split(match.string):
        if is_atom(token):
            if any(start <= place < end for start, end in spans):
                found.append(atom)
            atom += 1
        place += len(token)
    return tuple(found)


def fill(masked: str, answers: int = ANSWERS, model: str = "embedded") -> Infilling:
    """Fill a masked string with the embedded model, or with the published one ("hub").

    Raises InputError for a string that is none, and for "hub" where there is no GPU or no such model.
    """
    text = check_masked(masked)
    if model == "embedded":
        from pipelines.bartsmiles.predictor import load

        return infill(load().trunk, text, answers)
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
    return fill_hub(published, text, answers)
