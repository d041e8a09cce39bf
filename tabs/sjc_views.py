"""What the prompt-to-3D tab shows: the object, the model's 2D dreams, mesh facts, ready-made objects."""

from __future__ import annotations

import html
import io
import json
import tempfile
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pipelines.runtime import load_once
from pipelines.sjc.export import Mesh, gif, mp4
from pipelines.weights import asset
from tabs.turntable import turntable_value, webp_url

FOLDER = "sjc/gallery"
THUMBNAIL = 96
FILES = {"glb": "Mesh (GLB)", "obj": "OBJ", "ply": "PLY", "mp4": "Film (MP4)", "gif": "GIF"}
"""Suffixes and names of the files of an object."""
MESH_LATER = '<p class="np-empty">The mesh is cut at the end.</p>'


@dataclass(frozen=True)
class Ready:
    """A ready-made object of assets/sjc/gallery/, made by pipelines/sjc/gallery.py."""

    slug: str
    prompt: str
    seed: int
    quality: str
    seconds: float
    views: int
    dreams: tuple[str, ...]
    statistics: dict[str, Any]

    def file(self, suffix: str) -> Path:
        """One of its files."""
        return asset(FOLDER, f"{self.slug}{suffix}")

    @cached_property
    def thumbnail(self) -> str:
        """Its front, as a data URL."""
        with Image.open(self.file(".webp")) as strip:
            front = strip.crop((0, 0, strip.height, strip.height)).resize((THUMBNAIL, THUMBNAIL))
        stream = io.BytesIO()
        front.save(stream, "WEBP", quality=85)
        return webp_url(stream.getvalue())

    def shown(self) -> tuple[dict[str, Any], str, str]:
        """Turntable, dreams, mesh facts."""
        strip, depth = (webp_url(self.file(suffix).read_bytes()) for suffix in (".webp", ".depth.webp"))
        caption = f"{self.prompt} · ready-made: seed {self.seed}, {self.quality}, {self.seconds:.0f} s"
        turn = turntable_value(strip, self.views, self.prompt, caption, depth)
        dreams = dreams_strip(webp_url(self.file(".dreams.webp").read_bytes()), self.dreams)
        return turn, dreams, mesh_facts(self.statistics)

    def files(self) -> dict[str, str | None]:
        """Its files in every format: the mesh that is stored, and what is made from it and from the
        turntable."""
        return _ready_files(self.slug, self.views)


@load_once
def _ready_files(slug: str, views: int) -> dict[str, str | None]:
    """Make the files of a ready-made object, once, whoever asks at the same time."""
    with Image.open(asset(FOLDER, f"{slug}.webp")) as strip:
        frames = np.stack(np.split(np.asarray(strip.convert("RGB")), views, axis=1))
    return write_files(slug, frames, Mesh.read(asset(FOLDER, f"{slug}.glb")), Path(_folder().name))


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Where the files of ready-made objects are while this process runs."""
    return tempfile.TemporaryDirectory(prefix="nine-papers-ready-")


def write_files(name: str, frames: np.ndarray, mesh: Mesh | None, folder: Path) -> dict[str, str | None]:
    """Write an object's files, called `name`; returns their paths by suffix, None for those it has not."""
    contents = {"mp4": mp4(frames), "gif": gif(frames)}
    if mesh is not None:
        contents |= {"glb": mesh.glb(), "obj": mesh.obj().encode(), "ply": mesh.ply()}
    files: dict[str, str | None] = dict.fromkeys(FILES)
    for suffix, content in contents.items():
        path = folder / f"{name}.{suffix}"
        path.write_bytes(content)
        files[suffix] = str(path)
    return files


def ready_made() -> list[Ready]:
    """The gallery, in its order."""
    stored = json.loads(asset(FOLDER, "gallery.json").read_text(encoding="utf-8"))
    return [Ready(**entry | {"dreams": tuple(entry["dreams"])}) for entry in stored["objects"]]


def dreams_strip(url: str, names: tuple[str, ...]) -> str:
    """The 2D samples: one strip of pictures side by side, cut by style sheet, with the names under them."""
    count = len(names)
    tiles = "".join(
        f'<figure><div role="img" aria-label="2D sample, {html.escape(name)}" style="background-image:url('
        f"'{url}');background-size:{count * 100}% 100%;background-position:{100 * i / (count - 1):.2f}% 0"
        f'"></div><figcaption>{html.escape(name)}</figcaption></figure>'
        for i, name in enumerate(names)
    )
    return (
        '<section class="np-dreams"><h3>What the 2D model dreams</h3>'
        "<p>Plain samples of the text-to-image model for this prompt. It never draws in 3D: score chaining "
        f"makes one object that agrees with it from every side.</p><div>{tiles}</div></section>"
    )


def mesh_facts(statistics: dict[str, Any] | None) -> str:
    """A small table; `statistics` as of pipelines.sjc.MeshStatistics."""
    if statistics is None:
        return '<p class="np-empty">There is no mesh: the object came out empty.</p>'
    sides = " × ".join(f"{side:.2f}" for side in statistics["size"])
    facts = {
        "Vertices": f"{statistics['vertices']:,}",
        "Faces": f"{statistics['faces']:,}",
        "Parts": f"{statistics['components']}",
        "Closed (watertight)": "yes" if statistics["watertight"] else "no",
        "Width × height × depth": sides,
        "Volume": f"{statistics['volume']:.4f}",
    }
    rows = "".join(f"<tr><th scope='row'>{name}</th><td>{value}</td></tr>" for name, value in facts.items())
    return f"<table class='np-table np-facts'><tbody>{rows}</tbody></table>"
