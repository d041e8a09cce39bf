"""The words that the embedded text-to-image model was taught: things by kind, colours, and how they go
together. Stored beside the weights, since the meshes it was trained on are not."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.backbones.objects import ObjectSet

FILE = "vocabulary.json"
EXAMPLE_COLOUR = "red"
KINDS = {
    "family": "Makes in every colour",
    "furniture": "Furniture",
    "vehicle": "Vehicles",
    "animal": "Animals",
    "food": "Food",
    "plant": "Plants",
    "building": "Buildings",
    "object": "Other things",
}


@dataclass(frozen=True)
class Thing:
    """A noun, its kind (a key of KINDS), and prompts that name it: the plain one first, then with its
    attributes."""

    name: str
    kind: str
    prompts: tuple[str, ...]


@dataclass(frozen=True)
class Vocabulary:
    """Everything that can be named; `colours`: name -> "#rrggbb"."""

    things: tuple[Thing, ...]
    colours: dict[str, str]

    def prompts(self) -> list[str]:
        """Of every thing all its prompts."""
        return [prompt for thing in self.things for prompt in thing.prompts]

    def save(self, directory: Path) -> None:
        """Write FILE in `directory`."""
        text = json.dumps(asdict(self), indent=1) + "\n"
        (directory / FILE).write_text(text, encoding="utf-8")


def load(directory: Path) -> Vocabulary:
    """Undo save."""
    stored = json.loads((directory / FILE).read_text(encoding="utf-8"))
    things = [Thing(**thing | {"prompts": tuple(thing["prompts"])}) for thing in stored["things"]]
    return Vocabulary(tuple(things), stored["colours"])


def of(objects: ObjectSet) -> Vocabulary:
    """The vocabulary of an object set, in the order of KINDS and then of names."""
    from pipelines.backbones.captions import Subject, wordings
    from pipelines.backbones.families import PALETTE

    attributes: dict[tuple[str, str], set[str]] = {}
    for scene in objects.scenes:
        attributes.setdefault((scene.category, scene.base), set()).add(scene.subject.attribute)
    things = []
    for kind, name in sorted(attributes, key=lambda key: (list(KINDS).index(key[0]), key[1])):
        colour = EXAMPLE_COLOUR if kind == "family" else ""  # families are never shown without a colour
        subjects = [Subject(name, colour, attribute) for attribute in sorted(attributes[kind, name])]
        things.append(Thing(name, kind, tuple(wordings(subject)[0] for subject in subjects)))
    colours = {name: "#{:02x}{:02x}{:02x}".format(*rgb) for name, rgb in PALETTE.items()}
    return Vocabulary(tuple(things), colours)
