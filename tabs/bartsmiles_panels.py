"""The panels under the coloured molecule: gaps, deletion, neighbours, lesson, space, tables, files."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import gradio as gr
import numpy as np
import plotly.graph_objects as go
from gradio.components import Component

from pipelines import bartsmiles
from pipelines.bartsmiles import Reading
from pipelines.errors import InputError
from tabs import bartsmiles_batch as batch
from tabs import bartsmiles_infill as infill
from tabs import bartsmiles_lesson as lesson
from tabs import bartsmiles_plots as plots
from tabs import bartsmiles_words as say
from tabs.bartsmiles_gallery import Gallery
from tabs.bartsmiles_run import check
from tabs.bartsmiles_space import Space
from tabs.bartsmiles_views import name_of
from tabs.shell import RunBar, downloads, new_file
from tabs.status import answer

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
FILES = ("Picture (SVG)", "Picture (PNG)", "Atoms (CSV)")


def build(
    opened: gr.Textbox, shown: Sequence[Component], desk: gr.State, smiles: Component, bar: RunBar
) -> dict[str, Any]:
    """Lay the panels out inside the current gr.Tabs. `shown`: the molecule's SMILES, property, method;
    `opened` is told the open panel's name.

    A molecule that is clicked in a panel goes into `smiles`, and Run is pressed. Returns the arguments of an
    event that computes the open panel anew.
    """
    with gr.Tab("Fill a gap") as infill_tab:
        mask, chosen = infill.build()
    with gr.Tab("Is the map right?") as deletion_tab:
        gr.Markdown(
            "Mask one atom after the other, those first that the map holds responsible. If the map is "
            "right, the answer moves faster than when atoms are masked in random order."
        )
        curve = gr.Plot(show_label=False, container=False)
    with gr.Tab("Nearest molecules") as nearest_tab:
        gr.Markdown(
            "The molecules of the National Cancer Institute's set (NSC numbers; the copy that RDKit ships) "
            "whose embeddings are most like this one's. Tanimoto compares fingerprints: two views that may "
            "disagree. Their values are predicted too. Click one to explain it."
        )
        gallery = Gallery(label="Nearest molecules")
    with gr.Tab("What did it really learn?") as lesson_tab:
        taught = lesson.build()
    with gr.Tab("In 3D") as space_tab:
        space = Space(label="In 3D")
    with gr.Tab("Many molecules"):
        batch.build()
    with gr.Tab("Take it home") as files_tab:
        gr.Markdown("The molecule with its map, and every atom's value with its spread.")
        files = downloads(FILES)
    computed = (
        ("deletion", deletion_tab, deletion, [*shown, desk], [curve]),
        ("mask", infill_tab, infill.start, shown[:1], [mask]),
        ("nearest", nearest_tab, nearest, shown[:2], [gallery]),
        ("lesson", lesson_tab, lesson.teach, shown[:1], [taught]),
        ("conformer", space_tab, conformer, [*shown, desk], [space]),
        ("export", files_tab, export, [*shown, desk], files),
    )
    quick: dict[str, Any] = {"show_progress": "minimal", "trigger_mode": "always_last"}
    for name, tab, handler, inputs, outputs in computed:
        tab.select(handler, list(inputs), outputs, api_name=f"bartsmiles_{name}", **quick)
        tab.select(None, outputs=opened, js=f"() => '{name}'", api_visibility="private")
    for cards in (gallery, chosen):
        cards.select(_clicked, None, smiles, queue=False, **QUIET).success(None, js=bar.press, **QUIET)
    every = [output for *_, outputs in computed for output in outputs]
    return {
        "fn": functools.partial(
            _refresh,
            [(name, handler, len(inputs), len(outputs)) for name, _, handler, inputs, outputs in computed],
        ),
        "inputs": [opened, *shown, desk],
        "outputs": every,
    }


def _clicked(event: gr.EventData) -> str:
    return event.value


def _refresh(computed: Sequence[tuple[Any, ...]], opened: str, *given: Any) -> list[Any]:
    """Compute the open panel anew, and none of the others."""
    values: list[Any] = []
    for name, handler, takes, gives in computed:
        if name != opened:
            values += [gr.skip()] * gives
        else:
            found = handler(*given[:takes])
            values += found if gives > 1 else [found]
    return values


def reading_of(smiles: str, desk: Reading | None) -> Reading | None:
    """The reading at hand, if it is of that molecule."""
    reading = desk or bartsmiles.first()
    return reading if reading.smiles == smiles else None


def found_map(smiles: str, head: str, method: str, desk: Reading | None) -> bartsmiles.AtomMap:
    """The map at hand, or one made now over the usual number of strings."""
    from pipelines.bartsmiles.check import read_molecule
    from pipelines.bartsmiles.predictor import load
    from pipelines.bartsmiles.reading import explain

    check(head, method)
    reading = reading_of(smiles, desk)
    if reading and (known := reading.maps.get(bartsmiles.map_key(head, method))):
        return known
    *_, found = explain(load(), read_molecule(smiles), head, method)
    return found


@answer
def deletion(
    smiles: str, head: str = "esol", method: str = "integrated gradients", desk: Reading | None = None
) -> go.Figure:
    """How a predicted property moves while atoms are masked in the map's order, and at random."""
    from pipelines.bartsmiles.attribution import deletion_curve
    from pipelines.bartsmiles.check import read_molecule
    from pipelines.bartsmiles.predictor import load, molecule_for

    molecule = read_molecule(smiles)
    atoms = np.array(found_map(molecule.smiles, head, method, desk).atoms)
    curve = deletion_curve(load().properties, molecule_for(head, molecule), head, atoms)
    return plots.deletion(curve, say.task_of(head))


