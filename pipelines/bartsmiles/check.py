"""From what a visitor types to a molecule, or to one plain sentence on why it is none.

The length is checked before RDKit sees the text: 50,000 nested branches would keep it busy for minutes. Much
that RDKit accepts in silence is caught here too: names after the string, second lines, patterns, dummy atoms.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from rdkit import Chem
from rdkit.Chem.rdchem import Mol

from pipelines.bartsmiles import EXAMPLES
from pipelines.bartsmiles.molecules import canonical, largest_fragment, parse
from pipelines.bartsmiles.tokenizer import ROOM, Tokenizer, is_atom, load_tokenizer, split
from pipelines.errors import InputError

LONGEST = 500
"""Most characters of a SMILES string."""
FIELD = "Molecule"
SHOWN = 40
_PATTERN_SIGNS = ("[#", "~", "!", ";", ",", "&", "$", "?")
_METALS = Chem.MolFromSmarts(
    "[!#1;!#5;!#6;!#7;!#8;!#9;!#14;!#15;!#16;!#17;!#33;!#34;!#35;!#52;!#53;!#2;!#10;!#18;!#36;!#54]"
)
_QUOTES = "\"'`“”„‘’,;"
_FORMULA = re.compile(r"(?=.*H)(?:[A-Z][a-z]?\d*)+")
_REGISTRY_NUMBER = re.compile(r"\d{2,7}-\d\d-\d")
_NAMED = {name.lower(): smiles for name, smiles in EXAMPLES.items()}


@dataclass(frozen=True, eq=False)
class Molecule:
    """A molecule that the model can read."""

    smiles: str
    """Canonical SMILES of the part that is used; its k-th atom token is atom k of `mol`."""
    mol: Mol
    tokens: tuple[str, ...]
    notes: tuple[str, ...]
    """What a visitor should know: parts left out, atoms the model has not learnt."""
    dropped: tuple[str, ...]
    """The other parts of a mixture or salt, as SMILES."""

    @property
    def atom_tokens(self) -> list[int]:
        """Which token each atom is."""
        return [i for i, token in enumerate(self.tokens) if is_atom(token)]


def read_molecule(text: str | None) -> Molecule:
    """The molecule of a SMILES string, or of an example's name; of a mixture its largest organic part.

    Raises InputError for everything else, within milliseconds.
    """
    smiles = _one_string(text)
    smiles = _NAMED.get(smiles.lower(), smiles)
    _plain_characters(smiles)
    try:
        split(smiles)
    except ValueError as error:
        if other := _other_notation(smiles):
            raise other from None
        character = str(error)
        raise _wrong(
            f"“{character}” at place {smiles.index(character) + 1} is not part of a SMILES string.",
            "Aromatic atoms are b, c, n, o, p, s; other elements stand in square brackets, such as [Si].",
        ) from None
    mol = parse(smiles)
    if mol is None:
        raise _not_a_molecule(smiles)
    return _readable(smiles, mol, load_tokenizer())


def _wrong(message: str, hint: str) -> InputError:
    return InputError(message, hint, FIELD)


def _dative() -> InputError:
    return _wrong(
        "The model does not know dative bonds (-> or <-).",
        "Leave the metal out, or write the parts apart, with a dot between them.",
    )


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _one_string(text: str | None) -> str:
    """The text without what surrounds it; it has one line and no blanks."""
    if not isinstance(text, str | None):
        raise _wrong("This is not a SMILES string.", "Send text, such as CCO.")
    if text is None or not text.strip():
        raise _wrong("There is no molecule yet.", "Type a SMILES string such as CCO, or draw one.")
    if len(text) > LONGEST:
        raise _wrong(
            f"The text has {len(text):,} characters; at most {LONGEST} are read.",
            "Use a smaller molecule, or a part of this one.",
        )
    text = text.strip().strip(_QUOTES).strip()
    if text.upper().startswith("INCHI="):
        mol = Chem.MolFromInchi(text) if text.isascii() else None
        way = f"As SMILES it is {canonical(mol)}" if mol else "Give the molecule as SMILES, or draw it."
        raise _wrong("This is an InChI, not a SMILES string.", way)
    if len(text.splitlines()) > 1:
        raise _wrong("There is more than one line.", "Give one molecule here; many go into a CSV file.")
    if re.search(r"\s", text):
        first, rest = text.split(maxsplit=1)
        raise _wrong(
            f"There is more after the SMILES string: “{_short(rest)}”.",
            f"Leave names and extensions out, and blanks too: {_short(first)}",
        )
    return text


def _plain_characters(smiles: str) -> None:
    """Reject letters that only look like ASCII, reactions, patterns, dummy atoms and dative bonds."""
    for place, character in enumerate(smiles, 1):
        if not " " < character < "\x7f":
            name = unicodedata.name(character, f"character number {ord(character)}").lower()
            raise _wrong(
                f"The character at place {place} is no plain letter or sign: it is “{name}”.",
                "Type it anew on an English keyboard; text from documents often brings look-alikes.",
            )
    if "->" in smiles or "<-" in smiles:
        raise _dative()
    if "<" in smiles:
        raise _wrong("“<” is not part of a SMILES string.", "Give the molecule alone, such as CCO.")
    if ">" in smiles:
        raise _wrong("This is a reaction, not a molecule.", "Give one of its molecules.")
    if "*" in smiles:
        raise _wrong(
            "The string has a *, which stands for any atom.",
            "Put a real atom there; for an end of a polymer, C or O.",
        )
    for sign in _PATTERN_SIGNS:
        if sign in smiles:
            raise _wrong(
                f"“{sign}” belongs to search patterns (SMARTS), not to molecules.",
                "Write atoms by their symbol and bonds as -, =, # or :.",
            )


def _other_notation(text: str) -> InputError | None:
    """What a text is that has no tokens of SMILES, if one can tell: a formula, or a name."""
    if _FORMULA.fullmatch(text):
        return _wrong(
            f"“{_short(text)}” is a formula: it does not say which atoms are bonded.",
            "Give the molecule as SMILES, or draw it.",
        )
    if re.fullmatch(r"[A-Za-z][A-Za-z0-9'-]{3,}", text):
        return _wrong(
            f"“{_short(text)}” looks like a name, not like a SMILES string.",
            f"By name only these are known: {', '.join(EXAMPLES)}. Give others as SMILES, or draw them.",
        )
    return None


def _not_a_molecule(smiles: str) -> InputError:
    """Why RDKit does not accept a string that is made of tokens."""
    if _REGISTRY_NUMBER.fullmatch(smiles):
        return _wrong(
            "This is a CAS number, not a SMILES string.", "Give the molecule as SMILES, or draw it."
        )
    if fault := misfit(smiles):
        return fault
    loose = Chem.MolFromSmiles(smiles, sanitize=False)
    problems = Chem.DetectChemistryProblems(loose) if loose else ()
    if any(problem.GetType() in ("KekulizeException", "AtomKekulizeException") for problem in problems):
        return _wrong(
            "The lower-case letters make no aromatic ring.",
            "Write atoms outside rings in capitals; a ring nitrogen that carries H is [nH].",
        )
    return _wrong(
        f"“{_short(smiles)}” is not a SMILES string.", "Check it against an example, or draw the molecule."
    )


def misfit(smiles: str) -> InputError | None:
    """What of brackets, ring numbers and bonds does not fit together in a string, if anything."""
    if smiles.count("(") != smiles.count(")"):
        return _wrong("A bracket ( or ) has no partner.", "Each branch opens with ( and ends with ).")
    rings = [token for token in split(smiles.replace("*", "")) if token.isdigit() or token.startswith("%")]
    if lonely := [ring for ring in dict.fromkeys(rings) if rings.count(ring) % 2]:
        number = lonely[0].lstrip("%")
        return _wrong(f"Ring {number} opens and never closes.", "Each ring number stands at two atoms.")
    loose = Chem.MolFromSmiles(smiles, sanitize=False)
    for problem in Chem.DetectChemistryProblems(loose) if loose else ():
        if problem.GetType() == "AtomValenceException":
            atom = loose.GetAtomWithIdx(problem.GetAtomIdx())
            bonds = sum(bond.GetBondTypeAsDouble() for bond in atom.GetBonds())
            return _wrong(
                f"Atom {atom.GetIdx() + 1} ({atom.GetSymbol()}) has {bonds:.0f} bonds, which is too many.",
                "Take a bond away, or give the atom a charge, such as [N+].",
            )
    return None


def _readable(typed: str, whole: Mol, tokenizer: Tokenizer) -> Molecule:
    """The part that is used, in canonical form, with notes."""
    notes = []
    if not any(atom.GetAtomicNum() > 1 for atom in whole.GetAtoms()):
        raise _wrong("There is nothing but hydrogen here.", "Give a molecule with a carbon atom.")
    part = largest_fragment(whole)
    smiles = canonical(part)
    dropped = canonical(whole).split(".")
    dropped.remove(smiles)
    if dropped:
        if not any(atom.GetAtomicNum() == 6 for atom in part.GetAtoms()):
            raise _wrong("This salt has no organic part.", "Give a molecule with a carbon atom.")
        notes.append(f"Only the largest part is read; left out: {', '.join(map(_short, dropped))}.")
    # Canonical form once more: hydrogens that stood as atoms are gone by now.
    mol = parse(smiles)
    try:
        tokens = tuple(split(smiles))
    except ValueError:
        # RDKit turns some bonds to metals into dative ones.
        raise _dative() from None
    if len(tokens) > ROOM:
        raise _wrong(
            f"This molecule takes {len(tokens)} tokens; the model reads at most {ROOM}.",
            "Use a smaller molecule, or a part of this one.",
        )
    if any(is_atom(token) and token[0].islower() for token in split(typed)) and not any(
        atom.GetIsAromatic() for atom in whole.GetAtoms()
    ):
        notes.append(f"No ring here is aromatic by RDKit's rules; it is read as {smiles}.")
    if unknown := tokenizer.unknown(smiles):
        notes.append(f"The model has not learnt {', '.join(unknown)}: it sees an unknown token there.")
    if mol.HasSubstructMatch(_METALS):
        notes.append("Molecules with metals were rare in training: trust the numbers less.")
    if not any(atom.GetAtomicNum() == 6 for atom in mol.GetAtoms()):
        notes.append("Molecules without carbon were rare in training: trust the numbers less.")
    return Molecule(smiles, mol, tokens, tuple(notes), tuple(dropped))
