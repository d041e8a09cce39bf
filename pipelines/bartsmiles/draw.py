"""Molecules as SVG, atoms coloured by what they contribute."""

from __future__ import annotations

import numpy as np
from rdkit.Chem.Draw.rdMolDraw2D import MolDraw2DSVG
from rdkit.Chem.rdchem import Mol
from rdkit.Chem.rdDepictor import Compute2DCoords

BLUE, WHITE, ORANGE = (0.17, 0.42, 0.72), (1.0, 1.0, 1.0), (0.93, 0.49, 0.06)
"""Ends and middle of the scale; readers with any kind of colour blindness can tell them apart."""
MOST_ATOMS = 150


def colour(value: float, limit: float) -> tuple[float, float, float]:
    """Red, green and blue in [0, 1] of a value on the scale from -limit (blue) to limit (orange)."""
    share = float(np.clip(value / limit, -1, 1)) if limit > 0 else 0.0
    end = ORANGE if share > 0 else BLUE
    return tuple(middle + abs(share) * (edge - middle) for middle, edge in zip(WHITE, end, strict=True))


def hexadecimal(rgb: tuple[float, float, float]) -> str:
    """A colour as #rrggbb."""
    return "#" + "".join(f"{round(255 * part):02x}" for part in rgb)


def limit_of(values: np.ndarray) -> float:
    """The scale's end for some values: the largest one's size."""
    return float(np.abs(values).max(initial=0.0))


def draw(
    mol: Mol,
    values: np.ndarray | None = None,
    limit: float | None = None,
    size: tuple[int, int] = (560, 380),
    numbered: bool = False,
) -> str:
    """SVG of a molecule; its atoms carry the classes atom-0, atom-1, ...

    values: float [atoms], coloured symmetrically about 0 up to `limit` (the largest one's size if None).
    """
    mol = type(mol)(mol)
    Compute2DCoords(mol)
    drawing = MolDraw2DSVG(*size)
    options = drawing.drawOptions()
    options.clearBackground = False
    options.addAtomIndices = numbered
    options.highlightBondWidthMultiplier = 14
    options.padding = 0.08
    if values is None:
        drawing.DrawMolecule(mol)
    else:
        end = limit_of(values) if limit is None else limit
        colours = {i: colour(value, end) for i, value in enumerate(values.tolist())}
        bonds = {
            bond.GetIdx(): colour(values[[bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()]].mean(), end)
            for bond in mol.GetBonds()
        }
        drawing.DrawMolecule(
            mol,
            highlightAtoms=list(colours),
            highlightAtomColors=colours,
            highlightBonds=list(bonds),
            highlightBondColors=bonds,
        )
    drawing.FinishDrawing()
    text = drawing.GetDrawingText()
    return text[text.index("<svg") :]
