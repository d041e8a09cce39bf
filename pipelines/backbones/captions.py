"""The captions of the training images: "{view} view of a [colour] [attribute] name [with colour part]"."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

VIEWS = ("front", "side", "back", "overhead")
OVERHEAD_ABOVE = np.radians(42.0)

# Wordings seen in training ("{a}": with article, "{bare}": without) and others kept for the test of new
# wordings.
PLAIN_TEMPLATES = ("{a}", "{bare}", "a picture of {a}")
VIEW_TEMPLATES = ("{view} view of {a}",)
HELD_OUT_TEMPLATES = ("a rendering of {a}", "this is {a}", "one {bare}", "{a} on a white background")

SYNONYMS: dict[str, tuple[str, ...]] = {
    "armchair": ("easy chair",),
    "bicycle": ("bike",),
    "burger": ("hamburger",),
    "bus": ("coach",),
    "chick": ("baby chicken",),
    "city building": ("shop building",),
    "computer monitor": ("computer screen",),
    "couch with pillows": ("sofa with pillows",),
    "cruise ship": ("ocean liner",),
    "dumpster": ("large trash container",),
    "fire truck": ("fire engine",),
    "house": ("small home",),
    "husky dog": ("husky",),
    "laptop": ("laptop computer",),
    "loaf of bread": ("bread",),
    "lounge chair": ("padded armchair",),
    "wooden boat": ("boat", "rowing boat"),
    "passenger airplane": ("airplane", "passenger plane"),
    "police car": ("police vehicle",),
    "pug dog": ("pug",),
    "rocket": ("space rocket",),
    "sailing ship": ("sailboat",),
    "shiba inu dog": ("dog",),
    "sofa": ("couch",),
    "steam locomotive": ("steam train",),
    "suv": ("off-road car",),
    "taxi": ("taxi car",),
    "television": ("tv",),
    "toadstool": ("red mushroom",),
    "trash can": ("garbage bin",),
    "tyrannosaurus": ("t-rex",),
    "vase": ("flower vase",),
}
HELD_OUT_SYNONYMS: dict[str, tuple[str, ...]] = {
    "bicycle": ("pushbike", "pedal cycle"),
    "bull": ("ox",),
    "burger": ("cheeseburger",),
    "car": ("automobile", "motorcar"),
    "cat": ("kitten",),
    "chair": ("seat",),
    "cottage with red roof": ("little house with red roof",),
    "fire truck": ("firefighters' truck",),
    "horse": ("pony",),
    "house": ("cabin",),
    "lamp": ("light",),
    "mug": ("cup",),
    "passenger airplane": ("airliner", "jet"),
    "pig": ("swine",),
    "rocket": ("missile",),
    "shiba inu dog": ("puppy",),
    "sofa": ("settee",),
    "taxi": ("cab",),
    "television": ("telly",),
    "tyrannosaurus": ("dinosaur",),
    "vase": ("urn",),
}


@dataclass(frozen=True)
class Subject:
    """What a caption names: "[colour] [attribute] name [with part_colour part]"; empty strings are left
    out."""

    name: str
    colour: str = ""
    attribute: str = ""
    part: str = ""
    part_colour: str = ""

    def words(self) -> str:
        """The subject without article or view."""
        words = [self.colour, self.attribute, self.name]
        if self.part_colour:
            words += ["with", self.part_colour, self.part]
        return " ".join(word for word in words if word)


def view_word(azimuth: float, elevation: float) -> str:
    """The paper's word for a view (radians): overhead when high above, else the quadrant of the azimuth."""
    if elevation > OVERHEAD_ABOVE:
        return "overhead"
    return ("front", "side", "back", "side")[int((np.degrees(azimuth) + 45) % 360 // 90)]


def wordings(subject: Subject, view: str = "") -> list[str]:
    """Every caption that training may give to a subject, with a view word or (view "") without."""
    subjects = [replace(subject, name=name) for name in (subject.name, *SYNONYMS.get(subject.name, ()))]
    return [
        _fill(template, s, view)
        for s in subjects
        for template in (VIEW_TEMPLATES if view else PLAIN_TEMPLATES)
    ]


def held_out_wordings(subject: Subject) -> list[str]:
    """Captions of a subject that training never uses: other templates, other nouns."""
    synonyms = [replace(subject, name=name) for name in HELD_OUT_SYNONYMS.get(subject.name, ())]
    return [_fill(t, subject, "") for t in HELD_OUT_TEMPLATES] + [
        _fill(PLAIN_TEMPLATES[0], s, "") for s in synonyms
    ]


def _fill(template: str, subject: Subject, view: str) -> str:
    bare = subject.words()
    plural = subject.name in ("cherries", "french fries", "grapes")
    article = "" if plural else "an " if bare[0] in "aeiou" else "a "
    return template.format(a=article + bare, bare=bare, view=view)
