"""What a page shows of a molecule, as plain data: no torch and no RDKit is needed to read it back."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from typing import Any

from pipelines.weights import asset

FAR = 0.3
"""Below this Tanimoto similarity to every training molecule, a prediction is outside what was learnt."""


@dataclass(frozen=True)
class Sketch:
    """A molecule to draw, and its string token by token."""

    smiles: str
    ink: str
    """The inside of an SVG of draw.SIZE, its lines in currentColor."""
    points: tuple[tuple[float, float], ...]
    """Where each atom stands in it."""
    reach: float
    """A bond's length there."""
    tokens: tuple[str, ...]
    atoms_of: tuple[tuple[int, ...], ...]
    """The atoms that each token speaks of; none for brackets and dots."""


@dataclass(frozen=True)
class AtomMap:
    """An attribution, averaged over strings, in raw units of a property or logits of a class."""

    head: str
    method: str
    smiles: str
    """The string that the head read: for ClinTox without charges."""
    atoms: tuple[float, ...]
    spread: tuple[float, ...]
    """Standard deviation over the strings."""
    tokens: tuple[float, ...]
    """Of the canonical string alone."""
    syntax: float
    """What signs carry that no atom can be given, mean over the strings."""
    output: float
    """The head's output for the canonical string."""
    baseline: float
    """Its output for the blank string."""
    error: float
    """Completeness error of the canonical string; means nothing for occlusion."""
    strings: int
    seed: int
    """Of the random strings."""
    outputs: tuple[float, ...]
    """The head's output for each string."""

    @property
    def key(self) -> str:
        """Its name among the maps of a molecule."""
        return map_key(self.head, self.method)

    @property
    def doubt(self) -> tuple[float, ...]:
        """Standard error of each atom's value, which is a mean over the strings."""
        return tuple(deviation / max(1, self.strings - 1) ** 0.5 for deviation in self.spread)

    @property
    def shakiness(self) -> float:
        """Mean standard error relative to the mean size of an atom's value."""
        size = sum(map(abs, self.atoms))
        return sum(self.doubt) / size if size else 0.0


def map_key(head: str, method: str) -> str:
    """The name of a map among those of a molecule."""
    return f"{head}|{method}"


@dataclass(frozen=True)
class Reading:
    """A molecule with all that was predicted of it, and the maps made so far."""

    smiles: str
    notes: tuple[str, ...]
    values: dict[str, float]
    """Per head: raw units, or the probability of class 1."""
    weight: float
    """Molar mass, g/mol."""
    similarity: float
    """Tanimoto similarity to the nearest training molecule; below FAR all numbers are a guess."""
    sketches: dict[str, Sketch]
    maps: dict[str, AtomMap] = field(default_factory=dict)

    def with_map(self, found: AtomMap, sketch: Sketch) -> Reading:
        """The reading with another map, and the sketch of the molecule that it explains."""
        return replace(
            self,
            maps={**self.maps, found.key: found},
            sketches={**self.sketches, sketch.smiles: sketch},
        )

    def to_json(self) -> str:
        """Text that from_json reads; floats keep five digits."""
        return json.dumps(_rounded(asdict(self)), ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Reading:
        data = json.loads(text)
        sketches = {
            name: Sketch(
                **raw
                | {
                    "points": tuple(map(tuple, raw["points"])),
                    "tokens": tuple(raw["tokens"]),
                    "atoms_of": tuple(map(tuple, raw["atoms_of"])),
                }
            )
            for name, raw in data["sketches"].items()
        }
        maps = {
            name: AtomMap(
                **{key: tuple(part) if isinstance(part, list) else part for key, part in raw.items()}
            )
            for name, raw in data["maps"].items()
        }
        return cls(**data | {"notes": tuple(data["notes"]), "sketches": sketches, "maps": maps})


def _rounded(data: Any) -> Any:
    if isinstance(data, float):
        return float(f"{data:.5g}")
    if isinstance(data, dict):
        return {key: _rounded(part) for key, part in data.items()}
    return [_rounded(part) for part in data] if isinstance(data, list | tuple) else data


@cache
def first() -> Reading:
    """The reading that the page shows at load, with every property's map by both methods."""
    return Reading.from_json(asset("bartsmiles", "first.json").read_text(encoding="utf-8"))
