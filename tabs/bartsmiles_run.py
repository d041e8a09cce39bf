"""The molecule tab's main job: read a molecule, predict, and colour its atoms."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from typing import Any

import gradio as gr

from pipelines import bartsmiles
from pipelines.bartsmiles import METHODS, STRINGS, Reading, map_key
from pipelines.errors import InputError
from pipelines.runtime import Progress, in_background
from pipelines.weights import read_card
from tabs import bartsmiles_views as views
from tabs import bartsmiles_words as say
from tabs.status import job

OUTPUTS = 4
"""Properties, picture, the SMILES shown, the reading behind them."""
MOST_STRINGS = 16
IDLE = [gr.skip()] * OUTPUTS


class Turns:
    """Counts a visitor's requests, so that an older one stops when another has begun."""

    def __init__(self) -> None:
        self.begun = 0

    def begin(self) -> None:
        """Something else was asked for."""
        self.begun += 1


def check(head: str, method: str) -> None:
    """Raise InputError for a property or a method that there is not."""
    if head not in say.WORDS:
        raise InputError("There is no such property.", f"Choose one of {', '.join(say.WORDS)}.", "Property")
    if method not in METHODS:
        raise InputError("There is no such method.", f"Choose one of {', '.join(METHODS)}.", "Method")


def whole(value: Any, low: int, high: int, field: str) -> int:
    """A whole number within limits. Raises InputError."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value % 1 != 0:
        raise InputError("A whole number is needed.", f"Give one from {low} to {high:,}.", field)
    if not low <= value <= high:
        raise InputError(f"{value:g} is out of range.", f"Give one from {low} to {high:,}.", field)
    return int(value)


@job(outputs=OUTPUTS)
def run(
    smiles: str,
    head: str = "esol",
    method: str = "integrated gradients",
    strings: int = STRINGS,
    seed: int = 0,
    desk: Reading | None = None,
    turns: Turns | None = None,
) -> Iterator[tuple[Any, ...]]:
    """Predict six properties of a molecule, and say which atoms one of them comes from.

    smiles: at most 500 characters. head: "esol", "freesolv", "lipophilicity", "bbbp", "bace" or "clintox".
    method: "integrated gradients" or "occlusion". strings: ways to write the molecule that are averaged, 1 to
    16. Returns properties, the coloured molecule, canonical SMILES, status.
    """
    check(head, method)
    strings = whole(strings, 1, MOST_STRINGS, "Ways to write it")
    seed = whole(0 if seed is None else seed, 0, 10**6, "Seed")
    number = turns.begun if turns else 0
    yield *IDLE, Progress(0, 1, "Reading the molecule")
    checked = yield from loading(
        "Reading the molecule", lambda: importlib.import_module("pipelines.bartsmiles.check")
    )
    molecule = checked.read_molecule(smiles)
    reading = desk or bartsmiles.first()
    card = read_card("bartsmiles")
    name = views.name_of(molecule.smiles)

    def shown(reading: Reading, picture: Reading) -> tuple[Any, ...]:
        return (
            views.properties_value(reading, head, card),
            views.picture_value(picture, name, head, method, card),
            molecule.smiles,
            reading,
        )

    same = (reading.smiles, reading.notes) == (molecule.smiles, molecule.notes)
    known = reading.maps.get(map_key(head, method)) if same else None
    if known is None or (known.strings, known.seed) != (strings, seed):
        parts = yield from loading("Loading the model", _parts)
        if not same:
            reading = parts.read(parts.load(), molecule)
        if known is None:
            yield *shown(reading, reading), Progress(0, strings, "Explaining")
        sketch = parts.sketch_of(parts.molecule_for(head, molecule))
        for report in parts.explain(parts.load(), molecule, head, method, strings, seed):
            if turns and turns.begun != number:
                return
            found = report.preview if isinstance(report, Progress) else report
            if found is None:
                yield *IDLE, report
                continue
            reading = reading.with_map(found, sketch)
            if isinstance(report, Progress):
                # the other maps stay here until the end: the page gets one after every string
                yield *shown(reading, replace(reading, maps={found.key: found})), report
    task = say.task_of(head)
    told = f"{name}: {task.title.lower()} {say.value_says(task, reading.values[head], reading.weight)}"
    yield *shown(reading, reading), f"{told}; {strings} way{'s' * (strings > 1)} to write it, seed {seed}"


def _parts() -> Any:
    """What the job needs of the pipeline, its models loaded."""
    parts = importlib.import_module("pipelines.bartsmiles.reading")
    parts.load()
    parts.load_library()
    return parts


def loading(message: str, function: Callable[[], Any]) -> Generator[tuple[Any, ...], None, Any]:
    """The function's value, with reports while it works. What it loads stays: stopping doesn't wait."""
    steps = in_background(function, Progress(0, 1, message), lasting=True)
    try:
        while True:
            yield *IDLE, next(steps)
    except StopIteration as end:
        return end.value
    finally:
        steps.close()


def warm() -> None:
    """Load the models as soon as somebody looks at the tab: the first click shall not wait for that."""
    _parts()
