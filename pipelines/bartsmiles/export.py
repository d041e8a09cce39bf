"""A map as files: pictures with their scale, and a table of atoms."""

from __future__ import annotations

import csv
import io

import numpy as np

from pipelines.bartsmiles.draw import draw, draw_png, limit_of
from pipelines.bartsmiles.molecules import parse
from pipelines.bartsmiles.summary import AtomMap

PNG_SIZE = (1120, 860)


def _legend(found: AtomMap, text: str) -> str:
    limit = limit_of(np.array(found.atoms))
    return f"{text}: blue -{limit:.2f}, orange +{limit:.2f}"


def picture_svg(found: AtomMap, legend: str) -> str:
    """The coloured molecule as SVG; `legend` names the property and its unit."""
    return draw(parse(found.smiles), np.array(found.atoms), legend=_legend(found, legend))


def picture_png(found: AtomMap, legend: str) -> bytes:
    """The coloured molecule as PNG on white."""
    return draw_png(parse(found.smiles), np.array(found.atoms), size=PNG_SIZE, legend=_legend(found, legend))


def atoms_csv(found: AtomMap) -> str:
    """A row per atom of the canonical SMILES: number from 1, symbol, value, standard deviation."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["atom", "symbol", "value", "spread", "property", "method", "smiles"])
    for atom in parse(found.smiles).GetAtoms():
        i = atom.GetIdx()
        values = (f"{found.atoms[i]:.5g}", f"{found.spread[i]:.5g}")
        writer.writerow([i + 1, atom.GetSymbol(), *values, found.head, found.method, found.smiles])
    return stream.getvalue()