@answer
def nearest(smiles: str, head: str = "esol") -> list[dict[str, Any]]:
    """Twelve molecules of the NCI set nearest to one by embedding, with Tanimoto and a predicted value."""
    from pipelines.bartsmiles.check import read_molecule
    from pipelines.bartsmiles.neighbours import neighbours

    check(head, bartsmiles.METHODS[0])
    task = say.task_of(head)
    return [
        {
            "smiles": found.smiles,
            "ink": found.ink,
            "title": found.name,
            "lines": [
                f"Tanimoto {found.tanimoto:.2f}, embedding {found.cosine:.2f}",
                f"{task.title}: {say.value_says(task, found.values[head], found.weight)}",
            ],
        }
        for found in neighbours(read_molecule(smiles))
    ]


@answer
def conformer(
    smiles: str, head: str = "esol", method: str = "integrated gradients", desk: Reading | None = None
) -> dict[str, Any]:
    """A shape of a molecule in space (ETKDG, relaxed): atoms [x, y, z in ångström, symbol, colour], bonds."""
    from pipelines.bartsmiles.check import read_molecule
    from pipelines.bartsmiles.draw import colour, hexadecimal, limit_of
    from pipelines.bartsmiles.molecules import conformer as shape
    from pipelines.bartsmiles.molecules import parse

    found = found_map(read_molecule(smiles).smiles, head, method, desk)
    try:
        places, symbols, bonds = shape(parse(found.smiles))
    except ValueError:
        raise InputError(
            "No shape in space was found for this molecule.", "Try a smaller or a less strained one.", "In 3D"
        ) from None
    limit = limit_of(np.array(found.atoms))
    colours = [hexadecimal(colour(value, limit)) for value in found.atoms]
    atoms = [
        [*np.round(place, 3).tolist(), symbol, colours[i] if i < len(colours) else ""]
        for i, (place, symbol) in enumerate(zip(places, symbols, strict=True))
    ]
    return {"atoms": atoms, "bonds": bonds, "label": f"{found.smiles} in space", "smiles": found.smiles}


@answer
def export(
    smiles: str, head: str = "esol", method: str = "integrated gradients", desk: Reading | None = None
) -> list[gr.DownloadButton]:
    """The coloured molecule as SVG and PNG, and its atoms' values as CSV."""
    from pipelines.bartsmiles.check import read_molecule
    from pipelines.bartsmiles.export import atoms_csv, picture_png, picture_svg

    molecule = read_molecule(smiles)
    found = found_map(molecule.smiles, head, method, desk)
    task = say.task_of(head)
    legend = f"{task.title}, {say.unit(task)}"
    stem = f"{name_of(molecule.smiles)} {head} {method}".lower().replace(" ", "_")
    files = {
        ".svg": picture_svg(found, legend).encode(),
        ".png": picture_png(found, legend),
        ".csv": atoms_csv(found).encode(),
    }
    buttons = []
    for suffix, content in files.items():
        path = new_file(stem + suffix)
        path.write_bytes(content)
        buttons.append(gr.DownloadButton(value=str(path), interactive=True))
    return buttons
