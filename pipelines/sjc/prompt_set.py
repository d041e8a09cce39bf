"""The prompts that results are measured on, in assets/sjc/evaluation_prompts.csv.

    python -m pipelines.sjc.prompt_set --data DIR

draws them once, by a fixed seed, before any of them is tried: 50 that the text-to-image model was taught, and
every pair of colour and object that it was never shown. What recipes were tuned on is left out of the 50.
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from pipelines.backbones import objects
from pipelines.backbones.captions import wordings
from pipelines.backbones.objects import HELD_OUT_COLOURS, ObjectSet, Scene
from pipelines.weights import ASSETS, asset

FILE = "evaluation_prompts.csv"
SEED = 50
ASSET_PROMPTS, PROMPTS_PER_FAMILY = 28, 2
TUNING_PROMPTS = (
    "a red sofa",
    "a zebra",
    "a burger",
    "a school bus",
    "a blue chair",
    "a red mug",
    "a pine tree",
    "a castle with red roof",
)


@dataclass(frozen=True)
class Asked:
    """A prompt of the evaluation: its `split`, "seen" or "held_out"; the object's `name` without its colours;
    the `colour` asked for, or ""."""

    split: str
    prompt: str
    name: str
    colour: str


def prompt_of(scene: Scene) -> str:
    """The plain caption of a scene."""
    return wordings(scene.subject)[0]


def load() -> list[Asked]:
    """All prompts of the evaluation, in the file's order."""
    with asset("sjc", FILE).open(encoding="utf-8", newline="") as stream:
        return [Asked(**row) for row in csv.DictReader(stream)]


def draw(object_set: ObjectSet) -> list[Asked]:
    """Draw the 50 seen prompts and list the held-out ones."""
    rng = np.random.default_rng(SEED)
    taught = [scene for scene in object_set.scenes if scene.weight > 0]
    tuned_on = [scene for scene in taught if prompt_of(scene) in TUNING_PROMPTS]
    tuned_bases = {scene.base for scene in tuned_on if scene.category != "family"}
    own = [scene for scene in taught if scene.colours == ("", "") and scene.base not in tuned_bases]
    bases = rng.choice(sorted({scene.base for scene in own}), ASSET_PROMPTS, replace=False)
    chosen = [_one([scene for scene in own if scene.base == base], rng) for base in bases]
    for name in sorted({scene.base for scene in taught if scene.category == "family"}):
        scenes = [scene for scene in taught if scene.base == name and scene not in tuned_on]
        plain = [s for s in scenes if not s.subject.part_colour]
        two_tone = [s for s in scenes if s.subject.part_colour not in ("", s.subject.colour)]
        chosen += [_one(plain, rng), _one(two_tone, rng)]
    seen = [Asked("seen", prompt_of(scene), scene.base, _colour(scene)) for scene in chosen]
    held_out = {
        (scene.base, scene.subject.colour): scene
        for scene in object_set.scenes
        if scene.held_out()
        and not scene.subject.attribute
        and not scene.subject.part_colour
        and scene.subject.colour in HELD_OUT_COLOURS.get(scene.base.removeprefix("school "), ())
        and prompt_of(scene) not in TUNING_PROMPTS
    }
    return seen + [
        Asked("held_out", prompt_of(scene), base, colour) for (base, colour), scene in held_out.items()
    ]


def _one(scenes: list[Scene], rng: np.random.Generator) -> Scene:
    return scenes[rng.integers(len(scenes))]


def _colour(scene: Scene) -> str:
    """The colour a prompt names before its noun, also where a mesh has it of its own ("red sofa")."""
    before = scene.subject.words().removesuffix(scene.base).split()
    return scene.subject.colour or (before[0] if before else "")


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw the prompts of the evaluation.")
    parser.add_argument("--data", type=Path, required=True, help="meshes: captions.csv and glb/, or a pack")
    arguments = parser.parse_args()
    drawn = draw(objects.load(arguments.data, core=True))
    with (ASSETS / "sjc" / FILE).open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, [field.name for field in fields(Asked)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(asked) for asked in drawn)
    print(f"{sum(asked.split == 'seen' for asked in drawn)} seen, {len(drawn)} in all")


if __name__ == "__main__":
    main()
