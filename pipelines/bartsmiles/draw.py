"""Molecules as SVG, atoms coloured by what they contribute."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from rdkit.Chem.Draw.rdMolDraw2D import MolDraw2D, MolDraw2DCairo, MolDraw2DSVG
from rdkit.Chem.rdchem import Mol
from rdkit.Chem.rdDepictor import Compute2DCoords

BLUE, WHITE, ORANGE = (0.17, 0.42, 0.72), (1.0, 1.0, 1.0), (0.93, 0.49, 0.06)
"""Ends and middle of the scale; readers with any kind of colour blindness can tell them apart."""
SIZE = (560, 430)
"""Width and height of a picture, in pixels."""
LARGEST_SCALE = 44.0
"""Pixels per ångström in a sketch: a small molecule does not fill it."""


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


def sketch(mol: Mol, size: tuple[int, int] = SIZE) -> tuple[str, list[tuple[float, float]]]:
    """A molecule in one ink, for a page that colours it itself: the inside of an SVG of that size, its lines
    in currentColor, and where each atom stands in it."""
    mol = _flattened(mol)
    drawing = MolDraw2DSVG(*size)
    options = _plain(drawing)
    options.useBWAtomPalette()
    options.fixedBondLength = LARGEST_SCALE
    options.padding = 0.1  # room for the colours around the outer atoms
    drawing.DrawMolecule(mol)
    points = [drawing.GetDrawCoords(i) for i in range(mol.GetNumAtoms())]
    text = _finished(drawing).replace("#000000", "currentColor")
    inside = text[text.index("<!-- END OF HEADER -->") + 22 : text.rindex("</svg>")]
    return re.sub(r"class='[^']*' ", "", inside).strip(), [
        (round(point.x, 1), round(point.y, 1)) for point in points
    ]


def bond_length(mol: Mol, points: Sequence[tuple[float, float]]) -> float:
    """Median length of the bonds in a sketch; that of a lone atom's would-be bond."""
    places = np.array(points)
    lengths = [
        float(np.linalg.norm(places[bond.GetBeginAtomIdx()] - places[bond.GetEndAtomIdx()]))
        for bond in mol.GetBonds()
    ]
    return float(np.median(lengths)) if lengths else 60.0


def draw(
    mol: Mol,
    values: np.ndarray | None = None,
    limit: float | None = None,
    size: tuple[int, int] = SIZE,
    legend: str = "",
) -> str:
    """SVG of a molecule; its atoms carry the classes atom-0, atom-1, ...

    values: float [atoms], coloured symmetrically about 0 up to `limit` (the largest one's size if None).
    """
    drawing = MolDraw2DSVG(*size)
    _plain(drawing)
    _coloured(drawing, mol, values, limit, legend)
    text = _finished(drawing)
    return text[text.index("<svg") :]


def draw_png(
    mol: Mol,
    values: np.ndarray | None = None,
    limit: float | None = None,
    size: tuple[int, int] = SIZE,
    legend: str = "",
) -> bytes:
    """The same as PNG, on white."""
    drawing = MolDraw2DCairo(*size)
    _plain(drawing).clearBackground = True
    _coloured(drawing, mol, values, limit, legend)
    return _finished(drawing)


def _plain(drawing: MolDraw2D) -> Any:
    options = drawing.drawOptions()
    options.clearBackground = False
    options.highlightBondWidthMultiplier = 14
    options.padding = 0.08
    return options


def _flattened(mol: Mol) -> Mol:
    """A copy with its own flat coordinates."""
    mol = type(mol)(mol)
    Compute2DCoords(mol)
    return mol


def _coloured(
    drawing: MolDraw2D, mol: Mol, values: np.ndarray | None, limit: float | None, legend: str
) -> None:
    mol = _flattened(mol)
    if values is None:
        drawing.DrawMolecule(mol, legend=legend)
        return
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
        legend=legend,
    )


def _finished(drawing: MolDraw2D) -> Any:
    drawing.FinishDrawing()
    return drawing.GetDrawingText()
